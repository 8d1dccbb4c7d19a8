"""How much the best of many looks better than it is, where it was chosen on the part it is scored.

Choosing on a part and scoring on the same part rewards luck as well as skill (Cawley and Talbot
2010). How much luck can be told without touching the test part: choose on a bootstrap resample of
the lesions, and score the chosen one on the lesions that the resample left out.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions, aligned
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval
from dermbook.evaluation.weighted import WeightedScores

COLUMNS = ["models", "chosen", "held_out", "flattery", "low", "high", "resamples"]


def flattery(
    candidates: Sequence[Predictions],
    *,
    metric: str = "roc_auc",
    resamples: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """What choosing the best of n = 1 … N candidates adds to its score: one row an n.

    Columns: models (n), chosen (mean score of the best one, on the resample that chose it),
    held_out (mean score of the same one on the lesions left out), flattery (their difference), low
    and high (95 % of the resamples), resamples (those in which every candidate has both scores).

    candidates: Predictions of N models on one part, of the same images. In each resample the n are
    drawn anew from the N, and a larger n contains the smaller.

    Raises DataError where the Predictions do not match, ParameterError without a candidate, for an
    unknown metric, or fewer than one resample.
    """
    if not len(candidates) or resamples < 1:
        raise ParameterError("flattery: give at least one candidate and one resample.")
    candidates = aligned(list(candidates))
    drawn = np.concatenate(list(lesion_weights(candidates[0].group_codes, resamples, seed)))
    inside = _scores(candidates, metric, drawn)
    outside = _scores(candidates, metric, (drawn == 0).astype("float64"))
    usable = ~np.isnan(inside + outside).any(axis=0)
    inside, outside = inside[:, usable], outside[:, usable]
    count, many = inside.shape
    if not many:
        return pd.DataFrame(columns=COLUMNS)
    rng = np.random.default_rng(seed)
    order = np.argsort(rng.random((count, many)), axis=0)
    rows = []
    for n in range(1, count + 1):
        among = order[:n]
        best = among[np.take_along_axis(inside, among, axis=0).argmax(axis=0), range(many)]
        chosen, held_out = inside[best, range(many)], outside[best, range(many)]
        low, high, _ = percentile_interval(chosen - held_out, 0.95)
        means = chosen.mean(), held_out.mean(), (chosen - held_out).mean()
        rows.append((n, *means, low, high, many))
    return pd.DataFrame(rows, columns=COLUMNS)


def _scores(candidates: Sequence[Predictions], metric: str, weights: np.ndarray) -> np.ndarray:
    """Each candidate's score under each row of weights: float64 (candidates, resamples)."""
    rows = []
    for each in candidates:
        scores = WeightedScores(each.truth_codes, each.probabilities, each.classes)
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample may lack a class
            found = scores(weights)
        if (metric, "") not in found:
            raise ParameterError(f"flattery: {metric!r} is no score of all classes together.")
        rows.append(found[metric, ""])
    return np.stack(rows)
