"""Arms of an experiment over many seeds, resampled so that their differences get an interval.

Seeds divide the same lesions again and again, so their results are not independent. The resampling
therefore draws seeds *and* lesions, each for themselves, and gives a prediction the product of the
two weights (Owen 2007, the pigeonhole bootstrap). All arms meet the same resamples, so what they
share cancels. It errs on the wide side.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import percentile_interval
from dermbook.evaluation.weighted import WeightedScores

#: weights held at once
_CHUNK_CELLS = 2_000_000

#: of an arm: a function of weights float64 (resamples, rows) that gives each score by its key
Scorer = Callable[["Arm"], Callable[[np.ndarray], Mapping[Hashable, np.ndarray]]]
#: by arm and key float64 (1 + resamples,): the sample's own score first
Draws = dict[str, dict[Hashable, np.ndarray]]


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


def drawn_scores(
    arms: Mapping[str, Arm],
    keys: Sequence[Hashable],
    scorer: Scorer,
    *,
    resamples: int,
    seed: int,
) -> Draws:
    """The scores of every arm on the sample and on the resamples of its seeds and lesions.

    ParameterError without an arm, for a negative number of resamples, for arms of different seeds,
    and for a key that the scorer does not know.
    """
    if not arms or resamples < 0:
        raise ParameterError(f"Give at least one arm, and resamples of 0 or more, not {resamples}.")
    seeds = next(iter(arms.values())).seeds
    if any(arm.seeds != seeds for arm in arms.values()):
        raise ParameterError("The arms were run with different seeds, so they are not paired.")
    everywhere = pd.Index(sorted({lesion for arm in arms.values() for lesion in arm.lesions}))
    rng = np.random.default_rng(seed)
    by_lesion = _times(rng, len(everywhere), resamples)
    by_seed = _times(rng, len(seeds), resamples)
    result: Draws = {}
    for name, arm in arms.items():
        lesion, position = everywhere.get_indexer(arm.lesions), arm.rows_seed
        scores, step = scorer(arm), max(1, _CHUNK_CELLS // len(arm))
        chunks = []
        for start in range(0, resamples + 1, step):
            rows = slice(start, start + step)
            weights = by_lesion[rows][:, lesion] * by_seed[rows][:, position]
            with np.errstate(invalid="ignore", divide="ignore"):  # an empty resample is NaN
                found = scores(weights.astype("float64"))
            if unknown := [key for key in keys if key not in found]:
                raise ParameterError(f"{unknown[0]!r} is no such score.")
            chunks.append({key: found[key] for key in keys})
        result[name] = {key: np.concatenate([chunk[key] for chunk in chunks]) for key in keys}
    return result


def differences(
    draws: Draws, comparisons: Mapping[str, tuple[str, str]], keys: Sequence[Hashable]
) -> list[tuple]:
    """Second minus first arm: (comparison, key, first, second, value, low, high), 95 % interval.

    ParameterError for an arm that there is not.
    """
    rows = []
    for name, pair in comparisons.items():
        if unknown := [arm for arm in pair if arm not in draws]:
            raise ParameterError(f"comparison {name!r}: there is no arm {unknown[0]!r}.")
        for key in keys:
            first, second = (draws[arm][key] for arm in pair)
            low, high, _ = percentile_interval(second[1:] - first[1:], 0.95)
            rows.append((name, key, first[0], second[0], second[0] - first[0], low, high))
    return rows


def _times(rng: np.random.Generator, things: int, resamples: int) -> np.ndarray:
    """How often each thing is drawn, int16 (1 + resamples, things); the first row is all ones."""
    drawn = rng.multinomial(things, np.full(things, 1 / things), size=resamples)
    return np.vstack([np.ones((1, things), dtype=np.int16), drawn.astype(np.int16)])
