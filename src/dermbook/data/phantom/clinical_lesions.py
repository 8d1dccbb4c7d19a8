"""Where a clinical lesion's spots lie, and what their form and surface add to the skin."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermbook.data.phantom.clinical_evidence import ClinicalLesion
from dermbook.data.phantom.skin import Layers
from dermbook.data.phantom.structures import soft_step
from dermbook.data.phantom.textures import Canvas, Frame, fractal, grain, mesh, smooth, view

Generator = np.random.Generator

# radius of one spot relative to a single lesion's, by arrangement
SPOT_SIZE = {
    "single": 1.0,
    "few": 0.55,
    "scattered": 0.26,
    "grouped": 0.28,
    "linear": 0.30,
    "confluent": 0.62,
}


@dataclass
class Spots:
    """The lesion's spots in one picture, merged where they touch.

    ``inside`` is the distance to the border, in lesion units, positive within (float32, height ×
    width); ``radius`` a typical spot's; ``alpha`` the coverage, 0..1: the mask is
    ``alpha >= 0.5``; ``clouds`` four channels of noise of about a spot's size.
    """

    lesion: ClinicalLesion
    frame: Frame
    radius: float
    inside: np.ndarray
    alpha: np.ndarray
    clouds: np.ndarray

    @property
    def depth(self) -> np.ndarray:
        """0 on the border to 1 in the middle of a spot."""
        return np.clip(self.inside / np.float32(self.radius), 0, 1)


def place_spots(lesion: ClinicalLesion, frame: Frame, room: float, rng: Generator) -> Spots:
    """Draw the spots from the lesion's arrangement, size, irregularity and satellites."""
    arrangement = lesion.structures["arrangement"]
    size = float(np.exp(lesion.trait("log_size", -2.8, -0.9)))
    radius = min(max(size * SPOT_SIZE[arrangement], 0.022), 0.75 * room)
    points = _arrange(arrangement, size, radius, room, rng)
    radii = radius * np.exp(rng.normal(0, 0.20, len(points)))
    stretch = np.exp(0.28 * np.abs(rng.normal(0, 1, len(points))))
    angles = np.pi * rng.random(len(points))
    count = int(rng.integers(4, 10))
    ring = 2 * np.pi * rng.random(count)
    reach = (size if arrangement != "single" else radius) * rng.uniform(1.5, 2.6, count)
    specks = radius * rng.uniform(0.14, 0.30, count)
    if lesion.has("satellites"):
        points = np.vstack([points, np.stack([reach * np.cos(ring), reach * np.sin(ring)], -1)])
        radii = np.concatenate([radii, np.maximum(specks, 0.012)])
        stretch, angles = np.append(stretch, np.ones(count)), np.append(angles, np.zeros(count))
    canvas = Canvas(frame)
    axes = np.stack([radii * np.sqrt(stretch), radii / np.sqrt(stretch)], -1)
    canvas.ovals(points, axes, angles, 255)
    inside = _signed_distance(canvas)

    irregularity = lesion.trait("irregularity", 0.0, 1.1)
    clouds = fractal().sample(frame, 1.3 * radius + 0.02, view(rng))
    lobes = smooth().sample(frame, 0.75 * radius + 0.01, view(rng))[..., 0]
    inside += radius * irregularity * (0.15 * lobes + 0.12 * clouds[..., 0])
    inside += 0.03 * radius * clouds[..., 0]
    softness = radius * float(np.exp(lesion.trait("log_softness", -3.2, -0.5)))
    softness = max(softness, 0.7 / frame.scale)
    return Spots(lesion, frame, radius, inside, soft_step(inside, -softness, softness), clouds)


def paint_spots(layers: Layers, spots: Spots, light: float, rng: Generator) -> None:
    """Add colour, relief and surface; ``light`` is the angle that light comes from (radians)."""
    lesion, alpha, depth = spots.lesion, spots.alpha, spots.depth
    looks = view(rng)
    dice = rng.random(8)
    form, surface = lesion.structures["form"], lesion.structures["surface"]
    _colour(layers, spots, form)
    if lesion.has("halo"):
        width = np.float32(0.35 * spots.radius + 0.03)
        layers.blood += (0.22 + 0.15 * dice[0]) * np.exp(np.minimum(spots.inside, 0) / width)
    if form in ("papule", "nodule", "blister", "plaque"):
        _raise(layers, spots, form, light, 1.0 if surface == "shiny" or form == "blister" else 0.15)
    if form == "blister":
        pale = soft_step(depth, 0.10, 0.45) * alpha
        layers.blood *= 1 - 0.75 * pale
        layers.keratin += (0.10 + 0.40 * dice[1]) * pale  # clear or purulent
        layers.white += 0.22 * pale
    if lesion.has("vessels"):
        trees = fractal().sample(spots.frame, 0.16, looks)
        lines = np.exp(-((trees[..., 0] / 0.10) ** 2)) * soft_step(trees[..., 2], -0.6, 0.4)
        layers.blood += (0.45 + 0.25 * dice[2]) * lines * alpha
    if surface != "smooth":
        _SURFACES[surface](layers, spots, looks, dice)
    if lesion.has("scratches"):
        _scratches(layers, spots, rng)


