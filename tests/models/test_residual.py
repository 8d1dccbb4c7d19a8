"""ResNet18 and ResNet50 against torchvision's architecture and R3's counts."""

import keras
import numpy as np
import pytest

from dermbook import models
from dermbook.errors import ParameterError
from dermbook.models.residual import trainable_count
from dermbook.publishing.reported import load_reported

TINY = {"width": 2, "blocks": (1, 1)}


def convolutions(model):
    """(name, kernel, stride, filters) of each convolution."""
    return [
        (layer.name.removesuffix("_conv"), layer.kernel_size[0], layer.strides[0], layer.filters)
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]


def norm_channels(model):
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    return sum(int(layer.gamma.shape[0]) for layer in norms)


def run(model, layer, images):
    part = keras.Model(model.input, model.get_layer(layer).output)
    return keras.ops.convert_to_numpy(part(np.asarray(images, "float32"), training=False))


@pytest.fixture(scope="module")
def networks():
    return {name: models.build(name, (224, 224, 3), 7) for name in ("resnet18", "resnet50")}


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_as_many_parameters_as_r3_prints(networks, name):
    model = networks[name]
    stated = load_reported().quantities().loc[f"R3.{name}-parameters", "value"]
    assert stated == {"resnet18": 11_180_103, "resnet50": 23_522_375}[name]
    assert trainable_count(model) == stated
    # what Keras counts on top are the moving mean and variance of each normalised channel
    assert model.count_params() - trainable_count(model) == 2 * norm_channels(model)
    # torchvision's for 1000 classes differs by the last layer only
    features = {"resnet18": 512, "resnet50": 2048}[name]
    published = {"resnet18": 11_689_512, "resnet50": 25_557_032}[name]
    assert stated - (features * 7 + 7) + features * 1000 + 1000 == published


def test_resnet18_has_torchvisions_convolutions(networks):
    expected = [("stem", 7, 2, 64)]
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        for block in (1, 2):
            stride = 2 if stage > 1 and block == 1 else 1
            place = f"stage{stage}_block{block}"
            expected += [(f"{place}_1", 3, stride, channels), (f"{place}_2", 3, 1, channels)]
            if stride == 2:
                expected.append((f"{place}_shortcut", 1, 2, channels))
    assert sorted(convolutions(networks["resnet18"])) == sorted(expected)


def test_resnet50_has_torchvisions_convolutions(networks):
    expected = [("stem", 7, 2, 64)]
    for stage, (count, inner) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for block in range(1, count + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            place = f"stage{stage}_block{block}"
            expected += [
                (f"{place}_1", 1, 1, inner),
                (f"{place}_2", 3, stride, inner),  # the stride is in the 3×3: "version 1.5"
                (f"{place}_3", 1, 1, 4 * inner),
            ]
            if block == 1:  # channels differ in the first stage, too
                expected.append((f"{place}_shortcut", 1, stride, 4 * inner))
    assert sorted(convolutions(networks["resnet50"])) == sorted(expected)
    assert len(expected) == 53


@pytest.mark.parametrize(("name", "factor"), [("resnet18", 1), ("resnet50", 4)])
def test_maps_have_torchvisions_sizes(networks, name, factor):
    model = networks[name]
    sizes = {"stem_conv": (112, 64), "stem_pool": (56, 64)}
    for stage, (side, channels) in enumerate(((56, 64), (28, 128), (14, 256), (7, 512)), start=1):
        sizes[f"stage{stage}_block2_relu"] = side, channels * factor
    for layer, (side, channels) in sizes.items():
        assert model.get_layer(layer).output.shape == (None, side, side, channels)


def test_details_that_libraries_do_differently(networks):
    model = networks["resnet50"]
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert not layer.use_bias
        if isinstance(layer, keras.layers.BatchNormalization):
            assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
    # He et al. by outputs: standard deviation √(2 / (kernel² · outputs))
    kernel = keras.ops.convert_to_numpy(model.get_layer("stage3_block1_2_conv").kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 256)), rel=0.01)
    assert np.abs(kernel).max() > 3.5 * kernel.std()  # not cut off
    last = model.get_layer("probabilities")
    for weight in (last.kernel, last.bias):
        values = np.abs(keras.ops.convert_to_numpy(weight))
        assert 0 < values.max() <= 1 / np.sqrt(2048)


