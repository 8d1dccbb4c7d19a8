"""What a leak adds to a score: two arms over many seeds, and an interval of their difference."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.evaluation.arms import Arm, Draws, differences, drawn_scores
from dermbook.evaluation.uncertainty import percentile_interval

METRICS = ("balanced_accuracy", "accuracy", "f1_macro", "roc_auc")


def arm_table(
    arms: Mapping[str, Arm],
    *,
    metrics: Sequence[str] = METRICS,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Each arm's scores with their intervals: arm, metric, value, low, high, n, lesions, seeds.

    A value is that of all seeds' predictions pooled; n counts predictions, so an image that three
    seeds test counts three times, while the interval knows that it is one lesion.
    """
    rows = []
    draws = _draws(arms, metrics, resamples, seed)
    for name, arm in arms.items():
        for metric in metrics:
            low, high, _ = percentile_interval(draws[name][metric][1:], 0.95)
            value = draws[name][metric][0]
            size = len(arm), len(set(arm.lesions)), len(arm.seeds)
            rows.append((name, metric, value, low, high, *size))
    columns = ["arm", "metric", "value", "low", "high", "n", "lesions", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def effect_table(
    arms: Mapping[str, Arm],
    comparisons: Mapping[str, tuple[str, str]],
    *,
    metrics: Sequence[str] = METRICS,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Second minus first arm, for each comparison by name: value with its 95 % interval.

    Columns: comparison, metric, first, second (the arms' values), value (the difference), low,
    high, seeds. ParameterError for an arm that there is not, or arms of different seeds.
    """
    draws = _draws(arms, metrics, resamples, seed)
    rows = differences(draws, comparisons, metrics)
    columns = ["comparison", "metric", "first", "second", "value", "low", "high"]
    seeds = len(next(iter(arms.values())).seeds)
    return pd.DataFrame(rows, columns=columns).assign(seeds=seeds)


def _draws(arms: Mapping[str, Arm], metrics: Sequence[str], resamples: int, seed: int) -> Draws:
    return drawn_scores(arms, metrics, _overall, resamples=resamples, seed=seed)


def _overall(arm: Arm) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Scores of all classes together, by metric."""
    scores = arm.scores()
    return lambda weights: {
        m: values for (m, label), values in scores(weights).items() if not label
    }
