"""What was planted in a phantom, and what a proposed pair therefore is."""

import numpy as np
import pandas as pd

from dermbook.data.cleaning.pairs import check_pairs
from dermbook.data.collection import Collection
from dermbook.errors import DataError

KINDS = ("copy", "same lesion", "unrelated")


def origins(collection: Collection) -> pd.Series:
    """The photograph that each image is a copy of, or itself. DataError for a real collection."""
    table = collection.table
    if not collection.phantom or "near_duplicate_of" not in table.columns:
        raise DataError(f"{collection.name}: only a phantom knows which images are copies.")
    own = pd.Series(table.index, index=table.index, dtype="object")
    near, exact = (table[c].astype("object") for c in ("near_duplicate_of", "duplicate_of"))
    return near.where(near.notna(), exact.where(exact.notna(), own)).astype("str")


def planted_kind(collection: Collection, pairs: pd.DataFrame) -> np.ndarray:
    """What each pair truly is, text (n,): one of ``KINDS``.

    "copy": one photograph twice; "same lesion": two photographs of one lesion, under whatever
    lesion ids they are filed; "unrelated".
    """
    check_pairs(collection, pairs)
    origin = origins(collection)
    lesion = origin.map(collection.table["group"])
    one, other = pairs["image_id"], pairs["other"]
    copy = origin.loc[one].to_numpy() == origin.loc[other].to_numpy()
    sibling = lesion.loc[one].to_numpy() == lesion.loc[other].to_numpy()
    return np.where(copy, KINDS[0], np.where(sibling, KINDS[1], KINDS[2]))


def planted_copies(collection: Collection) -> int:
    """How many pairs of the collection are copies of one photograph: what a search should find."""
    sizes = origins(collection).value_counts()
    return int((sizes * (sizes - 1) // 2).sum())
