"""R1's geometric operations: against index arithmetic, and on pictures made for the purpose."""

import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.imaging.geometric import (
    OPERATIONS,
    copies,
    crop,
    flip_horizontal,
    flip_vertical,
    malignant_copy,
    rotate180,
    scale,
    translate,
)
from dermbook.imaging.pixels import pixel_vectors

SIZES = [(30, 40), (31, 17), (1, 5), (8, 8)]


def picture(height: int = 30, width: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int = 60, width: int = 80) -> np.ndarray:
    """A horizontal ramp: its value says where a column came from."""
    ramp = np.linspace(20, 220, width)[None, :, None]
    return np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8)


class Fixed:
    """A generator that draws what it is told."""

    def __init__(self, *values):
        self.values = list(values)

    def uniform(self, low, high):
        return self.values.pop(0)

    def integers(self, low, high):
        return self.values.pop(0)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_flips_are_their_own_inverse_and_make_half_a_turn_together(height, width):
    image = picture(height, width)
    assert np.array_equal(flip_horizontal(flip_horizontal(image)), image)
    assert np.array_equal(flip_vertical(flip_vertical(image)), image)
    assert np.array_equal(flip_vertical(flip_horizontal(image)), rotate180(image))
    assert np.array_equal(rotate180(image), np.rot90(image, 2))
    assert np.array_equal(flip_horizontal(image)[:, 0], image[:, -1])
    assert np.array_equal(flip_vertical(image)[0], image[-1])


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_size_dtype_and_the_original_stay(name, height, width):
    image = picture(height, width)
    before = image.copy()
    result = OPERATIONS[name](image, np.random.default_rng(3))
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert result.flags["C_CONTIGUOUS"]
    result[:] = 0  # must not write into the picture it was made of
    assert np.array_equal(image, before)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_same_generator_gives_the_same_copy(name):
    first, second = (OPERATIONS[name](picture(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", OPERATIONS)
def test_borders_are_mirrored_so_a_plain_picture_stays_plain(name):
    plain = np.full((30, 40, 3), (200, 140, 90), dtype=np.uint8)
    for seed in range(20):
        result = OPERATIONS[name](plain, np.random.default_rng(seed))
        assert (result == plain).all()


def test_translation_moves_whole_pixels_and_mirrors_the_border():
    image = picture(10, 20)
    result = translate(image, Fixed(1, 2), limit=0.2)  # one down, two to the right
    assert np.array_equal(result[1:, 2:], image[:-1, :-2])
    assert np.array_equal(result[0, 2:], image[0, :-2])
    assert np.array_equal(result[1:, :2], image[:-1, :2][:, ::-1])
    back = translate(image, Fixed(-1, -2), limit=0.2)
    assert np.array_equal(back[:-1, :-2], image[1:, 2:])


def test_translation_stays_within_its_limit():
    image = np.zeros((20, 50, 3), dtype=np.uint8)
    image[10, 25] = 255
    for seed in range(50):
        moved = translate(image, np.random.default_rng(seed), limit=0.1)
        row, column = np.argwhere(moved[..., 0] == 255)[0]
        assert abs(row - 10) <= 2
        assert abs(column - 25) <= 5


def test_scaling_moves_points_away_from_the_centre():
    image = smooth()
    larger = scale(image, Fixed(1.2), limit=0.2)
    centre = (image.shape[1] - 1) / 2
    for column in (20, 60):
        source = centre + (column - centre) / 1.2
        expected = np.interp(source, range(image.shape[1]), image[0, :, 0])
        assert abs(float(larger[30, column, 0]) - expected) <= 2


def test_a_crop_is_a_window_resized():
    image = picture(20, 40)
    assert np.array_equal(crop(image, Fixed(0, 0), keep=1.0), image)
    ramp = smooth()
    right = crop(ramp, Fixed(12, 16), keep=0.8)  # the right-most window: columns 16 to 79
    assert abs(int(right[0, 0, 0]) - int(ramp[0, 16, 0])) <= 2
    assert abs(int(right[0, -1, 0]) - int(ramp[0, 79, 0])) <= 2


@pytest.mark.parametrize("operation", [scale, translate])
def test_a_limit_of_zero_changes_nothing(operation):
    image = picture()
    assert np.array_equal(operation(image, np.random.default_rng(0), limit=0.0), image)


@pytest.mark.parametrize(
    "call",
    [
        lambda image: scale(image, np.random.default_rng(0), limit=1.0),
        lambda image: translate(image, np.random.default_rng(0), limit=-0.1),
        lambda image: crop(image, np.random.default_rng(0), keep=0.0),
        lambda image: crop(image, np.random.default_rng(0), keep=1.1),
        lambda image: flip_horizontal(image[..., 0]),
        lambda image: rotate180(image.astype("float32")),
        lambda image: copies([]),
        lambda image: pixel_vectors(image),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ParameterError):
        call(picture())


def test_copies_use_every_operation_and_do_not_depend_on_the_others():
    images = np.stack([picture(16, 16, seed=i) for i in range(60)])
    made = copies(images, seed=1)
    assert made.shape == images.shape
    assert np.array_equal(copies(images[:7], seed=1), made[:7])
    assert not np.array_equal(copies(images, seed=2), made)
    flips = {"horizontal flip": 0, "vertical flip": 0, "rotation by 180°": 0}
    for image, copy in zip(images, made, strict=True):
        for name in flips:
            flips[name] += np.array_equal(OPERATIONS[name](image, None), copy)
    assert all(count > 0 for count in flips.values())
    assert sum(flips.values()) < 60
    rng = np.random.default_rng([1, 0])
    assert np.array_equal(malignant_copy(images[0], rng), made[0])


def test_pixel_vectors_hold_the_mean_colour_and_the_histogram():
    plain = np.full((2, 24, 32, 3), (255, 0, 100), dtype=np.uint8)
    vectors = pixel_vectors(plain, rows=3, columns=4)
    assert vectors.shape == (2, 3 * 4 * 3 + 24)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors[0, :3], [1, 0, 100 / 255])
    histograms = vectors[0, 36:].reshape(3, 8)
    assert np.array_equal(histograms.argmax(axis=1), [7, 0, 3])
    assert np.allclose(histograms.sum(axis=1), 1)
