"""The tables of *Decisions and thresholds* that compare, calibrate and put intervals on scores."""

import re

import numpy as np
import pandas as pd
import pytest
from records import make_record
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from dermbook.errors import DataError
from dermbook.evaluation import Predictions, mcnemar, reliability_bins
from dermbook.publishing import decisions, summaries

TWO = ("benign", "malignant")
THREE = ("mel", "nv", "bcc")


def made(truth, probabilities, classes, groups=None, *, model="m", part="test"):
    values = np.asarray(probabilities, dtype="float64")
    ids = pd.Index([f"I{row:03}" for row in range(len(values))], name="image_id")
    table = pd.DataFrame(values, index=ids, columns=list(classes))
    table.insert(0, "truth", list(truth))
    table.insert(1, "group", list(ids) if groups is None else [str(each) for each in groups])
    return Predictions(table, classes, model, part, "made-up", "f" * 64, True)


def drawn(gain, *, n=160, classes=TWO, heat=1.0, lesions=70, seed=0, model="m", part="test"):
    """Predictions of n images of some lesions: more gain, more right; more heat, more confident."""
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, lesions, n))
    codes = rng.integers(0, len(classes), lesions)[groups]
    noise = np.random.default_rng(sum(map(ord, model + part)))
    logits = gain * np.eye(len(classes))[codes] + noise.normal(size=(n, len(classes)))
    values = np.exp(heat * logits)
    values /= values.sum(axis=1, keepdims=True)
    return made(np.array(classes)[codes], values, classes, groups, model=model, part=part)


def test_r4s_metrics_by_hand():
    # alphabetically bcc, mel, nv: the second is mel. Batches of two images.
    values = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3]]
    predictions = made(["mel", "nv", "nv", "mel"], values, THREE)
    table = decisions.r4_metrics(predictions, batch_size=2).set_index("score")
    assert table.loc["precision", "counted"] == "mel"
    # first batch: one of two called mel is mel; second batch: none is called mel (.4 is below ½)
    assert table.loc["precision", "batches"] == pytest.approx((1 / 2 + 0) / 2)
    assert table.loc["precision", "part"] == pytest.approx(1 / 2)
    assert table.loc["recall", "batches"] == pytest.approx((1 + 0) / 2)
    assert table.loc["recall", "part"] == pytest.approx(1 / 2)
    # F1 of all classes: 1 hit of 2 answers and 2 truths, then 1 of 1 and 2
    assert table.loc["f1", "batches"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert table.loc["f1", "part"] == pytest.approx(2 * 2 / (3 + 4))
    # by the most probable class mel has 2 of 3 and 2 of 2, nv 1 of 1 and 1 of 2
    assert table.loc["precision", "named"] == pytest.approx((2 / 3 + 1) / 2)
    assert table.loc["recall", "named"] == pytest.approx((1 + 1 / 2) / 2)


def test_r4s_printed_matrix_is_all_of_its_test_part():
    frame = decisions.r4_confusion()
    assert frame["count"].sum() == 998
    assert frame[frame["truth"] == "nv"]["count"].sum() == 670
    assert frame[(frame["truth"] == "nv") & (frame["predicted"] == "nv")]["count"].item() == 395


def test_the_report_has_every_class_once():
    report = decisions.class_report(drawn(2.0, classes=THREE))
    assert report.groupby("class").size().to_dict() == dict.fromkeys(THREE, 4)
    shown = summaries.class_scores(report)
    assert shown["class"].tolist() == list(THREE)
    assert shown["images"].sum() == 160


def test_intervals_of_the_rarest_classes():
    truth = ["mel"] * 3 + ["nv"] * 20 + ["bcc"] * 9
    values = np.eye(3)[[0, 0, 1] + [1] * 20 + [2] * 9]
    predictions = made(truth, values, THREE, groups=[0, 0, 1, *range(2, 31)])
    assert decisions.rarest_class(predictions) == "mel"
    table = decisions.rare_intervals(predictions, resamples=300)
    wilson = table[table["method"] == "Wilson"]
    assert wilson["model"].tolist() == ["R3 ResNet18", "R3 ResNet50", "m (phantom)"]
    assert wilson["right"].tolist() == [6, 8, 2]
    assert wilson["images"].tolist() == [11, 11, 3]
    for row in wilson.itertuples():
        expected = binomtest(row.right, row.images).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high))
    lesions = table[table["method"] == "percentile bootstrap of lesions"]
    assert lesions["value"].tolist() == [pytest.approx(2 / 3)]


def test_a_class_without_an_image_is_not_the_rarest():
    assert decisions.rarest_class(made(["nv", "nv", "bcc"], np.eye(3), THREE)) == "bcc"


def test_areas_and_their_bands_are_of_the_same_model():
    binary = drawn(1.0)
    areas = decisions.areas(binary)
    expected = roc_auc_score(binary.truth_codes, binary.probabilities[:, 1])
    roc = areas[areas["area"] == "ROC AUC"]
    assert roc["value"].tolist() == pytest.approx([expected] * 3)
    by_lesion, bootstrap = roc.iloc[1], roc.iloc[2]
    assert by_lesion["low"] == pytest.approx(bootstrap["low"], abs=0.03)
    assert by_lesion["high"] == pytest.approx(bootstrap["high"], abs=0.03)
    curve = decisions.roc_band(binary, areas, resamples=60)
    assert curve["area_low"].unique().tolist() == [bootstrap["low"]]
    assert (curve["low"] <= curve["high"]).all()
    pr = decisions.pr_band(binary, areas, resamples=60)
    assert pr["area_high"].unique().tolist() == [areas.iloc[3]["high"]]


