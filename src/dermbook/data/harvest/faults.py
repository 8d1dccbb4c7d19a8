"""Every way a web server is known to misbehave, by name, and what a right harvest makes of it.

The answers are raw bytes of HTTP, so that they can be wrong in every detail. The pictures are
phantom ones. ``misbehaving`` serves them.
"""

import gzip
import io
import json
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

from dermbook.data.harvest.journal import FAILED, NULL, OK


@dataclass(frozen=True)
class Request:
    """What a kind's answer may depend on.

    kind, number: of the address ``/KIND/NUMBER``. visit: 1 for the first request of this address.
    origin: ``http://host:port`` of the server. healed: the server has been repaired.
    """

    kind: str
    number: int
    visit: int
    headers: dict[str, str]
    origin: str
    healed: bool


@dataclass(frozen=True)
class Expected:
    """What a right harvest reports of an address, and how often it asks for it.

    found: the form that came, for images. requests: None where the number is left open.
    """

    status: str
    reason: str
    found: str = ""
    retriable: bool = False
    requests: int | None = 1


#: an answer is bytes to send, or a pause in seconds, or RESET; then the connection closes if told
Step = bytes | float | None
Answer = Callable[[Request], list[Step]]
RESET = None  # cut the connection as a crash would
#: seconds that a server far away takes to answer
ROUND_TRIP = 0.03
#: attempts that the demonstration's client makes
ATTEMPTS = 3


@dataclass(frozen=True)
class Kind:
    """One way to behave. slow: takes as long as a time limit. what: for the reader."""

    what: str
    expected: Expected
    answer: Answer
    slow: bool = False


def response(
    content: bytes, status: int = 200, kind: str = "image/jpeg", headers: dict | None = None
) -> bytes:
    """A well-formed answer that leaves the connection open."""
    lines = [f"HTTP/1.1 {status} Phantom", f"Content-Length: {len(content)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + content


def picture(number: int) -> bytes:
    """A phantom photograph as JPEG; no two numbers give the same bytes."""
    jpeg = _pictures()[number % len(_pictures())]
    comment = f"phantom address {number}".encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


@lru_cache(maxsize=1)
def _pictures() -> list[bytes]:
    from dermbook.data.phantom import phantom

    collection = phantom(21, height=72, width=96, seed=0)
    return [collection.source.encoded(image_id) for image_id in collection.ids]


@lru_cache(maxsize=512)
def _coded(number: int, format: str, mode: str = "RGB", **options) -> bytes:
    from PIL import Image

    image = Image.open(io.BytesIO(_pictures()[number % len(_pictures())])).convert(mode)
    if options.pop("animated", False):
        options |= {"save_all": True, "append_images": [image.transpose(1)]}
    if options.pop("turned", False):
        exif = Image.Exif()
        exif[0x0112] = 6
        options["exif"] = exif
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def _deep_png(number: int) -> bytes:
    """A PNG with 16 bits a channel, as scanners write them: Pillow cannot, OpenCV can."""
    import cv2
    import numpy as np

    jpeg = np.frombuffer(_pictures()[number % len(_pictures())], np.uint8)
    deep = cv2.imdecode(jpeg, cv2.IMREAD_COLOR).astype("uint16") * 257
    return cv2.imencode(".png", deep)[1].tobytes()


def _alpha_png(number: int) -> bytes:
    from PIL import Image

    image = Image.open(io.BytesIO(_pictures()[number % len(_pictures())])).convert("RGB")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _tiny_png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that announces any size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(min(height * (width + 1), 10_000)))
    ends = chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(ends)


@lru_cache(maxsize=1)
def _gzip_bomb() -> bytes:
    return gzip.compress(bytes(32 * 2**20), 9, mtime=0)


_PAGE = b"<!DOCTYPE html><html><body><h1>Welcome to our new site</h1></body></html>"
_SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'


def _image(make: Callable[[int], bytes], kind: str = "image/jpeg") -> Answer:
    return lambda request: [response(make(request.number), kind=kind)]


def _page(content: bytes, kind: str = "image/jpeg", status: int = 200) -> Answer:
    return lambda request: [response(content, status, kind)]


def _status(status: int, headers: dict | None = None) -> Answer:
    return lambda request: [response(b"no", status, "text/plain", headers)]


def _until(visit: int, before: Answer) -> Answer:
    """``before`` until the given visit, then the picture."""
    return lambda r: before(r) if r.visit < visit else [response(picture(r.number))]


def _until_healed(before: Answer) -> Answer:
    return lambda r: [response(picture(r.number))] if r.healed else before(r)


def _to(address: Callable[[Request], str], status: int = 302) -> Answer:
    return lambda r: [response(b"", status, "", {"Location": address(r)})]


def _own_headers(request: Request) -> list[Step]:
    told = all(name in request.headers for name in ("user-agent", "accept", "referer"))
    machine = request.headers.get("user-agent", "").lower().startswith("python")
    if not told or machine:
        return [response(b"Forbidden", 403, "text/plain")]
    return [response(picture(request.number))]


