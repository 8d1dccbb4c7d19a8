"""How much an ensemble looks better on the part that chose it than on lesions it has not seen.

``evaluation.selection.flattery`` asks it of the best single model. Here the same is asked of every
way of choosing members and weights (lesson M8).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.ensembles.choosing import Way, credit, ways
from dermbook.evaluation.ensembles.rules import matched, stacked
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval

COLUMNS = ["way", "models", "chosen", "held_out", "optimism", "low", "high", "error", "resamples"]


def optimism(
    candidates: Sequence[Predictions],
    counts: Sequence[int] = (),
    *,
    by: Mapping[str, Way] | None = None,
    metric: str = "balanced_accuracy",
    resamples: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """What choosing among n candidates adds to the score of what is chosen, way by way.

    In each resample of lesions a way chooses on the lesions drawn and is scored on them (chosen)
    and on the lesions left out (held_out), both on the classes that are on both sides. The n
    candidates are drawn anew each time, and a larger n contains the smaller. Columns: way, models
    (n), chosen, held_out, optimism (means; the last is their difference), low, high (95 % of the
    resamples), error (standard error of the mean over resamples: what more of them would make
    smaller), resamples.

    counts: the n; those above the number of candidates are left out; empty: 1, 2, 4 … and all.
    """
    members = matched(candidates)
    if resamples < 1:
        raise ParameterError(f"resamples: must be 1 or more, not {resamples}.")
    counts = sorted({n for n in counts if 0 < n <= len(members)}) or doublings(len(members))
    by = ways() if by is None else by
    stack, truth = stacked(members), members[0].truth_codes
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for chunk in lesion_weights(members[0].group_codes, resamples, seed):
        for drawn in chunk:
            order = rng.permutation(len(members))
            left_out = (drawn == 0).astype("float64")
            # a class on one side only would make the two scores means over different classes
            both = np.intersect1d(truth[drawn > 0], truth[left_out > 0])
            if not len(both):
                continue
            counted = np.isin(truth, both)
            inside, outside = (credit(truth, metric, side * counted) for side in (drawn, left_out))
            for n in counts:
                some = stack[np.sort(order[:n])]
                for name, way in by.items():
                    mean = np.tensordot(way(some, truth, inside), some, axes=1)
                    right = mean.argmax(axis=1) == truth
                    found.setdefault((name, n), []).append((right @ inside, right @ outside))
    return pd.DataFrame(
        [(name, n, *_summary(np.array(found[name, n]))) for name in by for n in counts if found],
        columns=COLUMNS,
    )


def doublings(most: int) -> list[int]:
    """1, 2, 4 … and ``most``, without a power of two that is hardly below ``most``."""
    return [2**power for power in range(most.bit_length()) if 2**power * 1.5 <= most] + [most]


def _summary(pairs: np.ndarray) -> tuple:
    chosen, held_out = pairs[:, 0], pairs[:, 1]
    gap = chosen - held_out
    low, high, _ = percentile_interval(gap, 0.95)
    error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.nan
    return chosen.mean(), held_out.mean(), gap.mean(), low, high, error, len(gap)