def test_an_overconfident_model_is_cooled_and_decides_alike():
    options = {"n": 1200, "lesions": 700, "classes": THREE, "heat": 4.0, "model": "hot"}
    validation, test = drawn(1.0, part="validation", **options), drawn(1.0, seed=1, **options)
    fitted = decisions.temperatures([validation], resamples=30)
    row = fitted.iloc[0]
    assert 2.5 < row["low"] < row["temperature"] < row["high"] < 6
    assert (row["model"], row["classes"], row["images"]) == ("hot", 3, 1200)
    effects = decisions.temperature_effects([test], fitted, resamples=200).set_index("metric")
    for metric in ("ece", "brier", "log_loss"):
        assert effects.loc[metric, "high"] < 0
        assert effects.loc[metric, "after"] < effects.loc[metric, "before"]
    assert effects.loc["accuracy", ["difference", "low", "high", "changed"]].tolist() == [0] * 4


def test_reliability_before_and_after():
    test = drawn(1.0, classes=THREE, heat=3.0)
    frame = decisions.reliability_pair(test, 3.0)
    assert frame["when"].unique().tolist() == ["as trained", "temperature 3.000"]
    before = frame[frame["when"] == "as trained"].drop(columns="when")
    pd.testing.assert_frame_equal(before, reliability_bins(test))
    after = frame[frame["when"] != "as trained"]
    assert after["count"].sum() == len(test)
    assert np.average(after["confidence"].fillna(0), weights=after["count"]) < np.average(
        before["confidence"].fillna(0), weights=before["count"]
    )


def test_every_test_once_with_the_image_and_once_with_the_lesion():
    first, second = drawn(0.5, model="one"), drawn(1.5, model="two")
    table = decisions.paired_tests(first, second, resamples=200)
    assert table["pair"].unique().tolist() == ["two minus one"]
    rows = table.set_index(["score", "test"])
    found = mcnemar(first, second)
    assert rows.loc[("accuracy", "McNemar, exact"), "p"] == found.p_value
    assert rows.loc[("accuracy", "McNemar, mid-p"), "p"] == found.mid_p
    accuracies = [(each.predicted_codes == each.truth_codes).mean() for each in (first, second)]
    for test in rows.loc["accuracy"].index:
        difference = rows.loc[("accuracy", test), "difference"]
        assert difference == pytest.approx(accuracies[1] - accuracies[0])
    delong, bootstrap = (rows.loc[("roc_auc", name)] for name in ("DeLong", "bootstrap of images"))
    assert delong["difference"] == pytest.approx(bootstrap["difference"])
    assert delong["high"] - delong["low"] == pytest.approx(
        bootstrap["high"] - bootstrap["low"], rel=0.25
    )
    assert set(table["unit"]) == {"image", "lesion"}
    both = decisions.all_tests(
        [(first, second), (drawn(1, classes=THREE), drawn(2, classes=THREE, model="n"))],
        resamples=50,
    )
    assert both.groupby("pair", sort=False).size().tolist() == [9, 5]


def test_models_of_other_images_are_not_compared():
    with pytest.raises(DataError, match="do not match"):
        decisions.paired_tests(drawn(1.0), drawn(1.0, n=150, model="n"), resamples=10)


def test_discordant_images_add_up():
    first, second = drawn(0.7, classes=THREE), drawn(1.4, classes=THREE, model="n")
    rare = decisions.rarest_class(first)
    table = decisions.discordant(first, second, rare)
    assert table["images_of"].tolist() == ["all classes", rare]
    counts = table[["both", "only_first", "only_second", "neither"]].sum(axis=1)
    assert counts.tolist() == table["images"].tolist()
    assert table["images"].tolist() == [160, (first.table["truth"] == rare).sum()]


def test_each_alone_has_as_many_lesions_as_images():
    predictions = drawn(1.0)
    alone = decisions.each_alone(predictions)
    assert alone.table["group"].nunique() == len(predictions)
    assert predictions.table["group"].nunique() < len(predictions)


def test_sentences_of_a_run_and_of_an_older_record():
    first, second = drawn(0.5, model="one"), drawn(1.5, model="two")
    seven = drawn(1.0, classes=THREE, model="three")
    validation = drawn(1.0, classes=THREE, model="three", part="validation")
    thresholds = decisions.chosen_thresholds(
        drawn(1.0, part="validation"), second, "malignant", cost=10, sensitivity=0.9
    )
    older = {
        "chance": decisions.chance_table(seven, permutations=20),
        "averages": decisions.averages(seven),
        "recalls": decisions.recall_intervals(seven),
        "thresholds": thresholds,
    }
    fitted = decisions.temperatures([validation], resamples=10)
    newer = {
        "own-metrics": decisions.r4_metrics(seven),
        "temperatures": fitted,
        "temperature-effects": decisions.temperature_effects([seven], fitted, resamples=20),
        "paired-tests": decisions.paired_tests(first, second, resamples=20),
    }
    as_lists = {
        name: {column: frame[column].replace({np.nan: None}).tolist() for column in frame}
        for name, frame in (older | newer).items()
    }
    before = summaries.decisions(make_record(series={name: as_lists[name] for name in older}))
    after = summaries.decisions(make_record(series=as_lists))
    assert len(before) == 4
    assert len(after) == 7
    assert any("0 decisions changed" in sentence for sentence in after)
    assert any("DeLong's interval" in sentence for sentence in after)
    # a whole word: "malignant" holds one, too
    assert not any(re.search(r"\bnan\b", sentence) for sentence in after)
