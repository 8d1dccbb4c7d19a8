"""Networks with two inputs: which inputs they have, what R0 states of them, what they refuse."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dermbook import models
from dermbook.errors import ParameterError
from dermbook.models.fusion import fusion_head
from dermbook.models.transfer import backbone_of

SHAPE = (32, 48, 3)


def pixels(count=2):
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def tiny(**options):
    return models.build("multi-input", SHAPE, 5, base="tiny", weights="random", **options)


def test_the_network_takes_an_image_and_columns():
    model = tiny(features=3)
    assert [x.name for x in model.inputs] == ["image", "features"]
    found = ops.convert_to_numpy(model.predict_on_batch((pixels(), np.eye(2, 3))))
    assert found.shape == (2, 5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_both_inputs_reach_the_answer():
    model = tiny(features=3)
    base = model.predict_on_batch((pixels(), np.zeros((2, 3))))
    assert np.abs(model.predict_on_batch((pixels(), np.ones((2, 3)))) - base).max() > 1e-4
    assert np.abs(model.predict_on_batch((255 - pixels(), np.zeros((2, 3)))) - base).max() > 1e-4


def test_without_columns_it_is_the_image_branch_alone():
    model = tiny()
    assert model.input.shape == (None, *SHAPE)
    assert not [layer for layer in model.layers if layer.name.startswith("metadata")]


def test_the_columns_pass_a_perceptron_before_they_are_concatenated():
    model = tiny(features=3, metadata_dense=[7, 4], dense=[9], dropout=0.3)
    both = model.get_layer("both")
    assert both.output.shape[-1] == 64 + 4  # the stand-in's channels and the last metadata layer
    rates = [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)]
    assert rates == [0.3] * 4
    units = {layer.name: layer.units for layer in model.layers if isinstance(layer, layers.Dense)}
    assert units == {
        "metadata_dense_1": 7, "metadata_dense_2": 4, "fusion_dense_1": 9, "probabilities": 5,
    }  # fmt: skip


def test_r0s_two_last_layers_learn_and_the_rest_is_frozen():
    spec = models.spec("multi-input")
    assert spec.rows == ("0.12",)
    assert (spec.options["base"], spec.options["last"]) == ("efficientnetb3", 2)
    learning = [bool(x.trainable_weights) for x in backbone_of(tiny(last=4)).layers]
    assert any(learning[-4:])
    assert not any(learning[:-4])
    assert not backbone_of(tiny(last=0)).trainable_weights


def test_equal_seeds_give_equal_weights():
    one, same, other = (fusion_head(4, 3, 2, seed=seed) for seed in (1, 1, 2))
    vectors, columns = np.ones((1, 4)), np.ones((1, 3))
    first = one.predict_on_batch((vectors, columns))
    np.testing.assert_array_equal(first, same.predict_on_batch((vectors, columns)))
    assert np.abs(first - other.predict_on_batch((vectors, columns))).max() > 1e-4


@pytest.mark.parametrize(("width", "columns", "inputs"), [(4, 0, 1), (0, 3, 1), (4, 3, 2)])
def test_a_head_has_the_inputs_that_it_is_given(width, columns, inputs):
    model = fusion_head(width, columns, 6)
    assert isinstance(model, keras.Model)
    assert len(model.inputs) == inputs
    assert model.output_shape == (None, 6)


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ParameterError, match="not 0 of each"):
        fusion_head(0, 0, 2)
    with pytest.raises(ParameterError, match="dropout"):
        fusion_head(3, 2, 2, dropout=1.0)
    with pytest.raises(ParameterError, match="metadata_dense"):
        fusion_head(3, 2, 2, metadata_dense=[0])
    with pytest.raises(ParameterError, match="efficientnetb3"):
        models.build("multi-input", SHAPE, 5, base="efficientnetb9", weights="random")
    with pytest.raises(ParameterError, match="features"):
        tiny(features=-1)
