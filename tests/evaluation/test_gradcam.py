"""Grad-CAM and activations on tiny networks: finite differences, CAM, masks that are known."""

import keras
import numpy as np
import pytest
from keras import layers

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.looking.activations import (
    R1_LAST,
    R1_LAYERS,
    activation_scores,
    activations,
    depth_layers,
    mean_and_strongest,
)
from dermbook.evaluation.looking.gradcam import (
    cut,
    cut_layers,
    grad_cam,
    gradient_of,
    heat_maps,
    untrained,
)
from dermbook.models.transfer import BACKBONE_LAYER, build_transfer

SIZE = (16, 24, 3)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, *SIZE), dtype=np.uint8)


@pytest.fixture(scope="module")
def tiny():
    return build_transfer("tiny", (32, 48, 3), 4, seed=1)


@pytest.fixture(scope="module")
def tiny_pixels():
    return np.random.default_rng(1).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)


def plain(units=3, activation="softmax", seed=0):
    """Convolutions with a shortcut, then a head with a hidden layer."""
    keras.utils.set_random_seed(seed)
    image = keras.Input(SIZE)
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="first")(x)
    y = layers.Conv2D(4, 3, padding="same", activation="tanh", name="inside")(x)
    x = layers.Add(name="joined")([x, y])
    x = layers.Conv2D(6, 3, strides=2, padding="same", activation="tanh", name="last")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(5, activation="tanh")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(image, layers.Dense(units, activation=activation)(x))


@pytest.mark.parametrize("layer", ["", "joined", "first"])
def test_the_gradient_is_that_of_finite_differences(pixels, layer):
    halves = cut(plain(), layer)
    maps = np.asarray(halves.front.predict_on_batch(pixels), "float32")
    codes = np.array([0, 1, 2, 0, 1], "int32")
    gradient, logits = (
        keras.ops.convert_to_numpy(each)
        for each in halves.gradient(
            keras.ops.convert_to_tensor(maps), keras.ops.convert_to_tensor(codes)
        )
    )
    rng = np.random.default_rng(2)
    direction = rng.normal(size=maps.shape).astype("float32")
    step = 1e-2

    def scores(at):
        found = keras.ops.convert_to_numpy(halves.logits(keras.ops.convert_to_tensor(at)))
        return found[np.arange(5), codes]

    slope = (scores(maps + step * direction) - scores(maps - step * direction)) / (2 * step)
    found = (gradient * direction).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found, slope, rtol=0.05, atol=2e-3)
    assert np.abs(slope).max() > 0.02
    np.testing.assert_allclose(scores(maps), logits[np.arange(5), codes], rtol=1e-5, atol=1e-6)


def test_a_row_s_score_moves_its_own_row_only():
    square = gradient_of(lambda x, factor: (keras.ops.sum(x * x, -1) * factor, x))
    x = np.arange(6, dtype="float32").reshape(3, 2)
    gradient, extra = square(keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(3.0))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(gradient), 6 * x)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(extra), x)


def test_with_pooling_and_one_dense_layer_grad_cam_is_cam(tiny, tiny_pixels):
    """Zhou et al. 2016: the maps weighted by the class's row of the dense layer."""
    halves = cut(tiny)
    assert halves.grid == (2, 3)
    maps = halves.front.predict_on_batch(tiny_pixels)
    kernel = keras.ops.convert_to_numpy(tiny.layers[-1].kernel)
    codes = np.array([3, 0, 1, 2, 3])
    cam = np.einsum("nhwc,cn->nhw", maps, kernel[:, codes])
    found = grad_cam(halves, tiny_pixels, codes, batch_size=2).signed
    np.testing.assert_allclose(found * 2 * 3, cam, rtol=1e-4, atol=1e-5)


