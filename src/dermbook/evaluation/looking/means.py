"""Means of one number a picture, and their differences, with intervals over lesions."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dermbook.errors import DataError
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval


def lesion_means(
    values: pd.DataFrame, groups: pd.Series, *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Mean of each column with its 95 % interval: name, value, low, high, n.

    values: a row a picture, numbers; NaN is left out of mean and n. groups: the lesion of each
    picture, by the same index. A column without any number gives NaN and n = 0; one of a single
    lesion has no interval.
    """
    means, draws = _drawn(values, groups, resamples, seed)
    rows = []
    for name in values.columns:
        known = values.index[values[name].notna()]
        low, high, _ = percentile_interval(draws[name], 0.95)
        if groups.reindex(known).nunique() < 2:
            low = high = np.nan  # a resample of one lesion is that lesion again
        rows.append((name, means[name], low, high, len(known)))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n"])


def lesion_differences(
    values: pd.DataFrame,
    groups: pd.Series,
    pairs: Mapping[str, tuple[str, str]],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Second minus first mean on shared resamples: comparison, first, second, value, low, high.

    pairs: a name → two columns of ``values``. Columns may be of different pictures (NaN elsewhere);
    where they are of the same ones, the interval is that of a paired difference.
    """
    means, draws = _drawn(values, groups, resamples, seed)
    rows = []
    for name, (first, second) in pairs.items():
        low, high, _ = percentile_interval(draws[second] - draws[first], 0.95)
        rows.append((name, means[first], means[second], means[second] - means[first], low, high))
    return pd.DataFrame(rows, columns=["comparison", "first", "second", "value", "low", "high"])


def _drawn(
    values: pd.DataFrame, groups: pd.Series, resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Means, and means of every resample, by column."""
    if values.empty:
        raise DataError("lesion_means: there is no picture.")
    lesions = groups.reindex(values.index)
    if lesions.isna().any():
        raise DataError(f"No lesion is known of image {values.index[lesions.isna()][0]!r}.")
    numbers = values.to_numpy("float64")
    known = ~np.isnan(numbers)
    filled = np.where(known, numbers, 0.0)
    codes = np.unique(lesions.to_numpy().astype(str), return_inverse=True)[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = filled.sum(axis=0) / known.sum(axis=0)
        drawn = [
            (weights @ filled) / (weights @ known)
            for weights in lesion_weights(codes, resamples, seed)
        ]
    table = np.concatenate(drawn) if drawn else np.full((1, numbers.shape[1]), np.nan)
    columns = list(values.columns)
    return (
        dict(zip(columns, map(float, means), strict=True)),
        {name: table[:, position] for position, name in enumerate(columns)},
    )
