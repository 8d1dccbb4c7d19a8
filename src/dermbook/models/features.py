"""Frozen features: what a backbone says of each image, computed once and kept on disk.

A frozen backbone gives the same vector for an image in every epoch, under every head and for
every seed. The reports ran it again each time. Here it runs once; the vectors lie beside the
decoded images in the cache, keyed alike: by the collection's content, the size, the backbone, its
weights and its scaling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook.data import Collection, Transform, cached_images, resize
from dermbook.data.image_store import BLOCK, Layout, open_or_build
from dermbook.errors import DataError
from dermbook.files import replacing
from dermbook.models.backbones import Embedder, backbone
from dermbook.models.weights import find_weights


@dataclass(frozen=True, eq=False)
class Features:
    """Vectors of a collection's images. ``values``: float32 (n, width), read-only; row i is the
    image ``ids[i]``. ``origin`` says what the weights are."""

    values: np.ndarray
    ids: pd.Index
    backbone: str
    origin: str
    path: Path

    def take(self, ids: Sequence[str] | pd.Index) -> np.ndarray:
        """The vectors of some images, in their order, float32 (len(ids), width).

        DataError for an unknown id.
        """
        rows = self.ids.get_indexer(pd.Index(ids))
        if (rows < 0).any():
            unknown = pd.Index(ids)[rows < 0][0]
            raise DataError(f"features of {self.backbone}: there is no image {unknown!r}.")
        return np.asarray(self.values[rows])

    def frame(self) -> pd.DataFrame:
        """The vectors as a table, indexed by image id; one column a feature."""
        return pd.DataFrame(np.asarray(self.values), index=self.ids)

    def __len__(self) -> int:
        return len(self.ids)


def frozen_features(
    collection: Collection,
    name: str,
    *,
    height: int,
    width: int,
    weights: str = "imagenet",
    scaling: str = "own",
    seed: int = 0,
    batch_size: int = 32,
    transform: Transform | None = None,
    progress: bool = True,
) -> Features:
    """Global-average-pooled features of every image of a collection.

    name: a key of ``BACKBONES``. height, width: pixels that the images are resized to. weights,
    scaling, seed: see ``build_backbone``. transform: a step before the resizing, as for
    ``cached_images``; its name and version are part of the cache's name. The first call runs the
    backbone over all images, block by block, and goes on where a killed one stopped; later calls
    open the file.

    Raises ParameterError for an unknown backbone or a size it cannot take, DataError when weights
    cannot be had, an image cannot be read, or the disk is full.
    """
    about = backbone(name)
    found = find_weights(about.architecture, weights, seed=seed)
    key = f"{name}-{height}x{width}-{scaling}-{found.key}-v1"
    if transform is not None:
        key += f"-{transform.name}-v{transform.version}"
    layout = Layout(collection, "features", (about.width,), np.dtype(np.float32), key)
    values = open_or_build(
        layout,
        blocks=FeatureBlocks(
            layout, name, height, width, weights, scaling, seed, batch_size, progress, transform
        ),
        progress=progress,
    )
    ids = pd.Index(collection.ids, name="image_id")
    return Features(values, ids, name, found.origin, layout.path)


class FeatureBlocks:
    """Computes blocks of vectors; keeps each on disk until all of them are there."""

    def __init__(
        self,
        layout: Layout,
        name: str,
        height: int,
        width: int,
        weights: str,
        scaling: str,
        seed: int,
        batch_size: int,
        progress: bool,
        transform: Transform | None = None,
    ) -> None:
        self._layout = layout
        self._height, self._width, self._progress = height, width, progress
        self._options = {"weights": weights, "scaling": scaling, "seed": seed}
        self._name, self._batch_size = name, batch_size
        self._folder = layout.path.with_suffix(".parts")
        self._transform = transform
        self._images = self._embedder = None

    def __call__(self, start: int) -> np.ndarray:
        """Rows start..start+BLOCK, float32."""
        path = self._folder / f"{start:08}.npy"
        rows = min(BLOCK, len(self._layout.collection) - start)
        kept = _read(path, (rows, *self._layout.row_shape))
        if kept is not None:
            return kept
        if self._embedder is None:
            self._embedder = Embedder(
                self._name,
                height=self._height,
                width=self._width,
                batch_size=self._batch_size,
                **self._options,
            )
        block = self._embedder(self._pixels(start, rows))
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, block)
        return block

    def _pixels(self, start: int, rows: int) -> np.ndarray:
        """Pictures of a block, uint8 (rows, height, width, 3)."""
        collection, size = self._layout.collection, (self._height, self._width)
        if self._transform is not None:
            # each transformed picture is looked at once, so no cache of pixels is left behind
            ids = collection.ids[start : start + rows]
            pictures = (self._transform.apply(collection.source.image(each)) for each in ids)
            return np.stack([resize(picture, *size) for picture in pictures])
        if self._images is None:
            self._images = cached_images(
                collection, height=size[0], width=size[1], progress=self._progress
            )
        return self._images.images[start : start + rows]

    def finish(self) -> None:
        """Remove the blocks once the whole array is on disk."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """A block that an earlier run kept, or None if it is not there or not whole."""
    try:
        block = np.load(path)
    except (OSError, ValueError):
        return None
    return block if block.shape == shape and block.dtype == np.float32 else None
