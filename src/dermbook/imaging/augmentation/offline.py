"""Augmented copies made in advance (row 4.11): as a collection, as files, or as a preprocessing.

All three give the same pixels: the copy number k of a picture depends on its content, the recipe,
the seed and k, and on nothing else. A copy belongs to the lesion of its parent, so a split by
lesion keeps the two on one side; and the audit of a split by image finds them on both.
"""

import hashlib
import json
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dermbook.data import Collection, Transform
from dermbook.errors import DataError, ParameterError
from dermbook.files import replacing, write_text
from dermbook.imaging.augmentation.recipes import Recipe, recipe

TABLE, ABOUT, IMAGES = "table.csv", "augmented.json", "images"
#: of this module's pixels: it rises when the same seed gives other ones
VERSION = 1
#: columns that tell where a picture comes from; copy 0 is the original
PROVENANCE = ("parent", "recipe", "copy", "copy_seed")


def copy_of(image: np.ndarray, how: Recipe, *, seed: int = 0, copy: int = 1) -> np.ndarray:
    """Copy number ``copy`` (from 1) of a picture, uint8 of its size; 0 is the picture itself."""
    if copy == 0:
        return image.copy()
    content = zlib.crc32(np.ascontiguousarray(image))
    return how.change(image, np.random.default_rng([seed, copy, content]))


def as_transform(name: str, *, seed: int = 0, copy: int = 1) -> Transform:
    """One augmented copy of every picture, as a step for ``cached_images`` and ``frozen_features``.

    Pixels are those of ``augmented``'s copy of that number; ids stay the parents'.
    """
    how = recipe(name)
    _check(seed, copy)
    return Transform(
        f"augmented-{how.name}-seed{seed}-copy{copy}",
        VERSION,
        lambda image: copy_of(image, how, seed=seed, copy=copy),
    )


def augmented(
    collection: Collection,
    name: str,
    *,
    copies: int = 1,
    seed: int = 0,
    only: tuple[str, ...] | None = None,
    originals: bool = True,
) -> Collection:
    """The collection with augmented copies beside its pictures; copies are made when read.

    name: of a recipe. only: classes that get copies, all if None. originals: whether the pictures
    themselves are in it. Ids of copies are ``PARENT+RECIPE+K``; ``group`` is the parent's, and so
    is everything else in its row; columns ``parent``, ``recipe``, ``copy`` (0 for originals) and
    ``copy_seed`` are new. Copies have no mask. ParameterError for an unknown recipe or a class,
    DataError when the collection holds such copies already.
    """
    how = recipe(name)
    _check(seed, copies)
    unknown = sorted(set(only or ()) - set(collection.classes))
    if unknown:
        raise ParameterError(f"only: {unknown[0]!r} is none of the classes of {collection.name}.")
    table = collection.table
    if set(PROVENANCE) & set(table.columns):
        raise DataError(f"{collection.name} is augmented already: it has a column 'parent'.")
    chosen = table if only is None else table[table["label"].isin(only)]
    frames = [_with_origin(table, how, seed, 0)] if originals else []
    frames += [_with_origin(chosen, how, seed, copy) for copy in range(1, copies + 1)]
    whole = pd.concat(frames)
    source = _Copies(collection, whole[["parent", "copy"]].to_dict("index"), how, seed)
    return replace(collection, name=f"{collection.name}-augmented", table=whole, source=source)


def write_augmented(
    collection: Collection,
    folder: Path | str,
    name: str,
    *,
    copies: int = 1,
    seed: int = 0,
    only: tuple[str, ...] | None = None,
    originals: bool = True,
) -> Path:
    """Write what ``augmented`` gives into a folder, as PNG files and a table, and return it.

    PNG keeps every pixel; originals are re-encoded, too. Each file is written under a temporary
    name and renamed; a killed run goes on with the files that are missing. The table comes last,
    so a folder without one is unfinished. DataError for a folder that holds another set.
    """
    folder = Path(folder)
    whole = augmented(collection, name, copies=copies, seed=seed, only=only, originals=originals)
    about = {
        "version": VERSION, "collection": collection.name, "fingerprint": collection.fingerprint,
        "classes": list(collection.classes), "phantom": collection.phantom, "recipe": name,
        "copies": copies, "seed": seed, "only": only and list(only), "originals": originals,
        "licence": collection.licence, "citation": collection.citation,
    }  # fmt: skip
    text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
    if (folder / ABOUT).is_file() and (folder / ABOUT).read_text(encoding="utf-8") != text:
        raise DataError(f"{folder} holds another augmented set; name an empty folder.")
    write_text(folder / ABOUT, text)
    for image_id in whole.ids:
        path = folder / IMAGES / f"{image_id}.png"
        if not path.is_file():
            with replacing(path) as temporary:
                temporary.write_bytes(whole.source.encoded(image_id))
    with replacing(folder / TABLE) as temporary:
        whole.table.to_csv(temporary, lineterminator="\n")
    return folder


