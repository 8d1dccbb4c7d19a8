"""R1's six ways to copy a picture (row 1.2): flips, half a turn, scaling, cropping, translation.

Each takes a uint8 picture (height, width, 3) and gives a new one of the same size and dtype; what
comes into view beyond the border is the picture mirrored there, so no black wedge tells a copy
from an original. The random ones take a NumPy Generator and bounds, which R1 does not state.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from dermbook.errors import ParameterError


def flip_horizontal(image: np.ndarray) -> np.ndarray:
    """Left becomes right."""
    return _checked(image)[:, ::-1].copy()


def flip_vertical(image: np.ndarray) -> np.ndarray:
    """Top becomes bottom."""
    return _checked(image)[::-1].copy()


def rotate180(image: np.ndarray) -> np.ndarray:
    """Half a turn: both flips, one after the other."""
    return _checked(image)[::-1, ::-1].copy()


def scale(image: np.ndarray, rng: np.random.Generator, *, limit: float = 0.2) -> np.ndarray:
    """Enlarged or reduced about the centre by a factor drawn from 1 − limit … 1 + limit.

    limit: 0 to below 1; 0 gives the picture back. ParameterError otherwise.
    """
    _check_share("limit", limit)
    factor = rng.uniform(1 - limit, 1 + limit)
    height, width = _checked(image).shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = (1 - factor) * centre
    return _warped(image, np.array([[factor, 0, shift[0]], [0, factor, shift[1]]]))


def crop(image: np.ndarray, rng: np.random.Generator, *, keep: float = 0.8) -> np.ndarray:
    """A window of ``keep`` of height and width at a random place, resized to the whole.

    keep: above 0, at most 1; 1 gives the picture back. ParameterError otherwise.
    """
    if not 0 < keep <= 1:
        raise ParameterError(f"keep: must be above 0 and at most 1, not {keep}.")
    height, width = _checked(image).shape[:2]
    rows, columns = max(1, round(height * keep)), max(1, round(width * keep))
    top = int(rng.integers(0, height - rows + 1))
    left = int(rng.integers(0, width - columns + 1))
    window = image[top : top + rows, left : left + columns]
    if (rows, columns) == (height, width):
        return window.copy()
    return cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR)


def translate(image: np.ndarray, rng: np.random.Generator, *, limit: float = 0.1) -> np.ndarray:
    """Moved by a whole number of pixels, up to ``limit`` of height and width each way.

    limit: 0 to below 1; 0 gives the picture back. ParameterError otherwise.
    """
    _check_share("limit", limit)
    height, width = _checked(image).shape[:2]
    most = int(height * limit), int(width * limit)
    down, right = (int(rng.integers(-bound, bound + 1)) for bound in most)
    # symmetric padding mirrors the border pixel too, and then the window slides by whole pixels
    padded = np.pad(image, ((abs(down),) * 2, (abs(right),) * 2, (0, 0)), mode="symmetric")
    top, left = abs(down) - down, abs(right) - right
    return padded[top : top + height, left : left + width].copy()


def malignant_copy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One copy as R1 made them: one of the six operations, each as likely as the others."""
    return OPERATIONS[list(OPERATIONS)[int(rng.integers(len(OPERATIONS)))]](image, rng)


def copies(images: Sequence[np.ndarray] | np.ndarray, *, seed: int = 0) -> np.ndarray:
    """One ``malignant_copy`` of each picture, uint8 (n, height, width, 3).

    Picture i has a generator of its own, so its copy depends on ``seed`` and i only.
    """
    if not len(images):
        raise ParameterError("copies: there are no pictures to copy.")
    return np.stack(
        [
            malignant_copy(np.asarray(image), np.random.default_rng([seed, position]))
            for position, image in enumerate(images)
        ]
    )


#: name → operation on (picture, generator)
OPERATIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "horizontal flip": lambda image, rng: flip_horizontal(image),
    "vertical flip": lambda image, rng: flip_vertical(image),
    "rotation by 180°": lambda image, rng: rotate180(image),
    "scaling": scale,
    "cropping": crop,
    "translation": translate,
}


def _warped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def _checked(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ParameterError(
            f"a picture must be uint8 (height, width, 3), not {image.dtype} {image.shape}."
        )
    return image


def _check_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ParameterError(f"{name}: must be 0 or more and below 1, not {value}.")
