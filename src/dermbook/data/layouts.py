"""How each publisher lays out its files, and finding them in a reader's folder."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from dermbook.data.archives import Container, Entry, find_container, find_table
from dermbook.data.registry import Source
from dermbook.data.tables import blank_labels, read_groupings, read_labels
from dermbook.data.verification import Problems, some
from dermbook.errors import DataError

#: share of images without a row above which the table, not the images, must be wrong
STRAY_SHARE = 0.05


@dataclass(frozen=True)
class Layout:
    """Names (without ``.zip`` or ``.csv``) that a collection's files go by.

    images: alternatives, each the archives or folders that together hold all images; the first of
    which anything is there is taken. masks: archives of masks. labels: tables, best first;
    ``groupings`` names the lesions where the table does not. Without a table the collection is
    unlabelled, or an error if ``labels_needed``.
    """

    images: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    masks: tuple[str, ...] = ()
    groupings: str = ""
    labels_needed: bool = True


LAYOUTS = {
    "ham10000": Layout(
        images=(
            ("HAM10000_images_part_1", "HAM10000_images_part_2"),
            ("ISIC2018_Task3_Training_Input",),
        ),
        labels=("HAM10000_metadata", "ISIC2018_Task3_Training_GroundTruth", "GroundTruth"),
        masks=("HAM10000_segmentations_lesion_tschandl",),
        groupings="ISIC2018_Task3_Training_LesionGroupings",
    ),
    "isic2018-test": Layout(
        images=(("ISIC2018_Task3_Test_Input",), ("ISIC2018_Task3_Test_Images",)),
        labels=("ISIC2018_Task3_Test_GroundTruth",),
        labels_needed=False,
    ),
}


@dataclass
class Found:
    """What a reader's folder holds of a collection: its table, and its files by image id."""

    table: pd.DataFrame
    table_file: str = ""
    images: dict[str, Entry] = field(default_factory=dict)
    masks: dict[str, Entry] = field(default_factory=dict)


def gather(about: Source, folder: Path, opened: ExitStack, problems: Problems) -> Found:
    """Find table, images and masks of a collection in ``folder`` and the folders just below it.

    Archives stay open until ``opened`` is closed. What is wrong goes to ``problems``: images and
    masks without a row are warned of and left out. DataError, listing all of them, when a whole
    file is missing or cannot be used.
    """
    layout = LAYOUTS[about.name]
    places = _places(folder, layout)
    parts, missing = _image_parts(places, layout)
    masks = [
        Container(path, masks=True)
        for name in layout.masks
        if (path := _first(find_container(place, name) for place in places))
    ]
    if not parts and _may_lie_loose(folder, layout):
        foreign = _names_of_others(about.name)
        loose = [Container(folder, masks=kind, without=foreign) for kind in (False, True)]
        parts = [part for part in loose[:1] if _holds_any(part)]
        missing = [] if parts else missing
        masks = masks or [part for part in loose[1:] if layout.masks and _holds_any(part)]
    unusable = Problems()
    images = _entries(parts, opened, unusable, problems)
    mask_files = _entries(masks, opened, unusable, problems)
    table, table_file = _labels(places, layout, images, unusable, problems)
    if not parts:
        unusable.add(f"There are no images. {where_to_get(about, layout.images[0])}")
    elif missing and table is None:
        unusable.add(f"{_zips(missing)} missing. {where_to_get(about, missing)}")
    elif missing and (without := table.index.difference(images)).size:
        unusable.add(
            f"{_zips(missing)} missing: {len(without):,} of {len(table):,} rows have no image. "
            f"{where_to_get(about, missing)}"
        )
    if table is None and layout.labels_needed:
        unusable.add(f"There is no table of labels. {where_to_get(about, layout.labels[:1])}")
    unusable.raise_if_any(f"{about.name} in {folder}")
    if table is None:
        table = blank_labels(sorted(images))
    for path in [*(part.path for part in parts + masks), Path(table_file)]:
        if path.is_file() and not _is_known_copy(path, about):
            problems.warn(
                f"{path.name} is no copy that the registry knows (re-packed, resized or another "
                "export); its content was checked file by file"
            )
    _match_rows(about, table, table_file, images, mask_files, problems)
    return Found(
        table,
        table_file,
        {image_id: images[image_id] for image_id in table.index if image_id in images},
        {image_id: mask_files[image_id] for image_id in table.index if image_id in mask_files},
    )


def where_to_get(about: Source, names: Sequence[str]) -> str:
    """A sentence: where files (named without ending) are to be had, and where to put them."""
    files = [
        known
        for name in names
        for known in about.files
        if known.name.rsplit(".", 1)[0].lower() == name.lower()
    ]
    if not files:
        return f"See {about.home}."
    got = " and ".join(f"{file.name} from {file.address or about.home}" for file in files)
    return f"Get {got} ({about.licence}) and put {'it' if len(files) == 1 else 'them'} there."


def _places(folder: Path, layout: Layout) -> list[Path]:
    """The folder and those just below it, except the ones that hold images or masks."""
    names = {name.lower() for part in (*layout.images, layout.masks) for name in part}
    below = [child for child in sorted(folder.iterdir()) if child.is_dir()]
    return [folder, *(c for c in below if c.name.lower() not in names and c.name[0] != ".")]


