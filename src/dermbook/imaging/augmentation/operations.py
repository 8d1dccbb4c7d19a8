"""The changes that augmentation is made of, each with its amount given: nothing here is random.

Pictures are uint8 (height, width, 3) RGB. A geometric change needs a rule for what comes into view
beyond the border, and the rule matters: ``mirror`` reflects the picture there, ``edge`` repeats
its outermost pixels (the default of Keras' ImageDataGenerator), ``black`` leaves it empty (the
default of torchvision's RandomRotation), so that every turned picture has black corners.
"""

import cv2
import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.checks import checked_images

BORDERS = {
    "mirror": cv2.BORDER_REFLECT,
    "edge": cv2.BORDER_REPLICATE,
    "black": cv2.BORDER_CONSTANT,
}
#: weights of red, green and blue in a gray value (ITU-R BT.601, as torchvision and OpenCV have it)
GRAY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
NO_CHANGE = np.eye(3)


def rotation(degrees: float) -> np.ndarray:
    """A turn counter-clockwise, as a matrix for ``warp``."""
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def zoom(horizontal: float, vertical: float) -> np.ndarray:
    """Width and height of the part that is seen, relative to the picture's (> 0; below 1 enlarges).

    A matrix for ``warp``. Factors are those of Keras' ``zoom_range``.
    """
    if horizontal <= 0 or vertical <= 0:
        raise ParameterError(f"zoom: factors must be above 0, not {horizontal} and {vertical}.")
    return np.diag([horizontal, vertical, 1.0])


def shear(degrees: float) -> np.ndarray:
    """A lean of the vertical lines by an angle below 90 degrees, as a matrix for ``warp``.

    What Keras' ImageDataGenerator calls shear: a point is taken sin(angle) columns further left for
    each row that it lies lower, and rows spread by 1 / cos(angle).
    """
    if not abs(degrees) < 90:
        raise ParameterError(f"shear: must be below 90 degrees, not {degrees}.")
    angle = np.deg2rad(degrees)
    return np.array([[1, -np.sin(angle), 0], [0, np.cos(angle), 0], [0, 0, 1]])


def shift(right: float, down: float) -> np.ndarray:
    """A move by so many pixels, as a matrix for ``warp``."""
    return np.array([[1, 0, -right], [0, 1, -down], [0, 0, 1.0]])


def warp(image: np.ndarray, matrix: np.ndarray, *, border: str = "mirror") -> np.ndarray:
    """Each pixel taken from where ``matrix`` says, bilinearly; uint8, of the picture's size.

    matrix: (3, 3), from a point (x, y, 1) of the result to the point of the picture that is seen
    there; x to the right and y downwards from the centre, in pixels. Products of ``rotation``,
    ``zoom``, ``shear`` and ``shift``. The identity gives back the very pixels. border: a key of
    ``BORDERS``. ParameterError for another one.
    """
    if border not in BORDERS:
        raise ParameterError(f"border: {border!r} is unknown; known are {', '.join(BORDERS)}.")
    checked_images(image)
    if np.array_equal(matrix, NO_CHANGE):
        return image.copy()
    height, width = image.shape[:2]
    to_centre = shift((width - 1) / 2, (height - 1) / 2)
    about_centre = np.linalg.inv(to_centre) @ matrix @ to_centre
    return cv2.warpAffine(
        np.ascontiguousarray(image),
        about_centre[:2],
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=BORDERS[border],
        borderValue=(0, 0, 0),
    )


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Every value times ``factor`` (≥ 0; 1 changes nothing), rounded and cut off at 255."""
    _check_factor("brightness", factor)
    if factor == 1:
        return image.copy()
    return _to_bytes(image * np.float32(factor))


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Distances from the picture's mean gray times ``factor`` (≥ 0; 0: plain gray, 1: no change).

    Rounded and cut off at 0 and 255.
    """
    _check_factor("contrast", factor)
    if factor == 1:
        return image.copy()
    mean = np.float32((image.reshape(-1, 3).mean(axis=0) * GRAY).sum())
    return _to_bytes((image - mean) * np.float32(factor) + mean)


def hue(image: np.ndarray, turns: float) -> np.ndarray:
    """Colours moved around the colour wheel by a share of a turn, −.5 … .5; gray stays gray.

    Saturation and value (HSV) stay as they are, up to rounding. 1/3 turns red into green.
    """
    if not -0.5 <= turns <= 0.5:
        raise ParameterError(f"hue: must lie between -0.5 and 0.5 turns, not {turns}.")
    if turns == 0:
        return image.copy()
    # floats: OpenCV's byte HSV has 180 hues only and would change even what is not moved
    hsv = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * turns) % 360
    return _to_bytes(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _check_factor(name: str, factor: float) -> None:
    if not np.isfinite(factor) or factor < 0:
        raise ParameterError(f"{name}: the factor must be 0 or more, not {factor}.")
