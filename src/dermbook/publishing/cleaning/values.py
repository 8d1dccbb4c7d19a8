"""Quality marks, files and missing values: what the rules see and what they cost."""

import numpy as np
import pandas as pd

from dermbook.data import Collection, published_table
from dermbook.data import cleaning as tools
from dermbook.data.phantom import phantom_clinical
from dermbook.errors import ParameterError
from dermbook.publishing.cleaning.bounds import bounds


def clinical_table(name: str, *, images: int = 700, seed: int = 0) -> pd.DataFrame:
    """The table with quality marks: Fitzpatrick17k's whole one, or a clinical phantom's.

    ParameterError for another name, DataError when Fitzpatrick17k was not imported.
    """
    if name == "fitzpatrick17k":
        return published_table(name)
    if name != "phantom":
        raise ParameterError(f"clinical: must be phantom or fitzpatrick17k, not {name!r}.")
    return phantom_clinical(images, seed=seed).table


def qc_summary(table: pd.DataFrame) -> pd.DataFrame:
    """What the quality marks cover: rows, reviewed, wrong, and the share wrong among the reviewed.

    One row. Columns: rows, reviewed, wrong, value, low, high (share 0..1, Wilson), expected,
    expected_low, expected_high (wrong ones among the unreviewed, if these were like the reviewed),
    dropped (by the rule: those marked wrong), no_url, kept.
    """
    marks = table["qc"]
    reviewed, wrong = int(marks.notna().sum()), int((marks == tools.WRONG).sum())
    rules = [tools.qc_rule(), tools.missing_rule("url")] if wrong else [tools.missing_rule("url")]
    cleaned = tools.clean(table, rules)
    share = bounds(wrong, reviewed)
    left = len(table) - reviewed
    row = {"rows": len(table), "reviewed": reviewed, "wrong": wrong, **share}
    row |= {"expected": share["value"] * left, "expected_low": share["low"] * left}
    row |= {"expected_high": share["high"] * left, "dropped": wrong}
    row |= {"no_url": int(table["url"].isna().sum()), "kept": len(cleaned.data)}
    return pd.DataFrame([row])


def qc_alike(table: pd.DataFrame) -> pd.DataFrame:
    """Whether the reviewed rows look like the others: shares of partitions, sites and skin types.

    Columns: by, category, reviewed (rows), value, low, high (share of the reviewed, Wilson),
    others (share of the rows that nobody reviewed). Rows without a value are left out.
    """
    seen = table["qc"].notna()
    rows = []
    for column in ("three_partition_label", "site", "fitzpatrick_scale"):
        if column not in table.columns:
            continue
        values = table[column].dropna().astype(str)
        mine, rest = values[seen[values.index]], values[~seen[values.index]]
        for category in sorted(values.unique()):
            count = int((mine == category).sum())
            share = bounds(count, len(mine)) | {"others": float((rest == category).mean())}
            rows.append({"by": column, "category": category, "reviewed": count, **share})
    return pd.DataFrame(rows)


def files_table(spoilt: Collection, truth: pd.Series, real: Collection | None) -> pd.DataFrame:
    """Planted file faults and what the scan finds of them, and of a real collection.

    Columns: problem, planted, found (of the planted), false_alarms, real (files; None without).
    """
    scan = tools.scan_files(spoilt)["problem"]
    counts = None
    if real is not None:
        counts = tools.problem_table(tools.scan_files(real)).set_index("problem")["count"]
    rows = []
    for problem in tools.FILE_FAULTS:
        named = scan.map(lambda text, problem=problem: problem in text.split(", "))
        planted = truth == problem
        rows.append(
            {
                "problem": problem,
                "planted": int(planted.sum()),
                "found": int((named & planted).sum()),
                "false_alarms": int((named & ~planted).sum()),
                "real": None if counts is None else int(counts[problem]),
            }
        )
    return pd.DataFrame(rows)


def shift_histogram(shifts: pd.DataFrame, *, bands: int = 24) -> pd.DataFrame:
    """Histogram of ``shift``: left, right, count (divisions)."""
    counts, edges = np.histogram(shifts["shift"], bins=bands)
    return pd.DataFrame({"left": edges[:-1], "right": edges[1:], "count": counts})


def fill_summary(shifts: pd.DataFrame) -> pd.DataFrame:
    """The filling value's shift over many divisions. One row: all_rows, shift, low, high (the
    central 95 % of the divisions), largest (absolute), filled (test rows filled, mean), splits."""
    low, high = np.quantile(shifts["shift"], [0.025, 0.975])
    row = {
        "all_rows": shifts["all_rows"].iloc[0],
        "shift": shifts["shift"].mean(),
        "low": low,
        "high": high,
        "largest": shifts["shift"].abs().max(),
        "filled": shifts["filled"].mean(),
        "splits": len(shifts),
    }
    return pd.DataFrame([row])


def encoding_of(collection: Collection, *, repeats: int, seed: int) -> pd.DataFrame:
    """``encoding_experiment`` on a collection: coarse and ever finer categories of the patient."""
    malignant = collection.table["label"].isin(["mel", "bcc", "akiec"]).to_numpy()
    categories = [["localization"], ["localization", "sex", "age"]]
    return tools.encoding_experiment(
        collection.table, malignant, categories, repeats=repeats, seed=seed
    )


def encoding_summary(repeats: pd.DataFrame) -> pd.DataFrame:
    """ROC AUC of an encoding of nothing: category, cells, fitted_on, value, low, high.

    value is the mean over the repeats, low and high its 95 % interval (1.96 standard errors).
    """
    rows = []
    for (category, cells), group in repeats.groupby(["category", "cells"], sort=False):
        for column, name in (("all_rows", "all rows"), ("train_only", "train only")):
            mean, error = group[column].mean(), group[column].sem()
            interval = {"value": mean, "low": mean - 1.96 * error, "high": mean + 1.96 * error}
            rows.append({"category": category, "cells": cells, "fitted_on": name, **interval})
    return pd.DataFrame(rows)
