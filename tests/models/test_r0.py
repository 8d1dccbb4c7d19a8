"""R0's twenty-two layers and AlexNet, each against its source."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from dermbook import models
from dermbook.errors import ParameterError
from dermbook.models.scratch import LocalResponseNormalization
from dermbook.publishing.reported import load_reported


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.fixture(scope="module")
def full_size():
    """R0's network at the size and with the classes of its figure 12."""
    return models.build("r0-cnn", (290, 192, 3), 114)


def test_r0_has_the_twenty_two_layers_of_its_figure(full_size):
    plain, thinned = ["Conv2D", "MaxPooling2D"], ["Dropout", "Conv2D", "MaxPooling2D"]
    ours = kinds(full_size)[2:]  # after the input and the scaling
    assert ours == plain * 3 + thinned * 4 + ["Flatten", "Dense", "Dropout", "Dense"]
    assert len(ours) == load_reported().quantities().loc["R0.layers", "value"] == 22
    convolutions = [layer for layer in full_size.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [32, 64, 128, 256, 512, 1024, 2048]
    assert {(layer.kernel_size, layer.padding) for layer in convolutions} == {((3, 3), "same")}
    assert {layer.activation.__name__ for layer in convolutions} == {"relu"}
    rates = [layer.rate for layer in full_size.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.25, 0.3, 0.35, 0.4, 0.4]


def test_r0_has_the_parameters_that_follow_from_its_code(full_size):
    assert full_size.get_layer("flatten").output.shape == (None, 4096)
    maps = [3, 32, 64, 128, 256, 512, 1024, 2048]
    convolutions = sum(9 * a * b + b for a, b in pairwise(maps))
    dense = 4096 * 512 + 512 + 512 * 114 + 114
    assert full_size.count_params() == convolutions + dense == 27_320_754
    stated = load_reported().quantities().loc["R0.parameters", "recomputed"]
    assert full_size.count_params() == stated


def test_the_variants_change_what_they_say_and_no_weight():
    small = {"filters": (2, 4, 8, 8), "dense": 4}
    base, average, leaky = (
        models.build("r0-cnn", (16, 24, 3), 5, seed=3, **small, **variant)
        for variant in ({}, {"pool": "average"}, {"activation": "leaky_relu", "slope": 0.1})
    )
    assert kinds(base).count("MaxPooling2D") == kinds(average).count("AveragePooling2D") == 4
    assert kinds(leaky).count("LeakyReLU") == 4
    slopes = [x.negative_slope for x in leaky.layers if isinstance(x, keras.layers.LeakyReLU)]
    assert slopes == pytest.approx([0.1] * 4)
    # the same weights in all three, from one seed
    for other in (average, leaky):
        for one, two in zip(base.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
    # the first pooled maps: computed here from the convolution's own output
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 24, 3)).astype("float32")
    convolved = keras.Model(leaky.input, leaky.get_layer("conv_1").output)(image)
    convolved = keras.ops.convert_to_numpy(convolved)
    assert (convolved < 0).any()
    for model, activated, pooled in (
        (base, np.maximum(convolved, 0), np.max),
        (average, np.maximum(convolved, 0), np.mean),
        (leaky, np.where(convolved < 0, 0.1 * convolved, convolved), np.max),
    ):
        blocks = activated.reshape(1, 8, 2, 12, 2, 2)
        found = keras.Model(model.input, model.get_layer("pool_1").output)(image)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(found), pooled(blocks, axis=(2, 4)), atol=1e-5
        )


