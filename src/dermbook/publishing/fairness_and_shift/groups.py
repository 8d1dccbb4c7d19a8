"""Who is in which group, how each group fares, and gaps against chance: tidy tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from dermbook.data import Collection, load_collection, present_classes
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import Predictions
from dermbook.evaluation.fairness import (
    Outcomes,
    Rule,
    attribute_table,
    chosen_thresholds,
    gap_by_chance,
    gap_table,
    group_scores,
    in_folds,
    out_of_fold,
)
from dermbook.evaluation.fairness.heads import Folds
from dermbook.evaluation.fairness.remedies import reaching
from dermbook.evaluation.merging import in_two


@dataclass(frozen=True, eq=False)
class Judged:
    """A collection, its groups and malignant classes, and heads out of fold on its vectors."""

    collection: Collection
    attributes: pd.DataFrame
    malignant: tuple[str, ...]
    vectors: pd.DataFrame
    folds: Folds
    predictions: Predictions

    @property
    def name(self) -> str:
        return self.collection.name

    def outcomes(self, sensitivity: float) -> Outcomes:
        """What the heads out of fold decided about every image, with the threshold that reached
        this sensitivity on the other folds."""
        threshold = chosen_thresholds(
            self.predictions, self.malignant, self.folds.number, sensitivity=sensitivity
        )
        return Outcomes.of(self.predictions, self.malignant, threshold=threshold)


def judged(
    collection: Collection,
    vectors: pd.DataFrame,
    malignant: Sequence[str],
    *,
    folds: int,
    components: int,
    seed: int = 0,
    model: str = "",
) -> Judged:
    """Train heads out of fold on a collection's vectors. ``model`` names them."""
    ready = in_folds(collection, vectors, folds=folds, components=components, seed=seed)
    return Judged(
        collection,
        attribute_table(collection.table),
        tuple(malignant),
        vectors,
        ready,
        out_of_fold(ready, model=model or f"fs-{collection.name}"),
    )


def clinical_collection(
    name: str, *, images: int, height: int, width: int, seed: int = 0
) -> Collection:
    """A collection with skin types, as the chapter on images and metadata has it: without classes
    that are too small to be divided."""
    found = load_collection(name, images=images, height=height, width=width, seed=seed)
    return present_classes(found, at_least=3)


def malignant_labels(collection: Collection) -> list[str]:
    """The classes that the three-part label calls malignant. DataError where there is none."""
    table = collection.table
    if "three_partition_label" not in table.columns:
        raise DataError(f"{collection.name}: the table has no column three_partition_label.")
    bad = set(table.loc[table["three_partition_label"] == "malignant", "label"])
    found = [name for name in collection.classes if name in bad]
    if not found:
        raise DataError(f"{collection.name}: no class is malignant.")
    return found


def same_data(predictions: Predictions, collection: Collection) -> Predictions:
    """The Predictions, if they are of this very collection; their images have groups only then.

    DataError when another chapter was run with other images.
    """
    if predictions.data_fingerprint != collection.fingerprint:
        raise DataError(
            f"{predictions.model} was tested on other images of {predictions.collection} than this "
            f"chapter loads ({predictions.data_fingerprint[:12]}, {collection.fingerprint[:12]}). "
            "Give this chapter the images, height and width of that one."
        )
    return predictions


def several(tables: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Tables by (images, model) as one, with these two columns in front."""
    frames = []
    for (images, model), table in tables.items():
        table = table.copy()
        table.insert(0, "images", images)
        table.insert(1, "model", model)
        frames.append(table)
    return pd.concat(frames, ignore_index=True)


def composition(*data: Judged, rule: Rule) -> pd.DataFrame:
    """Who is in each group: images, attribute, group, photographs, lesions, malignant (its share),
    share (of the photographs with a known group), large enough (by the rule, on all images)."""
    rows = []
    for of in data:
        table = of.collection.table
        for attribute in of.attributes.columns:
            groups = of.attributes[attribute]
            known = int(groups.notna().sum())
            for name in groups.cat.categories:
                inside = table[groups == name]
                if inside.empty:
                    continue
                lesions = inside["group"].nunique()
                share = float(inside["label"].isin(of.malignant).mean())
                row = (attribute, name, len(inside), lesions, share, len(inside) / known)
                rows.append((of.name, *row, lesions >= rule.lesions))
    columns = ["images", "attribute", "group", "photographs", "lesions", "malignant", "share"]
    return pd.DataFrame(rows, columns=[*columns, "large enough"])


def tested(
    of: Judged, validation: Predictions, test: Predictions, *, sensitivity: float
) -> Outcomes:
    """What another chapter's network decided about its test part.

    Called malignant from the threshold that reaches the sensitivity on its validation part. Both
    must be of the collection judged here (``same_data``), for their images have groups only then.
    """
    validation, test = (same_data(each, of.collection) for each in (validation, test))
    bad = validation.table["truth"].isin(of.malignant).to_numpy()
    if not bad.any():
        raise DataError(f"{validation.model}: no image of its validation part is malignant.")
    scores = in_two(validation, of.malignant).probabilities[bad, 1]
    return Outcomes.of(test, of.malignant, threshold=reaching(scores, sensitivity))


def groups_of(
    uses: Mapping[str, tuple[Judged, Outcomes]], *, rule: Rule, resamples: int, seed: int = 0
) -> pd.DataFrame:
    """``group_scores`` of several models, with images and model in front.

    uses: by name of the model the data and what it decided.
    """
    options = {"rule": rule, "resamples": resamples, "seed": seed}
    return several(
        {
            (of.name, name): group_scores(outcomes, of.attributes, **options)
            for name, (of, outcomes) in uses.items()
        }
    )


def gaps_of(
    uses: Mapping[str, tuple[Judged, Outcomes]],
    *,
    rule: Rule,
    resamples: int,
    permutations: int,
    seed: int = 0,
) -> pd.DataFrame:
    """``gap_table`` of several models, likewise. Holm's p is over the rows of one model."""
    options = {"rule": rule, "resamples": resamples, "permutations": permutations, "seed": seed}
    return several(
        {
            (of.name, name): gap_table(outcomes, of.attributes, **options)
            for name, (of, outcomes) in uses.items()
        }
    )


def chance_gaps(gaps: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """``gap_by_chance`` at the sensitivity in the middle of the first gap's groups."""
    first = gaps[gaps["metric"] == "sensitivity"]
    row = (first if len(first) else gaps).iloc[0]
    share = float((row["lowest"] + row["highest"]) / 2)
    return gap_by_chance(share, draws=draws, seed=seed).assign(share=share)


def source_of(of: Judged, attribute: str) -> pd.Series:
    """Each image's group under an attribute; ParameterError for one that the table has not."""
    if attribute not in of.attributes.columns:
        raise ParameterError(
            f"source: {of.name} has no {attribute!r}; it has {', '.join(of.attributes.columns)}."
        )
    return of.attributes[attribute]
