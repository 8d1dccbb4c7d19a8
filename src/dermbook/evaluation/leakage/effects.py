"""What a leak adds to a score: two arms over many seeds, and an interval of their difference.

Seeds divide the same lesions again and again, so their results are not independent. The interval
therefore resamples seeds *and* lesions, each for themselves, and gives a prediction the product of
the two weights (Owen 2007, the pigeonhole bootstrap). Both arms meet the same resamples, so what
they share cancels. It errs on the wide side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import percentile_interval
from dermbook.evaluation.weighted import WeightedScores

METRICS = ("balanced_accuracy", "accuracy", "f1_macro", "roc_auc")
#: weights held at once
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True)
class Arm:
    """One condition of an experiment: its test Predictions under each seed."""

    seeds: tuple[int, ...]
    predictions: tuple[Predictions, ...]

    def __post_init__(self) -> None:
        if len(self.seeds) != len(self.predictions) or not self.seeds:
            raise ParameterError("Arm: there must be one Predictions a seed, and at least one.")
        if len({each.classes for each in self.predictions}) > 1:
            raise DataError("Arm: the Predictions have different classes.")

    @property
    def lesions(self) -> np.ndarray:
        """Lesion of each row, all seeds one after the other."""
        return np.concatenate([each.table["group"].to_numpy(object) for each in self.predictions])

    @property
    def rows_seed(self) -> np.ndarray:
        """Position in ``seeds`` of each row."""
        return np.repeat(range(len(self.seeds)), [len(each) for each in self.predictions])

    def scores(self) -> WeightedScores:
        """All seeds' predictions together, ready to be weighted."""
        return WeightedScores(
            np.concatenate([each.truth_codes for each in self.predictions]),
            np.concatenate([each.probabilities for each in self.predictions]),
            self.predictions[0].classes,
        )

    def __len__(self) -> int:
        return sum(len(each) for each in self.predictions)


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
    for name, pair in comparisons.items():
        unknown = [arm for arm in pair if arm not in arms]
        if unknown:
            raise ParameterError(f"comparison {name!r}: there is no arm {unknown[0]!r}.")
    draws = _draws(arms, metrics, resamples, seed)
    rows = []
    for name, (first, second) in comparisons.items():
        for metric in metrics:
            ours, theirs = draws[first][metric], draws[second][metric]
            low, high, _ = percentile_interval(theirs[1:] - ours[1:], 0.95)
            seeds = len(arms[first].seeds)
            rows.append((name, metric, ours[0], theirs[0], theirs[0] - ours[0], low, high, seeds))
    columns = ["comparison", "metric", "first", "second", "value", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def _draws(
    arms: Mapping[str, Arm], metrics: Sequence[str], resamples: int, seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Each arm's metrics, float64 (1 + resamples,): first of the sample as it is."""
    if resamples < 0:
        raise ParameterError(f"resamples must be 0 or more, not {resamples}.")
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
        scores = arm.scores()
        step = max(1, _CHUNK_CELLS // len(arm))
        chunks = []
        for start in range(0, resamples + 1, step):
            rows = slice(start, start + step)
            weights = by_lesion[rows][:, lesion] * by_seed[rows][:, position]
            with np.errstate(invalid="ignore", divide="ignore"):  # an empty resample is NaN
                found = scores(weights.astype("float64"))
            chunks.append({metric: found[metric, ""] for metric in metrics})
        result[name] = {
            metric: np.concatenate([chunk[metric] for chunk in chunks]) for metric in metrics
        }
    return result


def _times(rng: np.random.Generator, things: int, resamples: int) -> np.ndarray:
    """How often each thing is drawn, int16 (1 + resamples, things); the first row is all ones."""
    drawn = rng.multinomial(things, np.full(things, 1 / things), size=resamples)
    return np.vstack([np.ones((1, things), dtype=np.int16), drawn.astype(np.int16)])
