"""Cropping to the lesion, which R0 names as future work (row 0.17)."""

import cv2
import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.checks import checked_images

Box = tuple[int, int, int, int]
#: shares of the picture between which what Otsu finds is taken for a lesion
_PLAUSIBLE = 0.01, 0.85


def crop_to_lesion(
    images: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    margin: float = 0.15,
    smallest: float = 0.3,
) -> np.ndarray:
    """The lesion with a margin, enlarged to the size of the picture; proportions are kept.

    images: uint8 (h, w, 3) or (n, h, w, 3). mask: bool (h, w) or (n, h, w), True on the lesion;
    without one ``otsu_mask`` looks for it. margin: on each side, as a share of the lesion's
    longer side, 0 or more. smallest: the least share of the picture's height and width that is
    kept, 0..1, so that a speck does not become the picture. The window has the picture's
    proportions and lies within it. Where no pixel is lesion, or Otsu finds nothing plausible, the
    picture comes back as it is.

    Raises ParameterError for a value out of range or a mask of another size.
    """
    checked_images(images)
    if margin < 0 or not 0 <= smallest <= 1:
        raise ParameterError(
            f"margin: 0 or more, smallest: 0 to 1; they are {margin} and {smallest}."
        )
    if mask is not None and mask.shape != images.shape[:-1]:
        raise ParameterError(f"mask: {mask.shape} does not fit pictures of {images.shape}.")
    if images.ndim == 3:
        return _cropped(images, otsu_mask(images) if mask is None else mask, margin, smallest)
    masks = (otsu_mask(image) for image in images) if mask is None else mask
    return np.stack([_cropped(*pair, margin, smallest) for pair in zip(images, masks, strict=True)])


def otsu_mask(image: np.ndarray) -> np.ndarray:
    """What is darker than Otsu's threshold (1979) and best placed to be the lesion; bool (h, w).

    Of the dark patches of the smoothed picture, the one with most pixels, those near the middle
    counting more, so that dark corners lose. All False where it is under 1 % or over 85 % of the
    picture: then there was no threshold to find.
    """
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.GaussianBlur(grey, (0, 0), max(0.5, 0.02 * width))
    _, dark = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    count, patches = cv2.connectedComponents(dark, connectivity=4)
    if count < 2:
        return np.zeros((height, width), bool)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    central = np.exp(-2 * (y**2 + x**2))
    weight = np.bincount(patches.ravel(), central.ravel(), minlength=count)
    lesion = patches == 1 + int(np.argmax(weight[1:]))
    low, high = _PLAUSIBLE
    return lesion if low <= lesion.mean() <= high else np.zeros((height, width), bool)


def lesion_box(mask: np.ndarray, *, margin: float = 0.15, smallest: float = 0.3) -> Box | None:
    """(top, bottom, left, right) of what ``crop_to_lesion`` keeps; None without a lesion."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    height, width = mask.shape
    sides = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    room = 2 * margin * max(sides)
    share = min(1.0, max(smallest, (sides[0] + room) / height, (sides[1] + room) / width))
    top, bottom = _placed(rows, max(1, round(share * height)), height)
    left, right = _placed(columns, max(1, round(share * width)), width)
    return top, bottom, left, right


def _placed(found: np.ndarray, length: int, whole: int) -> tuple[int, int]:
    """A stretch of ``length`` about the middle of what was found, moved into the picture."""
    start = round((found[0] + found[-1] + 1 - length) / 2)
    start = min(max(start, 0), whole - length)
    return start, start + length


def _cropped(image: np.ndarray, mask: np.ndarray, margin: float, smallest: float) -> np.ndarray:
    box = lesion_box(mask, margin=margin, smallest=smallest)
    if box is None:
        return image.copy()
    top, bottom, left, right = box
    window = image[top:bottom, left:right]
    if window.shape == image.shape:
        return image.copy()
    return cv2.resize(window, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
