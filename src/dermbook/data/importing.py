"""Importing a publisher's files, checking them, and opening what was imported.

An imported collection is a folder of ``DERMBOOK_DATA``: ``images/``, ``masks/``, ``table.csv`` and,
written last, ``manifest.csv`` with each file's size and SHA-256. No manifest, no collection: a
killed import is simply run again and goes on with the files that are missing. The source is only
ever read.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.layouts import CLASSES, ham10000_table, isic2018_test_table
from dermbook.data.publisher_files import SourceFile, place, read_all, source_files
from dermbook.data.registry import Source, registered, registered_source
from dermbook.data.registry import SourceFile as KnownFile
from dermbook.errors import DataError
from dermbook.files import replacing, write_text
from dermbook.paths import data_dir

MASK_ENDING = "_segmentation"
#: bytes that must stay free on the disk beyond what an import writes
SPARE_BYTES = 100 * 2**20
_TOLD = 5  # names listed in a message before "and N more"


@dataclass(frozen=True)
class ImportReport:
    """What an import or a verification found. ``warnings`` are for the reader's judgement."""

    collection: str
    images: int
    lesions: int
    masks: int
    sizes: str
    folder: Path
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.collection}: {self.images:,} images of {self.lesions:,} lesions, "
            f"{self.masks:,} masks, {self.sizes}; in {self.folder}"
        ]
        return "\n".join(lines + [f"  note: {warning}" for warning in self.warnings])


@dataclass(frozen=True)
class CollectionStatus:
    """Whether a known collection is imported, and what to do if not."""

    name: str
    imported: bool
    images: int
    lesions: int
    masks: int
    folder: str
    remedy: str


def import_collection(name: str, source: Path | str, *, progress: bool = True) -> ImportReport:
    """Check a publisher's files in the folder ``source`` and import them into ``data_dir()/name``.

    Takes zips or unpacked folders, any image size. Unpacked files are linked, zipped ones unpacked;
    every image is decoded once. May be run again: what is there and whole is kept.

    Raises DataError, naming the file and the remedy, when the folder, the table or an image is
    missing or damaged, ids are repeated, a class is unknown, or the disk is full. The collection is
    then not imported; images already unpacked wait for the next try.
    """
    about = registered_source(name)
    source = Path(source).expanduser()
    if not source.is_dir():
        raise DataError(f"{source}: not a folder. {_where_to_get(about)}")
    files = source_files(source)
    images = _by_stem([file for file in files if not file.stem.endswith(MASK_ENDING)])
    masks = _by_stem([file for file in files if file.stem.endswith(MASK_ENDING)])
    table, table_file = _table(about, source, images)
    warnings = _checksum_warnings(about, source)
    warnings += _image_warnings(about, table, images, table_file)
    chosen = [images[image_id] for image_id in table.index if image_id in images]
    chosen_masks = [
        masks[image_id + MASK_ENDING] for image_id in table.index if image_id + MASK_ENDING in masks
    ]
    folder = data_dir() / name
    with _explaining_full_disk(folder):
        _check_space(folder, [*chosen, *chosen_masks])
        rows = _unpack(chosen, folder / "images", _image_facts, "images", progress)
        mask_rows = _unpack(chosen_masks, folder / "masks", _mask_facts, "masks", progress)
        manifest = _manifest(rows, mask_rows)
        warnings += _mask_warnings(manifest, has_masks=bool(chosen_masks))
        table = table.loc[manifest.index]
        write_text(folder / "table.csv", table.to_csv())
        with replacing(folder / "manifest.csv") as temporary:
            manifest.to_csv(temporary)
    return _report(name, table, manifest, warnings)


def verify_collection(name: str) -> ImportReport:
    """Read every file of an imported collection again and compare it with the manifest.

    Raises DataError naming the files that are missing or have changed, and what to do.
    """
    about = registered_source(name)
    folder = data_dir() / name
    table, manifest = _imported(about)
    wrong = []
    for column, kind in (("sha256", "images"), ("mask_sha256", "masks")):
        file_column = "file" if kind == "images" else "mask_file"
        for file_name, digest in manifest[[file_column, column]].dropna().itertuples(index=False):
            path = folder / kind / file_name
            if not path.is_file():
                wrong.append(f"{kind}/{file_name} is missing")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                wrong.append(f"{kind}/{file_name} has changed")
    if wrong:
        raise DataError(
            f"{folder}: {_some(wrong)}. Import it again: dermbook data import {name} --from FOLDER"
        )
    return _report(name, table, manifest, _mask_warnings(manifest, manifest["mask_file"].any()))


