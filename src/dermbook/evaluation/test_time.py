"""Test-time augmentation: one network, asked several times about the same picture, mirrored.

A lesion has no left or right, up or down. Simonyan and Zisserman (2015) average over a picture and
its mirroring; here up to four views are averaged, and each number of views is judged on its own.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dermbook.data import CachedImages, Collection
from dermbook.evaluation.predictions import Predictions
from dermbook.training import predict_probabilities
from dermbook.training.predicting import MIRRORINGS

if TYPE_CHECKING:
    import keras

#: how many of the views, in their order, are averaged
NUMBERS = (1, 2, 4)


def mirrored_predictions(
    model: "keras.Model",
    images: CachedImages,
    collection: Collection,
    ids: Sequence[str],
    *,
    name: str,
    part: str,
    numbers: Sequence[int] = NUMBERS,
) -> dict[int, Predictions]:
    """Predictions of some images by number of views averaged, each view predicted once.

    images: uint8 (n, height, width, 3) of the size that the model takes. The Predictions are of
    ``NAME-1-view``, ``NAME-2-views``, …
    """
    views = MIRRORINGS[: max(numbers)]
    pixels = np.asarray(images.images)
    found = [
        predict_probabilities(
            model, CachedImages(pixels[view], images.ids, images.path), ids, progress=False
        )
        for view in views
    ]
    return {
        number: Predictions.from_probabilities(
            ids,
            np.mean(found[:number], axis=0),
            collection,
            model=views_name(name, number),
            part=part,
        )
        for number in numbers
    }


def views_name(name: str, number: int) -> str:
    """The model's name when it looks at so many views."""
    return f"{name}-{number}-view{'s' if number != 1 else ''}"
