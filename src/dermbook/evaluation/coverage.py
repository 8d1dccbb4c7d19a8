"""How often does an interval of a proportion hold the true one? Counted, not assumed.

With n images the number of right ones can be 0 … n only, so the coverage of an interval at a true
proportion p is a finite sum: the binomial probability of every number whose interval holds p. No
simulation is needed, and none of its noise comes in (Agresti and Coull 1998; Brown, Cai and
DasGupta 2001).
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.uncertainty import wilson

#: successes (array), n, level → (low, high)
Interval = Callable[[np.ndarray, int, float], tuple[np.ndarray, np.ndarray]]


def wald(
    successes: np.ndarray | float, n: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """The textbook interval p ± z √(p (1 − p) / n), cut at 0 and 1; a point at 0 and n of n."""
    _check(n, level)
    share = np.asarray(successes, dtype="float64") / n
    half = NormalDist().inv_cdf(0.5 + level / 2) * np.sqrt(share * (1 - share) / n)
    return np.maximum(share - half, 0), np.minimum(share + half, 1)


def bootstrap_proportion(
    successes: np.ndarray | float, n: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """The percentile bootstrap of a proportion, of infinitely many resamples.

    A resample of n independent images with k right ones has Binomial(n, k / n) right ones, so its
    quantiles are known. A point at 0 and n of n.
    """
    from scipy.stats import binom

    _check(n, level)
    share = np.asarray(successes, dtype="float64") / n
    tail = 0.5 - level / 2
    return binom.ppf(tail, n, share) / n, binom.ppf(1 - tail, n, share) / n


#: the intervals that the book compares
INTERVALS: Mapping[str, Interval] = {
    "Wilson": wilson,
    "Wald": wald,
    "percentile bootstrap": bootstrap_proportion,
}


def coverage(n: int, shares: Sequence[float] | None = None, *, level: float = 0.95) -> pd.DataFrame:
    """Coverage and mean width of each interval for ``n`` images: method, share, coverage, width.

    shares: true proportions in [0, 1]; by default 99 of them, .01 … .99.
    Raises ParameterError for n below 1, and a share or level out of range.
    """
    from scipy.stats import binom

    _check(n, level)
    shares = np.arange(1, 100) / 100 if shares is None else np.asarray(shares, dtype="float64")
    if shares.ndim != 1 or not len(shares) or not ((shares >= 0) & (shares <= 1)).all():
        raise ParameterError("coverage: shares must be one or more numbers between 0 and 1.")
    right = np.arange(n + 1)
    chance = binom.pmf(right, n, shares[:, None])
    frames = []
    for method, interval in INTERVALS.items():
        low, high = interval(right, n, level)
        # the tolerance: an interval of ends that are a share itself holds it
        holds = (low - 1e-12 <= shares[:, None]) & (shares[:, None] <= high + 1e-12)
        frames.append(
            pd.DataFrame(
                {
                    "method": method,
                    "share": shares,
                    "coverage": (chance * holds).sum(axis=1),
                    "width": chance @ (high - low),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _check(n: int, level: float) -> None:
    if n < 1:
        raise ParameterError(f"n must be 1 or more images, not {n}.")
    if not 0 < level < 1:
        raise ParameterError(f"level must be between 0 and 1 (0.95 for 95 %), not {level}.")