def open_collection(name: str) -> Collection:
    """An imported collection: ``ham10000`` or ``isic2018-test``.

    DataError says how to import it, and where its files are to be had, when it is not there.
    """
    about = registered_source(name)
    table, manifest = _imported(about)
    table = table.assign(width=manifest["width"], height=manifest["height"])
    return Collection(
        name=name,
        table=table,
        classes=CLASSES,
        source=FolderSource(data_dir() / name, manifest),
        licence=about.licence,
        citation=about.citation,
    )


def collection_status() -> list[CollectionStatus]:
    """Every known collection: imported or not, how much of it, and what to do."""
    states = []
    for name in registered():
        about, folder = registered_source(name), data_dir() / name
        if (folder / "manifest.csv").is_file():
            table, manifest = _imported(about)
            counts = len(table), table["group"].nunique(), int(manifest["mask_file"].notna().sum())
            states.append(CollectionStatus(name, True, *counts, str(folder), ""))
        else:
            remedy = f"dermbook data import {name} --from FOLDER"
            if (folder / "images").is_dir():
                remedy = f"partly unpacked; finish with: {remedy}"
            states.append(CollectionStatus(name, False, 0, 0, 0, "", remedy))
    return states


class FolderSource:
    """Reads the images and masks of an imported collection."""

    def __init__(self, folder: Path, manifest: pd.DataFrame) -> None:
        self._folder = folder
        self._files = manifest["file"].to_dict()
        self._masks = manifest["mask_file"].dropna().to_dict()
        self._signatures = manifest["sha256"].to_dict()

    def encoded(self, image_id: str) -> bytes:
        """The image file's bytes; DataError if it is gone."""
        return _read_file(self._folder / "images" / self._files[image_id])

    def image(self, image_id: str) -> np.ndarray:
        """uint8 (height, width, 3) RGB; DataError names a file that does not decode."""
        image = decode_image(self.encoded(image_id))
        if image is None:
            raise DataError(
                f"{self._folder / 'images' / self._files[image_id]}: does not decode any more. "
                f"Check the collection: dermbook data verify {self._folder.name}"
            )
        return image

    def mask(self, image_id: str) -> np.ndarray | None:
        """bool (height, width), True on the lesion; None for an image without a mask."""
        if image_id not in self._masks:
            return None
        return decode_mask(_read_file(self._folder / "masks" / self._masks[image_id]))

    def signature(self, image_id: str) -> str:
        """SHA-256 of the image file, from the manifest."""
        return self._signatures[image_id]


def decode_image(content: bytes) -> np.ndarray | None:
    """JPEG or PNG bytes as uint8 (height, width, 3) RGB; None if they are no whole picture."""
    # a JPEG that was cut short decodes with grey below the cut: its end marker is missing
    if content[:2] == b"\xff\xd8" and b"\xff\xd9" not in content[-64:]:
        return None
    array = np.frombuffer(content, dtype="uint8")
    image = cv2.imdecode(array, cv2.IMREAD_COLOR) if len(array) else None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def decode_mask(content: bytes) -> np.ndarray | None:
    """A mask's bytes as bool (height, width); None if they are no picture."""
    array = np.frombuffer(content, dtype="uint8")
    mask = cv2.imdecode(array, cv2.IMREAD_GRAYSCALE) if len(array) else None
    return None if mask is None else mask > 127


def _where_to_get(about: Source) -> str:
    """One line for error messages: the files and where they are to be had."""
    names = ", ".join(file.name for file in about.files)
    return f"Get {names} from {about.home} and put them in one folder."


def _by_stem(files: Iterable[SourceFile]) -> dict[str, SourceFile]:
    """Files by stem; the same image in a zip and beside it counts once, two contents do not."""
    found: dict[str, SourceFile] = {}
    for file in files:
        other = found.setdefault(file.stem, file)
        if other is not file and other.size != file.size:
            raise DataError(
                f"{file.stem} is there twice with different content: {other.where} and "
                f"{file.where}. Remove one of them from the folder."
            )
    return found


