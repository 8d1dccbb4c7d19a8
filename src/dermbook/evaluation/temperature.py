"""Temperature scaling: one number that makes a model as confident as it is right.

The logits of a trained network are divided by a temperature T before the softmax (Guo et al. 2017):
above 1 it takes confidence away, below 1 it adds some. The order of the classes stays, so every
decision stays, too. T is fitted on the validation part, by log loss.

A Predictions holds no logits, and needs none: the logarithms of its probabilities are logits, but
for a constant a row that the softmax takes out again.
"""

from typing import NamedTuple

import numpy as np

from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval

#: temperatures that are tried lie between these
COLDEST, HOTTEST = 0.05, 20.0
#: where a float32 softmax falls to zero: the smallest probability whose logarithm is taken
FLOOR = float(np.finfo("float32").tiny)


class Temperature(NamedTuple):
    """A fitted temperature, and its interval over resamples of lesions (NaN without any)."""

    value: float
    low: float
    high: float


def fit_temperature(
    validation: Predictions, *, resamples: int = 0, level: float = 0.95, seed: int = 0
) -> Temperature:
    """The temperature of least log loss on the validation part, in ``COLDEST`` to ``HOTTEST``.

    The loss is convex in 1 ÷ T, so there is one minimum. It lies at the coldest end if every image
    is right (no confidence is then too much), at the hottest if the probabilities tell nothing.
    Predictions that are uniform, which no temperature changes, give 1. ``resamples``: fits on
    resamples of lesions, for the interval.

    Raises ParameterError for the part "test", whose score would then be no test (lesson M8);
    DataError when the truth is unknown.
    """
    if validation.part == "test":
        raise ParameterError(
            "fit_temperature: fit on the validation part, and see on the test part what it is "
            "worth."
        )
    logits, truth = _logits(validation), validation.truth_codes
    value = _least(logits, truth, np.ones(len(truth)))
    draws = [
        _least(logits, truth, weights)
        for chunk in lesion_weights(validation.group_codes, resamples, seed)
        for weights in chunk
    ]
    low = high = np.nan
    if draws:
        low, high, _ = percentile_interval(np.array(draws), level)
    return Temperature(value, low, high)


def at_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """The same Predictions with every row's logits divided by ``temperature`` (> 0).

    The model's name gets ``+temperature``. A probability of 0 is taken as 1.2e-38, where a float32
    softmax falls to zero. The most probable class of every image stays.

    Raises ParameterError for a temperature that is not a positive number.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise ParameterError(f"temperature must be a number above 0, not {temperature}.")
    values = np.exp(_log_softmax(_logits(predictions) / temperature))
    table = predictions.table.copy()
    table[list(predictions.classes)] = values / values.sum(axis=1, keepdims=True)
    return Predictions(
        table=table,
        classes=predictions.classes,
        model=f"{predictions.model}+temperature",
        part=predictions.part,
        collection=predictions.collection,
        data_fingerprint=predictions.data_fingerprint,
        phantom=predictions.phantom,
    )


def _least(logits: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Temperature of least weighted log loss. logits (n, k), truth int (n,), weights (n,)."""
    from scipy.optimize import minimize_scalar

    used = weights > 0
    logits, truth, weights = logits[used], truth[used], weights[used]
    if (logits == logits[:, :1]).all():
        return 1.0
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = _log_softmax(logits * np.exp(-log_temperature))
        return float(-(weights * scaled[rows, truth]).sum() / weights.sum())

    ends = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-6})
    # the search never tries the ends themselves
    best = min((found.x, *ends), key=loss)
    return float(np.exp(best))


def _logits(predictions: Predictions) -> np.ndarray:
    """float64 (n, k): log probabilities, the largest of each row 0."""
    logits = np.log(np.maximum(predictions.probabilities, FLOOR))
    return logits - logits.max(axis=1, keepdims=True)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logs of the softmax of rows whose largest value is 0."""
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
