"""Scores of masks by hand: overlap, distances, intervals, ways of averaging, and decisions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dermbook.data import CachedImages, Collection
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.segmentation import (
    ColourMaps,
    Decision,
    best_decision,
    border,
    border_distances,
    colour_features,
    compare_masks,
    decision_table,
    dice,
    iou,
    iou_of_dice,
    judge_masks,
    largest_patch,
    largest_spread,
    mask_scores,
    mean_mask_maps,
    otsu_maps,
    pixel_counts,
    pooled_in_batches,
    threshold_jaccard,
    ways_of_averaging,
)


def box(top, bottom, left, right, size=(20, 30)):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


EMPTY, FULL = np.zeros((20, 30), bool), np.ones((20, 30), bool)


def judged(pairs, groups=None, labels=None):
    """The table of ``judge_masks`` for (truth, found) pairs, and a collection they belong to."""
    ids = pd.Index([f"I{row}" for row in range(len(pairs))])
    truth, found = (np.stack(masks) for masks in zip(*pairs, strict=True))
    table = pd.DataFrame({"label": labels or "nv", "group": groups or list(ids)}, index=ids)
    source = SimpleNamespace(signature=lambda image_id: image_id)
    collection = Collection("made-up", table, ("mel", "nv"), source, phantom=True)
    return judge_masks(ids, truth, found), collection


def test_overlap_by_hand_with_empty_and_full_masks():
    truth = np.stack([box(0, 10, 0, 10), EMPTY, EMPTY, FULL, FULL, box(0, 5, 0, 5)])
    found = np.stack([box(0, 10, 5, 15), EMPTY, FULL, EMPTY, FULL, box(10, 15, 10, 15)])
    counts = pixel_counts(truth, found)
    assert counts.tolist() == [
        [50, 100, 100], [0, 0, 0], [0, 0, 600], [0, 600, 0], [600, 600, 600], [0, 25, 25],
    ]  # fmt: skip
    np.testing.assert_allclose(dice(*counts.T), [0.5, 1, 0, 0, 1, 0])
    np.testing.assert_allclose(iou(*counts.T), [1 / 3, 1, 0, 0, 1, 0])
    np.testing.assert_allclose(iou_of_dice(dice(*counts.T)), iou(*counts.T))


def test_scores_agree_with_scikit_learn():
    from sklearn.metrics import f1_score, jaccard_score

    rng = np.random.default_rng(0)
    truth, found = rng.random((2, 1, 12, 9)) < 0.3
    counts = pixel_counts(truth, found)
    assert dice(*counts.T)[0] == pytest.approx(f1_score(truth.ravel(), found.ravel()))
    assert iou(*counts.T)[0] == pytest.approx(jaccard_score(truth.ravel(), found.ravel()))


def test_the_challenge_gives_nothing_below_its_bar():
    np.testing.assert_array_equal(threshold_jaccard([0.6499, 0.65, 0.9]), [0, 0.65, 0.9])


def test_r3_prints_a_pair_that_fits_the_curve():
    assert iou_of_dice(0.8581) == pytest.approx(0.7515, abs=0.5e-4)


def test_distances_between_two_shifted_boxes():
    # each border pixel of a one-pixel point is the point itself: five apart is five apart
    assert border_distances(box(3, 4, 3, 4), box(3, 4, 8, 9)) == (5.0, 5.0)
    same = box(4, 12, 5, 20)
    assert border_distances(same, same) == (0.0, 0.0)
    assert border_distances(EMPTY, EMPTY) == (0.0, 0.0)
    assert np.isnan(border_distances(EMPTY, FULL)).all()
    assert np.isnan(border_distances(FULL, EMPTY)).all()
    # two full-width stripes whose upper borders are three rows apart: rows 0-9 against 0-12
    mean, far = border_distances(box(0, 10, 0, 30), box(0, 13, 0, 30))
    assert far == pytest.approx(3)
    assert 0 < mean < 3


def test_distances_agree_with_a_search_through_all_pairs():
    rng = np.random.default_rng(1)
    smooth = np.add.accumulate(np.add.accumulate(rng.normal(0, 1, (2, 16, 16)), 1), 2)
    truth, found = smooth > np.median(smooth, axis=(1, 2), keepdims=True)
    ours, theirs = np.argwhere(border(truth)), np.argwhere(border(found))
    gaps = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
    near, back = gaps.min(axis=1), gaps.min(axis=0)
    mean, far = border_distances(truth, found)
    assert mean == pytest.approx(np.concatenate([near, back]).mean())
    assert far == pytest.approx(max(np.percentile(near, 95), np.percentile(back, 95)))


def test_the_border_of_a_box_is_its_frame_and_of_the_whole_picture_its_edge():
    assert border(box(2, 7, 3, 9)).sum() == 5 * 6 - 3 * 4
    assert border(FULL).sum() == 2 * 20 + 2 * 30 - 4
    assert border(box(2, 3, 2, 3)).sum() == 1


def test_means_and_pooled_scores_by_hand():
    table, collection = judged(
        [(box(0, 10, 0, 10), box(0, 10, 5, 15)), (FULL, FULL), (EMPTY, EMPTY), (FULL, EMPTY)],
        labels=["mel", "nv", "nv", "nv"],
    )
    scores = mask_scores(table, collection, resamples=200)
    overall = scores[scores["class"] == ""].set_index("metric")
    assert overall.loc["dice", "value"] == pytest.approx((0.5 + 1 + 1 + 0) / 4)
    assert overall.loc["iou", "value"] == pytest.approx((1 / 3 + 1 + 1 + 0) / 4)
    assert overall.loc["threshold_jaccard", "value"] == pytest.approx(0.5)
    assert overall.loc["dice_pooled", "value"] == pytest.approx(2 * 650 / (1300 + 700))
    assert overall.loc["iou_pooled", "value"] == pytest.approx(650 / (1300 + 700 - 650))
    # the last pair has no distance, and is not counted
    assert overall.loc["surface_distance", "n"] == 3
    assert overall.loc["dice", "n"] == 4
    by_class = scores[scores["class"] != ""].set_index("class")
    assert by_class.loc["mel", "value"] == pytest.approx(0.5)
    assert by_class.loc["nv", "n"] == 3
    assert ((overall["low"] <= overall["value"]) & (overall["value"] <= overall["high"])).all()


def test_an_interval_draws_lesions_not_pictures():
    pairs = [(box(0, 10, 0, 10), box(0, 10, at, at + 10)) for at in (0, 5) for _ in range(20)]
    alone, collection = judged(pairs)
    narrow = mask_scores(alone, collection, resamples=400).set_index("metric").loc["dice"]
    groups = ["a"] * 20 + ["b"] * 20
    wide = mask_scores(*judged(pairs, groups), resamples=400).set_index("metric").loc["dice"]
    assert wide["value"].iloc[0] == narrow["value"].iloc[0] == 0.75
    assert (wide["low"].iloc[0], wide["high"].iloc[0]) == (0.5, 1.0)
    assert narrow["high"].iloc[0] - narrow["low"].iloc[0] < 0.25


def test_scores_without_distances_leave_them_out():
    ids = pd.Index(["a"])
    table = judge_masks(ids, FULL[None], FULL[None], distances=False)
    frame = pd.DataFrame({"label": "nv", "group": "g"}, index=ids)
    source = SimpleNamespace(signature=str)
    scores = mask_scores(table, Collection("c", frame, ("nv",), source), by_class=False)
    assert list(scores["metric"]) == [
        "dice", "iou", "threshold_jaccard", "dice_pooled", "iou_pooled",
    ]  # fmt: skip


def test_a_comparison_is_of_the_same_resamples():
    better = [(FULL, FULL)] * 6 + [(FULL, box(0, 20, 0, 15))] * 6
    worse = [(FULL, box(0, 20, 0, 15))] * 12
    first, collection = judged(worse)
    second, _ = judged(better)
    found = compare_masks(first, second, collection, resamples=300)
    assert found["value"] == pytest.approx(found["second"] - found["first"])
    assert 0 < found["low"] < found["value"] < found["high"] <= 1 / 3 + 1e-9
    nothing = compare_masks(first, first, collection, metric="iou_pooled", resamples=50)
    assert (nothing["value"], nothing["low"], nothing["high"]) == (0, 0, 0)
    with pytest.raises(DataError, match="same pictures"):
        compare_masks(first, second.iloc[:3], collection)
    with pytest.raises(ParameterError, match="none of dice"):
        compare_masks(first, second, collection, metric="accuracy")


def test_only_pooled_pixels_lie_on_the_curve():
    rng = np.random.default_rng(0)
    pairs = [(box(0, 12, 0, 20), box(0, 12, at, at + 10)) for at in rng.integers(0, 20, 60)]
    table, _ = judged(pairs)
    ways = ways_of_averaging(table, batch_sizes=(4, 20)).set_index("way")
    assert ways.loc["all pixels pooled", "gap"] == pytest.approx(0, abs=1e-12)
    batches = ways.loc[["mean over batches of 20", "mean over batches of 4"], "gap"]
    assert 0 < batches.iloc[0] < batches.iloc[1] < ways.loc["mean over pictures", "gap"]
    # the bound: a mean's gap is at least a quarter of the variance
    assert table["dice"].std(ddof=0) <= largest_spread(ways.loc["mean over pictures", "gap"])
    assert pooled_in_batches(table, 60) == pytest.approx((*ways.iloc[0][["dice", "iou"]], 0))
    assert pooled_in_batches(table, 1)[0] == pytest.approx(table["dice"].mean())
    with pytest.raises(ParameterError, match="size"):
        pooled_in_batches(table, 0)
    with pytest.raises(ParameterError, match="gap"):
        largest_spread(-0.1)


def test_the_largest_patch_is_kept_and_its_holes_are_filled():
    ring = box(4, 14, 4, 14)
    ring[7:10, 7:10] = False
    both = ring | box(16, 18, 20, 24)
    np.testing.assert_array_equal(largest_patch(both), box(4, 14, 4, 14))
    # a bay that opens to the edge of the picture is no hole
    bay = box(0, 10, 0, 10)
    bay[3:6, 0:5] = False
    np.testing.assert_array_equal(largest_patch(bay), bay)
    assert not largest_patch(EMPTY).any()
    assert largest_patch(FULL).all()


def test_the_threshold_with_the_best_mean_dice_is_chosen():
    truth = np.stack([box(5, 15, 5, 15), box(2, 10, 8, 20)])
    maps = np.where(truth, 0.4, 0.2) + np.where(box(17, 19, 1, 3), 0.3, 0.0)
    table = decision_table(maps, truth, thresholds=(0.1, 0.25, 0.3, 0.35, 0.6))
    assert best_decision(table) == Decision(0.3, True)
    np.testing.assert_array_equal(best_decision(table).masks(maps), truth)
    # without specks plain and cleaned are equal, and the plain one is taken
    plain = decision_table(np.where(truth, 0.4, 0.2), truth, thresholds=(0.3,))
    assert best_decision(plain) == Decision(0.3, False)
    with pytest.raises(DataError, match="do not fit"):
        decision_table(maps[:1], truth)


def lesions(count=12, size=(30, 40), seed=0):
    """Dark discs on skin of changing colour, as caches."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(size)
    images, masks = [], []
    for _ in range(count):
        mask = (y - rng.uniform(10, 20)) ** 2 + (x - rng.uniform(12, 28)) ** 2 < 64
        skin = np.array([200, 160, 140]) + rng.integers(-25, 25, 3)
        picture = np.where(mask[..., None], skin - 60, skin) + rng.normal(0, 6, (*size, 3))
        images.append(picture.clip(0, 255).astype(np.uint8))
        masks.append(mask)
    ids = pd.Index([f"I{row}" for row in range(count)])
    return CachedImages(np.stack(images), ids, None), CachedImages(np.stack(masks), ids, None)


