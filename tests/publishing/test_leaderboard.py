"""The leaderboard and the chapter's own tables: nothing typed, phantom never unnamed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from records import make_record
from sklearn.metrics import cohen_kappa_score, f1_score

from dermbook.evaluation import Predictions
from dermbook.paths import book_root
from dermbook.publishing import decisions, summaries
from dermbook.publishing.header import read_headers
from dermbook.publishing.leaderboard import (
    COLUMNS,
    best_of,
    largest_class,
    leaderboard,
    only,
    protocol_in_words,
    record_rows,
    wide,
)
from dermbook.publishing.leaderboard_page import load, record_lines
from dermbook.publishing.record import Metric, Model, published_records
from dermbook.publishing.reported import load_reported
from dermbook.publishing.reported_figures import every_figure, reported_rows, three_methods


@pytest.fixture
def predictions(small_phantom):
    """A model that is right about two times in three, on 210 phantom images."""
    rng = np.random.default_rng(0)
    codes = small_phantom.codes()
    scores = rng.random((len(codes), 7))
    right = rng.random(len(codes)) < 0.66
    scores[right, codes[right]] += 1
    scores /= scores.sum(axis=1, keepdims=True)
    return Predictions.from_probabilities(
        small_phantom.ids, scores, small_phantom, model="guess", part="test"
    )


def metric(model, name, value, *, part="test", class_="", n=1500):
    low, high = value - 0.02, value + 0.02
    return Metric(model=model, part=part, metric=name, class_=class_, value=value, low=low,
                  high=high, n=n)  # fmt: skip


def model(task="7 classes", *, phantom=False, protocol="lesion-grouped", collection=None):
    return Model(
        task=task, classes=[], phantom=phantom, protocol=protocol,
        collection=collection or ("phantom" if phantom else "ham10000"),
    )  # fmt: skip


@pytest.fixture
def empty_book(tmp_path, monkeypatch):
    """A book with the reports' claims, and neither chapters nor Records."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("")
    (tmp_path / "book").mkdir()
    reported = book_root() / "book" / "reported.yaml"
    (tmp_path / "book" / "reported.yaml").symlink_to(reported)
    monkeypatch.setenv("DERMBOOK_ROOT", str(tmp_path))
    return tmp_path


def test_rows_carry_task_data_interval_and_provenance():
    (row,) = record_rows(make_record(), "published")
    assert row["model"] == "r2-cnn"
    assert (row["value"], row["low"], row["high"], row["n"]) == (0.72, 0.70, 0.74, 1500)
    assert row["task"] == "7 classes"
    assert row["data"] == "ham10000"
    assert row["protocol"] == "clean: lesions kept together"
    assert row["commit"] == "abc123def"
    by_class = Metric(model="r2-cnn", part="test", metric="accuracy", class_="mel", value=1.0)
    assert len(record_rows(make_record(metrics=[by_class]), "published")) == 0


def test_arms_without_predictions_are_no_models_but_outlines_are():
    arm = metric("texture-plain", "accuracy", 0.5)
    assert record_rows(make_record(metrics=[arm]), "published") == []
    unet = [metric("unet", "dice", 0.9), metric("unet", "dice_pooled", 0.92)]
    rows = record_rows(make_record(chapter="segmentation", metrics=unet, models={}), "published")
    assert [row["metric"] for row in rows] == ["dice", "dice_pooled"]
    assert {row["task"] for row in rows} == {"segmentation"}
    assert {row["protocol"] for row in rows} == {"clean: lesions kept together"}


@pytest.mark.parametrize(
    ("split", "name", "words"),
    [
        ("lesion-grouped", "a", "clean: lesions kept together"),
        ("group-k-fold", "a", "clean: lesions kept together"),
        ("r3", "a", "leaky: photographs of one lesion on both sides (M3)"),
        ("", "a", "not stated"),
        # the coarser label among the inputs leaks on any split
        (
            "lesion-grouped",
            "mi-image+nine-partitions",
            "leaky: the answer is among the inputs (M14)",
        ),
    ],
)
def test_protocols_in_plain_words(split, name, words):
    assert protocol_in_words(split, name) == words


