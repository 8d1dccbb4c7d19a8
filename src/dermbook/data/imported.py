"""An imported collection on disk: its table, its manifest and its files.

``data_dir()/NAME`` holds ``images/``, ``masks/``, ``table.csv`` (label, group and metadata) and
``manifest.csv`` (each file's name, size in bytes and pixels, and SHA-256), and of some collections
``published.csv`` (the publisher's whole table); ``SHA256SUMS`` vouches for these.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dermbook.data.registry import Source
from dermbook.data.staging import CHECKSUMS, MANIFEST, TABLE
from dermbook.data.verification import decode_image, decode_mask
from dermbook.errors import DataError
from dermbook.files import sha256
from dermbook.paths import data_dir

_TEXT = (
    *("image_id", "label", "group", "dx_type", "sex", "localization", "file", "mask_file"),
    *("nine_partition_label", "three_partition_label", "qc", "site", "url"),
)
_WHOLE_NUMBERS = ("fitzpatrick_scale", "fitzpatrick_centaur")


class FolderSource:
    """Reads the images and masks of an imported collection. See ``ImageSource``."""

    def __init__(self, folder: Path, manifest: pd.DataFrame) -> None:
        self._folder = folder
        self._files = manifest["file"].to_dict()
        self._masks = manifest["mask_file"].dropna().to_dict()
        self._signatures = manifest["sha256"].to_dict()
        self._widths = manifest["width"].to_dict()
        self._heights = manifest["height"].to_dict()

    def encoded(self, image_id: str) -> bytes:
        """The image file's bytes; DataError if it is gone."""
        return self._read(self._folder / "images" / self._files[image_id])

    def image(self, image_id: str) -> np.ndarray:
        """uint8 (height, width, 3) RGB; DataError names a file that does not decode any more."""
        image = decode_image(self.encoded(image_id))
        if image is None:
            raise self._damaged(self._folder / "images" / self._files[image_id])
        return image

    def mask(self, image_id: str) -> np.ndarray | None:
        """bool (height, width) of the image, True on the lesion; None if it has no mask.

        A mask that was published at another size is scaled to its image's (nearest neighbour).
        """
        if image_id not in self._masks:
            return None
        path = self._folder / "masks" / self._masks[image_id]
        mask = decode_mask(self._read(path))
        if mask is None:
            raise self._damaged(path)
        width, height = int(self._widths[image_id]), int(self._heights[image_id])
        if mask.shape == (height, width):
            return mask
        scaled = cv2.resize(mask.view("uint8"), (width, height), interpolation=cv2.INTER_NEAREST)
        return scaled.astype(bool)

    def signature(self, image_id: str) -> str:
        """SHA-256 of the image file, from the manifest."""
        return self._signatures[image_id]

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            said = error.strerror
            if path.is_symlink():
                said += f"; it is a link to {path.readlink()}, put that back"
            raise DataError(
                f"{path} cannot be read ({said}), or import the collection again: "
                f"{import_command(self._folder.name)}"
            ) from None

    def _damaged(self, path: Path) -> DataError:
        return DataError(
            f"{path} does not decode any more. See what else changed: dermbook data verify "
            f"{self._folder.name}; then: {import_command(self._folder.name)}"
        )


def import_command(name: str) -> str:
    """The command that imports a collection."""
    return f"dermbook data import {name} --from FOLDER"


def read_imported(about: Source) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table and manifest of an imported collection, both indexed by image_id in the same order.

    DataError when it was not imported, saying how to, or when they are damaged.
    """
    manifest = data_dir() / about.name / MANIFEST
    if not manifest.is_file():
        raise DataError(
            f"{about.name} is not imported: {manifest} is not there. {_where_all(about)} "
            f"Then: {import_command(about.name)}"
        )
    return _read(manifest.parent, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(folder: Path, modified: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    types = dict.fromkeys(_TEXT, "str") | dict.fromkeys(_WHOLE_NUMBERS, "Int64")
    try:
        _check_sums(folder)
        table = pd.read_csv(folder / TABLE, dtype=types).set_index("image_id")
        manifest = pd.read_csv(folder / MANIFEST, dtype=types).set_index("image_id")
        manifest = manifest.astype({"mask_file": "str"})
        fits = table.index.equals(manifest.index)
        reason = "they do not belong together"
    except (OSError, ValueError, KeyError) as error:
        fits, reason = False, str(error)
    if not fits:
        raise DataError(
            f"{folder / TABLE} and {MANIFEST} are damaged ({reason}). Import the collection again: "
            f"{import_command(folder.name)}"
        )
    return table, manifest


def _check_sums(folder: Path) -> None:
    """ValueError if one of the tables is not what the import wrote."""
    if not (folder / CHECKSUMS).is_file():
        return  # imported before checksums were written
    for line in (folder / CHECKSUMS).read_text().splitlines():
        digest, _, name = line.partition("  ")
        if sha256(folder / name) != digest:
            raise ValueError(f"{name} was changed since the import")


def _where_all(about: Source) -> str:
    lines = [f"{file.name} ({file.address or about.home})" for file in about.files]
    return f"It is published at {about.home} under {about.licence}: {', '.join(lines)}."
