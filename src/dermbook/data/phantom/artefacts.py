"""What the photograph adds: hair, gel bubbles, rulers, light, lens and sensor."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermbook.data.phantom.textures import Canvas, Frame, sensor_noise

Generator = np.random.Generator

HAIR_RGB = ((28, 20, 18), (58, 36, 26), (110, 74, 46), (150, 140, 132))
# white balance: logarithms of the gains of R, G, B in four kinds of dermatoscope camera
CASTS = ((0.0, 0.0, 0.0), (-0.01, -0.055, -0.02), (0.025, -0.01, -0.055), (-0.035, -0.01, 0.01))
CAST_ODDS = (0.30, 0.40, 0.15, 0.15)


@dataclass(frozen=True)
class Camera:
    """How one photograph was taken; ``hair`` is the amount of hair in view, 0 none … 1 dense."""

    frame: Frame
    hair: float
    cast: tuple[float, float, float]  # logarithms of the gains of R, G, B
    slope: tuple[float, float]  # uneven light: relative change over one picture height
    vignette: str  # "none", "corners" or "circle"
    vignette_reach: float
    defocus: float  # sigma in picture heights
    noise: float  # standard deviation in grey levels
    bubbles: int
    ruler: bool
    glare: bool
    quality: int  # JPEG quality


def draw_camera(rng: Generator, height: int, width: int, hair: float, first: bool) -> Camera:
    """A photograph's settings; the first one of a lesion is framed best."""
    spread = 0.05 if first else 0.08
    shift = tuple(np.clip(rng.normal(0, spread, 2), -0.2, 0.2).tolist())
    zoom = float(np.exp(rng.normal(0, 0.06 if first else 0.2)))
    rotation = 2 * np.pi * rng.random()
    cast = np.array(CASTS[int(rng.choice(4, p=CAST_ODDS))]) + rng.normal(0, 0.010, 3)
    cast = cast + rng.normal(-0.02, 0.03)
    dice = rng.random(6)
    vignette = "circle" if dice[0] < 0.05 else "corners" if dice[0] < 0.28 else "none"
    return Camera(
        frame=Frame(height, width, rotation, zoom, shift),
        hair=float(np.clip(hair * np.exp(rng.normal(0, 0.3)), 0, 1)) if hair > 0 else 0.0,
        cast=tuple(cast.tolist()),
        slope=tuple(rng.normal(0, 0.06, 2).tolist()),
        vignette=vignette,
        vignette_reach=float(rng.uniform(0.62, 0.74)),
        defocus=float(0.0045 * dice[1] ** 2),
        noise=float(1.0 + 2.0 * dice[2]),
        bubbles=int(rng.integers(2, 14)) if dice[3] < 0.22 else 0,
        ruler=bool(dice[4] < 0.10),
        glare=bool(dice[5] < 0.12),
        quality=int(rng.integers(82, 97)),
    )


