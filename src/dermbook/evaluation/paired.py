"""Arms of an experiment over seeds: scores, and differences between arms, with intervals.

Like ``evaluation.leakage.effects``, whose arms and resampling these are (lesions and seeds are both
resampled, and all arms meet the same resamples), but for scores of single classes, too, and only
for scores that counts suffice for, which makes it fast.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.data import Collection, Split, grouped_split, load_split
from dermbook.errors import ParameterError
from dermbook.evaluation.leakage.effects import Arm
from dermbook.evaluation.uncertainty import percentile_interval
from dermbook.evaluation.weighted import Key, margin_scores

#: resamples computed at once
_CHUNK = 100


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
    for name, pair in comparisons.items():
        unknown = [arm for arm in pair if arm not in arms]
        if unknown:
            raise ParameterError(f"comparison {name!r}: there is no arm {unknown[0]!r}.")
    draws = _draws(arms, keys, resamples, seed)
    rows = []
    for name, (first, second) in comparisons.items():
        for key in keys:
            ours, theirs = draws[first][key], draws[second][key]
            low, high, _ = percentile_interval(theirs[1:] - ours[1:], 0.95)
            numbers = ours[0], theirs[0], theirs[0] - ours[0], low, high
            rows.append((name, *key, *numbers, len(arms[first].seeds)))
    columns = ["comparison", "metric", "class", "first", "second", "value", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def _draws(
    arms: Mapping[str, Arm], keys: Sequence[Key], resamples: int, seed: int
) -> dict[str, dict[Key, np.ndarray]]:
    """By arm and key float64 (1 + resamples,): the sample's own score first."""
    if not arms or resamples < 1:
        raise ParameterError("Give at least one arm and one resample.")
    seeds = next(iter(arms.values())).seeds
    if any(arm.seeds != seeds for arm in arms.values()):
        raise ParameterError("The arms were run with different seeds, so they are not paired.")
    everywhere = pd.Index(sorted({lesion for arm in arms.values() for lesion in arm.lesions}))
    rng = np.random.default_rng(seed)
    by_lesion = _times(rng, len(everywhere), resamples)
    by_seed = _times(rng, len(seeds), resamples)
    result = {}
    for name, arm in arms.items():
        lesion, position = everywhere.get_indexer(arm.lesions), arm.rows_seed
        classes, columns = arm.predictions[0].classes, _columns(arm)
        parts = []
        for start in range(0, resamples + 1, _CHUNK):
            rows = slice(start, start + _CHUNK)
            weights = (by_lesion[rows][:, lesion] * by_seed[rows][:, position]).astype("float64")
            found = margin_scores(*np.split(weights @ columns, 3, axis=1), classes)
            unknown = [key for key in keys if key not in found]
            if unknown:
                raise ParameterError(f"{unknown[0][0]!r} of {unknown[0][1]!r} is no such score.")
            parts.append({key: found[key] for key in keys})
        result[name] = {key: np.concatenate([part[key] for part in parts]) for key in keys}
    return result


def _columns(arm: Arm) -> np.ndarray:
    """What each row adds to hits, truth and predictions of each class: float64 (n, 3 k)."""
    size = len(arm.predictions[0].classes)
    truth = np.eye(size)[np.concatenate([each.truth_codes for each in arm.predictions])]
    predicted = np.eye(size)[np.concatenate([each.predicted_codes for each in arm.predictions])]
    return np.hstack([truth * predicted, truth, predicted])


def _times(rng: np.random.Generator, things: int, resamples: int) -> np.ndarray:
    """How often each thing is drawn, int16 (1 + resamples, things); the first row is all ones."""
    drawn = rng.multinomial(things, np.full(things, 1 / things), size=resamples)
    return np.vstack([np.ones((1, things), dtype=np.int16), drawn.astype(np.int16)])