def test_a_model_on_a_real_name_with_phantom_images_is_called_phantom():
    record = make_record(models={"r2-cnn": model(phantom=True, collection="harvest")})
    assert record_rows(record, "this run")[0]["data"] == "harvest (phantom)"


def test_every_reported_test_score_is_there_without_an_interval():
    rows = pd.DataFrame(reported_rows(), columns=list(COLUMNS))
    r3 = rows[(rows["model"] == "R3 ResNet18") & (rows["metric"] == "accuracy")]
    assert r3["value"].tolist() == pytest.approx([0.8802])
    assert rows["low"].isna().all()
    assert (rows["source"] == "reported").all()
    assert not rows.duplicated(["model", "protocol", "metric"]).any()
    # nothing of what a later table repeats was of another value
    claims = load_reported().claims(report="R0")
    repeated = claims[claims["part"] == "test"].groupby(["model", "metric"])["value"]
    assert (repeated.nunique() == 1).all()


def test_micro_f1_counts_as_accuracy_where_none_is_given():
    rows = pd.DataFrame(reported_rows(), columns=list(COLUMNS)).set_index(["model", "metric"])
    assert rows.loc[("R0 CNN", "accuracy"), "value"].item() == 0.190
    # R4 gives both: .8697 is the accuracy, .8642 a mean over batches
    r4 = rows.loc[("R4 ResNet50V2", "accuracy")]
    assert sorted(r4["value"].round(4)) == [0.43, 0.8697]


@pytest.mark.parametrize(
    ("name", "lesson"),
    [
        ("R3 ResNet18", "(M11)"),
        ("R3 ResNet50", "(M11)"),
        ("R2 MobileNetV2", "(M3)"),
        ("R1 InceptionV3 Adam", "(M3)"),
        ("R0 EfficientNetB3", "(M16)"),
        ("R0 Multi-input simple", "(M14)"),
        ("R0 Multi-input simple, Adam", "(M14)"),
        ("R4 VGG16 without class weights", "(M2)"),
    ],
)
def test_what_leaks_in_a_report_is_named(name, lesson):
    rows = pd.DataFrame(reported_rows(), columns=list(COLUMNS))
    (protocol,) = rows.loc[rows["model"] == name, "protocol"].unique()
    assert protocol.startswith("leaky: ")
    assert lesson in protocol


def test_other_works_are_named_without_the_report_and_do_not_leak():
    rows = pd.DataFrame(reported_rows(), columns=list(COLUMNS))
    romero = rows[rows["model"].str.startswith("Romero")]
    assert romero["model"].nunique() == 3
    assert set(romero["data"]) == {"ISIC 2016"}
    assert (romero["protocol"] == "not stated: another collection").all()


def test_a_board_joins_published_runs_and_claims(empty_book):
    make_record().save(empty_book / "book/results/laptop/cnn-from-scratch.json")
    run = make_record(
        edition="quick", phantom=True, models={"r2-cnn": model(phantom=True)}, answers=[]
    )
    run.save(empty_book / "_build/quick/records/cnn-from-scratch.json")
    board = leaderboard("quick")
    assert set(board["source"]) == {"published", "this run", "reported"}
    # what this build has run replaces what was published of the same edition, and only that
    other = make_record(chapter="augmentation", answers=[])
    other.save(empty_book / "book/results/laptop/augmentation.json")
    make_record(answers=[]).save(empty_book / "_build/laptop/records/cnn-from-scratch.json")
    laptop = leaderboard("laptop")
    ours = laptop[laptop["source"] != "reported"].set_index("chapter")["source"]
    assert ours.to_dict() == {"cnn-from-scratch": "this run", "augmentation": "published"}
    ordered = only(board, "accuracy", "7 classes")
    assert ordered["value"].is_monotonic_decreasing
    assert {"published", "this run", "reported"} == set(ordered["source"])
    lines = record_lines("quick").set_index(["chapter", "source"])
    assert lines.loc[("cnn-from-scratch", "this run"), "data"] == "phantom"
    assert lines.loc[("cnn-from-scratch", "published"), "models"] == 1


