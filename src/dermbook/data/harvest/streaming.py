"""A big file to disk, gone on with where an earlier attempt, run or machine crash left it."""

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import httpcore

from dermbook.data.harvest.addresses import FetchError
from dermbook.data.harvest.answers import body, header
from dermbook.errors import DataError
from dermbook.files import write_text

if TYPE_CHECKING:
    from dermbook.data.harvest.network import Client

Progress = Callable[[int, int | None], None]
#: after so many bytes a slow server gets ``limits.total`` seconds more
_PIECE = 2**16


def stream_to(
    client: "Client",
    url: str,
    path: Path | str,
    *,
    resume: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Download ``url`` to ``path`` and return it; ``path`` appears only when the file is whole.

    Until then the bytes wait in ``path.part``, and ``path.part.json`` keeps the address and the
    server's validator (ETag, else Last-Modified). A later attempt asks for the rest on condition
    that the file is still the same (Range and If-Range) and starts over if it is not, if the server
    cannot do that, or if it gave no validator. ``progress(bytes, total or None)`` is called on
    the way. Attempts that got further are not counted among ``limits.attempts``.

    FetchError as for ``Client.get``; what came stays for the next time. DataError if the disk is
    full or another process is at the same file. Checking the content is the caller's part.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part, note = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
    before = -1

    def progressed() -> bool:
        nonlocal before
        size = part.stat().st_size if part.exists() else 0
        further, before = 0 <= before < size, size
        return further

    with _writing(part) as stream:
        if not resume:
            stream.truncate(0)
        before = stream.seek(0, os.SEEK_END)
        client.patiently(url, lambda _: _once(client, url, stream, note, progress), progressed)
        stream.flush()
        os.fsync(stream.fileno())
        part.replace(path)
        note.unlink(missing_ok=True)
    return path


def _once(
    client: "Client", url: str, stream: IO[bytes], note: Path, progress: Progress | None
) -> None:
    """One attempt: ask for what is missing, append it (or start over), check the length."""
    have, known = stream.seek(0, os.SEEK_END), _read_note(note)
    validator = known.get("validator") if known.get("url") == url else None
    headers = {"Accept": "*/*"}
    if have and validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    with client.answer(url, headers, accept=(200, 206, 416)) as (response, _):
        if response.status == 416:
            total = _total(response)
            if "Range" in headers and total is not None and total == have == known.get("total"):
                return  # it was whole already
            stream.truncate(0)
            raise FetchError("bad-range", "the server has another file now", permanent=False)
        total, encoded = _total(response), header(response, "content-encoding")
        if response.status == 206:
            if encoded or _start(response) != have or total != known.get("total", total):
                stream.truncate(0)
                raise FetchError("bad-range", "the server sent another part", permanent=False)
        else:
            have = 0
            stream.truncate(0)
            # a part of an encoded body, or of one that nothing vouches for, is of no use later
            _write_note(note, url, "" if encoded else _validator(response), total)
        done = renewed = have
        for piece in body(response, client.limits.max_bytes - have):
            stream.write(piece)
            done += len(piece)
            if done - renewed >= _PIECE:
                client.extend_deadline()
                renewed = done
            if progress:
                progress(done, total)
    stream.flush()
    if total is not None and not encoded and done != total:
        detail = f"{done:,} of {total:,} bytes came"
        raise FetchError("connection-lost", detail, permanent=False)


def _validator(response: httpcore.Response) -> str:
    """What If-Range may hold: a strong ETag, else the date of the last change, else nothing."""
    etag = header(response, "etag")
    return etag if etag.startswith('"') else header(response, "last-modified")


def _total(response: httpcore.Response) -> int | None:
    """The whole file's size in bytes, where the answer says it."""
    if response.status == 200:
        text = header(response, "content-length")
    else:
        text = header(response, "content-range").rpartition("/")[2]
    return int(text) if text.isascii() and text.isdigit() else None


def _start(response: httpcore.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", header(response, "content-range"))
    return int(found[1]) if found else None


def _read_note(note: Path) -> dict:
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_note(note: Path, url: str, validator: str, total: int | None) -> None:
    write_text(note, json.dumps({"url": url, "validator": validator, "total": total}))


@contextmanager
def _writing(part: Path) -> Iterator[IO[bytes]]:
    """The unfinished file, open for appending, and nobody else at it."""
    try:
        with part.open("ab") as stream:
            _lock(stream, part)
            yield stream
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk that holds {part.parent} is full. Free some space and start again: what "
                "was downloaded is kept."
            ) from error
        raise


def _lock(stream: IO[bytes], part: Path) -> None:
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass  # Windows: two downloads at once are not noticed
    except BlockingIOError:
        raise DataError(f"{part} is being written by another process; wait for it.") from None
    except OSError:
        pass  # some network disks have no locks
