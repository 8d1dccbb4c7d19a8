"""What may narrow a gap: a threshold a group, or groups that weigh alike in training. And its cost.

A threshold a group equalises one score by construction where it is chosen, moves the others, and
needs the group of every future patient (Hardt, Price and Srebro 2016).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.fairness.cells import Cells, Outcomes, Rule, measures, mix_of
from dermbook.evaluation.merging import in_two
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval

#: malignant images that a group needs for a threshold of its own
FEWEST = 10


def group_weights(groups: pd.Series) -> pd.Series:
    """Weights with which all groups count alike in training; 1 where the group is unknown.

    The weights of the images with a group add up to their number.
    """
    known = groups[groups.notna()].astype(str)
    if known.empty:
        raise DataError("group_weights: no image has a group.")
    sizes = known.value_counts()
    weights = len(known) / (len(sizes) * known.map(sizes).astype(float))
    return weights.reindex(groups.index).fillna(1.0).rename("weight")


def chosen_thresholds(
    predictions: Predictions,
    malignant: Sequence[str],
    folds: pd.Series,
    *,
    sensitivity: float,
    groups: pd.Series | None = None,
) -> pd.Series:
    """The highest threshold that reaches a sensitivity, chosen for each image on the other folds.

    predictions: out of fold. folds: each image's fold. groups: with them, each group gets a
    threshold of its own, if the other folds have ``FEWEST`` malignant images of it; the others, and
    images without a group, get that of all together. Returns a threshold an image.
    ParameterError for a sensitivity outside (0, 1].
    """
    if not 0 < sensitivity <= 1:
        raise ParameterError(f"sensitivity: must be above 0 and at most 1, not {sensitivity}.")
    index = predictions.table.index
    scores = in_two(predictions, malignant).probabilities[:, 1]
    bad = predictions.table["truth"].isin(malignant).to_numpy()
    number = folds.reindex(index).to_numpy()
    group = None if groups is None else groups.reindex(index).astype(object)
    result = pd.Series(np.nan, index=index)
    for fold in np.unique(number):
        inside, outside = number == fold, (number != fold) & bad
        if not outside.any():
            raise DataError("chosen_thresholds: the other folds have no malignant image.")
        result[inside] = reaching(scores[outside], sensitivity)
        for name in [] if group is None else group.dropna().unique():
            of = (group == name).fillna(False).to_numpy(bool)
            if (outside & of).sum() >= FEWEST:
                result[inside & of] = reaching(scores[outside & of], sensitivity)
    return result


def reaching(scores: np.ndarray, sensitivity: float) -> float:
    """The highest threshold that this share of the scores (float (n,), n ≥ 1) reaches."""
    needed = int(np.ceil(sensitivity * len(scores) - 1e-9))
    return float(np.sort(scores)[len(scores) - needed])


def remedy_effects(
    before: Outcomes,
    after: Mapping[str, Outcomes],
    groups: pd.Series,
    metrics: Sequence[str],
    *,
    rule: Rule | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """What each remedy does to the gap between the groups, and to the score of all together.

    Columns: remedy, metric, groups (judged), gap_before, gap_after, change, low, high; then
    overall_before, overall_after, overall_change, overall_low, overall_high. Intervals are 95 % of
    the same resamples of lesions before and after. No row for a metric by which fewer than two
    groups are judged.
    DataError where the images before and after are not the same.
    """
    rule = rule or Rule()
    rows = []
    for name, outcomes in after.items():
        same = before.table[["truth", "lesion"]].equals(outcomes.table[["truth", "lesion"]])
        if not same:
            raise DataError(f"remedy_effects: {name!r} is not of the same images.")
        pair = [Cells.of(each, groups) for each in (before, outcomes)]
        reasons, shared = pair[0].judged(rule)
        mix = mix_of(pair[0])
        draws = [_draws(cells, shared, mix, resamples, seed) for cells in pair]
        for metric in metrics:
            judged = np.array([not why for why in reasons[metric]])
            if judged.sum() < 2:
                continue
            gaps = [_gap(of[metric][0][:, judged]) for of in draws]
            alls = [of[metric][1][:, 0] for of in draws]
            rows.append((name, metric, int(judged.sum()), *_changes(gaps), *_changes(alls)))
    parts = ("before", "after", "change", "low", "high")
    gap = ["gap_before", "gap_after", "change", "low", "high"]
    columns = ["remedy", "metric", "groups", *gap, *(f"overall_{part}" for part in parts)]
    return pd.DataFrame(rows, columns=columns)


def _draws(cells: Cells, shared, mix, resamples: int, seed: int):
    """By metric (of each group, of all together), each float64 (1 + resamples, …): sample first."""
    weights = [np.ones((1, len(cells.truth))), *lesion_weights(cells.lesion, resamples, seed)]
    found = [cells.counts(each) for each in weights]
    by_group = [measures(counts, cells.malignant, shared, mix) for counts in found]
    whole = [
        measures([each.sum(axis=1, keepdims=True) for each in counts], cells.malignant, shared, mix)
        for counts in found
    ]
    return {
        metric: tuple(np.concatenate([each[metric] for each in of]) for of in (by_group, whole))
        for metric in by_group[0]
    }


def _gap(values: np.ndarray) -> np.ndarray:
    return values.max(axis=1) - values.min(axis=1)


def _changes(pair: Sequence[np.ndarray]) -> tuple[float, ...]:
    first, second = pair
    low, high, _ = percentile_interval((second - first)[1:], 0.95)
    return float(first[0]), float(second[0]), float(second[0] - first[0]), low, high
