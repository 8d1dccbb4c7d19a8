"""R3's U-Net: its size by formula, any picture size, and that it learns where a lesion is."""

import keras
import numpy as np
import pytest

from dermbook import models
from dermbook.errors import ParameterError
from dermbook.models.unet import padded_size, unet_weights


def output(model, pixels):
    return np.asarray(keras.ops.convert_to_numpy(model(pixels)))


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear"])
@pytest.mark.parametrize(("width", "depth"), [(2, 1), (4, 3)])
def test_the_formula_counts_what_keras_counts(upsampling, width, depth):
    model = models.build("unet", (16, 24, 3), 1, width=width, depth=depth, upsampling=upsampling)
    assert model.count_params() == unet_weights(width, depth, upsampling=upsampling)


def test_one_level_counted_by_hand():
    # down 3→2: 54 + 36 + 16; bottom 2→4: 72 + 144 + 32; up 4→2: 32 + 2, then 4→2: 72 + 36 + 16
    assert unet_weights(2, 1) == 106 + 248 + 34 + 124 + 3


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear"])
def test_any_size_keeps_its_size(upsampling):
    for height, width in [(1, 1), (13, 21), (16, 24)]:
        model = models.build("unet", (height, width, 3), 1, width=2, depth=3, upsampling=upsampling)
        pixels = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        found = output(model, pixels)
        assert found.shape == (2, height, width, 1)
        assert found.dtype == np.float32
        assert ((found >= 0) & (found <= 1)).all()
    assert padded_size(13, 21, 3) == (16, 24)
    assert padded_size(16, 24, 3) == (16, 24)


def test_logits_are_the_probabilities_before_the_sigmoid():
    pixels = np.random.default_rng(1).integers(0, 256, (2, 8, 12, 3), dtype=np.uint8)
    logits, chances = (
        output(models.build("unet", (8, 12, 3), 1, seed=3, width=2, depth=2, output=kind), pixels)
        for kind in ("logits", "probabilities")
    )
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), chances, atol=1e-5)
    assert logits.min() < 0 or logits.max() > 1


def test_the_map_follows_the_picture():
    # a padded picture is cropped where it was padded: moving the spot moves the answer alike
    model = models.build("unet", (20, 20, 3), 1, seed=0, width=4, depth=1, output="logits")
    plain = np.zeros((1, 20, 20, 3), np.uint8)
    here, there = plain.copy(), plain.copy()
    here[0, 8, 8], there[0, 12, 10] = 255, 255
    change, other = (np.abs(output(model, each) - output(model, plain)) for each in (here, there))
    np.testing.assert_allclose(change[0, 2:14, 2:14], other[0, 6:18, 4:16], atol=1e-5)
    assert change.max() > 1e-4


@pytest.mark.parametrize(
    ("classes", "options", "message"),
    [
        (2, {}, "classes must be 1"),
        (1, {"upsampling": "cubic"}, "upsampling must be"),
        (1, {"output": "mask"}, "output must be"),
        (1, {"width": 0}, "width must be"),
        (1, {"depth": 0}, "depth must be"),
    ],
)
def test_what_unet_refuses(classes, options, message):
    with pytest.raises(ParameterError, match=message):
        models.build("unet", (16, 16, 3), classes, **options)


def test_the_catalogue_and_the_docstring_know_the_row():
    assert models.spec("unet").rows == ("3.10",)
    text = models.spec("unet").builder.__doc__
    assert "Stated by the report" in text
    assert "Our choice" in text