def test_padding_is_the_same_on_both_sides():
    model = models.build("resnet18", (32, 40, 3), 2, **TINY)
    image = np.random.default_rng(1).integers(0, 256, (1, 32, 40, 3))
    found = run(model, "stem_conv", image)
    kernel = keras.ops.convert_to_numpy(model.get_layer("stem_conv").kernel)
    padded = np.pad(image[0] / 255, ((3, 3), (3, 3), (0, 0)))
    assert found.shape == (1, 16, 20, 2)
    for y, x in ((0, 0), (5, 7), (15, 19)):
        window = padded[2 * y : 2 * y + 7, 2 * x : 2 * x + 7]
        np.testing.assert_allclose(
            found[0, y, x], np.tensordot(window, kernel, axes=3), rtol=1e-4, atol=1e-5
        )


def test_a_block_adds_to_its_input():
    image = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3))
    arms = {
        skips: models.build("resnet18", (16, 16, 3), 2, skips=skips, **TINY)
        for skips in (True, False)
    }
    for model in arms.values():
        norm = model.get_layer("stage1_block1_2_norm")
        norm.gamma.assign(np.zeros(2))  # the block itself says nothing
    before = run(arms[True], "stem_pool", image)
    assert (before > 0).any()
    np.testing.assert_array_equal(run(arms[True], "stage1_block1_relu", image), before)
    assert not run(arms[False], "stage1_block1_relu", image).any()
    kinds = {skips: [type(x).__name__ for x in model.layers] for skips, model in arms.items()}
    assert kinds[True].count("Add") == 2
    assert kinds[False].count("Add") == 0
    # the plain network lacks the 1×1 convolution and its normalisation: 2·4 weights, γ and β
    assert trainable_count(arms[True]) - trainable_count(arms[False]) == 2 * 4 + 2 * 4


def test_pixels_are_standardised_inside():
    mean, deviation = [0.7, 0.5, 0.4], [0.1, 0.2, 0.3]
    model = models.build("resnet18", (8, 8, 3), 2, mean=mean, deviation=deviation, **TINY)
    image = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3))
    expected = (image / 255 - mean) / deviation
    np.testing.assert_allclose(run(model, "standardised", image), expected, rtol=1e-4, atol=1e-5)
    assert trainable_count(model) == trainable_count(models.build("resnet18", (8, 8, 3), 2, **TINY))


def test_the_small_stem_keeps_the_pixels():
    model = models.build("resnet50", (8, 8, 3), 3, stem="small", width=2)
    assert model.get_layer("stem_relu").output.shape == (None, 8, 8, 2)
    assert model.get_layer("stage4_block3_relu").output.shape == (None, 1, 1, 64)
    with pytest.raises(ParameterError, match="at least 8×8"):
        models.build("resnet50", (7, 8, 3), 3, stem="small")
    with pytest.raises(ParameterError, match="at least 32×32"):
        models.build("resnet18", (31, 32, 3), 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stem": "large"}, "stem must be one of torchvision, small"),
        ({"width": 0}, "width must be"),
        ({"blocks": ()}, "blocks must be"),
        ({"mean": [0.5, 0.5, 0.5]}, "deviation must be a number for each channel"),
        ({"mean": [0.5], "deviation": [0.1, 0.2]}, "as many numbers"),
        ({"mean": [0.5], "deviation": [0.0]}, "above 0"),
        ({"skips": "some"}, "skips must be"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        models.build("resnet18", (64, 64, 3), 7, **options)
