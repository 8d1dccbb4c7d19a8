"""Importing a publisher's files, checking them again, and opening what was imported."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.fitzpatrick import published_classes, published_table
from dermbook.data.gathering import Found, gather
from dermbook.data.imported import FolderSource, import_command, read_imported
from dermbook.data.layouts import LAYOUTS
from dermbook.data.registry import Source, registered, registered_source
from dermbook.data.staging import MANIFEST, staging, staging_folder
from dermbook.data.tables import CLASSES
from dermbook.data.verification import Problems, some
from dermbook.errors import DataError
from dermbook.paths import data_dir

_TABLE_ONLY = "only the table is imported (published_table gives all of it), none of its images."


class Notes(tuple[str, ...]):
    """Several remarks; as text, one a line."""

    def __str__(self) -> str:
        return "\n".join(self)


@dataclass(frozen=True)
class ImportReport:
    """What an import or a verification found. ``warnings`` are for the reader's judgement.

    sizes: the images' width × height in pixels. folder: where the collection lies. rows: of the
    publisher's whole table, where the collection keeps it (photographs then are no lesions).
    """

    collection: str
    images: int
    lesions: int
    masks: int
    sizes: str
    folder: Path
    warnings: Notes = field(default_factory=Notes)
    rows: int = 0

    def __str__(self) -> str:
        held = f"{self.images:,} images of {self.lesions:,} lesions, {self.masks:,} masks"
        if self.rows:
            held = f"{self.images:,} images, {self.rows:,} rows in the published table"
        sizes = f", {self.sizes}" if self.images else ""
        lines = [f"{self.collection}: {held}{sizes}; in {self.folder}"]
        return "\n".join(lines + [f"  note: {warning}" for warning in self.warnings])


@dataclass(frozen=True)
class CollectionStatus:
    """Whether a known collection is imported, how much of it, and what to do if it is not."""

    name: str
    imported: bool
    images: int
    lesions: int
    masks: int
    folder: str
    remedy: str


def import_collection(
    name: str, source: Path | str, *, progress: bool = True, without: Iterable[str] = ()
) -> ImportReport:
    """Check a publisher's files in the folder ``source`` and import them into ``data_dir()/name``.

    Takes the publisher's zips or the folders they were unpacked to, any image size. Every image
    and mask is decoded. Unpacked files are linked (copied where links cannot be), zipped ones
    unpacked; the source is only read. An import that was stopped goes on where it was; one that
    finds nothing new changes nothing.

    Of ``fitzpatrick17k`` a reader has some images, or the table alone: rows without an image are
    left out of the collection with a warning, and so are a few files that do not decode; images of
    identical content share a ``group``. The whole table stays in ``published_table``. without:
    ids of images to pass over though their files are there.

    Raises DataError, listing every problem with its file and remedy, when a file is missing or
    damaged, a column is missing, an id is repeated, a class unknown, a row has no image, or the
    disk is full. What was imported before then stays as it was.
    """
    about = registered_source(name)
    source = Path(source).expanduser()
    _check_source(about, source)
    problems = Problems()
    with ExitStack() as opened, staging(name) as place:
        found = gather(about, source, opened, problems, frozenset(without))
        _keep_images(about, found, source)
        place.check_space([*found.images.values(), *found.masks.values()])
        lenient = LAYOUTS[name].partial
        rows = place.take(
            found.images, masks=False, problems=problems, progress=progress, lenient=lenient
        )
        masks = place.take(found.masks, masks=True, problems=problems, progress=progress)
        manifest = _manifest(rows, masks)
        _check_masks(manifest, found, problems)
        problems.raise_if_any(
            f"{name} in {source}", "Nothing was imported. Import again when this is mended."
        )
        problems.warnings += _mask_warnings(about, manifest)
        table = found.table.loc[manifest.index]
        if lenient:
            table = _with_twins(table, manifest, problems)
        place.finish(table, manifest, found.published)
    return _report(name, table, manifest, problems.warnings)


def verify_collection(name: str) -> ImportReport:
    """Read every file of an imported collection again and compare it with the manifest.

    Raises DataError naming the files that are missing or have changed, and what to do.
    """
    about = registered_source(name)
    folder = data_dir() / name
    table, manifest = read_imported(about)
    expected = [
        (folder / kind / file, digest)
        for kind, file_column, column in (
            ("images", "file", "sha256"),
            ("masks", "mask_file", "mask_sha256"),
        )
        for file, digest in manifest[[file_column, column]].dropna().itertuples(index=False)
    ]
    with ThreadPoolExecutor() as pool:
        states = list(pool.map(lambda item: _state(*item), expected))
    wrong = [
        f"{path.parent.name}/{path.name} {state}"
        for (path, _), state in zip(expected, states, strict=True)
        if state
    ]
    if wrong:
        raise DataError(
            f"{folder}: {len(wrong):,} of {len(expected):,} files are not as imported: "
            f"{some(wrong)}. Import the collection again: {import_command(name)}"
        )
    return _report(name, table, manifest, _mask_warnings(about, manifest))


def open_collection(name: str) -> Collection:
    """An imported collection, ``ham10000``, ``isic2018-test`` or ``fitzpatrick17k``.

    Table columns: label, group (lesion_id), dx_type, age (years), sex, localization, width and
    height (pixels), sorted by image id. For ``fitzpatrick17k`` the metadata are those of
    ``dermbook.data.fitzpatrick.read_table``, ``group`` is the image id (of images with identical
    content, the first one's), and ``classes`` are all labels of the published table in
    alphabetical order, also those without an image here (see ``present_classes``).

    DataError says how to import it, and where its files are to be had, when it is not there.
    """
    about = registered_source(name)
    table, manifest = read_imported(about)
    if table.empty:
        raise DataError(f"{name}: {_TABLE_ONLY} {where_to_get_images(name)}")
    return Collection(
        name=name,
        table=table.assign(width=manifest["width"], height=manifest["height"]),
        classes=published_classes(name) if LAYOUTS[name].partial else CLASSES,
        source=FolderSource(data_dir() / name, manifest),
        licence=about.licence,
        citation=about.citation,
    )


def collection_status() -> list[CollectionStatus]:
    """Every known collection: imported or not, how much of it, and what to do."""
    return [_status(registered_source(name)) for name in registered()]


def _status(about: Source) -> CollectionStatus:
    folder, remedy = data_dir() / about.name, import_command(about.name)
    if not (folder / MANIFEST).is_file():
        if staging_folder(about.name).is_dir():
            remedy = f"an import was not finished; go on with: {remedy}"
        return CollectionStatus(about.name, False, 0, 0, 0, "", remedy)
    try:
        table, manifest = read_imported(about)
    except DataError as error:
        return CollectionStatus(about.name, False, 0, 0, 0, str(folder), str(error))
    if table.empty:
        said = f"{_TABLE_ONLY} {where_to_get_images(about.name)}"
        return CollectionStatus(about.name, False, 0, 0, 0, str(folder), said)
    masks = int(manifest["mask_file"].notna().sum())
    lesions = table["group"].nunique()
    return CollectionStatus(about.name, True, len(table), lesions, masks, str(folder), "")


def where_to_get_images(name: str) -> str:
    """The two ways to images of a collection of which the table is there."""
    return (
        f"Gather them from the web: dermbook data get {name}; or put those you have beside the "
        f"table, named MD5HASH.jpg, then: {import_command(name)}"
    )


def _keep_images(about: Source, found: Found, source: Path) -> None:
    """DataError when an import of a table alone would do away with images."""
    if found.images or not (data_dir() / about.name / MANIFEST).is_file():
        return
    try:
        images = len(read_imported(about)[0])
    except DataError:
        return
    if images:
        raise DataError(
            f"{source} holds no images of {about.name}, of which {images:,} are imported: nothing "
            f"was changed. To have the table alone, remove {data_dir() / about.name} first."
        )


def _with_twins(table: pd.DataFrame, manifest: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """The table with one group for images whose files are the same byte for byte."""
    digests = manifest["sha256"].loc[table.index]
    twins = digests.duplicated(keep=False)
    if not twins.any():
        return table
    problems.warn(
        f"{twins.sum():,} images have the content of another and share its group: "
        f"{some(table.index[twins])}"
    )
    return table.assign(group=digests.groupby(digests).transform(lambda same: same.index[0]))


def _check_source(about: Source, source: Path) -> None:
    if not source.is_dir():
        kind = "is a file" if source.exists() else "does not exist"
        raise DataError(f"{source} {kind}: give the folder that holds the files of {about.title}.")
    if source.resolve().is_relative_to(data_dir() / about.name):
        raise DataError(f"{source} is the imported collection itself: give the publisher's files.")


def _manifest(images: pd.DataFrame, masks: pd.DataFrame) -> pd.DataFrame:
    """One row an image: its file, bytes, width, height and sha256, and the mask's as mask_…"""
    columns = ["file", "width", "height", "sha256", "area"]
    images = images[["width", "height", "sha256", "bytes", "file"]]
    return images.join(masks[columns].add_prefix("mask_")).sort_index()


def _check_masks(manifest: pd.DataFrame, found: Found, problems: Problems) -> None:
    """A mask must have its image's proportions, to one pixel; another size is only told."""
    masked = manifest.dropna(subset="mask_file")
    other = (masked["width"] != masked["mask_width"]) | (masked["height"] != masked["mask_height"])
    scaled = masked["mask_height"] * masked["width"] / masked["height"]
    wrong = other & ((scaled - masked["mask_width"]).abs() > 1)
    if wrong.any():
        first = masked[wrong].iloc[0]
        problems.add(
            f"{wrong.sum():,} masks have other proportions than their image, for example "
            f"{found.masks[masked.index[wrong][0]].where}, {first['mask_width']:.0f}×"
            f"{first['mask_height']:.0f} for {first['width']}×{first['height']}: "
            f"{some(masked.index[wrong])}. Replace them by the publisher's masks."
        )
    if (other & ~wrong).any():
        problems.warn(
            f"{(other & ~wrong).sum():,} masks have another size than their image and are scaled "
            f"when read: {some(masked.index[other & ~wrong])}"
        )


def _mask_warnings(about: Source, manifest: pd.DataFrame) -> list[str]:
    without = manifest.index[manifest["mask_file"].isna()]
    warnings = []
    if about.masks and len(without) == len(manifest):
        warnings.append("there are no lesion masks: chapters on segmentation need them")
    elif about.masks and len(without):
        warnings.append(f"{len(without):,} images have no mask: {some(without)}")
    empty = manifest.index[manifest["mask_area"] == 0]
    if len(empty):
        warnings.append(f"{len(empty):,} masks are empty (no lesion pixel): {some(empty)}")
    return warnings


def _report(
    name: str, table: pd.DataFrame, manifest: pd.DataFrame, warnings: list[str]
) -> ImportReport:
    sizes = manifest[["width", "height"]].value_counts()
    width, height = sizes.index[0] if len(sizes) else (0, 0)
    others = f" and {len(sizes) - 1} other sizes" if len(sizes) > 1 else ""
    if manifest.empty:
        warnings = [*warnings, f"{_TABLE_ONLY} {where_to_get_images(name)}"]
    return ImportReport(
        collection=name,
        images=len(table),
        lesions=int(table["group"].nunique()),
        masks=int(manifest["mask_file"].notna().sum()),
        sizes=f"{width}×{height} pixels{others}",
        folder=data_dir() / name,
        warnings=Notes(warnings),
        rows=len(published_table(name)) if LAYOUTS[name].partial else 0,
    )


def _state(path: Path, digest: str) -> str:
    """What is wrong with an imported file, or nothing."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if found == digest else "has changed"
