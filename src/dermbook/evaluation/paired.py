"""Arms of an experiment over seeds: scores, and differences between arms, with intervals.

Like ``evaluation.leakage.effects``, but for scores of single classes, too, and only for scores that
counts suffice for, which makes it fast.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.data import Collection, Split, grouped_split, load_split
from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm, Draws, differences, drawn_scores
from dermbook.evaluation.uncertainty import percentile_interval
from dermbook.evaluation.weighted import Key, margin_scores


def seed_splits(collection: Collection, seeds: Sequence[int]) -> dict[int, Split]:
    """A lesion-grouped split for each seed; the first is the one that other chapters use, too."""
    if not seeds:
        raise ParameterError("seeds: give at least one.")
    several = load_split(collection, seed=seeds[0])
    kept = [image_id for ids in several.parts.values() for image_id in ids]
    # a collection such as Fitzpatrick17k has classes too small to divide: load_split leaves them
    divided = collection.where(ids=sorted(kept))
    return {
        seed: several if seed == seeds[0] else grouped_split(divided, seed=seed) for seed in seeds
    }


def arm_scores(
    arms: Mapping[str, Arm], keys: Iterable[Key], *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Each arm's scores: arm, metric, class, value, low, high, n (predictions), seeds, interval.

    keys: (metric, class), the class "" for all together. A value is that of all seeds' predictions
    taken together; low and high are its 95 % interval over lesions and seeds.
    """
    keys = list(keys)
    rows = []
    for name, found in _draws(arms, keys, resamples, seed).items():
        arm = arms[name]
        text = f"bootstrap of lesions and {len(arm.seeds)} seeds, {resamples} resamples"
        for key in keys:
            low, high, _ = percentile_interval(found[key][1:], 0.95)
            rows.append((name, *key, found[key][0], low, high, len(arm), len(arm.seeds), text))
    columns = ["arm", "metric", "class", "value", "low", "high", "n", "seeds", "interval"]
    return pd.DataFrame(rows, columns=columns)


def arm_differences(
    arms: Mapping[str, Arm],
    comparisons: Mapping[str, tuple[str, str]],
    keys: Iterable[Key],
    *,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Second minus first arm: comparison, metric, class, first, second, value, low, high, seeds.

    ParameterError for an arm that there is not, or arms of different seeds.
    """
    keys = list(keys)
    draws = _draws(arms, keys, resamples, seed)
    rows = [(name, *key, *numbers) for name, key, *numbers in differences(draws, comparisons, keys)]
    columns = ["comparison", "metric", "class", "first", "second", "value", "low", "high"]
    seeds = len(next(iter(arms.values())).seeds)
    return pd.DataFrame(rows, columns=columns).assign(seeds=seeds)


def _draws(arms: Mapping[str, Arm], keys: Sequence[Key], resamples: int, seed: int) -> Draws:
    return drawn_scores(arms, keys, _by_class, resamples=resamples, seed=seed)


def _by_class(arm: Arm) -> Callable[[np.ndarray], Mapping[Key, np.ndarray]]:
    """Scores that counts suffice for, of each class and of all together."""
    classes, columns = arm.predictions[0].classes, _columns(arm)
    return lambda weights: margin_scores(*np.split(weights @ columns, 3, axis=1), classes)


def _columns(arm: Arm) -> np.ndarray:
    """What each row adds to hits, truth and predictions of each class: float64 (n, 3 k)."""
    size = len(arm.predictions[0].classes)
    truth = np.eye(size)[np.concatenate([each.truth_codes for each in arm.predictions])]
    predicted = np.eye(size)[np.concatenate([each.predicted_codes for each in arm.predictions])]
    return np.hstack([truth * predicted, truth, predicted])
