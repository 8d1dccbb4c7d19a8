"""Does heat fall on the lesion? Shares, the pointing game, and what chance and place would give."""

import cv2
import numpy as np

from dermbook.data import resize
from dermbook.errors import DataError, ParameterError


def heat_shares(heat: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share of each map's heat that lies inside its mask, float64 (n,); NaN for a map without heat.

    heat: (n, height, width), 0 or more. masks: bool, the same shape.
    """
    heat = _checked(heat, masks)
    total = heat.sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, (heat * masks).sum(axis=(1, 2)) / total, np.nan)


def area_shares(masks: np.ndarray) -> np.ndarray:
    """Share of each picture that its mask covers, float64 (n,): what even heat would reach."""
    return np.asarray(masks, bool).mean(axis=(1, 2))


def pointing_hits(heat: np.ndarray, masks: np.ndarray, *, tolerance: float = 0.0) -> np.ndarray:
    """The pointing game (Zhang et al. 2016): is the hottest pixel on the lesion? float64 (n,).

    tolerance: pixels that it may lie beside the lesion (Euclidean). Of several equally hot pixels,
    the share that hits, so that even heat is right as often as chance is. NaN for a map without
    heat. ParameterError for a tolerance below 0.
    """
    heat = _checked(heat, masks)
    if not tolerance >= 0:
        raise ParameterError(f"tolerance: pixels, 0 or more, not {tolerance!r}.")
    highest = heat.max(axis=(1, 2), keepdims=True)
    hottest = heat == highest
    allowed = np.stack([_widened(mask, tolerance) for mask in np.asarray(masks, bool)])
    hits = (hottest & allowed).sum(axis=(1, 2)) / hottest.sum(axis=(1, 2))
    return np.where(highest.ravel() > 0, hits, np.nan)


def center_heat(count: int, height: int, width: int, *, spread: float = 0.25) -> np.ndarray:
    """A baseline that looks at no picture: a Gaussian in the middle of it.

    Returns float32 (count, height, width), read-only. spread: its standard deviation as a share of
    each side, above 0. Photographers put lesions in the middle, so it beats chance by far.
    """
    if not spread > 0:
        raise ParameterError(f"spread: must be above 0, not {spread!r}.")
    down, across = (
        np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / spread) ** 2)
        for side in (height, width)
    )
    one = np.outer(down, across).astype("float32")
    return np.broadcast_to(one, (count, height, width))


def coarse_masks(masks: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The masks themselves as heat of a coarse grid: float32 (n, height, width), 0..1.

    Each is averaged over the grid's places and enlarged again as heat is: what a map that knows
    the lesion could show at that resolution.
    """
    masks = np.asarray(masks, bool)
    height, width = masks.shape[1:]
    return np.stack(
        [resize(resize(mask.astype("float32"), *grid), height, width) for mask in masks]
    )


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each pair of maps, float64 (n,); NaN where one is constant.

    first, second: (n, h, w). Equal values share their mean rank.
    """
    from scipy.stats import rankdata

    if first.shape != second.shape:
        raise DataError(f"rank_correlation: {first.shape} and {second.shape} differ in shape.")
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    ranks = [each - each.mean(axis=1, keepdims=True) for each in ranks]
    scale = np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, (ranks[0] * ranks[1]).sum(axis=1) / scale, np.nan)


def _widened(mask: np.ndarray, tolerance: float) -> np.ndarray:
    if not tolerance or not mask.any():
        return mask
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return away <= tolerance


def _checked(heat: np.ndarray, masks: np.ndarray) -> np.ndarray:
    heat = np.asarray(heat, "float64")
    if heat.shape != np.shape(masks) or heat.ndim != 3:
        raise DataError(
            f"heat {heat.shape} and masks {np.shape(masks)} must be (n, height, width)."
        )
    if np.isnan(heat).any() or (heat < 0).any():
        raise DataError("heat: must be 0 or more everywhere.")
    return heat