def _arrange(
    arrangement: str, size: float, radius: float, room: float, rng: Generator
) -> np.ndarray:
    """Centres of the spots, lesion coordinates (n, 2)."""
    bearing, bend = 2 * np.pi * rng.random(), rng.normal(0, 1.2)
    dice = rng.random()
    scatter = rng.uniform(-1, 1, (44, 2))
    crowd = rng.normal(0, 1, (44, 2))
    if arrangement == "single":
        return np.zeros((1, 2))
    if arrangement == "few":
        points = crowd[: 2 + int(3 * dice)] * min(1.25 * size + 0.05, 0.7 * room)
        points[0] *= 0.4
    elif arrangement == "scattered":
        points = scatter[: 14 + int(30 * dice)] * (0.75, 0.6)
    elif arrangement == "grouped":
        points = crowd[: 6 + int(9 * dice)] * min(0.55 * size + 0.02, 0.5 * room)
    elif arrangement == "linear":
        steps = np.arange(6 + int(6 * dice)) - (5 + 6 * dice) / 2
        headings = bearing + bend * steps / len(steps)
        points = 2.1 * radius * steps[:, None] * np.stack([np.cos(headings), np.sin(headings)], -1)
        points += 0.25 * radius * crowd[: len(points)]
    else:  # confluent: overlapping spots make one map-like area
        points = crowd[: 7 + int(8 * dice)] * min(0.85 * size + 0.03, 0.7 * room)
    return points


def _signed_distance(canvas: Canvas) -> np.ndarray:
    """Distance to the border of what the canvas shows, lesion units, positive inside."""
    frame = canvas.frame
    shape = (canvas.pixels >= 128).astype(np.uint8)
    if not shape.any():  # the lesion lies outside the picture
        return np.full((frame.height, frame.width), -2.0, np.float32)
    distance = cv2.distanceTransform(shape, cv2.DIST_L2, 5)
    distance -= cv2.distanceTransform(1 - shape, cv2.DIST_L2, 5)
    distance = cv2.resize(distance, (frame.width, frame.height), interpolation=cv2.INTER_AREA)
    return distance * np.float32(1 / (canvas.OVER * frame.scale))


def _colour(layers: Layers, spots: Spots, form: str) -> None:
    lesion, alpha, clouds, depth = spots.lesion, spots.alpha, spots.clouds, spots.depth
    variegation = lesion.trait("variegation", 0.0, 1.1)
    red = 0.95 + 0.14 * clouds[..., 1]
    if form == "ring":  # a raised red rim, clearing in the middle
        red = red * (0.30 + 1.1 * np.exp(-(((depth - 0.22) / 0.20) ** 2)))
    red = lesion.trait("redness", 0.0, 1.2) * alpha * red
    layers.blood += 0.85 * red
    layers.melanin += 0.12 * red  # inflamed skin is darker too, not only redder
    patches = soft_step(clouds[..., 2], 1.5 - 1.4 * variegation, 2.1 - 1.4 * variegation)
    brown = 0.95 + (0.06 + 0.22 * variegation) * clouds[..., 3] + 0.8 * variegation * patches
    if form == "ring":
        brown = brown * (0.5 + 0.5 * np.exp(-(((depth - 0.22) / 0.25) ** 2)))
    layers.melanin += lesion.trait("pigment", -0.45, 1.9) * alpha * np.maximum(brown, 0.05)
    violet = lesion.trait("violet", 0.0, 0.9)
    layers.blue += violet * alpha * (0.8 + 0.5 * variegation * clouds[..., 1])
    layers.keratin += lesion.trait("keratin", 0.0, 0.8) * alpha


def _raise(layers: Layers, spots: Spots, form: str, light: float, gloss: float) -> None:
    """Relief of a dome or plateau: one side lit, the other in shadow, and a highlight."""
    if form == "plaque":
        height = 0.35 * soft_step(spots.depth, 0.0, 0.5)
    else:
        rest = 1 - spots.depth
        height = np.sqrt(np.maximum(1 - rest * rest, 0))
        height *= {"papule": 0.75, "nodule": 1.25, "blister": 0.8}[form]
    height = cv2.GaussianBlur(height, (0, 0), max(0.7, 0.12 * spots.radius * spots.frame.scale))
    pixels = np.float32(spots.radius * spots.frame.scale / 8)  # Sobel sums eight differences
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0) * pixels
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1) * pixels
    towards = -(across * np.float32(np.cos(light)) + down * np.float32(np.sin(light)))
    layers.relief -= 0.30 * np.clip(towards, -1.6, 1.2) * spots.alpha
    lit = soft_step(towards, 0.35, 0.60) * soft_step(-towards, -0.95, -0.70)
    layers.white += 0.6 * gloss * lit * soft_step(spots.depth, 0.25, 0.6)


