"""Bringing a source's files into the data folder, so that nothing half-done is taken for whole.

Files gather in a hidden folder beside the collection, which takes the collection's place by a
rename when all of them are there and checked. A killed import leaves the hidden folder, and the
next one goes on from it; the collection that was there before stays until then.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from dermbook.data.archives import Entry
from dermbook.data.verification import Checked, Problems, check_file, some
from dermbook.errors import DataError
from dermbook.files import replacing, sha256, write_text
from dermbook.paths import data_dir

#: bytes that must stay free on the disk beyond what an import writes
SPARE_BYTES = 100 * 2**20
TABLE, MANIFEST, CHECKSUMS = "table.csv", "manifest.csv", "SHA256SUMS"
#: the publisher's whole table, of collections of which a reader may have a part only
PUBLISHED = "published.csv"
#: share of files that may be left out before something must be wrong with the source
STRAY_SHARE = 0.05

# what file browsers leave in any folder that they show
_FILE_BROWSERS = (".DS_Store", "Thumbs.db", "desktop.ini")


def staging_folder(name: str) -> Path:
    """Where an unfinished import of a collection waits."""
    return data_dir() / f".{name}.importing"


@contextmanager
def staging(name: str) -> Iterator["Staging"]:
    """A place to gather a collection's files; DataError if another import is at it.

    A full disk becomes a DataError; whatever happens, gathered files stay for the next try.
    """
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        with _alone(data_dir() / f".{name}.lock", name):
            _refuse_foreign(data_dir() / name)
            yield Staging(name)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk that holds {data_dir()} is full. Free some space, or set DERMBOOK_DATA "
                "to a folder on a larger disk, and import again: what was unpacked is kept."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise DataError(
                f"{error.filename} cannot be written ({error.strerror}). Set DERMBOOK_DATA to a "
                "folder that can be."
            ) from error
        raise


class Staging:
    """The files of one import on their way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.target = data_dir() / name
        self.folder = staging_folder(name)

    def check_space(self, entries: Iterable[Entry]) -> None:
        """DataError when unpacking what is not there yet would fill the disk."""
        needed = sum(e.size for e in entries if e.archive is not None and not self._waits(e))
        free = shutil.disk_usage(data_dir()).free
        if free < needed + SPARE_BYTES:
            raise DataError(
                f"{self.name} needs {(needed + SPARE_BYTES) / 2**20:,.0f} MiB in {data_dir()}, but "
                f"{free / 2**20:,.0f} MiB are free. Free some space, or set DERMBOOK_DATA to a "
                "folder on a larger disk."
            )

    def take(
        self,
        entries: dict[str, Entry],
        *,
        masks: bool,
        problems: Problems,
        progress: bool,
        lenient: bool = False,
    ) -> pd.DataFrame:
        """Check every file and put it in place; one row a good file.

        Index image_id; columns file, bytes, width, height, sha256, area (share of mask pixels on
        the lesion, NaN for images). Files that cannot be read or do not decode are errors in
        ``problems``; if ``lenient``, a few of them (up to three, or 5 %) are warnings.
        """
        what = "masks" if masks else "images"
        if entries or not masks:
            (self.folder / what).mkdir(parents=True, exist_ok=True)
        rows, bad = {}, {}
        for entry, (checked, reason) in self._each(entries.values(), masks, progress):
            if checked is None:
                bad.setdefault(reason, []).append(entry.where)
                continue
            rows[entry.image_id] = {
                "file": _file_name(entry, masks),
                "bytes": checked.size,
                "width": checked.width,
                "height": checked.height,
                "sha256": checked.sha256,
                "area": None if not masks else checked.marked / (checked.width * checked.height),
            }
        few = sum(map(len, bad.values())) <= max(3, STRAY_SHARE * len(entries))
        spare = lenient and few and bool(rows)
        for reason, files in bad.items():
            them = "it by the publisher's file"
            if len(files) > 1:
                them = "them by the publisher's files"
                reason = reason.replace("is ", "are ", 1).replace("does ", "do ", 1)
            count = f"{len(files):,} of {len(entries):,} {what}"
            if spare:
                problems.warn(f"{count} {reason}; left out: {some(files)}")
            else:
                problems.add(f"{count} {reason}: {some(files)}. Replace {them}.")
        columns = ["file", "bytes", "width", "height", "sha256", "area"]
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        return frame.rename_axis("image_id").sort_index()

    def finish(
        self, table: pd.DataFrame, manifest: pd.DataFrame, published: bytes | None = None
    ) -> None:
        """Write the tables and put the whole in the collection's place.

        published: the publisher's whole table, kept byte for byte beside the others.
        """
        self._sweep(manifest)
        write_text(self.folder / TABLE, table.to_csv())
        write_text(self.folder / MANIFEST, manifest.to_csv())
        texts = [TABLE, MANIFEST]
        if published is not None:
            with replacing(self.folder / PUBLISHED) as temporary:
                temporary.write_bytes(published)
            texts.append(PUBLISHED)
        sums = [f"{sha256(self.folder / text)}  {text}\n" for text in texts]
        write_text(self.folder / CHECKSUMS, "".join(sums))
        if self._changes_nothing(manifest, [*texts, CHECKSUMS]):
            shutil.rmtree(self.folder)
            return
        old = data_dir() / f".{self.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if self.target.exists():
            self.target.rename(old)
        self.folder.rename(self.target)
        shutil.rmtree(old, ignore_errors=True)

    def _each(
        self, entries: Iterable[Entry], masks: bool, progress: bool
    ) -> Iterator[tuple[Entry, tuple[Checked | None, str]]]:
        def settle(entry: Entry) -> tuple[Checked | None, str]:
            try:
                content = entry.read()
                checked = check_file(content, mask=masks)
            except DataError as error:
                return None, "cannot be read" if "cannot be read" in str(error) else str(error)
            self._place(entry, content, masks)
            return checked, ""

        entries = list(entries)
        # threads: OpenCV, zlib and hashlib all work outside Python's global lock
        with ThreadPoolExecutor(_usable_cores()) as pool:
            try:
                results = pool.map(settle, entries)
                what = f"Checking {self.name} {'masks' if masks else 'images'}"
                yield from _shown(zip(entries, results, strict=True), len(entries), what, progress)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _place(self, entry: Entry, content: bytes, masks: bool) -> None:
        """Keep the file if it is there already; else link it or write it, by a rename."""
        name = Path("masks" if masks else "images") / _file_name(entry, masks)
        path, before = self.folder / name, self.target / name
        if _holds(path, content):
            return
        # not files.replacing: it sets permissions, and a link shares them with the source
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.unlink(missing_ok=True)
        try:
            kept = not before.is_symlink() and _holds(before, content) and _link(before, part)
            linked = kept or (entry.path is not None and _link(entry.path, part, symbolic=True))
            if not linked:
                part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _waits(self, entry: Entry) -> bool:
        names = (f"images/{_file_name(entry, False)}", f"masks/{_file_name(entry, True)}")
        paths = [root / name for root in (self.folder, self.target) for name in names]
        return any(path.is_file() and path.stat().st_size == entry.size for path in paths)

    def _sweep(self, manifest: pd.DataFrame) -> None:
        """Remove what earlier tries left: half-written files, files no longer in the source."""
        wanted = {f"images/{name}" for name in manifest["file"]}
        wanted |= {f"masks/{name}" for name in manifest["mask_file"].dropna()}
        for path in self.folder.rglob("*"):
            if path.relative_to(self.folder).as_posix() not in wanted and not path.is_dir():
                path.unlink()

    def _changes_nothing(self, manifest: pd.DataFrame, texts: list[str]) -> bool:
        """Whether the collection already has the very same files and tables."""
        names = [Path("images") / name for name in manifest["file"]]
        names += [Path("masks") / name for name in manifest["mask_file"].dropna()]
        for text in texts:
            if not _holds(self.target / text, (self.folder / text).read_bytes()):
                return False
        return all(
            (self.target / name).is_file() and (self.target / name).samefile(self.folder / name)
            for name in names
        )


