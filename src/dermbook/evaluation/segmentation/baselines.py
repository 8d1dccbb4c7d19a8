"""Masks without a network: the mean mask, Otsu's threshold, and distance from the skin's colour.

What a network finds is worth what it adds to these.
"""

import cv2
import numpy as np

from dermbook.data import CachedImages
from dermbook.errors import ParameterError
from dermbook.imaging.cropping import otsu_mask

#: pictures of the training part that the colours are learned from, and pixels of each
COLOUR_IMAGES, COLOUR_PIXELS = 500, 100
#: share of the shorter side that is taken for skin along the border
RING = 0.08


def mean_mask_maps(masks: CachedImages, train: list[str], count: int) -> np.ndarray:
    """How often each pixel is lesion in the training part, for each of ``count`` pictures.

    float32 (count, height, width), 0..1: what may be known without looking at a picture.
    """
    mean = masks.take(train).mean(axis=0, dtype=np.float64).astype(np.float32)
    return np.broadcast_to(mean, (count, *mean.shape))


def otsu_maps(pictures: np.ndarray) -> np.ndarray:
    """0 or 1 by Otsu's threshold on the grey picture (``imaging.cropping.otsu_mask``), float32."""
    return np.stack([otsu_mask(picture) for picture in pictures]).astype(np.float32)


class ColourMaps:
    """The chance that a pixel is lesion, from how its colour differs from that picture's skin.

    Skin is the median colour (CIELAB) of a ring along the border. A logistic regression on the
    difference, its three squares and its length is fitted to pixels drawn from the training part;
    the position of a pixel is not used.
    """

    def __init__(
        self, images: CachedImages, masks: CachedImages, train: list[str], *, seed: int = 0
    ) -> None:
        """Fit to up to 500 pictures of ``train``. ParameterError for an empty part."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if not len(train):
            raise ParameterError("train: give at least one image to learn colours from.")
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(np.asarray(train, dtype=object))[:COLOUR_IMAGES]
        features, labels = [], []
        for picture, mask in zip(images.take(chosen), masks.take(chosen), strict=True):
            at = rng.integers(0, mask.size, COLOUR_PIXELS)
            features.append(colour_features(picture).reshape(mask.size, -1)[at])
            labels.append(mask.ravel()[at])
        self._model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        self._model.fit(np.concatenate(features), np.concatenate(labels))

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """float32 (n, height, width), 0..1, of uint8 (n, height, width, 3)."""
        maps = np.empty(pictures.shape[:3], np.float32)
        for row, picture in zip(maps, pictures, strict=True):
            features = colour_features(picture)
            chance = self._model.predict_proba(features.reshape(-1, features.shape[-1]))[:, 1]
            # a little smoothing: single hairs and pores are no lesions
            row[:] = cv2.GaussianBlur(
                chance.reshape(row.shape).astype(np.float32), (0, 0), 0.015 * row.shape[1]
            )
        return maps


def colour_features(picture: np.ndarray) -> np.ndarray:
    """Difference from the skin along the border: float32 (height, width, 7).

    L, a and b in the units of CIELAB, their squares over 100, and the length of the difference.
    """
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    height, width = lab.shape[:2]
    side = max(1, round(RING * min(height, width)))
    ring = np.ones((height, width), bool)
    ring[side : height - side, side : width - side] = False
    difference = lab - np.median(lab[ring], axis=0)
    length = np.linalg.norm(difference, axis=2, keepdims=True)
    return np.concatenate([difference, difference**2 / 100, length], axis=2).astype(np.float32)
