"""Batches of pictures with their lesion masks, moved alike: what a segmentation network reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from dermbook.data.batches import _AUGMENT, Batches
from dermbook.data.cache import CachedImages
from dermbook.errors import DataError, ParameterError


@dataclass(frozen=True)
class Moves:
    """Bounds of random views of a picture and its mask.

    flips: mirror each axis, each with probability one half. rotation: degrees each way, 0..180.
    zoom: factors 1 − zoom … 1 + zoom, below 1. brightness, contrast: factors likewise, applied to
    the picture only. All 0 and no flips gives both back unchanged. ParameterError out of range.
    """

    flips: bool = True
    rotation: float = 180.0
    zoom: float = 0.15
    brightness: float = 0.1
    contrast: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.rotation <= 180:
            raise ParameterError(f"rotation: 0 to 180 degrees, not {self.rotation}.")
        for name in ("zoom", "brightness", "contrast"):
            if not 0 <= getattr(self, name) < 1:
                raise ParameterError(f"{name}: 0 or more and below 1, not {getattr(self, name)}.")


def moved(
    image: np.ndarray, mask: np.ndarray, moves: Moves, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One random view of a picture (uint8, h × w × 3) and of its mask (bool, h × w).

    Both go through the same flips, turn and zoom; what comes into view beyond the border is
    mirrored there, in both. The mask stays one of True and False (nearest pixel); only the picture
    changes in brightness and contrast.
    """
    if moves.flips:
        down, across = rng.integers(0, 2, 2) * -2 + 1
        image, mask = image[::down, ::across], mask[::down, ::across]
    angle = rng.uniform(-moves.rotation, moves.rotation)
    factor = rng.uniform(1 - moves.zoom, 1 + moves.zoom)
    if angle or factor != 1:
        height, width = mask.shape
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, factor)
        image = _warped(image, turn, cv2.INTER_LINEAR)
        mask = _warped(mask.astype(np.uint8), turn, cv2.INTER_NEAREST).astype(bool)
    brightness = rng.uniform(1 - moves.brightness, 1 + moves.brightness)
    contrast = rng.uniform(1 - moves.contrast, 1 + moves.contrast)
    if brightness != 1 or contrast != 1:
        # contrast is stretched about the picture's own mean, or it would be brightness once more
        values = contrast * np.arange(256) + (brightness - contrast) * float(image.mean())
        image = cv2.LUT(np.ascontiguousarray(image), values.round().clip(0, 255).astype(np.uint8))
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


class MaskBatches(Batches):
    """Batches ``(x, y)``: x uint8 (b, height, width, 3), y float32 (b, height, width, 1), 0 or 1.

    images, masks: ``cached_images`` and ``cached_masks`` of one collection and one size. moves: of
    training views, drawn anew each epoch from ``seed``; None for the pictures as they are. ids,
    batch_size, shuffle, seed: as for ``Batches``, and so is the order of every epoch.

    Raises as ``Batches``, and DataError where masks are not bool or have another size.
    """

    def __init__(
        self,
        images: CachedImages,
        masks: CachedImages,
        ids: Sequence[str] | pd.Index,
        *,
        batch_size: int = 16,
        shuffle: bool = False,
        seed: int = 0,
        moves: Moves | None = None,
    ) -> None:
        if masks.images.dtype != bool or masks.images.shape[1:] != images.images.shape[1:3]:
            raise DataError(
                f"masks: expected bool {images.images.shape[1:3]} as the pictures, not "
                f"{masks.images.dtype} {masks.images.shape[1:]}. Use cached_masks of the same size."
            )
        self.moves = moves
        # set before the first epoch starts, which Batches does at the end of its own __init__
        self._masks = np.asarray(masks.images)
        self._mask_rows = masks.positions(ids)
        super().__init__(
            images,
            ids,
            np.zeros(len(ids), np.int32),
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
        )
        # pictures have masks here, not class codes; whoever asks for codes shall not find any
        del self.codes

    def batch(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch ``i`` (from 0) of the current epoch. Raises IndexError beyond the last one."""
        epoch, order = self._current
        positions = self._positions(i, order)
        x = self._pixels[self._rows[positions]]
        y = self._masks[self._mask_rows[positions]]
        if self.moves is not None:
            rng = self._generator(_AUGMENT, epoch, i)
            pairs = [moved(image, mask, self.moves, rng) for image, mask in zip(x, y, strict=True)]
            x, y = (np.stack(several) for several in zip(*pairs, strict=True))
        return x, y[..., None].astype(np.float32)


def _warped(array: np.ndarray, matrix: np.ndarray, interpolation: int) -> np.ndarray:
    return cv2.warpAffine(
        np.ascontiguousarray(array),
        matrix,
        array.shape[1::-1],
        flags=interpolation,
        borderMode=cv2.BORDER_REFLECT,
    )
