"""Augmentation recipes: against index arithmetic, Keras' own generator, and their own promises."""

import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.imaging.augmentation import (
    RECIPES,
    Ranges,
    by_class,
    corner_moves,
    keras_layers,
    recipe,
    recipe_table,
)
from dermbook.imaging.augmentation import operations as op

SIZES = [(30, 40), (31, 17), (2, 5)]


def batch(n=4, height=30, width=40, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def smooth(height=40, width=60):
    rows, columns = np.mgrid[0:height, 0:width]
    values = 120 + 60 * np.sin(rows / 7) + 50 * np.cos(columns / 9)
    return np.repeat(values[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_shape_dtype_and_the_originals_stay(name, height, width):
    pictures = batch(3, height, width)
    before = pictures.copy()
    result = RECIPES[name](pictures, np.random.default_rng(3))
    assert (result.shape, result.dtype) == (pictures.shape, np.uint8)
    result[:] = 0
    assert np.array_equal(pictures, before)


@pytest.mark.parametrize("name", RECIPES)
def test_a_seed_decides_and_pictures_differ(name):
    pictures = np.repeat(batch(1), 8, axis=0)
    first, second = (RECIPES[name](pictures, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    different = len({picture.tobytes() for picture in first})
    assert different == 1 if name == "none" else different > 1


def test_zero_strength_is_the_identity_to_the_pixel():
    pictures = batch()
    assert np.array_equal(RECIPES["none"](pictures, np.random.default_rng(0)), pictures)
    image = pictures[0]
    for border in op.BORDERS:
        for matrix in (op.rotation(0), op.zoom(1, 1), op.shear(0), op.shift(0, 0)):
            assert np.array_equal(op.warp(image, matrix, border=border), image)
    for change in (op.brightness, op.contrast):
        assert np.array_equal(change(image, 1.0), image)
    assert np.array_equal(op.hue(image, 0.0), image)


def test_flips_keep_every_pixel_and_all_four_occur():
    image = batch(1)[0]
    made = RECIPES["flips"](np.stack([image] * 60), np.random.default_rng(0))
    expected = {image[::v, ::h].tobytes() for v in (1, -1) for h in (1, -1)}
    assert {picture.tobytes() for picture in made} == expected


def test_quarter_turns_are_those_of_numpy():
    image = batch(1, 21, 21)[0]
    for turns in (1, 2, 3):
        turned = op.warp(image, op.rotation(90 * turns), border="black")
        difference = np.abs(turned.astype(int) - np.rot90(image, turns).astype(int))
        assert difference.max() <= 1


def test_shifts_move_whole_pixels_and_borders_differ():
    image = batch(1, 12, 16)[0]
    for border in op.BORDERS:
        moved = op.warp(image, op.shift(3, 2), border=border)
        assert np.array_equal(moved[2:, 3:], image[:-2, :-3])
    assert not op.warp(image, op.shift(3, 0), border="black")[:, :3].any()
    edge = op.warp(image, op.shift(3, 0), border="edge")[:, :3]
    assert np.array_equal(edge, np.repeat(image[:, :1], 3, axis=1))
    mirror = op.warp(image, op.shift(3, 0), border="mirror")[:, :3]
    assert np.array_equal(mirror, image[:, 2::-1])


@pytest.mark.parametrize(
    ("matrix", "given"),
    [
        (op.rotation(17), {"theta": 17}),
        (op.shear(12), {"shear": 12}),
        (op.zoom(0.8, 1.15), {"zx": 0.8, "zy": 1.15}),
        (op.shift(-4, 3), {"tx": 4, "ty": -3}),
        (
            op.rotation(9) @ op.shear(-7) @ op.zoom(1.1, 0.9),
            {"theta": 9, "shear": -7, "zx": 1.1, "zy": 0.9},
        ),
    ],
    ids=["rotation", "shear", "zoom", "shift", "all"],
)  # fmt: skip
def test_warps_are_those_of_keras_image_data_generator(matrix, given):
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    image = smooth(50, 50)  # square: Keras centres other pictures on the wrong point
    theirs = legacy.apply_affine_transform(
        image.astype("float32"),
        row_axis=0,
        col_axis=1,
        channel_axis=2,
        fill_mode="nearest",
        **given,
    )
    ours = op.warp(image, matrix, border="edge").astype("float32")
    assert np.abs(ours - theirs).max() <= 3
    assert np.abs(ours - image).max() > 3  # so that doing nothing would fail


def test_hue_keeps_gray_gray_and_turns_red_into_green():
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for turns in (-0.5, -0.1, 0.07, 0.5):
        assert np.array_equal(op.hue(gray, turns), gray)
    red = np.full((2, 2, 3), (200, 0, 0), dtype=np.uint8)
    assert op.hue(red, 1 / 3)[0, 0].tolist() == [0, 200, 0]
    assert np.abs(op.hue(op.hue(batch(1)[0], 0.1), -0.1).astype(int) - batch(1)[0]).max() <= 3


def test_brightness_and_contrast_are_their_formulas():
    image = smooth()
    brighter = op.brightness(image, 1.1)
    assert np.abs(brighter - np.minimum(image * 1.1, 255)).max() <= 0.51
    assert not op.brightness(image, 0).any()
    flat = op.contrast(image, 0)
    assert np.ptp(flat) == 0
    assert abs(float(flat.mean()) - image.mean()) <= 1
    assert op.contrast(image, 0.9).std() == pytest.approx(0.9 * image.std(), rel=0.01)


def test_the_mean_moves_no_further_than_the_bounds_let_it():
    image = smooth()
    jitter = Ranges(brightness=0.1)
    means = [jitter(image, np.random.default_rng(k)).mean() / image.mean() for k in range(50)]
    assert 0.9 - 0.01 <= min(means) < 0.95
    assert 1.05 < max(means) <= 1.1 + 0.01


def test_r3_has_black_corners_and_its_twin_has_none():
    white = np.full((40, 40, 40, 3), 250, dtype=np.uint8)
    dark = {
        name: (RECIPES[name](white, np.random.default_rng(0)).min(axis=(1, 2, 3)) < 10).mean()
        for name in ("r3", "r3-mirror")
    }
    assert dark["r3"] > 0.8
    assert dark["r3-mirror"] == 0


def test_a_shear_of_two_tenths_moves_less_than_a_pixel():
    moves = corner_moves(["r1", "r4"]).set_index("operation")
    corner = 223 / 2
    assert moves.loc["shear", "pixels"] == pytest.approx(corner * np.sin(np.deg2rad(0.2)), rel=0.01)
    assert moves.loc["zoom", "pixels"] == pytest.approx(2**0.5 * corner * 0.25)
    assert set(moves["recipe"]) == {"r4"}


def test_by_class_changes_the_chosen_classes_only():
    pictures, codes = batch(40), np.arange(40) % 4
    classes = ("mel", "nv", "bcc", "vasc")
    made = by_class(recipe("r3"), classes)(pictures, np.random.default_rng(0), codes)
    same = (made == pictures).all(axis=(1, 2, 3))
    assert same[codes == 1].all()
    assert not same[codes != 1].any()
    assert by_class(recipe("r1"), classes).codes == {0, 2}
    assert by_class(recipe("r2"), classes, only=["nv"]).codes == {1}
    assert by_class(recipe("r2"), classes, exempt=["nv"]).codes == {0, 2, 3}
    others = pictures[codes != 1]
    only_nv = by_class(recipe("r3"), classes, only=["nv"])
    assert np.array_equal(only_nv(others, np.random.default_rng(0), codes[codes != 1]), others)


@pytest.mark.parametrize(
    "call",
    [
        lambda: recipe("r9"),
        lambda: Ranges(rotation=-1),
        lambda: Ranges(zoom=1.0),
        lambda: Ranges(border="wrap"),
        lambda: op.warp(batch(1)[0], op.rotation(3), border="wrap"),
        lambda: op.zoom(0, 1),
        lambda: op.shear(90),
        lambda: op.hue(batch(1)[0], 0.6),
        lambda: op.brightness(batch(1)[0], -1),
        lambda: RECIPES["r2"](batch(1)[0], np.random.default_rng(0)),
        lambda: RECIPES["r2"](batch().astype("float32"), np.random.default_rng(0)),
        lambda: by_class(recipe("r3"), ("nv",)),
        lambda: by_class(recipe("r3"), ("nv", "mel"), only=["bcc"]),
        lambda: by_class(recipe("r3"), ("nv", "mel"), only=["nv"], exempt=["mel"]),
        lambda: by_class(recipe("r3"), ("nv", "mel"))(batch(), np.random.default_rng(0), [0]),
        lambda: keras_layers(recipe("r1")),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ParameterError):
        call()


def test_the_table_has_a_line_a_recipe():
    table = recipe_table().set_index("recipe")
    assert list(table.index) == list(RECIPES)
    assert table.loc["r3", "classes"] == "all but nv"
    assert table.loc["r1", "classes"] == "only mel, bcc, akiec"


@pytest.mark.parametrize("name", ["none", "flips", "r2", "r3", "r4"])
def test_keras_layers_act_in_training_only_and_stay_in_range(name):
    layers = keras_layers(recipe(name), seed=1)
    pictures = np.stack([smooth(24, 32)] * 6).astype("float32")
    assert np.array_equal(np.asarray(layers(pictures, training=False)), pictures)
    made = np.asarray(layers(pictures, training=True))
    assert made.shape == pictures.shape
    assert made.min() >= 0
    assert made.max() <= 255 + 1e-3
    assert (name == "none") == np.allclose(made, pictures)


def test_keras_hue_is_bounded_as_ours_is():
    import cv2
    import keras

    layers = keras.Sequential([keras_layers(recipe("r3")).layers[2]])
    red = np.tile(np.float32([255, 0, 0]), (200, 2, 2, 1))
    made = np.asarray(layers(red, training=True))[:, 0, 0] / 255
    hues = cv2.cvtColor(made[None].astype("float32"), cv2.COLOR_RGB2HSV)[0, :, 0]
    turns = np.minimum(hues, 360 - hues) / 360
    assert 0.08 < turns.max() <= 0.1 + 1e-3
