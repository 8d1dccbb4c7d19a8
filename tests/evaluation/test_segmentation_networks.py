"""U-Nets on discs: they learn, they resume exactly, and their maps fit the pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermbook.data import CachedImages, Moves
from dermbook.evaluation.segmentation import dice, pixel_counts
from dermbook.evaluation.segmentation.networks import (
    Course,
    Recipe,
    enlarged,
    predict_maps,
    train_unet,
)

SIZE = (14, 18)  # not divisible by four: padded inside
COURSE = Course(width=4, depth=2, batch_size=8, learning_rate=0.01, watched=8)


def discs(count=56, seed=0):
    """Dark discs on bright skin with noise: (images, masks)."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(SIZE)
    at = rng.uniform([4, 4], [10, 14], (count, 2))
    masks = (y - at[:, :1, None]) ** 2 + (x - at[:, 1:, None]) ** 2 < 9
    pictures = np.where(masks[..., None], 90, 180) + rng.normal(0, 25, (*masks.shape, 3))
    ids = pd.Index([f"I{row:02d}" for row in range(count)])
    return CachedImages(pictures.clip(0, 255).astype(np.uint8), ids, Path("i")), CachedImages(
        masks, ids, Path("m")
    )


class KilledError(Exception):
    pass


def trained(course=COURSE, epochs=20, **options):
    images, masks = discs()
    ids = list(images.ids)
    return train_unet(
        "u", Recipe(loss="mixed", moves=Moves()), images, masks, ids[:40], ids[40:],
        course=course, epochs=epochs, seed=1, verbose="none", **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def network():
    return trained()


def test_a_u_net_learns_where_the_discs_are(network):
    images, masks = discs()
    ids = list(images.ids[40:])
    maps = predict_maps(network.model, images, ids, size=SIZE, batch_size=7)
    assert maps.shape == (16, *SIZE)
    assert maps.dtype == np.float32
    assert ((maps >= 0) & (maps <= 1)).all()
    assert dice(*pixel_counts(masks.take(ids), maps >= 0.5).T).mean() > 0.8
    history = network.history
    assert list(history["model"]) == ["u"] * 20
    assert history["val_dice"].max() == history.loc[network.fit.best_epoch - 1, "val_dice"]
    # the rate follows a cosine down to zero
    assert history["learning_rate"].is_monotonic_decreasing
    assert history["learning_rate"].iloc[-1] < 1e-4
    assert network.parameters == network.model.count_params()
    assert network.predictions == {}


def test_flipped_views_are_turned_back(network):
    images, _ = discs()
    ids = list(images.ids[40:44])
    both = predict_maps(network.model, images, ids, size=SIZE, flips=True)
    mirrored = CachedImages(images.images[:, ::-1, ::-1], images.ids, images.path)
    turned = predict_maps(network.model, mirrored, ids, size=SIZE, flips=True)
    # the mean over all four mirrorings does not depend on which of them came first
    np.testing.assert_allclose(turned[:, ::-1, ::-1], both, atol=1e-5)
    plain = predict_maps(network.model, images, ids, size=SIZE)
    assert not np.allclose(plain, both, atol=1e-3)


def test_a_killed_training_goes_on_to_the_same_weights(network, tmp_path):
    course = Course(**{**vars(COURSE), "checkpoints": tmp_path})

    def kill(row):
        if row["epoch"] == 2:
            raise KilledError

    with pytest.raises(KilledError):
        trained(course, on_epoch=kill)
    assert (tmp_path / "u.npz").is_file()
    again = trained(course)
    assert again.fit.resumed_from == 2
    for ours, theirs in zip(again.model.get_weights(), network.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_maps_are_enlarged_linearly():
    maps = np.zeros((2, 2, 2), np.float32)
    maps[:, :, 1] = 1
    wide = enlarged(maps, (2, 8))
    assert wide.shape == (2, 2, 8)
    assert (np.diff(wide[0, 0]) >= 0).all()
    assert wide.mean() == pytest.approx(0.5)
    assert enlarged(maps, (2, 2)) is maps
