"""Reading an HTTP answer: its body within limits, its failures in one word."""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore

from dermbook.data.harvest.addresses import FetchError

#: tried again: they may pass. All of 500 … 599 are, too.
PASSING = (408, 425, 429)
_PIECE = 2**16


def header(response: httpcore.Response, name: str) -> str:
    """A header's value, or nothing; of several, the first."""
    wanted = name.lower().encode("ascii")
    values = (value for key, value in response.headers if key.lower() == wanted)
    return next(values, b"").decode("latin-1").strip()


def media_type(response: httpcore.Response) -> str:
    """``image/jpeg`` of ``image/jpeg; charset=…``: what the server says, not what it is."""
    return header(response, "content-type").partition(";")[0].strip().lower()


def is_redirect(response: httpcore.Response) -> bool:
    """Whether the answer sends one elsewhere."""
    return response.status in (301, 302, 303, 307, 308) and bool(header(response, "location"))


def failure_of(response: httpcore.Response) -> FetchError:
    """The FetchError of a status that brings no file: ``http-404`` and so on."""
    status = response.status
    return FetchError(
        f"http-{status}",
        f"the server answered {status}",
        permanent=not (status in PASSING or 500 <= status < 600),
        wait=wait_asked(header(response, "retry-after")),
    )


def wait_asked(text: str, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks to wait: a number of them, or an HTTP date.

    None for no header or one that is neither; 0 for a date that is past.
    """
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def body(response: httpcore.Response, max_bytes: int) -> Iterator[bytes]:
    """The body in pieces, decompressed; FetchError as soon as it exceeds ``max_bytes``.

    A gzip or deflate encoding is undone even though none was asked for, and never further than the
    limit, however much more the compressed bytes would give. Raises FetchError when it breaks off.
    """
    announced = header(response, "content-length")
    if announced.isascii() and announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)  # spares the download; the header is believed no further
    size = 0
    for piece in _decoded(response, max_bytes):
        size += len(piece)
        if size > max_bytes:
            raise _too_large(max_bytes)
        yield piece


def _decoded(response: httpcore.Response, max_bytes: int) -> Iterator[bytes]:
    encoding = header(response, "content-encoding").lower()
    if encoding in ("", "identity"):
        yield from response.iter_stream()
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        detail = f"the encoding {encoding!r} was not asked for and is not understood"
        raise FetchError("bad-encoding", detail, permanent=True)
    decoder = zlib.decompressobj(zlib.MAX_WBITS | (32 if "gzip" in encoding else 0))
    given = 0
    try:
        for piece in response.iter_stream():
            given += len(piece)
            if given > max_bytes:
                raise _too_large(max_bytes)
            while piece and not decoder.eof:
                yield decoder.decompress(piece, _PIECE)
                piece = decoder.unconsumed_tail
    except zlib.error as error:
        detail = f"the {encoding} encoding is damaged ({error})"
        raise FetchError("bad-encoding", detail, permanent=False) from None
    if not decoder.eof:
        raise FetchError("connection-lost", f"the {encoding} encoding is cut off", permanent=False)


def _too_large(max_bytes: int) -> FetchError:
    detail = f"the file is larger than {max_bytes / 2**20:,.0f} MiB"
    return FetchError("too-large", detail, permanent=True)