def _table(
    about: Source, source: Path, images: dict[str, SourceFile]
) -> tuple[pd.DataFrame, Path | None]:
    if not images:
        raise DataError(f"{source}: no images and no zip of images here. {_where_to_get(about)}")
    if about.name == "ham10000":
        return ham10000_table(source)
    named = sorted(stem for stem in images if stem.startswith("ISIC_"))
    inside = [stem for stem in named if _is_test_image(images[stem])]
    if not inside:
        raise DataError(
            f"{source}: no ISIC2018_Task3_Test images (folder or zip) here. {_where_to_get(about)}"
        )
    return isic2018_test_table(source, inside)


def _is_test_image(file: SourceFile) -> bool:
    return "ISIC2018_Task3_Test" in f"{file.path}/{file.member or ''}"


def _image_warnings(
    about: Source,
    table: pd.DataFrame,
    images: dict[str, SourceFile],
    table_file: Path | None,
) -> list[str]:
    """Rows without image are an error; images without row, and a wrong total, are told."""
    missing = [image_id for image_id in table.index if image_id not in images]
    if missing:
        raise DataError(_missing_images(about, missing, len(table), images, table_file))
    warnings = []
    if about.name == "ham10000":
        # the test images may lie in the same folder; they are another collection
        extra = sorted(
            stem
            for stem in set(images) - set(table.index)
            if stem.startswith("ISIC_") and not _is_test_image(images[stem])
        )
        if extra:
            warnings.append(
                f"{len(extra)} images have no row in {table_file.name} and are left out: "
                f"{_some(extra)}"
            )
    if len(table) != about.images:
        warnings.append(f"{len(table):,} images, where the publisher has {about.images:,}")
    return warnings


def _missing_images(
    about: Source,
    missing: Sequence[str],
    rows: int,
    images: dict[str, SourceFile],
    table_file: Path | None,
) -> str:
    have = {file.path.name for file in images.values()}
    have |= {f"{parent.name}.zip" for file in images.values() for parent in file.path.parents}
    parts = [file for file in about.files if "_images" in file.name and file.name not in have]
    told = f"{len(missing):,} of {rows:,} rows of {table_file} have no image ({_some(missing)}). "
    if parts:
        names = " and ".join(f"{file.name} (from {file.address or about.home})" for file in parts)
        return f"{told}Missing is {names}; put it beside the others and import again."
    return f"{told}The publisher's archives hold them all: unpack or download them again."


def _checksum_warnings(about: Source, source: Path) -> list[str]:
    warnings = []
    for file in about.files:
        path = next(iter(sorted(source.rglob(file.name))), None)
        if path is not None and not _is_known_content(path, file):
            warnings.append(
                f"{file.name} is not a copy that the registry knows (re-packed, resized or "
                "damaged); every image was decoded, so it can be used"
            )
    return warnings


def _is_known_content(path: Path, file: KnownFile) -> bool:
    """Whether the file's checksum is one that the registry lists, or it lists none."""
    good = {file.md5, file.reduced_sha256} - {""}
    if not good:
        return True
    hashes = [hashlib.sha256(), hashlib.md5(usedforsecurity=False)]
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            for digest in hashes:
                digest.update(block)
    return bool({digest.hexdigest() for digest in hashes} & good)


def _check_space(folder: Path, files: Sequence[SourceFile]) -> None:
    needed = sum(file.size for file in files if file.member) + SPARE_BYTES
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{folder}: {needed / 2**20:,.0f} MiB are needed and {free / 2**20:,.0f} MiB are free. "
            "Free some space, or set DERMBOOK_DATA to a folder on a larger disk."
        )


@contextmanager
def _explaining_full_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(
            f"{folder}: the disk is full. Free some space, or set DERMBOOK_DATA to a folder on a "
            "larger disk, and import again: what was unpacked is kept."
        ) from None


Facts = Callable[[bytes], dict[str, object] | None]