def _image_parts(places: list[Path], layout: Layout) -> tuple[list[Container], list[str]]:
    for names in layout.images:
        paths = {name: _first(find_container(place, name) for place in places) for name in names}
        if any(paths.values()):
            parts = [Container(path) for path in paths.values() if path]
            return parts, [name for name, path in paths.items() if path is None]
    return [], []


def _may_lie_loose(folder: Path, layout: Layout) -> bool:
    """Whether images without the publisher's archive names can be taken for the collection's.

    A table of labels tells them from others; without one the folder's own name must.
    """
    names = {name.lower() for part in layout.images for name in part}
    return layout.labels_needed or folder.resolve().name.lower() in names


def _names_of_others(name: str) -> frozenset[str]:
    """Archive names, in small letters, of all collections but one."""
    others = [layout for other, layout in LAYOUTS.items() if other != name]
    return frozenset(
        name.lower()
        for layout in others
        for part in (*layout.images, layout.masks)
        for name in part
    )


def _holds_any(container: Container) -> bool:
    with container as opened:
        return any(True for _ in opened.entries())


def _entries(
    containers: list[Container], opened: ExitStack, unusable: Problems, problems: Problems
) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for container in containers:
        try:
            entries = opened.enter_context(container).entries()
        except DataError as error:
            beside = container.path.with_suffix("")
            other = f", or delete it to use the folder {beside.name}" if beside.is_dir() else ""
            unusable.add(f"{error} Download it again{other}.")
            continue
        for entry in entries:
            first = found.setdefault(entry.image_id, entry)
            if first is not entry and not _same(first, entry):
                problems.add(
                    f"{entry.image_id} is there twice with different content: {first.where} and "
                    f"{entry.where}. Remove the wrong one."
                )
    return found


def _same(first: Entry, second: Entry) -> bool:
    return first.size == second.size and first.read() == second.read()


def _labels(
    places: list[Path],
    layout: Layout,
    images: dict[str, Entry],
    unusable: Problems,
    problems: Problems,
) -> tuple[pd.DataFrame | None, str]:
    where = ""
    try:
        table = None
        if found := _first(find_table(place, layout.labels) for place in places):
            where, content = found
            table = read_labels(where, content, problems)
        if table is not None and layout.groupings and table["dx_type"].isna().all():
            table = _with_lesions(table, places, layout, problems)
    except DataError as error:
        unusable.add(str(error))
        # an empty table keeps the other checks from complaining of its absence
        return blank_labels([]), where
    return table, where


def _with_lesions(
    table: pd.DataFrame, places: list[Path], layout: Layout, problems: Problems
) -> pd.DataFrame:
    found = _first(find_table(place, [layout.groupings]) for place in places)
    if found is None:
        problems.warn(
            f"{layout.groupings}.csv is not there, so each image counts as a lesion of its own and "
            "a split can put photographs of one lesion on both sides"
        )
        return table
    lesions = read_groupings(*found).reindex(table.index)
    if lesions["group"].isna().any():
        ids = table.index[lesions["group"].isna()]
        problems.add(f"{found[0]}: {some(ids)} have no row. Download it again.")
    return table.assign(group=lesions["group"].fillna(table["group"]), dx_type=lesions["dx_type"])


def _match_rows(
    about: Source,
    table: pd.DataFrame,
    table_file: str,
    images: dict[str, Entry],
    masks: dict[str, Entry],
    problems: Problems,
) -> None:
    without = [image_id for image_id in table.index if image_id not in images]
    named = Path(table_file).name
    if without and LAYOUTS[about.name].labels_needed:
        problems.add(
            f"{named}: {len(without):,} of {len(table):,} rows have no image: {some(without)}. "
            "Download the archives of images again, or take the rows out."
        )
    elif without:
        problems.warn(f"{len(without):,} rows of {named} have no image and are left out: "
                      f"{some(without)}")  # fmt: skip
    for what, files in (("images", images), ("masks", masks)):
        extra = sorted(set(files) - set(table.index))
        if len(extra) > max(3, STRAY_SHARE * len(files)):
            problems.add(
                f"{named} has no row for {len(extra):,} of {len(files):,} {what}: {some(extra)}. "
                "It is cut off or belongs to other images: download it again."
            )
        elif extra:
            problems.warn(f"{what} without a row in {named} are left out: {some(extra)}")
    count = sum(image_id in images for image_id in table.index)
    if count != about.images:
        absent = [i for i in about.absent_from_reduced if i not in images]
        said = f" (reduced copies lack {', '.join(absent)})" if absent else ""
        problems.warn(f"{count:,} images, where the publisher has {about.images:,}{said}")


def _is_known_copy(path: Path, about: Source) -> bool:
    """Whether the checksum is one that the registry lists, or it lists none for this name."""
    file = about.file(path.name)
    known = {file.md5, file.reduced_sha256} - {""} if file else set()
    if not known:
        return True
    digests = [hashlib.sha256(), hashlib.md5(usedforsecurity=False)]
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            for digest in digests:
                digest.update(block)
    return any(digest.hexdigest() in known for digest in digests)


def _zips(names: Sequence[str]) -> str:
    verb = "is" if len(names) == 1 else "are"
    return f"{' and '.join(f'{name}.zip' for name in names)} {verb}"


def _first(values: Iterable) -> object | None:
    found: Iterator = (value for value in values if value)
    return next(found, None)
