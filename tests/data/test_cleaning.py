"""Cleaning by rules, files, missing values, exact pairs and suspicious labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermbook.data import cleaning, phantom
from dermbook.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def faulty():
    return phantom(
        210, height=48, width=64, seed=0, label_noise=0.1, exact_duplicates=8, near_duplicates=12
    )


def pairs_of(*rows):
    return pd.DataFrame(rows, columns=["image_id", "other"], dtype="str")


# ---- quality marks and rules


def test_published_marks_are_counted_and_dropped(shared_data):
    table = pd.read_csv(shared_data / "fitzpatrick17k.csv").set_index("md5hash")
    marks = cleaning.qc_table(table).set_index("mark")
    assert marks["count"].sum() == 16_577
    assert marks.loc[cleaning.UNREVIEWED, "count"] == 16_577 - 504
    assert marks.loc[cleaning.WRONG, "count"] == 17
    cleaned = cleaning.clean(table, [cleaning.qc_rule(), cleaning.missing_rule("url")])
    assert cleaned.report["dropped"].tolist() == [17, 41]
    assert len(cleaned.data) == 16_519  # the report's 16,506 and 13 dead addresses
    assert len(cleaning.by_qc(table)) == 16_560


def test_unreviewed_rows_stay_and_an_unknown_mark_is_named(small_phantom):
    marks = [cleaning.WRONG, "1 Diagnostic", None] * 70
    marked = replace(small_phantom, table=small_phantom.table.assign(qc=marks))
    kept = cleaning.by_qc(marked)
    assert len(kept) == 140
    assert kept.table["qc"].isna().sum() == 70
    with pytest.raises(DataError, match="no image carries the mark '9 Odd'"):
        cleaning.by_qc(marked, drop=["9 Odd"])
    with pytest.raises(DataError, match="no column 'qc'"):
        cleaning.by_qc(small_phantom)


def test_a_rule_sees_what_the_ones_before_it_left(small_phantom):
    a, b, c = small_phantom.ids[:3]
    rules = [
        cleaning.ids_rule("unreadable", [a]),
        cleaning.copies_rule("copies", pairs_of((a, b), (b, c))),
    ]
    cleaned = cleaning.clean(small_phantom, rules)
    assert cleaned.report["before"].tolist() == [210, 209]
    assert cleaned.report["dropped"].tolist() == [1, 1]  # a is gone, so of b and c only c goes
    assert b in cleaned.data.ids
    assert c not in cleaned.data.ids
    with pytest.raises(DataError, match="would drop every image"):
        cleaning.clean(small_phantom, [cleaning.ids_rule("all", list(small_phantom.ids))])


# ---- files


def test_every_planted_file_fault_is_found_and_nothing_else(small_phantom):
    some = small_phantom.where(ids=small_phantom.ids[:40])
    spoilt, truth = cleaning.plant_file_faults(some, each=2, seed=3)
    assert truth.value_counts().drop("").to_dict() == dict.fromkeys(cleaning.FILE_FAULTS, 2)
    scan = cleaning.scan_files(spoilt)
    assert scan["problem"].tolist() == truth.tolist()
    assert (cleaning.scan_files(some)["problem"] == "").all()
    counts = cleaning.problem_table(scan).set_index("problem")["count"]
    assert counts.to_dict() == dict.fromkeys(cleaning.FILE_FAULTS, 2)
    with pytest.raises(ParameterError, match="each=20"):
        cleaning.plant_file_faults(some, each=20)


def test_sizes_are_no_problem_where_none_is_usual(small_phantom):
    class Sizes:
        def encoded(self, image_id):
            import cv2

            side = 30 + int(image_id[-1])
            return cv2.imencode(".jpg", np.full((side, side, 3), 90, np.uint8))[1].tobytes()

    mixed = replace(small_phantom.where(ids=small_phantom.ids[:10]), source=Sizes())
    scan = cleaning.scan_files(mixed)
    assert (scan["problem"] == "").all()
    assert scan["width"].nunique() == 10


# ---- missing values


def test_the_reports_filling_value_to_the_digit(shared_data):
    table = pd.read_csv(shared_data / "HAM10000_metadata.csv").set_index("image_id")
    assert table["age"].isna().sum() == 57
    assert f"{cleaning.fill_value(table, 'age', strategy='mean'):.6f}" == "51.863828"


def test_filling_uses_train_alone_and_only_where_it_must():
    train = pd.DataFrame({"age": [10.0, 20.0, 60.0, np.nan]})
    test = pd.DataFrame({"age": [np.nan, 80.0], "sex": ["m", "f"]})
    assert cleaning.fill_missing(train, test, "age")["age"].tolist() == [20.0, 80.0]
    assert cleaning.fill_missing(train, test, "age", strategy="mean")["age"].tolist() == [30, 80]
    assert np.isnan(test["age"][0])  # the caller's table is left alone
    with pytest.raises(ParameterError, match="median or mean"):
        cleaning.fill_missing(train, test, "age", strategy="mode")
    with pytest.raises(DataError, match="known 'age'"):
        cleaning.fill_missing(pd.DataFrame({"age": [np.nan]}), test, "age")
    with pytest.raises(DataError, match="table has no column 'age'"):
        cleaning.fill_missing(train, test[["sex"]], "age")


def test_the_shift_is_the_difference_of_the_two_means():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"age": rng.normal(50, 15, 400), "group": [f"g{k // 2}" for k in range(400)]}
    )
    table.loc[:9, "age"] = np.nan
    shifts = cleaning.fill_experiment(table, splits=300, seed=1)
    assert np.allclose(shifts["shift"], shifts["all_rows"] - shifts["train_only"])
    assert (shifts["all_rows"] == table["age"].mean()).all()
    # a mean of a random 80 % lies about the mean of all, sd = s · sqrt((1 − f) / (f n))
    assert abs(shifts["shift"].mean()) < 0.15
    assert shifts["shift"].std() == pytest.approx(15 * np.sqrt(0.2 / (0.8 * 390)), rel=0.25)
    assert 1 < shifts["filled"].mean() < 3  # a fifth of ten


def test_encoding_by_hand():
    train = pd.DataFrame({"site": ["a", "a", "b", None]})
    table = pd.DataFrame({"site": ["a", "b", None, "z"]})
    values = cleaning.encode_target(train, table, ["site"], [1, 0, 1, 0])
    assert values.tolist() == [0.5, 1.0, 0.0, 0.5]  # an unknown site gets the mean of all
    with pytest.raises(DataError, match="no column 'sex'"):
        cleaning.encode_target(train, table, ["sex"], [1, 0, 1, 0])


def test_only_the_encoding_of_all_rows_finds_something_in_nothing(small_phantom):
    targets = small_phantom.table["label"].isin(["mel", "bcc", "akiec"])
    result = cleaning.encoding_experiment(
        small_phantom.table, targets, [["localization", "sex", "age"]], repeats=60, seed=0
    )
    assert result["all_rows"].mean() > 0.8
    assert result["train_only"].mean() == pytest.approx(0.5, abs=3 * result["train_only"].sem())


# ---- exact pairs, groups


def test_exact_duplicates_are_the_planted_ones(faulty):
    found = cleaning.exact_duplicates(faulty)
    planted = faulty.table["duplicate_of"].dropna()
    assert {*zip(found["other"], found["image_id"], strict=True)} == {*planted.items()}
    assert not found["same_group"].any()


def test_three_identical_files_are_three_pairs(small_phantom):
    class Same:
        def signature(self, image_id):
            return "x" if image_id in small_phantom.ids[:3] else image_id

    assert len(cleaning.exact_duplicates(replace(small_phantom, source=Same()))) == 3


def test_groups_are_merged_along_chains(small_phantom):
    lesions = small_phantom.table["group"].drop_duplicates()
    a, b, c, d = lesions.index[:4]
    merged = cleaning.group_by_pairs(small_phantom, pairs_of((a, b), (b, c))).table["group"]
    assert merged[a] == merged[b] == merged[c] == lesions[a] != merged[d]
    assert merged.nunique() == lesions.nunique() - 2
    with pytest.raises(DataError, match="does not have, first 'nobody'"):
        cleaning.group_by_pairs(small_phantom, pairs_of((a, "nobody")))


def test_no_pairs_change_nothing(small_phantom):
    same = cleaning.group_by_pairs(small_phantom, pairs_of())
    assert same.table["group"].tolist() == small_phantom.table["group"].tolist()
    assert cleaning.surplus(small_phantom, pairs_of()) == []


# ---- suspicious labels


def test_out_of_fold_never_saw_the_lesion():
    # every lesion has its own random label and its own place: only its siblings tell the label
    rng = np.random.default_rng(0)
    lesion = np.repeat(np.arange(100), 3)
    codes = rng.integers(0, 2, 100)[lesion]
    vectors = rng.normal(size=(100, 200))[lesion] + 0.01 * rng.normal(size=(300, 200))
    values = cleaning.out_of_fold(vectors, codes, lesion.astype(str), seed=0)
    assert np.allclose(values.sum(axis=1), 1)
    assert (values.argmax(axis=1) == codes).mean() < 0.65
    alone = cleaning.out_of_fold(vectors, codes, np.arange(300).astype(str), seed=0)
    assert (alone.argmax(axis=1) == codes).mean() > 0.8  # siblings in train give it away


def test_suspicions_by_hand():
    values = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.75, 0.25]])
    table = cleaning.suspicions(values, np.array([0, 0, 0, 1, 1]), list("vwxyz"), ["no", "yes"])
    table = table.set_index("image_id")
    # thresholds: no (.9 + .8 + .3) / 3 = .667, yes (.9 + .25) / 2 = .575
    assert table["flagged"].to_dict() == {"z": True, "x": True, "w": False, "v": False, "y": False}
    assert table.index[0] == "z"
    assert table.loc["z", "margin"] == pytest.approx(-0.5)
    assert table.loc["x", "suggested"] == "yes"


def test_planted_label_errors_come_first():
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 300)
    vectors = np.eye(3)[true] * 4 + rng.normal(size=(300, 3))
    given = true.copy()
    wrong = rng.choice(300, 20, replace=False)
    given[wrong] = (given[wrong] + 1) % 3
    ids = [str(k) for k in range(300)]
    values = cleaning.out_of_fold(vectors, given, ids)
    first = cleaning.suspicions(values, given, ids, list("abc"))["image_id"].head(20)
    assert len({*first} & {str(k) for k in wrong}) >= 16  # by chance 1.3


def test_suspicions_by_a_column(small_phantom):
    suspected = pd.DataFrame({"image_id": small_phantom.ids, "flagged": [True, False] * 105})
    counts = cleaning.suspicion_counts(small_phantom.table, suspected, "label")
    assert counts["images"].sum() == 210
    assert counts["flagged"].sum() == 105
    with pytest.raises(DataError, match="vectors hold values that are not finite"):
        cleaning.out_of_fold(np.full((4, 2), np.nan), [0, 1, 0, 1], list("abcd"))
