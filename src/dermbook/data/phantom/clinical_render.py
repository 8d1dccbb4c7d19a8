"""One clinical photograph, from its specification to pixels: a pure function."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from dermbook.data.phantom.artefacts import compress
from dermbook.data.phantom.clinical_camera import (
    ClinicalCamera,
    Copy,
    draw_clinical_camera,
    draw_copy,
    expose_clinical,
    stamp_marks,
)
from dermbook.data.phantom.clinical_evidence import ClinicalLesion, draw_clinical_lesion
from dermbook.data.phantom.clinical_lesions import Spots, paint_spots, place_spots
from dermbook.data.phantom.clinical_scene import (
    Scene,
    base_density,
    draw_scene,
    paint_clinical_skin,
)
from dermbook.data.phantom.clinical_taxonomy import BY_NAME, Label
from dermbook.data.phantom.skin import Layers

CLINICAL_VERSION = 1  # raise when the same specification gives another picture
# independent random streams of one lesion and one photograph
_ATTRIBUTES, _SCENE, _SPOTS, _SKIN, _PAINT, _CAMERA, _SENSOR, _COPY, _SIZE = range(200, 209)

# width / height of natural sizes
ASPECTS = (3 / 4, 0.85, 1.0, 1.2, 4 / 3, 3 / 2)
ASPECT_ODDS = (0.15, 0.06, 0.10, 0.14, 0.30, 0.25)


@dataclass(frozen=True)
class ClinicalShot:
    """Everything a clinical photograph's content depends on.

    Lesion ``number`` of a ``label`` (its name) and its photograph ``view`` (0 = first), under a
    ``seed``, on skin of a Fitzpatrick type (1..6), published by a ``site`` ("archive" or "atlas"),
    at a size in pixels. ``copy`` > 0 is another version of that picture: ``copy_kind`` "reframed"
    (slightly magnified and brightened) or "moved" (rotated, magnified or mirrored).
    """

    seed: int
    label: str
    number: int
    view: int
    fitzpatrick_type: int
    site: str
    height: int
    width: int
    copy: int = 0
    copy_kind: str = ""

    def stream(self, purpose: int, *more: int) -> np.random.Generator:
        return np.random.default_rng(
            [self.seed, purpose, BY_NAME[self.label].number, self.number, *more]
        )

    @property
    def taxon(self) -> Label:
        return BY_NAME[self.label]

    @property
    def lesion(self) -> ClinicalLesion:
        return draw_clinical_lesion(self.stream(_ATTRIBUTES), self.taxon)

    @property
    def camera(self) -> ClinicalCamera:
        return draw_clinical_camera(
            self.stream(_CAMERA, self.view), self.height, self.width, self.site, self.view == 0
        )

    @property
    def transform(self) -> Copy | None:
        """How a copy was made from the original photograph; None for an original."""
        if not self.copy:
            return None
        return draw_copy(
            self.stream(_COPY, self.view, self.copy), self.copy_kind, self.width / self.height
        )


def natural_size(shot: ClinicalShot) -> ClinicalShot:
    """The shot at a size of its own, with about as many pixels as asked for in the middle.

    Sides 32..1024 pixels. Areas spread over a factor of about six; one picture in five is upright,
    roughly as in the real collection.
    """
    rng = shot.stream(_SIZE, shot.view)
    aspect = float(rng.choice(ASPECTS, p=ASPECT_ODDS))
    side = np.sqrt(shot.height * shot.width) * np.exp(rng.normal(0, 0.25))
    height, width = np.clip(np.rint([side / aspect**0.5, side * aspect**0.5]), 32, 1024)
    return replace(shot, height=int(height), width=int(width))


class ClinicalRendering:
    """The stages of one photograph, computed when asked for.

    ``picture``: RGB uint8 (height, width, 3) before JPEG compression; ``mask``: bool, where the
    lesion covers at least half of a pixel and is neither out of sight behind the body's edge nor
    under a caption; ``marks``: bool, pixels of captions, borders and watermarks; ``encoded``:
    JPEG bytes at the photograph's own quality. With ``captions=False`` the site's caption, border
    and watermark are left out.
    """

    def __init__(self, shot: ClinicalShot, *, captions: bool = True):
        self.shot = shot
        self.camera = shot.camera if captions else replace(shot.camera, style="none")

    @cached_property
    def scene(self) -> Scene:
        """The part of the body and the background, before any copying."""
        return draw_scene(self.camera.frame, self.shot.stream(_SCENE))

    @cached_property
    def spots(self) -> Spots:
        """The lesion's spots, before any copying."""
        rng = self.shot.stream(_SPOTS)
        return place_spots(self.shot.lesion, self.camera.frame, self.scene.room, rng)

    @cached_property
    def light(self) -> np.ndarray:
        """Body, lesion and background, float32 (height, width, 3), 0..255."""
        shot, frame, scene, spots = self.shot, self.camera.frame, self.scene, self.spots
        layers = Layers.empty(frame)
        rng = shot.stream(_SKIN)
        base = base_density(shot.fitzpatrick_type, rng)
        paint_clinical_skin(layers, scene, frame, rng)
        paint_spots(layers, spots, self.camera.light, shot.stream(_PAINT))
        # automatic exposure makes up for part of what dark skin absorbs
        light = layers.rgb(base - np.float32(0.22) * (base[1] - np.float32(0.4)))
        light = scene.over_background(light)
        sigma = self.camera.defocus * frame.height
        return cv2.GaussianBlur(light, (0, 0), sigma) if sigma > 0.25 else light

    @cached_property
    def _stamped(self) -> tuple[np.ndarray, np.ndarray]:
        rng = self.shot.stream(_SENSOR, self.shot.view)
        picture = expose_clinical(self.light, self.camera, rng)
        picture, marks = stamp_marks(picture, self.camera)
        transform = self.shot.transform
        if transform is None:
            return picture, marks
        return transform.apply(picture), transform.apply_mask(marks)

    @property
    def picture(self) -> np.ndarray:
        return self._stamped[0]

    @property
    def marks(self) -> np.ndarray:
        return self._stamped[1]

    @cached_property
    def mask(self) -> np.ndarray:
        mask = (self.spots.alpha >= 0.5) & (self.scene.skin >= 0.5)
        transform = self.shot.transform
        if transform is not None:
            mask = transform.apply_mask(mask)
        return mask & ~self.marks

    @property
    def quality(self) -> int:
        transform = self.shot.transform
        return self.camera.quality if transform is None else transform.quality

    @property
    def encoded(self) -> bytes:
        return compress(self.picture, self.quality)
