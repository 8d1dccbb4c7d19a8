"""Probabilities by image id: order, shapes, memory, second inputs."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from training_trial import tiny_images, tiny_model

from dermbook import models
from dermbook.errors import DataError, ParameterError
from dermbook.training import predict_probabilities


class Counting:
    """Cached images that remember how many were asked for at a time."""

    def __init__(self, images):
        self.images, self.sizes = images, []

    def take(self, ids):
        self.sizes.append(len(ids))
        return self.images.take(ids)


def test_rows_follow_the_ids_in_small_batches():
    images, _ = tiny_images()
    counting = Counting(images)
    model = tiny_model()
    ids = images.ids[[40, 3, 17, 3, 0, 25, 8, 9, 10, 11]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probabilities = predict_probabilities(model, counting, ids, batch_size=4)
    assert probabilities.shape == (10, 3)
    assert probabilities.dtype == np.float32
    assert counting.sizes == [4, 4, 2]
    expected = keras.ops.convert_to_numpy(model(images.take(ids)))
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_array_equal(probabilities[1], probabilities[3])


def test_no_ids_and_bad_sizes():
    images, _ = tiny_images()
    assert predict_probabilities(tiny_model(), images, []).shape == (0, 3)
    with pytest.raises(ParameterError, match="batch_size"):
        predict_probabilities(tiny_model(), images, images.ids, batch_size=0)


def test_a_sigmoid_unit_gives_two_columns():
    images, _ = tiny_images()
    model = models.build("one-conv", (16, 16, 3), 1, filters=2, dense=4)
    probabilities = predict_probabilities(model, images, images.ids[:5])
    single = keras.ops.convert_to_numpy(model(images.take(images.ids[:5])))
    np.testing.assert_allclose(probabilities[:, 1:], single, atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_features_are_joined_on_the_id():
    images, _ = tiny_images()
    picture, features = keras.Input((16, 16, 3)), keras.Input((2,))
    # the second input comes out again, so a wrong row would show
    model = keras.Model((picture, features), keras.layers.Rescaling(1.0)(features))
    table = pd.DataFrame({"a": range(48), "b": 0.5}, index=images.ids)
    shuffled = table.sample(frac=1, random_state=0)
    ids = images.ids[[5, 47, 12]]
    output = predict_probabilities(model, images, ids, batch_size=2, features=shuffled)
    np.testing.assert_array_equal(output, table.loc[ids].to_numpy(np.float32))
    with pytest.raises(DataError, match="I0005"):
        predict_probabilities(model, images, ids, features=table.drop("I0005"))
