"""Scores of many masks with intervals: means over pictures beside pooled pixels (lesson M13)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dermbook.data import Collection
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.segmentation.overlap import (
    dice,
    iou,
    iou_of_dice,
    pooled_in_batches,
    threshold_jaccard,
)
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval

DISTANCES = ("surface_distance", "hausdorff_95")
#: what ``mask_scores`` gives: means over pictures, except the pooled ones
METRICS = ("dice", "iou", "threshold_jaccard", "dice_pooled", "iou_pooled", *DISTANCES)


def mask_scores(
    judged: pd.DataFrame,
    collection: Collection,
    *,
    by_class: bool = True,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Scores in the columns of ``score``: metric, class, value, low, high, n, interval.

    judged: of ``judge_masks``. dice, iou, threshold_jaccard, surface_distance, hausdorff_95 (both
    in pixels): means over pictures; of the distances, over the n pictures where neither mask alone
    is empty (left out if none was measured). dice_pooled, iou_pooled: of all pictures' pixels
    together. by_class: also each class's mean Dice. The 95 % intervals draw lesions.
    """
    columns, groups = _summands(judged), _lesions(judged, collection)
    far = bool(columns["bordered"].any())
    names = [name for name in METRICS if far or name not in DISTANCES]
    kinds = collection.table["label"].reindex(judged.index)
    rows = [_row(name, "", columns, groups, resamples, seed) for name in names]
    for class_ in collection.classes if by_class else ():
        here = (kinds == class_).to_numpy()
        if here.any():
            part = {name: values[here] for name, values in columns.items()}
            rows.append(_row("dice", class_, part, _numbered(groups[here]), resamples, seed))
    return pd.DataFrame(rows, columns=["metric", "class", "value", "low", "high", "n", "interval"])


def compare_masks(
    first: pd.DataFrame,
    second: pd.DataFrame,
    collection: Collection,
    *,
    metric: str = "dice",
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, float]:
    """Second minus first mean (or pooled) score on the same pictures and the same resamples.

    Returns first, second, value, low, high. DataError where the pictures differ.
    """
    if metric not in METRICS:
        raise ParameterError(f"metric: {metric!r} is none of {', '.join(METRICS)}.")
    if not first.index.equals(second.index):
        raise DataError("compare_masks: the two were not judged on the same pictures.")
    groups = _lesions(first, collection)
    ours, theirs = (_summands(judged) for judged in (first, second))
    once = np.ones((1, len(first)))
    values = [float(_value(metric, each, once)[0]) for each in (ours, theirs)]
    drawn = [
        _value(metric, theirs, weights) - _value(metric, ours, weights)
        for weights in lesion_weights(groups, resamples, seed)
    ]
    low, high, _ = percentile_interval(np.concatenate(drawn), 0.95)
    return {
        "first": values[0],
        "second": values[1],
        "value": values[1] - values[0],
        "low": low,
        "high": high,
    }


def ways_of_averaging(
    judged: pd.DataFrame, *, batch_sizes: tuple[int, ...] = (8, 16, 32, 64), seed: int = 0
) -> pd.DataFrame:
    """The same masks, averaged in several ways: way, dice, iou, expected, gap.

    way: "all pixels pooled", "mean over batches of N", "mean over pictures". expected: D / (2 − D)
    of that Dice; gap: IoU minus expected. By convexity it is 0 only where all that is averaged is
    equal, else above.
    """
    sums = judged[["common", "truth", "found"]].sum()
    rows = [("all pixels pooled", float(dice(*sums)), float(iou(*sums)))]
    for size in sorted(batch_sizes, reverse=True):
        mean, mean_iou, _ = pooled_in_batches(judged, size, seed=seed)
        rows.append((f"mean over batches of {size}", mean, mean_iou))
    rows.append(("mean over pictures", judged["dice"].mean(), judged["iou"].mean()))
    frame = pd.DataFrame(rows, columns=["way", "dice", "iou"])
    frame["expected"] = iou_of_dice(frame["dice"])
    return frame.assign(gap=frame["iou"] - frame["expected"])


def largest_spread(gap: float) -> float:
    """The largest standard deviation of Dice that a mean's gap to D / (2 − D) leaves possible.

    The curve's second derivative 4 / (2 − D)³ is 1/2 or more on 0..1, so the gap of a mean is at
    least a quarter of the variance (Jensen's inequality with a bound), whatever the distribution.
    ParameterError for a gap below 0.
    """
    if gap < 0:
        raise ParameterError(f"gap: must be 0 or more, not {gap}.")
    return float(2 * np.sqrt(gap))


def _row(
    name: str,
    class_: str,
    columns: Mapping[str, np.ndarray],
    groups: np.ndarray,
    resamples: int,
    seed: int,
) -> tuple:
    once = np.ones((1, len(groups)))
    drawn = [_value(name, columns, weights) for weights in lesion_weights(groups, resamples, seed)]
    low, high, _ = percentile_interval(np.concatenate(drawn), 0.95) if drawn else (np.nan,) * 3
    counted = len(groups)
    if name in DISTANCES:
        counted = int(columns["bordered"].sum())
    how = f"bootstrap by lesion, {resamples} resamples" if resamples else ""
    return name, class_, float(_value(name, columns, once)[0]), low, high, counted, how


def _summands(judged: pd.DataFrame) -> dict[str, np.ndarray]:
    """float64 (n,) by name; every score is a quotient of their weighted sums."""
    bordered = judged["surface"].notna()
    return {
        **{name: judged[name].to_numpy(float) for name in ("common", "truth", "found")},
        "dice": judged["dice"].to_numpy(float),
        "iou": judged["iou"].to_numpy(float),
        "threshold_jaccard": threshold_jaccard(judged["iou"].to_numpy(float)),
        "surface_distance": judged["surface"].fillna(0).to_numpy(float),
        "hausdorff_95": judged["hausdorff"].fillna(0).to_numpy(float),
        "bordered": bordered.to_numpy(float),
    }


def _value(name: str, columns: Mapping[str, np.ndarray], weights: np.ndarray) -> np.ndarray:
    """One score of (r, n) weights of pictures: (r,)."""
    if name.endswith("_pooled"):
        sums = [weights @ columns[each] for each in ("common", "truth", "found")]
        return dice(*sums) if name == "dice_pooled" else iou(*sums)
    far = name in DISTANCES
    with np.errstate(invalid="ignore"):
        total = weights @ columns["bordered"] if far else weights.sum(axis=1)
        return weights @ columns[name] / total


def _lesions(judged: pd.DataFrame, collection: Collection) -> np.ndarray:
    if judged.empty:
        raise DataError("mask_scores: no picture was judged.")
    groups = collection.table["group"].reindex(judged.index)
    if groups.isna().any():
        raise DataError(f"{collection.name} has no image {judged.index[groups.isna()][0]!r}.")
    return _numbered(groups.to_numpy())


def _numbered(groups: np.ndarray) -> np.ndarray:
    return np.unique(groups, return_inverse=True)[1]
