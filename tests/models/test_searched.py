"""R1's searched networks: their layers, their sizes, and the two that R1 kept."""

import keras
import numpy as np
import pytest

from dermbook import models
from dermbook.errors import ParameterError
from dermbook.models.searched import INITIALISATIONS, WINNERS, network_options


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def of_kind(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def pooled(side, kernel, padding, pool):
    """Pixels a side after one convolution and one pooling, by hand."""
    return (side if padding == "same" else side - kernel + 1) // pool


def test_the_first_winner_is_that_of_row_1_5():
    model = models.build("r1-winner-1", (224, 224, 3), 1)
    block = ["Conv2D", "MaxPooling2D"]
    assert kinds(model) == [
        "InputLayer", "Rescaling", *block, *block, *block, "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    assert {(c.filters, c.kernel_size) for c in of_kind(model, keras.layers.Conv2D)} == {
        (32, (3, 3))
    }
    assert {p.pool_size for p in of_kind(model, keras.layers.MaxPooling2D)} == {(3, 3)}
    assert {c.activation.__name__ for c in of_kind(model, keras.layers.Conv2D)} == {"relu"}
    assert of_kind(model, keras.layers.Dropout)[0].rate == 0.5
    # 224 → 222 → 74 → 72 → 24 → 22 → 7 pixels a side
    convolutions = (9 * 3 * 32 + 32) + 2 * (9 * 32 * 32 + 32)
    assert model.count_params() == convolutions + (7 * 7 * 32 * 64 + 64) + 65
    assert WINNERS["r1-winner-1"]["optimizer"] == "adam"


def test_the_second_winner_is_that_of_row_1_6():
    model = models.build("r1-winner-2", (224, 224, 3), 1)
    block = ["Conv2D", "MaxPooling2D"]
    assert kinds(model) == [
        "InputLayer", "Rescaling", *block, *block, "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    hidden = of_kind(model, keras.layers.Conv2D) + of_kind(model, keras.layers.Dense)[:1]
    assert {type(layer.kernel_initializer).__name__ for layer in hidden} == {"RandomUniform"}
    largest = max(np.abs(keras.ops.convert_to_numpy(layer.kernel)).max() for layer in hidden)
    assert 0.049 < largest <= 0.05
    assert of_kind(model, keras.layers.Dropout)[0].rate == 0.3
    # 224 → 222 → 74 → 72 → 24 pixels a side
    convolutions = (9 * 3 * 16 + 16) + (9 * 16 * 16 + 16)
    assert model.count_params() == convolutions + (24 * 24 * 16 * 64 + 64) + 65
    assert WINNERS["r1-winner-2"]["optimizer"] == "rmsprop"


@pytest.mark.parametrize("name", WINNERS)
def test_a_winner_is_a_setting_of_the_search_space(name):
    setting = network_options(WINNERS[name])
    winner = models.build(name, (60, 80, 3), 1, seed=3)
    same = models.build("r1-searched", (60, 80, 3), 1, seed=3, **setting)
    for one, other in zip(winner.weights, same.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other)
        )


@pytest.mark.parametrize(
    "options",
    [
        {"conv_count": 1, "filters": 5, "kernel": 5, "padding": "same", "pool": 2},
        {"conv_count": 4, "filters": 3, "padding": "same", "pool": 2, "dense_count": 2, "units": 7},
        {"conv_count": 2, "kernel": 5, "pooling": "average", "pool": 3, "dense_count": 3},
        {"conv_count": 3, "pool": 1, "dropout": 0.0, "initialisation": "he_normal"},
    ],
)
def test_parameters_follow_a_formula(options):
    about = {**models.spec("r1-searched").options, **options}
    height, width = 40, 52
    model = models.build("r1-searched", (height, width, 3), 1, **options)
    filters, kernel, units = about["filters"], about["kernel"], about["units"]
    weights, channels = 0, 3
    for _ in range(about["conv_count"]):
        weights += kernel**2 * channels * filters + filters
        channels = filters
        height = pooled(height, kernel, about["padding"], about["pool"])
        width = pooled(width, kernel, about["padding"], about["pool"])
    features = height * width * filters
    for _ in range(about["dense_count"]):
        weights += features * units + units
        features = units
    assert model.count_params() == weights + features + 1
    pooling = "AveragePooling2D" if about["pooling"] == "average" else "MaxPooling2D"
    assert kinds(model).count(pooling) == about["conv_count"]
    assert kinds(model).count("Dropout") == about["dense_count"]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("convolutions", "kernel", "pool"), [(3, 3, 3), (2, 5, 2), (1, 3, 2)])
def test_the_smallest_input_is_the_smallest(padding, convolutions, kernel, pool):
    options = {"conv_count": convolutions, "kernel": kernel, "pool": pool, "padding": padding}
    spec = models.spec("r1-searched")
    least = spec.smallest_input(**{**spec.options, **options})[0]

    def left(side):
        for _ in range(convolutions):
            side = pooled(side, kernel, padding, pool) if side > 0 else 0
        return side

    assert left(least) == 1
    assert left(least - 1) <= 0
    assert models.build("r1-searched", (least, least + 5, 3), 1, **options).output_shape[-1] == 1
    with pytest.raises(ParameterError, match=f"at least {least}×{least}"):
        models.build("r1-searched", (least + 5, least - 1, 3), 1, **options)


def test_the_first_winner_needs_53_pixels_and_padded_27():
    smallest = models.spec("r1-winner-1").smallest_input
    assert smallest(padding="valid") == (53, 53)
    assert smallest(padding="same") == (27, 27)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "avg"}, "pooling must be one of max, average"),
        ({"initialisation": "uniform"}, "initialisation must be one of"),
        ({"conv_count": 0}, "conv_count must be"),
        ({"dense_count": 1.5}, "dense_count must be"),
        ({"dropout": 1}, "dropout must be"),
        ({"padding": "full"}, "padding must be"),
        ({"optimizer": "adam"}, 'no option "optimizer"'),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        models.build("r1-searched", (60, 60, 3), 1, **options)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_every_initialisation_gives_probabilities(initialisation):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 24, 3), dtype=np.uint8)
    model = models.build(
        "r1-searched", (20, 24, 3), 4, conv_count=2, pool=2, initialisation=initialisation
    )
    output = keras.ops.convert_to_numpy(model(pixels))
    assert output.shape == (2, 4)
    np.testing.assert_allclose(output.sum(axis=1), 1, atol=1e-6)
