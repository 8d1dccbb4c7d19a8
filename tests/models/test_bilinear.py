"""Bilinear pooling against NumPy, and vectors that are computed once."""

import keras
import numpy as np
import pytest

from dermbook import models
from dermbook.errors import ParameterError
from dermbook.models import bilinear_features, frozen_features
from dermbook.models.bilinear import BilinearPooling, FixedProjection, projection_matrix
from dermbook.training.vectors import concatenated


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 2, 4, 5)).astype("float32"), rng.normal(size=(3, 2, 4, 6)).astype(
        "float32"
    )


def by_hand(first, second):
    """Outer products of channels, averaged over places one after another; root; unit length."""
    vectors = []
    for a, b in zip(first, second, strict=True):
        places = [np.outer(a[y, x], b[y, x]) for y in range(a.shape[0]) for x in range(a.shape[1])]
        mean = np.mean(places, axis=0).ravel()
        root = np.sign(mean) * np.sqrt(np.abs(mean))
        vectors.append(root / np.linalg.norm(root))
    return np.array(vectors)


def test_pooling_is_the_mean_outer_product(maps):
    found = np.asarray(keras.ops.convert_to_numpy(BilinearPooling()(maps)))
    assert found.shape == (3, 30)
    np.testing.assert_allclose(found, by_hand(*maps), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (found < 0).any()


def test_scale_and_order_of_places_do_not_matter(maps):
    layer = BilinearPooling()
    plain = keras.ops.convert_to_numpy(layer(maps))
    turned = keras.ops.convert_to_numpy(layer((7 * maps[0][:, ::-1], maps[1][:, ::-1])))
    np.testing.assert_allclose(turned, plain, atol=1e-5)
    # turning one of the two alone breaks which features meet, and must be seen
    broken = keras.ops.convert_to_numpy(layer((maps[0][:, ::-1], maps[1])))
    assert np.abs(broken - plain).max() > 0.05


def test_unlike_grids_meet_on_the_coarser_one(maps):
    # a map that is the same at every place stays so on any grid
    flat = np.broadcast_to(maps[0][:, :1, :1], (3, 5, 7, 5)).copy()
    found = keras.ops.convert_to_numpy(BilinearPooling()((flat, maps[1])))
    same = np.broadcast_to(maps[0][:, :1, :1], (3, 2, 4, 5)).copy()
    np.testing.assert_allclose(found, by_hand(same, maps[1]), atol=1e-5)


def test_empty_maps_give_zeros_and_finite_gradients():
    first, second = np.zeros((2, 2, 2, 3), "float32"), np.ones((2, 2, 2, 4), "float32")
    found = keras.ops.convert_to_numpy(BilinearPooling()((first, second)))
    assert np.array_equal(found, np.zeros((2, 12)))


def test_projecting_both_sides_is_the_kronecker_projection(maps):
    a, b = projection_matrix(5, 3, seed=1), projection_matrix(6, 2, seed=2)
    pairs = np.einsum("nyxa,nyxb->nab", *maps).reshape(3, -1)
    projected = np.einsum("nyxa,nyxb->nab", maps[0] @ a, maps[1] @ b).reshape(3, -1)
    np.testing.assert_allclose(pairs @ np.kron(a, b), projected, rtol=1e-3, atol=1e-4)


def test_projection_follows_the_seed_and_keeps_inner_products():
    assert np.array_equal(projection_matrix(40, 8, seed=3), projection_matrix(40, 8, seed=3))
    assert not np.array_equal(projection_matrix(40, 8, seed=3), projection_matrix(40, 8, seed=4))
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 40))
    products = [
        (one @ projection_matrix(40, 8, seed=s)) @ (other @ projection_matrix(40, 8, seed=s))
        for s in range(600)
    ]
    spread = np.std(products) / np.sqrt(len(products))
    assert abs(np.mean(products) - one @ other) < 4 * spread
    with pytest.raises(ParameterError, match="to must be a whole number"):
        FixedProjection(0)


def test_the_network_of_two_backbones_learns_its_head_only():
    options = {"base_a": "mobilenetv2", "base_b": "vgg16", "weights": "random", "channels": 4}
    model = models.build("bilinear", (32, 40, 3), 5, **options)
    # by hand: two 1×1 convolutions without bias, and a softmax on 16 pairs
    learning = 1280 * 4 + 512 * 4 + 16 * 5 + 5
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == learning
    assert "random initial weights" in model.weights_origin
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), dtype=np.uint8)
    output = keras.ops.convert_to_numpy(model(pixels))
    np.testing.assert_allclose(output.sum(axis=1), 1, atol=1e-5)
    assert not np.allclose(output[0], output[1], atol=1e-4)


def test_the_network_says_what_it_cannot_take():
    with pytest.raises(ParameterError, match="at least 75"):
        models.build("bilinear", (64, 64, 3), 7, base_a="inceptionv3", weights="random")
    with pytest.raises(ParameterError, match="projection"):
        models.build("bilinear", (64, 64, 3), 7, projection="none", weights="random")
    with pytest.raises(ParameterError, match="channels"):
        models.build("bilinear", (64, 64, 3), 7, channels=0, weights="random")


def test_one_pass_gives_both_pooled_features_and_the_pairs(small_phantom, monkeypatch):
    few = small_phantom
    sizes = {"height": 32, "width": 40, "weights": "random", "progress": False}
    found = bilinear_features(few, "mobilenetv2", "vgg16", channels=6, **sizes)
    assert found.pairs.values.shape == (len(few), 36)
    assert (found.first.values.shape[1], found.second.values.shape[1]) == (1280, 512)
    alone = frozen_features(few, "vgg16", **sizes)
    np.testing.assert_allclose(found.second.values, alone.values, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found.pairs.values, axis=1), 1, atol=1e-4)
    assert "mobilenetv2: random" in found.pairs.origin
    # a second call opens the file and runs no network
    monkeypatch.setattr("dermbook.models.bilinear._PairEmbedder", lambda *_, **__: 1 / 0)
    again = bilinear_features(few, "mobilenetv2", "vgg16", channels=6, **sizes)
    assert np.array_equal(again.pairs.values, found.pairs.values)
    both = concatenated([found.first, found.second])
    assert both.take(few.ids[:3]).shape == (3, 1792)
    with pytest.raises(ParameterError, match="twice"):
        bilinear_features(few, "vgg16", "vgg16", **sizes)