def read_augmented(folder: Path | str) -> Collection:
    """The collection that ``write_augmented`` wrote. DataError for an unfinished or foreign folder,
    and, when an image is read, for a file that is gone or damaged."""
    folder = Path(folder)
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        text = dict.fromkeys(("image_id", "label", "group", "parent", "recipe"), "str")
        table = pd.read_csv(folder / TABLE, dtype=text).set_index("image_id")
        return Collection(
            name=f"{about['collection']}-augmented",
            table=table,
            classes=tuple(about["classes"]),
            source=_Files(folder / IMAGES),
            phantom=about["phantom"],
            licence=about["licence"],
            citation=about["citation"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder} holds no finished augmented set ({error}). Write it again: what is there "
            "is kept."
        ) from None


def disk_bytes(folder: Path | str) -> int:
    """Bytes of the pictures of an augmented set."""
    return sum(path.stat().st_size for path in (Path(folder) / IMAGES).glob("*.png"))


class _Copies:
    """Makes copies when asked; keeps nothing, so threads may share it. See ``ImageSource``."""

    def __init__(self, parents: Collection, origin: dict, how: Recipe, seed: int) -> None:
        self._parents, self._origin, self._how, self._seed = parents, origin, how, seed

    def image(self, image_id: str) -> np.ndarray:
        parent, copy = self._parent(image_id)
        return copy_of(self._parents.source.image(parent), self._how, seed=self._seed, copy=copy)

    def mask(self, image_id: str) -> np.ndarray | None:
        """The parent's for an original; a copy has none, for its lesion lies elsewhere."""
        parent, copy = self._parent(image_id)
        return None if copy else self._parents.source.mask(parent)

    def encoded(self, image_id: str) -> bytes:
        picture = cv2.cvtColor(self.image(image_id), cv2.COLOR_RGB2BGR)
        return cv2.imencode(".png", picture)[1].tobytes()

    def signature(self, image_id: str) -> str:
        parent, copy = self._parent(image_id)
        signature = self._parents.source.signature(parent)
        if not copy:
            return signature
        origin = f"{signature} {self._how.name} {self._seed} {copy} v{VERSION}"
        return hashlib.sha256(origin.encode()).hexdigest()

    def _parent(self, image_id: str) -> tuple[str, int]:
        if image_id not in self._origin:
            raise DataError(f"The augmented collection has no image {image_id!r}.")
        return self._origin[image_id]["parent"], self._origin[image_id]["copy"]


class _Files:
    """Reads the PNG files of an augmented set. See ``ImageSource``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self, image_id: str) -> np.ndarray:
        content = np.frombuffer(self.encoded(image_id), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB) if content.size else None
        if image is None:
            raise DataError(f"{self._path(image_id)} does not decode; write the set again.")
        return image

    def mask(self, image_id: str) -> None:
        return None

    def encoded(self, image_id: str) -> bytes:
        try:
            return self._path(image_id).read_bytes()
        except OSError as error:
            raise DataError(
                f"{self._path(image_id)} cannot be read ({error.strerror}); write the set again."
            ) from None

    def signature(self, image_id: str) -> str:
        return hashlib.sha256(self.encoded(image_id)).hexdigest()

    def _path(self, image_id: str) -> Path:
        return self._folder / f"{image_id}.png"


def _with_origin(table: pd.DataFrame, how: Recipe, seed: int, copy: int) -> pd.DataFrame:
    frame = table.assign(
        parent=table.index, recipe=how.name if copy else "", copy=copy, copy_seed=seed
    )
    if copy:
        frame.index = pd.Index([f"{each}+{how.name}+{copy}" for each in frame.index])
    return frame.rename_axis("image_id")


def _check(seed: int, copies: int) -> None:
    if seed < 0:
        raise ParameterError(f"seed: must be 0 or more, not {seed}.")
    if copies < 1:
        raise ParameterError(f"copies: must be 1 or more, not {copies}.")
