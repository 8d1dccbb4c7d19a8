"""Healthy skin: its colour, its texture and what the sun left on it.

Colours are computed as optical densities (natural logarithms of attenuation, one number a colour
channel): layers of pigment then simply add, as absorbing layers do (Beer–Lambert).
"""

from dataclasses import dataclass

import numpy as np

from dermbook.data.phantom.textures import (
    Canvas,
    Frame,
    creases,
    fractal,
    mesh,
    smooth,
    view,
)

# display RGB of even skin under a dermatoscope, Fitzpatrick types I … VI
FITZPATRICK_RGB = (
    (236, 206, 206),
    (228, 192, 192),
    (214, 172, 168),
    (184, 140, 130),
    (142, 103, 90),
    (96, 68, 59),
)
# optical densities of one unit of each pigment in R, G, B
MELANIN = (0.68, 0.98, 1.28)
BLOOD = (0.10, 1.00, 0.72)
BLUE = (0.95, 0.74, 0.44)  # melanin deep in the dermis looks blue (Tyndall effect)
KERATIN = (0.06, 0.30, 0.85)  # yellow-orange
PIGMENTS = np.array([MELANIN, BLOOD, BLUE, KERATIN], np.float32)


@dataclass
class Layers:
    """What lies in and on the skin, one float32 array (height, width) each.

    The four pigments are added; ``white``, ``veil`` are opacities 0..1 of a milky white and of a
    whitish blue laid over; ``relief`` is a colourless optical density (shadow positive).
    """

    melanin: np.ndarray
    blood: np.ndarray
    blue: np.ndarray
    keratin: np.ndarray
    white: np.ndarray
    veil: np.ndarray
    relief: np.ndarray

    @classmethod
    def empty(cls, frame: Frame) -> "Layers":
        shape = (7, frame.height, frame.width)
        return cls(*np.zeros(shape, np.float32))

    def rgb(self, base: np.ndarray) -> np.ndarray:
        """Reflected light, float32 (height, width, 3), 0..255; ``base`` is the skin's density."""
        pigments = np.stack([self.melanin, self.blood, self.blue, self.keratin], -1)
        density = pigments @ PIGMENTS
        density += base
        density += self.relief[..., None]
        np.maximum(density, 0.02, out=density)
        light = np.exp(-density, out=density)
        light *= 255
        for opacity, colour in ((self.veil, (122, 130, 152)), (self.white, (238, 222, 222))):
            if opacity.any():
                cover = np.clip(opacity, 0, 1)[..., None]
                light += cover * (np.array(colour, np.float32) - light)
        return light


@dataclass(frozen=True)
class Skin:
    """One person's skin around one lesion; ``sun`` is sun damage, 0 none … 1 heavy."""

    fitzpatrick_type: int
    sun: float

    def base(self, rng: np.random.Generator) -> np.ndarray:
        """Optical density of even skin in R, G, B, float32 (3,), with personal variation."""
        density = -np.log(np.array(FITZPATRICK_RGB[self.fitzpatrick_type - 1]) / 255)
        melanin, blood = rng.normal(0, (0.03, 0.03))
        density = density * (1 + 2 * melanin) + (max(blood, -0.04) + 0.08 * self.sun) * np.array(
            BLOOD
        )
        return np.maximum(density, 0.02).astype(np.float32)


def paint_skin(layers: Layers, skin: Skin, frame: Frame, rng: np.random.Generator) -> None:
    """Add mottling, markings, follicles, freckles and fine vessels of the surrounding skin."""
    strength = 0.6 + 0.8 * rng.random(4)
    clouds = fractal().sample(frame, 0.35, view(rng))
    layers.melanin += (0.010 + 0.020 * skin.sun) * strength[0] * clouds[..., 0]
    layers.blood += (0.018 + 0.035 * skin.sun) * strength[1] * clouds[..., 1]
    fine = fractal().sample(frame, 0.07, view(rng))
    layers.blood += 0.014 * strength[1] * fine[..., 0]
    layers.relief += 0.008 * strength[2] * fine[..., 1]
    furrows = creases().sample(frame, 0.034 + 0.026 * rng.random(), view(rng))
    layers.relief += (0.05 * strength[2] * (0.25 + rng.random())) * furrows
    _follicles(layers, frame, rng, strength[3])
    _freckles(layers, skin, frame, rng)


def _follicles(layers: Layers, frame: Frame, rng: np.random.Generator, strength: float) -> None:
    """Hair follicles and sweat-gland openings: sparse pale or dark dots."""
    cells = mesh(0.42).sample(frame, 0.075 + 0.05 * rng.random(), view(rng))
    dots = np.exp(-((cells[..., 1] / 0.17) ** 2)) * (cells[..., 2] > 0.45)
    pale = rng.random() < 0.55
    if pale:
        layers.relief -= 0.07 * strength * dots
    else:
        layers.melanin += 0.09 * strength * dots


def _freckles(layers: Layers, skin: Skin, frame: Frame, rng: np.random.Generator) -> None:
    """Brown spots and redness of sun-damaged skin."""
    count = int(rng.poisson(2 + 26 * skin.sun**2))
    blotch, redness = rng.random(2)
    points = rng.uniform(-0.95, 0.95, (60, 2))[:count]
    radii = np.exp(rng.normal(np.log(0.018), 0.45, 60))[:count]
    values = rng.uniform(40, 190, 60)[:count].astype(int)
    if count:
        canvas = Canvas(frame)
        canvas.discs(points, radii, values)
        layers.melanin += 0.42 * canvas.result(blur=0.008)
    if skin.sun > 0.35:
        clouds = smooth().sample(frame, 0.14, view(rng))
        layers.blood += 0.16 * skin.sun * redness * np.maximum(clouds[..., 0], 0)
        layers.melanin += 0.10 * skin.sun * blotch * np.maximum(clouds[..., 1] - 0.4, 0)