def _chunked(request: Request) -> list[Step]:
    content, pieces = picture(request.number), []
    for start in range(0, len(content), 1000):
        piece = content[start : start + 1000]
        pieces.append(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [head + b"".join(pieces) + b"0\r\n\r\n"]


def _short(request: Request) -> list[Step]:
    whole = response(picture(request.number))
    return [whole[: len(whole) // 2], b""]


def _cut_jpeg(request: Request) -> list[Step]:
    content = picture(request.number)
    return [response(content[: len(content) * 2 // 3])]


def _closed_jpeg(request: Request) -> list[Step]:
    content = picture(request.number)
    return [response(content[: len(content) * 2 // 3].rstrip(b"\xff") + b"\xff\xd9")]


def _drip(request: Request) -> list[Step]:
    whole = response(picture(request.number))
    steps: list[Step] = [whole[:60]]
    for byte in whole[60:1000]:
        steps += [0.05, bytes([byte])]
    return steps


def _flood(request: Request) -> list[Step]:
    """No length announced, and no end."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + picture(request.number)
    return [head, *[bytes(2**18)] * 256, b""]


def _gzipped(content: Callable[[Request], bytes]) -> Answer:
    return lambda r: [response(content(r), headers={"Content-Encoding": "gzip"})]


def _later(request: Request) -> list[Step]:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    return _status(503, {"Retry-After": then})(request)


def _ok(found: str = "jpeg", requests: int = 1) -> Expected:
    reason = "kept" if found == "jpeg" else "converted"
    return Expected(OK, reason, found, requests=requests)


def _no(reason: str, *, again: bool = False, requests: int | None = 1) -> Expected:
    return Expected(FAILED, reason, retriable=again, requests=requests)


KINDS: dict[str, Kind] = {
    # pictures, in every form
    "ok": Kind("a JPEG", _ok(), _image(picture)),
    "png-named-jpg": Kind("a PNG called .jpg", _ok("png"), _image(lambda n: _coded(n, "PNG"))),
    "png-16-bit": Kind("a PNG with 16 bits a channel", _ok("png-16-bit"), _image(_deep_png)),
    "png-palette": Kind("a PNG with a palette, one colour transparent", _ok("png-palette"),
                        _image(lambda n: _coded(n, "PNG", "P", transparency=3))),
    "png-alpha": Kind("a half-transparent PNG", _ok("png-alpha"), _image(_alpha_png)),
    "gif": Kind("a GIF", _ok("gif"), _image(lambda n: _coded(n, "GIF"))),
    "gif-animated": Kind("a GIF of two frames", _ok("gif-animated"),
                         _image(lambda n: _coded(n, "GIF", animated=True))),
    "webp": Kind("a WebP", _ok("webp"), _image(lambda n: _coded(n, "WEBP"))),
    "bmp": Kind("a BMP", _ok("bmp"), _image(lambda n: _coded(n, "BMP"))),
    "tiff": Kind("a TIFF", _ok("tiff"), _image(lambda n: _coded(n, "TIFF"))),
    "jpeg-cmyk": Kind("a JPEG in printing inks", _ok("jpeg-cmyk"),
                      _image(lambda n: _coded(n, "JPEG", "CMYK"))),
    "jpeg-grey": Kind("a JPEG without colour", _ok("jpeg-grey"),
                      _image(lambda n: _coded(n, "JPEG", "L"))),
    "jpeg-turned": Kind("a JPEG that its EXIF turns", _ok(),
                        _image(lambda n: _coded(n, "JPEG", turned=True))),
    # pictures, in odd answers
    "wrong-type": Kind("a JPEG called text/html", _ok(), _image(picture, "text/html")),
    "chunked": Kind("a JPEG in chunks", _ok(), _chunked),
    "gzipped": Kind("a JPEG, gzipped unasked", _ok(),
                    _gzipped(lambda r: gzip.compress(picture(r.number), mtime=0))),
    "needs-headers": Kind("403 unless headers are sent", _ok(), _own_headers),
    "far": Kind("a JPEG, a round trip of 30 ms away", _ok(),
                lambda r: [ROUND_TRIP, response(picture(r.number))]),
    "redirect": Kind("moved for good", _ok(requests=2), _to(lambda r: f"/ok/{r.number}", 301)),
    # faults that pass
    "busy-once": Kind("429, Retry-After in seconds; then a JPEG", _ok(requests=2),
                      _until(2, _status(429, {"Retry-After": "1"}))),
    "later-once": Kind("503, Retry-After as a date; then a JPEG", _ok(requests=2),
                       _until(2, _later)),
    "error-once": Kind("500; then a JPEG", _ok(requests=2), _until(2, _status(500))),
    "reset-once": Kind("the connection is reset; then a JPEG", _ok(requests=2),
                       _until(2, lambda r: [response(picture(r.number))[:300], RESET])),
    # faults that last, but may be gone another day
    "down": Kind("503, every time", _no("http-503", again=True, requests=ATTEMPTS),
                 _until_healed(_status(503))),
    "busy-for-a-day": Kind("429, come back tomorrow", _no("http-429", again=True),
                           _until_healed(_status(429, {"Retry-After": "86400"}))),
    "reset": Kind("the connection is reset, every time",
                  _no("connection-lost", again=True, requests=ATTEMPTS),
                  _until_healed(lambda r: [response(picture(r.number))[:300], RESET])),
    "short-body": Kind("half of the announced bytes",
                       _no("connection-lost", again=True, requests=ATTEMPTS),
                       _until_healed(_short)),
    "not-http": Kind("an answer that is not HTTP",
                     _no("connection-lost", again=True, requests=ATTEMPTS),
                     _until_healed(lambda r: [b"220 mail.example.org ready\r\n", b""])),
    "slow-drip": Kind("a byte now and then", _no("too-slow", again=True, requests=ATTEMPTS),
                      _until_healed(_drip), slow=True),
    "silent": Kind("no answer at all", _no("timeout", again=True, requests=ATTEMPTS),
                   _until_healed(lambda r: [30.0]), slow=True),
    "empty": Kind("no bytes, called a success", _no("empty", again=True),
                  _until_healed(_page(b""))),
    "jpeg-cut": Kind("two thirds of a JPEG", _no("truncated", again=True),
                     _until_healed(_cut_jpeg)),
    "jpeg-cut-closed": Kind("two thirds of a JPEG and an end marker",
                            _no("truncated", again=True), _until_healed(_closed_jpeg)),
    "png-cut": Kind("two thirds of a PNG", _no("truncated", again=True),
                    _until_healed(_image(lambda n: (c := _coded(n, "PNG"))[: len(c) * 2 // 3]))),
    # what is not, or no longer, a picture
    "not-found": Kind("404", _no("http-404"), _status(404)),
    "gone": Kind("410", _no("http-410"), _status(410)),
    "forbidden": Kind("403, whatever is sent", _no("http-403"), _status(403)),
    "web-page": Kind("a web page, called a JPEG", _no("html-page"), _page(_PAGE)),
    "json": Kind("a program's answer", _no("json-answer"),
                 _page(json.dumps({"error": "no such image"}).encode(), "application/json")),
    "text": Kind("plain text", _no("text-answer"), _page(b"Image removed.\n", "text/plain")),
    "svg": Kind("a drawing", _no("svg"), _page(_SVG, "image/svg+xml")),
    "tracking-pixel": Kind("a picture of one pixel", _no("too-small"),
                           _page(_tiny_png(1, 1), "image/png")),
    # attacks
    "bomb": Kind("a PNG of 300 bytes and 900 million pixels", _no("too-many-pixels"),
                 _page(_tiny_png(30_000, 30_000), "image/png")),
    "gzip-bomb": Kind("32 KiB that unpack to 32 MiB", _no("too-large"),
                      _gzipped(lambda r: _gzip_bomb())),
    "flood": Kind("a picture that never ends", _no("too-large"), _flood),
    "redirect-loop": Kind("redirects in a circle", _no("redirect-loop", requests=None),
                          _to(lambda r: f"/redirect-loop/{r.number}?{r.visit % 2}")),
    "redirect-endless": Kind("redirects without end", _no("too-many-redirects", requests=None),
                             _to(lambda r: f"/redirect-endless/{r.number}?{r.visit}")),
    "redirect-private": Kind("redirects into a private network", _no("private-address"),
                             _to(lambda r: "http://10.0.0.1/camera.jpg")),
    "redirect-metadata": Kind("redirects to a cloud's credentials", _no("private-address"),
                              _to(lambda r: "http://169.254.169.254/latest/meta-data/")),
    "redirect-file": Kind("redirects to a file of ours", _no("scheme-refused"),
                          _to(lambda r: "file:///etc/passwd")),
    "redirect-ftp": Kind("redirects to FTP", _no("scheme-refused"),
                         _to(lambda r: "ftp://ftp.example.org/a.jpg")),
}  # fmt: skip

#: rows that reach no server of ours: what the table itself says
ADDRESSES: dict[str, tuple[str, Expected]] = {
    "null-address": ("", Expected(NULL, "null-url", requests=0)),
    "no-address": ("see appendix", _no("scheme-refused", requests=0)),
    "ftp-address": ("ftp://ftp.example.org/a.jpg", _no("scheme-refused", requests=0)),
    "password-address": ("http://me:secret@example.org/a.jpg",
                         _no("credentials-in-url", requests=0)),
    "private-address": ("http://192.168.1.1/a.jpg", _no("private-address", requests=0)),
    "mapped-address": ("http://[::ffff:127.0.0.1]/a.jpg", _no("private-address", requests=0)),
}  # fmt: skip


def expected_outcome(kind: str) -> Expected:
    """What a right harvest makes of a kind."""
    return KINDS[kind].expected if kind in KINDS else ADDRESSES[kind][1]


def steps_of(request: Request) -> list[Step]:
    """The answer to a request; 404 for a kind that there is not."""
    kind = KINDS.get(request.kind)
    return kind.answer(request) if kind else [response(b"", 404)]


def pause(seconds: float, stopped: Callable[[], bool]) -> None:
    """Wait, but not for a server that is being stopped."""
    until = time.monotonic() + seconds
    while not stopped() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
