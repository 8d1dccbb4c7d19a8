"""How a clinical photograph was taken, published and copied: camera, house style, copies."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermbook.data.phantom.textures import Frame, sensor_noise

Generator = np.random.Generator

# house styles of the two sites: mean logarithms of the gains of R, G, B; JPEG qualities; defocus
CASTS = {"archive": (0.02, 0.01, 0.02), "atlas": (0.04, 0.0, -0.07)}
QUALITY = {"archive": (78, 94), "atlas": (62, 84)}
DEFOCUS = {"archive": 0.004, "atlas": 0.007}
STYLE_ODDS = {  # what each site adds to its pictures
    "archive": (("none", 0.40), ("watermark", 0.50), ("frame", 0.10)),
    "atlas": (("none", 0.35), ("strip", 0.50), ("frame", 0.15)),
}
WORDS = {"archive": "PHANTOM ARCHIVE", "atlas": "Phantom atlas"}


@dataclass(frozen=True)
class ClinicalCamera:
    """One photograph's settings; ``light`` is the angle that light comes from, in radians."""

    frame: Frame
    light: float
    cast: tuple[float, float, float]  # logarithms of the gains of R, G, B
    flash: float  # how much darker the corners are than the middle
    defocus: float  # sigma in picture heights
    noise: float  # standard deviation in grey levels
    quality: int  # JPEG quality
    site: str
    style: str  # "none", "watermark", "strip" or "frame"
    tone: int  # grey level of strip, frame or watermark
    serial: int  # the number that a caption shows


