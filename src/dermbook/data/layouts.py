"""Publishers' tables: HAM10000's metadata, ISIC's one-hot ground truth, lesion groupings.

Each reader returns a table as ``Collection`` wants it: index ``image_id``, columns ``label``,
``group``, ``dx_type``, ``age`` (years, NaN missing), ``sex``, ``localization``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook.errors import DataError

#: the seven diagnoses of HAM10000 in the order of the ISIC 2018 challenge
CLASSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
METADATA_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
COLUMNS = ("label", "group", "dx_type", "age", "sex", "localization")

_METADATA = ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata")
_TRAINING_TRUTH = ("ISIC2018_Task3_Training_GroundTruth.csv", "GroundTruth.csv")
_TEST_TRUTH = ("ISIC2018_Task3_Test_GroundTruth.csv",)
_GROUPINGS = ("ISIC2018_Task3_Training_LesionGroupings.csv",)


def ham10000_table(folder: Path) -> tuple[pd.DataFrame, Path]:
    """HAM10000's table and the file it was read from.

    ``HAM10000_metadata`` (.csv, .tab or no ending, commas or tabs) is preferred; without it the
    one-hot ground truth serves, with ISIC's lesion groupings if they are there (then the metadata
    columns are missing). DataError when there is neither, or names what is wrong in the file.
    """
    metadata = find(folder, _METADATA)
    if metadata is not None:
        return read_metadata(metadata), metadata
    truth = find(folder, _TRAINING_TRUTH)
    if truth is None:
        raise DataError(
            f"{folder}: no {_METADATA[0]} (nor without ending) and no {_TRAINING_TRUTH[0]}. "
            "One of them gives the labels; it comes with the images from the publisher."
        )
    table = read_one_hot(truth)
    groupings = find(folder, _GROUPINGS)
    if groupings is not None:
        table["group"] = _lesions(groupings, table.index)
    return table, truth


def isic2018_test_table(folder: Path, ids: Sequence[str]) -> tuple[pd.DataFrame, Path | None]:
    """The test images' table: from the ground truth if it is there, else ``ids`` without labels."""
    truth = find(folder, _TEST_TRUTH)
    if truth is not None:
        return read_one_hot(truth), truth
    return _with_metadata(pd.DataFrame({"label": pd.NA}, index=pd.Index(ids, dtype="str"))), None


def find(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of ``names`` that is a file in ``folder`` or in a folder below it."""
    for name in names:
        for path in [folder / name, *sorted(folder.rglob(name))]:
            if path.is_file():
                return path
    return None


def read_metadata(path: Path) -> pd.DataFrame:
    """HAM10000's own table. DataError names the file and the column, row or label that is wrong."""
    table = _read_table(path, METADATA_COLUMNS)
    _refuse_duplicates(path, table["image_id"])
    table = table.rename(columns={"dx": "label", "lesion_id": "group"})
    table["label"] = table["label"].str.strip().str.lower()
    _refuse_unknown(path, table)
    age = pd.to_numeric(table["age"], errors="coerce")
    broken = table["age"].notna() & age.isna()
    if broken.any():
        first = table[broken].iloc[0]
        raise DataError(
            f"{path}: column age of {first['image_id']} is {first['age']!r}, which is no number."
        )
    table["age"] = age
    return table.set_index("image_id")[list(COLUMNS)]


def read_one_hot(path: Path) -> pd.DataFrame:
    """ISIC's one-hot table (image, MEL, NV, …): exactly one 1 a row, or DataError names the row."""
    wanted = ("image", *(name.upper() for name in CLASSES))
    table = _read_table(path, wanted).rename(columns={"image": "image_id"})
    _refuse_duplicates(path, table["image_id"])
    columns = [name.upper() for name in CLASSES]
    values = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(dtype="float64")
    odd = ~(np.isin(values, (0.0, 1.0)).all(axis=1) & (values.sum(axis=1) == 1))
    if odd.any():
        raise DataError(
            f"{path}: the row of {table['image_id'][odd].iloc[0]} does not have exactly one 1 "
            f"among {', '.join(columns)} ({odd.sum()} such rows)."
        )
    labels = np.array(CLASSES, dtype=object)[values.argmax(axis=1)]
    index = pd.Index(table["image_id"], dtype="str", name="image_id")
    return _with_metadata(pd.DataFrame({"label": labels}, index=index))


def _with_metadata(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what a table of labels alone does not have; each image is a lesion of its own."""
    table = table.rename_axis("image_id")
    table["label"] = table["label"].astype("str")
    table["group"] = table.index
    for column in ("dx_type", "sex", "localization"):
        table[column] = pd.Series(pd.NA, index=table.index, dtype="str")
    table["age"] = np.nan
    return table[list(COLUMNS)]


def _lesions(path: Path, ids: pd.Index) -> pd.Series:
    groupings = _read_table(path, ("image", "lesion_id")).set_index("image")["lesion_id"]
    if missing := ids.difference(groupings.index).tolist():
        raise DataError(f"{path}: no lesion for {missing[0]} and {len(missing) - 1} more images.")
    return groupings.reindex(ids)


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as stream:
            separator = "\t" if "\t" in stream.readline() else ","
        table = pd.read_csv(path, sep=separator, dtype="str", encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: not a table of text ({error}).") from None
    table.columns = [str(column).strip() for column in table.columns]
    lacking = [column for column in columns if column not in table.columns]
    if lacking:
        raise DataError(
            f"{path}: column {', '.join(lacking)} is missing; it has {', '.join(table.columns)}. "
            "Use the publisher's file unchanged."
        )
    if not len(table):
        raise DataError(f"{path}: the table has no rows.")
    return table


def _refuse_duplicates(path: Path, ids: pd.Series) -> None:
    twice = ids[ids.duplicated()]
    if len(twice):
        raise DataError(
            f"{path}: image id {twice.iloc[0]} stands there twice ({len(twice)} repeated rows). "
            "Each image has one row; remove the repeated ones."
        )


def _refuse_unknown(path: Path, table: pd.DataFrame) -> None:
    unknown = table[~table["label"].isin(CLASSES)]
    if len(unknown):
        raise DataError(
            f"{path}: column dx has the unknown class {unknown['label'].iloc[0]!r} "
            f"(image {unknown['image_id'].iloc[0]}; {len(unknown)} such rows). Known are "
            f"{', '.join(CLASSES)}."
        )
