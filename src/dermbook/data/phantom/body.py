"""The lesion's outline: an uneven, possibly lopsided shape with a border now sharp, now fading."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermbook.data.phantom.evidence import Lesion
from dermbook.data.phantom.textures import Canvas, Frame, fractal, smooth, view

ANGLES = 512


@dataclass
class Body:
    """The lesion in one picture.

    ``alpha`` is the lesion's coverage, float32 (height, width), 0..1: the mask is ``alpha >= 0.5``.
    ``depth`` runs from 0 on the border to about 1 at the centre (negative outside); ``x``, ``y``
    are lesion coordinates of the pixels; ``outline`` is the radius at 512 angles.
    """

    lesion: Lesion
    frame: Frame
    radius: float
    outline: np.ndarray
    turn: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        return self.alpha >= 0.5

    def around(self, angles: np.ndarray, reach: np.ndarray | float) -> np.ndarray:
        """Lesion coordinates (n, 2) at ``reach`` times the outline's radius in a direction."""
        index = (angles / (2 * np.pi) * ANGLES).astype(int) % ANGLES
        length = reach * self.outline[index]
        return np.stack([length * np.cos(angles), length * np.sin(angles)], -1) @ self.turn

    def scatter(
        self, rng: np.random.Generator, count: int, low: float = 0.0, high: float = 0.9
    ) -> np.ndarray:
        """Random lesion coordinates (count, 2), evenly spread between two relative radii."""
        angles = 2 * np.pi * rng.random(count)
        reach = np.sqrt(rng.uniform(low**2, high**2, count))
        return self.around(angles, reach)


def shape_body(lesion: Lesion, frame: Frame, rng: np.random.Generator) -> Body:
    """Draw the outline from the lesion's size, asymmetry, irregularity and softness."""
    radius = float(np.exp(lesion.trait("log_radius", -2.3, -0.75)))
    softness = float(np.exp(lesion.trait("log_softness", -3.2, -0.7)))
    asymmetry = lesion.trait("asymmetry", 0.0, 1.1)
    irregularity = lesion.trait("irregularity", 0.0, 1.1)

    outline, turn = _outline(rng, asymmetry, irregularity)
    clouds = fractal().sample(frame, 0.9 * radius + 0.08, view(rng))
    swells = smooth().sample(frame, 0.40 * radius + 0.03, view(rng))
    x, y = frame.grid()
    bend = radius * (0.02 + 0.09 * irregularity)
    fine = radius * 0.07 * irregularity
    bent_x = x + bend * swells[..., 0] + fine * clouds[..., 0]
    bent_y = y + bend * swells[..., 1] + fine * clouds[..., 1]
    along = turn[0, 0] * bent_x + turn[0, 1] * bent_y
    across = turn[1, 0] * bent_x + turn[1, 1] * bent_y
    distance, angle = cv2.cartToPolar(along, across)
    index = (angle * np.float32(ANGLES / (2 * np.pi))).astype(np.int32) % ANGLES
    reach = outline.astype(np.float32)[index]
    depth = 1 - distance / (np.float32(radius) * reach)

    # one side of an asymmetric lesion ends abruptly, the other fades out
    abrupt = rng.random() * ANGLES
    side = np.cos(2 * np.pi * (np.arange(ANGLES) - abrupt) / ANGLES)
    width = softness * (1 + 0.75 * min(asymmetry, 1.0) * side)
    ragged = depth + (0.015 + 0.07 * irregularity) * clouds[..., 2]
    ramp = 0.5 + ragged / (2 * width.astype(np.float32)[index])
    alpha = np.clip(ramp, 0, 1)
    alpha = alpha * alpha * (3 - 2 * alpha)
    return Body(lesion, frame, radius, radius * outline, turn, alpha, depth, x, y)


def add_streaks(body: Body, rng: np.random.Generator) -> np.ndarray:
    """Radial streaks and pseudopods at the border; they belong to the lesion and to its mask.

    Returns their coverage (float32, 0..1), already merged into ``body.alpha``.
    """
    around = rng.random() < 0.35  # all around (Reed-like) or in one sector only
    middle, spread = 2 * np.pi * rng.random(), np.pi if around else 0.55 + 0.6 * rng.random()
    count = int(rng.integers(28, 46)) if around else int(rng.integers(12, 20))
    angles = middle + np.linspace(-spread, spread, count) + rng.normal(0, 0.07, count)
    reach = 0.96 + 0.10 * rng.random(count) + 0.12 * rng.random(count) ** 3
    width = 0.007 + 0.005 * rng.random()
    canvas = Canvas(body.frame)
    lean = rng.normal(0, 0.05, (2, count))
    knots = [
        body.around(angles + lean[0] * share + lean[1] * share**2, 0.72 + (reach - 0.72) * share)
        for share in (0.0, 0.4, 0.75, 1.0)
    ]
    for path in np.stack(knots, 1):  # tapering from the lesion outwards
        canvas.line(path[:2], 2.4 * width)
        canvas.line(path[1:3], 1.6 * width)
        canvas.line(path[2:], width)
    bulbs = rng.random(count) < (0.6 if rng.random() < 0.5 else 0.1)  # pseudopods end in a bulb
    canvas.discs(knots[-1][bulbs], np.full(bulbs.sum(), 0.95 * width))
    cover = canvas.result(blur=0.003)
    body.alpha = np.maximum(body.alpha, cover)
    return cover


def _outline(
    rng: np.random.Generator, asymmetry: float, irregularity: float
) -> tuple[np.ndarray, np.ndarray]:
    """Relative radius at each angle (mean 1) and the 2 × 2 turn of the long axis."""
    theta = 2 * np.pi * np.arange(ANGLES) / ANGLES
    stretch = 1 + rng.beta(2, 4) * 0.7
    radius = 1 / np.hypot(np.cos(theta) / np.sqrt(stretch), np.sin(theta) * np.sqrt(stretch))
    orders = np.arange(1, 9)
    phases = 2 * np.pi * rng.random(8)
    sizes = rng.normal(0, 1, 8) / orders
    sizes[0] *= 0.16 * asymmetry
    sizes[1:4] *= 0.20 * asymmetry
    sizes[4:] *= 0.55 * irregularity
    waves = (sizes[:, None] * np.cos(orders[:, None] * theta + phases[:, None])).sum(0)
    radius = np.maximum(radius * (1 + waves), 0.35)
    turn = 2 * np.pi * rng.random()
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return radius / radius.mean(), axes
