"""Batches of vectors: what ``fit`` reads where a frozen backbone has seen the images already."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data.batches import Batches
from dermbook.data.cache import CachedImages
from dermbook.errors import DataError

if TYPE_CHECKING:
    from dermbook.models.features import Features


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of images: ``values`` float32 (n, width), row i is the image ``ids[i]``.

    ``backbone`` and ``origin`` say what made them and with which weights. It is what
    ``frozen_features`` gives, and what combinations of those give. DataError where values and ids
    differ in number.
    """

    values: np.ndarray
    ids: pd.Index
    backbone: str
    origin: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.ids):
            raise DataError(
                f"vectors of {self.backbone}: shape {self.values.shape} does not fit "
                f"{len(self.ids)} image ids."
            )

    @property
    def width(self) -> int:
        """Numbers in one vector."""
        return self.values.shape[1]

    def take(self, ids: Sequence[str] | pd.Index) -> np.ndarray:
        """The vectors of some images, in their order, float32. DataError for an unknown id."""
        rows = self.ids.get_indexer(pd.Index(ids))
        if (rows < 0).any():
            unknown = pd.Index(ids)[rows < 0][0]
            raise DataError(f"vectors of {self.backbone}: there is no image {unknown!r}.")
        return np.asarray(self.values[rows])


def concatenated(parts: "Sequence[Vectors | Features]") -> Vectors:
    """Vectors side by side, joined on the image id in the order of the first.

    DataError for no parts, or ids that one of them lacks.
    """
    if not parts:
        raise DataError("concatenated: give at least one set of vectors.")
    ids = parts[0].ids
    return Vectors(
        np.concatenate([each.take(ids) for each in parts], axis=1, dtype=np.float32),
        ids,
        "+".join(each.backbone for each in parts),
        "; ".join(dict.fromkeys(each.origin for each in parts)),
    )


class VectorBatches(Batches):
    """Shuffled batches ``(x, y)`` of vectors: x float32 (b, width), y int32 (b,).

    vectors: ``Vectors`` or ``Features``. ids, codes, batch_size, shuffle, seed: as for ``Batches``,
    and so is the order of every epoch: heads and whole networks see the images alike.

    Raises as ``Batches``, and DataError for vectors that are not finite.
    """

    def __init__(
        self,
        vectors: "Vectors | Features",
        ids: Sequence[str] | pd.Index,
        codes: pd.Series | np.ndarray | Sequence[int],
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
    ) -> None:
        rows = vectors.take(ids)
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            raise DataError(
                f"vectors of {vectors.backbone}: image {pd.Index(ids)[~finite][0]!r} has values "
                "that are infinite or NaN. Delete the features from the cache and compute them "
                "again."
            )
        super().__init__(
            CachedImages(vectors.values, vectors.ids, Path(vectors.backbone)),
            ids,
            codes,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
        )