def _unpack(
    files: Sequence[SourceFile], folder: Path, facts: Facts, what: str, progress: bool
) -> pd.DataFrame:
    """Place every file in ``folder`` and return its facts, by stem. Decodes in parallel."""
    if not files:
        return pd.DataFrame()
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(files, key=lambda file: (str(file.path), file.member or file.stem))
    rows: dict[str, dict[str, object]] = {}
    broken: list[str] = []

    def settle(item: tuple[SourceFile, bytes]) -> tuple[SourceFile, dict[str, object] | None]:
        file, content = item
        found = facts(content)
        if found is not None:
            found |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            target = folder / f"{file.stem}{file.suffix}"
            if not _is_there(target, content):
                place(file, content if file.member else None, target)
            found["file"] = target.name
        return file, found

    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(workers) as pool:
        contents = read_all(ordered)
        for _ in _shown(range(0, len(ordered), 256), what, progress):
            # a few hundred at a time: never the whole collection in memory
            for file, found in pool.map(settle, islice(contents, 256)):
                if found is None:
                    broken.append(file.where)
                else:
                    rows[file.stem] = found
    if broken:
        raise DataError(
            f"{len(broken)} of {len(files)} {what} do not decode: {_some(broken)}. Replace them "
            "by the publisher's files and import again."
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("image_id")


def _is_there(target: Path, content: bytes) -> bool:
    return (
        target.is_file()
        and target.stat().st_size == len(content)
        and target.read_bytes() == content
    )


def _image_facts(content: bytes) -> dict[str, object] | None:
    image = decode_image(content)
    return None if image is None else {"width": image.shape[1], "height": image.shape[0]}


def _mask_facts(content: bytes) -> dict[str, object] | None:
    mask = decode_mask(content)
    if mask is None:
        return None
    return {"width": mask.shape[1], "height": mask.shape[0], "area": float(mask.mean())}


def _manifest(images: pd.DataFrame, masks: pd.DataFrame) -> pd.DataFrame:
    """One row an image: file, bytes, width, height, sha256 and the mask's, if it has one."""
    columns = ["file", "width", "height", "sha256", "area"]
    if masks.empty:
        masks = pd.DataFrame(columns=columns, index=images.index[:0])
    masks.index = masks.index.str.removesuffix(MASK_ENDING)
    joined = images.join(masks[columns].add_prefix("mask_")).sort_index()
    return joined.rename_axis("image_id")


def _mask_warnings(manifest: pd.DataFrame, has_masks: bool) -> list[str]:
    if not has_masks:
        return ["no lesion masks were found: segmentation chapters need them"]
    warnings = []
    without = manifest.index[manifest["mask_file"].isna()].tolist()
    if without:
        warnings.append(f"{len(without)} images have no mask: {_some(without)}")
    empty = manifest.index[manifest["mask_area"] == 0].tolist()
    if empty:
        warnings.append(f"{len(empty)} masks are empty (no lesion pixel): {_some(empty)}")
    shape = manifest.dropna(subset="mask_file")
    odd = shape["width"] * shape["mask_height"] != shape["height"] * shape["mask_width"]
    if odd.any():
        names = shape.index[odd].tolist()
        warnings.append(f"{len(names)} masks have another shape than their image: {_some(names)}")
    return warnings


def _report(
    name: str, table: pd.DataFrame, manifest: pd.DataFrame, warnings: list[str]
) -> ImportReport:
    sizes = manifest[["width", "height"]].value_counts()
    width, height = sizes.index[0]
    more = f" and {len(sizes) - 1} other sizes" if len(sizes) > 1 else ""
    return ImportReport(
        collection=name,
        images=len(table),
        lesions=int(table["group"].nunique()),
        masks=int(manifest["mask_file"].notna().sum()),
        sizes=f"{width}×{height} pixels{more}",
        folder=data_dir() / name,
        warnings=warnings,
    )


def _imported(about: Source) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = data_dir() / about.name
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise DataError(
            f"{about.name} is not imported (no {manifest}). {_where_to_get(about)} Then: "
            f"dermbook data import {about.name} --from FOLDER"
        )
    return _read_imported(folder, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_imported(folder: Path, modified: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    text = {"label": "str", "group": "str", "dx_type": "str", "sex": "str", "localization": "str"}
    try:
        table = pd.read_csv(folder / "table.csv", index_col="image_id", dtype=text)
        manifest = pd.read_csv(
            folder / "manifest.csv", index_col="image_id", dtype={"mask_file": "str"}
        )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder}: the imported table cannot be read ({error}). Import it again: "
            f"dermbook data import {folder.name} --from FOLDER"
        ) from None
    if not table.index.equals(manifest.index):
        raise DataError(
            f"{folder}: table.csv and manifest.csv do not belong together. Import it again: "
            f"dermbook data import {folder.name} --from FOLDER"
        )
    return table, manifest


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Import the collection again: "
            f"dermbook data import {path.parents[1].name} --from FOLDER"
        ) from None


def _shown(steps: Sequence[int], what: str, progress: bool) -> Iterable[int]:
    """The steps, under a progress bar when wanted (the caller looks whether it has a terminal)."""
    if not progress or len(steps) < 2:
        return steps
    from rich.progress import track

    return track(steps, description=f"checking {what}", transient=True)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
