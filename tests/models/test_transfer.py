"""Whole networks with a backbone inside: what learns, and what its normalisation does."""

import keras
import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.evaluation.fine_tuning.tuning import head_of
from dermbook.models.transfer import backbone_of, build_transfer, pooled_part, unfreeze

SHAPE = (32, 32, 3)
#: weights of the stand-in's four convolutions (3×3, no bias) and normalisations (scale, offset)
CONVOLUTIONS = [9 * a * b for a, b in ((3, 16), (16, 32), (32, 48), (48, 64))]
NORMS = [2 * b for b in (16, 32, 48, 64)]
HEAD = 64 * 7 + 7


def values(tensor):
    """A copy in NumPy, on any backend."""
    return np.array(keras.ops.convert_to_numpy(tensor))


def tiny(**options):
    return build_transfer("tiny", SHAPE, 7, **options)


@pytest.mark.parametrize(
    ("last", "batch_norm", "expected"),
    [
        (0, "inference", HEAD),
        (2, "inference", HEAD),  # a normalisation and an activation: nothing learns
        (2, "training", HEAD + NORMS[3]),
        (3, "inference", HEAD + CONVOLUTIONS[3]),
        (6, "training", HEAD + sum(CONVOLUTIONS[2:]) + sum(NORMS[2:])),
        (None, "inference", HEAD + sum(CONVOLUTIONS)),
        (None, "training", HEAD + sum(CONVOLUTIONS) + sum(NORMS)),
    ],
)
def test_unfreezing_counts_the_weights_that_learn(last, batch_norm, expected):
    model = tiny(last=None)
    assert unfreeze(model, last, batch_norm=batch_norm) == expected
    # going back freezes all again
    assert unfreeze(model, 0) == HEAD


def test_only_what_is_unfrozen_moves():
    model = tiny(last=3, batch_norm="inference", seed=1)
    before = {w.path: values(w) for w in model.weights}
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    pictures = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype("uint8")
    model.train_on_batch(pictures, np.arange(8) % 7)
    now = {w.path: values(w) for w in model.weights}
    moved = {path.split("/")[0] for path in now if not np.array_equal(before[path], now[path])}
    assert moved == {"conv_4", "probabilities"}


def test_batch_statistics_are_learned_only_if_asked_for():
    pictures = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype("uint8")
    moved = {}
    for way in ("inference", "training"):
        model = tiny(last=None, batch_norm=way)
        mean = backbone_of(model).get_layer("norm_1").moving_mean
        before = values(mean)
        model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        model.train_on_batch(pictures, np.zeros(8, int))
        moved[way] = np.abs(values(mean) - before).max()
    assert moved["inference"] == 0
    assert moved["training"] > 1e-4


def test_a_network_is_its_pooled_part_and_its_head():
    model = tiny(dense=(5,), dropout=0.5)
    pictures = np.random.default_rng(0).integers(0, 256, (3, *SHAPE)).astype("uint8")
    vectors = values(pooled_part(model)(pictures))
    assert vectors.shape == (3, 64)
    assert values(head_of(model)(vectors)) == pytest.approx(values(model(pictures)), abs=1e-6)
    # they share the weights
    head_of(model).layers[-1].bias.assign(np.arange(7.0))
    assert values(model.get_layer("probabilities").bias) == pytest.approx(np.arange(7.0))


def test_first_weights_follow_the_seed_alone():
    one, same, other = (tiny(seed=seed).get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_published_backbone_builds_and_bad_settings_are_named():
    model = build_transfer("mobilenetv2", SHAPE, 1, weights="random", last=0)
    assert model.output_shape == (None, 1)
    assert unfreeze(model, None) > unfreeze(model, 2) == 1281
    with pytest.raises(ParameterError, match="154"):
        unfreeze(model, 155)
    with pytest.raises(ParameterError, match="no backbone"):
        backbone_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    with pytest.raises(ParameterError, match="dropout"):
        tiny(dropout=1.0)
    with pytest.raises(ParameterError, match="vgg16"):
        build_transfer("vgg6", SHAPE, 7)