def _scale(layers: Layers, spots: Spots, looks: tuple, dice: np.ndarray) -> None:
    """Whitish flakes over the lesion."""
    flakes = fractal().sample(spots.frame, 0.10, looks)
    fine = grain().sample(spots.frame, 0.014, looks)
    height = 0.8 * flakes[..., 0] + 0.7 * fine[..., 0]
    cover = soft_step(height, 0.4 - 0.9 * dice[3], 1.9 - 0.9 * dice[3])
    cover *= soft_step(spots.depth, 0.0, 0.25) * spots.alpha
    layers.white += (0.38 + 0.3 * dice[4]) * cover * (0.85 + 0.2 * flakes[..., 1])
    layers.relief += 0.16 * fine[..., 1] * cover


def _crust(layers: Layers, spots: Spots, looks: tuple, dice: np.ndarray) -> None:
    """Dried serum and blood: honey-yellow to dark red-brown, lumpy."""
    lumps = fractal().sample(spots.frame, 0.12, looks)
    cover = soft_step(lumps[..., 0] + 1.2 * spots.depth, 0.35, 0.9) * spots.alpha
    layers.keratin += (0.55 + 0.35 * dice[3]) * cover
    layers.melanin += 0.9 * dice[4] * cover
    layers.blood += 0.45 * dice[5] * cover
    layers.relief += 0.14 * lumps[..., 1] * cover


def _warty(layers: Layers, spots: Spots, looks: tuple, dice: np.ndarray) -> None:
    """A cobbled surface with dark clefts."""
    cells = mesh(0.42).sample(spots.frame, 0.030 + 0.02 * dice[3], looks)
    clefts = np.exp(-((cells[..., 0] / 0.13) ** 2)) * spots.alpha
    layers.relief += 0.35 * clefts - 0.10 * spots.alpha * (cells[..., 2] - 0.4)
    layers.melanin += 0.35 * dice[4] * clefts
    layers.keratin += 0.20 * spots.alpha


def _ulcer(layers: Layers, spots: Spots, looks: tuple, dice: np.ndarray) -> None:
    """The middle is open: raw red, with a yellow bed and a dark undermined edge."""
    bed = fractal().sample(spots.frame, 0.10, looks)
    level = spots.depth + 0.10 * bed[..., 0]
    hole = soft_step(level, 0.28, 0.40) * spots.alpha
    slough = soft_step(bed[..., 1], 0.2, 0.9) * soft_step(level, 0.42, 0.60) * spots.alpha
    rim = np.exp(-(((level - 0.30) / 0.06) ** 2)) * spots.alpha
    layers.melanin *= 1 - 0.6 * hole
    layers.blood += (0.75 + 0.4 * dice[3]) * hole * (1 - 0.7 * slough)
    layers.keratin += 0.55 * slough
    layers.white += 0.15 * slough
    layers.relief += 0.35 * rim + 0.08 * bed[..., 2] * hole


def _shiny(layers: Layers, spots: Spots, looks: tuple, dice: np.ndarray) -> None:
    """A pearly gloss: paler, with small reflections."""
    glints = fractal().sample(spots.frame, 0.09, looks)
    middle = soft_step(spots.depth, 0.10, 0.50) * spots.alpha
    layers.white += 0.13 * middle + 0.5 * soft_step(glints[..., 0], 1.5, 2.0) * middle


_SURFACES = {"scale": _scale, "crust": _crust, "warty": _warty, "ulcer": _ulcer, "shiny": _shiny}


def _scratches(layers: Layers, spots: Spots, rng: Generator) -> None:
    """Linear excoriations across and around the lesion."""
    count = int(rng.integers(4, 10))
    lean = 2 * np.pi * rng.random()
    reach = max(2.2 * spots.radius, 0.18)
    starts = rng.normal(0, 0.7 * reach, (count, 2))
    bearings = lean + rng.normal(0, 0.25, count)
    lengths = reach * rng.uniform(0.4, 1.1, count)
    canvas = Canvas(spots.frame)
    for start, bearing, length in zip(starts, bearings, lengths, strict=True):
        step = 0.5 * length * np.array([np.cos(bearing), np.sin(bearing)])
        canvas.line(np.stack([start - step, start + 0.1 * step[::-1], start + step]), 0.009, 220)
    marks = canvas.result(blur=0.003)
    layers.blood += 0.75 * marks
    layers.melanin += 0.18 * marks
