"""Pictures and masks in batches: moved alike, masks binary, epochs repeatable."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermbook.data import CachedImages, MaskBatches, Moves
from dermbook.data.mask_batches import moved
from dermbook.errors import DataError, ParameterError

STILL = Moves(flips=False, rotation=0, zoom=0, brightness=0, contrast=0)
GEOMETRY = Moves(brightness=0, contrast=0)


def blob(height=40, width=56, seed=0):
    """A mask of a few discs, and the picture that is white exactly there."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((height, width))
    mask = np.zeros((height, width), bool)
    for _ in range(3):
        mask |= (y - rng.uniform(8, height - 8)) ** 2 + (x - rng.uniform(8, width - 8)) ** 2 < 49
    return np.repeat(np.uint8(255) * mask[..., None], 3, axis=2), mask


def cached(count=10):
    pairs = [blob(seed=seed) for seed in range(count)]
    ids = pd.Index([f"I{row}" for row in range(count)])
    images, masks = (np.stack(several) for several in zip(*pairs, strict=True))
    return CachedImages(images, ids, Path("i.npy")), CachedImages(masks, ids, Path("m.npy"))


@pytest.mark.parametrize("seed", range(8))
def test_the_mask_of_the_moved_picture_is_the_moved_mask(seed):
    image, mask = blob(seed=seed)
    picture, moved_mask = moved(image, mask, GEOMETRY, np.random.default_rng(seed))
    assert moved_mask.dtype == bool
    assert picture.shape == image.shape
    # linear and nearest interpolation agree except within a pixel of the border
    assert ((picture[..., 0] >= 128) != moved_mask).mean() < 0.01
    sure = (picture[..., 0] == 0) | (picture[..., 0] == 255)
    np.testing.assert_array_equal((picture[..., 0] == 255)[sure], moved_mask[sure])
    assert not np.array_equal(moved_mask, mask)


def test_flips_are_exact_and_all_four_occur():
    image, mask = blob()
    only = Moves(flips=True, rotation=0, zoom=0, brightness=0, contrast=0)
    seen = set()
    for seed in range(30):
        picture, turned = moved(image, mask, only, np.random.default_rng(seed))
        np.testing.assert_array_equal(picture[..., 0] == 255, turned)
        kinds = {(d, a): mask[::d, ::a] for d in (1, -1) for a in (1, -1)}
        seen |= {key for key, value in kinds.items() if np.array_equal(value, turned)}
    assert len(seen) == 4


def test_light_changes_the_picture_only():
    image, mask = blob()
    image = (image // 2 + 60).astype(np.uint8)
    light = Moves(flips=False, rotation=0, zoom=0, brightness=0.3, contrast=0.3)
    picture, same = moved(image, mask, light, np.random.default_rng(1))
    np.testing.assert_array_equal(same, mask)
    assert np.abs(picture.astype(int) - image).max() > 3
    # dark stays darker than bright: nothing wraps around at 0 or 255
    assert picture[~mask].max() <= picture[mask].min()
    brighter = Moves(flips=False, rotation=0, zoom=0, brightness=0.5, contrast=0)
    rng = np.random.default_rng(3)
    factor = np.random.default_rng(3)
    factor.uniform(0, 0), factor.uniform(1, 1)
    expected = factor.uniform(0.5, 1.5)
    found = moved(np.full((8, 8, 3), 100, np.uint8), mask[:8, :8], brighter, rng)[0]
    assert found[0, 0, 0] == pytest.approx(100 * expected, abs=1)


def test_no_moves_give_both_back():
    image, mask = blob()
    same = moved(image, mask, STILL, np.random.default_rng(0))
    np.testing.assert_array_equal(same[0], image)
    np.testing.assert_array_equal(same[1], mask)


def test_batches_pair_ids_pictures_and_masks():
    images, masks = cached()
    ids = ["I7", "I2", "I5", "I2"]
    batches = MaskBatches(images, masks, ids, batch_size=3)
    assert len(batches) == 2
    x, y = batches.batch(0)
    assert (x.dtype, x.shape) == (np.uint8, (3, 40, 56, 3))
    assert (y.dtype, y.shape) == (np.float32, (3, 40, 56, 1))
    np.testing.assert_array_equal(x[..., :1] == 255, y == 1)
    np.testing.assert_array_equal(y[0, ..., 0] == 1, blob(seed=7)[1])
    np.testing.assert_array_equal(batches.batch(1)[1][0, ..., 0] == 1, blob(seed=2)[1])
    assert not hasattr(batches, "codes")
    with pytest.raises(IndexError):
        batches.batch(2)


def test_masks_stored_in_another_order_are_found_by_id():
    images, masks = cached()
    turned = CachedImages(masks.images[::-1], masks.ids[::-1], masks.path)
    x, y = MaskBatches(images, turned, list(images.ids), batch_size=10).batch(0)
    np.testing.assert_array_equal(x[..., :1] == 255, y == 1)


def test_an_epoch_repeats_and_epochs_differ():
    images, masks = cached()
    one, two = (
        MaskBatches(images, masks, images.ids, batch_size=4, shuffle=True, seed=3, moves=Moves())
        for _ in range(2)
    )
    one.start_epoch(5)
    two.start_epoch(1)
    first = two.batch(1)
    two.start_epoch(5)
    for a, b in zip(one.batch(1), two.batch(1), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], two.batch(1)[0])
    assert set(np.unique(two.batch(1)[1])) <= {0.0, 1.0}


def test_what_mask_batches_refuse():
    images, masks = cached()
    small = CachedImages(masks.images[:, ::2], masks.ids, masks.path)
    with pytest.raises(DataError, match="Use cached_masks of the same size"):
        MaskBatches(images, small, images.ids)
    grey = CachedImages(masks.images.astype(np.uint8), masks.ids, masks.path)
    with pytest.raises(DataError, match="expected bool"):
        MaskBatches(images, grey, images.ids)
    with pytest.raises(DataError, match="not in the cache"):
        MaskBatches(images, masks, ["I0", "X"])
    few = CachedImages(masks.images[:3], masks.ids[:3], masks.path)
    with pytest.raises(DataError, match=r"m\.npy"):
        MaskBatches(images, few, images.ids)
    for wrong in ({"rotation": 181}, {"zoom": 1.0}, {"brightness": -0.1}, {"contrast": 2}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            Moves(**wrong)
