"""What the book knows about its sources: ``data/registry.yaml``."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dermbook.errors import DataError
from dermbook.paths import book_root


@dataclass(frozen=True)
class SourceFile:
    """One file as its publisher offers it.

    ``address`` is where it is to be had, empty if only by hand, from the source's page. ``md5`` is
    the official file's; ``reduced_sha256`` that of the reduced copy; both empty where unknown.
    """

    name: str
    address: str
    md5: str = ""
    reduced_sha256: str = ""


@dataclass(frozen=True)
class Source:
    """A collection's publisher: title, licence, citation, files, and the official counts.

    download: names of the files that make it up; of each inner tuple one is enough, best first.
    """

    name: str
    title: str
    home: str
    licence: str
    citation: str
    images: int
    lesions: int | None
    masks: int
    absent_from_reduced: tuple[str, ...]
    files: tuple[SourceFile, ...]
    download: tuple[tuple[str, ...], ...] = ()
    licence_note: str = ""

    def file(self, name: str) -> SourceFile | None:
        """The registered file of that name (case does not matter), or None."""
        return next((f for f in self.files if f.name.lower() == name.lower()), None)

    def where(self, name: str) -> str:
        """Where a file is to be had: its address, or the publisher's page."""
        known = self.file(name)
        return known.address if known and known.address else self.home


def registered() -> tuple[str, ...]:
    """Names of the collections that can be imported, in the registry's order."""
    known = _registry(book_root() / "data" / "registry.yaml")
    return tuple(known)


def registered_source(name: str) -> Source:
    """The registry's entry; DataError for an unknown name."""
    known = _registry(book_root() / "data" / "registry.yaml")
    if name not in known:
        ready = ", ".join(registered())
        raise DataError(f"{name!r} is no collection that can be imported: {ready} are.")
    return known[name]


@lru_cache(maxsize=4)
def _registry(path: Path) -> dict[str, Source]:
    import yaml

    if not path.is_file():
        raise DataError(f"{path} is missing: restore it from the book's checkout.")
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["collections"]
    return {name: _source(name, entry) for name, entry in entries.items()}


def _source(name: str, entry: dict) -> Source:
    files = tuple(
        SourceFile(
            name=item["name"],
            address=item.get("address", ""),
            md5=item.get("md5") or "",
            reduced_sha256=(item.get("reduced") or {}).get("sha256", ""),
        )
        for item in entry["files"]
    )
    expected = entry["expected"]
    return Source(
        name=name,
        title=entry["title"],
        home=entry["home"],
        licence=entry["licence"],
        citation=" ".join(entry["citation"].split()),
        images=expected["images"],
        lesions=expected.get("lesions"),
        masks=expected.get("masks", 0),
        absent_from_reduced=tuple(entry.get("absent_from_reduced_copies", ())),
        files=files,
        download=tuple(tuple(names) for names in entry.get("download", ())),
        licence_note=" ".join(entry.get("licence_note", "").split()),
    )
