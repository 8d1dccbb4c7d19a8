"""What a clinical photograph shows besides the lesion: a part of a body and what lies behind it."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermbook.data.phantom.skin import BLOOD, Layers
from dermbook.data.phantom.textures import Canvas, Frame, creases, fractal, grain, smooth, view

Generator = np.random.Generator

# display RGB of even skin in a clinical photograph, Fitzpatrick types I … VI
CLINICAL_RGB = (
    (230, 188, 172),
    (221, 170, 148),
    (206, 152, 126),
    (178, 122, 94),
    (134, 88, 66),
    (88, 58, 45),
)
PARTS = ("flat", "limb", "edge", "digits")
PART_ODDS = (0.42, 0.27, 0.19, 0.12)
BACKGROUNDS = (  # RGB and roughness: surgical drapes, sheets, studio card, dark cloth
    ((58, 104, 150), 1.0),
    ((62, 128, 108), 1.0),
    ((206, 206, 202), 0.8),
    ((150, 150, 148), 0.25),
    ((28, 28, 32), 0.25),
    ((96, 88, 78), 0.9),
)
BACKGROUND_ODDS = (0.24, 0.16, 0.22, 0.16, 0.14, 0.08)


@dataclass
class Scene:
    """The part of the body in one picture.

    ``skin`` is its coverage, float32 (height, width), 0..1; ``shade`` a colourless optical density
    (shadow positive); ``room`` the distance from the lesion's centre, in lesion units, within
    which there is skin; ``behind`` the background, float32 (height, width, 3), or None.
    """

    part: str
    skin: np.ndarray
    shade: np.ndarray
    room: float
    behind: np.ndarray | None

    def over_background(self, light: np.ndarray) -> np.ndarray:
        """Skin before the background, with the shadow that it casts there."""
        if self.behind is None:
            return light
        height = light.shape[0]
        shadow = cv2.blur(self.skin, (max(3, height // 8 | 1),) * 2)
        behind = self.behind * (1 - 0.5 * shadow)[..., None]
        return behind + self.skin[..., None] * (light - behind)


def base_density(fitzpatrick_type: int, rng: Generator) -> np.ndarray:
    """Optical density of one person's even skin in R, G, B, float32 (3,)."""
    density = -np.log(np.array(CLINICAL_RGB[fitzpatrick_type - 1]) / 255)
    darker, redder = rng.normal(0, (0.07, 0.045))
    density = density * (1 + darker) + max(redder, -0.05) * np.array(BLOOD)
    return np.maximum(density, 0.02).astype(np.float32)


def draw_scene(frame: Frame, rng: Generator) -> Scene:
    """A part of a body, lit from the side, before a drape, a sheet or nothing.

    All is drawn in lesion coordinates and in a fixed order: another frame shows the same scene.
    """
    part = str(rng.choice(PARTS, p=PART_ODDS))
    light = 2 * np.pi * rng.random()
    dice = rng.random(4)
    angle = 2 * np.pi * rng.random()
    scene_view = view(rng)
    x, y = frame.grid()
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    softness = 2.0 / frame.scale
    broad = smooth().sample(frame, 0.9, scene_view)
    shade = 0.05 * broad[..., 0] + 0.10 * (x * np.cos(light) + y * np.sin(light))
    skin, room = np.ones(x.shape, np.float32), 0.9
    if part == "limb":
        width = 0.34 + 0.26 * dice[0]
        middle = (dice[1] - 0.5) * 0.4 * width
        offset = across + np.float32(0.22 * (dice[2] - 0.5)) * along**2 - np.float32(middle)
        offset = offset / np.float32(width * (1 + 0.25 * (dice[3] - 0.5)))
        offset += 0.02 * broad[..., 1]
        shade += _round(offset, np.cos(light - angle))
        skin = np.clip((1 - np.abs(offset)) * (width / softness) + 0.5, 0, 1)
        room = 0.8 * width
    elif part == "edge":
        reach = 0.30 + 0.25 * dice[0]
        offset = across + np.float32(0.5 * (dice[1] - 0.35)) * along**2 + 0.015 * broad[..., 1]
        skin = np.clip((reach - offset) / softness + 0.5, 0, 1)
        fall = np.clip(1 - (reach - offset) / (0.35 + 0.3 * dice[2]), 0, 1)
        shade += (0.25 + 0.5 * dice[3]) * fall**2
        room = 0.8 * reach
    elif part == "digits":
        width = 0.15 + 0.06 * dice[0]
        spacing = width * (2.06 + 0.5 * dice[1])
        finger = np.clip(np.rint(across / spacing), -2, 2)
        tips = np.float32(0.45 + 0.5 * dice[2]) - 0.12 * np.abs(finger - np.float32(dice[3] - 0.5))
        beyond = np.maximum(along - tips, 0)
        aside = (across - finger * np.float32(spacing)) / np.float32(width)
        offset = np.sign(aside) * np.hypot(aside, beyond / np.float32(width))
        shade += _round(offset, np.cos(light - angle))
        joint = along + np.float32(0.35 - 0.3 * dice[3]) + 0.02 * np.abs(finger)
        wrinkles = np.exp(-((np.mod(joint, 0.42) - 0.21) ** 2) / 0.0006)
        shade += 0.16 * wrinkles * (0.6 + 0.4 * broad[..., 2])
        skin = np.clip((1 - np.abs(offset)) * (width / softness) + 0.5, 0, 1)
        room = 0.9 * width
    elif dice[0] < 0.16:  # a fold of the skin
        offset = across - np.float32(0.25 + 0.3 * dice[1]) + 0.5 * (dice[2] - 0.5) * along**2
        shade += 0.45 * np.exp(-((offset + 0.02 * broad[..., 1]) ** 2) / 0.0008)
        shade += 0.14 * np.exp(-((offset / 0.12) ** 2))
    behind = None if part == "flat" else _background(frame, rng)
    return Scene(part, skin.astype(np.float32), shade.astype(np.float32), room, behind)


