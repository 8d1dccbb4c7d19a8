"""A publisher's folder, whether its images are zipped or unpacked, as one list of files.

Nothing here changes the source. A ``SourceFile`` is either a file on disk or a member of a zip.
"""

import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dermbook.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class SourceFile:
    """One image file of a source: ``stem`` is its id, ``member`` its name inside a zip, if any."""

    stem: str
    suffix: str
    path: Path
    member: str | None = None
    size: int = 0

    @property
    def where(self) -> str:
        """How a message names the file."""
        return f"{self.path.name}/{self.member}" if self.member else str(self.path)


def source_files(folder: Path) -> list[SourceFile]:
    """Every JPEG and PNG below ``folder``, in folders or in zips, sorted by stem and place.

    Raises DataError naming the archive when a zip is damaged or cut short.
    """
    files: list[SourceFile] = []
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if suffix == ".zip" and path.is_file():
            files += _zip_members(path)
        elif suffix in IMAGE_SUFFIXES and path.is_file():
            files.append(SourceFile(path.stem, suffix, path, size=path.stat().st_size))
    return sorted(files, key=lambda file: (file.stem, file.where))


def read_all(files: list[SourceFile]) -> Iterator[tuple[SourceFile, bytes]]:
    """Each file with its content, one archive opened at a time.

    Raises DataError naming archive and member when its content is damaged.
    """
    archive: zipfile.ZipFile | None = None
    opened: Path | None = None
    try:
        for file in files:
            if file.member is None:
                yield file, file.path.read_bytes()
                continue
            if opened != file.path:
                if archive is not None:
                    archive.close()
                archive, opened = zipfile.ZipFile(file.path), file.path
            try:
                content = archive.read(file.member)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise DataError(_damaged(file.path, f"{file.member}: {error}")) from None
            yield file, content
    finally:
        if archive is not None:
            archive.close()


def place(file: SourceFile, content: bytes, target: Path) -> None:
    """Put a source file at ``target``: an unpacked one by hard link, else symbolic link; a member
    of a zip by writing its content.

    Written under a temporary name and renamed: the target never holds half a file.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        if file.member is not None:
            part.write_bytes(content)
        else:
            _link(file.path, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        # another disk, or a file system without hard links
        target.symlink_to(source.resolve())


def _zip_members(path: Path) -> list[SourceFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(_damaged(path, str(error))) from None
    members = []
    for info in infos:
        name = Path(info.filename)
        hidden = any(part.startswith((".", "__")) for part in name.parts)
        if not info.is_dir() and name.suffix.lower() in IMAGE_SUFFIXES and not hidden:
            suffix = name.suffix.lower()
            members.append(SourceFile(name.stem, suffix, path, info.filename, info.file_size))
    return members


def _damaged(path: Path, detail: str) -> str:
    return (
        f"{path}: the archive is damaged or cut short ({detail}). Download it again; an archive "
        "whose download was interrupted cannot be repaired."
    )