def draw_hair(camera: Camera, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hair over the picture: opacity float32 (height, width), and its colour, float32 (3,).

    Opacity is exactly 0 wherever no hair lies.
    """
    frame = camera.frame
    count = max(1, round(30 * camera.hair**1.4))
    colour = np.array(HAIR_RGB[int(rng.choice(4, p=(0.45, 0.3, 0.15, 0.1)))], np.float32)
    canvas = Canvas(Frame(frame.height, frame.width))  # hair does not turn with the lesion
    lean, spread = 2 * np.pi * rng.random(), rng.uniform(0.15, 0.6)
    thick = 0.0044 * np.exp(rng.normal(0, 0.25))
    starts = rng.uniform((-1.0, -0.8), (1.0, 0.8), (count, 2))
    bearings = lean + rng.normal(0, spread, count)
    curls = rng.normal(0, 0.10, count)
    lengths = rng.uniform(0.25, 1.1, count)
    widths = thick * np.exp(rng.normal(0, 0.25, count))
    values = rng.integers(150, 250, count)
    knots = np.arange(1, 10)
    for k in range(count):
        headings = bearings[k] + curls[k] * knots
        steps = lengths[k] / 9 * np.stack([np.cos(headings), np.sin(headings)], -1)
        path = np.vstack([starts[k], starts[k] + np.cumsum(steps, 0)])
        canvas.line(path, widths[k], int(values[k]))
    return canvas.result(), colour


def lay_over(light: np.ndarray, opacity: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """``light`` (height, width, 3) with an opaque colour over it, a new array."""
    return light + opacity[..., None] * (colour - light)


def expose(light: np.ndarray, camera: Camera, rng: Generator) -> np.ndarray:
    """Light to sensor values: bubbles, ruler, glare, uneven light, vignette, cast, noise; uint8."""
    frame = camera.frame
    still = Frame(frame.height, frame.width)
    if camera.bubbles:
        light = _bubbles(light, still, rng, camera.bubbles)
    if camera.glare:
        light = _glare(light, still, rng)
    if camera.ruler:
        light = lay_over(light, 0.85 * _ruler(still, rng, frame.zoom), np.float32(30))
    x, y = still.grid()
    gain = 1 + camera.slope[0] * x + camera.slope[1] * y
    if camera.vignette != "none":
        distance = np.hypot(x, y)
        reach = camera.vignette_reach
        if camera.vignette == "corners":
            gain *= 1 - 0.55 * np.clip((distance - 0.72 * reach) / (0.45 * reach), 0, 1) ** 2
        else:
            edge = np.clip((0.80 * reach - distance) / 0.035 + 0.5, 0, 1)
            gain *= 0.06 + 0.94 * edge
    light = light * gain[..., None]
    light *= np.exp(np.array(camera.cast, np.float32))
    corner = tuple(rng.integers(0, 512, 2).tolist())
    light += np.float32(camera.noise) * sensor_noise(frame.height, frame.width, corner)
    return cv2.convertScaleAbs(np.maximum(light, 0, out=light))


def compress(picture: np.ndarray, quality: int) -> bytes:
    """JPEG bytes of an RGB uint8 picture."""
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done
    return encoded.tobytes()


def decompress(encoded: bytes) -> np.ndarray:
    """RGB uint8 picture of JPEG bytes."""
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _bubbles(light: np.ndarray, frame: Frame, rng: Generator, count: int) -> np.ndarray:
    """Air bubbles in the immersion gel: a dark rim, a bright ring, a highlight."""
    crowd = rng.uniform((-0.6, -0.45), (0.6, 0.45))
    points = crowd + rng.normal(0, 0.22, (count, 2))
    radii = 0.016 * np.exp(rng.normal(0, 0.55, count))
    outer, inner, spark = Canvas(frame), Canvas(frame), Canvas(frame)
    outer.discs(points, radii)
    inner.discs(points, radii * 0.72)
    spark.discs(points + 0.35 * radii[:, None] * np.array([-1, -1]), radii * 0.28)
    rim, core = outer.result(), inner.result()
    light = light * (1 - 0.28 * rim + 0.36 * core)[..., None]
    return lay_over(light, 0.8 * spark.result(), np.float32(250))


def _glare(light: np.ndarray, frame: Frame, rng: Generator) -> np.ndarray:
    """Small specular reflections of the light ring."""
    count = int(rng.integers(3, 16))
    points = rng.normal(0, 0.16, (count, 2)) + rng.uniform(-0.35, 0.35, 2)
    radii = 0.006 * np.exp(rng.normal(0, 0.6, (count, 2)))
    canvas = Canvas(frame)
    canvas.ovals(points, radii, np.pi * rng.random(count), 255)
    return lay_over(light, 0.85 * canvas.result(blur=0.002), np.float32(252))


def _ruler(frame: Frame, rng: Generator, zoom: float) -> np.ndarray:
    """The millimetre scale etched into a contact plate, along one edge; opacity 0..1."""
    canvas = Canvas(frame)
    below = rng.random() < 0.7
    tilt = rng.normal(0, 0.05)
    level = (0.40 if below else -0.42) + rng.normal(0, 0.02)
    spacing = 0.052 * zoom
    first = rng.uniform(-0.45, -0.2)
    count = int(rng.integers(8, 13))
    along = np.array([np.cos(tilt), np.sin(tilt)])
    up = np.array([along[1], -along[0]])
    origin = np.array([first, level])
    canvas.line(np.stack([origin, origin + along * spacing * (count - 1)]), 0.006)
    for tick in range(count):
        foot = origin + along * spacing * tick
        canvas.line(np.stack([foot, foot + up * (0.05 if tick % 5 == 0 else 0.03)]), 0.006)
    return canvas.result()


def tweak(picture: np.ndarray, zoom: float, gain: float) -> np.ndarray:
    """A near copy: slightly magnified about the centre and brightened; uint8."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), 0, zoom)
    moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.clip(moved * np.float32(gain) + 0.5, 0, 255).astype(np.uint8)
