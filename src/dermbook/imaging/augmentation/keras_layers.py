"""The same recipes as Keras preprocessing layers, for a model that augments itself in training.

Not the same pixels as the NumPy recipes: Keras draws its own random numbers, on whichever
backend. The layers act in training only and hand on what they get otherwise.
"""

from typing import TYPE_CHECKING

from dermbook.errors import ParameterError
from dermbook.imaging.augmentation.recipes import Ranges, Recipe

if TYPE_CHECKING:
    import keras

#: our borders in Keras' words
_FILLS = {"mirror": "reflect", "edge": "nearest", "black": "constant"}


def keras_layers(how: Recipe, *, seed: int = 0) -> "keras.Sequential":
    """A Sequential of preprocessing layers: images 0..255 in, float32 of the same shape out.

    Bounds and border are the recipe's, with two differences that Keras' layers make: brightness is
    added, not multiplied, and shear leans one way only. ParameterError for a recipe that is not
    given as ``Ranges`` (R1's choice of one among six has no layer).
    """
    import keras

    if not isinstance(how.change, Ranges):
        raise ParameterError(
            f"keras_layers: recipe {how.name!r} has no equivalent of Keras layers."
        )
    ranges, layers = how.change, keras.layers
    geometry = {"fill_mode": _FILLS[ranges.border], "interpolation": "bilinear"}
    made = []
    if ranges.brightness:
        made.append(layers.RandomBrightness(ranges.brightness, value_range=(0, 255), seed=seed))
    if ranges.contrast:
        made.append(layers.RandomContrast(ranges.contrast, value_range=(0, 255), seed=seed + 1))
    if ranges.hue:
        # Keras counts half turns
        made.append(layers.RandomHue(2 * ranges.hue, value_range=(0, 255), seed=seed + 2))
    if ranges.flip_horizontal:
        made.append(layers.RandomFlip("horizontal", seed=seed + 3))
    if ranges.flip_vertical:
        made.append(layers.RandomFlip("vertical", seed=seed + 4))
    if ranges.rotation:
        made.append(layers.RandomRotation(ranges.rotation / 360, seed=seed + 5, **geometry))
    if ranges.shift:
        made.append(layers.RandomTranslation(ranges.shift, ranges.shift, seed=seed + 6, **geometry))
    if ranges.shear:
        made.append(_shear(layers, ranges.shear, seed + 7, geometry))
    if ranges.zoom:
        made.append(layers.RandomZoom(ranges.zoom, ranges.zoom, seed=seed + 8, **geometry))
    return keras.Sequential(made or [layers.Identity()], name=how.name.replace("-", "_"))


def _shear(layers, degrees: float, seed: int, geometry: dict) -> "keras.layers.Layer":
    from math import radians, sin

    # Keras' layer counts columns a row, not degrees
    return layers.RandomShear(x_factor=sin(radians(degrees)), seed=seed, **geometry)
