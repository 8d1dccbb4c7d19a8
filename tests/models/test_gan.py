"""The generator, the discriminator, and the step that moves each by its own loss only."""

import keras
import numpy as np
import pytest
from keras import ops

from dermbook.errors import ParameterError
from dermbook.models.gan import (
    Adversarial,
    SpectralConv2D,
    SpectralDense,
    discriminator,
    generator,
    hinge,
    moved,
)

SHAPE = (8, 16, 3)
STILL = [0, 0, 0, 0, 0, 1]


def pair(average=0.5):
    keras.utils.set_random_seed(0)
    return Adversarial(
        generator(SHAPE, width=8, latent=4), discriminator(SHAPE, width=8), average=average
    )


def inputs(n=4):
    rng = np.random.default_rng(0)
    return {
        "real": rng.uniform(-1, 1, (n, *SHAPE)).astype("float32"),
        "numbers": rng.normal(size=(n, 4)).astype("float32"),
        "moves": np.tile(np.float32(STILL), (n, 2, 1)),
    }


def step(model):
    """One plain gradient step, not compiled."""
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    model.train_on_batch(inputs())
    return model


def values(network):
    return [np.array(ops.convert_to_numpy(each)) for each in network.trainable_variables]


def test_shapes_and_ranges():
    model = pair()
    made = ops.convert_to_numpy(model.generator(inputs()["numbers"]))
    assert made.shape == (4, *SHAPE)
    assert np.abs(made).max() <= 1
    assert ops.convert_to_numpy(model.discriminator(made)).shape == (4, 1)


@pytest.mark.parametrize("layer", [SpectralConv2D(6, 4, strides=2), SpectralDense(5)])
def test_the_largest_singular_value_becomes_one(layer):
    rng = np.random.default_rng(0)
    layer.build((None, 8, 8, 3) if isinstance(layer, SpectralConv2D) else (None, 7))
    layer.kernel.assign(rng.normal(size=layer.kernel.shape))
    for _ in range(60):
        kernel = layer.normalised_kernel(training=True)
    matrix = ops.convert_to_numpy(layer.kernel).reshape(-1, layer.kernel.shape[-1])
    found = ops.convert_to_numpy(kernel).reshape(matrix.shape)
    np.testing.assert_allclose(found, matrix / np.linalg.norm(matrix, 2), atol=1e-3)


def test_outside_training_the_followed_direction_stays():
    layer = SpectralDense(3)
    layer.build((None, 4))
    before = ops.convert_to_numpy(layer.direction).copy()
    layer.normalised_kernel(training=False)
    np.testing.assert_array_equal(before, ops.convert_to_numpy(layer.direction))
    layer.normalised_kernel(training=True)
    assert np.abs(before - ops.convert_to_numpy(layer.direction)).max() > 0


def test_moves_against_numpy():
    images = np.random.default_rng(0).uniform(-1, 1, (6, *SHAPE)).astype("float32")
    moves = np.tile(np.float32(STILL), (6, 1))
    moves[1, 0] = moves[2, 1] = 1
    moves[3, 2], moves[3, 3] = 2, -3
    moves[4, 4], moves[5, 5] = 0.25, 0.5
    found = ops.convert_to_numpy(moved(images, moves))
    np.testing.assert_allclose(found[0], images[0], atol=1e-6)
    np.testing.assert_allclose(found[1], images[1][:, ::-1], atol=1e-6)
    np.testing.assert_allclose(found[2], images[2][::-1], atol=1e-6)
    expected = np.zeros(SHAPE)
    expected[2:, :-3] = images[3][:-2, 3:]
    np.testing.assert_allclose(found[3], expected, atol=1e-6)
    np.testing.assert_allclose(found[4], images[4] + 0.25, atol=1e-6)
    mean = images[5].mean()
    np.testing.assert_allclose(found[5], (images[5] - mean) / 2 + mean, atol=1e-6)


def test_hinge_by_hand():
    # real: 1 − 2 → 0, 1 − 0.5 → 0.5; generated: 1 − 3 → 0, 1 + 1 → 2
    loss = hinge(np.float32([[2], [0.5]]), np.float32([[-3], [1]]))
    assert float(ops.convert_to_numpy(loss)) == pytest.approx(0.25 + 1.0)


def test_each_loss_moves_its_own_network_only_and_the_average_follows(monkeypatch):
    model = pair(average=0.75)
    assert not model.average.trainable_variables
    first = ops.convert_to_numpy(model.average.variables[0]).copy()
    model.generator.variables[0].assign(first + 1)
    losses = {
        "discriminator": lambda scores: hinge(scores["real"], scores["generated"]),
        "generator": lambda scores: -ops.mean(scores["judged"]),
    }
    for name, other in (("discriminator", "generator"), ("generator", "discriminator")):

        def compute_loss(self, x=None, y=None, y_pred=None, weights=None, training=True, own=name):
            return losses[own](y_pred)

        monkeypatch.setattr(Adversarial, "compute_loss", compute_loss)
        before = {each: values(getattr(model, each)) for each in losses}
        step(model)
        after = {each: values(getattr(model, each)) for each in losses}
        assert max(np.abs(a - b).max() for a, b in zip(before[name], after[name], strict=True)) > 0
        for kept, was in zip(after[other], before[other], strict=True):
            np.testing.assert_array_equal(kept, was)
        if name == "discriminator":
            average = ops.convert_to_numpy(model.average.variables[0])
            np.testing.assert_allclose(average, first + 0.25, atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 16, 3), (0, 8, 3), (8, 8, 1)])
def test_sizes_that_cannot_be_halved_three_times(shape):
    with pytest.raises(ParameterError, match="multiples of 8"):
        generator(shape)
    with pytest.raises(ParameterError, match="multiples of 8"):
        discriminator(shape)


def test_other_bad_parameters():
    with pytest.raises(ParameterError, match="width"):
        generator(SHAPE, width=12)
    with pytest.raises(ParameterError, match="latent"):
        generator(SHAPE, latent=0)
    with pytest.raises(ParameterError, match="average"):
        pair(average=1)
