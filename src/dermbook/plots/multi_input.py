"""Figures of images with metadata: scores by input, gains beside the image, and ways to stack."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.plots.style import (
    BLUE,
    GREY,
    MARKERS,
    QUIET,
    SERIES,
    VERMILLION,
    beside_row,
    canvas,
    checked,
    in_order,
    labelled_rows,
    legend_above,
    metric_label,
    optional_numbers,
    short,
    styled,
)

#: what the arms are given, by how their names begin or end: colour and marker
_KINDS = {"image only": (BLUE, "o"), "metadata only": (VERMILLION, "s"), "both": (SERIES[2], "^")}


@styled
def input_scores(frame: pd.DataFrame, *, metric: str = "f1_micro") -> Figure:
    """A score of each arm with its interval, a panel a collection.

    frame: images, arm, metric, value, low, high. An arm called ``… alone`` has metadata only,
    ``image + …`` both.
    """
    frame = _of_metric(frame, "input_scores", metric)
    names = in_order(frame["images"])
    sizes = [frame.loc[frame["images"] == name, "arm"].nunique() for name in names]
    figure, panels = canvas(
        1.3 + 0.31 * sum(sizes) + 0.5 * len(names), len(names), 1, squeeze=False, sharex=True,
        height_ratios=sizes,
    )  # fmt: skip
    for axes, name in zip(panels[:, 0], names, strict=True):
        of = frame[frame["images"] == name].reset_index(drop=True)
        for y, row in enumerate(of.itertuples()):
            colour, marker = _KINDS[_kind(row.arm)]
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.4)
            axes.plot([row.value], [y], marker, color=colour, markersize=7)
            beside_row(axes, y, short(row.value))
        axes.set_title(name)
        labelled_rows(axes, of["arm"])
    panels[-1, 0].set_xlabel(f"{metric_label(metric)}, 95 % interval")
    handles = [
        Line2D([], [], color=colour, marker=marker, label=label)
        for label, (colour, marker) in _KINDS.items()
    ]
    legend_above(figure, handles, columns=3)
    return figure


@styled
def input_gains(frame: pd.DataFrame, *, metric: str = "f1_micro") -> Figure:
    """What each input adds to the image, with its paired interval, a panel a collection.

    frame: images, comparison, metric, value, low, high. Hollow and gray: the interval holds zero.
    """
    frame = _of_metric(frame, "input_gains", metric, column="comparison")
    names = in_order(frame["images"])
    sizes = [int((frame["images"] == name).sum()) for name in names]
    figure, panels = canvas(
        1.0 + 0.33 * sum(sizes) + 0.5 * len(names), len(names), 1, squeeze=False, sharex=True,
        height_ratios=sizes,
    )  # fmt: skip
    for axes, name in zip(panels[:, 0], names, strict=True):
        of = frame[frame["images"] == name].reset_index(drop=True)
        for y, row in enumerate(of.itertuples()):
            colour = BLUE if row.low > 0 else VERMILLION if row.high < 0 else QUIET
            fill = colour if colour != QUIET else "white"
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.4)
            axes.plot([row.value], [y], "o", color=colour, markerfacecolor=fill, markersize=7)
            beside_row(axes, y, f"{row.value:+.3f}".replace("0.", ".", 1))
        axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_title(name)
        labelled_rows(axes, of["comparison"])
    panels[-1, 0].set_xlabel(f"{metric_label(metric)}, difference with 95 % interval")
    return figure


@styled
def stack_ways(frame: pd.DataFrame, *, metric: str = "f1_micro") -> Figure:
    """The base models alone and each way to stack them, of one collection.

    frame: arm, metric, value, low, high; the base models' arms end in ``alone``. largest, if it is
    there: the share of the largest class, the same in every row, a dashed line.
    """
    frame = _of_metric(frame, "stack_ways", metric, images=False).reset_index(drop=True)
    largest = optional_numbers(frame, ["largest"])["largest"].iloc[0]
    figure, axes = canvas(1.3 + 0.34 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        alone, wrong = row.arm.endswith("alone"), "step" in row.arm or row.arm == "in-fold"
        colour = GREY if alone else VERMILLION if wrong else BLUE
        marker = MARKERS[1] if alone else MARKERS[5] if wrong else MARKERS[0]
        axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.4)
        axes.plot([row.value], [y], marker, color=colour, markersize=7.5)
        beside_row(axes, y, short(row.value))
    labelled_rows(axes, frame["arm"])
    axes.set_xlim(left=0)
    axes.set_xlabel(f"{metric_label(metric)}, 95 % interval")
    handles = [
        Line2D([], [], color=GREY, marker=MARKERS[1], label="base model"),
        Line2D([], [], color=BLUE, marker=MARKERS[0], label="stacked right"),
        Line2D([], [], color=VERMILLION, marker=MARKERS[5], label="stacked wrong"),
    ]
    if pd.notna(largest):
        axes.axvline(largest, color=QUIET, linewidth=1.4, linestyle=(0, (4, 2)))
        handles.append(Line2D([], [], color=QUIET, linestyle=(0, (4, 2)), label="largest class"))
    legend_above(figure, handles, columns=2)
    return figure


def _of_metric(
    frame: pd.DataFrame, figure: str, metric: str, *, column: str = "arm", images: bool = True
) -> pd.DataFrame:
    text = [column, "metric", *(["images"] if images else [])]
    frame = checked(frame, figure, text=text, numbers=["value", "low", "high"])
    return checked(frame[frame["metric"] == metric], f"{figure}, {metric}", text=text)


def _kind(arm: str) -> str:
    if arm.endswith("alone"):
        return "metadata only"
    return "both" if "+" in arm else "image only"
