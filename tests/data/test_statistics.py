"""Channel statistics against NumPy on all pixels at once, and against closed formulas."""

import numpy as np
import pandas as pd
import pytest
from tiny_collection import tiny

from dermbook.data import cached_images
from dermbook.data.statistics import (
    channel_statistics,
    drawn_again,
    image_moments,
    moments_by_size,
    statistics_of,
)
from dermbook.errors import DataError, ParameterError


@pytest.fixture
def images():
    return cached_images(tiny(23), height=9, width=11, progress=False)


def table_of(statistics: pd.DataFrame) -> pd.DataFrame:
    wide = statistics.pivot(index="quantity", columns="channel", values="value")
    return wide[["red", "green", "blue"]]


@pytest.mark.parametrize("chunk", [1, 5, 23, 1000])
def test_both_definitions_are_those_of_numpy_on_all_pixels(images, chunk):
    pixels = np.asarray(images.images, dtype=np.float64) / 255
    table = table_of(channel_statistics(images, chunk=chunk))
    np.testing.assert_allclose(table.loc["mean"], pixels.mean(axis=(0, 1, 2)), rtol=1e-13)
    np.testing.assert_allclose(table.loc["pooled_std"], pixels.std(axis=(0, 1, 2)), rtol=1e-12)
    own = pixels.std(axis=(1, 2)).mean(axis=0)
    np.testing.assert_allclose(table.loc["image_std"], own, rtol=1e-12)


def test_a_part_of_the_images_is_what_was_asked_for(images):
    ids = [images.ids[7], images.ids[2], images.ids[2]]
    pixels = images.take(ids).astype(np.float64) / 255
    statistics = channel_statistics(images, ids)
    table = table_of(statistics)
    np.testing.assert_allclose(table.loc["pooled_std"], pixels.std(axis=(0, 1, 2)), rtol=1e-12)
    assert set(statistics["images"]) == {3}


def test_moments_are_exact_integers_even_where_squares_overflow_bytes(images):
    moments = image_moments(images)
    last = np.asarray(images.images[-1]).astype(object)
    assert moments["blue_squares"].iloc[-1] == (last[..., 2] ** 2).sum()
    assert moments["red_sum"].iloc[-1] == last[..., 0].sum()
    assert (moments["pixels"] == 99).all()
    assert set(map(str, moments.dtypes)) == {"int64"}


def test_black_and_white_images_tell_the_definitions_apart():
    # half of the images all black, half all white: each has no deviation, together they have .5
    moments = pd.DataFrame(
        {
            **{f"{c}_sum": [0, 255 * 4] for c in ("red", "green", "blue")},
            **{f"{c}_squares": [0, 255**2 * 4] for c in ("red", "green", "blue")},
            "pixels": [4, 4],
        },
        index=["a", "b"],
    )
    table = table_of(statistics_of(moments))
    assert (table.loc["mean"] == 0.5).all()
    assert (table.loc["pooled_std"] == 0.5).all()
    assert (table.loc["image_std"] == 0).all()


def test_pooled_variance_is_the_mean_variance_plus_the_variance_of_the_means(images):
    pixels = np.asarray(images.images, dtype=np.float64) / 255
    pooled = table_of(channel_statistics(images)).loc["pooled_std"].to_numpy() ** 2
    parts = pixels.var(axis=(1, 2)).mean(axis=0) + pixels.mean(axis=(1, 2)).var(axis=0)
    np.testing.assert_allclose(pooled, parts, rtol=1e-12)


def test_each_size_gives_the_statistics_of_the_images_cached_at_that_size():
    collection = tiny(8)
    by_size = moments_by_size(collection, collection.ids, [6, 50])
    for side in (6, 50):
        cached = cached_images(collection, height=side, width=side, progress=False)
        pd.testing.assert_frame_equal(by_size[side], image_moments(cached))
    # averaging neighbours takes contrast away
    small, large = (table_of(statistics_of(by_size[side])) for side in (6, 50))
    assert (small.loc["pooled_std"] < large.loc["pooled_std"]).all()


def test_drawing_again_takes_the_share_of_each_class_and_covers_the_whole(images):
    collection = tiny(23)
    moments = image_moments(images)
    labels = collection.table["label"]
    table = drawn_again(moments, labels, share=0.5, draws=300, seed=1)
    per_class = labels.value_counts()
    assert set(table["images"]) == {sum(round(0.5 * n) for n in per_class)}
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    again = drawn_again(moments, labels, share=0.5, draws=300, seed=1)
    pd.testing.assert_frame_equal(table, again)
    # theory: the mean of a draw without replacement has variance s²/m · (1 − share), by class
    means = (moments["red_sum"] / moments["pixels"] / 255).groupby(labels)
    sizes = per_class.reindex(means.var().index)
    taken = (sizes * 0.5).round()
    weights = taken / taken.sum()
    expected = np.sqrt((weights**2 * means.var() / taken * (1 - taken / sizes)).sum())
    red = table[(table["quantity"] == "mean") & (table["channel"] == "red")].iloc[0]
    assert (red["high"] - red["low"]) / (2 * 1.96) == pytest.approx(expected, rel=0.15)


def test_bad_requests_are_refused(images):
    with pytest.raises(ParameterError, match="chunk"):
        channel_statistics(images, chunk=0)
    with pytest.raises(DataError, match="at least one"):
        channel_statistics(images, [])
    with pytest.raises(DataError, match="not in the cache"):
        channel_statistics(images, ["nobody"])
    with pytest.raises(ParameterError, match="sides"):
        moments_by_size(tiny(2), tiny(2).ids, [])
    with pytest.raises(ParameterError, match="share"):
        drawn_again(image_moments(images), tiny(23).table["label"], share=1)
