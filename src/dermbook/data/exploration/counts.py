"""The counts behind the exploration chapter: small tables that a Record can keep.

Every function takes a ``Collection`` and returns a tidy table; nothing here draws or prints.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.exploration.columns import UNKNOWN, categories_of, column_of
from dermbook.errors import DataError


def class_table(collection: Collection) -> pd.DataFrame:
    """Images and lesions a class, most images first.

    Columns: class, count, percent (0..100, of all images), lesions, images_per_lesion.
    """
    by_class = collection.table.groupby("label", observed=True)["group"]
    frame = pd.DataFrame({"count": by_class.size(), "lesions": by_class.nunique()})
    frame = frame.reindex(list(collection.classes), fill_value=0)
    frame["percent"] = 100 * frame["count"] / len(collection)
    frame["images_per_lesion"] = frame["count"] / frame["lesions"].where(frame["lesions"] > 0)
    frame = frame.sort_values("count", ascending=False, kind="stable")
    return frame.rename_axis("class").reset_index()


def category_table(collection: Collection, column: str) -> pd.DataFrame:
    """Images by class and by one metadata column; missing values count as ``unknown``.

    Columns: class, category, count, percent (0..100, within the class). DataError names a column
    that the collection lacks.
    """
    values = categories_of(collection, column)
    counts = (
        pd.DataFrame({"class": collection.table["label"].astype(str), "category": values})
        .value_counts()
        .rename("count")
        .reset_index()
        .sort_values(["class", "count", "category"], ascending=[True, False, True])
    )
    counts["percent"] = 100 * counts["count"] / counts.groupby("class")["count"].transform("sum")
    return counts.reset_index(drop=True)


def age_table(collection: Collection, *, width: int = 5) -> pd.DataFrame:
    """Histogram of age by class. Columns: class, left, right (years, right open), count.

    Missing ages are left out here; ``missing_table`` counts them.
    """
    ages = pd.to_numeric(column_of(collection, "age"))
    if width < 1:
        raise DataError(f"age_table: width must be at least 1 year, not {width}.")
    # numpy closes the last band: one band beyond the oldest keeps all of them right open
    edges = np.arange(int(np.nan_to_num(ages.max())) // width + 2) * width
    rows = []
    for name in collection.classes:
        counts, _ = np.histogram(ages[collection.table["label"] == name].dropna(), bins=edges)
        rows.append(
            pd.DataFrame({"class": name, "left": edges[:-1], "right": edges[1:], "count": counts})
        )
    return pd.concat(rows, ignore_index=True)


def age_summary(collection: Collection) -> pd.DataFrame:
    """Ages a class: class, n, missing, mean, q1, median, q3 (years); last row: all classes."""
    ages = pd.to_numeric(column_of(collection, "age"))
    labels = collection.table["label"]
    selections = [(name, labels == name) for name in collection.classes]
    selections.append(("all", pd.Series(True, index=labels.index)))
    rows = []
    for name, chosen in selections:
        known = ages[chosen].dropna()
        q1, median, q3 = known.quantile([0.25, 0.5, 0.75]) if len(known) else [np.nan] * 3
        rows.append(
            {
                "class": name,
                "n": len(known),
                "missing": int(chosen.sum() - len(known)),
                "mean": known.mean(),
                "q1": q1,
                "median": median,
                "q3": q3,
            }
        )
    return pd.DataFrame(rows)


def age_boxes(collection: Collection) -> pd.DataFrame:
    """Ages a class as Tukey's boxes, last row all classes.

    Columns: class, n, low, q1, median, q3, high (years; ``low`` and ``high`` are the last ages
    within 1.5 interquartile ranges of the box), outliers (images beyond them). Classes without a
    known age are left out.
    """
    ages = pd.to_numeric(column_of(collection, "age"))
    labels = collection.table["label"]
    rows = []
    for name in [*collection.classes, "all"]:
        known = (ages if name == "all" else ages[labels == name]).dropna()
        if known.empty:
            continue
        q1, median, q3 = known.quantile([0.25, 0.5, 0.75])
        inside = known[known.between(q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1))]
        box = {"low": inside.min(), "q1": q1, "median": median, "q3": q3, "high": inside.max()}
        outliers = len(known) - len(inside)
        rows.append({"class": name, "n": len(known), **box, "outliers": outliers})
    return pd.DataFrame(rows)


def age_density(collection: Collection, *, step: int = 2) -> pd.DataFrame:
    """Age as a smooth density by class (Gaussian kernels, Scott's rule).

    Columns: class, age (years, 0 to the oldest and 10 more, every ``step``), density (a year).
    Classes with fewer than two different ages are left out.
    """
    from scipy.stats import gaussian_kde

    ages = pd.to_numeric(column_of(collection, "age"))
    at = np.arange(0, int(np.nan_to_num(ages.max())) + 11, step)
    rows = []
    for name in collection.classes:
        known = ages[collection.table["label"] == name].dropna()
        if known.nunique() < 2:
            continue
        density = gaussian_kde(known.to_numpy(float))(at)
        rows.append(pd.DataFrame({"class": name, "age": at, "density": density}))
    if not rows:
        raise DataError(f"{collection.name}: no class has two different ages to draw a curve from.")
    return pd.concat(rows, ignore_index=True)


def photographs_table(collection: Collection) -> pd.DataFrame:
    """How many lesions were photographed how often. Columns: photographs, lesions, images."""
    per_lesion = collection.table.groupby("group", observed=True).size()
    lesions = per_lesion.value_counts().sort_index()
    return pd.DataFrame(
        {
            "photographs": lesions.index.astype(int),
            "lesions": lesions.to_numpy(),
            "images": (lesions.index * lesions).to_numpy(),
        }
    )


def missing_table(collection: Collection, columns: Sequence[str]) -> pd.DataFrame:
    """Missing or ``unknown`` values a metadata column: column, missing, percent (0..100)."""
    rows = []
    for column in columns:
        values = column_of(collection, column)
        missing = values.isna() | (values.astype("object") == UNKNOWN)
        rows.append(
            {
                "column": column,
                "missing": int(missing.sum()),
                "percent": 100 * float(missing.mean()),
            }
        )
    return pd.DataFrame(rows)


def lesion_area_table(collection: Collection, *, sample: int | None = None, seed: int = 0):
    """Share of the image that the lesion mask covers, as quantiles a class.

    ``sample`` images a class at most (drawn with ``seed``), all by default. Columns: class, n,
    q05, q25, median, q75, q95 (fractions 0..1). DataError if the collection has no masks.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for name in collection.classes:
        ids = np.array(collection.where(collection.table["label"] == name).ids, dtype=object)
        if sample is not None and len(ids) > sample:
            ids = np.sort(rng.choice(ids, sample, replace=False))
        shares = [_mask_share(collection, image_id) for image_id in ids]
        quantiles = np.quantile(shares, [0.05, 0.25, 0.5, 0.75, 0.95]) if shares else [np.nan] * 5
        names = ["q05", "q25", "median", "q75", "q95"]
        rows.append({"class": name, "n": len(shares), **dict(zip(names, quantiles, strict=True))})
    return pd.DataFrame(rows)


def key_counts(
    collection: Collection, malignant: Sequence[str] = ("mel", "bcc", "akiec")
) -> dict[str, float]:
    """The quantities that reports quote of a collection.

    images, lesions, missing_ages, mean_age and age_deviation (years; known ages, sample standard
    deviation), malignant and benign images. Which classes count as malignant is a convention:
    by default melanoma, basal cell carcinoma and actinic keratosis with intraepithelial
    carcinoma, as HAM10000's authors group them (Tschandl et al. 2018).
    """
    ages = pd.to_numeric(column_of(collection, "age"))
    ill = int(collection.table["label"].isin(list(malignant)).sum())
    return {
        "images": len(collection),
        "lesions": collection.table["group"].nunique(),
        "missing_ages": int(ages.isna().sum()),
        "mean_age": ages.mean(),
        "age_deviation": ages.std(),
        "malignant": ill,
        "benign": len(collection) - ill,
    }


def example_ids(
    collection: Collection, per_class: int, *, seed: int = 0, where: Callable | None = None
) -> list[str]:
    """``per_class`` image ids of each class, in class order, no two of one lesion."""
    chosen: list[str] = []
    pool = collection.where(where) if where is not None else collection
    for name in collection.classes:
        rows = pool.table[pool.table["label"] == name]
        rows = rows.sample(frac=1, random_state=seed).drop_duplicates("group")
        chosen += list(rows.index[:per_class])
    return chosen


def _mask_share(collection: Collection, image_id: str) -> float:
    mask = collection.mask(image_id)
    if mask is None:
        raise DataError(f"{collection.name} has no lesion masks: import them first.")
    return float(mask.mean())
