"""ROC and precision-recall curves, thinned so that a Record can keep them.

A curve is a line through a few of its own corners. Corners are left out in the order of how little
area they add (Visvalingam and Whyatt 1993), so that a hundred points keep the area to the third
decimal.
"""

import heapq
from collections.abc import Callable

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import lesion_weights

#: name of the curve averaged over classes
MACRO = "macro"

_Line = tuple[np.ndarray, np.ndarray]


def roc_points(
    predictions: Predictions,
    *,
    points: int = 100,
    resamples: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """ROC curves: each class against the rest and their mean (two classes: the second only).

    Returns class, false_positive_rate, true_positive_rate (0 to 1, from (0, 0) to (1, 1)) and area
    (of the whole curve, = ``roc_auc``, the same in all rows of a curve). At most ``points`` rows a
    curve, whose own area differs from ``area`` by less than 1e-3 at the default 100. ``macro`` is
    the mean true positive rate at each false positive rate. A class that is absent, or alone, has
    no curve.

    With ``resamples``, also low and high: the central ``level`` of the true positive rate over
    resamples of lesions, at the row's false positive rate (two classes only, else ParameterError).

    Raises ParameterError for fewer than 2 points, DataError when the truth is unknown.
    """
    lines = {}
    for name, is_positive, score in _one_against_rest(predictions):
        if is_positive.any() and not is_positive.all():
            lines[name] = _roc(is_positive, score, np.ones(len(score)))
    frame = _frame(lines, points, ("false_positive_rate", "true_positive_rate"))
    if resamples:
        at = frame["false_positive_rate"].to_numpy()

        def rates(is_positive: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
            return _both_sides(*_roc(is_positive, score, weights), at)[1]

        frame["low"], frame["high"] = _band(
            predictions, "roc_points", rates, resamples, level, seed
        )
    return frame


def pr_points(
    predictions: Predictions,
    *,
    points: int = 100,
    resamples: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Precision-recall curves: each class against the rest and their mean (two: the second only).

    Returns class, recall, precision (0 to 1) and area (= ``average_precision``, the area under the
    steps), and prevalence (a random model's precision). At most ``points`` rows a curve, along the
    steps; the area under them differs from ``area`` by less than 1e-3 at the default 100.
    ``macro`` is the mean precision at each recall. A class that is absent has no curve.

    With ``resamples``, also low and high: the central ``level``, over resamples of lesions, of the
    precision among the fewest images that reach the row's recall (two classes only).

    Raises ParameterError for fewer than 2 points, DataError when the truth is unknown.
    """
    lines, prevalence = {}, {}
    for name, is_positive, score in _one_against_rest(predictions):
        if is_positive.any():
            lines[name] = _precision_recall(is_positive, score, np.ones(len(score)))
            prevalence[name] = is_positive.mean()
    if lines:
        prevalence[MACRO] = np.mean(list(prevalence.values()))
    frame = _frame(lines, points, ("recall", "precision"))
    frame["prevalence"] = frame["class"].map(prevalence).astype("float64")
    if resamples:
        at = frame["recall"].to_numpy()

        def precisions(
            is_positive: np.ndarray, score: np.ndarray, weights: np.ndarray
        ) -> np.ndarray:
            return _both_sides(*_precision_recall(is_positive, score, weights), at)[0]

        frame["low"], frame["high"] = _band(
            predictions, "pr_points", precisions, resamples, level, seed
        )
    return frame


def thinned(x: np.ndarray, y: np.ndarray, points: int) -> _Line:
    """At most ``points`` of a line's corners, its ends among them; (x, y) with x not falling.

    Corners go one by one, always the one whose triangle with its neighbours is smallest.
    ParameterError for fewer than 2 points.
    """
    if points < 2:
        raise ParameterError(f"A curve needs at least 2 points, not {points}.")
    before, after = np.arange(-1, len(x) - 1), np.arange(1, len(x) + 1)

    def triangle(corner: int) -> float:
        a, b = before[corner], after[corner]
        return abs((x[corner] - x[a]) * (y[b] - y[a]) - (x[b] - x[a]) * (y[corner] - y[a])) / 2

    size = {corner: triangle(corner) for corner in range(1, len(x) - 1)}
    smallest = [(area, corner) for corner, area in size.items()]
    heapq.heapify(smallest)
    # corners on a straight line add nothing: they go even when there are few
    while smallest and (len(size) + 2 > points or smallest[0][0] == 0):
        area, corner = heapq.heappop(smallest)
        if size.get(corner) != area:
            continue  # gone, or larger since a neighbour went
        del size[corner]
        a, b = before[corner], after[corner]
        after[a], before[b] = b, a
        for neighbour in (a, b):
            if neighbour in size:
                size[neighbour] = triangle(neighbour)
                heapq.heappush(smallest, (size[neighbour], neighbour))
    kept = [0, *sorted(size), len(x) - 1]
    return x[kept], y[kept]


def area_under(x: np.ndarray, y: np.ndarray) -> float:
    """Area between a line and the x axis."""
    return float(np.trapezoid(y, x))


def _one_against_rest(predictions: Predictions):
    """(class, bool (n,), score (n,)) of each class; of two classes the second only."""
    truth, probabilities = predictions.truth_codes, predictions.probabilities
    for code, name in enumerate(predictions.classes):
        if len(predictions.classes) > 2 or code == 1:
            yield name, truth == code, probabilities[:, code]


def _frame(lines: dict[str, _Line], points: int, columns: tuple[str, str]) -> pd.DataFrame:
    parts = [pd.DataFrame({"class": [], columns[0]: [], columns[1]: [], "area": []})]
    if len(lines) > 1:
        lines = {**lines, MACRO: _mean_line(list(lines.values()))}
    for name, (x, y) in lines.items():
        area = area_under(x, y)
        x, y = thinned(x, y, points)
        part = pd.DataFrame({"class": name, columns[0]: x, columns[1]: y, "area": area})
        parts.append(part)
    frame = pd.concat(parts[1:] or parts, ignore_index=True)
    return frame.astype({"class": "str"} | dict.fromkeys([*columns, "area"], "float64"))


def _roc(is_positive: np.ndarray, score: np.ndarray, weights: np.ndarray) -> _Line:
    """Corners of the ROC curve, from (0, 0) to (1, 1); rows of one score make one sloped step."""
    order = np.argsort(-score, kind="stable")
    last_of_score = np.append(np.diff(score[order]) != 0, True)
    true = np.cumsum((weights * is_positive)[order])[last_of_score]
    false = np.cumsum((weights * ~is_positive)[order])[last_of_score]
    return np.append(0, false / false[-1]), np.append(0, true / true[-1])


def _precision_recall(is_positive: np.ndarray, score: np.ndarray, weights: np.ndarray) -> _Line:
    """Corners of the step curve whose area is the average precision."""
    order = np.argsort(-score, kind="stable")
    last_of_score = np.append(np.diff(score[order]) != 0, True)
    true = np.cumsum((weights * is_positive)[order])[last_of_score]
    called = np.cumsum(weights[order])[last_of_score]
    recall = true / true[-1]
    rises = np.diff(np.append(0, recall)) > 0
    ends, precision = recall[rises], true[rises] / called[rises]
    starts = np.append(0, ends[:-1])
    return np.column_stack([starts, ends]).ravel(), np.repeat(precision, 2)


def _mean_line(lines: list[_Line]) -> _Line:
    """The mean of y at each x, upright steps included, so its area is the mean area."""
    grid = np.unique(np.concatenate([x for x, _ in lines]))
    sides = [_both_sides(x, y, grid) for x, y in lines]
    arriving = np.mean([side[0] for side in sides], axis=0)
    leaving = np.mean([side[1] for side in sides], axis=0)
    return np.repeat(grid, 2), np.column_stack([arriving, leaving]).ravel()


def _both_sides(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y where the line arrives at, and where it leaves, each x of the grid."""
    first, last = np.searchsorted(x, grid, side="left"), np.searchsorted(x, grid, side="right") - 1
    is_corner = x[np.minimum(first, len(x) - 1)] == grid
    between = np.interp(grid, x, y)
    arriving = np.where(is_corner, y[np.minimum(first, len(x) - 1)], between)
    return arriving, np.where(is_corner, y[last], between)


def _band(
    predictions: Predictions,
    name: str,
    heights: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    resamples: int,
    level: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The central ``level`` of ``heights(is_positive, score, weights)`` over resamples of lesions.

    A resample without a positive, or without a negative image, is left out.
    """
    if len(predictions.classes) != 2:
        raise ParameterError(f"{name}: a band (resamples) is drawn for two classes only.")
    truth, score = predictions.truth_codes == 1, predictions.probabilities[:, 1]
    found = [
        heights(truth, score, weights)
        for chunk in lesion_weights(predictions.group_codes, resamples, seed)
        for weights in chunk
        if weights[truth].any() and weights[~truth].any()
    ]
    if not found:
        return np.nan, np.nan
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return low, high
