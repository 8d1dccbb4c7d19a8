"""Figures of cleaning: thresholds on copies, matching keypoints, suspicious labels, fillings."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermbook.plots.style import (
    BLUE,
    DASHES,
    GREEN,
    INK,
    MARKERS,
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
    legend_above,
    optional_numbers,
    short,
    styled,
    tag_phantom,
)


@styled
def copy_thresholds(frame: pd.DataFrame) -> Figure:
    """Precision and recall of each search against its threshold, with their intervals as bands.

    Only a phantom knows its copies, so the figure always says phantom.

    frame: method, threshold, precision, precision_low, precision_high, recall, recall_low,
    recall_high; with ``chosen`` (a threshold, the same in all rows of a method) a line marks it.
    """
    rates = {"precision": (BLUE, DASHES[0]), "recall": (VERMILLION, DASHES[1])}
    numbers = ["threshold", *(f"{rate}{end}" for rate in rates for end in ("", "_low", "_high"))]
    frame = checked(frame, "copy_thresholds", text=["method"], numbers=numbers)
    frame = optional_numbers(frame, ["chosen"])
    methods = in_order(frame["method"])
    rows = -(-len(methods) // 2)
    figure, panels = canvas(0.7 + 2.5 * rows, rows, 2, sharey=True, squeeze=False)
    for axes, method in zip(panels.flat, methods, strict=False):
        curve = frame[frame["method"] == method].sort_values("threshold")
        for rate, (colour, dash) in rates.items():
            axes.plot(curve["threshold"], curve[rate], color=colour, linestyle=dash, label=rate)
            axes.fill_between(
                curve["threshold"], curve[f"{rate}_low"], curve[f"{rate}_high"],
                color=colour, alpha=0.18, linewidth=0,
            )  # fmt: skip
        if curve["chosen"].notna().any():
            axes.axvline(curve["chosen"].iloc[0], color=INK, linewidth=1.2, label="chosen")
        axes.set_title(method, fontsize=MIN_FONT + 0.5)
        axes.set_ylim(0, 1.03)
        grid(axes, "both")
    for axes in list(panels.flat)[len(methods) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("threshold")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    legend_above(figure, handles=handles, columns=len(labels))
    tag_phantom(figure)
    return figure


@styled
def match_counts(frame: pd.DataFrame, *, least: int = 0, longest: int = 60) -> Figure:
    """How many pairs have so many matching keypoints, on a logarithmic scale of counts.

    frame: matches, lesion (what the pair is), count. ``least``: the threshold, drawn as a line; 0
    for none. Counts beyond ``longest`` matches stand in the last place.
    """
    frame = checked(frame, "match_counts", text=["lesion"], numbers=["matches", "count"])
    names = in_order(frame["lesion"])
    figure, panels = canvas(0.9 + 1.7 * len(names), len(names), 1, sharex=True, squeeze=False)
    for position, (axes, name) in enumerate(zip(panels[:, 0], names, strict=True)):
        rows = frame[frame["lesion"] == name]
        counts = rows.groupby(rows["matches"].clip(upper=longest))["count"].sum()
        axes.bar(counts.index, counts, width=0.86, color=SERIES[position])
        axes.set_yscale("log")
        axes.set_ylim(0.7, counts.max() * 2)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_title(f"{name}: {rows['count'].sum():,.0f} pairs", fontsize=MIN_FONT + 0.5)
        axes.set_ylabel("pairs")
        grid(axes)
        if least:
            axes.axvline(least - 0.5, color=INK, linewidth=1.2)
    panels[-1, 0].set_xlabel(f"matching keypoints ({longest} and more in the last place)")
    if least:
        panels[0, 0].annotate(
            f"confirmed from {least}", (least - 0.5, 0.97), xycoords=("data", "axes fraction"),
            xytext=(5, 0), textcoords="offset points", va="top", fontsize=MIN_FONT,
        )  # fmt: skip
    return figure


@styled
def review_order(frame: pd.DataFrame) -> Figure:
    """Share of the planted label errors met after reviewing so many images, by the order.

    Only a phantom knows its label errors, so the figure always says phantom.

    frame: order, reviewed, found (shares, 0 to 1).
    """
    frame = checked(frame, "review_order", text=["order"], numbers=["reviewed", "found"])
    looks = {"model": BLUE, "oracle": GREEN, "chance": QUIET}
    figure, axes = canvas(4.0)
    for position, order in enumerate(in_order(frame["order"])):
        rows = frame[frame["order"] == order]
        axes.plot(
            rows["reviewed"], rows["found"], linestyle=DASHES[position % len(DASHES)],
            color=looks.get(order, SERIES[position % len(SERIES)]), label=order,
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("share of the images reviewed, most suspicious first")
    axes.set_ylabel("share of the planted errors met")
    grid(axes, "both")
    legend_above(figure)
    tag_phantom(figure)
    return figure


@styled
def flagged_shares(frame: pd.DataFrame) -> Figure:
    """Share of flagged labels in each category, with intervals; one panel for each ``by``.

    frame: by, category, images, value, low, high (shares, 0 to 1).
    """
    numbers = ["images", "value", "low", "high"]
    frame = checked(frame, "flagged_shares", text=["by", "category"], numbers=numbers)
    groups = in_order(frame["by"])
    sizes = [int((frame["by"] == group).sum()) for group in groups]
    figure, panels = canvas(
        1.0 + 0.42 * len(frame) + 0.3 * len(groups), len(groups), 1, sharex=True, squeeze=False,
        gridspec_kw={"height_ratios": sizes},
    )  # fmt: skip
    colours = class_colours(frame.loc[frame["by"] == "class", "category"])
    for axes, group in zip(panels[:, 0], groups, strict=True):
        rows = frame[frame["by"] == group].reset_index(drop=True)
        for y, row in enumerate(rows.itertuples()):
            colour = colours.get(row.category, INK)
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
            axes.plot([row.value], [y], MARKERS[0], color=colour, markersize=7.5)
        names = [f"{class_label(r.category)}, n = {r.images:,.0f}" for r in rows.itertuples()]
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(group, fontsize=MIN_FONT + 0.5)
        grid(axes, "x")
    panels[-1, 0].set_xlim(left=0)
    panels[-1, 0].set_xlabel("share of labels that the rule flags")
    return figure


@styled
def filling_shifts(frame: pd.DataFrame, *, unit: str = "years") -> Figure:
    """By how much a filling value from all rows differs from one of a training part.

    frame: left, right (of the shift), count (divisions).
    """
    frame = checked(frame, "filling_shifts", numbers=["left", "right", "count"])
    figure, axes = canvas(3.2)
    axes.bar(
        frame["left"], frame["count"], width=(frame["right"] - frame["left"]) * 0.94, align="edge",
        color=BLUE,
    )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=1.2)
    axes.set_xlabel(f"mean of all rows − mean of the training part, {unit}")
    count_axis(axes, "y", "divisions")
    return figure


@styled
def encoding_scores(frame: pd.DataFrame) -> Figure:
    """ROC AUC of an encoding of labels drawn by chance, by what the encoding was fitted on.

    frame: category, cells, fitted_on, value, low, high. The line at .5 is the truth.
    """
    numbers = ["cells", "value", "low", "high"]
    frame = checked(frame, "encoding_scores", text=["category", "fitted_on"], numbers=numbers)
    categories, fits = in_order(frame["category"]), in_order(frame["fitted_on"])
    figure, axes = canvas(1.5 + 0.62 * len(categories))
    for position, fit in enumerate(fits):
        rows = frame[frame["fitted_on"] == fit]
        at = np.array([categories.index(c) for c in rows["category"]]) + 0.24 * (position - 0.5)
        axes.hlines(at, rows["low"], rows["high"], color=SERIES[1 - position], linewidth=2.6)
        axes.plot(
            rows["value"], at, MARKERS[position], color=SERIES[1 - position], markersize=8,
            label=f"fitted on {fit}",
        )  # fmt: skip
        for y, value in zip(at, rows["value"], strict=True):
            axes.annotate(
                short(value), (value, y), xytext=(9, 0), textcoords="offset points", va="center",
                fontsize=MIN_FONT,
            )  # fmt: skip
    axes.axvline(0.5, color=QUIET, linewidth=1.2)
    cells = frame.drop_duplicates("category")["cells"]
    names = [f"{c}\n{n:,.0f} values" for c, n in zip(categories, cells, strict=True)]
    axes.set_yticks(range(len(categories)), names)
    axes.set_ylim(len(categories) - 0.5, -0.5)
    axes.set_xlim(min(0.45, frame["low"].min() - 0.03), min(frame["high"].max() + 0.1, 1.08))
    axes.set_xlabel("ROC AUC on the test rows; the truth is .5")
    grid(axes, "x")
    legend_above(figure)
    return figure
