"""Metadata as numbers: what a network or a tree is given beside the image.

Everything is learned from the training rows. Rows that come later may have categories that nobody
had seen, and gaps: neither stops an encoder, and neither is told apart by accident. Row 0.12 of the
reports' inventory encodes categorical columns so; the two helpers are scikit-learn's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError

if TYPE_CHECKING:
    from dermbook.data.collection import Collection

#: what a gap in a column of categories is called in the names of the encoded columns
MISSING = "missing"
#: columns that are the answer itself, or name the image
REFUSED = ("label", "group", "image_id")
#: measured columns; every other one is a set of categories, also where it is written in digits
NUMBERS = ("age",)


class MetadataEncoder:
    """Columns of a table as float columns, learned from training rows.

    A column of numbers becomes two: the value, its gaps filled with the training rows' median,
    minus their mean, divided by their standard deviation; and, if the training rows have gaps, a
    column ``age missing`` of 0 and 1. A column of categories becomes one column a category of the
    training rows, ``sex=male``; a gap is a category of its own, if the training rows have one; what
    the training rows do not have is zero in all of them.

    columns: at least one name, each once. numbers: those among them that are measured.

    Raises ParameterError for no columns, or a column named twice or that is the answer.
    """

    def __init__(self, columns: Sequence[str], *, numbers: Sequence[str] = NUMBERS) -> None:
        self.columns = tuple(columns)
        if not self.columns or len(set(self.columns)) < len(self.columns):
            raise ParameterError(
                f"columns: name at least one, and each once, not {list(self.columns)}."
            )
        if answers := [column for column in self.columns if column in REFUSED]:
            raise ParameterError(
                f"columns: {answers[0]!r} is the answer or names the image; it is no metadata."
            )
        self.numbers = tuple(column for column in self.columns if column in numbers)
        self.categories = tuple(column for column in self.columns if column not in numbers)
        self._steps = None

    def fit(self, table: pd.DataFrame) -> Self:
        """Learn from the training rows. DataError for no rows, a column that is not there, and
        values that are no finite numbers in a column of numbers."""
        prepared = self._prepared(table)
        if prepared.empty:
            raise DataError("metadata: there are no training rows to learn an encoding from.")
        self._steps = _steps(self.numbers, self.categories).fit(prepared)
        return self

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Float64 columns of any rows, with their index (image_id). Errors as ``fit``; also
        DataError for an encoder that was not fitted."""
        if self._steps is None:
            raise DataError("metadata: fit the encoder on the training rows first.")
        values = self._steps.transform(self._prepared(table))
        return pd.DataFrame(
            np.asarray(values, dtype="float64"), index=table.index, columns=self.names
        )

    @property
    def names(self) -> list[str]:
        """The encoded columns' names in their order."""
        return _names(self._steps, self.numbers, self.categories)

    def _prepared(self, table: pd.DataFrame) -> pd.DataFrame:
        """The columns asked for: numbers as float64, categories as text, gaps as NaN and None."""
        if lacking := [column for column in self.columns if column not in table.columns]:
            raise DataError(
                f"metadata: there is no column {lacking[0]!r}; there are: "
                f"{', '.join(map(str, table.columns))}."
            )
        prepared = {column: _numbers(table[column]) for column in self.numbers}
        prepared |= {column: _categories(table[column]) for column in self.categories}
        return pd.DataFrame(prepared, index=table.index)


def encoded_metadata(
    collection: "Collection",
    columns: Sequence[str],
    train: Sequence[str],
    *,
    numbers: Sequence[str] = NUMBERS,
) -> pd.DataFrame:
    """Columns of all of a collection's images as ``MetadataEncoder`` gives them, learned from the
    images ``train`` only. Errors as there; DataError for an unknown image id."""
    table = collection.table
    if unknown := [image_id for image_id in train if image_id not in table.index]:
        raise DataError(f"{collection.name}: there is no image {unknown[0]!r}.")
    encoder = MetadataEncoder(columns, numbers=numbers).fit(table.loc[list(train)])
    return encoder.transform(table)


def _steps(numbers: Sequence[str], categories: Sequence[str]):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    return ColumnTransformer(
        [
            (
                "values",
                # a column without a single value is kept, as zeros, so that widths are known
                make_pipeline(
                    SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
                ),
                list(numbers),
            ),
            # a gap that training never saw has no column: its weight would be a random number
            ("gaps", MissingIndicator(features="missing-only", error_on_new=False), list(numbers)),
            (
                "categories",
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                list(categories),
            ),
        ]
    )


def _names(steps, numbers: Sequence[str], categories: Sequence[str]) -> list[str]:
    names = list(numbers)
    if numbers:
        gaps = steps.named_transformers_["gaps"].features_
        names += [f"{numbers[position]} {MISSING}" for position in gaps]
    if categories:
        found = steps.named_transformers_["categories"].categories_
        names += [
            f"{column}={value}"
            for column, values in zip(categories, found, strict=True)
            for value in values
        ]
    return names


def _numbers(column: pd.Series) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    wrong = (values.isna() & column.notna()) | np.isinf(values)
    if wrong.any():
        raise DataError(
            f"metadata: column {column.name!r} must hold finite numbers or nothing, but image "
            f"{values.index[wrong][0]!r} has '{column[wrong].iloc[0]}'."
        )
    return values


def _categories(column: pd.Series) -> pd.Series:
    """Text; whole numbers alike whether they came as 3, 3.0 or "3"; a gap is ``MISSING``."""
    values = column.astype("object")
    texts = [MISSING if pd.isna(value) else _text(value) for value in values]
    return pd.Series(texts, index=column.index, name=column.name, dtype="object")


def _text(value: object) -> str:
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)
