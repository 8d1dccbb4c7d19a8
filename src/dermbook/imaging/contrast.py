"""Contrast-limited adaptive histogram equalisation (CLAHE; Zuiderveld 1994), row 0.4.

Plain equalisation replaces each grey value by its rank, so that all values become equally
frequent. CLAHE does so within tiles, blends neighbouring tiles, and clips each tile's histogram
first, so that a nearly even patch of skin is not stretched until its noise shows.
"""

import cv2
import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.checks import on_batches

Tiles = tuple[int, int]


@on_batches
def clahe_rgb(image: np.ndarray, *, clip: float = 2.0, tiles: Tiles = (7, 7)) -> np.ndarray:
    """CLAHE of red, green and blue, each for itself. Colours shift, since the three differ.

    image: uint8 (h, w, 3), or a batch (n, h, w, 3). clip: how many times its even share of the
    pixels a grey value may have before the rest is spread over all values, above 0. tiles: rows
    and columns of tiles; a picture with fewer pixels gets as many tiles as pixels.
    """
    equalise = _clahe(image, clip, tiles)
    return cv2.merge([equalise.apply(channel) for channel in cv2.split(image)])


@on_batches
def clahe_lab(image: np.ndarray, *, clip: float = 3.0, tiles: Tiles = (8, 8)) -> np.ndarray:
    """CLAHE of the lightness L of CIELAB only: light and dark change, hue stays.

    Parameters as for ``clahe_rgb``; 8 × 8 tiles are OpenCV's own. The way to LAB and back rounds,
    which alone moves a value by a few grey levels.
    """
    equalise = _clahe(image, clip, tiles)
    lightness, a, b = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
    return cv2.cvtColor(cv2.merge([equalise.apply(lightness), a, b]), cv2.COLOR_LAB2RGB)


def equalise(channel: np.ndarray) -> np.ndarray:
    """Plain histogram equalisation of one channel, uint8 (h, w): each value becomes its rank.

    A value's rank is the share of pixels that are as dark or darker, scaled so that the darkest
    value there becomes 0 and the brightest 255. A channel of one value stays as it is.
    """
    if channel.ndim != 2 or channel.dtype != np.uint8 or not channel.size:
        raise ParameterError(
            f"equalise takes one uint8 channel (h, w), not {channel.dtype} {channel.shape}."
        )
    counts = np.bincount(channel.ravel(), minlength=256)
    below = np.cumsum(counts)
    first = counts[np.flatnonzero(counts)[0]]
    if first == channel.size:
        return channel.copy()
    ranks = np.clip((below - first) / (channel.size - first), 0, 1)
    return np.rint(255 * ranks).astype(np.uint8)[channel]


def _clahe(image: np.ndarray, clip: float, tiles: Tiles) -> cv2.CLAHE:
    if not clip > 0:
        raise ParameterError(f"clip: must be above 0, not {clip}.")
    if len(tiles) != 2 or min(tiles) < 1:
        raise ParameterError(f"tiles: two whole numbers of 1 or more, not {tiles!r}.")
    rows, columns = (min(count, side) for count, side in zip(tiles, image.shape[:2], strict=True))
    # made anew for each picture: caches run filters in several threads, and CLAHE keeps state
    return cv2.createCLAHE(clipLimit=float(clip), tileGridSize=(int(columns), int(rows)))
