"""Handing Batches to Keras, on any backend, in the order that (seed, epoch) decides."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from dermbook.errors import DataError, ParameterError

if TYPE_CHECKING:
    from dermbook.data.batches import Batches


class Feed(keras.utils.PyDataset):
    """``dermbook.data.Batches`` as a Keras dataset.

    Item i is ``batches.batch(i)``: (x, y) or (x, y, w), with x uint8 (b, height, width, 3) or a
    tuple of inputs, y int32 (b,), w float32 (b,). Class weights are multiplied into w, because
    Keras refuses class and sample weights together.

    The order is the batches' own. ``fit`` calls ``batches.start_epoch`` before each epoch's first
    batch is read, and with one worker Keras reads them one after another, ahead of the training
    but never across the end of an epoch.
    """

    def __init__(
        self, batches: "Batches", *, class_weight: Mapping[int, float] | None = None
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.batches = batches
        self._weights = None if class_weight is None else _weight_table(class_weight)
        if self._weights is not None:
            _check_weighed(batches.codes, self._weights)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        x, y, *rest = self.batches.batch(index)
        if self._weights is None:
            return (x, y, *rest)
        weights = self._weights[y]
        return (x, y, weights * rest[0] if rest else weights)


def check_batches(name: str, batches: "Batches") -> None:
    """DataError if there is nothing in ``batches``."""
    if len(batches) == 0:
        raise DataError(f"{name} holds no images; check the split that it was made from.")


def _weight_table(class_weight: Mapping[int, float]) -> np.ndarray:
    codes = list(class_weight)
    if not codes or any(not isinstance(c, int | np.integer) or c < 0 for c in codes):
        raise ParameterError(
            f"class_weight must map class codes (0, 1, …) to weights, not {dict(class_weight)!r}. "
            "balanced_class_weights makes such a mapping."
        )
    table = np.full(max(codes) + 1, np.nan, dtype=np.float32)
    for code, weight in class_weight.items():
        if not 0 <= weight < np.inf:
            raise ParameterError(f"The weight of class {code} must be at least 0, not {weight!r}.")
        table[code] = weight
    return table


def _check_weighed(codes: np.ndarray, weights: np.ndarray) -> None:
    present = np.unique(codes)
    missing = [int(c) for c in present if c >= len(weights) or np.isnan(weights[c])]
    if missing:
        raise ParameterError(
            f"class_weight has no weight for class {', '.join(map(str, missing))}, which occurs "
            "in the training images. Give every class a weight."
        )
