"""What another source costs: train on the others, test on one, beside as many images of its own.

Both heads are trained on the same number of images *of each class*, so what differs between them is
how the pictures look and whom they show, not how many there are or how frequent a disease is.
"""

import numpy as np
import pandas as pd

from dermbook.data import Collection
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.fairness.heads import PENALTY, reduced
from dermbook.evaluation.predictions import Predictions
from dermbook.training.heads import logistic_head

OWN, OTHER, BOTH = "its own source", "other sources", "half and half"


def shared_classes(table: pd.DataFrame, sources: pd.Series, *, at_least: int = 20) -> list[str]:
    """Classes with ``at_least`` lesions in every source, by falling number of lesions.

    table: a collection's, with label and group.
    """
    known = sources.reindex(table.index)
    of = table[["label", "group"]].assign(source=known.astype(object))[known.notna()]
    of = of.drop_duplicates()
    counts = pd.crosstab(of["label"], of["source"])
    kept = counts[(counts >= at_least).all(axis=1)]
    return list(kept.sum(axis=1).sort_values(ascending=False, kind="stable").index)


def shift_arms(
    collection: Collection,
    vectors: pd.DataFrame,
    sources: pd.Series,
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    at_least: int = 20,
    components: int = 128,
) -> dict[str, dict[str, Arm]]:
    """For each source an Arm a way of training, all tested on half of that source's lesions.

    Only the classes with ``at_least`` lesions in every source take part. Each seed halves the
    source's lesions anew: one half is the test, the other may be trained on. Training takes of
    every class the same number of images, as many as both sides have: from that half (``OWN``),
    from the other sources (``OTHER``), or from both in equal parts (``BOTH``).

    DataError for fewer than two sources or shared classes, or a class that a half lacks;
    ParameterError without a seed.
    """
    if not seeds:
        raise ParameterError("seeds: give at least one.")
    known = sources.reindex(collection.table.index)
    names = [name for name in _order(known) if (known == name).any()]
    classes = shared_classes(collection.table, known, at_least=at_least)
    if len(names) < 2 or len(classes) < 2:
        raise DataError(
            f"shift_arms: {len(names)} sources share {len(classes)} classes of {at_least} lesions "
            "or more; two of each are needed."
        )
    kept = collection.where(collection.table["label"].isin(classes) & known.notna())
    kept = kept.relabel({name: name for name in classes}, classes)
    result = {}
    for name in names:
        several = [_seed(kept, vectors, known, name, components, seed) for seed in seeds]
        result[name] = {
            way: Arm(tuple(seeds), tuple(each[way] for each in several))
            for way in (OWN, OTHER, BOTH)
        }
    return result


def halves(table: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.Index, pd.Index]:
    """Image ids of two halves of each class's lesions, lesions whole; the first is not smaller.

    table: label and group by image id. DataError for a class with a single lesion.
    """
    lesions = table.drop_duplicates("group")
    first: set[str] = set()
    for label, of in lesions.groupby("label", sort=True):
        if len(of) < 2:
            raise DataError(f"halves: {label!r} has one lesion only.")
        order = rng.permutation(of["group"].to_numpy(object))
        first |= set(order[: -(-len(order) // 2)])
    inside = table["group"].isin(first)
    return table.index[inside], table.index[~inside]


def _seed(kept: Collection, vectors, known, name: str, components: int, seed: int):
    rng = np.random.default_rng(seed)
    table = kept.table
    own = table[known.reindex(table.index) == name]
    # a lesion whose images come from several sources would be on both sides
    others = table[(known.reindex(table.index) != name) & ~table["group"].isin(own["group"])]
    train, test = halves(own, rng)
    drawn = {OWN: [], OTHER: [], BOTH: []}
    for label in kept.classes:
        here = rng.permutation(own.index[own.index.isin(train) & (own["label"] == label)])
        there = rng.permutation(others.index[others["label"] == label])
        count = min(len(here), len(there))
        if not count:
            raise DataError(f"shift_arms: no {label!r} to train on for {name}.")
        drawn[OWN] += list(here[:count])
        drawn[OTHER] += list(there[:count])
        drawn[BOTH] += [*here[: -(-count // 2)], *there[: count // 2]]
    found = {}
    for way, ids in drawn.items():
        inputs = vectors.loc[ids].to_numpy(np.float32), vectors.loc[test].to_numpy(np.float32)
        first, (held,) = reduced(inputs[0], [inputs[1]], components)
        (values,) = logistic_head(
            first, kept.codes(ids), [held], classes=len(kept.classes), penalty=PENALTY
        )
        found[way] = Predictions.from_probabilities(
            list(test), values, kept, model="shift", part="test"
        )
    return found


def _order(sources: pd.Series) -> list[str]:
    if hasattr(sources, "cat"):
        return list(sources.cat.categories)
    return sorted(sources.dropna().unique())
