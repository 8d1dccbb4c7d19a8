"""What the exploration chapter found."""

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
    return [
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
