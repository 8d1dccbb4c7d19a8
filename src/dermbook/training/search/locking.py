"""Who is at work on a study, and who died: a lock that the system releases with its process."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_Lock = Any  # Optuna's file locks, imported late


@contextmanager
def worker(folder: Path) -> Iterator[str]:
    """Be at work, under a new name, until the block or the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / uuid.uuid4().hex
    with path.open("ab") as stream:
        _flock(stream)
        try:
            yield path.name
        finally:
            with suppress(OSError):
                path.unlink()


def is_alive(folder: Path, name: str) -> bool:
    """Whether the worker of that name is still at work.

    Without locks (Windows, some network disks) that cannot be known: every other worker counts as
    dead there, so only one process at a time may work on a study.
    """
    path = folder / name
    try:
        with path.open("ab" if path.exists() else "rb") as stream:
            free = _flock(stream)
    except OSError:
        return False
    if free:
        path.unlink(missing_ok=True)
    return not free


@contextmanager
def held(lock: _Lock) -> Iterator[None]:
    """Hold one of Optuna's file locks, waiting for it."""
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _flock(stream: IO[bytes]) -> bool:
    """Take the lock of an open file if nobody has it; whether it was free."""
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        pass  # Windows, and network disks without locks
    return True
