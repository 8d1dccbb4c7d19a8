"""Are the probabilities true? Squared error, expected calibration error, reliability bins."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.uncertainty import wilson

if TYPE_CHECKING:
    from dermbook.evaluation.predictions import Predictions

#: bins of the expected calibration error (Guo et al. 2017 use 15)
BINS = 15


def brier(predictions: "Predictions") -> float:
    """Brier score (Brier 1950): mean squared distance of the probabilities from the truth.

    Three or more classes: the sum over classes, 0 (best) to 2. Two classes: the squared error of
    the second class's probability, 0 to 1, half the sum. scikit-learn's ``scale_by_half="auto"``
    makes the same choice.
    """
    return float(squared_error(predictions.truth_codes, predictions.probabilities).mean())


def expected_calibration_error(predictions: "Predictions") -> float:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017), 0 (best) to 1.

    Over 15 bins of equal width of the highest probability: the mean distance of accuracy from mean
    confidence, weighted by the bin's images. A value on an edge belongs to the lower bin.
    """
    bins = reliability_bins(predictions)
    gap = (bins["accuracy"] - bins["confidence"]).abs().fillna(0)
    return float((gap * bins["count"]).sum() / bins["count"].sum())


def reliability_bins(
    predictions: "Predictions", *, bins: int = BINS, level: float = 0.95
) -> pd.DataFrame:
    """How often the predicted class is right, by how probable the model called it.

    One row a bin of equal width over (0, 1]: lower, upper (edges), confidence (mean highest
    probability), accuracy, count (images), low, high (Wilson's interval of the accuracy at
    ``level``, images taken as independent). An empty bin has count 0 and NaN.

    Raises ParameterError for fewer than one bin, DataError when the truth is unknown.
    """
    if bins < 1:
        raise ParameterError(f"reliability_bins: bins must be at least 1, not {bins}.")
    probabilities = predictions.probabilities
    predicted = predictions.predicted_codes
    confidence = probabilities[np.arange(len(predicted)), predicted]
    right = (predicted == predictions.truth_codes).astype("float64")
    position = bin_index(confidence, bins)
    count = np.bincount(position, minlength=bins)
    hits = np.bincount(position, weights=right, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(position, weights=confidence, minlength=bins) / count
        accuracy = hits / count
    low, high = wilson(hits, count, level)
    return pd.DataFrame(
        {
            "lower": np.arange(bins) / bins,
            "upper": np.arange(1, bins + 1) / bins,
            "confidence": mean_confidence,
            "accuracy": accuracy,
            "count": count,
            "low": low,
            "high": high,
        }
    )


def bin_index(confidence: np.ndarray, bins: int = BINS) -> np.ndarray:
    """int (n,): which of ``bins`` equal bins of (0, 1] holds each value; 0 falls in the first."""
    return np.clip(np.ceil(confidence * bins).astype("int64") - 1, 0, bins - 1)


def squared_error(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """float64 (n,): each row's share of ``brier``. truth int (n,), probabilities (n, k)."""
    k = probabilities.shape[1]
    error = ((probabilities - np.eye(k)[truth]) ** 2).sum(axis=1)
    return error / 2 if k == 2 else error
