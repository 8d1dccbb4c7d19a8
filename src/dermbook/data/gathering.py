"""Finding a publisher's files in a reader's folder, and holding table and images together."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from dermbook.data.archives import Container, Entry, find_container, find_table
from dermbook.data.layouts import LAYOUTS, Layout, names_of_others, where_to_get
from dermbook.data.registry import Source
from dermbook.data.staging import STRAY_SHARE
from dermbook.data.tables import blank_labels, read_groupings
from dermbook.data.verification import Problems, some
from dermbook.errors import DataError


@dataclass
class Found:
    """What a reader's folder holds of a collection: its table, and its files by image id.

    published: the bytes of the publisher's whole table, where the collection keeps it.
    """

    table: pd.DataFrame
    table_file: str = ""
    published: bytes | None = None
    images: dict[str, Entry] = field(default_factory=dict)
    masks: dict[str, Entry] = field(default_factory=dict)


def gather(
    about: Source,
    folder: Path,
    opened: ExitStack,
    problems: Problems,
    without: Collection[str] = (),
) -> Found:
    """Find table, images and masks of a collection in ``folder`` and the folders just below it.

    Archives stay open until ``opened`` is closed. What is wrong goes to ``problems``: images and
    masks without a row are warned of and left out, and the images ``without`` are passed over.
    DataError, listing all of them, when a whole file is missing or cannot be used.
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
        foreign = names_of_others(about.name)
        loose = [
            Container(folder, masks=kind, without=foreign, named=layout.loose_names)
            for kind in (False, True)
        ]
        parts = [part for part in loose[:1] if _holds_any(part)]
        missing = [] if parts else missing
        masks = masks or [part for part in loose[1:] if layout.masks and _holds_any(part)]
    unusable = Problems()
    images = _entries(parts, opened, unusable, problems)
    mask_files = _entries(masks, opened, unusable, problems)
    table, table_file, content = _labels(places, layout, unusable, problems)
    if layout.partial and table is not None:
        images = _by_row(images, table, problems)
        images = {image_id: entry for image_id, entry in images.items() if image_id not in without}
        table = table.drop(columns="url_alphanum")
    elif not parts:
        unusable.add(f"There are no images. {where_to_get(about, layout.images[0])}")
    elif missing and table is None:
        unusable.add(f"{_zips(missing)} missing. {where_to_get(about, missing)}")
    elif missing and (bare := table.index.difference(images)).size:
        unusable.add(
            f"{_zips(missing)} missing: {len(bare):,} of {len(table):,} rows have no image. "
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
        content if layout.partial else None,
        {image_id: images[image_id] for image_id in table.index if image_id in images},
        {image_id: mask_files[image_id] for image_id in table.index if image_id in mask_files},
    )


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
    unusable: Problems,
    problems: Problems,
) -> tuple[pd.DataFrame | None, str, bytes]:
    """The table, where it lies, and its bytes."""
    where, content = "", b""
    try:
        table = None
        if found := _first(find_table(place, layout.labels) for place in places):
            where, content = found
            table = layout.read(where, content, problems)
        if table is not None and layout.groupings and table["dx_type"].isna().all():
            table = _with_lesions(table, places, layout, problems)
    except DataError as error:
        unusable.add(str(error))
        # an empty table keeps the other checks from complaining of its absence
        return blank_labels([]).assign(url_alphanum=""), where, content
    return table, where, content


def _by_row(images: dict[str, Entry], table: pd.DataFrame, problems: Problems) -> dict[str, Entry]:
    """The images under their rows' ids: some go by their address, or by MD5 in capital letters."""
    ids = {Path(name).stem.lower(): row for row, name in table["url_alphanum"].dropna().items()}
    found: dict[str, Entry] = {}
    for name, entry in images.items():
        image_id = ids.get(name.lower(), name.lower())
        entry = replace(entry, image_id=image_id)
        first = found.setdefault(image_id, entry)
        if first is not entry and not _same(first, entry):
            problems.add(
                f"{image_id} is there twice with different content: {first.where} and "
                f"{entry.where}. Remove the wrong one."
            )
    return found


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
    if LAYOUTS[about.name].partial:
        if without and images:
            problems.warn(
                f"{len(without):,} of {len(table):,} rows have no image and are left out of the "
                f"collection, which is normal; all rows stay in published_table({about.name!r})"
            )
    elif without and LAYOUTS[about.name].labels_needed:
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
    if count != about.images and not LAYOUTS[about.name].partial:
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
