"""Filters against noise: the median of a window, and non-local means."""

import cv2
import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.checks import odd, on_batches, scaled


@on_batches
def median_blur(image: np.ndarray, *, size: int = 5, at_width: int = 290) -> np.ndarray:
    """Each channel's median over a square window (row 0.5). Removes specks and keeps edges.

    size: pixels, of the window, at a picture ``at_width`` pixels wide (290 is R0's); it grows and
    shrinks with the picture, to an odd number of 3 or more. A size of 1 changes nothing. R0 does
    not say its size; 5 is that of the tutorial it cites.
    """
    if size < 1:
        raise ParameterError(f"size: must be 1 pixel or more, not {size}.")
    if size == 1:
        return image.copy()
    return cv2.medianBlur(image, odd(scaled(size, image.shape[1], at_width, least=3)))


@on_batches
def denoise(
    image: np.ndarray,
    *,
    strength: float = 3.0,
    patch: int = 5,
    search: int = 11,
    at_width: int = 200,
) -> np.ndarray:
    """Non-local means (Buades, Coll and Morel 2011): the mean of pixels with alike surroundings.

    strength: grey levels by which surroundings may differ and still count, 0 or more; about the
    standard deviation of the noise. patch: side of the surroundings, search: side of the window in
    which alike ones are sought; pixels at ``at_width`` pixels of width, made odd, 3 or more.
    R1 names denoising as future work (row 1.17).
    """
    if strength < 0:
        raise ParameterError(f"strength: must be 0 or more, not {strength}.")
    if strength == 0:
        return image.copy()
    width = image.shape[1]
    sides = [odd(scaled(side, width, at_width, least=3)) for side in (patch, search)]
    # OpenCV takes BGR, and weighs lightness and colour apart
    swapped = np.ascontiguousarray(image[..., ::-1])
    result = cv2.fastNlMeansDenoisingColored(swapped, None, strength, strength, *sides)
    return np.ascontiguousarray(result[..., ::-1])
