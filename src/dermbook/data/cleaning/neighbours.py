"""Near duplicates by embedding: images whose vectors point the same way."""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

from dermbook.data.cleaning.hashing import dihedral, grey_squares
from dermbook.errors import DataError, ParameterError

_CHUNK = 1024
THUMBNAIL = 24


def cosine_pairs(
    vectors: np.ndarray,
    ids: Sequence[str],
    *,
    neighbours: int = 5,
    threshold: float = -1.0,
    mutual: bool = False,
    others: Sequence[np.ndarray] = (),
) -> pd.DataFrame:
    """Each image with its ``neighbours`` nearest by cosine, at or above ``threshold``.

    vectors: (n, d) finite; the mean is subtracted first, because the vectors of a network that
    ends in a ReLU all point into one corner. others: vectors of the same images under other views
    (turned, mirrored), in the same order; the best view of a pair counts. mutual: keep a pair only
    if each is among the other's nearest. A pair appears once.

    Columns: image_id, other, cosine (−1..1); the closest first. float32 products in chunks of rows,
    never the whole (n, n) table.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    n = len(vectors)
    if vectors.ndim != 2 or n != len(ids):
        raise DataError(f"cosine_pairs: vectors {vectors.shape} for {len(ids)} image ids.")
    if not np.isfinite(vectors).all():
        raise DataError("cosine_pairs: the vectors hold values that are not finite.")
    if neighbours < 1 or n < 2:
        raise ParameterError(f"cosine_pairs: neighbours={neighbours} of {n} images.")
    mean = vectors.mean(axis=0)
    views = [_unit(np.asarray(view, np.float32) - mean) for view in (vectors, *others)]
    return nearest_pairs(views, ids, neighbours=neighbours, threshold=threshold, mutual=mutual)


def nearest_pairs(
    views: Sequence[np.ndarray],
    ids: Sequence[str],
    *,
    neighbours: int,
    threshold: float = -1.0,
    mutual: bool = False,
) -> pd.DataFrame:
    """As ``cosine_pairs``, of vectors of length 1; ``views[0]`` is the plain one."""
    base, n = views[0], len(ids)
    neighbours = min(neighbours, n - 1)
    near, cosine = np.empty((n, neighbours), np.int64), np.empty((n, neighbours), np.float32)
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        table = base[rows] @ base.T
        for view in views[1:]:
            np.maximum(table, view[rows] @ base.T, out=table)
        # an image's own mirror image is no neighbour
        table[np.arange(len(table)), np.arange(start, start + len(table))] = -np.inf
        near[rows] = np.argpartition(-table, neighbours - 1, axis=1)[:, :neighbours]
        cosine[rows] = np.take_along_axis(table, near[rows], axis=1)
    return _frame(near, cosine, ids, threshold, mutual)


def thumbnail_vectors(images: np.ndarray, *, components: int = 150) -> list[np.ndarray]:
    """Whitened thumbnails of the pictures and of their 7 turns and mirrorings, float32 (n, d) each.

    A plain embedding that needs no network: grey 24 × 24 thumbnails, each standardised, projected
    on the ``components`` main directions of all of them (at most one for four pictures: the last
    ones are noise) and scaled to variance 1. Whitening takes
    away what all lesion pictures share (a dark blob in the middle) and leaves what tells them
    apart. The first is for ``vectors``, the others for ``others`` of ``cosine_pairs``.
    """
    squares = grey_squares(images, THUMBNAIL, THUMBNAIL)
    flat = _standardised(squares)
    mean = flat.mean(axis=0)
    values, directions = np.linalg.eigh(np.cov((flat - mean).T))
    keep = np.argsort(values)[::-1][: min(components, max(2, len(flat) // 4))]
    scale = directions[:, keep] / np.sqrt(np.maximum(values[keep], 1e-4 * values.max()))
    scale = scale.astype(np.float32)
    return [(_standardised(turned) - mean) @ scale for turned in dihedral(squares)]


def colour_vectors(images: np.ndarray) -> np.ndarray:
    """Colour and texture in numbers, float32 (n, 99): a plain embedding that needs no network.

    images: uint8 (n, height, width, 3) RGB. Of a 48 × 64 thumbnail in CIELAB, at three scales of
    blur (0.5, 1 and 2 pixels): seven quantiles a channel; how much finer structure there is, in
    all of the picture and in its middle half; how the middle differs from the whole; and each
    channel's spread.
    """
    ranks = (np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98]) * (48 * 64 - 1)).astype(int)
    rows = []
    for image in images:
        small = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
        middle = np.s_[12:36, 16:48]
        row: list[np.ndarray] = []
        for sigma in (0.5, 1, 2):
            smooth = cv2.GaussianBlur(lab, (0, 0), sigma)
            fine = lab - smooth
            ordered = np.sort(smooth.reshape(-1, 3), axis=0)
            contrast = smooth[middle].mean((0, 1)) - smooth.mean((0, 1))
            row += [ordered[ranks].ravel(), fine.std((0, 1)), fine[middle].std((0, 1))]
            row += [contrast, smooth.std((0, 1))]
        rows.append(np.concatenate(row))
    return np.asarray(rows, dtype=np.float32)


def _standardised(squares: np.ndarray) -> np.ndarray:
    flat = squares.reshape(len(squares), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(flat.std(axis=1, keepdims=True), 1e-6)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, 1e-12)


def _frame(
    near: np.ndarray, cosine: np.ndarray, ids: Sequence[str], threshold: float, mutual: bool
) -> pd.DataFrame:
    rows = np.repeat(np.arange(len(near)), near.shape[1])
    found = pd.DataFrame({"i": rows, "j": near.ravel(), "cosine": cosine.ravel()})
    found["low"] = found[["i", "j"]].min(axis=1)
    found["high"] = found[["i", "j"]].max(axis=1)
    found = found.groupby(["low", "high"], as_index=False).agg(
        cosine=("cosine", "max"), seen=("i", "nunique")
    )
    found = found[(found["cosine"] >= threshold) & (found["seen"] >= (2 if mutual else 1))]
    found = found.sort_values(["cosine", "low", "high"], ascending=[False, True, True])
    names = np.asarray(ids, dtype=object)
    frame = pd.DataFrame({"image_id": names[found["low"]], "other": names[found["high"]]})
    frame = frame.astype("str")
    frame["cosine"] = found["cosine"].to_numpy(dtype=np.float64)
    return frame
