"""All metrics of many weighted copies of one set of predictions at once, in NumPy.

Behind every bootstrap: a resample is a row of whole-number weights (see ``lesion_weights``), and
a metric of r resamples is an array (r,). Definitions at the edges are those of ``metrics.score``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbook.evaluation.calibration import BINS, bin_index, squared_error
from dermbook.evaluation.uncertainty import lesion_weights

if TYPE_CHECKING:
    from dermbook.evaluation.predictions import Predictions

#: (metric, class name); the class is "" for a metric of all classes together
Key = tuple[str, str]


def resampled_scores(
    predictions: "Predictions", resamples: int, seed: int
) -> dict[Key, np.ndarray]:
    """Every metric of each resample of lesions: float64 (resamples,); empty for no resamples.

    Predictions of the same images in the same order meet the same resamples under one seed.
    """
    scores = WeightedScores(predictions.truth_codes, predictions.probabilities, predictions.classes)
    groups = predictions.group_codes
    chunks = [scores(weights) for weights in lesion_weights(groups, resamples, seed)]
    if not chunks:
        return {}
    return {key: np.concatenate([chunk[key] for chunk in chunks]) for key in chunks[0]}


def margin_scores(
    hits: np.ndarray, truth: np.ndarray, predicted: np.ndarray, classes: tuple[str, ...]
) -> dict[Key, np.ndarray]:
    """Every metric that needs counts only, from three margins of a confusion matrix.

    hits, truth, predicted: float (…, k): for each class the (weighted) count of rows that are
    right, that are of the class, and that are predicted to be. Leading axes are resamples.
    Returns arrays of shape (…). Edges as ``metrics.score`` defines them.
    """
    total = truth.sum(axis=-1)
    occurs = (truth > 0) | (predicted > 0)
    # scikit-learn's zero_division=0 makes these 0 where nothing was predicted, or nothing was there
    precision = _ratio(hits, predicted, undefined=0.0)
    recall = _ratio(hits, truth, undefined=0.0)
    f1 = _ratio(2 * hits, truth + predicted, undefined=0.0)
    negatives = total[..., None] - truth
    specificity = _ratio(negatives - predicted + hits, negatives, undefined=np.nan)
    accuracy = _ratio(hits.sum(axis=-1), total, undefined=np.nan)
    scores = {
        ("accuracy", ""): accuracy,
        ("balanced_accuracy", ""): _mean_where(recall, truth > 0),
        ("f1_micro", ""): accuracy,
        ("f1_macro", ""): _mean_where(f1, occurs),
        ("f1_weighted", ""): _ratio((f1 * truth).sum(axis=-1), total, undefined=np.nan),
        ("precision_macro", ""): _mean_where(precision, occurs),
        ("recall_macro", ""): _mean_where(recall, occurs),
        ("specificity_macro", ""): _mean_where(specificity, occurs & (negatives > 0)),
        ("cohen_kappa", ""): _kappa(hits, truth, predicted),
        ("mcc", ""): _mcc(hits, truth, predicted),
    }
    for index, name in enumerate(classes):
        scores["precision", name] = precision[..., index]
        scores["recall", name] = np.where(truth[..., index] > 0, recall[..., index], np.nan)
        scores["specificity", name] = specificity[..., index]
        scores["f1", name] = np.where(occurs[..., index], f1[..., index], np.nan)
    return scores


class WeightedScores:
    """Metrics of ``predictions`` under row weights.

    truth: int (n,) codes; probabilities: float64 (n, k). Calling it with weights (r, n), not
    negative, gives every metric of ``metrics.score`` except support, each as float64 (r,).
    """

    def __init__(
        self, truth: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]
    ) -> None:
        self.classes = classes
        self._columns = _row_columns(truth, probabilities)
        self._rankings = [
            _Ranking.of(truth == code, probabilities[:, code]) for code in range(len(classes))
        ]

    def __call__(self, weights: np.ndarray) -> dict[Key, np.ndarray]:
        k = len(self.classes)
        total = weights.sum(axis=1)
        sums = weights @ self._columns
        hits, truth, predicted, losses, gaps = np.split(sums, [k, 2 * k, 3 * k, 3 * k + 2], axis=1)
        scores = margin_scores(hits, truth, predicted, self.classes)
        scores["brier", ""] = losses[:, 0] / total
        scores["log_loss", ""] = losses[:, 1] / total
        scores["ece", ""] = np.abs(gaps).sum(axis=1) / total
        ranked = [ranking.scores(weights) for ranking in self._rankings]
        for position, metric in enumerate(("roc_auc", "average_precision")):
            by_class = np.stack([pair[position] for pair in ranked], axis=1)
            for index, name in enumerate(self.classes):
                scores[metric, name] = by_class[:, index]
            # two classes: the second is the positive one
            overall = by_class[:, 1] if k == 2 else _mean_where(by_class, ~np.isnan(by_class))
            scores[metric, ""] = overall
        return scores


@dataclass(frozen=True)
class _Ranking:
    """One class against the rest, sorted once: enough for AUC and AP under any weights."""

    positives: np.ndarray  # rows, by rising score
    negatives: np.ndarray  # rows, by rising score
    negatives_below: np.ndarray  # for each positive: negatives with a lower score
    negatives_upto: np.ndarray  # … with a lower or the same score
    positives_below: np.ndarray  # positives with a lower score

    @classmethod
    def of(cls, is_positive: np.ndarray, score: np.ndarray) -> "_Ranking":
        order = np.argsort(score, kind="stable")
        positives, negatives = order[is_positive[order]], order[~is_positive[order]]
        at, against = score[positives], score[negatives]
        return cls(
            positives=positives,
            negatives=negatives,
            negatives_below=np.searchsorted(against, at, side="left"),
            negatives_upto=np.searchsorted(against, at, side="right"),
            positives_below=np.searchsorted(at, at, side="left"),
        )

    def scores(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ROC AUC, average precision), each (r,); NaN where a side has no weight.

        AUC is Mann–Whitney's: the weight of pairs ranked rightly, ties counting half. AP is the
        mean over positives of the precision at their score (rows of the same score together).
        """
        positive = weights[:, self.positives]
        below_positive = _running_sums(positive)
        below_negative = _running_sums(weights[:, self.negatives])
        all_positive, all_negative = below_positive[:, -1], below_negative[:, -1]
        lower = below_negative[:, self.negatives_below]
        upto = below_negative[:, self.negatives_upto]
        pairs = np.einsum("rp,rp->r", positive, lower + upto) / 2
        auc = _ratio(pairs, all_positive * all_negative, undefined=np.nan)

        found = all_positive[:, None] - below_positive[:, self.positives_below]
        false = all_negative[:, None] - lower
        precision = _ratio(found, found + false, undefined=0.0)
        gained = np.einsum("rp,rp->r", positive, precision)
        return auc, _ratio(gained, all_positive, undefined=np.nan)


