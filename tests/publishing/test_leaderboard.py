"""The leaderboard and the chapter's own tables: nothing typed, phantom never unnamed."""

import numpy as np
import pandas as pd
import pytest
from records import make_record
from sklearn.metrics import cohen_kappa_score, f1_score

from dermbook.evaluation import Predictions
from dermbook.paths import book_root
from dermbook.publishing import decisions, summaries
from dermbook.publishing.leaderboard import COLUMNS, leaderboard, only, record_rows, reported_rows
from dermbook.publishing.record import Metric


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


def test_rows_carry_task_data_interval_and_provenance():
    (row,) = record_rows(make_record(), "published")
    assert row["model"] == "r2-cnn"
    assert (row["value"], row["low"], row["high"], row["n"]) == (0.72, 0.70, 0.74, 1500)
    assert row["task"] == "7 classes"
    assert row["data"] == "ham10000"
    assert row["protocol"] == "lesion-grouped"
    assert row["commit"] == "abc123def"
    by_class = Metric(model="r2-cnn", part="test", metric="accuracy", class_="mel", value=1.0)
    assert len(record_rows(make_record(metrics=[by_class]), "published")) == 0


def test_every_reported_test_score_is_there_without_an_interval():
    rows = pd.DataFrame(reported_rows(), columns=list(COLUMNS))
    r3 = rows[(rows["model"] == "R3 ResNet18") & (rows["metric"] == "accuracy")]
    assert r3["value"].tolist() == pytest.approx([0.8802])
    assert rows["low"].isna().all()
    assert (rows["source"] == "reported").all()


def test_a_board_joins_published_runs_and_claims(tmp_path, monkeypatch):
    reported = book_root() / "book" / "reported.yaml"
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "reported.yaml").symlink_to(reported)
    monkeypatch.setenv("DERMBOOK_ROOT", str(tmp_path))
    make_record().save(tmp_path / "book/results/laptop/cnn-from-scratch.json")
    run = make_record(edition="quick", phantom=True)
    run.save(tmp_path / "_build/quick/records/cnn-from-scratch.json")
    board = leaderboard("quick")
    assert set(board["source"]) == {"published", "this run", "reported"}
    # an edition's own fresh run replaces what was published of it
    make_record().save(tmp_path / "_build/laptop/records/cnn-from-scratch.json")
    assert set(leaderboard("laptop")["source"]) == {"this run", "reported"}
    ordered = only(board, "accuracy", "7 classes")
    assert ordered["value"].is_monotonic_decreasing
    assert {"published", "this run", "reported"} == set(ordered["source"])
    assert "R3" in set(ordered["data"])


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
