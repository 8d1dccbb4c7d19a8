"""Pairs of images that may be copies: exact ones, what a pair says, and keeping pairs together.

A *pairs table* has one row a pair with the columns ``image_id`` and ``other``; ``image_id`` stands
before ``other`` in the collection. Searches add a column of their own (a distance, a cosine).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.errors import DataError


def exact_duplicates(collection: Collection) -> pd.DataFrame:
    """All pairs of byte-identical image files, by ``source.signature``, described.

    A file that is there k times gives k (k − 1) / 2 pairs. Columns as ``describe_pairs``.
    """
    signatures = pd.Series([collection.source.signature(i) for i in collection.ids])
    rows = [
        pair
        for positions in signatures.groupby(signatures, sort=False).indices.values()
        for pair in combinations(sorted(positions), 2)
    ]
    return describe_pairs(collection, as_pairs(rows, collection.ids))


def as_pairs(positions: Iterable[Sequence[int]], ids: Sequence[str]) -> pd.DataFrame:
    """A pairs table from positions (i, j) in ``ids``, ordered by them."""
    array = np.array(sorted(positions), dtype=np.int64).reshape(-1, 2)
    names = np.asarray(ids, dtype=object)
    columns = {"image_id": names[array[:, 0]], "other": names[array[:, 1]]}
    return pd.DataFrame(columns, dtype="str")


def describe_pairs(collection: Collection, pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs with what the collection's table says of them.

    Adds text columns ``group``, ``other_group``, ``label``, ``other_label`` and bool columns
    ``same_group``, ``same_label``. DataError for an id that the collection lacks.
    """
    check_pairs(collection, pairs)
    table = collection.table
    described = pairs.copy()
    for column in ("group", "label"):
        values = table[column].astype("str")
        described[column] = values.loc[pairs["image_id"]].to_numpy()
        described[f"other_{column}"] = values.loc[pairs["other"]].to_numpy()
    for column in ("group", "label"):
        described[f"same_{column}"] = described[column] == described[f"other_{column}"]
    return described


def across_groups(pairs: pd.DataFrame) -> pd.DataFrame:
    """The described pairs whose images are filed under different lesions."""
    if "same_group" not in pairs.columns:
        raise DataError("across_groups: describe the pairs first (describe_pairs).")
    return pairs[~pairs["same_group"]].reset_index(drop=True)


def group_by_pairs(collection: Collection, pairs: pd.DataFrame) -> Collection:
    """The collection with the lesions of each pair merged, so that no split divides a pair.

    Lesions that are joined by a chain of pairs become one ``group``, named after the one that
    comes first in the table. Images without a group get merged as lesions of their own.
    """
    check_pairs(collection, pairs)
    table = collection.table
    own = pd.Series(table.index, index=table.index)
    groups = table["group"].astype("str").where(table["group"].notna(), own)
    names = list(dict.fromkeys(groups))
    position = {name: k for k, name in enumerate(names)}
    links = zip(groups.loc[pairs["image_id"]], groups.loc[pairs["other"]], strict=True)
    roots = union([(position[a], position[b]) for a, b in links], len(names))
    merged = {name: names[root] for name, root in zip(names, roots, strict=True)}
    return replace(collection, table=table.assign(group=groups.map(merged)))


def surplus(collection: Collection, pairs: pd.DataFrame) -> list[str]:
    """The ids to drop so that of every set of linked images only the first one stays."""
    check_pairs(collection, pairs)
    position = {image_id: k for k, image_id in enumerate(collection.ids)}
    links = [
        (position[a], position[b]) for a, b in zip(pairs["image_id"], pairs["other"], strict=True)
    ]
    roots = union(links, len(position))
    return [i for i, root in zip(collection.ids, roots, strict=True) if position[i] != root]


def union(links: Iterable[tuple[int, int]], count: int) -> np.ndarray:
    """The smallest member of each item's connected set, int64 (count,) (union-find)."""
    parent = np.arange(count)

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for one, other in links:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(item) for item in range(count)], dtype=np.int64)


def check_pairs(collection: Collection, pairs: pd.DataFrame) -> None:
    """DataError when a pairs table lacks a column or names an image the collection lacks."""
    missing = [column for column in ("image_id", "other") if column not in pairs.columns]
    if missing:
        raise DataError(f"The pairs table has no column {missing[0]!r}.")
    unknown = pd.Index(pairs["image_id"]).union(pairs["other"]).difference(collection.ids)
    if len(unknown):
        raise DataError(
            f"{collection.name}: the pairs name {len(unknown)} images that it does not have, first "
            f"{unknown[0]!r}."
        )
