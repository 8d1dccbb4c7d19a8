"""The files of a cache of images, masks or features: built once, checked at every opening.

A cache is two files in ``cache_dir()``: a plain ``.npy`` array, one row an image in the
collection's order, and a ``.json`` sidecar with the ids, what was decoded and how, and checksums.
The array is complete on disk before the sidecar appears, so a sidecar vouches for its array, and
a build that was killed left nothing that counts.
"""

import functools
import io
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from dermbook import __version__
from dermbook.data.collection import Collection
from dermbook.errors import DataError, ParameterError
from dermbook.files import replacing, write_text
from dermbook.paths import cache_dir

SCHEMA_VERSION = 1
#: images decoded and checksummed together: enough to keep the threads busy, little to hold
BLOCK = 256
#: an unfinished file that nobody wrote to for this long belongs to a build that was killed
LEFTOVER_SECONDS = 600

Row = Callable[[str], np.ndarray]


class Blocks(Protocol):
    """Makes BLOCK rows at a time, for what is not computed image by image."""

    def __call__(self, start: int) -> np.ndarray:
        """Rows from ``start`` on, up to BLOCK of them, C-contiguous."""

    def finish(self) -> None:
        """Called when the whole cache is on disk."""


@dataclass(frozen=True)
class Layout:
    """What one cache holds, and so where it lies.

    ``kind`` is "images", "masks" or "features"; ``row_shape`` begins with height and width in
    pixels, and is the number of features for the last; ``transform`` names the preprocessing and
    its version. ParameterError for a size below 1.
    """

    collection: Collection
    kind: str
    row_shape: tuple[int, ...]
    dtype: np.dtype
    transform: str

    def __post_init__(self) -> None:
        for axis, size in zip(("height", "width"), self.row_shape, strict=False):
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ParameterError(f"{axis}: must be a whole number of pixels, 1 or more.")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.collection), *(int(size) for size in self.row_shape))

    @functools.cached_property
    def path(self) -> Path:
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", self.collection.name)
        size = "x".join(str(size) for size in self.shape[1:3])
        key = self.collection.fingerprint[:16]
        return cache_dir() / f"{name}-{key}-{self.kind}-{size}-{self.transform}.npy"

    @property
    def sidecar(self) -> Path:
        return self.path.with_suffix(".json")

    @property
    def header(self) -> bytes:
        """The ``.npy`` header; the rows follow it without gaps."""
        stream = io.BytesIO()
        description = np.lib.format.dtype_to_descr(self.dtype)
        content = {"descr": description, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(stream, content)
        return stream.getvalue()

    def expected(self) -> dict:
        """What a sidecar must say to belong to this layout."""
        return {
            "schema": SCHEMA_VERSION,
            "kind": self.kind,
            "collection": self.collection.name,
            "fingerprint": self.collection.fingerprint,
            "transform": self.transform,
            "shape": list(self.shape),
            "dtype": self.dtype.name,
            "block": BLOCK,
            "ids": list(self.collection.ids),
        }


def open_or_build(
    layout: Layout,
    row: Row | None = None,
    *,
    blocks: Blocks | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> np.memmap:
    """The array of a layout, read-only; made if it is not there.

    It is made by ``row`` (image id to one row, in ``workers`` threads) or by ``blocks``. Processes
    that want the same one at once build it once. Raises ParameterError for ``workers`` below 1,
    DataError for an empty collection, a damaged cache, or a disk that cannot be written.
    """
    workers = _usable_cores() if workers is None else workers
    if workers < 1:
        raise ParameterError(f"workers: must be 1 or more, not {workers}.")
    if not len(layout.collection):
        raise DataError(f"{layout.collection.name}: the collection is empty; nothing to cache.")
    if not _exists(layout):
        with _locked(layout.path) as alone:
            if not _exists(layout):  # another process may have built it while we waited
                if alone:
                    _sweep(layout.path)
                if blocks is None:
                    made = _decoded_blocks(layout, row, workers, progress)
                else:
                    made = _computed_blocks(layout, blocks, progress)
                _build(layout, made)
                if blocks is not None:
                    blocks.finish()
    return _open(layout)


def _exists(layout: Layout) -> bool:
    return layout.path.is_file() and layout.sidecar.is_file()


def _build(layout: Layout, blocks: Iterator[np.ndarray]) -> None:
    # a sidecar left behind by a deleted array must not vouch for the new one
    layout.sidecar.unlink(missing_ok=True)
    checksums = []
    try:
        with replacing(layout.path) as temporary, temporary.open("wb") as stream:
            stream.write(layout.header)
            for block in blocks:
                stream.write(block.data)
                checksums.append(zlib.crc32(block.data))
            stream.flush()
            os.fsync(stream.fileno())
        libraries = {"numpy": np.__version__, "opencv": cv2.__version__, "dermbook": __version__}
        sidecar = {**layout.expected(), "crc32": checksums, "libraries": libraries}
        write_text(layout.sidecar, json.dumps(sidecar, indent=1) + "\n")
    except OSError as error:
        size = np.prod(layout.shape, dtype=np.int64) * layout.dtype.itemsize / 2**20
        raise DataError(
            f"The cache of {layout.kind} {layout.path} ({size:.0f} MiB) could not be written: "
            f"{error}. Free some space, or set DERMBOOK_CACHE to a folder that can be written."
        ) from error


def _decoded_blocks(layout: Layout, row: Row, workers: int, progress: bool) -> Iterator[np.ndarray]:
    """Blocks of up to BLOCK rows, C-contiguous, in the collection's order.

    Threads, not processes: OpenCV decodes and resizes outside Python's global lock, and threads
    need neither pickling nor a start-up (benchmarks/README.md has the figures of both).
    """
    ids = layout.collection.ids
    with _bar(len(ids), layout, progress) as advance, ThreadPoolExecutor(workers) as pool:
        try:
            for start in range(0, len(ids), BLOCK):
                part = ids[start : start + BLOCK]
                block = np.empty((len(part), *layout.shape[1:]), layout.dtype)
                for i, image in enumerate(pool.map(row, part)):
                    block[i] = image
                    advance()
                yield block
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _computed_blocks(layout: Layout, blocks: Blocks, progress: bool) -> Iterator[np.ndarray]:
    with _bar(len(layout.collection), layout, progress) as advance:
        for start in range(0, len(layout.collection), BLOCK):
            block = np.ascontiguousarray(blocks(start), dtype=layout.dtype)
            for _ in block:
                advance()
            yield block


def _open(layout: Layout) -> np.memmap:
    """Map a finished cache, refusing one whose bytes are not those that were written."""
    try:
        sidecar = json.loads(layout.sidecar.read_text(encoding="utf-8"))
        described = {key: sidecar.get(key) for key in layout.expected()}
        checksums = sidecar["crc32"]
    except (ValueError, KeyError, AttributeError) as error:
        raise _damaged(layout, f"its sidecar {layout.sidecar.name} cannot be read") from error
    for key, value in layout.expected().items():
        if described[key] != value:
            raise _damaged(layout, f"its sidecar {layout.sidecar.name} has another {key!r}")
    size = len(layout.header) + int(np.prod(layout.shape, dtype=np.int64)) * layout.dtype.itemsize
    if layout.path.stat().st_size != size:
        raise _damaged(layout, f"it has {layout.path.stat().st_size} bytes instead of {size}")
    with layout.path.open("rb") as stream:
        if stream.read(len(layout.header)) != layout.header:
            raise _damaged(layout, "its header is not the one that was written")
    images = np.lib.format.open_memmap(layout.path, mode="r")
    starts = range(0, len(images), BLOCK)
    if not isinstance(checksums, list) or len(checksums) != len(starts):
        raise _damaged(layout, f"its sidecar {layout.sidecar.name} has too few checksums")
    # CRC-32 over the mapped rows runs at 4 GB/s a core, sha256 or blake2b at 1-2 GB/s
    for start, checksum in zip(starts, checksums, strict=True):
        if zlib.crc32(images[start : start + BLOCK].data) != checksum:
            last = min(start + BLOCK, len(images)) - 1
            raise _damaged(layout, f"the checksum of rows {start} to {last} is wrong")
    return images


def _damaged(layout: Layout, reason: str) -> DataError:
    return DataError(
        f"The cache of {layout.kind} {layout.path} is damaged: {reason}. Delete "
        f"{layout.path.name} and {layout.sidecar.name} in {layout.path.parent} and run again: it "
        "will be rebuilt."
    )


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the cache's lock; say whether it could be had.

    The kernel frees the lock when its holder dies, so it never goes stale. Where there is none
    (Windows, some network disks) two builders both build, and rename the same bytes into place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("ab") as stream:
        try:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        except (ImportError, OSError):
            yield False
        else:
            yield True


def _sweep(path: Path) -> None:
    """Remove what killed builds left; only the holder of the lock may.

    A file written to lately stays: some network disks grant one lock to two machines.
    """
    for leftover in path.parent.glob(f".{path.stem}-*.part.*"):
        if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
            leftover.unlink(missing_ok=True)


@contextmanager
def _bar(total: int, layout: Layout, wanted: bool) -> Iterator[Callable[[], None]]:
    """A progress bar in a terminal; elsewhere (notebooks, logs) nothing."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        doing = "Computing" if layout.kind == "features" else "Decoding"
        task = progress.add_task(f"{doing} {layout.collection.name} {layout.kind}", total=total)
        yield lambda: progress.advance(task)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
