"""One composite picture, from its specification to pixels: a pure function."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from dermbook.data.phantom.artefacts import compress
from dermbook.data.phantom.clinical_camera import put_text
from dermbook.data.phantom.clinical_metadata import draw_subject
from dermbook.data.phantom.clinical_render import (
    CLINICAL_VERSION,
    ClinicalRendering,
    ClinicalShot,
)
from dermbook.data.phantom.clinical_scene import BACKGROUNDS
from dermbook.data.phantom.clinical_taxonomy import ALL_LABELS
from dermbook.data.phantom.composite_layouts import Layout, draw_layout
from dermbook.data.phantom.evidence import CLASSES
from dermbook.data.phantom.metadata import draw_patient
from dermbook.data.phantom.render import VERSION, Rendering, Shot
from dermbook.data.phantom.textures import Frame, grain, smooth, view

Generator = np.random.Generator

COMPOSITE_VERSION = f"1 {VERSION} {CLINICAL_VERSION}"  # raise the first when pictures change
CONTENTS = {"clinical": 0.62, "dermoscopic": 0.18, "both": 0.20}
RELATIONS = {"views": 0.45, "label": 0.35, "any": 0.20}  # how the panels belong together
DISTRACTORS = {  # strong edges that separate no panels; in single pictures only
    "none": 0.50,
    "ruler": 0.14,
    "drape": 0.15,
    "fold": 0.11,
    "scope": 0.10,
}
_LAYOUT, _PANELS, _FINISH = range(240, 243)


@dataclass(frozen=True)
class CompositeShot:
    """Everything a composite's content depends on: the ``number``-th picture of so many panels."""

    seed: int
    panels: int
    number: int
    height: int
    width: int

    def stream(self, purpose: int) -> Generator:
        return np.random.default_rng([self.seed, purpose, self.panels, self.number])

    @property
    def layout(self) -> Layout:
        return draw_layout(self.stream(_LAYOUT), self.panels, self.height, self.width)


class CompositeRendering:
    """The stages of one composite, computed when asked for.

    ``layout``: boxes, border, caption; ``content``: "clinical", "dermoscopic" or "both";
    ``distractor``: what strong edge a single picture shows; ``panels``: the panels' own renderings;
    ``picture``: RGB uint8 (height, width, 3); ``mask``: bool, lesions in all panels.
    """

    def __init__(self, shot: CompositeShot):
        self.shot = shot
        self.layout = shot.layout
        rng = shot.stream(_PANELS)
        self.content = str(rng.choice(list(CONTENTS), p=list(CONTENTS.values())))
        self.distractor = str(rng.choice(list(DISTRACTORS), p=list(DISTRACTORS.values())))
        if shot.panels > 1:
            self.distractor = "none"
        elif self.distractor == "scope":
            self.content = "dermoscopic"
        elif self.content == "both":
            self.content = "clinical"
        self._rng = rng

    @cached_property
    def panels(self) -> list[Rendering | ClinicalRendering]:
        """One rendering a panel, of the panel's own size."""
        rng = self._rng
        relation = str(rng.choice(list(RELATIONS), p=list(RELATIONS.values())))
        numbers, labels = rng.integers(2**31, size=4), rng.integers(len(ALL_LABELS), size=4)
        diagnoses = rng.integers(len(CLASSES), size=4)
        if relation != "any":
            labels[:], diagnoses[:] = labels[0], diagnoses[0]
        if relation == "views":
            numbers[:] = numbers[0]
        found: list[Rendering | ClinicalRendering] = []
        for k, (x0, y0, x1, y1) in enumerate(self.layout.boxes):
            size = {"height": y1 - y0, "width": x1 - x0}
            number, seed = int(numbers[k]), self.shot.seed
            taken = k if relation == "views" else 0
            scope = self.content == "dermoscopic" or (self.content == "both" and k % 2 == 1)
            own = np.random.default_rng([seed, _PANELS, number])
            if scope:
                diagnosis = CLASSES[diagnoses[k]]
                person = draw_patient(own, diagnosis)
                traits = (person.fitzpatrick_type, person.sun, person.hair)
                found.append(Rendering(Shot(seed, diagnosis, number, taken, *traits, **size)))
            else:
                label = ALL_LABELS[labels[k]]
                person = draw_subject(own, label)
                shot = ClinicalShot(
                    seed, label.name, number, taken, person.fitzpatrick_type, person.site, **size
                )
                found.append(ClinicalRendering(shot, captions=False))
        return found

    @cached_property
    def picture(self) -> np.ndarray:
        shot, layout = self.shot, self.layout
        rng = shot.stream(_FINISH)
        picture = np.full((shot.height, shot.width, 3), layout.tone, np.uint8)
        for (x0, y0, x1, y1), panel in zip(layout.boxes, self.panels, strict=True):
            picture[y0:y1, x0:x1] = panel.picture
        if self.distractor != "none":
            x0, y0, x1, y1 = layout.boxes[0]
            picture[y0:y1, x0:x1] = _DISTRACTORS[self.distractor](picture[y0:y1, x0:x1], rng)
        _write_caption(picture, layout, rng)
        return picture

    @cached_property
    def mask(self) -> np.ndarray:
        mask = np.zeros((self.shot.height, self.shot.width), bool)
        for (x0, y0, x1, y1), panel in zip(self.layout.boxes, self.panels, strict=True):
            mask[y0:y1, x0:x1] = panel.mask
        return mask

    @property
    def encoded(self) -> bytes:
        return compress(self.picture, 70 + self.shot.number % 23)


