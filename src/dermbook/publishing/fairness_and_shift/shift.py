"""Another source: what it costs, how well pictures tell it, and what may narrow a gap."""

from collections.abc import Mapping, Sequence

import pandas as pd

from dermbook.data.exploration.confounding import confounder_table
from dermbook.evaluation.fairness import (
    Outcomes,
    Rule,
    chosen_thresholds,
    group_weights,
    label_from_source,
    largest_shared,
    out_of_fold,
    remedy_effects,
    shift_arms,
    source_recognition,
)
from dermbook.evaluation.fairness.shift import BOTH, OTHER, OWN
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.publishing.fairness_and_shift.groups import Judged, source_of

#: what a remedy is called
EACH, ALIKE = "a threshold a group", "groups weigh alike"
_SHIFT_KEYS = [("balanced_accuracy", ""), ("accuracy", "")]


def shift_tables(
    uses: Mapping[str, tuple[Judged, str]],
    *,
    seeds: Sequence[int],
    at_least: int,
    components: int,
    resamples: int,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(scores, costs) of training on other sources, of each collection by one attribute.

    uses: by any name the data and the attribute that is the source. scores: images, attribute,
    source, arm, metric, value, low, high, n, classes. costs: images, attribute, source, comparison,
    metric, first, second, value, low, high.
    """
    scores, costs = [], []
    for of, attribute in uses.values():
        arms = shift_arms(
            of.collection, of.vectors, source_of(of, attribute), seeds=tuple(seeds),
            at_least=at_least, components=components,
        )  # fmt: skip
        pairs = {f"{OTHER} instead of {OWN}": (OWN, OTHER), f"{BOTH} instead of {OWN}": (OWN, BOTH)}
        for source, of_source in arms.items():
            front = {"images": of.name, "attribute": attribute, "source": source}
            options = {"resamples": resamples, "seed": seed}
            classes = len(next(iter(of_source.values())).predictions[0].classes)
            found = arm_scores(of_source, _SHIFT_KEYS, **options)
            scores.append(found.assign(**front, classes=classes))
            costs.append(arm_differences(of_source, pairs, _SHIFT_KEYS, **options).assign(**front))
    front = ["images", "attribute", "source"]
    score_columns = [*front, "arm", "metric", "value", "low", "high", "n", "classes", "seeds"]
    cost_columns = [
        *front, "comparison", "metric", "first", "second", "value", "low", "high", "seeds",
    ]  # fmt: skip
    return (
        pd.concat(scores, ignore_index=True)[score_columns],
        pd.concat(costs, ignore_index=True)[cost_columns],
    )


def recognition(
    uses: Mapping[str, tuple[Judged, str]],
    *,
    at_least: int,
    classes: int,
    folds: int,
    components: int,
    resamples: int,
    seed: int = 0,
) -> pd.DataFrame:
    """How well the vectors tell the source: images, attribute, then ``source_recognition``.

    Within each of the ``classes`` largest classes that every source has ``at_least`` lesions of; or
    of two sources at least, where all sources share none.
    """
    frames = []
    for of, attribute in uses.values():
        sources = source_of(of, attribute)
        labels = of.collection.table["label"]
        within = largest_shared(of.collection.table, sources, at_least=at_least, most=classes)
        chosen = sources
        if not within:
            within = [labels[sources.notna()].value_counts().index[0]]
            chosen = _common(sources, labels == within[0], at_least)
        found = source_recognition(
            of.collection, of.vectors, chosen, within=within, folds=folds, components=components,
            resamples=resamples, seed=seed,
        )  # fmt: skip
        found.insert(0, "images", of.name)
        found.insert(1, "attribute", attribute)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)


def from_source(
    uses: Mapping[str, tuple[Judged, str]], *, folds: int, resamples: int, seed: int = 0
) -> pd.DataFrame:
    """``label_from_source`` of each collection, and Cramér's V of source and label.

    Columns images, attribute, metric, chance, value, low, high, cramers_v, shuffled (the highest V
    of shuffled sources).
    """
    frames = []
    for of, attribute in uses.values():
        sources = source_of(of, attribute)
        found = label_from_source(
            of.collection, sources, folds=folds, resamples=resamples, seed=seed
        )
        table = pd.DataFrame(
            {"source": sources.astype(object), "label": of.collection.table["label"]}
        )
        tie = confounder_table(table, "source", ["label"], permutations=100, seed=seed).iloc[0]
        found = found.assign(cramers_v=tie["cramers_v"], shuffled=tie["permuted_highest"])
        found.insert(0, "images", of.name)
        found.insert(1, "attribute", attribute)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)


def remedies(
    uses: Mapping[str, tuple[Judged, str]],
    *,
    sensitivity: float,
    rule: Rule,
    resamples: int,
    seed: int = 0,
) -> pd.DataFrame:
    """What a threshold a group, and groups that weigh alike, do to gaps: images, attribute, then
    ``remedy_effects``. Before: one threshold for all, as ``Judged.outcomes`` has it.
    """
    frames = []
    for of, attribute in uses.values():
        groups = source_of(of, attribute)
        number = of.folds.number
        options = {"sensitivity": sensitivity}
        own = chosen_thresholds(of.predictions, of.malignant, number, groups=groups, **options)
        alike = out_of_fold(of.folds, model=f"fs-{of.name}-alike", weights=group_weights(groups))
        again = chosen_thresholds(alike, of.malignant, number, **options)
        after = {
            EACH: Outcomes.of(of.predictions, of.malignant, threshold=own),
            ALIKE: Outcomes.of(alike, of.malignant, threshold=again),
        }
        found = remedy_effects(
            of.outcomes(sensitivity), after, groups,
            ["sensitivity", "specificity", "balanced_accuracy"], rule=rule, resamples=resamples,
            seed=seed,
        )  # fmt: skip
        found.insert(0, "images", of.name)
        found.insert(1, "attribute", attribute)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)


def _common(sources: pd.Series, rows: pd.Series, at_least: int) -> pd.Series:
    """The sources with those only that have ``at_least`` of the rows; the others are missing."""
    counts = sources[rows].value_counts()
    kept = [name for name in counts.index if counts[name] >= at_least]
    return sources.where(sources.isin(kept))
