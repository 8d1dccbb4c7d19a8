"""Bytes are what they are, whatever they are called; pictures become plain JPEGs, or a reason."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from dermbook.data.harvest import PictureError, kind_of, normal_form

RNG = np.random.default_rng(0)
#: smooth, so that a JPEG of it is close to it; nowhere grey
PIXELS = cv2.resize(RNG.integers(0, 255, (4, 5, 3), dtype="uint8"), (60, 48))


def coded(pixels: np.ndarray, format: str, mode: str | None = None, **options) -> bytes:
    image = Image.fromarray(pixels)
    stream = io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, format, **options)
    return stream.getvalue()


def decoded(content: bytes) -> np.ndarray:
    """By another decoder than the one under test; the EXIF orientation not applied."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(content, np.uint8), flags).astype(int)


def reason(content: bytes, **options) -> str:
    with pytest.raises(PictureError) as caught:
        normal_form(content, **options)
    return caught.value.reason


def png(width: int, height: int, data: bytes) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    ends = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(ends)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_colour_jpeg_is_kept_byte_for_byte(options):
    content = coded(PIXELS, "JPEG", quality=80, **options)
    picture = normal_form(content)
    assert picture.content == content
    assert (picture.width, picture.height, picture.found) == (60, 48, "jpeg")
    assert not picture.converted


def test_bytes_after_the_end_do_no_harm():
    content = coded(PIXELS, "JPEG") + b"\n<!-- served by -->"
    assert normal_form(content).content == content


def test_orientation_is_kept_in_a_kept_file_and_applied_in_a_converted_one():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    kept = normal_form(coded(PIXELS, "JPEG", exif=exif))
    assert (kept.orientation, kept.converted, kept.width) == (6, False, 60)
    turned = normal_form(coded(PIXELS, "PNG", exif=exif))
    assert (turned.orientation, turned.converted, turned.width) == (1, True, 48)
    expected = np.rot90(PIXELS, -1).astype(int)
    assert np.abs(decoded(turned.content) - expected).mean() < 2


@pytest.mark.parametrize(
    ("format", "mode", "found"),
    [
        ("PNG", None, "png"),
        ("GIF", None, "gif"),
        ("WEBP", None, "webp"),
        ("BMP", None, "bmp"),
        ("TIFF", None, "tiff"),
        ("TIFF", "CMYK", "tiff"),
        ("JPEG", "CMYK", "jpeg-cmyk"),
    ],
)
def test_other_formats_show_the_same_picture(format, mode, found):
    options = {"lossless": True} if format == "WEBP" else {}
    picture = normal_form(coded(PIXELS, format, mode, **options))
    assert (picture.found, picture.converted) == (found, True)
    assert picture.content.startswith(b"\xff\xd8\xff")
    # a negative, or swapped channels, would be some hundred away
    assert np.abs(decoded(picture.content) - PIXELS).mean() < 8


def test_the_same_bytes_every_time():
    content = coded(PIXELS, "PNG")
    assert normal_form(content).content == normal_form(content).content


def test_grey_becomes_three_equal_channels():
    picture = normal_form(coded(PIXELS, "JPEG", "L"))
    pixels = decoded(picture.content)
    assert picture.found == "jpeg-grey"
    assert np.ptp(pixels, axis=2).max() <= 2
    assert len(Image.open(io.BytesIO(picture.content)).getbands()) == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_eight(channels):
    deep = PIXELS.astype("uint16") * 257
    deep = deep if channels == 3 else deep[..., 1]
    content = cv2.imencode(".png", deep[..., ::-1] if channels == 3 else deep)[1].tobytes()
    picture = normal_form(content)
    expected = PIXELS if channels == 3 else PIXELS[..., 1:2]
    assert picture.found == "png-16-bit"
    assert np.abs(decoded(picture.content) - expected).mean() < 2


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode):
    image = Image.fromarray(np.zeros((20, 20, 3), "uint8")).convert("L" if mode == "LA" else "RGB")
    stream = io.BytesIO()
    if mode == "P":
        image.convert("P").save(stream, "PNG", transparency=image.convert("P").getpixel((0, 0)))
    else:
        image.putalpha(
            Image.fromarray(np.repeat([[0], [255]], [10, 10], 0).repeat(20, 1).astype("uint8"))
        )
        image.save(stream, "PNG")
    pixels = decoded(normal_form(stream.getvalue()).content)
    assert pixels[:8].min() > 250
    assert (pixels[12:].max() < 5) == (mode != "P")


def test_first_frame_of_an_animation():
    other = Image.fromarray(255 - PIXELS)
    content = coded(PIXELS, "GIF", save_all=True, append_images=[other])
    picture = normal_form(content)
    assert picture.found == "gif-animated"
    assert np.abs(decoded(picture.content) - PIXELS).mean() < 8


@pytest.mark.parametrize("ending", [b"", b"\xff\xd9"], ids=["open", "closed"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.35, 0.6, 0.9, 0.99])
def test_cut_jpeg_is_refused_even_with_an_end_marker(share, progressive, ending):
    # noise needs bytes everywhere, so each cut takes some of the picture away
    noise = RNG.integers(0, 255, (48, 64, 3), dtype="uint8")
    content = coded(noise, "JPEG", quality=90, progressive=progressive)
    assert normal_form(content).content == content
    assert reason(content[: int(len(content) * share)] + ending) == "truncated"


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP", "GIF"])
def test_other_cut_files_are_refused(format):
    content = coded(PIXELS, format)
    assert reason(content[: len(content) * 2 // 3]) == "truncated"


def test_bombs_are_known_by_their_header():
    assert reason(png(30_000, 30_000, bytes(100))) == "too-many-pixels"
    assert reason(coded(PIXELS, "JPEG"), max_pixels=1000) == "too-many-pixels"
    assert reason(coded(np.zeros((10, 66_000, 3), "uint8"), "PNG")) == "too-many-pixels"


def test_tracking_pixels():
    assert reason(png(1, 1, bytes(2))) == "too-small"
    assert reason(coded(PIXELS[:7], "JPEG")) == "too-small"
    assert normal_form(coded(PIXELS[:8], "JPEG")).height == 8


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\n <!DOCTYPE html><html>", "html-page"),
        (b"\xef\xbb\xbf<HTML><body>gone", "html-page"),
        (b'<?xml version="1.0"?><svg xmlns="x"/>', "svg"),
        (b"<svg width='3'>", "svg"),
        (b'{"error": "no"}', "json-answer"),
        ("Nicht gefunden: für immer".encode(), "text-answer"),
        (b"%PDF-1.7 ", "unsupported-format"),
        (b"\x00\x00\x00\x1cftypavif", "unsupported-format"),
        (b"\x00\x01\x02\x03\xfe\xff", "not-an-image"),
    ],
)
def test_what_is_no_picture_has_a_name(content, kind):
    assert kind_of(content) == kind
    assert reason(content) == kind


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_rubbish_behind_a_picture_s_beginning():
    for start in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00"):
        said = reason(start + RNG.bytes(300))
        assert said in ("undecodable", "truncated", "too-many-pixels", "too-small")
    assert reason(coded(PIXELS[..., 0].astype("float32"), "TIFF")) == "unsupported-format"


def test_only_faults_that_may_pass_are_retriable():
    for content, permanent in ((b"", False), (b"<html>", True)):
        with pytest.raises(PictureError) as caught:
            normal_form(content)
        assert caught.value.permanent is permanent