@dataclass(frozen=True)
class Copy:
    """Another version of a picture: turned (``angle`` degrees), magnified, mirrored, brightened."""

    angle: float
    zoom: float
    mirror: bool
    gain: float
    quality: int

    @property
    def name(self) -> str:
        """What the table says, for example ``rotated 90, zoomed 1.33``."""
        parts = [f"rotated {self.angle:.0f}"] if self.angle else []
        parts += ["mirrored"] if self.mirror else []
        parts += [f"zoomed {self.zoom:.2f}"] if self.zoom != 1 else []
        return ", ".join(parts)

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """The copy of an RGB picture, same size, uint8."""
        moved = self._move(picture)
        return cv2.convertScaleAbs(moved, alpha=self.gain) if self.gain != 1 else moved

    def apply_mask(self, mask: np.ndarray) -> np.ndarray:
        """Where a bool mask comes to lie."""
        return self._move(mask.astype(np.uint8) * 255) >= 128

    def _move(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        if self.mirror:
            picture = picture[:, ::-1]
        centre = ((width - 1) / 2, (height - 1) / 2)
        matrix = cv2.getRotationMatrix2D(centre, self.angle, self.zoom)
        return cv2.warpAffine(
            np.ascontiguousarray(picture),
            matrix,
            (width, height),
            borderMode=cv2.BORDER_REFLECT_101,
        )


def draw_clinical_camera(
    rng: Generator, height: int, width: int, site: str, first: bool
) -> ClinicalCamera:
    """A photograph's settings, in its site's house style; a lesion's first one is framed best."""
    shift = np.clip(rng.normal(0, 0.06 if first else 0.09, 2), -0.2, 0.2)
    zoom = float(np.exp(rng.normal(0, 0.18) if first else rng.normal(0.1, 0.3)))
    rotation = float(rng.normal(0, 0.15 if first else 0.5))
    cast = np.array(CASTS[site]) + rng.normal(0, 0.03, 3) + rng.normal(-0.02, 0.07)
    dice = rng.random(4)
    styles, odds = zip(*STYLE_ODDS[site], strict=True)
    style = str(rng.choice(styles, p=odds))
    low, high = QUALITY[site]
    return ClinicalCamera(
        frame=Frame(height, width, rotation, zoom, tuple(shift.tolist())),
        light=float(np.pi + rng.uniform(0, np.pi)),  # from somewhere above
        cast=tuple(cast.tolist()),
        flash=float(0.30 * dice[0] ** 2),
        defocus=float(DEFOCUS[site] * dice[1] ** 2),
        noise=float(1.2 + 2.5 * dice[2]),
        quality=int(rng.integers(low, high)),
        site=site,
        style=style,
        tone=int(rng.choice((252, 8) if style == "frame" else (250, 236, 16))),
        serial=int(rng.integers(100, 9999)),
    )


def draw_copy(rng: Generator, kind: str, aspect: float) -> Copy:
    """A copy's transformation; ``kind`` "reframed" is slight, "moved" turns, magnifies, mirrors."""
    gain = float(1 + rng.choice((-1, 1)) * rng.uniform(0.01, 0.04))
    quality = int(rng.integers(70, 82))
    slight, strong, angle = rng.uniform((1.005, 1.25, 8.0), (1.03, 1.8, 30.0))
    side = float(rng.choice((-1, 1)))
    choice = int(rng.integers(6))
    if kind == "reframed":
        return Copy(0.0, round(float(slight), 4), False, gain, quality)
    upright = round(max(aspect, 1 / aspect), 4)  # a quarter turn must still fill the picture
    turn, zoom, mirror = (
        (90.0, upright, False),
        (270.0, upright, False),
        (180.0, 1.0, False),
        (0.0, 1.0, True),
        (side * round(float(angle)), 1.25, False),
        (0.0, round(float(strong), 2), False),
    )[choice]
    return Copy(turn, zoom, mirror, 1.0, quality)


def expose_clinical(light: np.ndarray, camera: ClinicalCamera, rng: Generator) -> np.ndarray:
    """Light to sensor values: flash, white balance, noise; uint8."""
    frame = camera.frame
    x, y = Frame(frame.height, frame.width).grid()
    gain = 1.04 - np.float32(camera.flash) * (x * x + y * y)
    light = light * gain[..., None]
    light *= np.exp(np.array(camera.cast, np.float32))
    corner = tuple(rng.integers(0, 512, 2).tolist())
    light += np.float32(camera.noise) * sensor_noise(frame.height, frame.width, corner)
    return cv2.convertScaleAbs(np.maximum(light, 0, out=light))


def stamp_marks(picture: np.ndarray, camera: ClinicalCamera) -> tuple[np.ndarray, np.ndarray]:
    """The picture with its site's caption, frame or watermark, and the pixels that these cover."""
    height, width = picture.shape[:2]
    marks = np.zeros((height, width), np.uint8)
    if camera.style == "none":
        return picture, marks > 0
    picture = picture.copy()
    text = f"{WORDS[camera.site]} {camera.serial}"
    band = max(5, round(0.085 * height))
    if camera.style == "strip":
        marks[-band:] = 255
        picture[-band:] = camera.tone
        ink = (20, 20, 20) if camera.tone > 128 else (240, 240, 240)
        put_text(picture, text, (round(0.03 * width), height - band // 4), 0.55 * band, ink)
    elif camera.style == "frame":
        edge = max(2, round(0.022 * height))
        cv2.rectangle(marks, (0, 0), (width - 1, height - 1), 255, 2 * edge - 1)
        picture[marks > 0] = camera.tone
    else:  # a watermark lets the picture shine through
        put_text(marks, text, (round(0.25 * width), height - band // 2), 0.5 * band, 255)
        cover = marks[..., None] * np.float32(0.55 / 255)
        picture = cv2.convertScaleAbs(picture + cover * (np.float32(camera.tone) - picture))
    return picture, marks > 0


def put_text(
    picture: np.ndarray, text: str, corner: tuple[int, int], size: float, ink: int | tuple
) -> None:
    """Write ``text`` with capitals ``size`` pixels high, its lower left at ``corner`` (x, y)."""
    thickness = max(1, round(size / 9))
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, text, corner, font, size / 21, ink, thickness, cv2.LINE_AA)
