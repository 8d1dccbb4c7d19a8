"""Decoded images on disk: every picture decoded and resized once, then read by memory mapping.

What a chapter asks for, and what one row of the array is; ``image_store`` keeps the files.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.image_store import Layout, open_or_build
from dermbook.errors import DataError, ParameterError


@dataclass(frozen=True)
class Transform:
    """A preprocessing step done once, before resizing, and kept in the cache.

    ``apply`` takes a uint8 RGB image (height, width, 3) as the source gives it and returns one of
    any size. ``name`` (lower-case letters, digits and hyphens) must tell the parameters too, and
    ``version`` must rise when ``apply`` changes: the two are part of the cache's name. ``apply``
    runs in several threads at once, so it must not keep state. Raises ParameterError for another
    kind of name or version.
    """

    name: str
    version: int
    apply: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ParameterError(
                f"Transform name {self.name!r}: use lower-case letters, digits and hyphens."
            )
        if not isinstance(self.version, int) or self.version < 1:
            raise ParameterError(f"Transform {self.name!r}: version must be 1, 2, …")


@dataclass(frozen=True, eq=False)
class CachedImages:
    """Pictures (or masks) of a collection as one read-only, memory-mapped array.

    ``images`` is uint8 (n, height, width, 3) RGB, for masks bool (n, height, width); row i is the
    image ``ids[i]``; ``path`` is the ``.npy`` file.
    """

    images: np.memmap
    ids: pd.Index
    path: Path

    def positions(self, ids) -> np.ndarray:
        """Rows of the given image ids, int64 (len(ids),). DataError for an unknown id."""
        wanted = pd.Index(ids)
        rows = self.ids.get_indexer(wanted)
        if (rows < 0).any():
            unknown = wanted[rows < 0]
            raise DataError(
                f"{len(unknown)} image ids are not in the cache {self.path.name}, first "
                f"{unknown[0]!r}. Use ids of the collection that was cached."
            )
        return rows.astype(np.int64)

    def take(self, ids) -> np.ndarray:
        """The images with the given ids, in their order, as an array in memory."""
        return np.asarray(self.images)[self.positions(ids)]

    def __len__(self) -> int:
        return len(self.ids)


def cached_images(
    collection: Collection,
    *,
    height: int,
    width: int,
    transform: Transform | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> CachedImages:
    """All images of a collection as uint8 (n, height, width, 3) RGB, in the collection's order.

    Each image is decoded, given to ``transform`` and resized to ``height`` x ``width`` pixels
    without keeping its proportions (see ``resize``). The first call does this in ``workers``
    threads (default: one a core), later ones open the file. The cache is keyed by the collection's
    fingerprint, the size and the transform; processes that want it at once build it once. A bar is
    shown in a terminal when ``progress``.

    Raises ParameterError for a size or number of workers below 1; DataError when the cache is
    damaged (delete it), an image cannot be read, or the disk is full.
    """
    name = f"{transform.name}-v{transform.version}" if transform else "plain"
    layout = Layout(collection, "images", (height, width, 3), np.dtype(np.uint8), name)

    def row(image_id: str) -> np.ndarray:
        image = collection.source.image(image_id)
        if transform:
            image = _checked(transform.apply(image), transform, image_id)
        return resize(image, height, width)

    return _cached(layout, row, workers, progress)


def cached_masks(
    collection: Collection,
    *,
    height: int,
    width: int,
    workers: int | None = None,
    progress: bool = True,
) -> CachedImages:
    """All lesion masks of a collection as bool (n, height, width), True = lesion.

    A resized pixel is lesion when at least half of it was. Otherwise like ``cached_images``;
    DataError also for an image without a mask.
    """
    layout = Layout(collection, "masks", (height, width), np.dtype(bool), "plain")

    def row(image_id: str) -> np.ndarray:
        mask = collection.source.mask(image_id)
        if mask is None:
            raise DataError(f"{collection.name}: image {image_id!r} has no lesion mask.")
        return resize(mask.astype(np.uint8) * 255, height, width) >= 128

    return _cached(layout, row, workers, progress)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize (h, w) or (h, w, channels) to ``height`` x ``width`` pixels; proportions may change.

    Each axis that shrinks is averaged over pixel areas (no aliasing), each that grows is
    interpolated linearly.
    """
    # one call with INTER_AREA would fall back to blocky interpolation if only one axis shrinks
    smaller = min(height, image.shape[0]), min(width, image.shape[1])
    if image.shape[:2] != smaller:
        image = cv2.resize(image, smaller[::-1], interpolation=cv2.INTER_AREA)
    if smaller != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return image


def _cached(
    layout: Layout, row: Callable[[str], np.ndarray], workers: int | None, progress: bool
) -> CachedImages:
    images = open_or_build(layout, row, workers=workers, progress=progress)
    return CachedImages(images, pd.Index(layout.collection.ids, name="image_id"), layout.path)


def _checked(image: np.ndarray, transform: Transform, image_id: str) -> np.ndarray:
    ok = isinstance(image, np.ndarray) and image.dtype == np.uint8
    if not (ok and image.ndim == 3 and image.shape[2] == 3 and image.size):
        raise ParameterError(
            f"Transform {transform.name!r} must return a uint8 (height, width, 3) image; "
            f"for {image_id!r} it did not."
        )
    return image
