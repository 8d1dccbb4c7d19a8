"""The most frequent label of each category: how much of the answer a column holds (lesson M14)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.errors import DataError

#: how the rule without any column is called
NOTHING = "nothing"


def majority_rule(table: pd.DataFrame, columns: Sequence[str]) -> float:
    """Share of rows that have the most frequent label of all rows with the same values.

    table: with ``label`` and the columns; a gap is a value like any other. No column: the share
    of the most frequent label of all. It is counted on the rows that it is made from, so it is no
    score of unseen ones. DataError for no rows or a column that is not there.
    """
    if table.empty:
        raise DataError("majority_rule: the table has no rows.")
    if lacking := [name for name in ("label", *columns) if name not in table.columns]:
        raise DataError(f"majority_rule: there is no column {lacking[0]!r}.")
    if not columns:
        return float(table["label"].value_counts().iloc[0] / len(table))
    counts = table.groupby([*columns, "label"], dropna=False, observed=True).size()
    largest = counts.groupby(level=list(range(len(columns))), dropna=False).max()
    return float(largest.sum() / len(table))


def majority_table(
    table: pd.DataFrame, sets: Sequence[Sequence[str]], *, rows: str
) -> pd.DataFrame:
    """``majority_rule`` of several sets of columns: rows, columns, categories, images, right.

    rows: what the table is, kept as a column. categories: different values that occur.
    """
    found = []
    for columns in sets:
        name = " and ".join(columns) or NOTHING
        categories = len(table[list(columns)].drop_duplicates()) if columns else 1
        found.append((rows, name, categories, len(table), majority_rule(table, columns)))
    return pd.DataFrame(found, columns=["rows", "columns", "categories", "images", "right"])


def label_entropy(labels: pd.Series) -> float:
    """Nats: the least cross-entropy of a model that knows how frequent labels are, and no more."""
    shares = labels.value_counts(normalize=True).to_numpy()
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