def test_a_line_a_model_loses_no_score():
    board = pd.DataFrame(
        record_rows(
            make_record(
                models={"a": model(), "b": model("malignant or benign")},
                metrics=[
                    metric("a", "accuracy", 0.7), metric("a", "balanced_accuracy", 0.5),
                    metric("b", "accuracy", 0.8), metric("b", "balanced_accuracy", 0.6),
                    metric("b", "recall", 0.4, class_="malignant", n=293),
                    metric("b", "recall", 0.9, class_="benign", n=1207),
                ],
            ),
            "published",
        ) + reported_rows(),
        columns=COLUMNS,
    )  # fmt: skip
    table = wide(board)
    assert not table.duplicated(["source", "model", "task", "data", "protocol"]).any()
    ours = table.set_index("model").loc["b"]
    assert (ours["sensitivity"], ours["images"]) == (0.4, 1500)
    assert (ours["accuracy_low"], ours["accuracy_high"]) == pytest.approx((0.78, 0.82))
    values = [name for name in table.columns if f"{name}_low" in table.columns]
    assert int(table[values].notna().sum().sum()) == int(board["value"].notna().sum())
    assert list(table["balanced_accuracy"].dropna()) == sorted(
        table["balanced_accuracy"].dropna(), reverse=True
    )


def board_of(*rows, part="test"):
    """(source, chapter, model, value) of seven-class accuracies or validation scores."""
    frame = pd.DataFrame(rows, columns=["source", "chapter", "model", "value"])
    frame = frame.assign(
        task="7 classes", edition="laptop", part=part, protocol="", low=np.nan, high=np.nan, n=10,
        metric="accuracy" if part == "test" else "balanced_accuracy", hardware="", commit="",
        data=np.where(frame["source"] == "this run", "phantom", "ham10000"),
    )  # fmt: skip
    return frame[COLUMNS]


def test_the_figure_shows_what_validation_chose_not_what_the_test_part_likes():
    test = board_of(
        ("published", "x", "lucky", 0.9), ("published", "x", "steady", 0.8),
        ("published", "y", "alone", 0.5),
        ("published", "z", "p", 0.6), ("published", "z", "q", 0.7),
        ("this run", "x", "ph1", 0.3), ("this run", "y", "ph2", 0.2),
        ("reported", "", "R3 a", 0.88), ("reported", "", "R3 b", 0.87),
        ("reported", "", "R3 c", 0.1),
        ("reported", "", "R4 d", 0.8697), ("reported", "", "R4 d again", 0.86974),
    )  # fmt: skip
    validation = board_of(
        ("published", "x", "lucky", 0.5), ("published", "x", "steady", 0.6),
        ("this run", "x", "ph1", 0.3), ("this run", "y", "ph2", 0.4),
        part="validation",
    )  # fmt: skip
    best = best_of(test, validation, "accuracy", "7 classes", phantoms=1, claimed=2)
    # z has two models and nothing to choose by, so it shows none
    assert list(best["model"]) == ["R3 a", "R3 b", "R4 d again", "steady", "alone", "ph2"]
    assert list(best.columns) == COLUMNS


def test_the_largest_class_sets_the_bar(empty_book):
    support = [
        Metric(model="r2-cnn", part="test", metric="support", class_=name, value=value)
        for name, value in (("nv", 67.0), ("mel", 33.0))
    ]
    make_record(metrics=support).save(empty_book / "book/results/laptop/a.json")
    phantom = make_record(
        chapter="b", models={"r2-cnn": model(phantom=True)}, edition="quick",
        metrics=[support[0].model_copy(update={"value": 900.0})],
    )  # fmt: skip
    phantom.save(empty_book / "_build/quick/records/b.json")
    # the phantom counts only where nothing is real
    assert largest_class("quick", "7 classes") == 0.67
    assert largest_class("quick", "malignant or benign") is None


def test_every_figure_of_the_reports_is_listed_once():
    figures = every_figure("quick")
    claims = load_reported().claims()
    assert len(figures) == len(claims)
    assert list(figures["stated"]) == [str(text) for text in claims["stated"]]
    assert set(figures["report"]) == {"R0", "R1", "R2", "R3", "R4"}
    assert set(figures["verdict"]) <= {"–", "confirmed", "not confirmed", "cannot be compared"}


