"""The dermoscopic structures, one function each: where they lie and what they add to the layers.

Every function draws its geometry from ``rng`` in lesion coordinates, in an order that does not
depend on the frame, so the same lesion shows the same structures in each of its photographs.
"""

import numpy as np

from dermbook.data.phantom.body import Body
from dermbook.data.phantom.skin import Layers
from dermbook.data.phantom.textures import Canvas, fractal, grain, mesh, smooth, view

Generator = np.random.Generator


def soft_step(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    ramp = np.clip((values - low) * (1 / (high - low)), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def ground(layers: Layers, body: Body, rng: Generator) -> None:
    """The lesion's diffuse colour: pigment, redness, and patches of other colours."""
    lesion = body.lesion
    melanin = np.exp(lesion.trait("log_melanin", -3.5, 0.35))
    blood = np.exp(lesion.trait("log_blood", -3.5, 0.2))
    variegation = lesion.trait("variegation", 0.0, 1.1)
    asymmetry = lesion.trait("asymmetry", 0.0, 1.1)
    clouds = fractal().sample(body.frame, 1.1 * body.radius, view(rng))
    patches = smooth().sample(body.frame, 0.55 * body.radius + 0.02, view(rng))
    centre, slope, bearing, redness = rng.normal(size=4)
    depth = np.clip(body.depth, 0, 1)
    # darker or lighter towards the centre; one half darker than the other
    profile = 0.90 + (0.40 + 0.3 * centre) * (depth - 0.40)
    along = (body.x * np.cos(bearing) + body.y * np.sin(bearing)) * (1 / body.radius)
    profile += 0.45 * asymmetry * slope * np.clip(along, -1.2, 1.2)
    profile += (0.10 + 0.22 * variegation) * clouds[..., 0]
    patches = patches + 0.45 * clouds
    dark = soft_step(patches[..., 0], 1.15 - 0.9 * variegation, 1.75 - 0.9 * variegation)
    pale = soft_step(patches[..., 1], 1.30 - 0.7 * variegation, 1.90 - 0.7 * variegation)
    profile += variegation * (1.3 * dark - 0.55 * pale)
    layers.melanin += body.alpha * melanin * np.clip(profile, 0.08, 3.0)
    red = 0.85 + 0.25 * clouds[..., 1] + 0.7 * variegation * soft_step(patches[..., 2], 0.6, 1.4)
    layers.blood += body.alpha * blood * np.maximum(red, 0.05)
    layers.blood += 0.10 * max(redness, 0) * soft_step(body.depth, -0.6, 0.1)  # inflamed halo
    layers.relief *= 1 - 0.4 * body.alpha  # skin markings fade in the lesion


def network(layers: Layers, body: Body, rng: Generator, level: str) -> None:
    """Pigment network: even thin brown lines, or thick, broken, uneven ones."""
    atypical = level == "atypical"
    spacing = (0.048 if atypical else 0.037) * rng.uniform(0.85, 1.25)
    cells = mesh(0.45 if atypical else 0.30).sample(body.frame, spacing, view(rng))
    clouds = fractal().sample(body.frame, 0.8 * body.radius, view(rng))
    strength = rng.uniform(0.5, 1.0)
    ringed = (not atypical and rng.random() < 0.5) or body.lesion.has("scar")
    depth = np.clip(body.depth, 0, 1)
    if atypical:
        width = 0.15 + 0.07 * clouds[..., 0]
        local = soft_step(clouds[..., 1], -0.5, 0.7) * soft_step(body.depth, -0.08, 0.05)
        gain = 0.85
    else:
        # lines thin out towards the periphery
        width = 0.085 + 0.07 * np.minimum(depth * 2, 1) + 0.012 * clouds[..., 0]
        local = soft_step(body.depth, -0.05, 0.25)
        if ringed:
            local = local * (1 - 0.85 * soft_step(depth, 0.30, 0.60))
        gain = 0.54
    width = np.maximum(width, 0.05)
    lines = np.exp(-((cells[..., 0] / width) ** 2)) - 0.18
    layers.melanin += gain * strength * local * np.sqrt(body.alpha) * lines


def globules(layers: Layers, body: Body, rng: Generator, level: str) -> None:
    """Brown globules of one size, or dots and globules of many sizes, some of them black."""
    strength = rng.uniform(0.55, 1.0)
    count = int(rng.integers(22, 55)) if level == "regular" else int(rng.integers(14, 40))
    count = max(8, int(count * body.radius / 0.27))
    canvas = Canvas(body.frame)
    if level == "regular":
        rim = rng.random() < 0.35  # a growing naevus: globules along the border
        points = body.scatter(rng, count, 0.80 if rim else 0.0, 0.96 if rim else 0.85)
        radii = 0.0135 * np.exp(rng.normal(0, 0.15, count))
        canvas.discs(points, radii)
        layers.melanin += 0.85 * strength * canvas.result(blur=0.003)
        return
    side = rng.normal(0, 0.4 * body.radius, 2)
    points = 0.75 * body.scatter(rng, count, 0.0, 1.05) + side
    radii = 0.0105 * np.exp(rng.normal(0, 0.55, count))
    canvas.discs(points, radii, rng.integers(110, 256, count))
    layers.melanin += 1.5 * strength * canvas.result(blur=0.002)


def veil(layers: Layers, body: Body, rng: Generator) -> None:
    """Blue-white veil: a structureless blue area with a ground-glass haze over it."""
    clouds = smooth().sample(body.frame, 0.7 * body.radius + 0.03, view(rng))
    centre = body.scatter(rng, 1, 0.0, 0.5)[0]
    reach = body.radius * rng.uniform(0.45, 0.8)
    distance = np.hypot(body.x - centre[0], body.y - centre[1]) / reach
    area = soft_step(1.20 - distance + 0.32 * clouds[..., 0], 0.0, 1.0) * body.alpha
    strength = rng.uniform(0.55, 1.0)
    mottle = fractal().sample(body.frame, 0.16, view(rng))
    layers.blue += strength * area * (0.62 + 0.30 * mottle[..., 0])
    layers.melanin += 0.16 * strength * area * (1 + mottle[..., 2])
    layers.veil += strength * area * (0.46 + 0.10 * clouds[..., 1] + 0.10 * mottle[..., 1])


def regression(layers: Layers, body: Body, rng: Generator) -> None:
    """Regression: scar-like pale patches with blue-grey peppering."""
    clouds = fractal().sample(body.frame, 0.9 * body.radius, view(rng))
    peppers = mesh(0.45).sample(body.frame, 0.035, view(rng))
    strength = rng.uniform(0.55, 1.0)
    area = soft_step(clouds[..., 0], 0.35, 1.05) * soft_step(body.depth, 0.02, 0.2)
    layers.melanin *= 1 - 0.75 * strength * area
    layers.white += 0.30 * strength * area
    dots = np.exp(-((peppers[..., 1] / 0.25) ** 2)) * (peppers[..., 2] > 0.5)
    layers.blue += 0.75 * strength * area * dots


def cysts(layers: Layers, body: Body, rng: Generator) -> None:
    """Milia-like cysts: round milky or yellowish spots, a few large and cloudy, most tiny."""
    count = int(rng.integers(5, 16))
    points = body.scatter(rng, count, 0.0, 0.82)
    radii = 0.0125 * np.exp(rng.normal(0, 0.4, count))
    strength = rng.uniform(0.6, 1.0)
    canvas = Canvas(body.frame)
    canvas.discs(points, radii, rng.integers(150, 256, count))
    spots = canvas.result(blur=0.0045)
    layers.white += 0.85 * strength * spots
    layers.keratin += 0.35 * strength * spots


def openings(layers: Layers, body: Body, rng: Generator) -> None:
    """Comedo-like openings: roundish brown-black plugs with a paler rim, and fissures."""
    count = int(rng.integers(5, 13))
    points = body.scatter(rng, count, 0.0, 0.85)
    sizes = 0.017 * np.exp(rng.normal(0, 0.35, count))
    strength = rng.uniform(0.6, 1.0)
    angles = np.pi * rng.random(count)
    radii = np.stack([sizes, sizes * rng.uniform(0.55, 0.95, count)], -1)
    plugs, rims = Canvas(body.frame), Canvas(body.frame)
    rims.ovals(points, radii * 1.7, angles, 255)
    plugs.ovals(points, radii, angles, rng.integers(150, 256, count))
    fissured = rng.random() < 0.4
    starts, bends = body.scatter(rng, 5, 0.1, 0.8), rng.normal(0, 0.6, (5, 6))
    bearings = 2 * np.pi * rng.random(5)
    if fissured:
        for start, bearing, bend in zip(starts, bearings, bends, strict=True):
            plugs.line(_wander(start, bearing, bend, 0.05 * body.radius / 0.27), 0.010)
    layers.melanin -= 0.18 * strength * rims.result(blur=0.004) * body.alpha
    dark = strength * plugs.result(blur=0.002) * body.alpha
    layers.melanin += 1.05 * dark
    layers.keratin += 0.6 * dark


def vessels(layers: Layers, body: Body, rng: Generator, level: str) -> None:
    """Arborising vessels (thick trunks branching to fine twigs), or dots and coils."""
    strength = rng.uniform(0.6, 1.0)
    canvas = Canvas(body.frame)
    if level == "dotted":
        clouds = fractal().sample(body.frame, 0.7 * body.radius, view(rng))
        cells = mesh(0.42).sample(body.frame, rng.uniform(0.042, 0.058), view(rng))
        dots = np.exp(-((cells[..., 1] / 0.21) ** 2)) * (cells[..., 2] > 0.25)
        area = soft_step(clouds[..., 0], -0.6, 0.4) * body.alpha
        layers.blood += 1.15 * strength * dots * area
        return
    for trunk in range(int(rng.integers(2, 5))):
        angle = 2 * np.pi * rng.random()
        start = body.around(np.array([angle]), 1.02 if trunk else 0.85)[0]
        inward = np.arctan2(-start[1], -start[0]) + rng.normal(0, 0.35)
        _branch(canvas, rng, start, inward, body.radius * rng.uniform(0.8, 1.4), 0.0105, 3)
    tree = canvas.result()
    layers.blood += 1.25 * strength * tree
    layers.white += 0.10 * strength * body.alpha  # pearly ground


def nests(layers: Layers, body: Body, rng: Generator) -> None:
    """Blue-grey ovoid nests and leaf-like areas, mostly towards the border."""
    count = int(rng.integers(4, 11))
    points = body.scatter(rng, count, 0.25, 0.95)
    sizes = 0.034 * np.exp(rng.normal(0, 0.4, count)) * (body.radius / 0.27) ** 0.5
    radii = np.stack([sizes, sizes * rng.uniform(0.45, 0.85, count)], -1)
    canvas = Canvas(body.frame)
    canvas.ovals(points, radii, np.pi * rng.random(count), rng.integers(140, 256, count))
    strength = rng.uniform(0.6, 1.0)
    cover = strength * canvas.result(blur=0.006)
    layers.blue += 1.0 * cover
    layers.melanin += 0.25 * cover


def ulceration(layers: Layers, body: Body, rng: Generator) -> None:
    """Ulceration: a raw red area under an uneven orange-brown to blackish crust."""
    centre = body.scatter(rng, 1, 0.0, 0.6)[0]
    reach = body.radius * rng.uniform(0.22, 0.45)
    clouds = fractal().sample(body.frame, 0.20, view(rng))
    distance = np.hypot(body.x - centre[0], body.y - centre[1]) / reach
    edge = 1 - distance + 0.35 * clouds[..., 0]
    raw = soft_step(edge, -0.1, 0.25) * body.alpha
    crust = soft_step(edge + 0.45 * clouds[..., 1], 0.45, 0.8) * body.alpha
    strength = rng.uniform(0.6, 1.0)
    layers.blood += 0.65 * strength * raw
    layers.keratin += 0.75 * strength * crust
    layers.melanin += 0.75 * strength * crust * (1 + 0.4 * clouds[..., 2])
    layers.blood += 0.45 * strength * crust


def scale(layers: Layers, body: Body, rng: Generator) -> None:
    """Surface scale: white to yellowish flakes with shadowed edges."""
    flakes = fractal().sample(body.frame, 0.16, view(rng))
    fine = grain().sample(body.frame, 0.016, view(rng))
    amount = rng.uniform(-0.15, 0.6)
    height = flakes[..., 0] + 0.22 * fine[..., 0]
    cover = soft_step(height, 0.65 - amount, 1.25 - amount) * body.alpha
    strength = rng.uniform(0.55, 1.0)
    layers.white += 0.62 * strength * cover * (0.75 + 0.25 * np.tanh(flakes[..., 1]))
    layers.keratin += 0.45 * strength * cover
    rim = soft_step(height, 0.50 - amount, 0.75 - amount) * (1 - cover) * body.alpha
    layers.melanin += 0.12 * strength * rim


def strawberry(layers: Layers, body: Body, rng: Generator) -> None:
    """Strawberry pattern: a red pseudonetwork around pale, yellow-plugged follicles."""
    cells = mesh(0.30).sample(body.frame, rng.uniform(0.062, 0.082), view(rng))
    clouds = smooth().sample(body.frame, 0.5 * body.radius, view(rng))
    strength = rng.uniform(0.6, 1.0)
    area = body.alpha * soft_step(clouds[..., 0], -1.6, -0.2)
    halo = np.exp(-((cells[..., 1] / 0.30) ** 2)) * (cells[..., 2] > 0.15)
    plug = np.exp(-((cells[..., 1] / 0.11) ** 2)) * (cells[..., 2] > 0.15)
    layers.blood += strength * area * (0.36 - 0.55 * halo)
    layers.white += 0.34 * strength * area * halo
    layers.keratin += 0.8 * strength * area * plug


def scar(layers: Layers, body: Body, rng: Generator) -> None:
    """Central white scar-like patch crossed by whiter strands."""
    clouds = fractal().sample(body.frame, 0.5 * body.radius, view(rng))
    cells = mesh(0.42).sample(body.frame, 0.075, view(rng))
    centre = body.scatter(rng, 1, 0.0, 0.18)[0]
    reach = body.radius * rng.uniform(0.42, 0.66)
    distance = np.hypot(body.x - centre[0], body.y - centre[1]) / reach
    area = soft_step(1 - distance + 0.14 * clouds[..., 0], -0.2, 0.4)
    strength = rng.uniform(0.55, 1.0)
    strands = np.exp(-((cells[..., 0] / 0.10) ** 2))
    layers.melanin *= 1 - 0.8 * strength * area
    layers.white += strength * area * (0.34 + 0.22 * strands)


def lacunae(layers: Layers, body: Body, rng: Generator) -> None:
    """Lacunae: tightly packed, sharply bounded red, purple or blue-black lakes of blood."""
    size = body.radius * rng.uniform(0.34, 0.75)
    cells = mesh(0.42).sample(body.frame, size, view(rng))
    hue, strength, clotted = rng.random(), rng.uniform(0.6, 1.0), rng.random()
    wall = rng.uniform(0.02, 0.09)
    # round lakes, not polygons: bounded by the walls and by the distance from their middle
    lake = soft_step(cells[..., 0], wall, wall + 0.10) * soft_step(-cells[..., 1], -0.66, -0.46)
    lake *= body.alpha
    deep = soft_step(cells[..., 2], 0.75 - 0.6 * hue, 0.95 - 0.6 * hue)  # which lakes are dark
    layers.blood += strength * lake * (0.75 + 0.55 * deep + 0.2 * cells[..., 3])
    layers.blue += strength * lake * deep * (0.35 + 0.9 * (clotted < 0.35))
    layers.melanin += strength * lake * deep * 0.9 * (clotted < 0.2)
    layers.white += 0.10 * strength * body.alpha * (1 - soft_step(cells[..., 0], 0.0, wall))


def _wander(start: np.ndarray, bearing: float, bends: np.ndarray, step: float) -> np.ndarray:
    """A winding path of len(bends) + 1 points."""
    headings = bearing + np.cumsum(bends)
    steps = step * np.stack([np.cos(headings), np.sin(headings)], -1)
    return np.vstack([start, start + np.cumsum(steps, 0)])


def _branch(
    canvas: Canvas,
    rng: Generator,
    start: np.ndarray,
    bearing: float,
    length: float,
    width: float,
    generations: int,
) -> None:
    """Draw a vessel and its twigs, each generation thinner and shorter."""
    path = _wander(start, bearing, rng.normal(0, 0.38, 7), length / 7)
    canvas.line(path[:5], width)
    canvas.line(path[4:], 0.7 * width, 235)
    if generations > 1:
        for joint in rng.integers(1, 7, 3 if generations > 2 else 2):
            side = rng.choice((-1, 1)) * rng.uniform(0.5, 1.0)
            heading = np.arctan2(*(path[joint] - path[joint - 1])[::-1]) + side
            _branch(canvas, rng, path[joint], heading, 0.58 * length, 0.62 * width, generations - 1)
