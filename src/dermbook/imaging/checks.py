"""What every filter shares: checked pictures, batches, and lengths that grow with the picture."""

from collections.abc import Callable
from functools import wraps

import numpy as np

from dermbook.errors import ParameterError

Function = Callable[..., np.ndarray]


def checked_images(images: np.ndarray) -> np.ndarray:
    """The pictures as they are, if they are uint8 RGB (h, w, 3) or (n, h, w, 3).

    ParameterError says what is wrong with others: grayscale, floats, no pixels.
    """
    if not isinstance(images, np.ndarray):
        raise ParameterError(f"A filter takes a NumPy array, not {type(images).__name__}.")
    if images.dtype != np.uint8:
        raise ParameterError(
            f"A filter takes uint8 pictures (0..255), not {images.dtype}. Multiply shares by 255 "
            "and round before you convert."
        )
    if images.ndim not in (3, 4) or images.shape[-1] != 3:
        raise ParameterError(
            f"A filter takes RGB pictures of shape (h, w, 3) or (n, h, w, 3), not {images.shape}. "
            "A grayscale picture must be repeated in three channels first."
        )
    if not images.size:
        raise ParameterError(f"A filter cannot take pictures without pixels: {images.shape}.")
    return images


def on_batches(one: Function) -> Function:
    """A filter of one picture, made to check its input and to take batches too."""

    @wraps(one)
    def both(images: np.ndarray, **options) -> np.ndarray:
        checked_images(images)
        if images.ndim == 3:
            return one(np.ascontiguousarray(images), **options)
        return np.stack([one(np.ascontiguousarray(image), **options) for image in images])

    return both


def scaled(pixels: float, width: int, at_width: int, *, least: float = 0.0) -> float:
    """A length that is ``pixels`` in a picture ``at_width`` wide, in one of ``width``.

    At least ``least``. ParameterError for a length or width that is not positive.
    """
    if pixels <= 0 or at_width <= 0:
        raise ParameterError(f"Lengths and widths are above 0 pixels, not {pixels} and {at_width}.")
    return max(least, pixels * width / at_width)


def odd(length: float) -> int:
    """The odd whole number that is nearest to a length, at least 1: kernels have a middle."""
    return max(1, 2 * int(length / 2) + 1)
