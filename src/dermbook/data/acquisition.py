"""How files come to the book, in small tables: sources, layouts, faults, and rows of addresses.

Every function returns a tidy table that a Record can keep; nothing here draws or prints.
"""

import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.folders import class_folders, zip_folder
from dermbook.data.harvest.wishes import NO_ADDRESS
from dermbook.data.importing import import_collection
from dermbook.data.phantom import write_phantom
from dermbook.data.phantom.publish import FAULTS
from dermbook.data.registry import registered, registered_source
from dermbook.errors import DataError

WRONG = "3 Wrongly labelled"


def sources_table() -> pd.DataFrame:
    """What ``data/registry.yaml`` knows. Columns: collection, images, files, with_md5 (files whose
    publisher states an MD5), licence, home."""
    rows = []
    for name in registered():
        source = registered_source(name)
        rows.append(
            {
                "collection": name,
                "images": source.images,
                "files": len(source.files),
                "with_md5": sum(bool(file.md5) for file in source.files),
                "licence": source.licence,
                "home": source.home,
            }
        )
    return pd.DataFrame(rows)


def layout_table(collection: Collection) -> pd.DataFrame:
    """The files of a phantom collection as its publisher would give them out.

    Columns: file, holds (members of an archive, or lines of a table without its head), first (the
    first member or line).
    """
    with tempfile.TemporaryDirectory() as name:
        folder = write_phantom(Path(name) / "published", collection, one_hot=True)
        rows = [
            {"file": path.name, **_content(path)}
            for path in sorted(folder.iterdir())
            if path.name != "PHANTOM.csv"
        ]
    return pd.DataFrame(rows)


def fault_table(collection: Collection) -> pd.DataFrame:
    """Import a phantom publisher's folder once for every planted fault, and see what is said.

    Columns: fault, what, answer (``refused``, ``told`` or ``taken``: not worth a word), said (the
    sentence that names the fault). The imports happen in a temporary data folder.
    """
    usual = set(_import_with(collection, None)[1])
    rows = []
    for fault, what in FAULTS.items():
        refused, remarks = _import_with(collection, fault)
        new = [text for text in remarks if text not in usual]
        answer = "refused" if refused else "told" if new else "taken"
        rows.append({"fault": fault, "what": what, "answer": answer, "said": " ".join(new[:1])})
    return pd.DataFrame(rows)


def folder_table(collection: Collection) -> pd.DataFrame:
    """Class folders of a collection and one zip of them (R1's row 1.1, R4's row 4.2).

    Columns: folder, images, zipped (members of the zip below that folder). Everything is written to
    a temporary folder and counted there.
    """
    with tempfile.TemporaryDirectory() as name:
        root = class_folders(collection, Path(name) / "classes")
        with zipfile.ZipFile(zip_folder(root, Path(name) / "classes.zip")) as packed:
            zipped = pd.Series([member.partition("/")[0] for member in packed.namelist()])
        rows = [
            {
                "folder": f"{label}/",
                "images": len(list((root / label).iterdir())),
                "zipped": int((zipped == label).sum()),
            }
            for label in collection.classes
        ]
    return pd.DataFrame(rows)


def address_steps(table: pd.DataFrame) -> pd.DataFrame:
    """What a table of addresses leaves to fetch, step by step, as R0 (row 0.1) took the steps.

    table: columns ``qc`` and ``url``. Columns of the result: step, rows (that the step concerns),
    left (after it). DataError names a missing column.
    """
    if missing := [name for name in ("qc", "url") if name not in table.columns]:
        raise DataError(f"the table of addresses lacks the column {', '.join(missing)}.")
    wrong = table["qc"].astype("object").fillna("").astype(str).str.strip() == WRONG
    url = table["url"].astype("object").fillna("").astype(str).str.strip().str.lower()
    null = url.isin(NO_ADDRESS)
    left = len(table) - int(wrong.sum())
    rows = [
        ("rows in the table", len(table), len(table)),
        (f"marked “{WRONG}”", int(wrong.sum()), left),
        ("without an address", int((null & ~wrong).sum()), int((~null & ~wrong).sum())),
        ("both of these", int((null & wrong).sum()), int((~null & ~wrong).sum())),
    ]
    return pd.DataFrame(rows, columns=["step", "rows", "left"])


def address_counts(table: pd.DataFrame) -> dict[str, int]:
    """The numbers behind ``address_steps`` by name, and how many conditions the table holds."""
    steps = address_steps(table)
    rows = steps["rows"].tolist()
    return {
        "rows": rows[0],
        "wrongly_labelled": rows[1],
        "without_address": rows[2] + rows[3],
        "both": rows[3],
        "addresses": int(steps["left"].iloc[-1]),
        "conditions": int(table["label"].nunique()) if "label" in table.columns else 0,
    }


def _content(path: Path) -> dict[str, object]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        return {"holds": len(names), "first": names[0]}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {"holds": len(lines) - 1, "first": lines[0]}


def _import_with(collection: Collection, fault: str | None) -> tuple[bool, list[str]]:
    """Whether the import refuses, and every sentence that it says."""
    with tempfile.TemporaryDirectory() as name, _data_folder(Path(name) / "data"):
        source = write_phantom(
            Path(name) / "source", collection, faults=[fault] if fault is not None else []
        )
        try:
            report = import_collection("ham10000", source, progress=False)
        except DataError as error:
            said = [line for line in str(error).splitlines() if line.startswith("- ")]
            remarks, refused = said or [str(error)], True
        else:
            remarks, refused = list(report.warnings), False
        return refused, [_plain(text, Path(name)) for text in remarks]


def _plain(text: str, folder: Path) -> str:
    """A message's first sentence, without the temporary folder's name."""
    text = text.removeprefix("- ").replace(f"{folder / 'source'}/", "").replace(str(folder), "")
    return re.split(r"(?<=[a-z0-9)])\. (?=[A-Z])", text)[0]


@contextmanager
def _data_folder(path: Path) -> Iterator[None]:
    """Point ``DERMBOOK_DATA`` somewhere else for a while."""
    before = os.environ.get("DERMBOOK_DATA")
    os.environ["DERMBOOK_DATA"] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DERMBOOK_DATA"]
        else:
            os.environ["DERMBOOK_DATA"] = before
