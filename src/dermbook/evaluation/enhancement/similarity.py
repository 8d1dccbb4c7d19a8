"""How alike two pictures are: peak signal-to-noise ratio, and structural similarity."""

import cv2
import numpy as np

from dermbook.errors import ParameterError

_PEAK = 255.0
#: constants of Wang et al. (2004): window's deviation and radius, K1, K2
_SIGMA, _RADIUS, _K1, _K2 = 1.5, 5, 0.01, 0.03


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, 10·log10(255² / mean squared error).

    Two uint8 arrays of one shape. Infinite for equal ones. ParameterError otherwise.
    """
    _check(first, second)
    error = np.mean((first.astype(np.float64) - second) ** 2)
    return float(10 * np.log10(_PEAK**2 / error)) if error else float("inf")


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004), −1..1, 1 for equal ones.

    Two uint8 pictures, (h, w) or RGB (h, w, 3), of one shape and at least 11 × 11 pixels. Of colour
    pictures the grey values are compared, as in the paper. Means, variances and the covariance are
    weighted by a Gaussian of deviation 1.5 in 11 × 11 windows; the mean is over all windows that
    lie within the picture.
    """
    _check(first, second)
    side = 2 * _RADIUS + 1
    if first.ndim not in (2, 3) or min(first.shape[:2]) < side:
        raise ParameterError(f"ssim: needs pictures of at least {side} × {side}: {first.shape}.")
    if first.ndim == 3:
        first, second = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (first, second))
    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = _windows(x), _windows(y)
    var_x, var_y = _windows(x * x) - mean_x**2, _windows(y * y) - mean_y**2
    both = _windows(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * _PEAK) ** 2, (_K2 * _PEAK) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float(np.mean(above / below))


def _windows(values: np.ndarray) -> np.ndarray:
    """Gaussian-weighted mean of every window that lies within the picture."""
    side = 2 * _RADIUS + 1
    blurred = cv2.GaussianBlur(values, (side, side), _SIGMA)
    return blurred[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]


def _check(first: np.ndarray, second: np.ndarray) -> None:
    if first.dtype != np.uint8 or second.dtype != np.uint8 or first.shape != second.shape:
        raise ParameterError(
            "Pictures to compare are uint8 and of one shape, not "
            f"{first.dtype} {first.shape} and {second.dtype} {second.shape}."
        )
