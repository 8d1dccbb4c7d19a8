"""Where to put the threshold: what each one costs, and choosing it without the test part."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions


def threshold_table(
    predictions: Predictions,
    positive: str | Sequence[str],
    thresholds: Sequence[float] | None = None,
    *,
    false_negative_cost: float = 1.0,
) -> pd.DataFrame:
    """Sensitivity and its price at each threshold; positive is a probability ≥ the threshold.

    positive: one class, or several whose probabilities are added (all malignant ones, say).
    thresholds: 0 to 1; by default 101 of them, 0, .01 … 1.
    false_negative_cost: what a missed case costs, in false alarms.

    Returns threshold, tp, fp, fn, tn (images), sensitivity (NaN without positives), specificity
    (NaN without negatives), precision (NaN when none is called positive), f1 (0 then), cost (mean
    an image: (false_negative_cost · fn + fp) / n).

    Raises ParameterError for an unknown class, all classes at once, no thresholds or one out of
    range; DataError when the truth is unknown.
    """
    thresholds = np.linspace(0, 1, 101) if thresholds is None else np.asarray(thresholds, float)
    if thresholds.ndim != 1 or not len(thresholds):
        raise ParameterError("threshold_table: thresholds must be a list of one or more numbers.")
    if not ((thresholds >= 0) & (thresholds <= 1)).all():
        raise ParameterError("threshold_table: thresholds must lie between 0 and 1.")
    is_positive, score = _one_against_rest(predictions, positive)
    return _table(is_positive, score, thresholds, false_negative_cost)


def choose_threshold(
    predictions: Predictions,
    positive: str | Sequence[str],
    *,
    false_negative_cost: float | None = None,
    sensitivity: float | None = None,
    on_test: bool = False,
) -> float:
    """The threshold that is cheapest, or the highest that is sensitive enough. On validation.

    Give one of the two: ``false_negative_cost`` (> 0, in false alarms: the threshold of least cost,
    of equal ones the lowest, which misses least), or the required ``sensitivity`` (in (0, 1]: the
    highest threshold that reaches it, which alarms least). Considered is every probability that
    occurs, and 1. Returns a threshold in [0, 1] for ``threshold_table``; images at it are positive.

    Raises ParameterError unless exactly one is given and in range, for classes as
    ``threshold_table``, and when there is no positive image. Also for the part "test", whose score
    would then no longer be a test (lesson M8), unless ``on_test`` says it is meant, to show that.
    """
    if (false_negative_cost is None) == (sensitivity is None):
        raise ParameterError(
            "choose_threshold: give either false_negative_cost or sensitivity, and not both."
        )
    if predictions.part == "test" and not on_test:
        raise ParameterError(
            "choose_threshold: choose on the validation part; a threshold chosen on the test part "
            "makes its score too good. To show just that, pass on_test=True."
        )
    is_positive, score = _one_against_rest(predictions, positive)
    if not is_positive.any():
        raise ParameterError(f"choose_threshold: no image of {predictions.part} is {positive!r}.")
    candidates = np.unique(np.append(score, 1.0))
    if sensitivity is not None:
        if not 0 < sensitivity <= 1:
            raise ParameterError("choose_threshold: sensitivity must be above 0, at most 1.")
        table = _table(is_positive, score, candidates, 1.0)
        # the tolerance: 0.7 of 10 must be 7 of 10, not 8 for a rounding error
        return float(table["threshold"][table["sensitivity"] >= sensitivity - 1e-12].max())
    if not false_negative_cost > 0:
        raise ParameterError("choose_threshold: false_negative_cost must be above 0.")
    table = _table(is_positive, score, candidates, false_negative_cost)
    return float(table["threshold"][table["cost"].idxmin()])


def _one_against_rest(
    predictions: Predictions, positive: str | Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(bool (n,) truth, float64 (n,) probability) of the positive classes together."""
    names = [positive] if isinstance(positive, str) else list(positive)
    codes = [predictions.classes.index(name) for name in names if name in predictions.classes]
    if len(codes) != len(names) or not 0 < len(set(codes)) < len(predictions.classes):
        raise ParameterError(
            f"positive: {', '.join(names) or 'nothing'} must be some, not all, of the classes "
            f"{', '.join(predictions.classes)}."
        )
    score = predictions.probabilities[:, codes].sum(axis=1)
    return np.isin(predictions.truth_codes, codes), np.clip(score, 0, 1)


def _table(
    is_positive: np.ndarray, score: np.ndarray, thresholds: np.ndarray, false_negative_cost: float
) -> pd.DataFrame:
    positives, negatives = np.sort(score[is_positive]), np.sort(score[~is_positive])
    fn = np.searchsorted(positives, thresholds, side="left")
    tn = np.searchsorted(negatives, thresholds, side="left")
    tp, fp = len(positives) - fn, len(negatives) - tn
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "threshold": thresholds,
                "tp": tp,
                "fp": fp,
                "fn": fn,
                "tn": tn,
                "sensitivity": tp / np.float64(len(positives)),
                "specificity": tn / np.float64(len(negatives)),
                "precision": tp / (tp + fp),
                "f1": np.where(tp > 0, 2 * tp / np.maximum(2 * tp + fp + fn, 1), 0.0),
                "cost": (false_negative_cost * fn + fp) / len(score),
            }
        )
