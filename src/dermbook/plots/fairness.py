"""Figures of fairness and shift: scores by group, gaps beside chance, other sources, remedies."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dermbook.plots.style import (
    BLUE,
    DASHES,
    GREEN,
    MARKERS,
    MIN_FONT,
    QUIET,
    SERIES,
    VERMILLION,
    beside_row,
    canvas,
    checked,
    grid,
    in_order,
    labelled_rows,
    legend_above,
    metric_label,
    short,
    styled,
)

_PAIR = ((VERMILLION, "D"), (BLUE, "o"))


@styled
def group_scores(
    frame: pd.DataFrame, *, metrics: Sequence[str] = ("accuracy", "standardised_accuracy")
) -> Figure:
    """One or two scores of every group with their intervals, a panel an attribute.

    frame: images, attribute, group, metric, value, low, high, lesions, judged. A group that is too
    small to be judged is hollow and gray.
    """
    frame = checked(
        frame, "group_scores", text=["images", "attribute", "group", "metric"],
        numbers=["value", "low", "high", "lesions"],
    )  # fmt: skip
    frame = frame[frame["metric"].isin(metrics) & frame["value"].notna()]
    frame = checked(frame, "group_scores", text=["group"])
    panels = list(frame.groupby(["images", "attribute"], sort=False))
    sizes = [of["group"].nunique() for _, of in panels]
    figure, all_axes = canvas(
        1.2 + 0.38 * sum(sizes) + 0.55 * len(panels), len(panels), 1, squeeze=False, sharex=True,
        height_ratios=[size + 0.3 for size in sizes],
    )  # fmt: skip
    for axes, ((images, attribute), of) in zip(all_axes[:, 0], panels, strict=True):
        names = in_order(of["group"])
        for row in of.itertuples():
            place = list(metrics).index(row.metric)
            colour, marker = _PAIR[place if len(metrics) > 1 else 1]
            y = names.index(row.group) + (0 if len(metrics) == 1 else 0.3 * place - 0.15)
            colour, fill = (colour, colour) if row.judged else (QUIET, "white")
            _dot(axes, row, y, colour, marker, fill)
        lesions = of.groupby("group")["lesions"].first()
        for y, name in enumerate(names):
            beside_row(axes, y, f"{lesions[name]:,.0f} lesions")
        labelled_rows(axes, names)
        axes.set_title(f"{attribute}, {images}")
    all_axes[-1, 0].set_xlabel("score, 95 % interval")
    handles = [
        Line2D([], [], color=colour, marker=marker, label=metric_label(metric))
        for metric, (colour, marker) in zip(metrics, _PAIR[-len(metrics) :], strict=True)
    ]
    handles.append(_hollow("too few to be judged"))
    legend_above(figure, handles, columns=3)
    return figure


@styled
def gaps_and_chance(
    frame: pd.DataFrame, *, metrics: Sequence[str] = ("balanced_accuracy", "sensitivity")
) -> Figure:
    """The gap of each attribute with its interval, and the gap that chance makes, a panel a score.

    frame: model, attribute, metric, gap, low, high, chance, chance_high, p_holm. Gray bars reach
    from 0 to the gap that 95 % of permutations stay below, a white line is their mean. Filled dots:
    Holm's p is below .05.
    """
    numbers = ["gap", "low", "high", "chance", "chance_high", "p_holm"]
    frame = checked(
        frame, "gaps_and_chance", text=["model", "attribute", "metric"], numbers=numbers
    )
    chosen = [metric for metric in metrics if (frame["metric"] == metric).any()]
    frame = checked(frame[frame["metric"].isin(chosen)], "gaps_and_chance", text=["metric"])
    sizes = [int((frame["metric"] == metric).sum()) for metric in chosen]
    figure, panels = canvas(
        1.3 + 0.36 * sum(sizes) + 0.55 * len(chosen), len(chosen), 1, squeeze=False, sharex=True,
        height_ratios=sizes,
    )  # fmt: skip
    for axes, metric in zip(panels[:, 0], chosen, strict=True):
        of = frame[frame["metric"] == metric].reset_index(drop=True)
        for y, row in enumerate(of.itertuples()):
            axes.barh(y, row.chance_high, height=0.62, color="#c9c9c4")
            axes.plot([row.chance] * 2, [y - 0.31, y + 0.31], color="white", linewidth=2.5)
            shown = row.p_holm < 0.05
            _dot(axes, row, y, BLUE, "o", BLUE if shown else "white", value=row.gap)
            beside_row(axes, y, f"{short(row.gap)}, p {short(row.p_holm)}")
        labelled_rows(axes, [f"{row.attribute}, {row.model}" for row in of.itertuples()])
        axes.set_title(metric_label(metric))
        axes.set_xlim(left=0)
    panels[-1, 0].set_xlabel("best minus worst group, 95 % interval")
    handles = [
        Line2D([], [], color=BLUE, marker="o", label="gap, p < .05"),
        Line2D([], [], color=BLUE, marker="o", markerfacecolor="white", label="gap"),
        Line2D([], [], color="#c9c9c4", linewidth=8, label="by chance: mean, 95 %"),
    ]
    legend_above(figure, handles, columns=3)
    return figure


@styled
def gap_by_chance(frame: pd.DataFrame) -> Figure:
    """Mean gap among groups that do not differ, by their number, a line a size.

    frame: size, groups, gap, high (the 95 % point, a thin line of the same dash).
    """
    frame = checked(frame, "gap_by_chance", numbers=["size", "groups", "gap", "high"])
    figure, axes = canvas(3.6)
    for place, (size, of) in enumerate(frame.groupby("size", sort=True)):
        style = {"color": SERIES[place % len(SERIES)], "linestyle": DASHES[place % len(DASHES)]}
        axes.plot(
            of["groups"], of["gap"], marker=MARKERS[place % len(MARKERS)],
            label=f"{size:,.0f} images a group", **style,
        )  # fmt: skip
        axes.plot(of["groups"], of["high"], linewidth=1, alpha=0.8, **style)
    axes.set_ylim(0)
    axes.set_xticks(sorted(frame["groups"].unique()))
    axes.set_xlabel("groups compared")
    axes.set_ylabel("best minus worst group")
    grid(axes, "both")
    legend_above(figure, columns=3)
    return figure


@styled
def shift_scores(frame: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """A score on each source by where the training images come from, a panel a collection.

    frame: images, attribute, source, arm, metric, value, low, high.
    """
    frame = _chosen(frame, "shift_scores", metric, ["images", "attribute", "source", "arm"])
    arms = in_order(frame["arm"])
    panels = list(frame.groupby(["images", "attribute"], sort=False))
    sizes = [of["source"].nunique() for _, of in panels]
    step = len(arms) + 0.6
    figure, all_axes = canvas(
        1.3 + 0.27 * step * sum(sizes) + 0.5 * len(panels), len(panels), 1, squeeze=False,
        sharex=True, height_ratios=sizes,
    )  # fmt: skip
    for axes, ((images, attribute), of) in zip(all_axes[:, 0], panels, strict=True):
        names = in_order(of["source"])
        for row in of.itertuples():
            place = arms.index(row.arm)
            y = names.index(row.source) * step + place
            _dot(axes, row, y, SERIES[place], MARKERS[place], SERIES[place])
            beside_row(axes, y, short(row.value))
        axes.set_yticks(np.arange(len(names)) * step + (len(arms) - 1) / 2, names)
        axes.set_ylim(len(names) * step - 0.9, -0.8)
        axes.set_title(f"tested on one {attribute}, {images}")
        grid(axes, "x")
    all_axes[-1, 0].set_xlabel(f"{metric_label(metric)}, 95 % interval")
    handles = [
        Line2D([], [], color=SERIES[place], marker=MARKERS[place], label=f"trained on {arm}")
        for place, arm in enumerate(arms)
    ]
    legend_above(figure, handles, columns=2)
    return figure


@styled
def source_recognition(frame: pd.DataFrame) -> Figure:
    """How well a head names the source, over all classes and within one, beside chance.

    frame: images, attribute, within, chance, value, low, high.
    """
    frame = checked(
        frame, "source_recognition", text=["images", "attribute", "within"],
        numbers=["chance", "value", "low", "high"],
    ).reset_index(drop=True)  # fmt: skip
    figure, axes = canvas(1.3 + 0.42 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        axes.plot([row.chance] * 2, [y - 0.32, y + 0.32], color=QUIET, linewidth=2.5)
        _dot(axes, row, y, BLUE, "o", BLUE)
        beside_row(axes, y, short(row.value))
    labelled_rows(axes, [f"{row.attribute},\n{row.within}" for row in frame.itertuples()])
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("balanced accuracy of naming the source, 95 % interval")
    handles = [
        Line2D([], [], color=BLUE, marker="o", label="head on frozen vectors"),
        Line2D([], [], color=QUIET, marker="|", linewidth=0, markersize=12, label="chance"),
    ]
    legend_above(figure, handles, columns=2)
    return figure


@styled
def remedy_changes(frame: pd.DataFrame) -> Figure:
    """What each remedy changes: the gap (left) and the score of all (right), with intervals.

    frame: images, attribute, remedy, metric, change, low, high, overall_change, overall_low,
    overall_high. Hollow: the interval holds zero.
    """
    numbers = ["change", "low", "high", "overall_change", "overall_low", "overall_high"]
    text = ["images", "attribute", "remedy", "metric"]
    frame = checked(frame, "remedy_changes", text=text, numbers=numbers).reset_index(drop=True)
    blocks = list(frame.groupby(["images", "attribute", "remedy"], sort=False))
    rows = len(frame) + len(blocks)
    figure, panels = canvas(1.0 + 0.33 * rows, 1, 2, sharey=True)
    panels[0].set_zorder(2)
    panels[0].patch.set_visible(False)
    ticks, labels, y = [], [], 0
    for (images, attribute, remedy), of in blocks:
        head = panels[0].annotate(
            f"{remedy} ({attribute}, {images})", (0, y), xycoords=("axes fraction", "data"),
            va="center", fontweight="bold", fontsize=MIN_FONT, annotation_clip=False,
        )  # fmt: skip
        head.set_in_layout(False)  # it may reach over both panels
        for row in of.itertuples():
            y += 1
            _change(panels[0], y, row.change, row.low, row.high, GREEN, VERMILLION)
            _change(
                panels[1], y, row.overall_change, row.overall_low, row.overall_high, VERMILLION,
                GREEN,
            )  # fmt: skip
            ticks.append(y)
            labels.append(metric_label(row.metric))
        y += 1
    panels[0].set_yticks(ticks, labels)
    panels[0].set_ylim(y - 0.4, -0.6)
    panels[0].set_xlabel("change of the gap")
    panels[1].set_xlabel("change of the score of all")
    for axes in panels:
        axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.margins(x=0.12)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        grid(axes, "x")
    handles = [
        Line2D([], [], color=GREEN, marker="o", label="better"),
        Line2D([], [], color=VERMILLION, marker="s", label="worse"),
        _hollow("interval holds zero"),
    ]
    legend_above(figure, handles, columns=3)
    return figure


def _chosen(frame: pd.DataFrame, figure: str, metric: str, text: Sequence[str]) -> pd.DataFrame:
    frame = checked(frame, figure, text=[*text, "metric"], numbers=["value", "low", "high"])
    return checked(frame[frame["metric"] == metric], f"{figure}, {metric}", text=text)


def _change(axes, y: float, value: float, low: float, high: float, below: str, above: str) -> None:
    """A difference with its interval, in the colour of the side of zero on which it lies."""
    marks: Mapping[str, str] = {GREEN: "o", VERMILLION: "s", QUIET: "o"}
    colour = below if high < 0 else above if low > 0 else QUIET
    axes.plot([low, high], [y, y], color=colour, linewidth=2.4)
    fill = colour if colour != QUIET else "white"
    axes.plot([value], [y], marks[colour], color=colour, markerfacecolor=fill, markersize=6.5)


def _dot(axes, row, y: float, colour: str, marker: str, fill: str, value=None) -> None:
    value = row.value if value is None else value
    axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.2)
    axes.plot([value], [y], marker, color=colour, markerfacecolor=fill, markersize=6.5)


def _hollow(label: str) -> Line2D:
    return Line2D([], [], color=QUIET, marker="o", markerfacecolor="white", label=label)
