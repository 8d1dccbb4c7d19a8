"""How much of the label the metadata give away, before any picture is looked at."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.exploration.columns import UNKNOWN, categories_of, column_of
from dermbook.data.splits import Split
from dermbook.errors import DataError

#: width of an age band in years
AGE_BAND = 10


def cramers_v(first: pd.Series, second: pd.Series) -> float:
    """Cramér's V of two categorical columns, corrected for bias (Bergsma 2013); 0..1.

    0: knowing one says nothing of the other; 1: it tells it. NaN when either has one value only.
    """
    return v_of_counts(pd.crosstab(first.to_numpy(), second.to_numpy()).to_numpy(float))


def v_of_counts(table: np.ndarray) -> float:
    """``cramers_v`` of a table of counts, float (rows, columns), none of them empty."""
    n, (rows, columns) = table.sum(), table.shape
    if min(rows, columns) < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = ((table - expected) ** 2 / expected).sum() / n
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    rows -= (rows - 1) ** 2 / (n - 1)
    columns -= (columns - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi2 / min(rows - 1, columns - 1)))


def association_table(collection: Collection, columns: Sequence[str], split: Split) -> pd.DataFrame:
    """How far each metadata column alone goes towards the label.

    Ages count in bands of ten years. Columns: column; values (different ones); cramers_v (see
    there, over all images); and the recall averaged over classes, on the split's validation part,
    of a rule learnt on its train part: ``balanced_accuracy`` of answering, for each value, the
    class that is most over-represented there; ``chance`` is one over the number of classes.

    DataError for a column that is not there or a split of other images.
    """
    train, held_out = (list(split.parts[part]) for part in ("train", "validation"))
    labels = column_of(collection, "label").astype(str)
    rows = []
    for column in columns:
        values = _banded(collection, column)
        rows.append(
            {
                "column": column,
                "values": values.nunique(),
                "cramers_v": cramers_v(values, labels),
                "balanced_accuracy": _rule(values, labels, train, held_out),
                "chance": 1 / labels[held_out].nunique(),
            }
        )
    return pd.DataFrame(rows).sort_values("cramers_v", ascending=False, ignore_index=True)


def excess_table(collection: Collection, column: str) -> pd.DataFrame:
    """Where a value of a column goes with a class more often than chance would have it.

    Columns: class, category, count, expected (count × count over all, if the two were unrelated),
    ratio (count over expected).
    """
    values, labels = _banded(collection, column), column_of(collection, "label").astype(str)
    counts = pd.crosstab(labels, values)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.to_numpy().sum()
    frame = counts.rename_axis("class").rename_axis("category", axis=1).stack().rename("count")
    frame = frame.reset_index()
    frame["expected"] = expected.ravel()
    frame["ratio"] = frame["count"] / frame["expected"]
    return frame


def largest_excess(frame: pd.DataFrame, *, rows: int = 12, least: int = 10) -> pd.DataFrame:
    """The ``rows`` largest ratios of an ``excess_table`` among counts of ``least`` or more."""
    enough = frame[frame["count"] >= least]
    return enough.sort_values("ratio", ascending=False).head(rows).reset_index(drop=True)


def _banded(collection: Collection, column: str) -> pd.Series:
    """A column as categories; numbers in bands."""
    values = column_of(collection, column)
    if not pd.api.types.is_numeric_dtype(values) or values.nunique() <= 8:
        return categories_of(collection, column)
    low = (values // AGE_BAND * AGE_BAND).astype("Int64").astype("object")
    return low.where(values.notna(), UNKNOWN).astype(str)


def _rule(values: pd.Series, labels: pd.Series, train: list[str], held_out: list[str]) -> float:
    unknown = sorted({*train, *held_out} - {*labels.index})
    if unknown:
        raise DataError(f"the split names {unknown[0]!r}, which the collection does not have.")
    counts = pd.crosstab(values[train], labels[train])
    # shares within the class, so that the rule does not just answer the commonest class
    lift = counts / counts.sum()
    answer = lift.idxmax(axis=1)
    given = values[held_out].map(answer).fillna(labels[train].mode()[0])
    right = given == labels[held_out]
    return float(right.groupby(labels[held_out]).mean().mean())
