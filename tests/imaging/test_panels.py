"""Panel detectors on pictures built by hand, where every edge is known, and on phantoms."""

import numpy as np
import pytest

from dermbook.data.phantom import phantom_composites
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.detection import detection_scores, iou_matrix, judge_boxes
from dermbook.imaging import panels
from dermbook.imaging.panels.candidates import FEATURES, find_candidates
from dermbook.imaging.panels.margins import trimmed
from dermbook.imaging.panels.rules import training_rows


def photograph(height, width, tone, seed=0):
    """Skin-like: a smooth tone with a slope, a blob and fine grain; nothing straight in it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    field = 12 * np.sin(x / 23 + seed) + 10 * np.cos(y / 19 + seed)
    field -= 60 * np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / (0.02 * width * height))
    picture = np.array(tone, float) + field[..., None] + rng.normal(0, 3, (height, width, 1))
    return picture.clip(25, 225).astype(np.uint8)


PALE, DARK, PINK = (205, 160, 140), (120, 85, 65), (200, 120, 130)


def side_by_side(gap, paper=250, height=96, widths=(70, 58)):
    left, right = (photograph(height, w, t, k) for k, (w, t) in
                   enumerate(zip(widths, (PALE, DARK), strict=True)))  # fmt: skip
    between = np.full((height, gap, 3), paper, np.uint8)
    boxes = [[0, 0, widths[0], height], [widths[0] + gap, 0, sum(widths) + gap, height]]
    return np.hstack([left, between, right]), np.array(boxes)


def matches(found, truth, bar=0.9):
    return len(found) == len(truth) and bool((iou_matrix(truth, found).max(1) >= bar).all())


def by_hand(picture, threshold=0.8):
    return panels.cut_panels(picture, panels.agreeing_rows, threshold)


# --- baselines and boxes -------------------------------------------------------------------------


def test_baselines():
    assert panels.whole_box(np.zeros((40, 60, 3), np.uint8)).tolist() == [[0, 0, 60, 40]]
    assert panels.halves(np.zeros((40, 61, 3), np.uint8)).tolist() == [
        [0, 0, 30, 40], [30, 0, 61, 40],
    ]  # fmt: skip
    assert panels.halves(np.zeros((41, 20, 3), np.uint8)).tolist() == [
        [0, 0, 20, 20], [0, 20, 20, 41],
    ]  # fmt: skip


def test_reading_order():
    found = panels.as_boxes([(5, 9, 6, 10), (5, 0, 6, 1), (0, 0, 1, 1)])
    assert found.tolist() == [[0, 0, 1, 1], [5, 0, 6, 1], [5, 9, 6, 10]]
    assert found.dtype == np.int64


# --- borders and captions ------------------------------------------------------------------------


@pytest.mark.parametrize("paper", [255, 247, 0, 9])
def test_borders_fall_away(paper):
    picture = np.full((96, 128, 3), paper, np.uint8)
    picture[7:85, 11:120] = photograph(78, 109, PALE)
    assert trimmed(picture.mean(2), (0, 0, 128, 96)) == (11, 7, 120, 85)


def test_a_caption_falls_away_above_and_below():
    rng = np.random.default_rng(0)
    for bottom in (True, False):
        picture = np.full((96, 128, 3), 250, np.uint8)
        rows = slice(0, 82) if bottom else slice(14, 96)
        picture[rows] = photograph(82, 128, PALE)
        letters = picture[85:93, 4:60] if bottom else picture[3:11, 4:60]
        letters[rng.random(letters.shape[:2]) < 0.4] = 20
        assert trimmed(picture.mean(2), (0, 0, 128, 96)) == (0, rows.start, 128, rows.stop)


def test_what_is_all_paper_stays_one_box():
    for value in (0, 128, 255):
        picture = np.full((60, 80, 3), value, np.uint8)
        for detector in panels.panel_detectors().values():
            if detector.name != "halves":
                answers = detector.at(picture, detector.settings)
                assert all(a.tolist() == [[0, 0, 80, 60]] for a in answers), detector.name


# --- cuts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [0, 1, 2, 5, 9])
@pytest.mark.parametrize("paper", [250, 6])
def test_two_panels_with_every_gap_lying_and_standing(gap, paper):
    picture, truth = side_by_side(gap, paper)
    assert matches(by_hand(picture), truth)
    turned = np.ascontiguousarray(picture.transpose(1, 0, 2))
    assert matches(by_hand(turned), truth[:, [1, 0, 3, 2]])


def test_a_cut_is_placed_to_the_pixel():
    picture, truth = side_by_side(0)
    assert by_hand(picture).tolist() == truth.tolist()
    picture, truth = side_by_side(4)
    assert by_hand(picture).tolist() == truth.tolist()


def test_unequal_panels_one_inside_the_others_column():
    big, top, low = photograph(96, 80, PALE), photograph(50, 46, DARK, 1), photograph(44, 46, PINK)
    column = np.vstack([top, np.full((2, 46, 3), 252, np.uint8), low])
    picture = np.hstack([big, np.full((96, 2, 3), 252, np.uint8), column])
    truth = np.array([[0, 0, 80, 96], [82, 0, 128, 50], [82, 52, 128, 96]])
    assert by_hand(picture).tolist() == truth.tolist()


def test_single_photographs_stay_whole():
    for seed in range(6):
        for tone in (PALE, DARK, PINK):
            picture = photograph(96, 128, tone, seed)
            assert by_hand(picture).tolist() == [[0, 0, 128, 96]]


def test_a_slanting_edge_is_no_cut():
    picture = photograph(96, 128, PALE)
    y, x = np.mgrid[0:96, 0:128]
    picture[x < 40 + 0.15 * y] = DARK
    assert len(by_hand(picture)) == 1
    upright = photograph(96, 128, PALE)
    upright[:, :47] = photograph(96, 47, DARK, 3)
    assert len(by_hand(upright)) == 2


def test_noise_alone_is_never_cut_and_chance_is_accounted_for():
    rng = np.random.default_rng(4)
    for _ in range(10):
        noise = rng.integers(30, 220, (96, 128, 3), dtype=np.uint8)
        assert len(by_hand(noise, 0.3)) == 1


def test_several_thresholds_at_once_are_those_one_by_one():
    collection = phantom_composites(24, seed=8)
    several = collection.table.index[collection.table["panels"] > 1]
    for image_id in several[:5]:
        picture = collection.image(image_id)
        thresholds = [0.9, 0.6]
        together = panels.cut_at(picture, panels.agreeing_rows, thresholds)
        for threshold, boxes in zip(thresholds, together, strict=True):
            assert boxes.tolist() == by_hand(picture, threshold).tolist()


def test_large_pictures_are_looked_at_reduced_and_boxes_come_back_in_their_pixels():
    picture, truth = side_by_side(6)
    large = picture.repeat(8, axis=0).repeat(8, axis=1)
    found = by_hand(large)
    assert matches(found, truth * 8)
    assert found.max() <= large.shape[1]


@pytest.mark.parametrize("shape", [(1, 1), (2, 90), (11, 11), (300, 6), (13, 13)])
def test_tiny_and_narrow_pictures(shape):
    picture = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    for detector in panels.panel_detectors().values():
        if detector.name == "halves":
            continue
        for boxes in detector.at(picture, detector.settings):
            assert boxes.dtype == np.int64
            assert len(boxes) >= 1
            assert (boxes[:, :2] >= 0).all()
            assert (boxes[:, 2:] <= (shape[1], shape[0])).all()
            assert (boxes[:, 2:] > boxes[:, :2]).all()


@pytest.mark.parametrize(
    "picture", [np.zeros((9, 9)), np.zeros((9, 9, 3)), np.zeros((1, 9, 9, 3), np.uint8), None]
)
def test_what_is_no_picture_is_refused(picture):
    for detect in (by_hand, lambda p: panels.flooded(p, 30), lambda p: panels.merged_blocks(p, 99)):
        with pytest.raises(ParameterError):
            detect(picture)


def test_candidates_hold_the_cut_with_its_features():
    picture, _ = side_by_side(3)
    found = find_candidates(picture.astype(np.float32))
    place = [tuple(p) for p in zip(found.starts, found.stops, strict=True)].index((70, 73))
    assert found.features.shape == (len(found), len(FEATURES))
    assert found.column("step")[place] > 0.95
    assert found.column("tone")[place] == 1.0
    assert found.column("width")[place] == pytest.approx(np.log(4))
    assert found.column("balance")[place] == pytest.approx(58 / 131)
    assert found.column("length")[place] == pytest.approx(np.log(96))


# --- segmentation --------------------------------------------------------------------------------


def test_flood_finds_islands_and_spares_white_inside_a_photograph():
    picture, truth = side_by_side(4)
    picture[30:50, 20:40] = 255
    assert matches(panels.flooded(picture, 20), truth)
    assert panels.flooded(side_by_side(0)[0], 20).tolist() == [[0, 0, 128, 96]]


def test_flood_needs_slack_for_paper_that_is_not_white():
    picture, truth = side_by_side(4, paper=228)
    assert len(panels.flooded(picture, 10)) == 1
    assert matches(panels.flooded(picture, 29), truth)


def test_blocks_part_colours():
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[:, :64], picture[:, 64:] = PALE, (60, 90, 150)
    assert panels.merged_blocks(picture, 100).tolist() == [[0, 0, 64, 96], [64, 0, 128, 96]]
    flat = np.full((96, 128, 3), 120, np.uint8)
    assert panels.merged_blocks(flat, 100).tolist() == [[0, 0, 128, 96]]


# --- the fitted rule -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tuning():
    return phantom_composites(72, seed=31)


@pytest.fixture(scope="module")
def rule(tuning):
    return panels.fit_rule(tuning)


def test_the_fitted_rule_beats_one_box_on_pictures_it_never_saw(rule):
    judging = phantom_composites(40, seed=32)
    truth = {i: judging.source.boxes(i) for i in judging.ids}
    scores = {}
    for name, setting in (("whole", 0.0), ("fitted cuts", 0.7)):
        detect = panels.panel_detector(name, rule=rule).detect(setting)
        found = panels.find_panels(judging, detect)
        table = detection_scores(judge_boxes(truth, found), resamples=0).set_index("metric")
        scores[name] = table["value"]
    assert scores["fitted cuts"]["f1_50"] > 0.8
    assert scores["whole"]["f1_50"] < 0.6
    assert scores["fitted cuts"]["false_alarms"] < 0.3
    assert scores["fitted cuts"]["recognised"] > 0.75


def test_fitting_is_deterministic_and_gives_probabilities(rule, tuning):
    again = panels.fit_rule(tuning)
    assert all(np.array_equal(rule.weights[k], again.weights[k]) for k in (True, False))
    found = find_candidates(tuning.image(tuning.ids[0]).astype(np.float32))
    rated = rule(found)
    assert rated.shape == (len(found),)
    assert ((rated >= 0) & (rated <= 1)).all()


def test_training_rows_call_the_true_cut_true():
    single = phantom_composites(20, seed=3, panels=(1,))
    assert not training_rows(single)[2].any()
    double = phantom_composites(20, seed=3, panels=(2,))
    features, border, truth = training_rows(double)
    assert features.shape == (len(truth), len(FEATURES))
    # nearly every picture of two panels has its cut among the candidates, none has two cuts
    per_picture = [training_rows(double, [i])[2].sum() for i in double.ids]
    assert np.mean(np.array(per_picture) > 0) > 0.8
    assert border[truth].any()
    with pytest.raises(DataError, match="fewer than five"):
        panels.fit_rule(single)


def test_a_collection_without_boxes_cannot_be_fitted_to(small_phantom):
    with pytest.raises(DataError, match="phantom-composites"):
        panels.fit_rule(small_phantom)


# --- the registry --------------------------------------------------------------------------------


def test_registry(rule):
    known = panels.panel_detectors()
    assert list(known) == ["whole", "halves", "regions", "blocks", "flood", "cuts"]
    assert list(panels.panel_detectors(rule)) == [*known, "fitted cuts"]
    table = panels.detector_table(panels.panel_detectors(rule))
    assert table.loc[table["row"] == "R0 0.7", "detector"].tolist() == ["regions"]
    with pytest.raises(ParameterError, match="yolo9000"):
        panels.panel_detector("yolo9000")
    picture, _ = side_by_side(4)
    for detector in panels.panel_detectors(rule).values():
        assert list(detector.settings) == sorted(detector.settings)
        together = detector.at(picture, detector.settings)
        for setting, boxes in zip(detector.settings, together, strict=True):
            assert np.array_equal(detector.detect(setting)(picture), boxes)
