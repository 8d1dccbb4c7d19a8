"""Pictures as short vectors without any network: a coarse thumbnail and colour histograms."""

import cv2
import numpy as np

from dermbook.errors import ParameterError

#: bins of each channel's histogram
BINS = 8


def pixel_vectors(images: np.ndarray, *, rows: int = 12, columns: int = 16) -> np.ndarray:
    """A thumbnail of rows × columns pixels and three histograms of eight bins, float32 (n, d).

    images: uint8 (n, height, width, 3). d = rows·columns·3 + 24; thumbnail values and histogram
    shares are in 0..1. Enough to tell one photograph from another, and a little of its diagnosis:
    what a quick run needs to see memory at work.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ParameterError(
            f"images must be uint8 (n, height, width, 3), not {images.dtype} {images.shape}."
        )
    result = np.empty((len(images), rows * columns * 3 + 3 * BINS), dtype=np.float32)
    for row, image in zip(result, images, strict=True):
        thumbnail = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        shares = [
            np.bincount(image[..., channel].ravel() >> 5, minlength=BINS) / image[..., 0].size
            for channel in range(3)
        ]
        row[:] = np.concatenate([thumbnail.ravel() / 255, *shares])
    return result