def _write_caption(picture: np.ndarray, layout: Layout, rng: Generator) -> None:
    height = picture.shape[0]
    light, corner, serial = rng.random() < 0.6, rng.integers(4), int(rng.integers(1, 99))
    if layout.caption == "letters":
        size = max(6.0, 0.075 * height)
        ink = (250, 250, 250) if light else (10, 10, 10)
        for letter, (x0, y0, x1, y1) in zip("ABCD", layout.boxes, strict=False):
            x = x0 + 0.4 * size if corner % 2 == 0 else x1 - 1.5 * size
            y = y0 + 1.4 * size if corner < 2 else y1 - 0.5 * size
            put_text(picture, letter, (round(x), round(y)), size, ink)
    elif layout.caption == "strip" and layout.strip is not None:
        x0, y0, x1, y1 = layout.strip
        picture[y0:y1, x0:x1] = layout.tone
        ink = (20, 20, 20) if layout.tone > 128 else (240, 240, 240)
        corner_at = (x0 + max(2, (x1 - x0) // 30), y1 - max(2, (y1 - y0) // 4))
        put_text(picture, f"Fig. {serial}. Phantom", corner_at, 0.55 * (y1 - y0), ink)


def _edge(picture: np.ndarray, rng: Generator, reach: tuple[float, float]) -> np.ndarray:
    """Signed distance in pixels to a nearly upright or level line near one side; float32."""
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    side, share, tilt = int(rng.integers(4)), rng.uniform(*reach), rng.normal(0, 0.035)
    inward, along, length = (
        (x, y - height / 2, width),
        (width - 1 - x, y - height / 2, width),
        (y, x - width / 2, height),
        (height - 1 - y, x - width / 2, height),
    )[side]
    return (inward - np.float32(share * length) + np.float32(np.tan(tilt)) * along).astype(
        np.float32
    )


def _lay(picture: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> np.ndarray:
    mixed = picture + cover[..., None] * (colour - picture.astype(np.float32))
    return cv2.convertScaleAbs(mixed)


def _drape(picture: np.ndarray, rng: Generator) -> np.ndarray:
    """A cloth lies over one side of the picture, with a straight hem and its shadow."""
    distance = _edge(picture, rng, (0.15, 0.40))
    frame = Frame(*picture.shape[:2])
    colour, rough = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
    folds = smooth().sample(frame, 0.5, view(rng))[..., 0]
    weave = grain().sample(frame, 0.02, view(rng))[..., 0]
    cloth = np.array(colour, np.float32) * (1 + rough * (0.10 * folds + 0.06 * weave))[..., None]
    shadow = 0.45 * np.exp(-np.maximum(distance, 0) / (0.03 * picture.shape[0]))
    return _lay(_lay(picture, shadow, np.float32(0)), np.clip(0.5 - distance, 0, 1), cloth)


def _fold(picture: np.ndarray, rng: Generator) -> np.ndarray:
    """A skin fold: a dark line across the whole picture, a little soft."""
    distance = _edge(picture, rng, (0.3, 0.5))
    width = np.float32(max(1.1, 0.014 * picture.shape[0]))
    line = 0.55 * np.exp(-((distance / width) ** 2))
    line += 0.18 * np.exp(-np.abs(distance) / (8 * width))
    return _lay(picture, line, np.array((60, 25, 20), np.float32))


def _ruler(picture: np.ndarray, rng: Generator) -> np.ndarray:
    """A paper or steel ruler along one side, with marks."""
    height = picture.shape[0]
    distance = _edge(picture, rng, (0.10, 0.30))
    band = np.float32(rng.uniform(0.09, 0.15) * height)
    tone = float(rng.choice((235.0, 190.0)))
    x, y = np.meshgrid(np.arange(picture.shape[1]), np.arange(height))
    level = np.abs(np.diff(distance, axis=0)).mean() > 0.5  # does it lie across the picture?
    along = x if level else y
    spacing = max(4, round(0.04 * height))
    inside = (distance < 0) & (distance > -band)
    reach = np.where(along // spacing % 5 == 0, 0.55, 0.3) * band
    marks = inside & (along % spacing == 0) & (distance > -reach)
    ruled = _lay(picture, np.clip(0.5 - distance, 0, 1) * (distance > -band), np.float32(tone))
    ruled[marks] = 40
    return ruled


def _scope(picture: np.ndarray, rng: Generator) -> np.ndarray:
    """The round black edge of a dermatoscope's field of view."""
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    centre = np.array([width, height]) * (0.5 + rng.normal(0, 0.03, 2))
    radius = rng.uniform(0.46, 0.58) * max(height, 0.85 * width)
    outside = np.clip(np.hypot(x - centre[0], y - centre[1]) - radius, 0, 2) / 2
    return _lay(picture, outside.astype(np.float32), np.float32(6))


_DISTRACTORS = {"drape": _drape, "fold": _fold, "ruler": _ruler, "scope": _scope}