def _row_columns(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """What each row adds to the sums: hits, truth and predicted a class, losses, bin gaps."""
    n, k = probabilities.shape
    rows = np.arange(n)
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[rows, predicted]
    is_truth, is_predicted = np.eye(k)[truth], np.eye(k)[predicted]
    tiny = np.finfo("float64").eps
    log_loss = -np.log(np.clip(probabilities[rows, truth], tiny, 1 - tiny))
    losses = np.column_stack([squared_error(truth, probabilities), log_loss])
    gaps = np.zeros((n, BINS))
    gaps[rows, bin_index(confidence)] = (truth == predicted) - confidence
    return np.hstack([is_truth * is_predicted, is_truth, is_predicted, losses, gaps])


def _running_sums(weights: np.ndarray) -> np.ndarray:
    """Cumulative sums along the rows with a leading 0: (r, m) → (r, m + 1)."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def _ratio(numerator: np.ndarray, denominator: np.ndarray, *, undefined: float) -> np.ndarray:
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), undefined)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)


def _mean_where(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    total = np.where(counted, values, 0.0).sum(axis=-1)
    return _ratio(total, counted.sum(axis=-1).astype("float64"), undefined=np.nan)


def _kappa(hits: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    total = truth.sum(axis=-1)
    chance = (truth * predicted).sum(axis=-1)
    return _ratio(hits.sum(axis=-1) * total - chance, total**2 - chance, undefined=np.nan)


def _mcc(hits: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Matthews correlation of k classes (Gorodkin 2004); 0 where a side is constant."""
    total = truth.sum(axis=-1)
    covariance = hits.sum(axis=-1) * total - (truth * predicted).sum(axis=-1)
    spread = (total**2 - (truth**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return _ratio(covariance, np.sqrt(np.maximum(spread, 0)), undefined=0.0)
