"""What the exploration chapter found."""

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record


def exploration(record: Record) -> list[str]:
    """Imbalance, repeated lesions, missing values of the collection."""
    classes = record.series_frame("classes")
    largest, smallest = classes.iloc[0], classes.iloc[-1]
    photographs = record.series_frame("photographs")
    repeated = photographs[photographs["photographs"] > 1]
    images, lesions = photographs["images"].sum(), photographs["lesions"].sum()
    missing = record.series_frame("missing").sort_values("missing").iloc[-1]
    ages = record.series_frame("age-summary").set_index("class")["median"].drop("all").dropna()
    sentences = [
        f"`{largest['class']}` has {largest['percent']:.1f} % of the {images:,} images, "
        f"{largest['count'] / smallest['count']:.0f} times as many as `{smallest['class']}`: "
        f"always answering `{largest['class']}` is {largest['percent']:.1f} % accurate and has a "
        f"balanced accuracy of {plain(1 / len(classes))}.",
        f"The images show {lesions:,} lesions. {repeated['images'].sum() / images:.0%} of the "
        f"images have at least one sibling of the same lesion, so splitting by image leaks.",
        f"Median age runs from {ages.min():.0f} (`{ages.idxmin()}`) to {ages.max():.0f} years "
        f"(`{ages.idxmax()}`): age alone carries part of the label.",
        f"The column with most missing values is `{missing['column']}`: "
        f"{missing['missing']:,} rows ({missing['percent']:.1f} %).",
    ]
    return sentences + _metadata(record) + _clinical(record)


def size_finding(rules: pd.DataFrame, sizes: pd.DataFrame, phantom: bool) -> dict[str, str]:
    """What our photographs say of R0's 290×192 (row 0.14), for ``Chapter.finding``.

    rules: as ``exploration.size_rules`` gives them; sizes: of all photographs, in pixels.
    """
    wide = sizes["width"] > sizes["height"]
    ratio = (sizes["width"] / sizes["height"])[wide].median()
    measured = (
        f"{wide.mean():.1%} of the {len(sizes):,} photographs are wider than high, in the median "
        f"by {ratio:.2f} to 1"
    )
    shorter = sizes.min(axis=1)
    if phantom or shorter.nunique() == 1:
        because = (
            "the phantom's sizes are drawn, not measured"
            if phantom
            else f"the copies at hand were all reduced to a shorter side of {shorter.iloc[0]} "
            "pixels, so the rule cannot be run again; proportions can be compared, and as an "
            "input_shape 290×192 is higher than wide"
        )
        return {"verdict": "cannot be compared", "measured": measured, "because": because}
    found = {frozenset(pair) for pair in zip(rules["width"], rules["height"], strict=True)}
    same = frozenset((290, 192)) in found
    return {
        "verdict": "confirmed" if same else "not confirmed",
        "measured": measured,
        "because": f"three readings of the rule give {_sizes(rules)}",
    }


def _sizes(rules: pd.DataFrame) -> str:
    return ", ".join(
        f"{row.width:.0f}×{row.height:.0f} ({row.reading})" for row in rules.itertuples()
    )


def _metadata(record: Record) -> list[str]:
    if "associations" not in record.series:
        return []
    ties = record.series_frame("associations")
    best = ties.loc[ties["balanced_accuracy"].idxmax()]
    return [
        f"Closest to the label is `{ties['column'][0]}` (Cramér's V "
        f"{plain(ties['cramers_v'][0])}). A rule on `{best['column']}` alone, without any "
        f"picture, has a balanced accuracy of "
        f"{plain(best['balanced_accuracy'])} where guessing gets {plain(best['chance'])}."
    ]


def _clinical(record: Record) -> list[str]:
    if "tail" not in record.series:
        return []
    tail = record.series_frame("tail")
    source = record.data[-1].collection
    counts = {
        name: record.metric(source, "all", name).value
        for name in ("images", "classes", "dark", "same", "within_one", "weighted_kappa")
    }
    half = int((tail["cumulative"].shift(fill_value=0) < 50).sum())
    return [
        f"`{source}`: {counts['images']:,.0f} rows, {counts['classes']:.0f} conditions; {half} of "
        f"them hold half of the photographs, and the rarest has {tail['count'].iloc[-1]}.",
        f"{counts['dark']:.1%} of the photographs with a skin type show type 5 or 6. The two "
        f"scales agree on {counts['same']:.0%} and are within one type on "
        f"{counts['within_one']:.0%} (weighted κ {plain(counts['weighted_kappa'])}).",
    ]
