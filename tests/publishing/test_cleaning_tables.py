"""The tables of the data-cleaning chapter, against counts made by hand."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data import cleaning as tools
from dermbook.data import phantom
from dermbook.evaluation import wilson
from dermbook.publishing import cleaning


@pytest.fixture(scope="module")
def known():
    """Described pairs with made-up values on a real phantom: no picture is drawn."""
    collection = phantom(200, height=32, width=32, seed=0, near_duplicates=4, label_noise=0.1)
    copies = collection.table["near_duplicate_of"].dropna()
    rows = [(original, copy, 3.0, 1.0, 0.95, 0.5, 30) for copy, original in copies.items()]
    strangers = [i for i in collection.ids if i not in copies.index and i not in copies.to_numpy()]
    table = collection.table.loc[strangers].drop_duplicates("group")
    first, second, third = table.index[:3]
    rows += [(first, second, 7.0, np.nan, 0.6, np.nan, 6), (first, third, np.nan, 4.0, 0.2, 0.1, 0)]
    columns = ["image_id", "other", "distance", "gradient", "cosine", "words", "matches"]
    pairs = tools.describe_pairs(collection, pd.DataFrame(rows, columns=columns))
    return cleaning.Search(
        collection,
        pairs.assign(mirrored=False, detail=0.9, confirmed=pairs["matches"] >= 10),
        np.zeros((200, 2)),
        "made up",
    )


def test_curves_count_copies_and_strangers(known):
    curve = cleaning.threshold_curves(known).set_index(["method", "threshold"])
    at_3 = curve.loc[("perceptual hash, bits", 3)]
    at_7 = curve.loc[("perceptual hash, bits", 7)]
    assert at_3[["found", "planted", "false_alarms"]].tolist() == [4, 4, 0]
    assert at_7["precision"] == pytest.approx(4 / 5)
    assert (at_7["precision_low"], at_7["precision_high"]) == pytest.approx(wilson(4, 5))
    assert curve.loc[("perceptual hash, bits", 2), "recall"] == 0
    assert curve.loc[("matching keypoints", 6), "false_alarms"] == 1
    assert curve.loc[("matching keypoints", 7), "f1"] == 1


def test_a_threshold_is_the_middle_of_the_best(known):
    curves = cleaning.threshold_curves(known)
    chosen = cleaning.chosen_thresholds(curves, curves).set_index("method")
    assert chosen.loc["perceptual hash, bits", "threshold"] == 5  # of 3, 4, 5, 6 the upper middle
    assert cleaning.marked(curves, chosen.reset_index())["chosen"].notna().all()


def test_confirmed_pairs_by_search_and_merged_lesions(known):
    counts = cleaning.across_counts(known).set_index("search")
    assert counts.loc["all together", "across"] == 4
    assert counts.loc["perceptual hash", "proposed"] == 5
    merged = cleaning.merged(known).iloc[0]
    assert merged["lesions"] - merged["lesions_merged"] == merged["lesion_pairs"] == 4
    split = cleaning.split_table(known)
    assert split["shared_lesions"].sum() == 0
    assert 0 < split["shared_merged"].sum() <= 4  # seed 0 divides some of the four copies
    report = cleaning.report(known)
    assert report["dropped"].tolist() == [0, 0, 4]


def test_review_of_a_perfect_and_of_a_useless_order(known):
    wrong = known.collection.table["label_is_corrupted"]
    perfect = pd.DataFrame({"image_id": wrong.sort_values(ascending=False).index, "flagged": False})
    perfect.loc[:19, "flagged"] = True
    scores = cleaning.review_scores(known.collection, perfect).set_index("what")["value"]
    assert scores.iloc[:3].tolist() == [1, 1, 1]
    assert scores.iloc[3] == pytest.approx(0.1)
    curve = cleaning.review_curve(known.collection, perfect)
    model = curve[curve["order"] == "model"].set_index("reviewed")["found"]
    assert model[0.1] == 1
    assert model[0.05] == pytest.approx(0.5)


def test_quality_marks_in_one_row():
    marks = ["3 Wrongly labelled"] * 2 + ["1 Diagnostic"] * 8 + [None] * 90
    table = pd.DataFrame({"qc": marks, "url": ["x"] * 99 + [None]})
    row = cleaning.qc_summary(table).iloc[0]
    assert row[["rows", "reviewed", "wrong", "kept"]].tolist() == [100, 10, 2, 97]
    assert row["expected"] == pytest.approx(0.2 * 90)
    assert row["expected_high"] == pytest.approx(wilson(2, 10)[1] * 90)


def test_the_published_table_gives_the_reports_figures(shared_data):
    table = pd.read_csv(shared_data / "fitzpatrick17k.csv", index_col="md5hash")
    row = cleaning.qc_summary(table).iloc[0]
    assert row[["rows", "reviewed", "wrong", "no_url", "kept"]].tolist() == [
        *(16_577, 504, 17, 41, 16_519)
    ]
    assert row["value"] == pytest.approx(17 / 504)


def test_fill_summary_is_of_the_divisions():
    shifts = pd.DataFrame({"all_rows": 50.0, "shift": np.linspace(-1, 1, 201), "filled": 3})
    row = cleaning.fill_summary(shifts).iloc[0]
    assert (row["low"], row["high"], row["largest"]) == pytest.approx((-0.95, 0.95, 1))
    histogram = cleaning.shift_histogram(shifts, bands=10)
    assert histogram["count"].sum() == 201


def test_reviewed_rows_beside_the_others():
    table = pd.DataFrame(
        {"qc": ["1 Diagnostic"] * 10 + [None] * 90, "site": ["a"] * 4 + ["b"] * 51 + ["a"] * 45}
    )
    rows = cleaning.qc_alike(table).set_index("category")
    assert rows["reviewed"].to_dict() == {"a": 4, "b": 6}
    assert rows.loc["a", "value"] == pytest.approx(0.4)
    assert rows.loc["a", "others"] == pytest.approx(0.5)


def test_a_search_from_end_to_end():
    collection = phantom(80, height=96, width=128, seed=0, near_duplicates=6)
    found = cleaning.search(collection, height=96, width=128)
    copies = collection.table["near_duplicate_of"].dropna()
    confirmed = found.pairs[found.pairs["confirmed"]]
    pairs = {*zip(confirmed["image_id"], confirmed["other"], strict=True)}
    assert {(original, copy) for copy, original in copies.items()} <= pairs
    kinds = tools.planted_kind(collection, confirmed)
    assert (kinds != "unrelated").all()
    table = cleaning.across_table(found)
    assert table["detail"].min() > 0.4  # at another size than it was confirmed at
    kinds = cleaning.copy_kinds(found).set_index("kind")["pairs"]
    assert kinds["identical"] == 0
    assert kinds["as it is"] >= 6
    scores = cleaning.review_scores(collection, cleaning.doubt(found, folds=3))
    assert scores["n"].iloc[-1] == 80