def test_a_small_image_is_refused_with_the_least_size_or_takes_fewer_convolutions():
    with pytest.raises(ParameterError, match=r"at least 128×128 pixels .* not 96×128"):
        models.build("r0-cnn", (96, 128, 3), 7)
    model = models.build("r0-cnn", (32, 63, 3), 7, convolutions=5)
    assert model.get_layer("conv_5").filters == 512
    assert model.get_layer("flatten").output.shape == (None, 512)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.25, 0.3, 0.4]
    with pytest.raises(ParameterError, match="at least 32×32"):
        models.build("r0-cnn", (31, 64, 3), 7, convolutions=5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("r0-cnn", {"convolutions": 8}, "at most 7"),
        ("r0-cnn", {"convolutions": 0}, "convolutions must be"),
        ("r0-cnn", {"dropout": (0.1,)}, "a rate before each of the 7"),
        ("r0-cnn", {"dropout": (0.1,) * 6 + (1.0,)}, "each of dropout"),
        ("r0-cnn", {"pool": "median"}, "pool must be one of max, average"),
        ("r0-cnn", {"activation": "elu"}, "activation must be one of"),
        ("r0-cnn", {"slope": -0.1}, "slope must be"),
        ("alexnet", {"filters": (8, 8)}, "filters must be 5 numbers"),
        ("alexnet", {"filters": (8, 7, 8, 8, 8), "groups": 2}, "even numbers"),
        ("alexnet", {"groups": 3}, "groups must be 1 or 2"),
        ("alexnet", {"stride": 0}, "stride must be"),
        ("alexnet", {"kernel": 5, "stride": 10}, "at least 145×145"),
    ],
)
def test_what_is_refused(name, options, message):
    with pytest.raises(ParameterError, match=message):
        models.build(name, (128, 128, 3), 7, **options)


@pytest.mark.parametrize(
    ("groups", "expected"),
    # by hand: convolutions see half of the maps of the layer before them on two GPUs
    [(1, 62_378_344), (2, 60_965_224)],
)
def test_alexnet_has_the_published_parameters(groups, expected):
    seen = {2: 96, 4: 384, 5: 384}
    convolutions = 11 * 11 * 3 * 96 + 96 + 9 * 256 * 384 + 384
    for block, (kernel, outputs) in {2: (5, 256), 4: (3, 384), 5: (3, 256)}.items():
        convolutions += kernel**2 * seen[block] // groups * outputs + outputs
    dense = 6 * 6 * 256 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    assert convolutions + dense == expected
    model = models.build("alexnet", (227, 227, 3), 1000, groups=groups)
    assert model.count_params() == expected
    assert model.get_layer("conv_1").output.shape == (None, 55, 55, 96)
    assert model.get_layer("flatten").output.shape == (None, 6 * 6 * 256)


def test_alexnet_has_the_layers_of_its_paper():
    model = models.build("alexnet", (67, 67, 3), 2, filters=(4, 4, 4, 4, 4), dense=(3, 3))
    pooled = ["Conv2D", "LocalResponseNormalization", "MaxPooling2D"]
    assert kinds(model)[2:] == [
        *pooled, *pooled, "Conv2D", "Conv2D", "Conv2D", "MaxPooling2D",
        "Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    assert model.get_layer("pool_5").output.shape == (None, 1, 1, 4)
    with pytest.raises(ParameterError, match="at least 67×67"):
        models.build("alexnet", (66, 67, 3), 2)
    assert models.build(
        "alexnet", (39, 40, 3), 2, stride=2, filters=(2,) * 5, dense=(2,), normalize=False
    ).output_shape == (None, 2)


def test_local_response_normalisation_is_the_papers_formula():
    maps = np.random.default_rng(2).normal(0, 30, (2, 3, 4, 7)).astype("float32")
    expected = np.empty_like(maps)
    for channel in range(7):
        near = maps[..., max(0, channel - 2) : channel + 3]
        scale = (2 + 1e-4 * (near.astype("float64") ** 2).sum(axis=-1)) ** 0.75
        expected[..., channel] = maps[..., channel] / scale
    layer = LocalResponseNormalization()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(maps)), expected, rtol=1e-5)
    again = LocalResponseNormalization.from_config(
        LocalResponseNormalization(size=3, alpha=0.1).get_config()
    )
    assert (again.size, again.alpha) == (3, 0.1)
    with pytest.raises(ParameterError, match="odd"):
        LocalResponseNormalization(size=4)
