"""Shared noise textures and how a picture samples them.

Every texture is a periodic tile made once from a fixed seed, with its half-, quarter-… size copies
(a mip pyramid), so that one ``cv2.warpAffine`` gives a picture-sized field at any zoom without
aliasing. Pictures differ by where, at what angle and at what scale they look at a tile.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np

TILE = 512  # texels a side of the noise tiles
MARGIN = 320  # texels of the next period kept beside each tile


@dataclass(frozen=True)
class Frame:
    """Where the camera stands: maps lesion coordinates to pixels.

    Lesion coordinates have their origin at the lesion's centre; one unit is the picture's height
    at zoom 1. ``rotation`` in radians; ``shift`` is where the lesion's centre lies relative to
    the picture's centre, in picture heights.
    """

    height: int
    width: int
    rotation: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def scale(self) -> float:
        """Pixels a lesion unit."""
        return self.zoom * self.height

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Lesion coordinates (..., 2) as (x, y) to pixel coordinates (..., 2), float64."""
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        turn = self.scale * np.array([[cos, sin], [-sin, cos]])
        centre = np.array([self.width / 2, self.height / 2]) + self.height * np.array(self.shift)
        return points @ turn + centre

    @cached_property
    def inverse(self) -> np.ndarray:
        """The 2 × 3 matrix from pixel (x, y, 1) to lesion coordinates."""
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        turn = np.array([[cos, sin], [-sin, cos]]) / self.scale
        centre = np.array([self.width / 2, self.height / 2]) + self.height * np.array(self.shift)
        return np.hstack([turn, -(turn @ centre)[:, None]])

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Lesion x and y of every pixel, two float32 arrays (height, width)."""
        matrix = self.inverse.astype(np.float32)
        columns = np.arange(self.width, dtype=np.float32)[None, :]
        rows = np.arange(self.height, dtype=np.float32)[:, None]
        x = matrix[0, 0] * columns + (matrix[0, 1] * rows + matrix[0, 2])
        y = matrix[1, 0] * columns + (matrix[1, 1] * rows + matrix[1, 2])
        return x, y


@dataclass(frozen=True)
class Tile:
    """A periodic texture and its reductions.

    ``levels[k]`` holds one period of ``periods[k]`` texels and, to the right and below, the
    beginning of the next; it is ``levels[0]`` reduced 2**k times. ``feature`` in texels of level 0.
    """

    levels: tuple[np.ndarray, ...]  # uint8, so that they stay in the processor's cache
    periods: tuple[int, ...]
    feature: float
    low: float  # the value that 0 stands for
    step: float  # the value of one grey level

    def sample(
        self, frame: Frame, feature: float, view: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> np.ndarray:
        """The texture over the picture, float32 (height, width[, channels]).

        ``feature`` is the size in lesion units at which a texture feature shall appear;
        ``view`` is (angle in radians, horizontal offset, vertical offset), offsets as fractions
        of the tile.
        """
        texels_a_unit = self.feature / feature
        level = round(math.log2(texels_a_unit / frame.scale))
        level = min(max(level, 0), len(self.levels) - 1)
        tile, period = self.levels[level], self.periods[level]
        angle, across, down = view
        size = texels_a_unit / 2**level
        cos, sin = size * math.cos(angle), size * math.sin(angle)
        (a, b, x), (c, d, y) = frame.inverse.tolist()
        rows = [
            [cos * a - sin * c, cos * b - sin * d, cos * x - sin * y + across * period],
            [sin * a + cos * c, sin * b + cos * d, sin * x + cos * y + down * period],
        ]
        for row in rows:  # shift by whole periods so that no pixel looks left of or above the tile
            reach = row[0] * frame.width, row[1] * frame.height
            row[2] -= period * math.floor((row[2] + min(reach[0], 0) + min(reach[1], 0)) / period)
            if row[2] + max(reach[0], 0) + max(reach[1], 0) > tile.shape[0] - 2:
                # more than is stored: let OpenCV wrap around one period, which is slower
                tile = tile[:period, :period]
        matrix = np.array(rows)
        levels = cv2.warpAffine(
            tile,
            matrix,
            (frame.width, frame.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )
        values = np.multiply(levels, self.step, dtype=np.float32)
        values += np.float32(self.low)
        return values


def view(rng: np.random.Generator) -> tuple[float, float, float]:
    """A random view of a tile: angle and two offsets."""
    angle, across, down = rng.random(3)
    return 2 * np.pi * angle, across, down


@lru_cache(maxsize=1)
def fractal() -> Tile:
    """Four independent cloud fields (zero mean, unit variance); largest clouds 96 texels."""
    return _pyramid(_noise(11, low=128, high=5, slope=1.6), 96)


@lru_cache(maxsize=1)
def smooth() -> Tile:
    """Four independent smooth fields (zero mean, unit variance) of blobs about 48 texels wide."""
    return _pyramid(_noise(12, low=96, high=36, slope=1.0)[::2, ::2].copy(), 24)


@lru_cache(maxsize=1)
def grain() -> Tile:
    """Four independent fine-grained fields (zero mean, unit variance), grains about 8 texels."""
    return _pyramid(_noise(13, low=20, high=5, slope=0.5), 8)


@lru_cache(maxsize=1)
def _sensor() -> np.ndarray:
    white = np.random.default_rng(14).standard_normal((TILE, TILE, 4)).astype(np.float32)
    colour, grey = white[..., :3], white[..., 3:]
    return cv2.GaussianBlur(0.6 * colour + 0.9 * grey, (0, 0), 0.45)


def sensor_noise(height: int, width: int, corner: tuple[int, int]) -> np.ndarray:
    """Camera noise of about unit variance, mostly grey, float32 (height, width, 3)."""
    tile = _sensor()
    if height <= TILE and width <= TILE:
        top, left = corner[0] % (TILE - height + 1), corner[1] % (TILE - width + 1)
        return tile[top : top + height, left : left + width]
    rows, columns = np.arange(height) + corner[0], np.arange(width) + corner[1]
    return tile[rows[:, None] % TILE, columns % TILE]


@lru_cache(maxsize=1)
def creases() -> Tile:
    """Skin markings: criss-crossing furrows, 0 (plateau) to 1 (furrow), about 16 texels apart."""
    furrows = np.zeros((TILE, TILE), np.float32)
    for seed, angle in ((21, 0.5), (22, 2.3), (23, 1.4)):
        field = _noise(seed, low=26, high=11, slope=0.0, direction=angle, channels=1)[..., 0]
        furrows += np.exp(-((field / 0.45) ** 2)) / 2
    return _pyramid(furrows, 16)


@lru_cache(maxsize=4)
def mesh(jitter: float) -> Tile:
    """A honeycomb of cells 16 texels wide, displaced by ``jitter`` (0 regular … 0.5 wild).

    Channels: distance to the nearest wall (0 on the wall, about 0.5 in the middle), distance to
    the cell's centre (cell widths), and two random values in 0..1 a cell.
    """
    cell, count = 16, 16
    side = cell * count
    rng = np.random.default_rng(31)
    centres = np.stack(np.meshgrid(np.arange(count), np.arange(count), indexing="ij"), -1) + 0.5
    centres[..., 1] += 0.5 * (np.arange(count) % 2)[:, None]  # staggered rows: hexagons
    centres += jitter * rng.uniform(-1, 1, centres.shape)
    values = rng.random((count, count, 2))
    at = (np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1) + 0.5) / cell
    # bend the walls with noise of the tile's own period
    at += 0.09 * _noise(32, low=120, high=36, slope=1.0, channels=2)[::2, ::2]
    home = np.floor(at).astype(int)
    near = []
    for down in range(-2, 3):
        for across in range(-2, 3):
            row, column = home[..., 0] + down, home[..., 1] + across
            turn = np.stack([row // count, column // count], -1) * count
            offset = centres[row % count, column % count] + turn - at
            near.append((np.hypot(offset[..., 0], offset[..., 1]), row % count, column % count))
    distance = np.stack([item[0] for item in near])
    order = np.argpartition(distance, 1, axis=0)[:2]
    first, second = np.take_along_axis(distance, order, axis=0)
    swap = first > second
    nearest = np.where(swap, order[1], order[0])
    first, second = np.minimum(first, second), np.maximum(first, second)
    rows = np.take_along_axis(np.stack([item[1] for item in near]), nearest[None], 0)[0]
    columns = np.take_along_axis(np.stack([item[2] for item in near]), nearest[None], 0)[0]
    channels = [(second - first) / 2, first, *np.moveaxis(values[rows, columns], -1, 0)]
    return _pyramid(np.stack(channels, -1).astype(np.float32), cell)


def _noise(
    seed: int,
    *,
    low: float,
    high: float,
    slope: float,
    direction: float | None = None,
    channels: int = 4,
) -> np.ndarray:
    """Periodic band-limited noise: wavelengths ``high``..``low`` texels, spectrum f**-slope."""
    rng = np.random.default_rng(seed)
    down = np.fft.fftfreq(TILE)[:, None]
    across = np.fft.rfftfreq(TILE)[None, :]
    frequency = np.hypot(down, across)
    band = np.where(
        (frequency >= 1 / low) & (frequency <= 1 / high), np.maximum(frequency, 1e-6) ** -slope, 0
    )
    if direction is not None:  # keep only waves that run nearly across this direction
        bearing = np.arctan2(down, across) - direction
        band = band * np.exp(-((np.sin(bearing) / 0.35) ** 2))
    fields = []
    for _ in range(channels):
        white = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
        field = np.fft.irfft2(white * band, s=(TILE, TILE))
        fields.append((field / field.std()).astype(np.float32))
    return np.stack(fields, -1)


def _pyramid(tile: np.ndarray, feature: float) -> Tile:
    levels, periods = [], []
    low, high = max(float(tile.min()), -4.0), min(float(tile.max()), 4.0)
    step = (high - low) / 255
    while tile.shape[0] >= 32:
        period = tile.shape[0]
        around = ((0, MARGIN), (0, MARGIN), (0, 0))[: tile.ndim]
        quantised = np.clip(np.rint((tile - low) / step), 0, 255).astype(np.uint8)
        levels.append(np.pad(quantised, around, mode="wrap"))
        levels[-1].setflags(write=False)
        periods.append(period)
        tile = cv2.resize(tile, (period // 2, period // 2), interpolation=cv2.INTER_AREA)
    return Tile(tuple(levels), tuple(periods), feature, low, step)


class Canvas:
    """A black canvas at twice the picture's size; shapes in lesion coordinates, drawn white."""

    SHIFT = 3  # sub-pixel bits of the drawing coordinates
    OVER = 2

    def __init__(self, frame: Frame):
        self.frame = frame
        self.pixels = np.zeros((self.OVER * frame.height, self.OVER * frame.width), np.uint8)

    def _fixed(self, points: np.ndarray) -> np.ndarray:
        coordinates = self.frame.to_pixels(points) * (self.OVER << self.SHIFT)
        return np.clip(np.rint(coordinates), -(2**17), 2**17).astype(np.int32)

    def _thickness(self, width: float) -> int:
        return max(1, round(width * self.frame.scale * self.OVER))

    def discs(self, points: np.ndarray, radii: np.ndarray, values: np.ndarray | int = 255) -> None:
        """Filled discs at ``points`` (n, 2) with ``radii`` (n,) in lesion units."""
        centres = self._fixed(points).tolist()
        sizes = np.maximum(radii * self.frame.scale * (self.OVER << self.SHIFT), 6).astype(int)
        brightness = np.broadcast_to(values, len(centres)).tolist()
        for centre, size, value in zip(centres, sizes.tolist(), brightness, strict=True):
            cv2.circle(self.pixels, centre, size, value, -1, cv2.LINE_AA, self.SHIFT)

    def ovals(
        self, points: np.ndarray, radii: np.ndarray, angles: np.ndarray, values: np.ndarray | int
    ) -> None:
        """Filled ellipses; ``radii`` (n, 2) in lesion units, ``angles`` (n,) in radians."""
        centres = self._fixed(points).tolist()
        sizes = np.maximum(radii * self.frame.scale * (self.OVER << self.SHIFT), 6).astype(int)
        turns = np.degrees(angles + self.frame.rotation).tolist()
        brightness = np.broadcast_to(values, len(centres)).tolist()
        for centre, size, turn, value in zip(
            centres, sizes.tolist(), turns, brightness, strict=True
        ):
            cv2.ellipse(self.pixels, centre, size, turn, 0, 360, value, -1, cv2.LINE_AA, self.SHIFT)

    def line(self, points: np.ndarray, width: float, value: int = 255) -> None:
        """A polyline through ``points`` (n, 2), ``width`` in lesion units (thin lines fade)."""
        exact = width * self.frame.scale * self.OVER
        if exact < 1:  # thinner than the thinnest line: draw it fainter instead
            value = int(value * max(exact, 0.35))
        cv2.polylines(
            self.pixels,
            [self._fixed(points)],
            False,
            value,
            self._thickness(width),
            cv2.LINE_AA,
            self.SHIFT,
        )

    def result(self, blur: float = 0.0) -> np.ndarray:
        """The canvas at the picture's size, float32 0..1; ``blur`` is a sigma in lesion units."""
        size = (self.frame.width, self.frame.height)
        small = cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        small *= 1 / 255
        sigma = blur * self.frame.scale
        return cv2.GaussianBlur(small, (0, 0), sigma) if sigma > 0.3 else small
