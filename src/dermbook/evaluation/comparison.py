"""Is one model better than another on the same images? Paired tests."""

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions, aligned
from dermbook.evaluation.uncertainty import percentile_interval
from dermbook.evaluation.weighted import Key, WeightedScores, resampled_scores


class McNemar(NamedTuple):
    """Images that both, one or neither model gets right, and two-sided p-values: exact; mid-p; and
    exact with the lesion as the unit."""

    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float
    mid_p: float
    p_lesions: float


def mcnemar(first: Predictions, second: Predictions) -> McNemar:
    """McNemar's exact test: do two models err equally often on the same images (McNemar 1947)?

    Of the images that only one model gets right, each is either's with probability ½ under the
    null; the p-value is the two-sided binomial one, 1 when there is no such image. The mid-p counts
    half of the probability of what was observed, and so is less cautious (Fagerland, Lydersen and
    Laake 2013). Both take images as independent. ``p_lesions`` does not: under the null the two
    models may change places in a whole lesion, all its photographs together (``swapping_lesions``).

    Raises DataError when the two do not hold the same images and truth (see ``aligned``).
    """
    first, second = aligned([first, second])
    truth = first.truth_codes
    ours, theirs = first.predicted_codes == truth, second.predicted_codes == truth
    only_first, only_second = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    return McNemar(
        both=int((ours & theirs).sum()),
        only_first=only_first,
        only_second=only_second,
        neither=int((~ours & ~theirs).sum()),
        p_value=exact_binomial(only_first, only_second),
        mid_p=mid_p_binomial(only_first, only_second),
        p_lesions=swapping_lesions(ours.astype(int) - theirs, first.group_codes),
    )


def exact_binomial(first: int, second: int) -> float:
    """Two-sided p-value that first and second of first + second fair coins fell each way.

    In whole numbers, so exact at any size; 1.0 for (0, 0).
    """
    tosses = first + second
    tail = sum(comb(tosses, heads) for heads in range(min(first, second) + 1))
    return min(1.0, 2 * tail / 2**tosses)


def mid_p_binomial(first: int, second: int) -> float:
    """Twice the one-sided mid-p value of ``exact_binomial``: never above it, 1.0 for (0, 0)."""
    tosses, fewer = first + second, min(first, second)
    twice = 2 * sum(comb(tosses, heads) for heads in range(fewer)) + comb(tosses, fewer)
    return twice / 2**tosses


def swapping_lesions(advantage: np.ndarray, groups: np.ndarray) -> float:
    """Two-sided p-value of a sum of advantages under swaps of the two models in whole lesions.

    advantage: int (n,), 1 where only the first model is right, −1 where only the second, else 0.
    groups: int (n,), the lesion of each image. Under the null each lesion's sum has either sign
    with probability ½, so the distribution of the total follows from one lesion after the other,
    exactly. With one image a lesion this is McNemar's exact test.
    """
    sums = np.rint(np.bincount(groups, weights=advantage)).astype(int)
    steps = np.abs(sums[sums != 0])
    reach = int(steps.sum())
    # chances[reach + t]: probability that the total is t
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for step in steps:
        chances = (np.roll(chances, step) + np.roll(chances, -step)) / 2
    totals = np.abs(np.arange(-reach, reach + 1))
    return min(1.0, float(chances[totals >= abs(int(sums.sum()))].sum()))


def paired_bootstrap(
    first: Predictions,
    second: Predictions,
    metrics: Sequence[str] = ("balanced_accuracy",),
    *,
    class_name: str = "",
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The difference second − first in each metric, its interval from shared resamples of lesions.

    metrics: names of ``metrics.score``, of ``class_name`` if one is given. Both models meet the
    same resamples, so what they share cancels and the interval is that of the difference.
    Returns metric, class, first, second (values), difference, low, high, n (images), interval.
    low and high are NaN where over 5 % of resamples leave the metric undefined.

    Raises DataError when the two do not match (see ``aligned``), ParameterError for a metric or
    class that is not scored.
    """
    first, second = aligned([first, second])
    keys = [(metric, class_name) for metric in metrics]
    values = [_sample_scores(predictions) for predictions in (first, second)]
    for key in keys:
        if key not in values[0]:
            raise ParameterError(
                f"paired_bootstrap: {key[0]!r} of class {key[1]!r} is not a score; there are: "
                f"{', '.join(sorted({metric for metric, _ in values[0]}))}."
            )
    draws = [resampled_scores(predictions, resamples, seed) for predictions in (first, second)]
    rows = []
    for key in keys:
        ours, theirs = values[0][key], values[1][key]
        low = high = np.nan
        if resamples:
            low, high, _ = percentile_interval(draws[1][key] - draws[0][key], level)
        text = f"paired bootstrap by lesion, {resamples} resamples" if resamples else ""
        rows.append((*key, ours, theirs, theirs - ours, low, high, len(first), text))
    columns = ["metric", "class", "first", "second", "difference", "low", "high", "n", "interval"]
    return pd.DataFrame(rows, columns=columns)


def _sample_scores(predictions: Predictions) -> dict[Key, float]:
    """The scores of the sample itself, every row counted once: the values of ``metrics.score``."""
    scores = WeightedScores(predictions.truth_codes, predictions.probabilities, predictions.classes)
    return {key: float(value[0]) for key, value in scores(np.ones((1, len(predictions)))).items()}