def paint_clinical_skin(layers: Layers, scene: Scene, frame: Frame, rng: Generator) -> None:
    """Mottling, fine relief, a few freckles and naevi that belong to nobody's diagnosis; hair."""
    strength = 0.5 + rng.random(4)
    clouds = fractal().sample(frame, 0.45, view(rng))
    layers.melanin += 0.022 * strength[0] * clouds[..., 0]
    layers.blood += 0.030 * strength[1] * clouds[..., 1]
    fine = grain().sample(frame, 0.022, view(rng))
    layers.relief += 0.014 * strength[2] * fine[..., 0] + 0.010 * strength[2] * clouds[..., 2]
    lines = creases().sample(frame, 0.030 + 0.03 * rng.random(), view(rng))
    layers.relief += 0.05 * strength[3] * rng.random() * lines
    layers.relief += scene.shade
    count = int(rng.poisson(2.0 + 22.0 * (rng.random() < 0.12)))
    points = rng.uniform(-0.9, 0.9, (60, 2))[:count]
    radii = 0.0065 * np.exp(rng.normal(0, 0.45, 60))[:count]
    values = rng.integers(50, 220, 60)[:count]
    if count:
        canvas = Canvas(frame)
        canvas.discs(points, radii, values)
        layers.melanin += 0.6 * canvas.result(blur=0.003)
    if rng.random() < (0.3 if scene.part == "limb" else 0.08):
        layers.melanin += 0.5 * _hairs(frame, rng)


def _round(offset: np.ndarray, side: float) -> np.ndarray:
    """Optical density of a cylinder's shading; ``offset`` is -1..1 from edge to edge."""
    facing = np.sqrt(np.maximum(1 - np.minimum(offset * offset, 1), 0))
    lit = 0.40 + 0.60 * np.clip(0.88 * facing + np.float32(0.40 * side) * offset, 0, 1)
    return -np.log(lit)


def _background(frame: Frame, rng: Generator) -> np.ndarray:
    """Cloth with folds and weave, or plain card; float32 (height, width, 3), 0..255."""
    colour, rough = BACKGROUNDS[int(rng.choice(len(BACKGROUNDS), p=BACKGROUND_ODDS))]
    folds = smooth().sample(frame, 0.30 + 0.3 * rng.random(), view(rng))
    weave = grain().sample(frame, 0.016, view(rng))
    gain = 1 + rough * (0.13 * folds[..., 0] + 0.07 * weave[..., 0])
    gain *= np.float32(np.exp(rng.normal(0, 0.15)))
    return gain[..., None] * np.array(colour, np.float32)


def _hairs(frame: Frame, rng: Generator) -> np.ndarray:
    """Fine body hair, all lying much the same way; opacity float32 (height, width)."""
    count = int(rng.integers(25, 70))
    lean = 2 * np.pi * rng.random()
    starts = rng.uniform((-0.9, -0.7), (0.9, 0.7), (count, 2))
    bearings = lean + rng.normal(0, 0.3, count)
    bends = rng.normal(0, 0.35, count)
    lengths = rng.uniform(0.04, 0.11, count)
    canvas = Canvas(frame)
    for start, bearing, bend, length in zip(starts, bearings, bends, lengths, strict=True):
        headings = bearing + bend * np.arange(4)
        steps = length / 4 * np.stack([np.cos(headings), np.sin(headings)], -1)
        canvas.line(np.vstack([start, start + np.cumsum(steps, 0)]), 0.0035, 200)
    return canvas.result()
