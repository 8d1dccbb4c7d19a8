"""Figures of a collection: classes, metadata, lesions, what is missing, pictures of the phantom."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermbook.errors import DataError
from dermbook.plots.style import (
    BLUE,
    CARD,
    FILLS,
    INK,
    MIN_FONT,
    OTHER_FILL,
    PART_COLOURS,
    SERIES,
    canvas,
    checked,
    class_colours,
    class_label,
    count_axis,
    grid,
    in_order,
    legend_above,
    styled,
)

if TYPE_CHECKING:
    from dermbook.data import Collection


@styled
def class_bars(frame: pd.DataFrame) -> Figure:
    """Images a class as bars, each with its count and percentage.

    frame: class, count; with a column ``part``, a bar for each part and percentages within it.
    """
    frame = checked(frame, "class_bars", text=["class"], numbers=["count"])
    classes = in_order(frame["class"])
    parts = in_order(frame["part"].map(str)) if "part" in frame.columns else [""]
    rows = len(classes) * len(parts)
    figure, axes = canvas(0.9 + max(0.42 * len(classes), 0.27 * rows))
    colours = class_colours(classes)
    thickness = 0.8 / len(parts)
    largest = frame["count"].max()
    for position, part in enumerate(parts):
        chosen = frame[frame["part"].map(str) == part] if part else frame
        chosen = chosen.set_index("class")["count"].reindex(classes).fillna(0)
        total = max(chosen.sum(), 1)
        at = np.arange(len(classes)) + (position - (len(parts) - 1) / 2) * thickness
        fill = _part_colour(part, position) if part else [colours[name] for name in classes]
        axes.barh(at, chosen, height=thickness * 0.92, color=fill, label=part or None)
        for y, count in zip(at, chosen, strict=True):
            text = f"{count:,.0f} · {100 * count / total:.1f} %"
            axes.text(count + largest * 0.012, y, text, va="center", fontsize=MIN_FONT)
    axes.set_yticks(range(len(classes)), [class_label(name) for name in classes])
    axes.invert_yaxis()
    axes.set_xlim(0, largest * 1.28)
    count_axis(axes, "x", "images")
    if len(parts) > 1:
        legend_above(figure)
    return figure


@styled
def category_bars(frame: pd.DataFrame, *, label: str = "", limit: int = 8) -> Figure:
    """How the images of each class divide into categories (sex, site …), as shares of the class.

    frame: class, category, count. label: what the categories are, over the legend. The ``limit`` −
    1 commonest categories are shown if there are more than ``limit``, the others together.
    """
    frame = checked(frame, "category_bars", text=["class", "category"], numbers=["count"])
    classes = in_order(frame["class"])
    table = frame.pivot_table(
        index="class", columns="category", values="count", aggfunc="sum", fill_value=0
    ).reindex(classes)
    table = table[table.sum().sort_values(ascending=False, kind="stable").index]
    fills = dict(zip(table.columns, FILLS, strict=False))
    if len(table.columns) > limit:
        others = table.columns[limit - 1 :]
        name = f"{len(others)} others"
        table = table.drop(columns=others).assign(**{name: table[others].sum(axis=1)})
        fills[name] = OTHER_FILL
    totals = table.sum(axis=1)
    shares = 100 * table.div(totals.where(totals > 0), axis=0).fillna(0)
    figure, axes = canvas(1.5 + 0.42 * len(classes))
    start = np.zeros(len(classes))
    for category in shares.columns:
        width = shares[category].to_numpy()
        axes.barh(
            range(len(classes)), width, left=start, height=0.78, color=fills[category],
            edgecolor=CARD, linewidth=1.2, label=category,
        )  # fmt: skip
        for row in np.flatnonzero(width >= 9):
            axes.text(
                start[row] + width[row] / 2, row, f"{width[row]:.0f} %",
                ha="center", va="center", fontsize=MIN_FONT, color=INK,
            )  # fmt: skip
        start = start + width
    labels = [f"{name}  (n = {total:,.0f})" for name, total in totals.items()]
    axes.set_yticks(range(len(classes)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel(
        f"share of the class’s images by {label}, %" if label else "share of the class’s images, %"
    )
    axes.tick_params(axis="y", length=0)
    legend_above(figure, columns=4)
    return figure


@styled
def age_histogram(frame: pd.DataFrame) -> Figure:
    """Age of the patients of each class, one strip a class, each scaled to its own images.

    frame: class, left, right (years), count.
    """
    frame = checked(frame, "age_histogram", text=["class"], numbers=["left", "right", "count"])
    classes = in_order(frame["class"])
    figure, panels = canvas(
        0.9 + 0.62 * len(classes), rows=len(classes), sharex=True, squeeze=False
    )
    colours = class_colours(classes)
    highest = max(
        (rows["count"] / max(rows["count"].sum(), 1)).max() for _, rows in frame.groupby("class")
    )
    for axes, name in zip(panels[:, 0], classes, strict=True):
        rows = frame[frame["class"] == name].sort_values("left")
        share = rows["count"] / max(rows["count"].sum(), 1)
        axes.bar(
            rows["left"], share, width=(rows["right"] - rows["left"]) * 0.94, align="edge",
            color=colours[name],
        )  # fmt: skip
        axes.set_ylim(0, highest * 1.05)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_ylabel(
            f"{class_label(name)}\nn = {rows['count'].sum():,.0f}",
            rotation=0, ha="right", va="center", fontsize=MIN_FONT, linespacing=1.3,
        )  # fmt: skip
        axes.tick_params(axis="x", length=3 if name == classes[-1] else 0)
    panels[-1, 0].set_xlabel("age, years")
    return figure


@styled
def photographs_per_lesion(frame: pd.DataFrame) -> Figure:
    """How many lesions were photographed once, twice, and so on.

    frame: photographs (of each), lesions.
    """
    frame = checked(frame, "photographs_per_lesion", numbers=["photographs", "lesions"])
    figure, axes = canvas(1.0 + 0.42 * len(frame))
    at = np.arange(len(frame))
    axes.barh(at, frame["lesions"], height=0.72, color=BLUE)
    for y, lesions, times in zip(at, frame["lesions"], frame["photographs"], strict=True):
        text = f"{lesions:,.0f} lesions"
        if times > 1:
            text += f" · {lesions * times:,.0f} images"
        axes.text(lesions + frame["lesions"].max() * 0.012, y, text, va="center", fontsize=MIN_FONT)
    times = frame["photographs"]
    axes.set_yticks(at, [f"{n:.0f} photograph{'s' if n > 1 else ''}" for n in times])
    axes.invert_yaxis()
    axes.set_xlim(0, frame["lesions"].max() * 1.3)
    count_axis(axes, "x", "lesions")
    return figure


@styled
def image_sizes(frame: pd.DataFrame) -> Figure:
    """Sizes of the stored images: a disc a size, its area by the number of images.

    frame: width, height (pixels), count. The commonest size is named in the title.
    """
    frame = checked(frame, "image_sizes", numbers=["width", "height", "count"])
    frame = frame.sort_values("count", ascending=False, kind="stable")
    figure, axes = canvas(4.2)
    area = 25 + 900 * frame["count"] / frame["count"].max()
    axes.scatter(frame["width"], frame["height"], s=area, color=BLUE, alpha=0.5, linewidth=0)
    width, height, count = frame[["width", "height", "count"]].iloc[0]
    share = 100 * count / frame["count"].sum()
    axes.set_title(f"commonest: {width:.0f} × {height:.0f}, {count:,.0f} images ({share:.0f} %)")
    axes.set_xlim(0, frame["width"].max() * 1.15)
    axes.set_ylim(0, frame["height"].max() * 1.2)
    axes.set_xlabel("width, pixels")
    axes.set_ylabel("height, pixels")
    grid(axes, "both")
    return figure


@styled
def missing_bars(frame: pd.DataFrame) -> Figure:
    """Share of images that lack a value, one bar a metadata column.

    frame: column, missing (images), percent (0 to 100).
    """
    frame = checked(frame, "missing_bars", text=["column"], numbers=["missing", "percent"])
    figure, axes = canvas(1.0 + 0.42 * len(frame))
    at = range(len(frame))
    axes.barh(at, frame["percent"], height=0.7, color=SERIES[1])
    longest = max(frame["percent"].max(), 0.1)
    for y, row in enumerate(frame.itertuples()):
        text = f"{row.missing:,.0f} images · {row.percent:.2g} %" if row.missing else "none"
        axes.text(row.percent + longest * 0.012, y, text, va="center", fontsize=MIN_FONT)
    axes.set_yticks(at, frame["column"])
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.42)
    axes.set_xlabel("images without a value, %")
    grid(axes, "x")
    return figure


@styled
def quantile_ranges(frame: pd.DataFrame, *, label: str = "value") -> Figure:
    """Where a quantity lies in each class: median, middle half (thick), middle 90 % (thin).

    frame: class, q05, q25, median, q75, q95; ``n`` is written beside the class when there.
    label: what the quantity is, with its unit.
    """
    numbers = ["q05", "q25", "median", "q75", "q95"]
    frame = checked(frame, "quantile_ranges", text=["class"], numbers=numbers)
    figure, axes = canvas(1.0 + 0.42 * len(frame))
    colours = class_colours(frame["class"])
    for y, row in enumerate(frame.itertuples()):
        colour = colours[frame["class"][y]]
        axes.plot([row.q05, row.q95], [y, y], color=colour, linewidth=2)
        axes.plot([row.q25, row.q75], [y, y], color=colour, linewidth=9, solid_capstyle="butt")
        axes.plot([row.median], [y], "o", color="white", markeredgecolor=INK, markersize=7)
    names = [class_label(name) for name in frame["class"]]
    if "n" in frame.columns:
        names = [f"{name}, n = {n:,.0f}" for name, n in zip(names, frame["n"], strict=True)]
    axes.set_yticks(range(len(frame)), names)
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlabel(label)
    grid(axes, "x")
    return figure


def _part_colour(part: str, position: int) -> str:
    return PART_COLOURS.get(part, SERIES[position % len(SERIES)])


@styled
def _grid(
    images: Sequence[np.ndarray | None], titles: Sequence[str], columns: int, rows: Sequence[str]
) -> Figure:
    lines = -(-len(images) // columns)
    height, width = np.asarray(images[0]).shape[:2]
    cell = 6.6 / columns * height / width + (0.3 if any(titles) else 0.06)
    figure, panels = canvas(max(1.2, lines * cell + 0.2), lines, columns, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    for position, axes in enumerate(panels.flat):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        if position < len(images) and images[position] is not None:
            axes.imshow(images[position])
            axes.set_title(titles[position], fontsize=MIN_FONT, fontweight="normal", loc="center")
        if rows and position % columns == 0:
            axes.set_ylabel(
                rows[position // columns], rotation=0, ha="right", va="center", fontsize=11
            )
    return figure


def image_grid(
    images: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    *,
    columns: int = 5,
    phantom: bool = False,
) -> Figure:
    """Pictures of the phantom in a grid. Raises DataError unless ``phantom``.

    images: uint8 (height, width, 3) each, of one size; titles: one an image, or none.
    Pictures of patients are never drawn in the book.
    """
    if not phantom:
        raise DataError("image_grid: only phantom pictures are drawn; real ones never are.")
    if not len(images):
        raise DataError("image_grid: there are no images to draw.")
    if titles and len(titles) != len(images):
        raise DataError(f"image_grid: {len(titles)} titles were given for {len(images)} images.")
    titles = list(titles) or [""] * len(images)
    return _grid(images, titles, min(columns, len(images)), (), phantom=True)


def class_grid(collection: "Collection", ids: Sequence[str]) -> Figure:
    """Pictures of a phantom collection, one row a class, in the order of ``ids``.

    Raises DataError for a real collection: pictures of patients are never drawn in the book.
    """
    if not collection.phantom:
        raise DataError(
            f"class_grid: only phantom pictures are drawn, and {collection.name} is real."
        )
    labels = collection.table.loc[list(ids), "label"]
    by_class = {
        name: [image_id for image_id in ids if labels[image_id] == name]
        for name in collection.classes
        if (labels == name).any()
    }
    if not by_class:
        raise DataError("class_grid: there are no images to draw.")
    columns = max(len(chosen) for chosen in by_class.values())
    images = []
    for chosen in by_class.values():
        images += [collection.image(image_id) for image_id in chosen]
        images += [None] * (columns - len(chosen))
    return _grid(images, [""] * len(images), columns, list(by_class), phantom=True)
