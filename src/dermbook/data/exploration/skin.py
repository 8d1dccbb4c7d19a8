"""Skin types: two scales of the same photographs, and who is missing from the collection.

Fitzpatrick17k gives each photograph two skin types from 1 (lightest) to 6: one from a crowd of
annotators (``fitzpatrick_scale``) and one from another company's (``fitzpatrick_centaur``).
"""

import numpy as np
import pandas as pd

from dermbook.data.exploration.columns import UNKNOWN, column_of

TYPES = (1, 2, 3, 4, 5, 6)
SCALES = ("fitzpatrick_scale", "fitzpatrick_centaur")


def skin_type_table(table: pd.DataFrame, scales: tuple[str, ...] = SCALES) -> pd.DataFrame:
    """Images of each skin type by each scale.

    table: columns of ``scales``, 1..6 or missing. Columns: scale, type ("1".."6" or "unknown"),
    count, percent (0..100, of all images).
    """
    rows = []
    for scale in scales:
        types = _types(table, scale)
        counts = types.value_counts().reindex([*map(str, TYPES), UNKNOWN], fill_value=0)
        rows += [
            {"scale": scale, "type": kind, "count": int(n), "percent": 100 * n / len(table)}
            for kind, n in counts.items()
        ]
    return pd.DataFrame(rows)


def scale_agreement(table: pd.DataFrame, scales: tuple[str, str] = SCALES) -> dict[str, float]:
    """How far two scales agree on the images that both have typed.

    both: images; same: share with equal types; within_one: share at most one type apart;
    weighted_kappa: Cohen's κ with quadratic weights (1: same, 0: chance), NaN without variation.
    """
    from sklearn.metrics import cohen_kappa_score

    pair = table[list(scales)].dropna().astype(int)
    first, second = (pair[scale].to_numpy() for scale in scales)
    apart = np.abs(first - second)
    enough = len(pair) and len({*first, *second}) > 1
    kappa = cohen_kappa_score(first, second, weights="quadratic") if enough else np.nan
    return {
        "both": len(pair),
        "same": float((apart == 0).mean()) if len(pair) else np.nan,
        "within_one": float((apart <= 1).mean()) if len(pair) else np.nan,
        "weighted_kappa": float(kappa),
    }


def confusion_of_scales(table: pd.DataFrame, scales: tuple[str, str] = SCALES) -> pd.DataFrame:
    """Counts of each pair of types. Columns: first, second ("1".."6", "unknown"), count."""
    first, second = (_types(table, scale) for scale in scales)
    order = [*map(str, TYPES), UNKNOWN]
    counts = pd.crosstab(first.to_numpy(), second.to_numpy())
    counts = counts.reindex(index=order, columns=order, fill_value=0)
    frame = counts.rename_axis("first").rename_axis("second", axis=1).stack().rename("count")
    return frame.reset_index()


def skin_by_group(
    table: pd.DataFrame, column: str, scale: str = "fitzpatrick_scale"
) -> pd.DataFrame:
    """Skin types within each value of a column: class (the value), category (type), count, …

    The shape of ``category_table``, so the same figure draws it; percent is within the value.
    """
    groups, types = column_of(table, column).astype(str), _types(table, scale)
    counts = pd.DataFrame({"class": groups.to_numpy(), "category": types.to_numpy()})
    counts = counts.value_counts().rename("count").reset_index()
    counts["percent"] = 100 * counts["count"] / counts.groupby("class")["count"].transform("sum")
    order = counts.sort_values(["class", "category"], ignore_index=True)
    return order


def _types(table: pd.DataFrame, scale: str) -> pd.Series:
    values = pd.to_numeric(column_of(table, scale))
    text = values.astype("Int64").astype("object")
    return text.where(values.isin(TYPES), UNKNOWN).astype(str)