def test_baselines_find_dark_discs_and_the_mean_mask_looks_at_nothing():
    images, masks = lesions()
    train, test = list(images.ids[:8]), list(images.ids[8:])
    truth = masks.take(test)
    colour = ColourMaps(images, masks, train)(images.take(test))
    for maps in (colour, otsu_maps(images.take(test))):
        assert maps.shape == truth.shape
        assert dice(*pixel_counts(truth, maps >= 0.5).T).min() > 0.85
    mean = mean_mask_maps(masks, train, len(test))
    np.testing.assert_allclose(mean[0], masks.take(train).mean(axis=0), rtol=1e-6)
    assert (mean[0] == mean[-1]).all()
    with pytest.raises(ParameterError, match="at least one"):
        ColourMaps(images, masks, [])


def test_colour_is_measured_from_that_picture_s_skin():
    # the same lesion on brighter skin: what differs from the skin is what stays alike
    images, _ = lesions(1)
    features = colour_features(images.images[0])
    assert features.shape == (30, 40, 7)
    assert np.abs(np.median(features[:2, :, :3], axis=(0, 1))).max() < 4
    plain = np.full((10, 10, 3), 90, np.uint8)
    np.testing.assert_allclose(colour_features(plain), 0, atol=1e-4)


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="different shapes"):
        pixel_counts(FULL[None], FULL[None, :5])
    with pytest.raises(DataError, match="found: bool"):
        pixel_counts(FULL[None], FULL[None].astype(int))
    with pytest.raises(DataError, match="2 ids"):
        judge_masks(pd.Index(["a", "b"]), FULL[None], FULL[None])
    table, collection = judged([(FULL, FULL)])
    with pytest.raises(DataError, match="has no image 'X'"):
        mask_scores(table.rename(index={"I0": "X"}), collection)
    with pytest.raises(DataError, match="no picture"):
        mask_scores(table.iloc[:0], collection)
