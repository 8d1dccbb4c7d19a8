"""Hair removal: DullRazor as it was published, and the short program that goes by its name.

``dullrazor`` follows Lee, Ng, Gallagher, Coldman and McLean (1997). ``blackhat_inpaint`` is what
most code of that name does: a black-hat, a threshold, and OpenCV's inpainting (Telea 2004). The
repository that R0 cites for DullRazor describes the latter.

All lengths are pixels in a picture ``at_width`` = 600 pixels wide, HAM10000's original width, and
shrink with the picture, down to what a thin line still needs.
"""

import math
from functools import lru_cache

import cv2
import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.checks import checked_images, odd, on_batches, scaled

AT_WIDTH = 600
#: directions in which lines are followed; a multiple of four
ORIENTATIONS = 24
#: windows of the adaptive median
_WINDOWS = (3, 5, 7)


@on_batches
def dullrazor(
    image: np.ndarray,
    *,
    threshold: float = 20.0,
    reach: float = 21.0,
    length: float = 50.0,
    width: float = 10.0,
    at_width: int = AT_WIDTH,
) -> np.ndarray:
    """DullRazor (Lee et al. 1997), rows 0.5: find dark thin lines, bridge them, smooth the bridge.

    1. Candidates: see ``dullrazor_mask``, to which ``threshold``, ``reach``, ``length`` and
       ``width`` belong.
    2. Replacement: from each hair pixel a walk at right angles to its hair, both ways, to the
       first pixel that is no hair; the two are mixed by their distances.
    3. An adaptive median over the replaced pixels and their neighbours takes away what is left.

    A picture without candidates comes back as it is.
    """
    hair, direction = _hair(image, threshold, reach, length, width, at_width)
    if not hair.any():
        return image.copy()
    # the rim of a hair is a mixture of hair and skin: neither to be kept nor to be copied from
    rim = cv2.dilate(hair.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    direction = np.where(hair, direction, cv2.dilate(direction + 1, np.ones((3, 3))) - 1)
    bridged = _bridged(image, rim, direction, int(scaled(45, image.shape[1], at_width, least=8)))
    return _median_where(bridged, rim)


@on_batches
def blackhat_inpaint(
    image: np.ndarray,
    *,
    threshold: float = 10.0,
    size: float = 17.0,
    radius: float = 6.0,
    at_width: int = AT_WIDTH,
) -> np.ndarray:
    """The short version: what ``blackhat_mask`` finds, filled in from its rim (Telea 2004).

    radius: of the neighbourhood that an inpainted pixel is made from. No look at the shape: a
    globule or a network line is removed like a hair.
    """
    mask = blackhat_mask(image, threshold=threshold, size=size, at_width=at_width)
    if not mask.any():
        return image.copy()
    reach = scaled(radius, image.shape[1], at_width, least=2)
    return cv2.inpaint(image, mask.astype(np.uint8), reach, cv2.INPAINT_TELEA)


def dullrazor_mask(
    image: np.ndarray,
    *,
    threshold: float = 20.0,
    reach: float = 21.0,
    length: float = 50.0,
    width: float = 10.0,
    at_width: int = AT_WIDTH,
) -> np.ndarray:
    """Where the published algorithm sees hair, bool (h, w).

    Each channel is closed with line segments of ``reach`` pixels, horizontal, vertical and
    diagonal. Where the brightest of the three closings exceeds the picture by more than
    ``threshold`` grey levels, in any channel, there is a candidate. It is hair if a straight run
    of candidates through it is longer than ``length`` in one direction while those at 45, 90 and
    135 degrees to it are shorter than ``width``. The paper tries four directions; hair between
    them fails at any thinness, so 24 are tried here, each with its own cross of four.
    The paper leaves the threshold open; 20 did best on a phantom that no chapter uses.
    """
    return _hair(image, threshold, reach, length, width, at_width)[0]


def blackhat_mask(
    image: np.ndarray, *, threshold: float = 10.0, size: float = 17.0, at_width: int = AT_WIDTH
) -> np.ndarray:
    """Where the short version sees hair, bool (h, w).

    The black-hat (closing with a cross of ``size`` pixels, minus the picture) of the grey
    picture, smoothed a little, above ``threshold`` grey levels.
    """
    _one(image)
    _check_threshold(threshold)
    side = odd(scaled(size, image.shape[1], at_width, least=5))
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (side, side))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    blackhat = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cross)
    return cv2.GaussianBlur(blackhat, (3, 3), 0) > threshold


def candidates(
    image: np.ndarray, *, threshold: float = 20.0, reach: float = 21.0, at_width: int = AT_WIDTH
) -> np.ndarray:
    """DullRazor's candidates before the look at their shape, bool (h, w)."""
    _one(image)
    _check_threshold(threshold)
    side = odd(scaled(reach, image.shape[1], at_width, least=5))
    closed = [
        cv2.morphologyEx(image, cv2.MORPH_CLOSE, _segment(angle, side)) for angle in (0, 45, 90)
    ]
    difference = cv2.subtract(np.maximum.reduce(closed), image)
    return difference.max(axis=2) > threshold


