"""``dermbook data get``: a collection from its publisher, or a mirror, into the data folder.

The files of a release come one by one and are checked by their checksums; the photographs of
Fitzpatrick17k are gathered from the addresses in its table. All of it may be stopped and started
again: what is there and right is kept, what is half there is gone on with. Then it is imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermbook.data.fetching import MAX_BYTES, Got, Progress, fetch, is_web, mirrors
from dermbook.data.fitzpatrick import NAME as FITZPATRICK
from dermbook.data.fitzpatrick import read_table
from dermbook.data.importing import ImportReport, collection_status, import_collection
from dermbook.data.registry import Source, registered_source
from dermbook.data.verification import some
from dermbook.errors import DataError, ParameterError
from dermbook.paths import data_dir

if TYPE_CHECKING:
    from dermbook.data.harvest import Limits
    from dermbook.data.harvest.report import HarvestReport

ALIASES = {"isic2018": "isic2018-test"}
TABLE, ARCHIVE = "fitzpatrick17k.csv", "fitzpatrick17k_images.zip"
RETRY = ("transient", "all", "none")


@dataclass(frozen=True)
class DownloadReport:
    """What came, what did not and why, and what the import made of it.

    files: one entry a file. harvest: the account of photographs gathered one by one, also in
    ``folder/harvest.csv``. imported: None where nothing was imported. notes: what else to know.
    """

    collection: str
    folder: Path
    files: tuple[Got, ...]
    harvest: "HarvestReport | None"
    imported: ImportReport | None
    notes: tuple[str, ...]
    licence: str
    citation: str
    import_error: str = ""

    @property
    def complete(self) -> bool:
        """Whether every file came, every photograph that has an address, and the import worked."""
        files = all(got.state != "failed" for got in self.files)
        return files and not self.failures and not self.import_error

    @property
    def failures(self) -> int:
        """Photographs that have an address and did not come."""
        if self.harvest is None:
            return 0
        return int(self.harvest.table["status"].isin(["failed", "pending"]).sum())

    def __str__(self) -> str:
        lines = [f"{self.collection} in {self.folder}"]
        for got in self.files:
            said = {"kept": "was there", "got": f"from {got.place}"}.get(got.state)
            said = f"FAILED: {got.reason}" if said is None else said
            lines.append(f"  {got.name}: {said}" + (f" ({got.note})" if got.note else ""))
        if self.harvest is not None:
            lines += [str(self.harvest), f"  every address: {self.folder / 'harvest.csv'}"]
        lines += [f"  note: {note}" for note in self.notes]
        if self.imported is not None:
            lines.append(str(self.imported))
        if self.import_error:
            lines.append(f"NOT IMPORTED: {self.import_error}")
        return "\n".join([*lines, f"Licence: {self.licence}", f"Cite: {self.citation}"])


def get_collection(
    name: str,
    *,
    to: Path | str | None = None,
    mirror: Sequence[str] | None = None,
    limit: int = 0,
    do_import: bool = True,
    retry: str = "transient",
    accept_changed: bool = False,
    progress: Progress | None = None,
    allow_private: bool = False,
    limits: "Limits | None" = None,
) -> DownloadReport:
    """Download a collection into ``to`` (``data_dir()/downloads/NAME``) and import it.

    mirror: folders or addresses asked before the publisher; by default those of
    ``DERMBOOK_MIRROR``, none for an empty list. progress: called with a file's name, the bytes
    that are there and the total or None. allow_private: for addresses inside a private network;
    mirrors may always lie in one.

    For ``fitzpatrick17k``: limit: only the first rows of the table (0: all). retry: which failed
    photographs an earlier call left are asked for again, ``transient`` failures, ``all`` or
    ``none``. A file whose MD5 is not the published one may show something else (a placeholder,
    another picture), so it is kept in ``images/`` but not imported, unless ``accept_changed``.
    A mirror's archive of photographs replaces the gathering. An import that would leave fewer
    images than are imported now is not made.

    What does not come is told in the report, not raised. DataError for an unknown collection, a
    full disk or a table that cannot be used; ParameterError for a bad argument.
    """
    from dermbook.data.harvest import Client, Limits

    about = registered_source(ALIASES.get(name, name))
    places = mirrors(mirror)
    folder = _folder(about, to)
    _check_arguments(about, limit, retry)
    trusted = True if allow_private else _origins(places)
    limits = limits or Limits(max_bytes=MAX_BYTES)
    with Client(limits, allow_private=trusted) as client:
        files = [
            fetch(about, names, folder, client, places, progress=progress)
            for names in about.download
        ]
        if about.name == FITZPATRICK:
            archive = fetch(
                about, [ARCHIVE], folder, client, places, publisher=False, progress=progress
            )
            files += [archive] if archive.state != "failed" else []
    harvest, notes, without = None, [], frozenset()
    harvest, notes, imported, error = None, [], None, ""
    without: frozenset[str] = frozenset()
    if about.name == FITZPATRICK and files[0].state != "failed":
        if len(files) == 1:
            harvest = _gather(folder, limit, retry, allow_private, progress is not None)
            without, notes = _left_out(harvest, accept_changed)
        else:
            notes.append(
                f"the photographs are those of {ARCHIVE}; to gather them from the web, remove it "
                "and name no mirror (--mirror '')"
            )
    if do_import and files[0].state != "failed":
        if (fewer := _would_lose(about, harvest, without)) > 0:
            notes.append(
                f"not imported: {fewer:,} images fewer than are imported now. To import them all "
                f"the same: dermbook data import {about.name} --from {folder}"
            )
        else:
            try:
                shown = progress is not None
                imported = import_collection(about.name, folder, progress=shown, without=without)
            except DataError as failure:
                error = str(failure)
    return DownloadReport(
        collection=about.name,
        folder=folder,
        files=tuple(files),
        harvest=harvest,
        imported=imported,
        import_error=error,
        notes=tuple(notes),
        licence=_licence(about),
        citation=about.citation,
    )


def describe(name: str, to: Path | str | None = None) -> str:
    """What ``get_collection`` is about to do: title, licence and folder. DataError if unknown."""
    about = registered_source(ALIASES.get(name, name))
    lines = [about.title, f"licence: {_licence(about)}", f"into: {to or download_folder(name)}"]
    return "\n".join(lines)


def download_folder(name: str) -> Path:
    """Where a collection's files go by default."""
    return data_dir() / "downloads" / ALIASES.get(name, name)


