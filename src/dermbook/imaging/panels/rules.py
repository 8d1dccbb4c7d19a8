"""Rules that rate cuts: one by hand, one fitted to pictures whose panels are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dermbook.data import Collection
from dermbook.errors import DataError
from dermbook.imaging.panels.boxes import Box
from dermbook.imaging.panels.candidates import FEATURES, Candidates
from dermbook.imaging.panels.cutting import candidates_of, sides
from dermbook.imaging.panels.margins import trimmed

#: features float64 (n, 13), has the candidate a border, is it a true cut (both bool (n,))
TrainingRows = tuple[np.ndarray, np.ndarray, np.ndarray]
#: inverse strength of the penalty on the rule's weights; 104 features need a firm one
PENALTY = 0.1
#: how far, in pixels, a candidate may lie from the true cut, and from where on it is a wrong one
CLOSE, FAR = 2, 4


def agreeing_rows(candidates: Candidates) -> np.ndarray:
    """The rule by hand: the share of rows that jump on both sides of a cut, 0 if chance would do.

    A cut whose jumps could be chance (``surprise`` below log 100, a bound of 1 %) rates 0. There
    are no weights, only the threshold on the share.
    """
    return np.where(candidates.column("surprise") > np.log(100), candidates.column("step"), 0.0)


@dataclass(frozen=True, eq=False)
class FittedRule:
    """Logistic regressions on a candidate's features and their products, one for cuts with a
    border, one for those without.

    Features are standardised (``means``, ``scales``), clipped to ±4 and joined by their 91 squares
    and products, since what a jump means depends on whether the edge is straight. Calling it with
    ``Candidates`` gives probabilities, float64 (c,).
    """

    means: np.ndarray  # (13,)
    scales: np.ndarray  # (13,)
    weights: Mapping[bool, np.ndarray]  # with a border?: (105,), the last is the intercept

    def __call__(self, candidates: Candidates) -> np.ndarray:
        rows = with_products(candidates.features, self.means, self.scales)
        rows = np.column_stack([rows, np.ones(len(rows))])
        border = candidates.stops > candidates.starts
        scores = np.where(border, rows @ self.weights[True], rows @ self.weights[False])
        return 1 / (1 + np.exp(-scores.clip(-40, 40)))


def with_products(features: np.ndarray, means: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Standardised features, clipped to ±4, then their squares and products: float64 (n, 104)."""
    rows = ((features - means) / scales).clip(-4, 4)
    first, second = np.triu_indices(rows.shape[1])
    return np.hstack([rows, rows[:, first] * rows[:, second]])


def fit_rule(
    collection: Collection, ids: Sequence[str] | None = None, *, c: float = PENALTY
) -> FittedRule:
    """Fit the rule to pictures whose panels are known (``source.boxes``): the tuning phantom.

    c: inverse strength of the penalty. DataError when the collection knows no boxes, or shows too
    few true and false cuts to learn from.
    """
    return fit_rows(training_rows(collection, ids), c=c)


def fit_rows(*parts: TrainingRows, c: float = PENALTY) -> FittedRule:
    """The rule from rows that ``training_rows`` gave, of one or several lots of pictures."""
    from sklearn.linear_model import LogisticRegression

    features, border, truth = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    means, scales = features.mean(0), np.maximum(features.std(0), 1e-6)
    rows, weights = with_products(features, means, scales), {}
    for kind in (True, False):
        chosen = border == kind
        if min(truth[chosen].sum(), (~truth[chosen]).sum()) < 5:
            raise DataError(
                f"There are fewer than five true or false cuts {'with' if kind else 'without'} a "
                "border to learn from; use more pictures."
            )
        model = LogisticRegression(C=c, max_iter=3000).fit(rows[chosen], truth[chosen])
        weights[kind] = np.r_[model.coef_[0], model.intercept_[0]]
    return FittedRule(means, scales, weights)


def training_rows(collection: Collection, ids: Sequence[str] | None = None) -> TrainingRows:
    """Every candidate met on the way down to the true panels.

    Pictures are looked at in their own size (phantoms are below ``WORKING_SIDE``). A candidate
    between close and far is left out: it is neither right nor clearly wrong.
    """
    if not hasattr(collection.source, "boxes"):
        raise DataError(
            f"{collection.name}: its panels are not known, so no rule can be fitted to it. Use "
            "phantom-composites."
        )
    gathered = []
    for image_id in collection.ids if ids is None else ids:
        pixels = collection.image(image_id).astype(np.float32)
        grey, truth = pixels.mean(2), collection.source.boxes(image_id)
        whole = 0, 0, grey.shape[1], grey.shape[0]
        gathered += _down(pixels, grey, trimmed(grey, whole), truth)
    features, border, truth = zip(*gathered, strict=True) if gathered else ((), (), ())
    table = np.array(features, dtype=np.float64).reshape(-1, len(FEATURES))
    return table, np.array(border, bool), np.array(truth, bool)


def _down(
    pixels: np.ndarray, grey: np.ndarray, box: Box, truth: np.ndarray
) -> list[tuple[np.ndarray, bool, bool]]:
    """Candidates of a region with their truth, then of the parts into which the truth cuts it."""
    rows, inside = [], None
    for axis, candidates in candidates_of(pixels, box):
        low, offset = (0, box[0]) if axis == "x" else (1, box[1])
        gaps = _gaps(truth, low, offset)
        for place in range(len(candidates)):
            start, stop = int(candidates.starts[place]), int(candidates.stops[place])
            distance = min((abs(start - a) + abs(stop - b) for a, b in gaps), default=np.inf)
            if distance <= CLOSE or distance > FAR:
                right = distance <= CLOSE
                rows.append((candidates.features[place], stop > start, right))
        if gaps and inside is None:
            inside = axis, gaps[0]
    if inside is not None:
        axis, (start, stop) = inside
        for side in sides(box, axis, start, stop):
            x0, y0, x1, y1 = side
            centres = (truth[:, :2] + truth[:, 2:]) / 2
            within = ((centres >= (x0, y0)) & (centres < (x1, y1))).all(1)
            rows += _down(pixels, grey, trimmed(grey, side), truth[within])
    return rows


def _gaps(truth: np.ndarray, low: int, offset: int) -> list[tuple[int, int]]:
    """Where no true panel lies between others along an axis: (start, stop) from the region's."""
    order = truth[np.argsort(truth[:, low], kind="stable")]
    ends = np.maximum.accumulate(order[:, low + 2])
    return [
        (int(end) - offset, int(start) - offset)
        for end, start in zip(ends[:-1], order[1:, low], strict=True)
        if start >= end
    ]