def _hair(
    image: np.ndarray, threshold: float, reach: float, length: float, width: float, at_width: int
) -> tuple[np.ndarray, np.ndarray]:
    """The mask, bool (h, w), and the number of the hair's orientation, int16 (h, w), else −1."""
    found = candidates(image, threshold=threshold, reach=reach, at_width=at_width)
    columns = image.shape[1]
    long = odd(scaled(length, columns, at_width, least=9))
    broad = odd(scaled(width, columns, at_width, least=5))
    if long <= broad:
        raise ParameterError(f"length: {length} must be above width, {width}.")
    direction = np.full(found.shape, -1, np.int16)
    if not found.any():
        return found, direction
    plane = found.astype(np.uint8)
    # a drawn line steps from row to row elsewhere than the segment does, so a run may use either
    # of two neighbouring rows (for steep segments, columns)
    flat, steep = (cv2.dilate(plane, np.ones(shape, np.uint8)) for shape in ((2, 1), (1, 2)))
    runs = []
    for number in range(ORIENTATIONS):
        is_flat = abs(math.cos(math.pi * number / ORIENTATIONS)) > math.sqrt(0.5)
        runs.append(_opened(flat if is_flat else steep, number, long) & found)
    quarter = ORIENTATIONS // 4
    across = [_opened(plane, number, broad) for number in range(ORIENTATIONS)]
    # at 45 degrees a line is the square root of two as thick
    aslant = [_opened(plane, number, odd(broad * math.sqrt(2))) for number in range(ORIENTATIONS)]
    for number, run in enumerate(runs):
        left, right = ((number + turn * quarter) % ORIENTATIONS for turn in (1, 3))
        others = across[(number + 2 * quarter) % ORIENTATIONS], aslant[left], aslant[right]
        thin = run & ~np.logical_or.reduce(others)
        direction[thin & (direction < 0)] = number
    return direction >= 0, direction


def _opened(plane: np.ndarray, number: int, length: int) -> np.ndarray:
    """Pixels on a straight run of at least ``length`` in orientation ``number``, bool."""
    segment = _segment(180 * number / ORIENTATIONS, length)
    # outside the picture nothing is known to be no hair: a run may go on there
    return cv2.morphologyEx(plane, cv2.MORPH_OPEN, segment).astype(bool)


@lru_cache(maxsize=256)
def _segment(angle: float, length: int) -> np.ndarray:
    """A line of ``length`` pixels at ``angle`` degrees (counter-clockwise), uint8, square.

    Of an odd length, so symmetric: OpenCV does not mirror the kernel between the two halves of an
    opening, and an uneven one would shift the picture.
    """
    half = length // 2
    side = 2 * half + 1
    kernel = np.zeros((side, side), np.uint8)
    turned = math.radians(angle)
    steps = np.arange(side) - half
    x = side // 2 + np.rint(steps * math.cos(turned)).astype(int)
    y = side // 2 - np.rint(steps * math.sin(turned)).astype(int)
    kernel[y, x] = 1
    return kernel


def _bridged(image: np.ndarray, rim: np.ndarray, direction: np.ndarray, most: int) -> np.ndarray:
    """Pixels of ``rim`` replaced by a mixture of the first pixels off it, on both sides."""
    rows, columns = np.nonzero(rim)
    angles = np.pi * direction[rows, columns] / ORIENTATIONS + np.pi / 2
    step_y, step_x = -np.sin(angles), np.cos(angles)
    values, distances = [], []
    for sign in (1, -1):
        steps = sign * np.arange(1, most + 1)[:, None]
        y = np.rint(rows + steps * step_y).astype(np.intp)
        x = np.rint(columns + steps * step_x).astype(np.intp)
        inside = (y >= 0) & (y < rim.shape[0]) & (x >= 0) & (x < rim.shape[1])
        y, x = np.where(inside, y, 0), np.where(inside, x, 0)
        free = inside & ~rim[y, x]
        first = free.argmax(axis=0)
        reached = free.any(axis=0)
        pixel = np.arange(len(rows))
        values.append(image[y[first, pixel], x[first, pixel]].astype(np.float32))
        distances.append(np.where(reached, first + 1.0, np.inf))
    # weights by the other side's distance; a side that ends in hair or outside counts nothing
    with np.errstate(divide="ignore"):
        nearness = [1 / distance for distance in distances]
    total = nearness[0] + nearness[1]
    reached = total > 0
    mixed = sum(
        (near / np.where(reached, total, 1))[:, None] * value
        for near, value in zip(nearness, values, strict=True)
    )
    result = image.copy()
    result[rows[reached], columns[reached]] = np.rint(mixed[reached]).astype(np.uint8)
    return result


def _median_where(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Adaptive median (Hwang and Haddad 1995) of the pixels ``where`` and their neighbours.

    The window grows until its median is no extreme of it. The pixel stays if it is no extreme
    either, else the median replaces it.
    """
    open_ = cv2.dilate(where.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    open_ = np.repeat(open_[..., None], 3, axis=2)
    result = image.copy()
    for size in _WINDOWS:
        square = np.ones((size, size), np.uint8)
        median = cv2.medianBlur(image, size)
        low, high = cv2.erode(image, square), cv2.dilate(image, square)
        decided = open_ & (low < median) & (median < high)
        extreme = decided & ((image <= low) | (image >= high))
        result[extreme] = median[extreme]
        open_ &= ~decided
    result[open_] = median[open_]
    return result


def _one(image: np.ndarray) -> None:
    if checked_images(image).ndim != 3:
        raise ParameterError("A mask is of one picture (h, w, 3); call it for each of a batch.")


def _check_threshold(threshold: float) -> None:
    if not 0 <= threshold <= 255:
        raise ParameterError(f"threshold: 0 to 255 grey levels, not {threshold}.")
