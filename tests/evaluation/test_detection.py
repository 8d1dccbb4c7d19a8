"""Boxes against boxes: areas worked out by hand, matchings with one right answer, intervals."""

import numpy as np
import pandas as pd
import pytest

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import wilson
from dermbook.evaluation.detection import (
    best_setting,
    compare_detectors,
    corrected_share,
    curve_of,
    detection_scores,
    iou_matrix,
    judge_boxes,
    match_boxes,
    scores_by_kind,
)


def boxes(*rows):
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


# --- intersection over union ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0),  # they touch: upper bounds are exclusive
        ((0, 0, 10, 10), (30, 30, 40, 40), 0),
        ((0, 0, 60, 80), (0, 20, 60, 100), 60 * 60 / (60 * 100)),
        ((0, 0, 10, 10), (5, 5, 15, 15), 25 / 175),
        ((0, 0, 10, 10), (2, 2, 4, 4), 4 / 100),  # one inside the other
    ],
)
def test_iou_by_hand(first, second, expected):
    assert iou_matrix(boxes(first), boxes(second)) == pytest.approx(np.array([[expected]]))
    assert iou_matrix(boxes(second), boxes(first)) == pytest.approx(np.array([[expected]]))


def test_iou_against_counted_pixels():
    rng = np.random.default_rng(0)

    def drawn(count):
        corners = rng.integers(0, 30, (count, 2))
        return np.hstack([corners, corners + rng.integers(1, 30, (count, 2))])

    def pixels(box):
        field = np.zeros((60, 60), bool)
        field[box[1] : box[3], box[0] : box[2]] = True
        return field

    first, second = drawn(7), drawn(5)
    counted = [[(pixels(a) & pixels(b)).sum() / (pixels(a) | pixels(b)).sum() for b in second]
               for a in first]  # fmt: skip
    assert iou_matrix(first, second) == pytest.approx(np.array(counted))


def test_no_boxes_and_bad_boxes():
    assert iou_matrix(boxes(), boxes((0, 0, 1, 1))).shape == (0, 1)
    with pytest.raises(DataError, match="no area"):
        iou_matrix(boxes((0, 0, 0, 5)), boxes((0, 0, 1, 1)))
    with pytest.raises(DataError, match=r"\(k, 4\)"):
        iou_matrix(np.zeros((2, 3)), boxes((0, 0, 1, 1)))


# --- matching -------------------------------------------------------------------------------------


def test_each_box_is_in_one_pair_and_the_best_is_taken():
    truth = boxes((0, 0, 10, 10), (20, 0, 30, 10))
    found = boxes((20, 0, 30, 9), (0, 0, 10, 10), (0, 0, 10, 9))
    rows, columns, values = match_boxes(truth, found)
    assert dict(zip(rows, columns, strict=True)) == {0: 1, 1: 0}
    assert values == pytest.approx([1.0, 0.9])


def test_as_many_pairs_as_possible_where_greed_would_find_one():
    # a overlaps both b (IoU .9) and c (.6); d overlaps b (.6) only: greed takes a-b and loses d
    truth = boxes((0, 0, 100, 10), (30, 0, 130, 10))
    found = boxes((5, 0, 105, 10), (-25, 0, 75, 10))
    assert iou_matrix(truth, found).round(2).tolist() == [[0.9, 0.6], [0.6, 0.29]]
    rows, columns, _ = match_boxes(truth, found)
    assert dict(zip(rows, columns, strict=True)) == {0: 1, 1: 0}


def test_the_bar_counts_from_its_value_on():
    truth, found = boxes((0, 0, 10, 10)), boxes((0, 0, 10, 5))
    assert len(match_boxes(truth, found, least=0.5)[0]) == 1
    assert len(match_boxes(truth, found, least=0.51)[0]) == 0
    with pytest.raises(ParameterError, match="least"):
        match_boxes(truth, found, least=0)


# --- pictures -------------------------------------------------------------------------------------

WHOLE = boxes((0, 0, 100, 50))
LEFT, RIGHT = (0, 0, 50, 50), (50, 0, 100, 50)
TRUTH = {"two": boxes(LEFT, RIGHT), "also two": boxes(LEFT, RIGHT), "one": WHOLE, "single": WHOLE}
FOUND = {
    "two": boxes(LEFT, RIGHT),  # right
    "also two": WHOLE,  # missed; covers each half by .5
    "one": boxes(LEFT, RIGHT),  # split wrongly; one half covers the whole by .5
    "single": boxes((0, 0, 100, 40)),  # .8
}


@pytest.fixture
def judged():
    return judge_boxes(TRUTH, FOUND)


