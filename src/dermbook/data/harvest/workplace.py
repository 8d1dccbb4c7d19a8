"""A harvest's folder: who works in it, what is there already, what is left to do."""

import errno
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dermbook.data.harvest.addresses import FetchError, check_url
from dermbook.data.harvest.journal import FAILED, OK, Journal, Outcome
from dermbook.data.harvest.wishes import Wish
from dermbook.data.staging import _usable_cores
from dermbook.errors import DataError

JOURNAL, RESULT, IMAGES = "journal.jsonl", "harvest.csv", "images"


@dataclass
class Group:
    """Rows with one address. present: the bytes and outcome of a row that has its image already."""

    url: str
    wishes: list[Wish]
    present: tuple[bytes, Outcome] | None = None


class Workplace:
    """The folder and its journal."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self.journal = journal

    def image(self, image_id: str) -> Path:
        """Where an image lies, or will."""
        return self.folder / IMAGES / f"{image_id}.jpg"

    def groups(self, wishes: list[Wish], retry: str) -> list[Group]:
        """What is left to do, rows of one address together, the hosts taking turns."""
        here = self._present(wishes)
        by_url: dict[str, Group] = {}
        for wish in wishes:
            if wish.null or wish.image_id in here or self._stays_failed(wish, retry):
                continue
            by_url.setdefault(_same(wish.url), Group(wish.url, [])).wishes.append(wish)
        for wish in wishes:
            if wish.image_id in here and (group := by_url.get(_same(wish.url))):
                group.present = (self.image(wish.image_id).read_bytes(), here[wish.image_id])
        return _taking_turns(list(by_url.values()))

    def _present(self, wishes: list[Wish]) -> dict[str, Outcome]:
        """The images that the journal calls there and that are there, unchanged."""
        noted = self.journal.outcomes
        said = {
            wish.image_id: noted[wish.image_id]
            for wish in wishes
            if wish.image_id in noted
            and noted[wish.image_id].status == OK
            and noted[wish.image_id].url == wish.url
        }

        def whole(outcome: Outcome) -> bool:
            try:
                content = self.image(outcome.image_id).read_bytes()
            except OSError:
                return False
            return hashlib.sha256(content).hexdigest() == outcome.sha256

        with ThreadPoolExecutor(_usable_cores()) as pool:
            checks = pool.map(whole, said.values())
            return {
                image_id: outcome
                for (image_id, outcome), good in zip(said.items(), checks, strict=True)
                if good
            }

    def _stays_failed(self, wish: Wish, retry: str) -> bool:
        outcome = self.journal.outcomes.get(wish.image_id)
        if outcome is None or outcome.status != FAILED or outcome.url != wish.url:
            return False
        return retry == "none" or (retry == "transient" and not outcome.retriable)


@contextmanager
def workplace(folder: Path) -> Iterator[Workplace]:
    """The folder, made and locked, without what a killed run left half-written.

    DataError when another process works in it, or when the disk fills up or cannot be written.
    """
    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            for path in (folder / IMAGES).glob(".*.part.jpg"):
                path.unlink()
            journal = Journal(folder / JOURNAL)
            try:
                yield Workplace(folder, journal)
            finally:
                journal.close()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk that holds {folder} is full. Free some space and run the harvest again: "
                "what came is kept."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise DataError(
                f"{error.filename or folder} cannot be written ({error.strerror}); name another "
                "folder."
            ) from error
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("ab") as stream:
        try:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # Windows: two harvests at once are not noticed
        except BlockingIOError:
            raise DataError(
                f"Another process harvests into {folder}; wait until it has finished."
            ) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield


def _same(url: str) -> str:
    """Equal for addresses that are written differently and lead to the same."""
    try:
        return str(check_url(url))
    except FetchError:
        return url


def _taking_turns(groups: list[Group]) -> list[Group]:
    """One address of each host, then a second of each, …: a slow host holds nobody up."""
    turn: dict[str, int] = {}
    order = []
    for position, group in enumerate(groups):
        host = group.url.partition("//")[2].partition("/")[0]
        turn[host] = turn.get(host, 0) + 1
        order.append((turn[host], position))
    return [groups[position] for _, position in sorted(order)]
