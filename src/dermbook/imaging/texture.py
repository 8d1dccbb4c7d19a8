"""Texture as a short vector: how much detail of which size, bright and dark, each channel has."""

import cv2
import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.pixels import pixel_vectors

#: sizes of detail: the picture, and halved twice
LEVELS = 3


def texture_vectors(images: np.ndarray) -> np.ndarray:
    """Detail at three sizes beside a coarse thumbnail and histograms, float32 (n, d).

    images: uint8 (n, height, width, 3), 12 pixels or more a side. For each halving of the picture
    and each channel: mean and deviation of the Laplacian's size, of the black-hat (dark thin
    things, like hair) and of the top-hat (bright ones) with 5 × 5 pixels, all over 255; then
    ``pixel_vectors`` with a thumbnail of 6 × 8. Feels what filters do to texture, at half a
    millisecond a picture.
    """
    vectors = pixel_vectors(images, rows=6, columns=8)
    if min(images.shape[1:3]) < 12:
        raise ParameterError(f"texture_vectors: at least 12 × 12 pixels, not {images.shape}.")
    square = np.ones((5, 5), np.uint8)
    rows = []
    for image in images:
        row, level = [], np.ascontiguousarray(image)
        for _ in range(LEVELS):
            details = (
                np.abs(cv2.Laplacian(level, cv2.CV_16S)),
                cv2.morphologyEx(level, cv2.MORPH_BLACKHAT, square),
                cv2.morphologyEx(level, cv2.MORPH_TOPHAT, square),
            )
            for detail in details:
                row += [part[:3].ravel() for part in cv2.meanStdDev(detail)]
            level = cv2.pyrDown(level)
        rows.append(np.concatenate(row))
    return np.hstack([np.asarray(rows, np.float32) / 255, vectors])
