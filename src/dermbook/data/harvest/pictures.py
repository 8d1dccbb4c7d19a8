"""What came: a picture, and in which form, or something else, and what.

Names and the server's own words count for nothing; only the bytes do. A picture becomes a plain
JPEG with three colour channels (R0 and R4 "forced" JPG by renaming files, row 0.1). One that is
such a JPEG already is kept byte for byte, so its checksum stays that of the published file.
"""

import io
import re
from dataclasses import dataclass, field

from dermbook.errors import DataError

#: more pixels than any photograph here has; checked before a single one is decoded
MAX_PIXELS = 50_000_000
#: shorter sides are tracking pixels and spacers
MIN_SIDE = 8
QUALITY = 95
#: of a JPEG file, by its format
_MAX_SIDE = 65_500
#: content faults that another download may cure
RETRIABLE = frozenset({"empty", "truncated"})

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)
_OTHERS = (
    b"%PDF",
    b"PK\x03\x04",
    b"8BPS",
    b"\x00\x00\x01\x00",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x0a",
)
_MARKUP = re.compile(
    rb"<(!doctype|html|head|body|script|title|meta|!--|\?xml|\?php|div|p|h1)", re.I
)


class PictureError(DataError):
    """Bytes that are no usable picture. reason: one word for tables; detail: a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.permanent = reason not in RETRIABLE


@dataclass(frozen=True)
class Picture:
    """A JPEG, RGB, 8 bits.

    width, height: pixels as stored. found: what came, ``jpeg`` or for example ``png-16-bit``.
    converted: False if ``content`` is what came, byte for byte. orientation: the EXIF orientation
    (1 … 8) that a kept JPEG still carries, unapplied, for the reader to apply; 1 after a
    conversion, which turns the pixels.
    """

    content: bytes = field(repr=False)
    width: int
    height: int
    found: str
    converted: bool
    orientation: int = 1


def kind_of(content: bytes) -> str:
    """What bytes are, by their beginning: ``jpeg``, ``png``, ``gif``, ``webp``, ``bmp``, ``tiff``;
    ``empty``, ``html-page``, ``svg``, ``json-answer``, ``text-answer``, ``unsupported-format``
    (a document, an archive, a picture of a kind not taken), ``not-an-image``.
    """
    if not content.strip(b"\x00 \t\r\n"):
        return "empty"
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    if content.startswith(_OTHERS) or content[4:8] == b"ftyp":
        return "unsupported-format"
    start = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.search(rb"<svg[\s>]", start, re.I) and start.startswith(b"<"):
        return "svg"
    if _MARKUP.match(start):
        return "html-page"
    try:
        # a character may be cut at the end of the sample
        text = start.decode("utf-8", "strict" if len(content) < 4096 else "ignore")
    except UnicodeDecodeError:
        return "not-an-image"
    if start[:1] in (b"{", b"["):
        return "json-answer"
    readable = sum(character.isprintable() or character.isspace() for character in text)
    return "text-answer" if readable == len(text) else "not-an-image"


def normal_form(
    content: bytes, *, max_pixels: int = MAX_PIXELS, min_side: int = MIN_SIDE
) -> Picture:
    """The picture in these bytes as an RGB JPEG; PictureError names what else they are.

    An 8-bit, three-channel JPEG is kept as it came. All else (grey, CMYK and YCCK JPEG with Adobe's
    inverted inks, PNG of any depth, palette or transparency, the first frame of a GIF, WebP, BMP,
    TIFF) is turned by its EXIF orientation, laid on white where it is transparent, reduced to
    8 bits and encoded at quality 95 with full colour resolution, always to the same bytes.

    Refused: everything cut short (never filled with grey), more than ``max_pixels`` by the header,
    a side below ``min_side``, floating-point pixels, SVG and whatever does not decode. (Not to be
    known: a progressive JPEG that ends between two of its scans is a whole, coarser picture.)
    """
    kind = kind_of(content)
    if kind not in {name for _, name in _MAGIC} | {"webp"}:
        raise PictureError(kind, _DETAILS.get(kind, "these bytes are no picture"))
    if _cut_short(content, kind):
        raise PictureError("truncated", f"the {kind} file is cut short")
    try:
        return _normal(content, kind, max_pixels, min_side)
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # decoders of damaged files raise nearly anything
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        detail = f"the {kind} file does not decode ({error or type(error).__name__})"
        raise PictureError("truncated" if cut else "undecodable", detail) from None


_DETAILS = {
    "empty": "no bytes came",
    "html-page": "a web page came, though the server called it a success",
    "svg": "a drawing, not a photograph; SVG may also hold programs",
    "json-answer": "an answer of a program came (JSON)",
    "text-answer": "plain text came",
    "unsupported-format": "a file of a kind that is not taken",
}


def _normal(content: bytes, kind: str, max_pixels: int, min_side: int) -> Picture:
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(content), formats=[kind.upper()])
    except Image.DecompressionBombError as error:
        raise PictureError("too-many-pixels", f"the header announces a bomb ({error})") from None
    width, height = image.size
    if width * height > max_pixels or max(width, height) > _MAX_SIDE:
        raise PictureError("too-many-pixels", f"the header announces {width} × {height} pixels")
    if min(width, height) < min_side:
        raise PictureError("too-small", f"{width} × {height} pixels: a tracking pixel or spacer")
    orientation = _orientation(image)
    found = _found(image, kind, content)
    if kind == "jpeg" and not _complete(image, content):
        raise PictureError("truncated", "the jpeg file ends before its last row")
    if kind == "jpeg" and image.mode == "RGB":
        return Picture(content, width, height, "jpeg", False, orientation)
    rgb = _rgb(image)
    if orientation != 1:
        rgb = _turned(rgb, orientation)
    stream = io.BytesIO()
    rgb.save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return Picture(stream.getvalue(), *rgb.size, found, True)


def _found(image, kind: str, content: bytes) -> str:
    if kind == "jpeg":
        return {"L": "jpeg-grey", "CMYK": "jpeg-cmyk"}.get(image.mode, kind)
    if kind == "png" and content[24] == 16:
        return "png-16-bit"
    if getattr(image, "n_frames", 1) > 1:
        return f"{kind}-{'pages' if kind == 'tiff' else 'animated'}"
    if kind == "png" and image.mode == "P":
        return "png-palette"
    if kind == "png" and (image.mode in ("RGBA", "LA") or "transparency" in image.info):
        return "png-alpha"
    return kind


def _rgb(image):
    """The first frame as an RGB image of 8 bits on white."""
    import numpy as np
    from PIL import Image

    image.load()
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype("uint16") >> 8).astype("uint8"), "L")
    if image.mode in ("I", "F", "LAB"):
        raise PictureError("unsupported-format", f"pixels of type {image.mode} are not taken")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


def _orientation(image) -> int:
    try:
        value = int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF is no reason to lose the picture
        return 1
    return value if 1 <= value <= 8 else 1


def _turned(image, orientation: int):
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation])


def _complete(image, content: bytes) -> bool:
    """Whether a JPEG's compressed data reach to its last row. ``image`` is the opened file.

    A file cut short and then closed by an end marker decodes without complaint, its rest filled
    with grey. But then more bytes before that marker change the picture; behind complete data they
    are skipped.
    """
    from PIL import Image

    end = content.rfind(b"\xff\xd9")
    while content[end - 1] == 0xFF:  # would make a marker of what follows
        end -= 1
    # first mostly ones, for a decoder goes on with zeros where bytes are missing; none is 255
    longer = content[:end] + bytes(range(254, 0, -1)) * 4 + content[end:]
    other = Image.open(io.BytesIO(longer), formats=["JPEG"])
    return image.tobytes() == other.tobytes()


def _closed(content: bytes) -> bool:
    """Whether a JPEG's segments lead to its end marker, none of them cut short."""
    at = 2
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return False
        marker = content[at + 1]
        if marker == 0xD9:
            return True
        if marker == 0xFF:  # fill
            at += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # stand alone, or inside a scan
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")


def _cut_short(content: bytes, kind: str) -> bool:
    """Whether the end is missing, as far as the file's own structure tells."""
    if kind == "webp":
        return 8 + int.from_bytes(content[4:8], "little") > len(content)
    if kind == "png":
        return b"IEND" not in content[8:]
    return kind == "jpeg" and not _closed(content)
