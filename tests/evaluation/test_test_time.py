"""Test-time augmentation against pictures that were mirrored by hand."""

import keras
import numpy as np
import pytest

from dermbook.data import CachedImages, cached_images
from dermbook.evaluation.test_time import NUMBERS, mirrored_predictions, views_name
from dermbook.models import build
from dermbook.training import predict_probabilities


@pytest.fixture(scope="module")
def looked(small_phantom):
    images = cached_images(small_phantom, height=24, width=32, progress=False)
    return small_phantom, images, list(small_phantom.ids[:9])


def predicted(model, looked):
    collection, images, ids = looked
    return mirrored_predictions(model, images, collection, ids, name="a-model", part="test")


def test_the_mean_is_that_of_pictures_mirrored_by_hand(looked):
    _, images, ids = looked
    model = build("one-conv", (24, 32, 3), 7, seed=1)
    found = predicted(model, looked)
    pixels = np.asarray(images.take(ids))
    flips = [pixels, np.flip(pixels, 2), np.flip(pixels, 1), np.flip(pixels, (1, 2))]
    by_hand = [
        predict_probabilities(model, CachedImages(each, images.ids[:9], images.path), ids)
        for each in flips
    ]
    assert tuple(found) == NUMBERS
    for number, predictions in found.items():
        mean = np.mean(by_hand[:number], axis=0)
        assert predictions.probabilities == pytest.approx(mean, abs=1e-5)
        assert predictions.model == views_name("a-model", number)
    assert np.abs(found[1].probabilities - found[4].probabilities).max() > 1e-4


def test_views_change_nothing_for_a_network_that_sees_no_sides(looked):
    image = keras.Input((24, 32, 3))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(7, "softmax")(mean))
    found = predicted(model, looked)
    assert found[4].probabilities == pytest.approx(found[1].probabilities, abs=1e-5)
