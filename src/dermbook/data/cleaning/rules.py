"""Cleaning by named rules: each drops some images and says how many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from dermbook.data.cleaning.pairs import surplus
from dermbook.data.collection import Collection
from dermbook.errors import DataError

Data = TypeVar("Data", Collection, pd.DataFrame)
WRONG = "3 Wrongly labelled"
UNREVIEWED = "not reviewed"


@dataclass(frozen=True)
class Rule:
    """A cleaning rule: its ``name``, and which ids of the data it ``drops``."""

    name: str
    drops: Callable[[Collection | pd.DataFrame], Sequence[str]]


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What is left, and the report: columns rule, before, dropped, kept; one row a rule."""

    data: Collection | pd.DataFrame
    report: pd.DataFrame


def clean(data: Data, rules: Sequence[Rule]) -> Cleaned:
    """Apply rules one after the other, each to what the ones before it left.

    data: a Collection, or a table indexed by image_id. DataError when a rule would leave nothing.
    """
    rows = []
    for rule in rules:
        table = _table(data)
        dropped = set(rule.drops(data))
        keep = ~table.index.isin(list(dropped))
        if not keep.any():
            raise DataError(f"Cleaning rule {rule.name!r} would drop every image that is left.")
        counts = {"before": len(table), "dropped": int((~keep).sum()), "kept": int(keep.sum())}
        rows.append({"rule": rule.name, **counts})
        if isinstance(data, Collection):
            data = data.where(pd.Series(keep, index=table.index))
        else:
            data = data[keep]
    return Cleaned(data, pd.DataFrame(rows, columns=["rule", "before", "dropped", "kept"]))


def by_qc(data: Data, drop: Sequence[str] = (WRONG,), *, column: str = "qc") -> Data:
    """The images whose quality mark is not one of ``drop``; unreviewed ones stay (row 0.1)."""
    return clean(data, [qc_rule(drop, column=column)]).data


def qc_rule(drop: Sequence[str] = (WRONG,), *, column: str = "qc") -> Rule:
    """Drops images by quality mark. DataError for a mark that no image carries."""

    def drops(data: Collection | pd.DataFrame) -> Sequence[str]:
        marks = _column(data, column)
        unknown = set(drop) - set(marks.dropna())
        if unknown:
            raise DataError(
                f"{column}: no image carries the mark {min(unknown)!r}; there are "
                f"{', '.join(sorted(marks.dropna().unique())) or 'none'}."
            )
        return list(marks.index[marks.isin(list(drop))])

    return Rule(f"{column}: " + ", ".join(drop), drops)


def missing_rule(column: str) -> Rule:
    """Drops images without a value in ``column``, for example those without an address."""

    def drops(data: Collection | pd.DataFrame) -> Sequence[str]:
        values = _column(data, column)
        return list(values.index[values.isna()])

    return Rule(f"no {column}", drops)


def ids_rule(name: str, ids: Sequence[str]) -> Rule:
    """Drops the images of a list, for example unreadable files; ids no longer there are ignored."""
    return Rule(name, lambda data: [i for i in ids if i in _table(data).index])


def copies_rule(name: str, pairs: pd.DataFrame) -> Rule:
    """Drops all but the first image of every set linked by ``pairs``.

    Pairs of which one image was dropped by an earlier rule no longer count.
    """

    def drops(data: Collection | pd.DataFrame) -> Sequence[str]:
        if not isinstance(data, Collection):
            raise DataError("copies_rule: copies are found in a Collection, not in a table.")
        index = data.table.index
        there = pairs["image_id"].isin(index) & pairs["other"].isin(index)
        return surplus(data, pairs[there])

    return Rule(name, drops)


def qc_table(data: Collection | pd.DataFrame, *, column: str = "qc") -> pd.DataFrame:
    """Images by quality mark, with those that nobody reviewed: mark, count, percent (0..100)."""
    marks = _column(data, column).astype("object")
    counts = marks.where(marks.notna(), UNREVIEWED).value_counts()
    counts = counts.sort_index(
        key=lambda names: np.array([n == UNREVIEWED or n for n in names], str)
    )
    frame = counts.rename_axis("mark").rename("count").reset_index()
    return frame.assign(percent=100 * frame["count"] / len(marks))


def _table(data: Collection | pd.DataFrame) -> pd.DataFrame:
    return data.table if isinstance(data, Collection) else data


def _column(data: Collection | pd.DataFrame, column: str) -> pd.Series:
    table = _table(data)
    if column not in table.columns:
        raise DataError(
            f"There is no column {column!r} to clean by; there are {', '.join(table.columns)}."
        )
    return table[column]
