"""How well a mask fits another: pixel counts, Dice, IoU, and distances between the borders."""

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError

#: IoU below which the challenge of ISIC 2018 gave a picture nothing (Codella et al. 2019)
JACCARD_BAR = 0.65


def pixel_counts(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Pixels in both, in the true and in the found mask: int64 (n, 3).

    truth, found: bool (n, height, width). DataError for another dtype or differing shapes.
    """
    _check(truth, found)
    return np.stack(
        [np.count_nonzero(each, axis=(1, 2)) for each in (truth & found, truth, found)], axis=1
    ).astype(np.int64)


def dice(common: np.ndarray, truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """2 |A∩B| / (|A| + |B|), float64 0..1; 1 where both are empty, 0 where one is."""
    sizes = np.asarray(truth, float) + found
    return np.divide(2.0 * np.asarray(common), sizes, out=np.ones_like(sizes), where=sizes > 0)


def iou(common: np.ndarray, truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """|A∩B| / |A∪B| (Jaccard), float64 0..1; 1 where both are empty, 0 where one is."""
    union = np.asarray(truth, float) + found - common
    return np.divide(np.asarray(common, float), union, out=np.ones_like(union), where=union > 0)


def iou_of_dice(value: np.ndarray | float) -> np.ndarray | float:
    """IoU = D / (2 − D): exact for one pair of masks, or for pixels of many pairs put together."""
    return value / (2 - value)


def threshold_jaccard(values: np.ndarray) -> np.ndarray:
    """The score of ISIC 2018, task 1: the IoU where it is .65 or more, else 0."""
    return np.where(np.asarray(values) >= JACCARD_BAR, values, 0.0)


def border_distances(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Average symmetric surface distance and the 95th percentile of Hausdorff's, in pixels.

    truth, found: bool (height, width). Distances go from each border pixel of either mask to the
    nearest border pixel of the other; the first is their mean over both borders, the second the
    larger of the two directions' 95th percentiles. A border pixel is a lesion pixel with a
    neighbour (of four) that is not, or at the picture's edge. Both 0 where both masks are empty,
    NaN where one is: there is no border to be near to.
    """
    from scipy.ndimage import distance_transform_edt

    _check(truth[None], found[None])
    if not truth.any() or not found.any():
        return (0.0, 0.0) if truth.any() == found.any() else (np.nan, np.nan)
    ours, theirs = border(truth), border(found)
    to_truth = distance_transform_edt(~ours)[theirs]
    to_found = distance_transform_edt(~theirs)[ours]
    mean = (to_truth.sum() + to_found.sum()) / (len(to_truth) + len(to_found))
    return float(mean), float(max(np.percentile(to_truth, 95), np.percentile(to_found, 95)))


def border(mask: np.ndarray) -> np.ndarray:
    """Border pixels of a mask, bool (height, width); see ``border_distances``."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def judge_masks(
    ids: pd.Index, truth: np.ndarray, found: np.ndarray, *, distances: bool = True
) -> pd.DataFrame:
    """One row a picture, index image_id: what every score is computed from.

    int64 common, truth, found (pixels); float64 dice, iou, surface (average symmetric surface
    distance) and hausdorff (95 %), in pixels. distances: False leaves the last two NaN; they take
    most of the time.
    """
    if not len(ids) == len(truth) == len(found):
        raise DataError(f"{len(ids)} ids, {len(truth)} true and {len(found)} found masks.")
    counts = pixel_counts(truth, found)
    pairs = zip(truth, found, strict=True)
    far = [border_distances(*pair) if distances else (np.nan, np.nan) for pair in pairs]
    return pd.DataFrame(
        {
            "common": counts[:, 0],
            "truth": counts[:, 1],
            "found": counts[:, 2],
            "dice": dice(*counts.T),
            "iou": iou(*counts.T),
            "surface": [pair[0] for pair in far],
            "hausdorff": [pair[1] for pair in far],
        },
        index=pd.Index(ids, name="image_id"),
    )


def pooled_in_batches(
    judged: pd.DataFrame, size: int, *, seed: int = 0
) -> tuple[float, float, float]:
    """Means over shuffled batches of ``size`` pictures of Dice and IoU of each batch's pixels.

    That is what a loop over batches prints. Returns mean Dice, mean IoU and the standard deviation
    of the batches' Dice. ParameterError for a size below 1.
    """
    if size < 1:
        raise ParameterError(f"size: must be 1 or more, not {size}.")
    order = np.random.default_rng(seed).permutation(len(judged))
    counts = judged[["common", "truth", "found"]].to_numpy()[order]
    sums = np.add.reduceat(counts, np.arange(0, len(counts), size), axis=0)
    values = dice(*sums.T)
    return float(values.mean()), float(iou(*sums.T).mean()), float(values.std())


def _check(truth: np.ndarray, found: np.ndarray) -> None:
    for name, masks in (("truth", truth), ("found", found)):
        if masks.dtype != bool or masks.ndim != 3:
            raise DataError(f"{name}: bool (n, height, width), not {masks.dtype} {masks.shape}.")
    if truth.shape != found.shape:
        raise DataError(f"masks of different shapes: {truth.shape} and {found.shape}.")
