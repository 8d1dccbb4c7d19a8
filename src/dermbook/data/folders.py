"""A collection as class folders, ``folder/CLASS/ID.jpg``, as Keras' directory readers want them.

R1 (row 1.1) and R4 (row 4.2) worked from such folders; R4 also packed them into one zip.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from dermbook.data.collection import Collection
from dermbook.errors import DataError
from dermbook.files import replacing

_SUFFIXES = {".jpg": b"\xff\xd8", ".png": b"\x89PNG"}


def class_folders(
    collection: Collection, folder: Path | str, *, ids: Sequence[str] | None = None
) -> Path:
    """Write the encoded images to ``folder/CLASS/ID.jpg`` and return the folder.

    The bytes are the source's own, never encoded again; the suffix is that of the content, ``.jpg``
    or ``.png``. Every class gets a folder, an empty one too. ids: the images to take, all if None.
    May be run again: files that are there stay, missing and damaged ones are written.

    DataError if an image has no label or is neither JPEG nor PNG, if a name would leave the folder,
    or if the folder holds files that are not of these images in these classes.
    """
    folder = Path(folder)
    labels = _labels(collection, ids)
    _refuse_foreign(folder, labels, collection.classes)
    for name in collection.classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for image_id, label in labels.items():
        content = collection.source.encoded(image_id)
        suffix = next((s for s, magic in _SUFFIXES.items() if content.startswith(magic)), None)
        if suffix is None:
            raise DataError(f"{collection.name}: image {image_id} is neither a JPEG nor a PNG.")
        path = folder / label / f"{image_id}{suffix}"
        if not (path.is_file() and path.read_bytes() == content):
            with replacing(path) as temporary:
                temporary.write_bytes(content)
    return folder


def zip_folder(folder: Path | str, archive: Path | str) -> Path:
    """Pack a folder's files into one zip, names relative to the folder, and return its path.

    The same content gives the same bytes (sorted names, fixed dates). Images are stored as they
    are: a JPEG does not get smaller. Hidden files are left out. DataError if nothing is left.
    """
    folder, archive = Path(folder), Path(archive)
    files = [path for path in _visible(folder) if path.is_file() and path != archive]
    if not files:
        raise DataError(f"{folder} holds no files to put into {archive.name}.")
    with replacing(archive) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_STORED)
    return archive


def _labels(collection: Collection, ids: Sequence[str] | None) -> dict[str, str]:
    chosen = collection if ids is None else collection.where(ids=list(dict.fromkeys(ids)))
    labels = chosen.table["label"]
    if labels.isna().any():
        first = labels.index[labels.isna()][0]
        raise DataError(f"{collection.name}: image {first} has no label, so it has no folder.")
    for name in [*collection.classes, *labels.index]:
        if not name or name.startswith(".") or {"/", "\\", "\0"} & set(name):
            raise DataError(f"{collection.name}: {name!r} cannot be the name of a file or folder.")
    return labels.to_dict()


def _refuse_foreign(folder: Path, labels: dict[str, str], classes: Sequence[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder for the class folders.")
    known = {folder / name for name in classes}
    for image_id, label in labels.items():
        known |= {folder / label / f"{image_id}{suffix}" for suffix in _SUFFIXES}
    if foreign := [path for path in _visible(folder) if path not in known]:
        names = ", ".join(path.relative_to(folder).as_posix() for path in foreign[:5])
        raise DataError(
            f"{folder} holds {len(foreign):,} files that are none of these images in these "
            f"classes: {names}. Name an empty folder, or remove this one."
        )


def _visible(folder: Path) -> list[Path]:
    """Everything below a folder, sorted, without hidden files (half-written ones, browsers')."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