def _refuse_foreign(target: Path) -> None:
    """Refuse to replace a folder that holds what no import put there: it would be lost."""
    if target.is_symlink():
        raise DataError(
            f"{target} is a link. Remove it, and set DERMBOOK_DATA to the folder that should hold "
            "the collections."
        )
    if not target.exists():
        return
    expected = {"images", "masks", TABLE, MANIFEST, CHECKSUMS, PUBLISHED, *_FILE_BROWSERS}
    try:
        manifest = pd.read_csv(target / MANIFEST, dtype="str")
        ours = {Path("images") / name for name in manifest["file"]}
        ours |= {Path("masks") / name for name in manifest["mask_file"].dropna()}
    except (OSError, ValueError, KeyError):
        ours = None  # a damaged import of ours is replaced, if its folder holds nothing else
    foreign = [path for path in sorted(target.iterdir()) if path.name not in expected]
    for what in ("images", "masks"):
        for path in sorted((target / what).iterdir()) if (target / what).is_dir() else ():
            known = ours is None or path.relative_to(target) in ours
            if not known and path.name not in _FILE_BROWSERS:
                foreign.append(path)
    if ours is None and not foreign and not (target / TABLE).is_file():
        foreign = sorted(target.iterdir())
    if foreign:
        raise DataError(
            f"{target} holds what no import put there: {some(path.name for path in foreign)}. "
            f"Move it away, for example to {target.with_name('downloads')}: an import would "
            "replace the whole folder."
        )


def _file_name(entry: Entry, masks: bool) -> str:
    return f"{entry.image_id}{'_segmentation' if masks else ''}{entry.suffix}"


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _link(source: Path, target: Path, *, symbolic: bool = False) -> bool:
    """Make ``target`` a link to ``source``; False where there cannot be one."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        # another disk, another owner, or a file system without hard links
        if not symbolic:
            return False
        try:
            target.symlink_to(source.resolve())
        except OSError:
            return False
    return True


@contextmanager
def _alone(path: Path, name: str) -> Iterator[None]:
    """Hold the lock of an import. Without fcntl (Windows) two imports at once are not noticed."""
    with path.open("ab") as stream:
        try:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except BlockingIOError:
            raise DataError(
                f"{name} is being imported by another process; wait until it has finished."
            ) from None
        except OSError:
            pass  # some network disks have no locks
        yield


def _shown(items: Iterator, total: int, what: str, progress: bool) -> Iterator:
    """The items, under a progress bar in a terminal."""
    if not (progress and sys.stderr.isatty()):
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, what, total=total, console=console, transient=True)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
