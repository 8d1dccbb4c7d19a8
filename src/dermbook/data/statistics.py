"""Means and standard deviations of colour channels, exact, over any number of images.

Networks are fed normalised pixels, and R3 (row 3.4) printed the numbers it used. *The* standard
deviation of a set of images has two meanings that differ by half: that of all pixels pooled, and
the mean of each image's own. Here are both, from integer sums kept for each image, so that nothing
is rounded on the way and any subset or resample costs no second look at a pixel.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.data.cache import CachedImages, resize
from dermbook.data.collection import Collection
from dermbook.errors import DataError, ParameterError

CHANNELS = ("red", "green", "blue")
#: of ``channel_statistics``: what each quantity is
QUANTITIES = {
    "mean": "mean of all pixels",
    "pooled_std": "standard deviation of all pixels together",
    "image_std": "mean of the images' own standard deviations",
}
_SUMS = tuple(f"{channel}_sum" for channel in CHANNELS)
_SQUARES = tuple(f"{channel}_squares" for channel in CHANNELS)


def channel_statistics(
    images: CachedImages, ids: Sequence[str] | pd.Index | None = None, *, chunk: int = 256
) -> pd.DataFrame:
    """Mean and both standard deviations of each channel, of pixel values divided by 255.

    ids: which images, all if None; one that occurs twice counts twice. chunk: images in memory at
    a time. Returns quantity (a key of ``QUANTITIES``), channel, value, images; the standard
    deviations divide by the number of pixels (not one less), as NumPy does.

    DataError for unknown ids or none; ParameterError for a chunk below 1.
    """
    return statistics_of(image_moments(images, ids, chunk=chunk))


def image_moments(
    images: CachedImages, ids: Sequence[str] | pd.Index | None = None, *, chunk: int = 256
) -> pd.DataFrame:
    """Sum and sum of squares of each channel of each image: exact integers.

    Index image_id in the order of ``ids``; int64 columns ``red_sum``, ``red_squares``, …, and
    ``pixels``. Parameters and errors as ``channel_statistics``.
    """
    if chunk < 1:
        raise ParameterError(f"chunk: must be 1 or more, not {chunk}.")
    ids = images.ids if ids is None else pd.Index(ids, name="image_id")
    if not len(ids):
        raise DataError("channel statistics need at least one image.")
    parts = []
    for start in range(0, len(ids), chunk):
        parts.append(_moments(images.take(ids[start : start + chunk])))
    return _moment_table(np.concatenate(parts), ids)


def moments_by_size(
    collection: Collection, ids: Sequence[str], sides: Sequence[int]
) -> dict[int, pd.DataFrame]:
    """``image_moments`` of the images resized to squares of several sides, decoding each once.

    sides: pixels, ≥ 1 (R3: 224). Nothing is kept on disk. DataError for unknown ids.
    """
    if not sides or min(sides) < 1:
        raise ParameterError(f"sides: name at least one, each 1 or more, not {list(sides)}.")
    if not len(ids):
        raise DataError("channel statistics need at least one image.")
    rows: dict[int, list[np.ndarray]] = {side: [] for side in sides}
    for image_id in ids:
        image = collection.image(image_id)
        for side in sides:
            rows[side].append(_moments(resize(image, side, side)[None]))
    index = pd.Index(ids, name="image_id")
    return {side: _moment_table(np.concatenate(parts), index) for side, parts in rows.items()}


def statistics_of(moments: pd.DataFrame) -> pd.DataFrame:
    """The table of ``channel_statistics`` from that of ``image_moments``."""
    counts = np.ones((1, len(moments)))
    values = _statistics(moments, counts)
    rows = [
        (quantity, channel, float(values[quantity][0, place]), len(moments))
        for quantity in QUANTITIES
        for place, channel in enumerate(CHANNELS)
    ]
    return pd.DataFrame(rows, columns=["quantity", "channel", "value", "images"])


def drawn_again(
    moments: pd.DataFrame,
    labels: pd.Series,
    *,
    share: float = 0.8,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Where the statistics of a training part fall when it is drawn at random again and again.

    Each draw takes ``share`` of the images of every class, without lesions in mind, as R3 did
    (row 3.1); its own draw cannot be known, but a value outside nearly all draws was not computed
    so. labels: by image id. Returns the table of ``statistics_of`` (of all images) with ``low`` and
    ``high``, the 2.5 and 97.5 percentiles of the draws, and ``images`` of one draw.

    ParameterError unless 0 < share < 1 and draws ≥ 2.
    """
    if not 0 < share < 1 or draws < 2:
        raise ParameterError(f"drawn_again: share {share} must be in (0, 1), draws ≥ 2.")
    codes = pd.factorize(labels.loc[moments.index])[0]
    generator = np.random.default_rng(seed)
    chosen = np.zeros((draws, len(moments)), dtype=np.float64)
    for code in range(codes.max() + 1):
        members = np.flatnonzero(codes == code)
        take = max(1, round(share * len(members)))
        for draw in range(draws):
            chosen[draw, generator.choice(members, take, replace=False)] = 1
    values = _statistics(moments, chosen)
    table = statistics_of(moments).assign(images=int(chosen[0].sum()))
    ends = np.stack([np.percentile(values[q], [2.5, 97.5], axis=0) for q in QUANTITIES])
    return table.assign(low=ends[:, 0].ravel(), high=ends[:, 1].ravel())


def _moments(images: np.ndarray) -> np.ndarray:
    """int64 (n, 7): sums, sums of squares and the number of pixels of uint8 (n, h, w, 3)."""
    flat = images.reshape(len(images), -1, 3)
    # squares up to 65,025 fit 32 bits, and their sums are taken in 64
    sums = flat.sum(axis=1, dtype=np.int64)
    squares = np.square(flat, dtype=np.uint32).sum(axis=1, dtype=np.int64)
    return np.column_stack([sums, squares, np.full(len(flat), flat.shape[1], dtype=np.int64)])


def _moment_table(values: np.ndarray, ids: pd.Index) -> pd.DataFrame:
    return pd.DataFrame(values, index=ids, columns=[*_SUMS, *_SQUARES, "pixels"])


def _statistics(moments: pd.DataFrame, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Each quantity (draws, 3), of ``counts`` (draws, n): how often each draw holds each image."""
    sums = moments[list(_SUMS)].to_numpy(np.float64)
    squares = moments[list(_SQUARES)].to_numpy(np.float64)
    pixels = moments[["pixels"]].to_numpy(np.float64)
    total = counts @ pixels
    mean = counts @ sums / total
    pooled = np.sqrt(np.maximum(counts @ squares / total - mean**2, 0))
    own = np.sqrt(np.maximum(squares / pixels - (sums / pixels) ** 2, 0))
    image = counts @ own / counts.sum(axis=1, keepdims=True)
    return {"mean": mean / 255, "pooled_std": pooled / 255, "image_std": image / 255}
