"""Intervals: Wilson's for one proportion, and a bootstrap that resamples whole lesions.

Photographs of one lesion are not independent, so a resample draws lesions with replacement and
takes all photographs of each lesion drawn (Field and Welsh 2007, cluster bootstrap). A resample is
held as a whole-number weight a row, so that a metric of 1,000 resamples is a few matrix products.
"""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from dermbook.errors import ParameterError

#: share of resamples that may leave a metric undefined before its interval is withheld
MAX_UNDEFINED = 0.05
#: weights held at once (8 bytes each): bounds the memory, not the result
_CHUNK_CELLS = 2_000_000


def wilson(
    successes: float | np.ndarray, n: float | np.ndarray, level: float = 0.95
) -> tuple[float | np.ndarray, float | np.ndarray]:
    """Wilson's score interval of a proportion (Wilson 1927): (low, high), both in [0, 1].

    successes, n: counts with 0 ≤ successes ≤ n, numbers or arrays; they need not be whole, so an
    effective sample size will do. n = 0 gives (NaN, NaN). level: coverage, in (0, 1).
    Six right of eleven at 0.95 is .280 to .787 (lesson M12).

    Raises ParameterError for a level or counts out of range.
    """
    _check_level(level)
    successes, n = np.asarray(successes, dtype="float64"), np.asarray(n, dtype="float64")
    if (successes < 0).any() or (successes > n).any():
        raise ParameterError("wilson: successes must be between 0 and n.")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = successes / n
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # at 0 and n the bound is the end itself; rounding would leave 1e-17 or 0.9999999
    low = np.where(successes == 0, np.where(n > 0, 0.0, np.nan), np.maximum(centre - half, 0))
    high = np.where(successes == n, np.where(n > 0, 1.0, np.nan), np.minimum(centre + half, 1))
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def lesion_weights(groups: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Resamples of lesions as row weights, in chunks of float64 (r, n) that fit in memory.

    groups: int (n,), lesion of each row, numbered 0 … G−1 without gaps. Each resample draws G
    lesions with replacement; the weight of a row is how often its lesion was drawn. The chunks
    together hold ``resamples`` rows and depend on (groups, resamples, seed) only.

    Raises ParameterError when ``resamples`` is negative.
    """
    if resamples < 0:
        raise ParameterError(f"resamples must be 0 or more, not {resamples}.")
    groups = np.asarray(groups)
    count = int(groups.max()) + 1
    generator = np.random.default_rng(seed)
    for rows in _chunks(resamples, max(len(groups), count)):
        draws = generator.integers(0, count, size=(rows, count))
        draws += count * np.arange(rows)[:, None]
        times = np.bincount(draws.ravel(), minlength=rows * count).reshape(rows, count)
        yield times.astype("float64")[:, groups]


def percentile_interval(values: np.ndarray, level: float) -> tuple[float, float, int]:
    """(low, high, undefined): the central ``level`` of the resampled values, in (0, 1).

    NaN values are resamples in which the metric is undefined: left out, and counted. Where they
    are over 5 % of all, what is left is a biased selection and low and high are NaN.
    """
    _check_level(level)
    defined = values[~np.isnan(values)]
    undefined = len(values) - len(defined)
    if not len(defined) or undefined > MAX_UNDEFINED * len(values):
        return np.nan, np.nan, undefined
    low, high = np.quantile(defined, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high), undefined


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ParameterError(f"level must be between 0 and 1 (0.95 for 95 %), not {level}.")


def _chunks(resamples: int, cells_each: int) -> Iterator[int]:
    size = max(1, _CHUNK_CELLS // cells_each)
    for start in range(0, resamples, size):
        yield min(size, resamples - start)
