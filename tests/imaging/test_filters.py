"""Every filter by its promises: kind of array, batches, constants, odd sizes, and known answers."""

import cv2
import numpy as np
import pytest

from dermbook.data import Transform, cached_images
from dermbook.errors import ParameterError
from dermbook.imaging.checks import odd, scaled
from dermbook.imaging.contrast import clahe_lab, clahe_rgb, equalise
from dermbook.imaging.cropping import crop_to_lesion, lesion_box, otsu_mask
from dermbook.imaging.filters import FILTERS, as_transform, chosen, compose, named
from dermbook.imaging.smoothing import denoise, median_blur
from dermbook.imaging.texture import texture_vectors

R0_ROWS = {"0.4": 4, "0.5": 5}


@pytest.fixture(scope="module")
def pictures(small_phantom):
    return np.stack([small_phantom.image(image_id) for image_id in small_phantom.ids[:3]])


def constant(value=(180, 120, 110), shape=(40, 52)):
    return np.broadcast_to(np.array(value, np.uint8), (*shape, 3)).copy()


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_keeps_shape_and_kind_treats_batches_alike_and_spares_its_input(name, pictures):
    before = pictures.copy()
    pictures.setflags(write=False)
    together = FILTERS[name](pictures)
    assert together.dtype == np.uint8
    assert together.shape == pictures.shape
    for one, picture in zip(together, pictures, strict=True):
        assert np.array_equal(one, FILTERS[name](picture))
    assert np.array_equal(pictures, before)
    assert not np.shares_memory(together, pictures)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 3), (5, 90), (90, 5), (13, 11)])
def test_a_filter_takes_ugly_sizes(name, shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    result = FILTERS[name](picture)
    assert result.shape == picture.shape
    assert result.dtype == np.uint8


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_refuses_what_is_no_rgb_picture(name):
    for wrong, word in (
        (np.zeros((8, 8), np.uint8), "grayscale"),
        (np.zeros((8, 8, 1), np.uint8), "grayscale"),
        (np.zeros((8, 8, 4), np.uint8), "RGB"),
        (np.zeros((8, 8, 3), np.float32), "uint8"),
        (np.zeros((0, 8, 3), np.uint8), "without pixels"),
        ([[1, 2, 3]], "NumPy array"),
    ):
        with pytest.raises(ParameterError, match=word):
            FILTERS[name](wrong)


@pytest.mark.parametrize("name", ["median", "dullrazor", "blackhat-inpaint", "crop"])
def test_an_even_picture_stays_as_it_is(name):
    assert np.array_equal(FILTERS[name](constant()), constant())


@pytest.mark.parametrize("name", FILTERS)
def test_an_even_picture_stays_even(name):
    assert np.ptp(FILTERS[name](constant()), axis=(0, 1)).max() == 0


def test_denoising_moves_an_even_picture_by_rounding_only():
    assert np.abs(denoise(constant()).astype(int) - constant()).max() <= 3


def test_a_median_of_an_edge_is_done_once():
    edge = constant()
    edge[:, 26:] = 30
    once = median_blur(edge)
    assert np.array_equal(once, edge)
    assert np.array_equal(median_blur(once), once)


def test_the_median_removes_specks_and_the_window_grows_with_the_picture():
    speck = constant(shape=(60, 290))
    speck[30:32, 100:102] = 0
    assert np.array_equal(median_blur(speck, size=5), constant(shape=(60, 290)))
    block = constant(shape=(60, 580))
    block[30:34, 100:104] = 0
    assert np.array_equal(median_blur(block, size=5), constant(shape=(60, 580)))
    assert not np.array_equal(median_blur(block, size=5, at_width=580), constant(shape=(60, 580)))
    assert np.array_equal(median_blur(speck, size=1), speck)


def test_lengths_scale_and_kernels_are_odd():
    assert scaled(10, 300, 600) == 5
    assert scaled(10, 60, 600, least=3) == 3
    assert [odd(length) for length in (0.4, 1, 2, 2.9, 4, 5.9, 6)] == [1, 1, 3, 3, 5, 5, 7]
    with pytest.raises(ParameterError):
        scaled(0, 100, 600)


def test_equalising_gives_ranks():
    channel = np.repeat(np.arange(50, 114, dtype=np.uint8), 8).reshape(16, 32)
    ranks = equalise(channel)
    assert ranks.min() == 0
    assert ranks.max() == 255
    expected = np.rint(255 * (channel.astype(int) - 50) / 63).astype(np.uint8)
    assert np.array_equal(ranks, expected)
    assert np.array_equal(ranks, cv2.equalizeHist(channel))
    two = np.array([[100, 110]], np.uint8)
    assert np.array_equal(equalise(two), [[0, 255]])
    assert np.array_equal(equalise(channel * 0 + 7), channel * 0 + 7)


def test_clahe_raises_contrast_less_with_a_lower_clip():
    def contrast(picture):
        return cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 0].std()

    flat = np.tile(np.linspace(110, 140, 128).astype(np.uint8)[:, None, None], (1, 128, 3))
    low, high = (contrast(clahe_lab(flat, clip=clip, tiles=(1, 1))) for clip in (1.5, 5))
    assert contrast(flat) < low < high


def test_clahe_of_lab_keeps_hue_where_rgb_shifts_it():
    rng = np.random.default_rng(1)
    light = np.tile(np.linspace(60, 200, 64), (48, 1)) + rng.normal(0, 3, (48, 64))
    picture = np.clip(light[..., None] * [1.0, 0.7, 0.6], 0, 255).astype(np.uint8)

    def shift(result):
        chroma = [cv2.cvtColor(each, cv2.COLOR_RGB2LAB)[..., 1:] for each in (picture, result)]
        return np.abs(chroma[0].astype(int) - chroma[1]).mean()

    assert shift(clahe_lab(picture)) < 1.5 < shift(clahe_rgb(picture))


