"""One file from the first place that has it: mirrors, then its publisher.

A mirror is a folder or a web address under which files lie by name, at once or in a folder named
after the collection. What comes over the web must have a checksum that the registry knows, where
it knows the publisher's. What lies in a reader's own folder may be another copy (resized, packed
again), as an import takes it: then a note says so, and the import checks its content.
"""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermbook.data.registry import Source, SourceFile
from dermbook.errors import DataError, ParameterError
from dermbook.files import replacing

if TYPE_CHECKING:
    from dermbook.data.harvest import Client

MIRROR = "DERMBOOK_MIRROR"
#: no file of any publisher is larger
MAX_BYTES = 16 * 2**30

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Got:
    """What came of one file. state: ``kept`` (was there), ``got`` or ``failed``.

    place: where it came from. reason: why it failed. note: what to know of a file that came.
    """

    name: str
    state: str
    place: str = ""
    reason: str = ""
    note: str = ""


def mirrors(given: Sequence[str] | None = None) -> list[str]:
    """Mirrors in the order in which they are tried: ``given``, else those of ``DERMBOOK_MIRROR``.

    Several are separated by ``;`` (addresses hold colons, so the system's own separator will not
    do). ParameterError for a folder that is not there or an address that is not http(s).
    """
    listed = given if given is not None else [os.environ.get(MIRROR, "")]
    found = [item.strip() for text in listed for item in text.split(";") if item.strip()]
    for item in found:
        if "://" in item and not is_web(item):
            raise ParameterError(f"mirror: {item!r} is neither a folder nor an http(s) address.")
        if not is_web(item) and not Path(item).expanduser().is_dir():
            raise ParameterError(f"mirror: there is no folder {item!r}.")
    return found


def is_web(mirror: str) -> bool:
    """Whether a mirror is an address rather than a folder."""
    return mirror.lower().startswith(("http://", "https://"))


def fetch(
    about: Source,
    names: Sequence[str],
    folder: Path,
    client: "Client",
    places: Sequence[str],
    *,
    publisher: bool = True,
    progress: Progress | None = None,
) -> Got:
    """One of the files ``names`` of a collection into ``folder``: the best that is to be had.

    What is there and right is kept. Else each mirror of ``places`` is asked for all names, then
    the publisher, unless ``publisher`` is False. What is partly there is gone on with. A file with
    the wrong checksum is set aside as ``NAME.bad`` and the next place asked. Places that do not
    answer, and all other faults, are the reason of a ``failed``; nothing is raised.
    """
    known = [about.file(name) or SourceFile(name, "") for name in names]
    for file in known:
        path = folder / file.name
        if path.is_file() and not (damage(path) or _other(path, file)):
            return Got(file.name, "kept", str(path))
    reasons: list[str] = []
    without: dict[str, None] = {}
    for file, place, mirror in _offers(about, known, places, publisher):
        path = folder / file.name
        try:
            _bring(place, path, client, progress)
            wrong = damage(path) or (_other(path, file) if is_web(place) else "")
            if wrong:
                path.replace(path.with_name(f"{path.name}.bad"))
                raise DataError(f"{wrong}; set aside as {path.name}.bad")
        except (DataError, OSError) as error:
            if mirror and _is_absent(error):
                without[mirror] = None
            else:
                reasons.append(f"{place}: {getattr(error, 'detail', '') or error}")
            continue
        return Got(file.name, "got", place, note=_note(path, file, place))
    if without:
        reasons.insert(0, f"not on the mirror {', '.join(without)}")
    if publisher and (by_hand := [file.name for file in known if not file.address]):
        one = " or ".join(by_hand)
        reasons.append(f"{one}: no direct address; get it at {about.home} and put it in {folder}")
    return Got(names[0], "failed", reason="; ".join(reasons) or "no place offers it")


def damage(path: Path) -> str:
    """Why a file is plainly not what its name says; empty if nothing speaks against it.

    The rest of its content is the import's part.
    """
    with path.open("rb") as stream:
        start = stream.read(256).lstrip().lower()
    if not start:
        return "the file is empty"
    if start.startswith((b"<!doctype", b"<html")):
        return "this is a web page, not the file"
    if path.suffix.lower() == ".zip" and not zipfile.is_zipfile(path):
        return "this is no whole zip archive"
    return ""


def _other(path: Path, file: SourceFile) -> str:
    """Expected and found checksum, if neither of the known ones is the file's."""
    if not file.md5:
        return ""
    md5, sha = _digests(path)
    if md5 == file.md5 or sha == file.reduced_sha256:
        return ""
    return f"the checksum is wrong: expected MD5 {file.md5}, found {md5}"


def _offers(
    about: Source, known: list[SourceFile], places: Sequence[str], publisher: bool
) -> Iterator[tuple[SourceFile, str, str]]:
    """Every file, every place where it may lie, and the mirror that is, if any; best first."""
    for place in places:
        for file in known:
            for below in ((), (about.name,)):
                if is_web(place):
                    where = "/".join([place.rstrip("/"), *below, file.name])
                else:
                    where = str(Path(place).expanduser().resolve().joinpath(*below, file.name))
                yield file, where, place
    if publisher:
        yield from ((file, file.address, "") for file in known if file.address)


def _bring(place: str, path: Path, client: "Client", progress: Progress | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_web(place):
        tell = (lambda done, total: progress(path.name, done, total)) if progress else None
        try:
            client.stream_to(place, path, progress=tell)
        finally:
            if progress:
                # the last word on this file, also where its size was never told
                size = path.stat().st_size if path.is_file() else 0
                progress(path.name, size, size)
        return
    size = Path(place).stat().st_size
    if Path(place).resolve() == path.resolve():
        return
    if shutil.disk_usage(path.parent).free < size:
        raise DataError(f"{size / 2**20:,.0f} MiB are needed in {path.parent}; free some space")
    with replacing(path) as temporary:
        shutil.copyfile(place, temporary)
    if progress:
        progress(path.name, size, size)


def _note(path: Path, file: SourceFile, place: str) -> str:
    """What a reader should know of a file that came."""
    if not (file.md5 or file.reduced_sha256):
        official = place == file.address
        return "" if official else "no checksum of it is known; the import checks its content"
    md5, sha = _digests(path)
    if md5 == file.md5 or (sha == file.reduced_sha256 and not file.md5):
        return ""
    if sha == file.reduced_sha256:
        return "the reduced copy that the registry knows"
    return "another copy than those the registry knows; the import checks its content"


def _digests(path: Path) -> tuple[str, str]:
    """MD5 and SHA-256 of a file, read once."""
    digests = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            for digest in digests:
                digest.update(block)
    return digests[0].hexdigest(), digests[1].hexdigest()


def _is_absent(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError) or getattr(error, "reason", "") == "http-404"
