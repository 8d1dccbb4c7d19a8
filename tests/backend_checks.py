"""What runs on the backend of KERAS_BACKEND: every network, fit, heads, augmentation, features.

Not collected by itself: ``test_other_backend.py`` runs it in a process of its own, because one
process has one backend. The architectures of ``keras.applications`` are Keras's own to test, and
random weights for all of them take minutes; so a network on a backbone is built here on a stand-in
with as many channels.
"""

import os

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers, ops

from dermbook import models
from dermbook.models import backbones
from dermbook.models.weights import Weights

# networks that give a map (option output) have checks of their own
NAMES = [name for name in models.catalogue()["name"] if "output" not in models.spec(name).options]


def stand_in(name, input_shape, *, weights="imagenet", seed=0):
    """As ``load_network``: a few layers with the channels of the backbone of that name."""
    image = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, strides=8, padding="same")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(backbones.backbone(name).width, 1, activation="relu")(x)
    return keras.Model(image, x), Weights(None, f"random{seed}", "a stand-in of random weights")


@pytest.fixture
def no_published_backbone(monkeypatch):
    import dermbook.models.bilinear
    import dermbook.models.transfer

    for module in (dermbook.models.bilinear, dermbook.models.transfer):
        monkeypatch.setattr(module, "load_network", stand_in)


def test_this_is_the_backend_that_was_asked_for():
    assert keras.backend.backend() == os.environ["KERAS_BACKEND"]


@pytest.mark.parametrize("name", NAMES)
def test_every_network_gives_probabilities(name, no_published_backbone):
    about = models.spec(name)
    height, width = (max(side, 16) for side in about.smallest_input(**about.options))
    options = {"weights": "random"} if "weights" in about.options else {}
    model = models.build(name, (height, width, 3), 3, seed=1, **options)
    pixels = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    found = np.asarray(ops.convert_to_numpy(model.predict_on_batch(pixels)))
    assert found.shape == (2, 3)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_an_embedder_pools_the_features_of_a_backbone(monkeypatch):
    monkeypatch.setattr(backbones, "load_network", stand_in)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    embedder = models.Embedder("mobilenetv2", height=32, width=32, weights="random", batch_size=2)
    found = embedder(pixels)
    assert found.shape == (3, 1280)
    maps = ops.convert_to_numpy(embedder.model.layers[-2](backbones.scaled(pixels, "symmetric")))
    np.testing.assert_allclose(found, maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_a_u_net_gives_a_map():
    model = models.build("unet", (6, 10, 3), 1, seed=1, width=2, depth=1)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 10, 3), dtype=np.uint8)
    found = np.asarray(ops.convert_to_numpy(model.predict_on_batch(pixels)))
    assert found.shape == (2, 6, 10, 1)
    assert ((found > 0) & (found < 1)).all()
    assert found.std() > 0


@pytest.mark.parametrize("head", list(models.HEADS))
def test_every_head_gives_probabilities(head):
    vectors = np.random.default_rng(0).normal(0, 1, (3, 8)).astype("float32")
    found = ops.convert_to_numpy(models.build_head(head, 8, 4)(vectors))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_a_network_with_two_inputs_learns_from_both():
    from dermbook.models.fusion import fusion_head

    rng = np.random.default_rng(0)
    vectors, columns = rng.normal(size=(64, 4)), rng.integers(0, 2, (64, 1))
    codes = (vectors[:, 0] > 0) * 2 + columns[:, 0]
    model = fusion_head(4, 1, 4, dense=[16], dropout=0.0)
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    for _ in range(60):
        model.train_on_batch((vectors, columns), codes)
    found = ops.convert_to_numpy(model.predict_on_batch((vectors, columns)))
    assert (found.argmax(axis=1) == codes).mean() > 0.9


def test_fit_learns_and_predicts():
    from dermbook.data import Batches, CachedImages
    from dermbook.training import EarlyStopping, fit, predict_probabilities

    rng = np.random.default_rng(0)
    codes = np.arange(60) % 3
    pixels = rng.normal(100 + 60 * np.eye(3)[codes][:, None, None, :], 30, (60, 8, 8, 3))
    ids = pd.Index([f"I{row:02d}" for row in range(60)])
    images = CachedImages(pixels.clip(0, 255).astype(np.uint8), ids, None)
    model = models.build("one-conv", (8, 8, 3), 3, filters=4, dense=8, dropout=0.0)
    result = fit(
        model,
        Batches(images, ids[:40], codes[:40], batch_size=20, shuffle=True),
        Batches(images, ids[40:], codes[40:], batch_size=20),
        epochs=8,
        learning_rate=0.01,
        class_weight={0: 1.0, 1: 2.0, 2: 1.0},
        early_stopping=EarlyStopping("val_loss", patience=8, mode="min"),
        verbose="none",
    )
    assert result.history["loss"].iloc[-1] < result.history["loss"].iloc[0]
    found = predict_probabilities(model, images, ids, progress=False)
    assert found.shape == (60, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_augmentation_layers_act_in_training_only():
    from dermbook.imaging.augmentation import keras_layers, recipe

    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("float32")
    made = keras_layers(recipe("r3"), seed=1)
    still = ops.convert_to_numpy(made(pixels, training=False))
    moved = ops.convert_to_numpy(made(pixels, training=True))
    np.testing.assert_allclose(still, pixels, atol=1e-3)
    assert np.abs(moved - pixels).max() > 1
