"""What every pipeline is given, and what every pipeline gives back."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pandas as pd

from dermbook.data.cache import resize
from dermbook.data.collection import Collection
from dermbook.data.folders import class_folders
from dermbook.errors import DataError, ParameterError
from dermbook.files import write_text

#: images uint8 or float32 (b, height, width, 3) of 0..255, integer labels (b,), image ids
Batch = tuple[np.ndarray, np.ndarray, list[str]]


@dataclass(frozen=True, eq=False)
class Job:
    """Labelled image files and the batches wanted of them. Build it with ``Job.of``.

    folder: the images as ``folder/CLASS/ID.jpg``. table: index ``image_id`` in the order wanted;
    columns ``label``, ``file`` (relative to ``folder``) and ``signature``. classes: the order of
    integer labels. height, width: pixels of the batches. work: where a pipeline keeps its files.

    ParameterError for a size below 1; DataError for labels that are none of the classes.
    """

    folder: Path
    table: pd.DataFrame
    classes: tuple[str, ...]
    height: int
    width: int
    batch_size: int
    work: Path

    def __post_init__(self) -> None:
        for name in ("height", "width", "batch_size"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name}: must be 1 or more, not {getattr(self, name)}.")
        if not len(self.table):
            raise DataError(f"{self.folder}: a pipeline needs at least one image.")
        if unknown := set(self.table["label"]) - set(self.classes):
            raise DataError(f"{self.folder}: {', '.join(sorted(unknown))} are none of the classes.")

    @classmethod
    def of(
        cls,
        collection: Collection,
        work: Path | str,
        *,
        height: int,
        width: int,
        batch_size: int = 32,
        ids: Sequence[str] | None = None,
    ) -> "Job":
        """Write a collection's images (or those of ``ids``) to ``work/images`` as class folders."""
        work = Path(work).resolve()
        chosen = collection if ids is None else collection.where(ids=ids)
        folder = class_folders(chosen, work / "images")
        suffixes = {path.stem: path.suffix for path in folder.glob("*/*")}
        labels = chosen.table["label"]
        table = pd.DataFrame(
            {
                "label": labels.astype("str"),
                "file": [f"{label}/{i}{suffixes[i]}" for i, label in labels.items()],
                "signature": [collection.source.signature(i) for i in labels.index],
            }
        )
        return cls(folder, table, collection.classes, height, width, batch_size, work)

    @property
    def ids(self) -> list[str]:
        """Image ids in the order wanted."""
        return list(self.table.index)

    @cached_property
    def codes(self) -> np.ndarray:
        """Integer labels in the order of ``ids``: positions in ``classes``, int32 (n,)."""
        places = {name: place for place, name in enumerate(self.classes)}
        return self.table["label"].map(places).to_numpy("int32")

    @property
    def paths(self) -> list[str]:
        """The images' files, in the order of ``ids``."""
        return [str(self.folder / file) for file in self.table["file"]]

    def image(self, image_id: str) -> np.ndarray:
        """The reference: uint8 (height, width, 3), decoded by OpenCV, resized as in the book."""
        source = _FolderSource(self.folder, self.table)
        return resize(source.image(image_id), self.height, self.width)

    def collection(self) -> Collection:
        """The files as a Collection; each image counts as a lesion of its own."""
        table = pd.DataFrame({"label": self.table["label"], "group": self.table.index})
        return Collection("folder", table, self.classes, _FolderSource(self.folder, self.table))

    def save(self, path: Path | str) -> Path:
        """Write the job as JSON, for another process."""
        content = {
            "folder": str(self.folder),
            "work": str(self.work),
            "classes": list(self.classes),
            "sizes": [self.height, self.width, self.batch_size],
            "ids": self.ids,
            "table": self.table.to_dict("list"),
        }
        return write_text(path, json.dumps(content))

    @classmethod
    def load(cls, path: Path | str) -> "Job":
        """Read what ``save`` wrote."""
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        index = pd.Index(content["ids"], name="image_id", dtype="str")
        table = pd.DataFrame(content["table"], index=index)
        folders = Path(content["folder"]), Path(content["work"])
        return cls(folders[0], table, tuple(content["classes"]), *content["sizes"], folders[1])


class Reader(Protocol):
    """An opened pipeline. Every iteration is one epoch over all images.

    ``classes`` says what the integer labels mean: label i is ``classes[i]``.
    """

    classes: tuple[str, ...]

    def __iter__(self) -> Iterator[Batch]:
        """The batches of one epoch."""


class Pipeline(ABC):
    """One way from files to batches.

    ``name`` is its key in ``PIPELINES``; ``engine`` the package it needs ("numpy", "tensorflow" or
    "torch"); ``how`` says in a few words what it does, ``rows`` which reports did so.
    """

    name: str
    engine: str = "numpy"
    how: str = ""
    rows: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        """True if its engine is installed."""
        spec = find_spec(self.engine)
        return spec is not None and spec.origin is not None  # a folder of that name has no origin

    def prepare(self, job: Job) -> None:  # noqa: B027 - most pipelines have nothing to prepare
        """Write, once, what ``open`` reads; nothing for a pipeline that reads the image files."""

    def files(self, job: Job) -> list[Path]:
        """The files that an epoch reads, for their size on disk."""
        return [Path(path) for path in job.paths]

    @abstractmethod
    def open(self, job: Job) -> Reader:
        """Make ready to read. ParameterError where the engine is not installed."""

    def _check_engine(self) -> None:
        if not self.available:
            raise ParameterError(
                f"pipeline {self.name!r} needs the package {self.engine}, which is not installed."
            )


@dataclass(frozen=True)
class _FolderSource:
    """The image files of a Job, as a Collection reads them."""

    folder: Path
    table: pd.DataFrame

    def _path(self, image_id: str) -> Path:
        return self.folder / self.table.at[image_id, "file"]

    def image(self, image_id: str) -> np.ndarray:
        image = cv2.imread(str(self._path(image_id)))
        if image is None:
            raise DataError(f"{self._path(image_id)} is absent or cannot be decoded.")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    def mask(self, image_id: str) -> None:
        return None

    def encoded(self, image_id: str) -> bytes:
        return self._path(image_id).read_bytes()

    def signature(self, image_id: str) -> str:
        return self.table.at[image_id, "signature"]