def test_r1_beside_the_works_it_quotes():
    test = board_of(("published", "x", "m", 0.7)).assign(task="malignant or benign")
    more = [test.assign(metric=name, value=0.5) for name in ("sensitivity", "precision")]
    table = three_methods(pd.concat([test, *more]), test)
    stated = table[table["whose"] == "as R1 states it"].iloc[0]
    assert (stated["sensitivity"], stated["accuracy"], stated["precision"]) == (0.82, 0.89, 0.81)
    matrix = table[table["whose"] == "from R1's confusion matrix"].iloc[0]
    assert matrix["sensitivity"] == pytest.approx(200 / 272)
    assert matrix["precision"] == pytest.approx(200 / 248)
    assert matrix["accuracy"] == pytest.approx(882 / 1002)
    # Wilson's interval of 200 of 272, as the inventory states it
    assert (matrix["sensitivity_low"], matrix["sensitivity_high"]) == pytest.approx(
        (0.680, 0.784), abs=5e-4
    )
    quoted = table[table["whose"] == "as R1 quotes it"].set_index("model")["sensitivity"]
    assert quoted.to_dict() == {
        "Romero López M1": 0.5799,
        "Romero López M2": 0.3311,
        "Romero López M3": 0.7866,
    }
    assert table["model"].iloc[-1] == "m"


def test_the_chapter_waits_for_every_chapter_that_scores_models():
    records = published_records()
    needs = set(read_headers()["leaderboard"].needs)
    scored = {record.chapter for record in records if record_rows(record, "")}
    assert scored <= needs, f"add to the leaderboard's needs: {sorted(scored - needs)}"


def test_r1_recomputed_is_the_arithmetic_of_its_matrix():
    table = decisions.r1_recomputed().set_index("score")
    assert table.loc["accuracy", "recomputed"] == pytest.approx(882 / 1002)
    assert table.loc["precision (malignant)", "recomputed"] == pytest.approx(200 / 248)
    assert table.loc["recall (malignant)", "recomputed"] == pytest.approx(200 / 272)
    assert table.loc["specificity (malignant)", "recomputed"] == pytest.approx(682 / 730)
    assert table.loc["recall (malignant)", "low"] == pytest.approx(0.680, abs=5e-4)
    assert table.loc["recall (malignant)", "high"] == pytest.approx(0.784, abs=5e-4)
    assert table.loc["precision (malignant)", "printed"] == "80.64253%"


def test_published_matrices_are_at_chance_and_a_working_model_is_not(predictions):
    table = decisions.chance_table(predictions, permutations=200)
    kappa = table.set_index("matrix")["kappa"]
    assert kappa["R4 ResNet50V2, as published"] == pytest.approx(-0.008, abs=5e-4)
    assert kappa["guess (phantom), ours"] == pytest.approx(
        cohen_kappa_score(predictions.truth_codes, predictions.predicted_codes)
    )
    assert abs(kappa["guess (phantom), labels shuffled on purpose"]) < 0.12
    assert table["p"].iloc[2] < 0.01 < table["p"].iloc[1]


def test_shuffling_keeps_the_margins(predictions):
    from dermbook.evaluation import confusion

    ours, shuffled = confusion(predictions), decisions.shuffled_truth(predictions, seed=1)
    assert (ours.sum(axis=1).to_numpy() == shuffled.sum(axis=1).to_numpy()).all()
    assert (ours.sum(axis=0).to_numpy() == shuffled.sum(axis=0).to_numpy()).all()


def test_kappas_of_shuffled_labels_are_centred_on_zero(predictions):
    table = decisions.kappa_histogram(predictions, permutations=300)
    assert table["count"].sum() == 300
    centre = np.average((table["left"] + table["right"]) / 2, weights=table["count"])
    assert abs(centre) < 0.01
    assert table["observed"].nunique() == 1


def test_a_mean_over_batches_is_not_the_macro_f1(predictions):
    truth, predicted = predictions.truth_codes, predictions.predicted_codes
    one_batch = decisions.batch_mean_f1(predictions, batch_size=len(truth))
    assert one_batch == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert decisions.batch_mean_f1(predictions, batch_size=16) != pytest.approx(one_batch, abs=1e-3)
    scores = decisions.averages(predictions).set_index("metric")["value"]
    assert scores["f1_micro"] == pytest.approx(scores["accuracy"])


