"""Hair removers on lines drawn by hand, where every answer is known, and on the phantom."""

import cv2
import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.imaging import hair
from dermbook.imaging.hair import (
    blackhat_inpaint,
    blackhat_mask,
    candidates,
    dullrazor,
    dullrazor_mask,
)

SKIN = (200, 150, 140)
REMOVERS = {"dullrazor": dullrazor, "blackhat": blackhat_inpaint}
MASKS = {"dullrazor": dullrazor_mask, "blackhat": blackhat_mask}


def skin(height=150, width=200):
    return np.full((height, width, 3), SKIN, np.uint8)


def hair_at(angle, thickness=1, length=120):
    """A dark line through the middle of even skin, at an angle in degrees, and its pixels."""
    picture = skin()
    turned = np.deg2rad(angle)
    step = np.array([np.cos(turned), -np.sin(turned)]) * length / 2
    ends = [tuple(int(v) for v in np.rint(np.array([100, 75]) + sign * step)) for sign in (-1, 1)]
    cv2.line(picture, *ends, (40, 30, 25), thickness)
    return picture, (picture != skin()).any(axis=2)


@pytest.mark.parametrize("angle", [0, 11, 22.5, 37, 45, 60, 78, 90, 112.5, 135, 160])
@pytest.mark.parametrize("name", REMOVERS)
def test_a_thin_line_is_found_and_removed_at_any_angle(name, angle):
    picture, line = hair_at(angle)
    found = MASKS[name](picture)
    assert found[line].mean() > 0.9
    near = cv2.dilate(line.astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert not found[~near].any()
    result = REMOVERS[name](picture)
    assert np.abs(result.astype(int) - skin())[line].mean() < 3


def test_four_directions_alone_would_miss_hair_between_them(monkeypatch):
    picture, line = hair_at(22.5)
    assert dullrazor_mask(picture)[line].mean() > 0.9
    monkeypatch.setattr(hair, "ORIENTATIONS", 4)
    assert dullrazor_mask(picture)[line].mean() < 0.1


@pytest.mark.parametrize("name", REMOVERS)
def test_skin_without_hair_stays_exactly(name):
    assert np.array_equal(REMOVERS[name](skin()), skin())
    assert not MASKS[name](skin()).any()


def test_only_dullrazor_looks_at_the_shape():
    spots = skin()
    for x in range(20, 190, 20):
        cv2.circle(spots, (x, 75), 1, (60, 40, 40), -1)
    assert not dullrazor_mask(spots).any()
    assert np.array_equal(dullrazor(spots), spots)
    assert blackhat_mask(spots).any()
    assert not np.array_equal(blackhat_inpaint(spots), spots)


def test_a_lesion_and_a_broad_band_are_no_hair():
    lesion = skin()
    cv2.ellipse(lesion, (100, 75), (45, 30), 0, 0, 360, (90, 60, 55), -1)
    cv2.line(lesion, (0, 10), (199, 10), (90, 60, 55), 12)
    assert np.array_equal(dullrazor(lesion), lesion)


def test_a_hair_over_an_edge_is_bridged_along_its_sides():
    truth = skin()
    truth[:, 100:] = (100, 70, 60)
    picture = truth.copy()
    picture[74:76, 30:170] = (30, 20, 20)
    result = dullrazor(picture)
    # a hair across the edge: each side is filled with its own colour
    assert np.abs(result[74:76, 34:96].astype(int) - truth[74:76, 34:96]).max() <= 2
    assert np.abs(result[74:76, 105:166].astype(int) - truth[74:76, 105:166]).max() <= 2


def test_the_replacement_is_weighted_by_distance():
    picture = skin(60, 200)
    ramp = np.linspace(100, 220, 60).astype(np.uint8)
    picture[...] = ramp[:, None, None]
    truth = picture.copy()
    picture[29:32, 20:180] = 10
    result = dullrazor(picture)
    error = np.abs(result[29:32, 25:175].astype(int) - truth[29:32, 25:175])
    assert dullrazor_mask(picture)[30, 30:170].all()
    assert error.max() <= 4


def test_lengths_shrink_with_the_picture():
    small, large = skin(75, 100), skin(300, 400)
    small[37, 20:80] = (40, 30, 25)
    large[148:152, 80:320] = (40, 30, 25)
    for picture in (small, large):
        assert dullrazor_mask(picture)[picture[..., 0] == 40].mean() > 0.9
    assert not dullrazor_mask(large, length=400, at_width=400).any()


def test_candidates_are_where_the_closing_differs():
    picture, line = hair_at(0)
    assert np.array_equal(candidates(picture), line)
    assert not candidates(picture, threshold=200).any()


@pytest.mark.parametrize("function", [dullrazor, blackhat_inpaint])
def test_impossible_settings_are_refused(function):
    for options in ({"threshold": -1}, {"threshold": 300}, {"at_width": 0}):
        with pytest.raises(ParameterError):
            function(skin(), **options)
    if function is dullrazor:
        with pytest.raises(ParameterError, match="length"):
            dullrazor(skin(), length=10, width=50)
    with pytest.raises(ParameterError):
        dullrazor_mask(np.stack([skin(), skin()]))


def test_the_published_version_spares_phantom_pictures_without_hair():
    from dermbook.data import phantom

    collection = phantom(60, height=150, width=200, seed=3)
    change = {name: [] for name in REMOVERS}
    for image_id in collection.ids[:10]:
        truth = collection.source.rendering(image_id).hair_free
        for name, remove in REMOVERS.items():
            change[name].append(np.abs(remove(truth).astype(int) - truth).mean())
    assert np.median(change["dullrazor"]) < 0.5
    assert np.mean(change["dullrazor"]) < np.mean(change["blackhat"])
