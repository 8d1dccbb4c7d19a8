"""The losses for masks against NumPy, and what a training on masks does with them."""

import keras
import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.training.segmentation_losses import (
    SEGMENTATION_LOSSES,
    bce_with_logits,
    dice_metric,
    mixed,
    segmentation_loss,
    soft_dice,
)


def numbers(value):
    return np.asarray(keras.ops.convert_to_numpy(value))


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    truth = rng.random((4, 5, 6, 1)) < 0.4
    return truth, rng.normal(0, 3, truth.shape).astype("float32")


def test_cross_entropy_is_that_of_the_probabilities(pair):
    truth, logits = pair
    chance = 1 / (1 + np.exp(-logits.astype(float)))
    expected = -np.where(truth, np.log(chance), np.log(1 - chance)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(numbers(bce_with_logits(truth, logits)), expected, rtol=1e-5)
    same = keras.losses.BinaryCrossentropy(from_logits=True)(truth.astype("float32"), logits)
    assert float(numbers(same)) == pytest.approx(expected.mean(), rel=1e-5)


def test_cross_entropy_of_a_hopeless_logit_is_finite_and_has_a_gradient():
    truth = np.ones((1, 1, 1, 1), "float32")
    assert numbers(bce_with_logits(truth, -1e4 * truth))[0] == pytest.approx(1e4)
    assert numbers(bce_with_logits(truth, 1e4 * truth))[0] == 0


def test_soft_dice_is_that_of_the_probabilities(pair):
    truth, logits = pair
    chance = 1 / (1 + np.exp(-logits.astype(float)))
    common, sizes = (chance * truth).sum(axis=(1, 2, 3)), (chance + truth).sum(axis=(1, 2, 3))
    expected = 1 - (2 * common + 1) / (sizes + 1)
    np.testing.assert_allclose(numbers(soft_dice(truth, logits)), expected, rtol=1e-5)
    both = 0.5 * expected + 0.5 * numbers(bce_with_logits(truth, logits))
    np.testing.assert_allclose(numbers(mixed(truth, logits)), both, rtol=1e-5)


def test_soft_dice_of_masks_that_are_empty_full_right_and_wrong():
    full = np.ones((1, 4, 4, 1), "float32")
    empty = 0 * full
    sure = 50.0
    assert numbers(soft_dice(empty, full * -sure))[0] == pytest.approx(0, abs=1e-6)
    assert numbers(soft_dice(full, full * sure))[0] == pytest.approx(0, abs=1e-6)
    assert numbers(soft_dice(full, full * -sure))[0] == pytest.approx(16 / 17)
    assert numbers(soft_dice(empty, full * sure))[0] == pytest.approx(16 / 17)


def test_the_metric_is_dice_of_decisions(pair):
    truth, logits = pair
    found = logits > 0
    expected = (
        2
        * (found & truth).sum(axis=(1, 2, 3))
        / (found.sum(axis=(1, 2, 3)) + truth.sum(axis=(1, 2, 3)))
    )
    np.testing.assert_allclose(numbers(dice_metric(truth, logits)), expected, rtol=1e-6)
    nothing = np.zeros((1, 2, 2, 1))
    assert numbers(dice_metric(nothing, nothing - 1))[0] == 1
    assert numbers(dice_metric(nothing, nothing + 1))[0] == 0


@pytest.mark.parametrize("name", list(SEGMENTATION_LOSSES))
def test_each_loss_trains_a_logit_towards_its_mask(name):
    # one weight a pixel: after some steps the sign of each must be that of the mask
    truth = (np.indices((6, 6)).sum(axis=0) % 3 == 0).astype("float32")[None, ..., None]
    inputs = keras.Input((6, 6, 1))
    flat = keras.layers.Flatten()(inputs)
    out = keras.layers.Reshape((6, 6, 1))(keras.layers.Dense(36, use_bias=False)(flat))
    model = keras.Model(inputs, out)
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=segmentation_loss(name))
    ones = np.ones((1, 6, 6, 1), "float32")
    model.fit(ones, truth, epochs=40, verbose=0)
    np.testing.assert_array_equal(numbers(model(ones)) > 0, truth > 0.5)


def test_shapes_that_would_broadcast_and_unknown_names_are_refused():
    with pytest.raises(ParameterError, match="differ in shape"):
        bce_with_logits(np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 2)))
    with pytest.raises(ParameterError, match="differ in shape"):
        soft_dice(np.zeros((2, 4)), np.zeros((2, 4)))
    with pytest.raises(ParameterError, match="none of bce, dice, mixed"):
        segmentation_loss("focal")