def test_recalls_of_r3_are_its_counts(predictions):
    table = decisions.recall_intervals(predictions).set_index(["model", "class"])
    df = table.loc[("R3 ResNet18", "df")]
    assert (df["value"], df["n"]) == (pytest.approx(6 / 11), 11)
    assert (df["low"], df["high"]) == (pytest.approx(0.28, abs=5e-3), pytest.approx(0.79, abs=5e-3))
    assert len(table) == 21


def test_thresholds_are_chosen_on_validation_and_counted_on_test(small_phantom):
    rng = np.random.default_rng(3)
    two = small_phantom.relabel(
        {
            name: "malignant" if name in ("mel", "bcc", "akiec") else "benign"
            for name in small_phantom.classes
        },
        ("benign", "malignant"),
    )
    parts = {}
    for part, ids in (("validation", two.ids[:100]), ("test", two.ids[100:])):
        truth = two.codes(ids)
        p = np.clip(0.35 * truth + 0.65 * rng.random(len(ids)), 0, 1)
        parts[part] = Predictions.from_probabilities(ids, p, two, model="m", part=part)
    table = decisions.chosen_thresholds(
        parts["validation"], parts["test"], "malignant", cost=10, sensitivity=0.9
    )
    half = table.iloc[0]
    p, truth = parts["test"].probabilities[:, 1], parts["test"].truth_codes
    assert half["missed"] == ((p < 0.5) & (truth == 1)).sum()
    assert half["false_alarms"] == ((p >= 0.5) & (truth == 0)).sum()
    cheap = table.iloc[1]
    # a dear miss moves the threshold down
    assert cheap["threshold"] < 0.5
    assert cheap["missed"] <= half["missed"]
    validation = parts["validation"]
    chosen = validation.probabilities[:, 1] >= table.iloc[2]["threshold"]
    assert chosen[validation.truth_codes == 1].mean() >= 0.9
    assert "27.1%" in decisions.prevalence_differs(parts["test"])


def test_sentences_are_computed_from_the_record():
    series = {
        "classes": {"class": ["nv", "df"], "count": [90, 10], "percent": [90.0, 10.0]},
        "photographs": {"photographs": [1, 2], "lesions": [60, 20], "images": [60, 40]},
        "missing": {"column": ["age", "sex"], "missing": [3, 1], "percent": [3.0, 1.0]},
        "age-summary": {"class": ["nv", "df", "all"], "median": [40.0, 60.0, 45.0]},
    }
    text = " ".join(summaries.exploration(make_record(series=series)))
    assert "90.0 % of the 100 images, 9 times as many as `df`" in text
    assert "balanced accuracy of .500" in text
    assert "80 lesions" in text
    assert "40% of the images" in text
    assert "from 40 (`nv`) to 60 years (`df`)" in text
    assert "`age`: 3 rows" in text


def test_scores_by_class_become_one_row_a_class():
    rows = [
        ("m", "precision", "mel", 0.5, 0.4, 0.6),
        ("m", "recall", "mel", 0.25, None, None),
        ("m", "support", "mel", 12.0, None, None),
        ("m", "roc_auc", "mel", 0.9, 0.8, 1.0),
    ]
    frame = pd.DataFrame(rows, columns=["model", "metric", "class", "value", "low", "high"])
    (line,) = summaries.class_scores(frame).to_dict("records")
    assert line["images"] == 12
    assert line["precision"] == ".500 (.400–.600)"
    assert line["recall"] == ".250"
    assert "roc_auc" not in line


@pytest.mark.parametrize(("edition", "needed"), [("laptop", ["a-chapter"]), ("quick", [])])
def test_published_records_of_the_edition_say_whether_it_is_real(monkeypatch, edition, needed):
    """Without them a run that took every score from published Records would count as phantom."""
    record = make_record(
        chapter="a-chapter", edition="laptop", models={"a": model()},
        metrics=[metric("a", "accuracy", 0.7)],
    )  # fmt: skip
    home = "dermbook.publishing.leaderboard_page"
    monkeypatch.setattr(f"{home}.records", lambda _: [("published", record)])
    seen = []
    chapter = SimpleNamespace(
        edition=edition, needed_record=seen.append, add_series=lambda *_: None
    )
    load(chapter)
    assert seen == needed
