"""Scores of Predictions: the values by scikit-learn, the intervals by resampling lesions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.evaluation.calibration import brier, expected_calibration_error
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import MAX_UNDEFINED, percentile_interval, wilson
from dermbook.evaluation.weighted import Key, resampled_scores

#: metrics of all classes together, in the order of the table
OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "f1_micro",
    "f1_macro",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "specificity_macro",
    "roc_auc",
    "average_precision",
    "brier",
    "log_loss",
    "ece",
    "cohen_kappa",
    "mcc",
)
#: metrics of one class against the rest
BY_CLASS = ("precision", "recall", "specificity", "f1", "support", "roc_auc", "average_precision")
#: columns of every table of scores
COLUMNS = ("metric", "class", "value", "low", "high", "n", "interval")

#: proportions; with fewer successes or failures than FEW the bootstrap is too narrow
_PROPORTIONS = ("accuracy", "f1_micro", "precision", "recall", "specificity")
FEW = 5


def score(
    predictions: Predictions, *, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Every metric of the book, overall and by class, with intervals.

    Returns a tidy table: metric, class ("" for all classes together), value, low, high (floats,
    NaN where undefined), n (Int64, the images the value is computed from), interval (how low and
    high were computed; empty for support and when ``resamples`` is 0).

    **Values** (scikit-learn). Predicted is the most probable class; of tied classes the first.

    - ``accuracy`` = ``f1_micro``; ``balanced_accuracy``: mean recall of the classes in the truth.
    - ``f1_macro``, ``precision_macro``, ``recall_macro``: over classes that occur in the truth or
      among the predictions (scikit-learn's default), what is 0/0 counting 0;
      ``specificity_macro`` over the same classes; ``f1_weighted``: by support.
    - ``roc_auc``, ``average_precision``: one class against the rest, averaged over the classes in
      the truth; two classes: of the second class, the positive one. Ties count half in the AUC.
    - ``brier``: see ``calibration.brier`` (0–2; two classes 0–1). ``log_loss``: nats,
      probabilities clipped at 2e-16. ``ece``: 15 bins, see ``expected_calibration_error``.
    - ``cohen_kappa``; ``mcc`` (0 when truth or predictions are constant).
    - By class: ``precision`` (0 if never predicted), ``recall`` = sensitivity, ``specificity``,
      ``f1``, ``support`` (images), ``roc_auc``, ``average_precision``.

    Undefined, NaN: recall, AUC and AP of a class that is absent; f1 of a class neither present nor
    predicted; specificity and AUC when only that class is present; kappa when truth and
    predictions are one and the same class.

    **Intervals**: the central ``level`` of ``resamples`` resamples of lesions, each scored exactly
    as the sample is; a resample in which the metric is undefined is left out and counted in
    ``interval``, and over 5 % of them leave NaN. A proportion (accuracy, f1_micro, precision,
    recall, specificity) with fewer than 5 successes or failures gets Wilson's interval, its n
    scaled down to the number of lesions: there a bootstrap is too narrow, or a single point.

    Raises DataError when the truth of an image is unknown, ParameterError for bad options.
    """
    values, counts = _values(predictions)
    draws = resampled_scores(predictions, resamples, seed)
    rows = []
    for (metric, name), value in values.items():
        low = high = np.nan
        interval = ""
        if resamples and metric != "support":
            low, high, interval = _interval(draws[metric, name], level)
            support = counts.lesions.get((metric, name))
            if support and _is_extreme(value, support):
                low, high = wilson(value * support, support, level)
                interval = f"Wilson, {support} lesions"
        rows.append((metric, name, value, low, high, counts.rows[metric, name], interval))
    return score_table(rows)


