"""DeLong's test: do two models rank the same images equally well?

The area under the ROC curve is the share of (positive, negative) pairs that a model ranks rightly.
Each image has a part in it, its *component*: the share of images of the other kind that it is on
the right side of. The variance of an area is that of the components' means, and because two models
see the same images, their components are correlated, which the test makes use of (DeLong, DeLong
and Clarke-Pearson 1988). Midranks give all components in O(n log n) (Sun and Xu 2014).

Images are taken as independent. ``by_lesion`` adds up the components of each lesion first
(Obuchowski 1997), so that several photographs of one lesion do not count as several lesions.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.predictions import Predictions, aligned


class Area(NamedTuple):
    """One area under the ROC curve, its standard error and its interval, cut at 0 and 1."""

    value: float
    error: float
    low: float
    high: float


class DeLong(NamedTuple):
    """Two areas, second − first, its standard error and interval, and the two-sided p-value."""

    first: float
    second: float
    difference: float
    error: float
    low: float
    high: float
    p_value: float


def delong(
    first: Predictions, second: Predictions, *, by_lesion: bool = False, level: float = 0.95
) -> DeLong:
    """Compare the ROC areas of two models of two classes on the same images.

    The p-value is that of difference ÷ error under the normal distribution, and 1 where the two
    rank every image alike. Ties count half.

    Raises DataError when the two do not match (see ``aligned``) or when there are fewer than two
    positive or negative images (``by_lesion``: lesions); ParameterError unless there are two
    classes, and for a level out of range.
    """
    first, second = aligned([first, second])
    areas, covariance = _areas([first, second], by_lesion)
    difference = float(areas[1] - areas[0])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    # models that rank alike have a variance of 0 but for rounding
    error = float(np.sqrt(variance)) if variance > 1e-15 else 0.0
    half = _z(level) * error
    if error:
        p_value = 2 * NormalDist().cdf(-abs(difference) / error)
    else:
        p_value = 1.0 if abs(difference) < 1e-12 else 0.0
    low, high = difference - half, difference + half
    return DeLong(float(areas[0]), float(areas[1]), difference, error, low, high, p_value)


def roc_area(predictions: Predictions, *, by_lesion: bool = False, level: float = 0.95) -> Area:
    """The area of one model with DeLong's interval; raises as ``delong`` does."""
    areas, covariance = _areas([predictions], by_lesion)
    value, error = float(areas[0]), float(np.sqrt(max(covariance[0, 0], 0.0)))
    half = _z(level) * error
    return Area(value, error, max(0.0, value - half), min(1.0, value + half))


def components(is_positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """float64 (n,): of each image the share of images of the other kind that it is ranked right of.

    is_positive: bool (n,); score: float (n,), higher is more positive. Equal scores count half. The
    mean over the positives is the area, and so is the mean over the negatives.
    """
    from scipy.stats import rankdata

    together, result = rankdata(score), np.empty(len(score))
    for kind, others in ((is_positive, ~is_positive), (~is_positive, is_positive)):
        below = (together[kind] - rankdata(score[kind])) / others.sum()
        result[kind] = below
    result[~is_positive] = 1 - result[~is_positive]
    return result


def _areas(models: list[Predictions], by_lesion: bool) -> tuple[np.ndarray, np.ndarray]:
    """Areas float64 (m,) and their covariance (m, m)."""
    first = models[0]
    if len(first.classes) != 2:
        raise ParameterError(
            f"delong: {first.model} has {len(first.classes)} classes. A ROC area is of two: merge "
            "them first (dermbook.evaluation.merging.in_two)."
        )
    is_positive = first.truth_codes == 1
    lesions = first.group_codes if by_lesion else np.arange(len(first))
    for name, chosen in (("positive", is_positive), ("negative", ~is_positive)):
        if (units := len(np.unique(lesions[chosen]))) < 2:
            raise DataError(
                f"delong: {first.part} has {units} {name} {'lesion' if by_lesion else 'image'}(s); "
                "a variance needs two."
            )
    parts = np.stack([components(is_positive, each.probabilities[:, 1]) for each in models])
    areas = parts[:, is_positive].mean(axis=1)
    # a lesion's sum of (component − area), over its positive and over its negative images
    off = parts - areas[:, None]
    positive = _by_lesion(off * is_positive, lesions)
    negative = _by_lesion(off * ~is_positive, lesions)
    m, n = is_positive.sum(), (~is_positive).sum()
    units = [len(np.unique(lesions[chosen])) for chosen in (is_positive, ~is_positive)]
    everything = len(np.unique(lesions))
    covariance = (
        units[0] / (units[0] - 1) * positive @ positive.T / m**2
        + units[1] / (units[1] - 1) * negative @ negative.T / n**2
    )
    # lesions with images of both kinds, of which HAM10000 has none
    across = everything / (everything - 1) * positive @ negative.T / (m * n)
    return areas, covariance + across + across.T


def _by_lesion(values: np.ndarray, lesions: np.ndarray) -> np.ndarray:
    """Sums over lesions: (m, n) → (m, lesions)."""
    return np.stack([np.bincount(lesions, weights=row) for row in values])


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise ParameterError(f"level must be between 0 and 1 (0.95 for 95 %), not {level}.")
    return NormalDist().inv_cdf(0.5 + level / 2)