def test_probabilities_and_the_class_explained_are_the_network_s(tiny, tiny_pixels):
    halves = cut(tiny)
    sight = grad_cam(halves, tiny_pixels, batch_size=2)
    expected = tiny.predict_on_batch(tiny_pixels)
    np.testing.assert_allclose(sight.probabilities, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(sight.predicted, expected.argmax(axis=1))
    np.testing.assert_allclose(sight.certainty, expected.max(axis=1), rtol=1e-4)
    named = grad_cam(halves, tiny_pixels, sight.predicted)
    np.testing.assert_allclose(sight.signed, named.signed, rtol=1e-4, atol=1e-6)
    other = grad_cam(halves, tiny_pixels, (sight.predicted + 1) % 4)
    assert np.abs(other.signed - named.signed).max() > 1e-3
    with pytest.raises(ParameterError, match="5 images need as many, not 2"):
        grad_cam(halves, tiny_pixels, [0, 1])


def test_one_sigmoid_unit_speaks_for_both_classes(pixels):
    model = plain(1, "sigmoid")
    halves = cut(model)
    sight = grad_cam(halves, pixels, np.ones(5, int))
    positive = model.predict_on_batch(pixels)[:, 0]
    np.testing.assert_allclose(sight.probabilities[:, 1], positive, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sight.probabilities.sum(axis=1), 1, rtol=1e-5)
    against = grad_cam(halves, pixels, np.zeros(5, int))
    np.testing.assert_allclose(against.signed, -sight.signed, rtol=1e-4, atol=1e-7)


def test_a_network_cannot_be_cut_beside_a_shortcut():
    with pytest.raises(ParameterError, match="shortcut goes around"):
        cut(plain(), "inside")
    model = plain()
    with pytest.raises(ParameterError, match="gives no maps"):
        cut(model, model.layers[-2].name)
    image = keras.Input(SIZE)
    no_dense = keras.Model(image, layers.Conv2D(2, 3)(image))
    with pytest.raises(ParameterError, match="must be dense"):
        cut(no_dense)


def test_cut_layers_are_the_last_of_each_grid(tiny):
    assert cut_layers(tiny, 3) == ["relu_4", "relu_3", "relu_2"]
    assert cut_layers(tiny, 1) == ["relu_4"]
    # of the layers of 8 x 12 the last is where the shortcut joins; the one before it is no cut
    assert cut_layers(plain(), 2) == ["last", "joined"]
    assert len(cut_layers(plain(), 9)) == 3
    assert [cut(tiny, name).grid for name in cut_layers(tiny, 2)] == [(2, 3), (4, 6)]


def test_a_padded_map_is_no_place_to_look():
    """As in MobileNetV2: 8 x 12 padded at two sides to 9 x 13 before the next stride."""
    image = keras.Input(SIZE)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="first")(image)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="second")(x)
    answer = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    assert cut_layers(keras.Model(image, answer), 3)[:2] == ["second", "first"]


def test_heat_is_positive_enlarged_and_at_most_one():
    signed = np.array([[[-2.0, 0.5], [1.0, 2.0]], [[-1.0, -1.0], [-1.0, 0.0]]])
    heat = heat_maps(signed, 4, 4)
    assert heat.shape == (2, 4, 4)
    assert heat.min() == 0
    assert heat[0].max() == 1
    assert (heat[1] == 0).all()
    # corners of the picture lie beyond the centers of the grid's places, and take their values
    np.testing.assert_allclose(heat[0][[0, 0, -1, -1], [0, -1, 0, -1]], [0, 0.25, 0.5, 1])
    # halfway between two centers, bilinear interpolation gives three quarters and a quarter
    assert heat[0][3, 1] == pytest.approx((0.75 * 1 + 0.25 * 2) / 2)


