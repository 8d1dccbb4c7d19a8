"""What a harvest has settled so far, one line an image, safe against a kill at any moment."""

import json
import os
import threading
from dataclasses import asdict, dataclass, fields
from pathlib import Path

#: an outcome's status
OK, FAILED, NULL, PENDING = "ok", "failed", "null", "pending"


@dataclass(frozen=True)
class Outcome:
    """How it went with one image.

    reason: ``kept`` or ``converted`` for an image that is there, else why it is not. retriable:
    another run tries again by itself. bytes, width, height, sha256: of the JPEG as it was written.
    md5: of the bytes that came. found: what came. orientation: EXIF's, unapplied. seconds: of the
    download with all its attempts.
    """

    image_id: str
    url: str
    status: str
    reason: str
    detail: str = ""
    retriable: bool = False
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    sha256: str = ""
    md5: str = ""
    found: str = ""
    converted: bool | None = None
    orientation: int | None = None
    attempts: int = 0
    seconds: float = 0.0


_FIELDS = tuple(field.name for field in fields(Outcome))


class Journal:
    """An append-only file of outcomes, of which the last one a image counts.

    Each line is written by one call, after the image's file is in place: what the journal calls
    there is there, and what a kill left without a line is fetched again. A last line that was cut
    by a kill is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes = _read(path)
        self._lock = threading.Lock()
        _drop_torn_line(path)
        self._stream = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, outcome: Outcome) -> None:
        """Write one outcome down."""
        line = (json.dumps(asdict(outcome), ensure_ascii=False) + "\n").encode("utf-8")
        with self._lock:
            written = os.write(self._stream, line)
            while written < len(line):  # a disk that is filling up takes less, then nothing
                written += os.write(self._stream, line[written:])
            self.outcomes[outcome.image_id] = outcome

    def close(self) -> None:
        """Bring all of it to the disk."""
        os.fsync(self._stream)
        os.close(self._stream)


def _read(path: Path) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    if not path.is_file():
        return outcomes
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            values = json.loads(line)
            outcome = Outcome(**{key: values[key] for key in _FIELDS if key in values})
        except (ValueError, TypeError):
            continue  # torn by a crash, then written on: the image is fetched again
        outcomes[outcome.image_id] = outcome
    return outcomes


def _drop_torn_line(path: Path) -> None:
    if not path.is_file():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)
