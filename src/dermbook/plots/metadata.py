"""Figures of metadata: boxes and densities of age, long tails, ties to the label, skin types."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.plots.style import (
    BLUE,
    DASHES,
    INK,
    MIN_FONT,
    QUIET,
    SERIES,
    VERMILLION,
    canvas,
    checked,
    class_colours,
    class_label,
    count_axis,
    grid,
    in_order,
    ink_on,
    legend_above,
    short,
    styled,
)


@styled
def age_boxes(frame: pd.DataFrame) -> Figure:
    """Ages of each class as boxes: quartiles, whiskers to the last age within 1.5 box lengths.

    frame: class, n, low, q1, median, q3, high (years), outliers.
    """
    numbers = ["n", "low", "q1", "median", "q3", "high", "outliers"]
    frame = checked(frame, "age_boxes", text=["class"], numbers=numbers)
    figure, axes = canvas(1.0 + 0.45 * len(frame))
    colours = class_colours([name for name in frame["class"] if name != "all"])
    for y, row in enumerate(frame.to_dict("records")):
        colour = colours.get(row["class"], QUIET)
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
        axes.barh(
            y, row["q3"] - row["q1"], left=row["q1"], height=0.62, color=colour,
            edgecolor=INK, linewidth=1,
        )  # fmt: skip
        axes.plot([row["median"]] * 2, [y - 0.31, y + 0.31], color="white", linewidth=3)
        if row["outliers"]:
            text = f"{row['outliers']:,.0f} beyond"
            axes.text(row["high"] + 1.5, y, text, va="center", fontsize=MIN_FONT, color=QUIET)
    labels = [
        f"{'all' if name == 'all' else class_label(name)}, n = {n:,.0f}"
        for name, n in zip(frame["class"], frame["n"], strict=True)
    ]
    axes.set_yticks(range(len(frame)), labels)
    axes.invert_yaxis()
    axes.set_xlim(-2, frame["high"].max() + 22)
    axes.set_xlabel("age, years")
    grid(axes, "x")
    return figure


@styled
def age_density(frame: pd.DataFrame) -> Figure:
    """Age by class as smooth curves of equal area, told apart by colour, dash and legend.

    frame: class, age (years), density (a year).
    """
    frame = checked(frame, "age_density", text=["class"], numbers=["age", "density"])
    classes = in_order(frame["class"])
    figure, axes = canvas(4.2)
    colours = class_colours(classes)
    for position, name in enumerate(classes):
        rows = frame[frame["class"] == name].sort_values("age")
        dash = DASHES[position % len(DASHES)]
        axes.plot(
            rows["age"], 100 * rows["density"], color=colours[name], linestyle=dash, label=name
        )
    axes.set_ylim(0)
    axes.set_xlim(frame["age"].min(), frame["age"].max())
    axes.set_xlabel("age, years")
    axes.set_ylabel("% of the class a year of age")
    grid(axes)
    legend_above(figure, columns=7)
    return figure


@styled
def class_tail(frame: pd.DataFrame) -> Figure:
    """Class sizes by rank, with the classes that make up half of the images marked.

    frame: rank, class, count, cumulative (% of all images).
    """
    frame = checked(
        frame, "class_tail", text=["class"], numbers=["rank", "count", "cumulative"]
    ).sort_values("rank")
    figure, axes = canvas(3.6)
    half = frame["cumulative"].shift(fill_value=0) < 50
    axes.bar(frame["rank"][half], frame["count"][half], width=0.85, color=BLUE)
    axes.bar(frame["rank"][~half], frame["count"][~half], width=0.85, color=SERIES[4])
    for row in (frame.iloc[0], frame.iloc[-1]):
        first = row["rank"] == frame["rank"].iloc[0]
        axes.annotate(
            f"{row['class']}: {row['count']:,.0f}",
            (row["rank"], row["count"]),
            xytext=(8, 2) if first else (0, 26),
            textcoords="offset points",
            ha="left" if first else "right",
            fontsize=MIN_FONT,
        )
    axes.set_title(f"{half.sum()} of {len(frame)} classes hold half of the images (dark)")
    axes.set_xlabel("class, by size")
    count_axis(axes, "y", "images")
    return figure


@styled
def associations(frame: pd.DataFrame) -> Figure:
    """What each metadata column says of the label: Cramér's V, and a rule without any picture.

    frame: column, cramers_v, balanced_accuracy, chance (all 0..1).
    """
    numbers = ["cramers_v", "balanced_accuracy", "chance"]
    frame = checked(frame, "associations", text=["column"], numbers=numbers)
    figure, axes = canvas(1.4 + 0.5 * len(frame))
    at = np.arange(len(frame))
    axes.barh(at, frame["cramers_v"], height=0.6, color=SERIES[5], label="Cramér’s V")
    axes.plot(frame["balanced_accuracy"], at, "D", color=VERMILLION, markersize=8,
              label="balanced accuracy of the rule")  # fmt: skip
    axes.axvline(frame["chance"].iloc[0], color=INK, linestyle=DASHES[1], linewidth=1.5)
    for y, row in enumerate(frame.to_dict("records")):
        right = max(row["cramers_v"], row["balanced_accuracy"])
        text = f"V {short(row['cramers_v'], 2)} · rule {short(row['balanced_accuracy'], 2)}"
        axes.text(right + 0.02, y, text, va="center", fontsize=MIN_FONT)
    axes.set_yticks(at, frame["column"])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * max(0.5, frame[["cramers_v", "balanced_accuracy"]].max().max()) + 0.12)
    axes.set_xlabel("0: says nothing of the label; 1: tells it")
    grid(axes, "x")
    handles = axes.get_legend_handles_labels()[0]
    chance = Line2D([], [], color=INK, linestyle=DASHES[1], linewidth=1.5, label="guessing")
    legend_above(figure, handles=[*handles, chance])
    return figure


@styled
def skin_types(frame: pd.DataFrame) -> Figure:
    """Images of each skin type, one bar a scale.

    frame: scale, type, count, percent (of all images).
    """
    frame = checked(frame, "skin_types", text=["scale", "type"], numbers=["count", "percent"])
    types, scales = in_order(frame["type"]), in_order(frame["scale"])
    figure, axes = canvas(3.8)
    width = 0.8 / len(scales)
    for position, scale in enumerate(scales):
        rows = frame[frame["scale"] == scale].set_index("type").reindex(types)
        at = np.arange(len(types)) + (position - (len(scales) - 1) / 2) * width
        colour = (BLUE, SERIES[4])[position % 2]
        axes.bar(at, rows["percent"], width=width * 0.92, color=colour, label=scale)
        for x, value in zip(at, rows["percent"], strict=True):
            axes.text(x, value + 0.4, f"{value:.0f}", ha="center", va="bottom", fontsize=MIN_FONT)
    axes.set_xticks(range(len(types)), types)
    axes.set_xlabel("Fitzpatrick skin type, 1 (lightest) to 6")
    axes.set_ylabel("% of the images")
    grid(axes)
    legend_above(figure)
    return figure


@styled
def scale_matrix(frame: pd.DataFrame, *, first: str = "first", second: str = "second") -> Figure:
    """Counts of each pair of categories as a matrix, darker where more.

    frame: first, second, count. first, second: what rows and columns are.
    """
    frame = checked(frame, "scale_matrix", text=["first", "second"], numbers=["count"])
    rows, columns = in_order(frame["first"]), in_order(frame["second"])
    counts = frame.pivot(index="first", columns="second", values="count").loc[rows, columns]
    figure, axes = canvas(1.4 + 0.5 * len(rows))
    import matplotlib as mpl

    colours = mpl.colormaps["Blues"]
    shade = np.sqrt(counts.to_numpy() / max(counts.to_numpy().max(), 1)) * 0.9
    axes.imshow(shade, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for y, name in enumerate(rows):
        for x, other in enumerate(columns):
            text = f"{counts.loc[name, other]:,.0f}"
            colour = ink_on(colours(shade[y, x])[:3])
            axes.text(x, y, text, ha="center", va="center", fontsize=MIN_FONT, color=colour)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(second)
    axes.set_ylabel(first)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


@styled
def size_scatter(frame: pd.DataFrame, *, reported: tuple[int, int] | None = None) -> Figure:
    """Sizes of the stored images, with what three readings of a rule make of them.

    frame: width, height (pixels), count, and ``reading`` (empty for the images themselves, else
    the name of a rule whose size the row is). reported: a (width, height) to mark as well.
    """
    frame = checked(frame, "size_scatter", text=["reading"], numbers=["width", "height", "count"])
    images, rules = frame[frame["reading"] == ""], frame[frame["reading"] != ""]
    figure, axes = canvas(4.4)
    area = 12 + 300 * images["count"] / max(images["count"].max(), 1)
    axes.scatter(images["width"], images["height"], s=area, color=BLUE, alpha=0.25, linewidth=0)
    marks = [(row.reading, row.width, row.height) for row in rules.itertuples()]
    if reported:
        marks.append(("as reported", *reported))
    for position, (name, width, height) in enumerate(marks):
        colour = VERMILLION if name == "as reported" else SERIES[2 + position % 4]
        axes.plot([width], [height], marker="X+dsv"[position % 5], color=colour, markersize=11,
                  markeredgewidth=2.5, linestyle="", 
                  label=f"{name}: {width:.0f}×{height:.0f}")  # fmt: skip
    axes.set_xlim(0, frame["width"].quantile(0.995) * 1.15)
    axes.set_ylim(0, frame["height"].quantile(0.995) * 1.15)
    axes.set_xlabel("width, pixels")
    axes.set_ylabel("height, pixels")
    grid(axes, "both")
    legend_above(figure, columns=2)
    return figure