def test_random_weights_change_all_or_the_head_only(tiny, tiny_pixels):
    before = [weight.copy() for weight in tiny.get_weights()]
    head = untrained(tiny, seed=3, head_only=True)
    every = untrained(tiny, seed=3)
    backbone = tiny.get_layer(BACKBONE_LAYER).get_weights()
    for ours, theirs in zip(head.get_layer(BACKBONE_LAYER).get_weights(), backbone, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    changed = every.get_layer(BACKBONE_LAYER).get_weights()[0]
    assert np.abs(changed - backbone[0]).max() > 0.01
    kernel = tiny.layers[-1].get_weights()[0]
    for other in (head, every):
        assert np.abs(other.layers[-1].get_weights()[0] - kernel).max() > 0.01
    # the statistics are those of noise, so features neither vanish nor explode
    spread = cut(every).front.predict_on_batch(tiny_pixels).std()
    assert 1e-3 < spread < 1e3
    # the same seed, the same weights; and the network given stays as it was
    again = untrained(tiny, seed=3)
    np.testing.assert_array_equal(again.get_weights()[0], every.get_weights()[0])
    for ours, theirs in zip(tiny.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_depths_are_r1_s_shares_of_any_network(tiny):
    table = depth_layers(tiny)
    # thirteen layers, activations at 3, 6, 9 and 12
    expected = {}
    for number in R1_LAYERS:
        nearest = min((3, 6, 9, 12), key=lambda at: abs(at / 12 - number / R1_LAST))
        expected.setdefault(f"relu_{nearest // 3}", []).append(str(number))
    assert dict(zip(table["layer"], table["r1"], strict=True)) == {
        layer: ", ".join(numbers) for layer, numbers in expected.items()
    }
    assert table["depth"].is_monotonic_increasing
    last = table.iloc[-1]
    assert (last["layer"], last["depth"], last["height"], last["width"]) == ("relu_4", 1, 2, 3)
    image = keras.Input(SIZE)
    linear = keras.Model(image, layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 3)(image))))
    with pytest.raises(ParameterError, match="no activation"):
        depth_layers(linear)


@pytest.mark.slow
def test_r1_s_network_has_as_many_layers_as_its_numbers_assume():
    network = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(75, 75, 3)
    )
    assert len(network.layers) - 1 == R1_LAST


@pytest.fixture(scope="module")
def copying():
    """Two channels: one is the picture's red value, the other is never active."""
    image = keras.Input(SIZE)
    x = layers.Conv2D(2, 1, activation="relu", name="copied")(image)
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    model = keras.Model(image, layers.Dense(2, activation="softmax")(x))
    kernel = np.zeros((1, 1, 3, 2), "float32")
    kernel[0, 0, 0] = 1, -1
    model.get_layer("copied").set_weights([kernel, np.zeros(2, "float32")])
    return model


def test_activity_and_contrast_of_a_network_that_copies(copying):
    masks = np.zeros((3, *SIZE[:2]), bool)
    masks[:2, 4:12, 6:18] = True
    images = np.zeros((3, *SIZE), np.uint8)
    images[0, ..., 0] = np.where(masks[0], 150, 50)
    images[1, ..., 0] = np.where(masks[1], 0, 80)
    images[2, ..., 0] = 9
    found = activation_scores(copying, ["copied"], images, masks, batch_size=2)["copied"]
    assert found["contrast"][0] == pytest.approx((150 - 50) / (150 + 50))
    assert found["contrast"][1] == pytest.approx(-1)
    # a mask without a pixel has no inside
    assert np.isnan(found["contrast"][2])
    # of the two channels one is active wherever red is above 0
    assert found["active"] == pytest.approx([0.5, 0.5 * (1 - masks[1].mean()), 0.5])
    with pytest.raises(DataError, match="masks"):
        activation_scores(copying, ["copied"], images, masks[:, :4])


def test_maps_to_draw(copying):
    images = np.zeros((2, *SIZE), np.uint8)
    images[0, 3, 5, 0], images[0, 8, 9, 0] = 200, 100
    maps = activations(copying, ["copied"], images)["copied"]
    assert maps.shape == (2, 16, 24, 2)
    mean, strongest = mean_and_strongest(maps)
    assert (mean[0, 3, 5], mean[0, 8, 9]) == (1, 0.5)
    np.testing.assert_array_equal(strongest[0], mean[0])
    assert (mean[1] == 0).all()


def test_activations_are_those_of_the_layers(tiny, tiny_pixels):
    found = activations(tiny, ["relu_2", "relu_4"], tiny_pixels)
    assert {name: maps.shape[1:] for name, maps in found.items()} == {
        "relu_2": (8, 12, 32), "relu_4": (2, 3, 64),
    }  # fmt: skip
    expected = cut(tiny).front.predict_on_batch(tiny_pixels)
    np.testing.assert_allclose(found["relu_4"], expected, rtol=1e-5, atol=1e-6)