def score_table(rows: Sequence[tuple]) -> pd.DataFrame:
    """Rows in the order of ``COLUMNS`` as a table of scores with its dtypes."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(
        {"value": "float64", "low": "float64", "high": "float64", "n": "Int64"}
        | dict.fromkeys(("metric", "class", "interval"), "str")
    )


class _Counts:
    """Images, and for proportions lesions, that each value is computed from."""

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray, classes):
        everything = np.ones(len(truth), dtype=bool)
        self.rows: dict[Key, int] = {}
        self.lesions: dict[Key, int] = {}
        for metric in OVERALL:
            self._add((metric, ""), everything, groups)
        for code, name in enumerate(classes):
            denominators = {
                "precision": predicted == code,
                "recall": truth == code,
                "specificity": truth != code,
            }
            for metric in BY_CLASS:
                self._add((metric, name), denominators.get(metric, everything), groups)

    def _add(self, key: Key, chosen: np.ndarray, groups: np.ndarray) -> None:
        self.rows[key] = int(chosen.sum())
        if key[0] in _PROPORTIONS:
            self.lesions[key] = len(np.unique(groups[chosen]))


def _values(predictions: Predictions) -> tuple[dict[Key, float], _Counts]:
    from sklearn import metrics as sk

    truth, predicted = predictions.truth_codes, predictions.predicted_codes
    probabilities, classes = predictions.probabilities, predictions.classes
    codes = np.arange(len(classes))
    macro = {"average": "macro", "zero_division": 0}
    each = {"average": None, "labels": codes, "zero_division": 0}
    confusion = sk.confusion_matrix(truth, predicted, labels=codes)
    occurs = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    one_class = occurs.sum() == 1
    support = confusion.sum(axis=1)
    specificity = _specificity(confusion)
    auc, precision_area = _areas(truth, probabilities)
    accuracy = sk.accuracy_score(truth, predicted)
    overall = {
        "accuracy": accuracy,
        # = balanced_accuracy_score, which warns of predicted classes that the truth lacks
        "balanced_accuracy": sk.recall_score(truth, predicted, labels=codes[support > 0], **macro),
        "f1_micro": sk.f1_score(truth, predicted, average="micro", zero_division=0),
        "f1_macro": sk.f1_score(truth, predicted, **macro),
        "f1_weighted": sk.f1_score(truth, predicted, average="weighted", zero_division=0),
        "precision_macro": sk.precision_score(truth, predicted, **macro),
        "recall_macro": sk.recall_score(truth, predicted, **macro),
        "specificity_macro": _mean_of_defined(specificity[occurs]),
        "roc_auc": auc[1] if len(classes) == 2 else _mean_of_defined(auc),
        "average_precision": (
            precision_area[1] if len(classes) == 2 else _mean_of_defined(precision_area)
        ),
        "brier": brier(predictions),
        "log_loss": sk.log_loss(truth, probabilities, labels=codes),
        "ece": expected_calibration_error(predictions),
        # scikit-learn warns of a single class and then returns the same two values
        "cohen_kappa": np.nan if one_class else sk.cohen_kappa_score(truth, predicted),
        "mcc": 0.0 if one_class else sk.matthews_corrcoef(truth, predicted),
    }
    by_class = {
        "precision": sk.precision_score(truth, predicted, **each),
        "recall": np.where(support > 0, sk.recall_score(truth, predicted, **each), np.nan),
        "specificity": specificity,
        "f1": np.where(occurs, sk.f1_score(truth, predicted, **each), np.nan),
        "support": support,
        "roc_auc": auc,
        "average_precision": precision_area,
    }
    values = {(metric, ""): float(overall[metric]) for metric in OVERALL}
    for index, name in enumerate(classes):
        values |= {(metric, name): float(by_class[metric][index]) for metric in BY_CLASS}
    return values, _Counts(truth, predicted, predictions.group_codes, classes)


def _areas(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ROC AUC and average precision of each class against the rest, NaN where undefined."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    k = probabilities.shape[1]
    auc, precision_area = np.full(k, np.nan), np.full(k, np.nan)
    for code in range(k):
        positive = truth == code
        if positive.any():
            precision_area[code] = average_precision_score(positive, probabilities[:, code])
        if positive.any() and not positive.all():
            auc[code] = roc_auc_score(positive, probabilities[:, code])
    return auc, precision_area


def _specificity(confusion: np.ndarray) -> np.ndarray:
    negatives = confusion.sum() - confusion.sum(axis=1)
    rightly = negatives - confusion.sum(axis=0) + np.diag(confusion)
    return np.divide(rightly, negatives, out=np.full(len(negatives), np.nan), where=negatives > 0)


def _mean_of_defined(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else np.nan


def _interval(draws: np.ndarray, level: float) -> tuple[float, float, str]:
    low, high, undefined = percentile_interval(draws, level)
    text = f"bootstrap by lesion, {len(draws)} resamples"
    if undefined > MAX_UNDEFINED * len(draws):
        text += f": none, undefined in {undefined}"
    elif undefined:
        text += f", {undefined} undefined left out"
    return low, high, text


def _is_extreme(share: float, lesions: int) -> bool:
    return not np.isnan(share) and min(share, 1 - share) * lesions < FEW
