"""Many classes: how long the tail is, and what a clinical collection amounts to."""

import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.exploration.skin import SCALES, scale_agreement
from dermbook.data.fitzpatrick import COLUMNS, NAME
from dermbook.data.staging import PUBLISHED
from dermbook.errors import DataError
from dermbook.paths import data_dir


def rank_table(labels: pd.Series) -> pd.DataFrame:
    """Classes by size, largest first. Columns: rank (from 1), class, count, percent, cumulative.

    percent and cumulative are of all images, 0..100. Missing labels are left out.
    """
    counts = labels.dropna().astype(str).value_counts()
    if counts.empty:
        raise DataError("rank_table: there are no labels to count.")
    frame = counts.rename_axis("class").rename("count").reset_index()
    frame = frame.sort_values(["count", "class"], ascending=[False, True], ignore_index=True)
    frame.insert(0, "rank", range(1, len(frame) + 1))
    frame["percent"] = 100 * frame["count"] / frame["count"].sum()
    frame["cumulative"] = frame["percent"].cumsum()
    return frame


def clinical_counts(table: pd.DataFrame) -> dict[str, float]:
    """What a table of clinical photographs amounts to.

    images and classes; typed, images with a skin type on the first scale; dark, the share (0..1)
    of those with type 5 or 6; same, within_one and weighted_kappa of the two scales.
    """
    types = pd.to_numeric(table[SCALES[0]]).dropna()
    agreement = scale_agreement(table)
    return {
        "images": len(table),
        "classes": table["label"].nunique(),
        "typed": len(types),
        "dark": float((types >= 5).mean()),
        **{name: agreement[name] for name in ("same", "within_one", "weighted_kappa")},
    }


def published_columns(collection: Collection) -> int:
    """How many columns the table has that a clinical collection was published with (R0's 0.1).

    Counted in the publisher's own file; for a phantom, those of Fitzpatrick17k's columns that it
    has (its index stands for the hash). DataError when the file is not there.
    """
    if collection.name != NAME:
        return 1 + len(set(COLUMNS) & set(collection.table.columns))
    path = data_dir() / NAME / PUBLISHED
    if not path.is_file():
        raise DataError(f"{path} is not there: import {NAME} (dermbook data get {NAME}).")
    return pd.read_csv(path, nrows=0).shape[1]
