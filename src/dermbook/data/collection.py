"""A collection of labelled images: one table and a way to read each image and its mask."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from dermbook.errors import DataError

Condition = pd.Series | Callable[[pd.DataFrame], pd.Series]


@runtime_checkable
class ImageSource(Protocol):
    """How a collection reads its images. Every method takes one image id."""

    def image(self, image_id: str) -> np.ndarray:
        """uint8 (height, width, 3), RGB."""

    def mask(self, image_id: str) -> np.ndarray | None:
        """bool (height, width), True on the lesion; None if the source has no masks."""

    def encoded(self, image_id: str) -> bytes:
        """The image file's bytes."""

    def signature(self, image_id: str) -> str:
        """A hash of the file's content, equal for byte-identical images; cheap to ask for."""


class _ReadOnlyTable:
    """Copies a table when it is set, and gives a copy each time it is read.

    With pandas' copy-on-write the latter costs microseconds; what a caller does to its copy
    reaches neither the collection nor its fingerprint.
    """

    def __set__(self, instance: "Collection", table: pd.DataFrame) -> None:
        instance.__dict__["_table"] = table.copy()

    def __get__(self, instance: "Collection | None", owner: type) -> pd.DataFrame:
        if instance is None:
            raise AttributeError("table")  # tells dataclass that the field has no default
        return instance.__dict__["_table"].copy(deep=False)


@dataclass(frozen=True, eq=False)
class Collection:
    """Images with labels, lesions and metadata. Immutable: ``where`` and ``relabel`` make new ones.

    name: the source, for example ``ham10000``.
    table: one row an image, index ``image_id`` (unique text), columns ``label`` (text, missing when
        unknown), ``group`` (lesion) and the source's own metadata. Copied on construction and
        whenever it is read, so writing into it changes the copy only.
    classes: order of integer labels and of probability columns.
    source: reads images and masks. phantom: True for synthetic images.

    Raises DataError for repeated ids, a missing column, or labels outside ``classes``.
    """

    name: str
    table: pd.DataFrame = _ReadOnlyTable()  # type: ignore[assignment]
    classes: tuple[str, ...]
    source: ImageSource = field(repr=False)
    phantom: bool = False
    licence: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        table = self.table
        table.index = table.index.astype("str").rename("image_id")
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "table", table)
        for column in ("label", "group"):
            if column not in table.columns:
                raise DataError(f"{self.name}: the table has no column {column!r}.")
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()][0]
            raise DataError(f"{self.name}: image id {twice!r} stands in the table twice.")
        unknown = set(table["label"].dropna().unique()) - set(self.classes)
        if unknown:
            raise DataError(
                f"{self.name}: labels {', '.join(sorted(map(str, unknown)))} are none of the "
                f"classes {', '.join(self.classes)}."
            )

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ids(self) -> tuple[str, ...]:
        """Image ids in the table's order."""
        return tuple(self.table.index)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over name, classes, the table's content and every image's signature.

        The same on every machine, and however the images were imported.
        """
        table = self.table
        digest = hashlib.sha256()
        digest.update("\0".join([self.name, *self.classes, *table.columns]).encode())
        digest.update(table.to_csv(float_format="%.12g", lineterminator="\n").encode())
        for image_id in table.index:
            digest.update(self.source.signature(image_id).encode())
        return digest.hexdigest()

    def codes(self, ids: Sequence[str] | None = None) -> np.ndarray:
        """Labels as int32 positions in ``classes``, for all images or for ``ids`` in their order.

        Raises DataError for an unknown id or a missing label.
        """
        labels = self.table["label"]
        if ids is not None:
            labels = labels.loc[self._known(ids)]
        codes = pd.Categorical(labels, categories=list(self.classes)).codes
        if (codes < 0).any():
            first = labels.index[int(np.argmax(codes < 0))]
            raise DataError(f"{self.name}: image {first} has no label.")
        return codes.astype("int32")

    def image(self, image_id: str) -> np.ndarray:
        """One image, uint8 (height, width, 3) RGB; DataError for an unknown id."""
        self._check_one(image_id)
        return self.source.image(image_id)

    def mask(self, image_id: str) -> np.ndarray | None:
        """One lesion mask, bool (height, width), or None; DataError for an unknown id."""
        self._check_one(image_id)
        return self.source.mask(image_id)

    def where(
        self, condition: Condition | None = None, *, ids: Sequence[str] | None = None
    ) -> "Collection":
        """The rows for which ``condition`` (a boolean Series, or a function of the table) holds,
        and the rows of ``ids`` in that order; both together if both are given.

        What ``condition`` lacks or leaves missing counts as False. DataError for unknown or
        repeated ids.
        """
        table = self.table
        if ids is not None:
            table = table.loc[self._known(ids)]
        if condition is not None:
            chosen = condition(table) if callable(condition) else condition.reindex(table.index)
            table = table[chosen.fillna(False).astype(bool)]
        return replace(self, table=table)

    def relabel(self, mapping: Mapping[str, str], classes: Sequence[str]) -> "Collection":
        """The same images under other labels, for example seven classes as benign or malignant.

        Every label in use needs an entry in ``mapping``; DataError names one that has none.
        """
        used = set(self.table["label"].dropna().unique())
        if missing := used - set(mapping):
            raise DataError(f"relabel: no new label for {', '.join(sorted(missing))}.")
        table = self.table.assign(label=self.table["label"].map(dict(mapping)))
        return replace(self, table=table, classes=tuple(classes))

    def class_counts(self) -> pd.Series:
        """Images a class, in the order of ``classes`` (0 for absent ones)."""
        counts = self.table["label"].value_counts()
        return counts.reindex(list(self.classes), fill_value=0).rename("images")

    def _check_one(self, image_id: str) -> None:
        if image_id not in self.table.index:
            raise DataError(f"{self.name} has no image {image_id!r}.")

    def _known(self, ids: Sequence[str]) -> list[str]:
        ids = list(ids)
        index = self.__dict__["_table"].index
        unknown = [image_id for image_id in ids if image_id not in index]
        if unknown:
            raise DataError(f"{self.name} has no image {unknown[0]!r} ({len(unknown)} unknown).")
        return ids