@pytest.mark.parametrize("options", [{"clip": 0}, {"clip": -1}, {"tiles": (0, 3)}])
def test_clahe_refuses_impossible_settings(options):
    for function in (clahe_rgb, clahe_lab):
        with pytest.raises(ParameterError):
            function(constant(), **options)


def test_denoising_takes_noise_away_and_leaves_an_edge():
    rng = np.random.default_rng(2)
    truth = constant(shape=(60, 80))
    truth[:, 40:] = (90, 60, 60)
    noisy = np.clip(truth + rng.normal(0, 4, truth.shape), 0, 255).astype(np.uint8)
    result = denoise(noisy, strength=6)
    error = [np.abs(each.astype(float) - truth).mean() for each in (noisy, result)]
    assert error[1] < 0.6 * error[0]
    assert result[:, 39, 0].mean() - result[:, 40, 0].mean() > 80
    assert np.array_equal(denoise(noisy, strength=0), noisy)


def test_cropping_by_a_mask_enlarges_the_lesion_and_keeps_proportions():
    mask = np.zeros((60, 80), bool)
    mask[20:35, 30:50] = True
    picture = constant(shape=(60, 80))
    picture[mask] = 20
    box = lesion_box(mask, margin=0.1, smallest=0.1)
    top, bottom, left, right = box
    assert top <= 20
    assert bottom >= 35
    assert left <= 30
    assert right >= 50
    assert (right - left) / (bottom - top) == pytest.approx(80 / 60, rel=0.08)
    result = crop_to_lesion(picture, mask=mask, margin=0.1, smallest=0.1)
    assert (result[..., 0] < 100).mean() > 3 * mask.mean()
    assert (crop_to_lesion(picture)[..., 0] < 100).mean() > 2 * mask.mean()


def test_cropping_falls_back_to_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (40, 52, 3), dtype=np.uint8)
    whole, none = np.ones((40, 52), bool), np.zeros((40, 52), bool)
    for mask in (whole, none):
        once = crop_to_lesion(picture, mask=mask)
        assert np.array_equal(once, picture)
    assert np.array_equal(crop_to_lesion(picture, mask=whole | none, margin=0), picture)
    assert not otsu_mask(constant()).any()
    assert lesion_box(none) is None


def test_a_crop_never_leaves_the_picture_and_has_a_least_size():
    mask = np.zeros((60, 80), bool)
    mask[0, 79] = True
    top, bottom, left, right = lesion_box(mask, margin=0.15, smallest=0.3)
    assert (top, right) == (0, 80)
    assert (bottom - top, right - left) == (18, 24)


def test_otsu_finds_the_phantoms_lesions(small_phantom):
    overlaps = []
    for image_id in small_phantom.ids[:60]:
        truth, found = small_phantom.mask(image_id), otsu_mask(small_phantom.image(image_id))
        overlaps.append((truth & found).sum() / (truth | found).sum())
    assert np.median(overlaps) > 0.5


@pytest.mark.parametrize(
    "options", [{"margin": -1}, {"smallest": 2}, {"mask": np.ones((3, 3), bool)}]
)
def test_cropping_refuses_impossible_settings(options):
    with pytest.raises(ParameterError):
        crop_to_lesion(constant(), **options)


def test_composing_runs_the_first_filter_first(pictures):
    both = compose(median_blur, clahe_rgb)
    assert np.array_equal(both(pictures), clahe_rgb(median_blur(pictures)))
    assert not np.array_equal(both(pictures), median_blur(clahe_rgb(pictures)))
    assert np.array_equal(
        FILTERS["clahe-median"](pictures), median_blur(clahe_rgb(pictures, clip=2, tiles=(7, 7)))
    )
    with pytest.raises(ParameterError):
        compose()


def test_the_registry_holds_all_of_r0_and_names_what_is_unknown():
    rows = [each.row for each in FILTERS.values()]
    assert all(rows.count(row) == count for row, count in R0_ROWS.items())
    assert {"0.17", "1.17"} <= set(rows)
    assert all(key == each.name for key, each in FILTERS.items())
    with pytest.raises(ParameterError, match="clahe-lab-3"):
        named("clahe")
    assert chosen(["all"]) == list(FILTERS)
    assert chosen(["crop"]) == ["crop"]


def test_a_filter_fills_the_image_cache(small_phantom):
    few = small_phantom.where(ids=small_phantom.ids[:4])
    transform = as_transform("clahe-lab-3")
    assert isinstance(transform, Transform)
    cached = cached_images(few, height=48, width=64, transform=transform, progress=False)
    for image_id, row in zip(few.ids, cached.images, strict=True):
        assert np.array_equal(row, clahe_lab(few.image(image_id), clip=3.0))
    plain = cached_images(few, height=48, width=64, progress=False)
    assert plain.path != cached.path


def test_texture_vectors_feel_hair_like_lines(pictures):
    lined = pictures.copy()
    lined[:, :, ::9] = 20
    plain, changed = texture_vectors(pictures), texture_vectors(lined)
    assert plain.dtype == np.float32
    assert plain.shape == changed.shape
    blackhat_mean = slice(6, 9)  # after the Laplacian's three means and three deviations
    assert (changed[:, blackhat_mean] > plain[:, blackhat_mean] + 0.02).all()
    even = texture_vectors(constant()[None])
    assert np.abs(even[:, :54]).max() == 0
    with pytest.raises(ParameterError):
        texture_vectors(np.zeros((1, 8, 30, 3), np.uint8))
