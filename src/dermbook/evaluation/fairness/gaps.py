"""The distance between the best and the worst group, and the distance that chance alone makes.

The largest of several noisy numbers is too large and the smallest too small, so a gap is above
zero although no group differs. How far, is found by giving the groups' names to other lesions of
the same class: a permutation test that keeps each group's size and mix of classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.fairness.cells import METRICS, Cells, Outcomes, Rule, measures, mix_of
from dermbook.evaluation.fairness.groups import resampled, values_by_group
from dermbook.evaluation.uncertainty import percentile_interval

COLUMNS = [
    *("attribute", "metric", "groups", "worst", "lowest", "best", "highest", "gap", "low", "high"),
    *("chance", "chance_high", "excess", "p_value", "p_holm"),
]


def gap_table(
    outcomes: Outcomes,
    attributes: pd.DataFrame,
    *,
    rule: Rule | None = None,
    resamples: int = 500,
    permutations: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """The gap of every attribute and metric, between the groups that are judged.

    Columns: attribute, metric, groups (judged ones), worst and lowest, best and highest (name and
    value), gap (highest − lowest), low and high (95 % of resamples of lesions: as large as the gap
    itself, they are above it on average), chance (mean gap of ``permutations`` in which the
    groups' names went to other lesions of the same class), chance_high (95 % of them are below),
    excess (gap − chance), p_value (share of permutations, the real order counted in, that reach
    the gap) and p_holm (the same, Holm's step-down over all rows; Holm 1979). No row where fewer
    than two groups are judged. ParameterError for fewer than one permutation.
    """
    if permutations < 1:
        raise ParameterError(f"permutations: must be 1 or more, not {permutations}.")
    rule = rule or Rule()
    rows = []
    for attribute in attributes.columns:
        cells = Cells.of(outcomes, attributes[attribute])
        rows += _rows(attribute, cells, rule, resamples, permutations, seed)
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    return table.assign(p_holm=holm(table["p_value"].to_numpy(dtype="float64")))


def gap_by_chance(
    share: float,
    groups: Sequence[int] = (2, 3, 4, 5, 6, 8),
    sizes: Sequence[int] = (30, 100, 300),
    *,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean and 95 % point of the gap among equal groups: size, groups, gap, high.

    Every group has ``size`` independent images and the true score ``share``; so the true gap is 0.
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"share: must be between 0 and 1, not {share}.")
    rng = np.random.default_rng(seed)
    rows = []
    for size in sizes:
        for count in groups:
            scores = rng.binomial(size, share, (draws, count)) / size
            gaps = scores.max(axis=1) - scores.min(axis=1)
            rows.append((size, count, float(gaps.mean()), float(np.quantile(gaps, 0.95))))
    return pd.DataFrame(rows, columns=["size", "groups", "gap", "high"])


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values of a family of tests, in the order given."""
    order = np.argsort(p_values, kind="stable")
    steps = (len(p_values) - np.arange(len(p_values))) * p_values[order]
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(p_values) else steps
    return adjusted


def permuted_groups(cells: Cells, rng: np.random.Generator) -> np.ndarray:
    """Groups after their names went to other lesions of the same class: int (n,).

    All images of a lesion move together. A lesion's class and group are those of its first image.
    """
    first = np.unique(cells.lesion, return_index=True)[1]
    group, truth = cells.group[first], cells.truth[first]
    moved = group.copy()
    for code in np.unique(truth):
        rows = np.flatnonzero(truth == code)
        moved[rows] = rng.permutation(group[rows])
    return moved[cells.lesion]


def _rows(attribute, cells: Cells, rule: Rule, resamples: int, permutations: int, seed: int):
    reasons, shared = cells.judged(rule)
    mix = mix_of(cells)
    values = values_by_group(cells, shared, mix)
    draws = resampled(cells, shared, mix, resamples=resamples, seed=seed)
    rng = np.random.default_rng(seed)
    chance = [
        measures(cells.counts(group=permuted_groups(cells, rng)), cells.malignant, shared, mix)
        for _ in range(permutations)
    ]
    for metric in METRICS:
        judged = np.array([not why for why in reasons[metric]])
        if judged.sum() < 2:
            continue
        of = values[metric][judged]
        gap = float(of.max() - of.min())
        low, high, _ = percentile_interval(_gaps(draws[metric], judged), 0.95)
        random = np.concatenate([_gaps(each[metric], judged) for each in chance])
        random = random[~np.isnan(random)]
        reached = (1 + int((random >= gap - 1e-12).sum())) / (1 + len(random))
        yield (
            attribute, metric, int(judged.sum()), of.idxmin(), float(of.min()), of.idxmax(),
            float(of.max()), gap, low, high, float(random.mean()),
            float(np.quantile(random, 0.95)), gap - float(random.mean()), reached,
        )  # fmt: skip


def _gaps(values: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Largest minus smallest of the judged groups: float64 (r,); NaN if one is undefined."""
    chosen = values[:, judged]
    return chosen.max(axis=1) - chosen.min(axis=1)
