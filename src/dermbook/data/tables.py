"""Publishers' tables: HAM10000's metadata, and the ISIC challenge's one-hot labels."""

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.data.verification import Problems, some
from dermbook.errors import DataError

#: the seven classes in the order of the ISIC 2018 challenge
CLASSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
METADATA = ("dx_type", "age", "sex", "localization")
_REQUIRED = ("lesion_id", "image_id", "dx", *METADATA)
#: how the challenge's lesion groupings put what HAM10000 calls dx_type
_DX_TYPES = {
    "histopathology": "histo",
    "serial imaging showing no change": "follow_up",
    "single image expert consensus": "consensus",
    "confocal microscopy with consensus dermoscopy": "confocal",
}


def read_labels(where: str, content: bytes, problems: Problems) -> pd.DataFrame:
    """A table of either form: index ``image_id``; columns ``label``, ``group`` and metadata.

    Recognised by its header: HAM10000's columns, or ``image`` with one 0/1 column a class (every
    image then is its own group and the metadata are missing). Separated by comma, tab or
    semicolon; UTF-8.
    Repeated ids, unknown classes and rows without lesion or class go to ``problems`` (only the
    first of repeated rows is kept); DataError for a table without a needed column.
    """
    raw = read_text_table(where, content)
    columns = set(raw.columns)
    if "image" in columns and {"mel", "nv"} <= columns:
        table = _one_hot(where, raw, problems)
    else:
        table = _metadata(where, raw, problems)
    twice = table.index[table.index.duplicated()].unique()
    if len(twice):
        problems.add(
            f"{where}: {some(twice)} stand{'s' if len(twice) == 1 else ''} in the table more than "
            "once. Keep one row an image."
        )
    return table[~table.index.duplicated()]


def read_groupings(where: str, content: bytes) -> pd.DataFrame:
    """ISIC2018_Task3_Training_LesionGroupings.csv: index image_id; columns group, dx_type."""
    raw = read_text_table(where, content)
    require_columns(where, raw, ("image", "lesion_id"))
    table = pd.DataFrame({"group": raw["lesion_id"].str.strip()})
    confirmed = raw.get("diagnosis_confirm_type", pd.Series(index=raw.index, dtype="str"))
    table["dx_type"] = confirmed.str.strip().replace(_DX_TYPES)
    table.index = pd.Index(raw["image"].str.strip(), name="image_id")
    return table[~table.index.duplicated()]


def blank_labels(ids: Sequence[str]) -> pd.DataFrame:
    """The table of images of which nothing is known: no label, each its own group."""
    table = pd.DataFrame(index=pd.Index(list(ids), dtype="str", name="image_id"))
    table["label"] = pd.Series(np.nan, index=table.index, dtype="str")
    table["group"] = table.index.to_numpy()
    return _with_metadata(table)


def read_text_table(where: str, content: bytes) -> pd.DataFrame:
    """A table of text, column names in small letters; separated by comma, tab or semicolon, UTF-8.

    DataError for what is no such table, or has no rows.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 text ({error}); download it again.") from error
    header = text.partition("\n")[0]
    separator = max(",\t;", key=header.count)
    try:
        raw = pd.read_csv(io.StringIO(text), sep=separator, dtype="str", skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{where} is no readable table ({error}); download it again.") from error
    raw.columns = raw.columns.str.strip().str.lower()
    if raw.empty:
        raise DataError(f"{where} has no rows; download it again.")
    return raw


def require_columns(where: str, raw: pd.DataFrame, columns: Sequence[str]) -> None:
    """DataError naming the columns that a table lacks."""
    missing = [column for column in columns if column not in raw.columns]
    if missing:
        raise DataError(
            f"{where} has no column {', '.join(missing)}; it has {', '.join(raw.columns[:12])}. "
            "Download the table again, as its publisher gives it."
        )


def _metadata(where: str, raw: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    require_columns(where, raw, _REQUIRED)
    raw = raw.assign(image_id=_ids(where, raw["image_id"]))
    table = pd.DataFrame(
        {
            "label": raw["dx"].str.strip().str.lower(),
            "group": raw["lesion_id"].str.strip(),
            "dx_type": raw["dx_type"],
            "age": pd.to_numeric(raw["age"], errors="coerce").astype("float64"),
            "sex": raw["sex"],
            "localization": raw["localization"],
        }
    ).set_index(raw["image_id"])
    said_age = raw["age"].str.strip().str.lower()
    said_one = raw["age"].notna() & ~said_age.isin(["unknown", ""])
    unreadable = said_one & ~table["age"].between(0, 120).to_numpy()
    if unreadable.any():
        ids = table.index[unreadable.to_numpy()]
        problems.add(
            f"{where}: age of {some(ids)} is no age in years. Correct it or leave it empty."
        )
    for column, said in (("label", "dx"), ("group", "lesion_id")):
        if table[column].isna().any():
            empty = table.index[table[column].isna()]
            problems.add(f"{where}: {said} is empty for {some(empty)}. Fill it in or drop the row.")
    known = table["label"].isin(CLASSES) | table["label"].isna()
    if not known.all():
        names = sorted(set(table["label"][~known]))
        problems.add(
            f"{where}: dx {', '.join(map(repr, names))} of {some(table.index[~known])} is none of "
            f"the classes {', '.join(CLASSES)}. Correct the rows or drop them."
        )
    return table


def _one_hot(where: str, raw: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    require_columns(where, raw, ("image", *CLASSES))
    index = _ids(where, raw["image"])
    marks = raw[list(CLASSES)].apply(pd.to_numeric, errors="coerce").to_numpy()
    sure = (np.isin(marks, (0, 1)).all(axis=1)) & (marks.sum(axis=1) == 1)
    if not sure.all():
        problems.add(
            f"{where}: {some(index[~sure])} must have a 1 for exactly one class and 0 for the "
            f"others. Classes other than {', '.join(CLASSES)} are unknown to the book."
        )
    table = pd.DataFrame({"label": np.array(CLASSES)[np.nan_to_num(marks).argmax(axis=1)]})
    table["group"] = index.to_numpy()
    return _with_metadata(table.set_index(index))


def _with_metadata(table: pd.DataFrame) -> pd.DataFrame:
    """The table with HAM10000's metadata columns, missing where it had none."""
    missing = {
        column: pd.Series(np.nan, index=table.index, dtype="float64" if column == "age" else "str")
        for column in METADATA
        if column not in table.columns
    }
    return table.assign(**missing)


def _ids(where: str, column: pd.Series) -> pd.Index:
    if column.isna().any():
        line = int(np.argmax(column.isna())) + 2
        raise DataError(f"{where}, line {line}: the image id is empty. Fill it in or drop the row.")
    return pd.Index(
        column.str.strip().str.replace(r"\.(?:jpe?g|png)$", "", regex=True), name="image_id"
    )
