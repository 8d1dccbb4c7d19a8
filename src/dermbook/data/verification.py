"""Checking a source: what one image file must satisfy, and collecting everything that is wrong."""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from dermbook.errors import DataError

_SHOWN = 10


@dataclass
class Problems:
    """Errors and warnings found on the way, so that a reader sees all of them at once."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.errors.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def raise_if_any(self, what: str, ending: str = "") -> None:
        """DataError listing all errors, headed by ``what``; nothing if there are none."""
        if not self.errors:
            return
        count = len(self.errors)
        lines = [f"{what}: {count} problem{'s' if count > 1 else ''}"]
        lines += [f"- {text}" for text in self.errors]
        raise DataError("\n".join(lines + ([ending] if ending else [])))


@dataclass(frozen=True)
class Checked:
    """What the check of one file found. ``marked``: mask pixels on the lesion, else None."""

    size: int
    crc: int
    sha256: str
    width: int
    height: int
    marked: int | None = None


def some(ids: Iterable[str]) -> str:
    """Up to ten of the ids, and how many more: for messages."""
    ids = list(map(str, ids))
    shown = ", ".join(ids[:_SHOWN])
    return shown if len(ids) <= _SHOWN else f"{shown} and {len(ids) - _SHOWN:,} more"


def check_file(content: bytes, *, mask: bool = False) -> Checked:
    """Decode one image (or mask) file completely.

    DataError, with the reason only, for content that is empty, cut short or does not decode.
    """
    picture = decode_mask(content) if mask else decode_image(content)
    if picture is None:
        raise DataError("is empty" if not content else "does not decode as an image")
    if _cut_short(content):
        raise DataError("is cut short")
    height, width = picture.shape[:2]
    return Checked(
        size=len(content),
        crc=zlib.crc32(content),
        sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        marked=int(picture.sum()) if mask else None,
    )


def decode_image(content: bytes) -> np.ndarray | None:
    """uint8 (height, width, 3) RGB of an image file's bytes, or None if it does not decode.

    The orientation a camera noted is ignored: masks and published pixels do not know it.
    """
    return _decode(content, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)


def decode_mask(content: bytes) -> np.ndarray | None:
    """bool (height, width) of a mask file's bytes, True on the lesion, or None.

    Lesions are marked by 255, or by 1 in masks that have no other value.
    """
    picture = _decode(content, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if picture is None else picture > (127 if picture.max() > 1 else 0)


def _decode(content: bytes, flags: int) -> np.ndarray | None:
    if not content:
        return None
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None


def _cut_short(content: bytes) -> bool:
    """Whether the end marker is missing: decoders fill the rest with grey and say nothing."""
    if content.startswith(b"\xff\xd8"):
        # neither marker can occur inside a JPEG's compressed data
        return content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
    return content.startswith(b"\x89PNG") and b"IEND" not in content[-64:]
