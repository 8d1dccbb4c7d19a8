"""One photograph, from its specification to pixels: a pure function."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from dermbook.data.phantom import artefacts, structures
from dermbook.data.phantom.artefacts import Camera, compress, draw_camera, draw_hair, tweak
from dermbook.data.phantom.body import Body, add_streaks, shape_body
from dermbook.data.phantom.evidence import CLASSES, Lesion, draw_lesion
from dermbook.data.phantom.skin import Layers, Skin, paint_skin

VERSION = 1  # raise when the same specification gives another picture
# independent random streams of one lesion and one photograph
_ATTRIBUTES, _GEOMETRY, _SKIN, _CAMERA, _HAIR, _SENSOR, _COPY = range(7)


@dataclass(frozen=True)
class Shot:
    """Everything a photograph's content depends on.

    Lesion ``number`` of a ``diagnosis`` and its photograph ``view`` (0 = first), under a ``seed``,
    on skin of a Fitzpatrick type (1..6) with sun damage and hair (0..1), at a size in pixels.
    ``copy`` > 0 is a near duplicate: the same photograph slightly re-framed and re-compressed.
    """

    seed: int
    diagnosis: str
    number: int
    view: int
    fitzpatrick_type: int
    sun: float
    hair: float
    height: int
    width: int
    copy: int = 0

    def stream(self, purpose: int, *more: int) -> np.random.Generator:
        return np.random.default_rng(
            [self.seed, purpose, CLASSES.index(self.diagnosis), self.number, *more]
        )

    @property
    def lesion(self) -> Lesion:
        return draw_lesion(self.stream(_ATTRIBUTES), self.diagnosis)

    @property
    def camera(self) -> Camera:
        return draw_camera(
            self.stream(_CAMERA, self.view), self.height, self.width, self.hair, self.view == 0
        )


class Rendering:
    """The stages of one photograph, computed when asked for.

    ``picture`` and ``hair_free``: RGB uint8 (height, width, 3) before JPEG compression, identical
    wherever ``hair`` (bool) is False; ``mask``: bool, lesion coverage of at least one half;
    ``encoded``, ``hair_free_encoded``: JPEG bytes at the photograph's own quality.
    """

    def __init__(self, shot: Shot):
        self.shot = shot
        self.camera = shot.camera

    @cached_property
    def body(self) -> Body:
        return self._body_and_streams[0]

    @cached_property
    def _body_and_streams(self):
        rng = self.shot.stream(_GEOMETRY)
        body = shape_body(self.shot.lesion, self.camera.frame, rng)
        streaks = add_streaks(body, rng) if body.lesion.has("streaks") else None
        return body, rng, streaks

    @cached_property
    def light(self) -> np.ndarray:
        """Skin and lesion without anything in front, float32 (height, width, 3), 0..255."""
        shot, frame = self.shot, self.camera.frame
        body, rng, streaks = self._body_and_streams
        layers = Layers.empty(frame)
        skin = Skin(shot.fitzpatrick_type, shot.sun)
        skin_rng = shot.stream(_SKIN)
        base = skin.base(skin_rng)
        paint_skin(layers, skin, frame, skin_rng)
        paint_lesion(layers, body, rng, streaks)
        # automatic exposure makes up for part of what dark skin absorbs
        light = layers.rgb(base - np.float32(0.28) * (base[1] - np.float32(0.3)))
        sigma = self.camera.defocus * frame.height
        return cv2.GaussianBlur(light, (0, 0), sigma) if sigma > 0.25 else light

    @cached_property
    def _hair(self) -> tuple[np.ndarray, np.ndarray] | None:
        if self.camera.hair <= 0:
            return None
        return draw_hair(self.camera, self.shot.stream(_HAIR, self.shot.view))

    def _finish(self, light: np.ndarray) -> np.ndarray:
        picture = artefacts.expose(light, self.camera, self.shot.stream(_SENSOR, self.shot.view))
        if not self.shot.copy:
            return picture
        return tweak(picture, *self._tweak[:2])

    @cached_property
    def _tweak(self) -> tuple[float, float, int]:
        rng = self.shot.stream(_COPY, self.shot.view, self.shot.copy)
        gain = 1 + rng.choice((-1, 1)) * rng.uniform(0.01, 0.04)
        return float(rng.uniform(1.005, 1.03)), float(gain), int(rng.integers(70, 80))

    @cached_property
    def picture(self) -> np.ndarray:
        light = self.light
        if self._hair is not None:
            light = artefacts.lay_over(light, *self._hair)
        return self._finish(light)

    @cached_property
    def hair_free(self) -> np.ndarray:
        return self.picture if self._hair is None else self._finish(self.light)

    @cached_property
    def hair(self) -> np.ndarray:
        shape = (self.shot.height, self.shot.width)
        if self._hair is None:
            return np.zeros(shape, bool)
        hair = self._hair[0] > 0
        if not self.shot.copy:
            return hair
        return tweak(hair.astype(np.uint8) * 255, self._tweak[0], 1.0) > 0

    @cached_property
    def mask(self) -> np.ndarray:
        mask = self.body.mask
        if not self.shot.copy:
            return mask
        return tweak(mask.astype(np.uint8) * 255, self._tweak[0], 1.0) >= 128

    @property
    def quality(self) -> int:
        return self._tweak[2] if self.shot.copy else self.camera.quality

    @property
    def encoded(self) -> bytes:
        return compress(self.picture, self.quality)

    @property
    def hair_free_encoded(self) -> bytes:
        return compress(self.hair_free, self.quality)


def paint_lesion(
    layers: Layers, body: Body, rng: np.random.Generator, streaks: np.ndarray | None
) -> None:
    """Add the lesion's colour and its structures, from the deepest to the surface."""
    lesion = body.lesion
    structures.ground(layers, body, rng)
    if streaks is not None:
        layers.melanin += (0.35 + 0.9 * np.exp(lesion.trait("log_melanin", -3, 0))) * streaks
    for name, paint in (
        ("lacunae", structures.lacunae),
        ("network", structures.network),
        ("globules", structures.globules),
        ("nests", structures.nests),
        ("regression", structures.regression),
        ("veil", structures.veil),
        ("strawberry", structures.strawberry),
        ("vessels", structures.vessels),
        ("scar", structures.scar),
        ("cysts", structures.cysts),
        ("openings", structures.openings),
        ("ulceration", structures.ulceration),
        ("scale", structures.scale),
    ):
        level = lesion.structures[name]
        if level == "none":
            continue
        if name in ("network", "globules", "vessels"):
            paint(layers, body, rng, level)
        else:
            paint(layers, body, rng)
