"""Thirty tiny pictures laid out as Fitzpatrick17k's publisher lays out 16,577, made by OpenCV.

Everything is invented but the layout: which label a row has, its skin types, its address.
"""

import hashlib
import zipfile
from pathlib import Path

import cv2
import numpy as np

HEADER = (
    "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,"
    "three_partition_label,qc,url,url_alphanum"
)
#: label, its partition of nine, its partition of three
LABELS = (
    ("psoriasis", "inflammatory", "non-neoplastic"),
    ("melanoma", "malignant melanoma", "malignant"),
    ("dermatofibroma", "benign dermal", "benign"),
    ("acne", "inflammatory", "non-neoplastic"),
    ("syringoma", "benign epidermal", "benign"),
)
ROWS = 30
ATLASES = ("https://www.dermaamin.com", "http://atlasdermatologico.com.br")


def picture(position: int) -> bytes:
    """A JPEG of 20 x 16 to 23 x 16 pixels that only its position decides."""
    colours = np.random.default_rng(position).integers(0, 255, (3, 4, 3), dtype="uint8")
    size = (20 + position % 4, 16)
    return cv2.imencode(".jpg", cv2.resize(colours, size))[1].tobytes()


def image_id(position: int) -> str:
    return hashlib.md5(picture(position)).hexdigest()


def label_of(position: int) -> tuple[str, str, str]:
    """The last label has two rows, the others seven each."""
    return LABELS[4] if position >= 28 else LABELS[position % 4]


def address(position: int, sites: tuple[str, str] = ATLASES) -> str:
    site = sites[position % 2]
    return f"{site}/{'pic' if position % 2 == 0 else 'img'}/{position:02d}-atlas.jpg"


def alphanumeric(position: int) -> str:
    """The address without punctuation, whether or not the row has the address itself."""
    return "".join(c for c in address(position) if c.isascii() and c.isalnum()) + ".jpg"


def cells(position: int, sites: tuple[str, str] = ATLASES) -> list[str]:
    """One row: every sixth skin type unknown, one qc, every tenth row without address."""
    scale = -1 if position % 6 == 5 else 1 + position % 6
    qc = {3: "3 Wrongly labelled", 8: "1 Diagnostic"}.get(position, "")
    url = "" if position % 10 == 9 else address(position, sites)
    return [
        image_id(position), str(scale), str(1 + position % 6), *label_of(position), qc, url,
        alphanumeric(position),
    ]  # fmt: skip


def table(rows: list[list[str]] | None = None) -> str:
    rows = [cells(k) for k in range(ROWS)] if rows is None else rows
    return "\n".join([HEADER, *(",".join(row) for row in rows)]) + "\n"


def write_clinical(
    folder: Path,
    *,
    images: range = range(ROWS),
    where: str = "fitzpatrick17k_images.zip",
    named: str = "md5",
    text: str | None = None,
) -> Path:
    """Write ``fitzpatrick17k.csv`` and the images, into a zip or a folder; gives ``folder``.

    named: ``md5`` or ``address``, what the image files are called.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fitzpatrick17k.csv").write_text(table() if text is None else text)
    names = {k: f"{image_id(k)}.jpg" if named == "md5" else alphanumeric(k) for k in images}
    if where.endswith(".zip"):
        with zipfile.ZipFile(folder / where, "w") as archive:
            for k, name in names.items():
                archive.writestr(name, picture(k))
    else:
        (folder / where).mkdir(exist_ok=True, parents=True)
        for k, name in names.items():
            (folder / where / name).write_bytes(picture(k))
    return folder