def test_judged_by_hand(judged):
    assert judged.loc["two"].tolist() == [2, 2, 2, 2, 2.0]
    assert judged.loc["also two"].tolist() == [2, 1, 1, 0, 0.5]
    assert judged.loc["one"].tolist() == [1, 2, 1, 0, 0.5]
    assert judged.loc["single"].tolist() == [1, 1, 1, 1, 0.8]
    with pytest.raises(DataError, match="single"):
        judge_boxes(TRUTH, {k: v for k, v in FOUND.items() if k != "single"})


def test_scores_by_hand(judged):
    values = detection_scores(judged, resamples=200).set_index("metric")
    expected = {
        "precision_50": 5 / 6, "recall_50": 5 / 6, "f1_50": 5 / 6,
        "precision_75": 3 / 6, "recall_75": 3 / 6, "f1_75": 3 / 6, "mean_iou": 3.8 / 5,
        "exact": 2 / 4, "count_right": 1 / 2, "recognised": 1 / 2, "false_alarms": 1 / 2,
    }  # fmt: skip
    assert values["value"].to_dict() == pytest.approx(expected)
    assert tuple(values.loc["false_alarms", ["low", "high"]]) == pytest.approx(wilson(1, 2))
    assert (values["low"] <= values["value"]).all()
    assert (values["value"] <= values["high"]).all()


def test_the_bootstrap_draws_pictures_and_not_boxes():
    # pictures of 4 boxes, all found or all missed: the spread is that of pictures
    rng = np.random.default_rng(1)
    right = rng.random(400) < 0.5
    judged = pd.DataFrame({"truth": 4, "found": 4, "right_50": 4 * right, "right_75": 0,
                           "iou_sum": 4.0 * right})  # fmt: skip
    row = detection_scores(judged, resamples=2000).set_index("metric").loc["recall_50"]
    spread = (row["high"] - row["low"]) / 2
    assert spread == pytest.approx(1.96 * np.sqrt(0.25 / 400), rel=0.12)  # not / 1600
    again = detection_scores(judged, resamples=2000).set_index("metric").loc["recall_50"]
    assert again.equals(row)


def test_scores_without_singles_or_composites():
    single = judge_boxes({"a": WHOLE}, {"a": WHOLE})
    values = detection_scores(single, resamples=50).set_index("metric")
    assert np.isnan(values.loc["recognised", "value"])
    assert values.loc["false_alarms", "value"] == 0
    with pytest.raises(DataError, match="no picture"):
        detection_scores(single.iloc[:0])


def test_paired_comparison(judged):
    perfect = judge_boxes(TRUTH, TRUTH)
    gain = compare_detectors(judged, perfect, resamples=300)
    assert gain["difference"] == pytest.approx(1 - 5 / 6)
    assert gain["low"] <= gain["difference"] <= gain["high"]
    same = compare_detectors(judged, judged, resamples=300)
    assert (same["difference"], same["low"], same["high"]) == (0, 0, 0)
    with pytest.raises(DataError, match="same pictures"):
        compare_detectors(judged, perfect.iloc[::-1])
    with pytest.raises(ParameterError, match="accuracy"):
        compare_detectors(judged, perfect, metric="accuracy")


def test_by_kind(judged):
    kinds = pd.Series({"two": "row", "also two": "row", "one": "x", "single": "row"})
    table = scores_by_kind(judged, kinds).set_index("kind")
    assert table.index.tolist() == ["row", "x"]
    assert table.loc["row", ["pictures", "boxes"]].tolist() == [3, 5]
    assert table.loc["row", "recall_50"] == pytest.approx(4 / 5)
    assert table.loc["row", "whole"] == pytest.approx(2 / 3)
    assert table.loc["x", "whole"] == 0  # its box is found, but another one too
    with pytest.raises(DataError, match="single"):
        scores_by_kind(judged, kinds.drop("single"))


def test_curves_and_the_setting_chosen(judged):
    perfect = judge_boxes(TRUTH, TRUTH)
    curve = curve_of([1, 2, 3, 4], [judged, perfect, perfect, perfect])
    assert curve["f1_50"].tolist() == pytest.approx([5 / 6, 1, 1, 1])
    assert curve["false_alarms"].tolist() == [0.5, 0, 0, 0]
    assert best_setting(curve) == 3
    assert best_setting(curve, metric="false_alarms") == 1


def test_corrected_share():
    # 1,000 pictures, 100 composites; 80 of these called so, and 90 of the 900 others
    assert corrected_share(170 / 1000, 0.8, 0.1) == pytest.approx(0.1)
    assert corrected_share(0.05, 0.8, 0.1) == 0  # fewer calls than false alarms alone would make
    assert corrected_share(0.95, 0.8, 0.1) == 1
    assert np.isnan(corrected_share(0.3, 0.2, 0.2))
