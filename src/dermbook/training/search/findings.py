"""What a search's table says: the best so far, what luck would give, which parameters matter."""

from math import comb

import numpy as np
import pandas as pd

from dermbook.errors import DataError
from dermbook.training.search.space import Setting, Space

#: outcomes that have a score
SCORED = ("complete", "pruned")
#: shuffles of the scores, to see what importance chance gives: to be above 19 has p ≤ .05
SHUFFLES = 19
_TREES = 16


def best_row(table: pd.DataFrame) -> pd.Series:
    """The complete training with the highest score (the first drawn, if equal).

    table: as ``search`` gives it. DataError if no training came to its end.
    """
    complete = table[(table["outcome"] == "complete") & table["value"].notna()]
    if complete.empty:
        raise DataError(
            "The search has no complete training, so nothing can be chosen. Give it more trials "
            f"or minutes. Outcomes so far: {table['outcome'].value_counts().to_dict()}."
        )
    return complete.loc[complete["value"].idxmax()]


def setting_of(row: pd.Series, space: Space) -> Setting:
    """The combination in a row of the table, with the very values of the space."""
    return {name: next(v for v in values if v == row[name]) for name, values in space.items()}


def outcome_counts(table: pd.DataFrame) -> pd.DataFrame:
    """How many draws ended how: outcome, draws, seconds of training."""
    grouped = table.groupby("outcome", sort=False)["seconds"]
    counts = grouped.agg(["size", "sum"]).reset_index()
    counts.columns = ["outcome", "draws", "seconds"]
    return counts.sort_values("draws", ascending=False, kind="stable", ignore_index=True)


def search_course(table: pd.DataFrame) -> pd.DataFrame:
    """The search as it went, and as it would go on average had its scores come in another order.

    Columns: training (from 1), draw, outcome, value, best (highest complete score so far, NaN
    before the first), expected, low, high (``expected_maximum`` of the complete scores; NaN beyond
    their number). One row a training that has a score, in the order of drawing.
    """
    rows = table[table["outcome"].isin(SCORED)].reset_index(drop=True)
    complete = rows["value"].where(rows["outcome"] == "complete")
    luck = expected_maximum(complete.dropna().to_numpy())
    course = rows[["draw", "outcome", "value"]].assign(
        training=np.arange(1, len(rows) + 1), best=complete.cummax().ffill()
    )
    course = course.join(luck[["expected", "low", "high"]])
    return course[["training", "draw", "outcome", "value", "best", "expected", "low", "high"]]


def expected_maximum(values: np.ndarray, level: float = 0.95) -> pd.DataFrame:
    """The best of n = 1 … N scores drawn without replacement from N: n, expected, low, high.

    ``expected`` is the mean of the maximum over all subsets of n (Dodge et al. 2019, in the
    unbiased form that Tang et al. 2020 advise); low and high hold the maximum of ``level`` of the
    subsets. It says what a search of n trainings would have found, from one search of N.
    """
    ordered = np.sort(np.asarray(values, dtype="float64"))
    size = len(ordered)
    rows = []
    for n in range(1, size + 1):
        # in how many subsets the i-th lowest is the highest, and how many lie below it
        below = np.array([comb(i, n) / comb(size, n) for i in range(1, size + 1)])
        share = np.diff(below, prepend=0.0)
        low, high = (
            ordered[min(size - 1, int(np.searchsorted(below, tail - 1e-12)))]
            for tail in ((1 - level) / 2, (1 + level) / 2)
        )
        rows.append((n, float(share @ ordered), low, high))
    return pd.DataFrame(rows, columns=["n", "expected", "low", "high"])


def importances(
    table: pd.DataFrame, space: Space, *, seed: int = 0, shuffles: int = SHUFFLES
) -> pd.DataFrame:
    """How much of the scores' variance each parameter explains by itself: fANOVA (Hutter 2014).

    Columns: parameter, importance (shares that add up to 1), noise (the largest that as many
    shuffles of the scores gave, which leave nothing to explain), shown (importance above noise),
    trainings, enough (at least as many trainings as the space has values in all lists). Pruned
    trainings count with their best score so far, for the complete ones alone are a selection.
    No rows for fewer than two different scores.
    """
    rows = table[table["outcome"].isin(SCORED) & table["value"].notna()]
    varied = {name: values for name, values in space.items() if rows[name].nunique() > 1}
    columns = ["parameter", "importance", "noise", "shown", "trainings", "enough"]
    if rows["value"].nunique() < 2 or not varied:
        return pd.DataFrame(columns=columns)
    scores = rows["value"].to_numpy(dtype="float64")
    settings = [setting_of(row, varied) for _, row in rows.iterrows()]
    found = _fanova(settings, scores, varied, seed)
    rng = np.random.default_rng(seed)
    noise = pd.DataFrame(
        _fanova(settings, rng.permutation(scores), varied, seed + number)
        for number in range(1, shuffles + 1)
    ).max()
    enough = len(rows) >= sum(len(values) for values in varied.values())
    return pd.DataFrame(
        [
            (name, share, noise[name], share > noise[name], len(rows), enough)
            for name, share in sorted(found.items(), key=lambda item: -item[1])
        ],
        columns=columns,
    )


def _fanova(settings: list[Setting], scores: np.ndarray, space: Space, seed: int) -> dict:
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    choices = {
        name: optuna.distributions.CategoricalDistribution(list(values))
        for name, values in space.items()
    }
    study.add_trials(
        [
            optuna.trial.create_trial(params=setting, distributions=choices, value=float(score))
            for setting, score in zip(settings, scores, strict=True)
        ]
    )
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=seed)
    return get_param_importances(study, evaluator=evaluator)
