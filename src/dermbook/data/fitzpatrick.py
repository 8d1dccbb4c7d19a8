"""Fitzpatrick17k: 16,577 clinical photographs of 114 conditions, as one published table.

The table names each photograph by the MD5 of its original file and says where on the web it was
found; the photographs come from two atlases and are gathered one by one, so a reader has some of
them. Chapters on the table alone need no photograph: ``published_table`` gives every row as soon
as the table is imported. Groh et al., CVPR Workshops 2021, arXiv:2104.09957.
"""

from functools import lru_cache
from pathlib import Path

import pandas as pd

from dermbook.data.registry import registered_source
from dermbook.data.staging import CHECKSUMS, PUBLISHED
from dermbook.data.tables import read_text_table, require_columns
from dermbook.data.verification import Problems, some
from dermbook.errors import DataError
from dermbook.files import sha256
from dermbook.paths import data_dir

NAME = "fitzpatrick17k"
COLUMNS = (
    "md5hash",
    "fitzpatrick_scale",
    "fitzpatrick_centaur",
    "label",
    "nine_partition_label",
    "three_partition_label",
    "qc",
    "url",
    "url_alphanum",
)
SCALES = ("fitzpatrick_scale", "fitzpatrick_centaur")
PARTITIONS = ("nine_partition_label", "three_partition_label")
#: what two dermatologists said of the 504 photographs that they looked at
QC = ("1 Diagnostic", "2 Characteristic", "3 Wrongly labelled", "4 Other", "5 Potentially")
#: the two atlases, by what their addresses hold
SITES = ("dermaamin", "atlasdermatologico")
#: what photographs are called: by MD5, or by their address without punctuation
IMAGE_NAMES = r"[0-9a-fA-F]{32}|http\w+"


def read_table(path: Path | str) -> pd.DataFrame:
    """The published table ``fitzpatrick17k.csv``: one row a photograph, in the file's order.

    Index image_id (the md5hash column, 32 hexadecimal digits). Columns label (one of 114), group
    (equal to image_id: no patient or lesion is known), nine_partition_label,
    three_partition_label, fitzpatrick_scale and fitzpatrick_centaur (Int64, 1..6; missing where
    the file says -1, unknown), qc (one of ``QC``, missing where nobody looked), site (one of
    ``SITES``), url (missing for 41), url_alphanum (the address without punctuation, and ``.jpg``).

    Raises DataError, naming lines and columns, for a missing column, a repeated or malformed
    md5hash, an empty label, a skin type outside -1 and 1..6, an unknown qc or site, and a label
    that lies in two partitions.
    """
    path = Path(path)
    problems = Problems()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from None
    table = parse_table(str(path), content, problems)
    problems.raise_if_any(str(path), f"Get the table again from {registered_source(NAME).home}.")
    return table


def published_table(name: str = NAME) -> pd.DataFrame:
    """The whole published table of an imported collection, as ``read_table`` gives it.

    Rows without a photograph are in it; the table is enough, no photograph need be imported.
    DataError when it is not there or was changed since the import.
    """
    if name != NAME:
        raise DataError(f"{name} keeps no published table: only {NAME} does.")
    path = data_dir() / name / PUBLISHED
    if not path.is_file():
        raise DataError(
            f"{path} is not there: the table of {name} is not imported. Get it with: dermbook data "
            f"get {name}; or put fitzpatrick17k.csv (from {registered_source(name).home}) into a "
            f"folder, then: dermbook data import {name} --from FOLDER. No photograph is needed."
        )
    return _published(path, path.stat().st_mtime_ns).copy()


def published_classes(name: str = NAME) -> tuple[str, ...]:
    """All labels of the published table in alphabetical order, with or without photographs."""
    return tuple(sorted(published_table(name)["label"].unique()))


def parse_table(where: str, content: bytes, problems: Problems) -> pd.DataFrame:
    """``read_table`` of a file's bytes, for the importer: what is wrong goes to ``problems``.

    DataError only for what is no table, or lacks a column. Of repeated rows the first is kept.
    """
    raw = read_text_table(where, content)
    require_columns(where, raw, COLUMNS)
    raw = raw[list(COLUMNS)].apply(lambda column: column.str.strip())
    rows = _Rows(where, raw, problems)
    ids = raw["md5hash"].str.lower()
    rows.expect("md5hash", ids.str.fullmatch("[0-9a-f]{32}"), "32 hexadecimal digits")
    rows.expect("md5hash", ~ids.duplicated(), "another in every row")
    for column in ("label", *PARTITIONS, "url_alphanum"):
        rows.expect(column, raw[column].notna(), "filled in")
    table = pd.DataFrame({"label": raw["label"], "group": ids})
    for column in PARTITIONS:
        table[column] = raw[column]
        rows.expect(column, _same_for_each_label(raw, column), "the same for all rows of a label")
    for column in SCALES:
        table[column] = rows.skin_type(column)
    table["qc"] = raw["qc"]
    rows.expect("qc", raw["qc"].isna() | raw["qc"].isin(QC), f"empty, or {', '.join(QC)}")
    # the 41 rows without an address still carry it without its punctuation
    address = raw["url"].fillna(raw["url_alphanum"])
    table["site"] = address.str.extract(f"({'|'.join(SITES)})", expand=False)
    rows.expect("url", table["site"].notna(), f"an address of {' or '.join(SITES)}")
    table["url"] = raw["url"]
    table["url_alphanum"] = raw["url_alphanum"]
    table.index = pd.Index(ids, name="image_id")
    return table[~table.index.duplicated() & table.index.notna()]


class _Rows:
    """The raw rows of one file, and a word for every rule that some of them break."""

    def __init__(self, where: str, raw: pd.DataFrame, problems: Problems) -> None:
        self._where, self._raw, self._problems = where, raw, problems

    def expect(self, column: str, holds: pd.Series, rule: str) -> None:
        broken = ~holds.fillna(False).astype(bool)
        if not broken.any():
            return
        lines = [f"line {position + 2}" for position in self._raw.index[broken]]
        values = sorted(set(self._raw.loc[broken, column].fillna("empty")))
        self._problems.add(
            f"{self._where}: column {column} must be {rule}, but is {some(map(repr, values))} in "
            f"{some(lines)}. Correct or drop the rows."
        )

    def skin_type(self, column: str) -> pd.Series:
        """Int64, 1..6, missing for -1."""
        numbers = pd.to_numeric(self._raw[column], errors="coerce")
        good = numbers.isin([-1, 1, 2, 3, 4, 5, 6])
        self.expect(column, good, "-1 (unknown) or 1 to 6")
        return numbers.where(good & (numbers > 0)).astype("Int64")


def _same_for_each_label(raw: pd.DataFrame, column: str) -> pd.Series:
    """False in the rows whose partition is not the one that most rows of their label have."""
    common = raw.groupby("label")[column].agg(lambda values: next(iter(values.mode()), None))
    return raw[column].isna() | raw["label"].isna() | (raw[column] == raw["label"].map(common))


@lru_cache(maxsize=2)
def _published(path: Path, modified: int) -> pd.DataFrame:
    sums = path.with_name(CHECKSUMS)
    known = dict(line.split("  ")[::-1] for line in sums.read_text().splitlines())
    if known.get(path.name) != sha256(path):
        raise DataError(
            f"{path} was changed since the import. Import it again: dermbook data import {NAME} "
            "--from FOLDER"
        )
    return read_table(path)
