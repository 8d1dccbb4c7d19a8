"""Reading a publisher's files where they lie: zip archives, or folders they were unpacked to."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dermbook.errors import DataError

_IMAGE = re.compile(r"(?P<id>[\w-]+)\.(jpe?g|png)", re.IGNORECASE | re.ASCII)
_MASK = re.compile(r"(?P<id>[\w-]+)_segmentation\.png", re.IGNORECASE | re.ASCII)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Entry:
    """One image or mask file of the source.

    A plain file has ``path``; a zip's member has ``archive`` and ``member``, and its size and
    CRC-32 as the archive's directory states them (``crc`` is None for plain files).
    """

    image_id: str
    size: int
    path: Path | None = None
    archive: zipfile.ZipFile | None = field(default=None, compare=False, repr=False)
    member: str = ""
    crc: int | None = None

    @property
    def where(self) -> str:
        """The file as a message names it."""
        if self.archive is None:
            return str(self.path)
        return f"{Path(self.archive.filename).name}/{self.member}"

    @property
    def suffix(self) -> str:
        """File name extension in small letters, ``.jpg`` or ``.png``."""
        suffix = Path(self.member or self.path.name).suffix.lower()
        return ".jpg" if suffix == ".jpeg" else suffix

    def read(self) -> bytes:
        """The file's bytes; a zip's checksum is verified. DataError if it cannot be read."""
        try:
            if self.archive is None:
                return self.path.read_bytes()
            return self.archive.read(self.member)
        except (*_BROKEN, OSError) as error:
            raise DataError(f"{self.where} cannot be read ({error}); download it again.") from error


@dataclass
class Container:
    """A zip archive or folder that holds images or masks: open it in a ``with`` block.

    ``without`` names, in small letters, folders below that are passed over; ``named`` is a regular
    expression for the ids of interest, all by default.
    """

    path: Path
    masks: bool = False
    without: frozenset[str] = frozenset()
    recursive: bool = True
    named: str = ""

    def __enter__(self) -> "Container":
        self._zip = open_zip(self.path) if self.path.is_file() else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def entries(self) -> Iterator[Entry]:
        """Its images (or masks), by name; other files, and what macOS adds, are passed over."""
        if self._zip is None:
            paths = self.path.rglob("*") if self.recursive else self.path.glob("*")
            for path in sorted(paths):
                if (image_id := self._id(path.relative_to(self.path).parts)) and path.is_file():
                    yield Entry(image_id, path.stat().st_size, path=path)
            return
        for info in sorted(self._zip.infolist(), key=lambda info: info.filename):
            if image_id := self._id(tuple(info.filename.split("/"))):
                yield Entry(
                    image_id,
                    info.file_size,
                    archive=self._zip,
                    member=info.filename,
                    crc=info.CRC,
                )

    def _id(self, parts: tuple[str, ...]) -> str | None:
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            return None
        if not self.without.isdisjoint(part.lower() for part in parts[:-1]):
            return None
        mask = _MASK.fullmatch(parts[-1])
        found = mask if self.masks else None if mask else _IMAGE.fullmatch(parts[-1])
        if found and self.named and not re.fullmatch(self.named, found["id"], re.ASCII):
            return None
        return re.sub(r"^isic_", "ISIC_", found["id"], flags=re.IGNORECASE) if found else None


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip archive; DataError for one that is truncated or no zip at all."""
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{path.name} is truncated or not a zip archive ({path.stat().st_size:,} bytes, "
            f"{error}): its download probably broke off."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error


def find_container(folder: Path, name: str) -> Path | None:
    """``NAME.zip`` or the folder ``NAME`` in ``folder``, whatever the case; the zip if both.

    A copy that a browser named ``NAME (1).zip`` serves where there is no other.

    The zip is preferred because it carries checksums and a half-unpacked folder does not tell.
    """
    children = _children(folder)
    archive, unpacked = children.get(f"{name}.zip".lower()), children.get(name.lower())
    if archive is not None and archive.is_file():
        return archive
    return unpacked if unpacked is not None and unpacked.is_dir() else None


def find_table(folder: Path, names: Sequence[str]) -> tuple[str, bytes] | None:
    """The first of ``names`` there is, as a table: where it lies and its bytes.

    Looked for as ``NAME.csv``, ``NAME.tab``, ``NAME.tsv``, plain ``NAME`` (Dataverse), in a folder
    ``NAME`` or in ``NAME.zip`` (ISIC). DataError for an archive that cannot be read.
    """
    for name in names:
        for place in (folder, folder / name):
            if not place.is_dir():
                continue
            files = {key: child for key, child in _children(place).items() if child.is_file()}
            for suffix in (".csv", ".tab", ".tsv", ""):
                if path := files.get(f"{name}{suffix}".lower()):
                    return str(path), path.read_bytes()
        archive = find_container(folder, name)
        if archive is not None and archive.is_file():
            with open_zip(archive) as opened:
                for member in opened.namelist():
                    if member.lower().split("/")[-1] == f"{name}.csv".lower():
                        entry = Entry(name, 0, archive=opened, member=member)
                        return entry.where, entry.read()
    return None


def _children(folder: Path) -> dict[str, Path]:
    """What lies in a folder, by its name in small letters without a browser's " (1)"."""
    found: dict[str, Path] = {}
    for child in sorted(folder.iterdir(), key=lambda child: (len(child.name), child.name)):
        found.setdefault(re.sub(r" ?\(\d+\)(?=\.|$)", "", child.name.lower()), child)
    return found