def _licence(about: Source) -> str:
    return " ".join(filter(None, [f"{about.licence}.", about.licence_note]))


def _folder(about: Source, to: Path | str | None) -> Path:
    folder = download_folder(about.name) if to is None else Path(to).expanduser().resolve()
    if folder.is_relative_to(data_dir() / about.name):
        raise DataError(f"{folder} is where {about.name} is imported to: give another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made ({error.strerror}): give another.") from None
    return folder


def _check_arguments(about: Source, limit: int, retry: str) -> None:
    if limit < 0:
        raise ParameterError(f"limit: must be 0 (all) or positive, not {limit}.")
    if limit and about.name != FITZPATRICK:
        raise ParameterError(f"limit: {about.name} comes whole; only {FITZPATRICK} in part.")
    if retry not in RETRY:
        raise ParameterError(f"retry: {retry!r} is unknown; give one of {', '.join(RETRY)}.")


def _origins(places: Sequence[str]) -> frozenset[str]:
    """``host:port`` of the mirrors on the web: the reader chose them, wherever they are."""
    from dermbook.data.harvest.addresses import check_url, origin

    return frozenset(origin(check_url(place)) for place in places if is_web(place))


def _gather(
    folder: Path, limit: int, retry: str, allow_private: bool, progress: bool
) -> "HarvestReport":
    """The photographs of the table's first rows (all if 0), to ``folder/images``."""
    from dermbook.data.harvest import Client
    from dermbook.data.harvest.harvest import harvest

    table = read_table(folder / TABLE).reset_index()
    table = table.head(limit) if limit else table
    table = table.assign(md5=table["image_id"])
    with Client(allow_private=allow_private) as client:
        return harvest(
            table, folder, md5_column="md5", client=client, retry=retry, progress=progress
        )


def _left_out(harvest: "HarvestReport", accept_changed: bool) -> tuple[frozenset[str], list[str]]:
    """Ids of files in ``images/`` that are not to be imported, and why, in words."""
    table = harvest.table[harvest.table["status"] == "ok"]
    changed = table["image_id"][table["md5_matches"].eq(False)]
    notes = []
    if len(changed):
        kept = "imported all the same" if accept_changed else "not imported (--accept-changed does)"
        notes.append(
            f"{len(changed):,} files are not the published ones (another MD5: a placeholder, a new "
            f"version, another picture) and are {kept}: {some(changed)}"
        )
    wanted = set(table["image_id"]) - (set() if accept_changed else set(changed))
    there = {path.stem for path in (harvest.folder / "images").glob("*.jpg")}
    return frozenset(there - wanted), notes


def _would_lose(about: Source, harvest: "HarvestReport | None", without: frozenset[str]) -> int:
    """By how many images an import of what was gathered would shrink the collection."""
    if harvest is None:
        return 0
    there = {path.stem for path in (harvest.folder / "images").glob("*.jpg")}
    now = next(status.images for status in collection_status() if status.name == about.name)
    return now - len(there - without)
