"""Getting at a column of a table, with a clear complaint when it is not there."""

import pandas as pd

from dermbook.data.collection import Collection
from dermbook.errors import DataError

#: how a missing category is called
UNKNOWN = "unknown"


def column_of(source: Collection | pd.DataFrame, column: str) -> pd.Series:
    """A column of a collection's table (or of any table); DataError naming it if there is none."""
    table = source.table if isinstance(source, Collection) else source
    name = source.name if isinstance(source, Collection) else "the table"
    if column not in table.columns:
        raise DataError(f"{name} has no column {column!r}; it has: {', '.join(table.columns)}.")
    return table[column]


def categories_of(source: Collection | pd.DataFrame, column: str) -> pd.Series:
    """A column as text, with ``unknown`` where it has no value."""
    values = column_of(source, column)
    return values.astype("object").where(values.notna(), UNKNOWN).astype(str)
