"""The reports' heads: their sizes by hand, and R4's own parameter counts."""

import keras
import numpy as np
import pytest

from dermbook import models
from dermbook.errors import ParameterError
from dermbook.models import HEADS, build_head
from dermbook.publishing.reported import load_reported
from dermbook.publishing.transfer_learning import count_table, r4_counts


def test_a_softmax_on_vgg16_has_r4_s_trainable_parameters():
    printed = load_reported().quantities()["value"]
    head = build_head("r4-vgg16", 512, 7)
    assert head.count_params() == 512 * 7 + 7 == printed["R4.vgg16-trainable"] == 3591


def test_the_whole_of_r4_s_vgg16_has_its_14_718_279_parameters():
    counts = r4_counts()
    assert counts == {
        "vgg16_parameters": 14_718_279,
        "vgg16_frozen": 14_714_688,
        "vgg16_trainable": 3_591,
    }
    assert count_table()["equal"].all()
    # the count is of the network, so another number of classes must change it
    assert r4_counts(6)["vgg16_parameters"] == 14_718_279 - 513


def test_the_registered_network_is_the_counted_one():
    model = models.build("r4-vgg16", (32, 32, 3), 7, weights="random")
    assert model.count_params() == 14_718_279
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == 3_591


@pytest.mark.parametrize(
    ("name", "width", "classes", "expected"),
    [
        ("r4-resnet50v2", 2048, 7, 2048 * 128 + 128 + 128 * 7 + 7),
        ("r2-mobilenetv2", 1280, 7, 1280 * 128 + 128 + 128 * 7 + 7),
        ("r0", 1536, 114, 1536 * 114 + 114),
        ("r1-vgg", 512, 1, 512 * 64 + 64 + 64 + 1),
        ("r1-inception", 2048, 1, 2048 * 256 + 256 + 256 * 64 + 64 + 64 + 1),
    ],
)
def test_heads_have_the_layers_of_their_reports(name, width, classes, expected):
    head = build_head(name, width, classes)
    assert head.count_params() == expected
    rates = {layer.rate for layer in head.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == ({HEADS[name].dropout} if HEADS[name].dropout else set())
    rows = np.random.default_rng(0).normal(size=(4, width)).astype("float32")
    output = keras.ops.convert_to_numpy(head(rows))
    assert output.shape == (4, classes)
    assert ((output >= 0) & (output <= 1)).all()


def test_equal_seeds_give_equal_heads():
    one, same, other = (build_head("r1-vgg", 8, 3, seed=seed) for seed in (1, 1, 2))
    for a, b in zip(one.get_weights(), same.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_unknown_heads_and_sizes_are_refused():
    with pytest.raises(ParameterError, match="Did you mean"):
        build_head("r4-vgg-16", 512, 7)
    with pytest.raises(ParameterError, match="width"):
        build_head("r0", 0, 7)
