"""The registry, and each network against what its report states."""

import random

import keras
import numpy as np
import pytest

from dermbook import models
from dermbook.errors import ParameterError

#: networks trained from random weights; those with a published backbone have tests of their own
NAMES = [
    name
    for name in models.catalogue()["name"]
    # nor those that give a map in place of a row of probabilities
    if not {"weights", "output"} & set(models.spec(name).options)
]


def layer_names(model):
    return [type(layer).__name__ for layer in model.layers]


def test_one_conv_is_the_network_of_r1():
    model = models.build("one-conv", (24, 32, 3), 1)
    assert layer_names(model) == [
        "InputLayer", "Rescaling", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    # by hand: 3·3·3·32 + 32; ⌊22/3⌋·⌊30/3⌋·32 features · 64 + 64; 64 + 1
    assert model.count_params() == 896 + (7 * 10 * 32 * 64 + 64) + 65
    assert model.output_shape == (None, 1)
    assert model.layers[-2].rate == 0.5


def test_r2_cnn_is_the_network_of_r2():
    model = models.build("r2-cnn", (192, 192, 3), 7)
    block = ["Conv2D", "MaxPooling2D", "Dropout"]
    assert layer_names(model) == [
        "InputLayer", "Rescaling", *block, *block, *block,
        "Flatten", "Dense", "BatchNormalization", "Dropout", "Dense",
    ]  # fmt: skip
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [32, 64, 128]
    assert {layer.activation.__name__ for layer in convolutions} == {"relu"}
    rates = {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == {0.25}
    assert model.layers[-1].activation.__name__ == "softmax"
    convolution_weights = (9 * 3 * 32 + 32) + (9 * 32 * 64 + 64) + (9 * 64 * 128 + 128)
    dense_weights = 24 * 24 * 128 * 128 + 128
    assert model.count_params() == convolution_weights + dense_weights + 4 * 128 + 128 * 7 + 7


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_of_either_pixel_type(name):
    least = models.spec(name).smallest_input(**models.spec(name).options)
    shape = (max(16, least[0]), max(20, least[1]), 3)
    pixels = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    for classes in (1, 4):
        model = models.build(name, shape, classes)
        output = keras.ops.convert_to_numpy(model(pixels))
        assert output.dtype == np.float32
        assert output.shape == (3, classes)
        assert ((output >= 0) & (output <= 1)).all()
        if classes > 1:
            np.testing.assert_allclose(output.sum(axis=1), 1, atol=1e-6)
        same = keras.ops.convert_to_numpy(model(pixels.astype(np.float64)))
        np.testing.assert_array_equal(output, same)


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_size_works_and_less_is_refused(name):
    height, width = models.spec(name).smallest_input(**models.spec(name).options)
    assert models.build(name, (height, width, 3), 2).output_shape == (None, 2)
    for shape in [(height - 1, width, 3), (height, width - 1, 3)]:
        with pytest.raises(ParameterError, match=f"at least {height}×{width}"):
            models.build(name, shape, 2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("one-conv", {"padding": "same", "pool": 4}),
        ("one-conv", {"kernel": 5, "pool": 2}),
        ("r2-cnn", {"padding": "valid"}),
        ("r2-cnn", {"padding": "valid", "kernel": 5, "pool_after": [2]}),
        ("r2-cnn", {"filters": [2, 2, 2, 2], "pool_after": []}),
    ],
)
def test_the_smallest_size_follows_the_options(name, options):
    spec = models.spec(name)
    height, width = spec.smallest_input(**{**spec.options, **options})
    model = models.build(name, (height, width, 3), 2, **options)
    sizes = [layer.output.shape for layer in model.layers if len(layer.output.shape) == 4]
    assert sizes[-1][1:3] == (1, 1)
    if height > 1:
        with pytest.raises(ParameterError, match="at least"):
            models.build(name, (height - 1, width, 3), 2, **options)


def test_equal_seeds_give_equal_weights_and_leave_no_trace():
    random.seed(7)
    expected_draw = random.random()
    random.seed(7)
    one = models.build("r2-cnn", (8, 8, 3), 3, seed=4)
    assert random.random() == expected_draw
    two = models.build("r2-cnn", (8, 8, 3), 3, seed=4)
    other = models.build("r2-cnn", (8, 8, 3), 3, seed=5)
    for a, b in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert not np.array_equal(one.layers[2].kernel.numpy(), other.layers[2].kernel.numpy())


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("r2cnn", (16, 16, 3), 2), {}, 'Did you mean "r2-cnn"'),
        (("r2-cnn", (16, 16, 3), 2), {"droput": 0.1}, 'no option "droput".*"dropout"'),
        (("r2-cnn", (16, 16, 3), 2), {"dropout": 1.0}, "dropout must be"),
        (("r2-cnn", (16, 16, 3), 2), {"filters": 32}, "filters must be"),
        (("r2-cnn", (16, 16, 3), 2), {"pool_after": [4]}, "pool_after must be"),
        (("one-conv", (16, 16, 3), 2), {"dense": 0}, "dense must be"),
        (("one-conv", (16, 16, 3), 2), {"padding": "full"}, "padding must be"),
        (("one-conv", (16, 16, 3), 0), {}, "classes must be"),
        (("one-conv", (16, 16), 2), {}, "input_shape"),
        (("one-conv", (16, 16, 3), 2), {"seed": -1}, "seed must be"),
    ],
)
def test_what_is_refused(arguments, options, message):
    with pytest.raises(ParameterError, match=message):
        models.build(*arguments, **options)


def test_the_catalogue_names_rows_and_options():
    table = models.catalogue().set_index("name")
    assert table.index.is_monotonic_increasing
    assert table.loc["one-conv", "rows"] == "1.3"
    assert "2.2" in table.loc["r2-cnn", "rows"]
    assert "dropout=0.25" in table.loc["r2-cnn", "options"]
    assert table.loc["r2-cnn", "smallest_input"] == "8×8"
    # the docstring tells a reader what the report states and what we chose
    for name in NAMES:
        text = models.spec(name).builder.__doc__
        assert "Stated by the report" in text
        assert "Our choice" in text


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="two models"):
        models.register("one-conv", rows=(), description="", smallest_input=lambda: (1, 1))(
            lambda input_shape, classes: None
        )
