"""Boxes of panels: int64 (k, 4) arrays of x0, y0, x1, y1 in pixels, x1 and y1 just outside."""

from collections.abc import Callable, Iterable

import cv2
import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.checks import checked_images

Box = tuple[int, int, int, int]
Detect = Callable[[np.ndarray], np.ndarray]

#: longest side in pixels at which detectors look at a picture; larger ones are reduced first
WORKING_SIDE = 320


def as_boxes(boxes: Iterable[Box]) -> np.ndarray:
    """Boxes as an int64 (k, 4) array in reading order: from the top, then from the left."""
    found = np.array(list(boxes), dtype=np.int64).reshape(-1, 4)
    return found[np.lexsort((found[:, 0], found[:, 1]))]


def checked_picture(image: np.ndarray) -> np.ndarray:
    """The picture as it is, if it is uint8 (h, w, 3); ParameterError says what else it is."""
    checked_images(image)
    if image.ndim != 3:
        raise ParameterError(f"A panel detector takes one picture (h, w, 3), not {image.shape}.")
    return image


def whole_box(image: np.ndarray) -> np.ndarray:
    """One box, the whole picture: what a program answers that never splits."""
    height, width = image.shape[:2]
    return as_boxes([(0, 0, width, height)])


def halves(image: np.ndarray) -> np.ndarray:
    """Two boxes, always: the picture cut in the middle of its longer side."""
    height, width = image.shape[:2]
    if width >= height:
        return as_boxes([(0, 0, width // 2, height), (width // 2, 0, width, height)])
    return as_boxes([(0, 0, width, height // 2), (0, height // 2, width, height)])


def working_copy(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The picture reduced to ``WORKING_SIDE``, and by how much (1 where it was small enough)."""
    scale = WORKING_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image, 1.0
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), scale


def at_full_size(boxes: np.ndarray, scale: float, image: np.ndarray) -> np.ndarray:
    """Boxes of the working copy in pixels of the picture, inside it, none empty."""
    height, width = image.shape[:2]
    grown = np.rint(boxes / scale).astype(np.int64)
    grown[:, [0, 2]] = grown[:, [0, 2]].clip(0, width)
    grown[:, [1, 3]] = grown[:, [1, 3]].clip(0, height)
    kept = grown[(grown[:, 2] > grown[:, 0]) & (grown[:, 3] > grown[:, 1])]
    return as_boxes(kept) if len(kept) else whole_box(image)


def areas(boxes: np.ndarray) -> np.ndarray:
    """Pixels of each box, int64 (k,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def overlap_share(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of each box that each of the others covers, float64 (k, l)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return (high - low).clip(0).prod(axis=2) / np.maximum(areas(boxes), 1)[:, None]
