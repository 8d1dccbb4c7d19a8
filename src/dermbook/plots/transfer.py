"""Figures of transfer learning: heads on frozen features, their curves, and what they cost."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

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
    grid,
    in_order,
    legend_above,
    metric_label,
    optional_numbers,
    short,
    styled,
)


@styled
def head_ranking(
    frame: pd.DataFrame, *, metric: str = "balanced_accuracy", chosen: bool = True
) -> Figure:
    """A score of every model, in the order of the rows: validation and test.

    frame: model, validation, test, low, high (of test), in the order to draw. Hollow diamonds are
    validation; dots with intervals are the test. The first one is bold if validation has chosen it.
    """
    frame = checked(
        frame, "head_ranking", text=["model"], numbers=["validation", "test", "low", "high"]
    )
    figure, axes = canvas(1.3 + 0.3 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        axes.plot([row.low, row.high], [y, y], color=GREEN, linewidth=2.4)
        axes.plot([row.test], [y], "o", color=GREEN, markersize=7)
        axes.plot([row.validation], [y], "D", color=BLUE, markerfacecolor="white", markersize=6)
    axes.set_yticks(range(len(frame)), [name.removeprefix("tl-") for name in frame["model"]])
    if chosen:
        axes.get_yticklabels()[0].set_fontweight("bold")
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlabel(f"{metric_label(metric)} (test with 95 % interval)")
    grid(axes, "both")
    handles = [
        Line2D([], [], color=BLUE, marker="D", markerfacecolor="white", linewidth=0,
               label="validation, which chooses" if chosen else "validation"),
        Line2D([], [], color=GREEN, marker="o", label="test"),
    ]  # fmt: skip
    legend_above(figure, handles, columns=2)
    return figure


@styled
def head_curves(frame: pd.DataFrame, *, score: str = "val_accuracy") -> Figure:
    """A score by epoch, a panel a set of vectors and a line a head; a diamond marks what is kept.

    frame: vectors, head, weighting, epoch, best, and the column ``score``. Dashed: class weights.
    """
    frame = checked(
        frame, "head_curves", text=["vectors", "head", "weighting"], numbers=["epoch", score]
    )
    names, heads = in_order(frame["vectors"]), in_order(frame["head"])
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure, panels = canvas(1.1 + 2.3 * rows, rows, columns, squeeze=False, sharey=False)
    for axes, name in zip(panels.flat, names, strict=False):
        of = frame[frame["vectors"] == name]
        for (head, weighting), curve in of.groupby(["head", "weighting"], sort=False):
            colour = SERIES[heads.index(head) % len(SERIES)]
            dash = DASHES[1] if weighting == "balanced" else DASHES[0]
            curve = curve.sort_values("epoch")
            axes.plot(curve["epoch"], curve[score], color=colour, linestyle=dash)
            kept = curve[curve["best"].astype(bool)]
            axes.plot(kept["epoch"], kept[score], "D", color=colour, markersize=6)
        axes.set_title(name, fontsize=MIN_FONT)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        grid(axes, "both")
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    for axes in panels[:, 0]:
        axes.set_ylabel(score.replace("val_", "validation "))
    handles = [
        Line2D([], [], color=SERIES[position % len(SERIES)], label=head)
        for position, head in enumerate(heads)
    ]
    if (frame["weighting"] == "balanced").any():
        handles.append(Line2D([], [], color=INK, linestyle=DASHES[1], label="class weights"))
    legend_above(figure, handles, columns=3)
    return figure


@styled
def frozen_cost(frame: pd.DataFrame) -> Figure:
    """Seconds of the same training both ways: what is done once, and what every epoch costs.

    frame: way, once, epoch, epochs, seconds. Logarithmic, for the two are an order apart.
    """
    frame = checked(
        frame, "frozen_cost", text=["way"], numbers=["once", "epoch", "epochs", "seconds"]
    )
    figure, axes = canvas(3.4)
    most = int(frame["epochs"].max())
    handles = []
    for position, row in enumerate(frame.itertuples()):
        colour = (VERMILLION, BLUE)[position % 2]
        epochs = range(1, most + 1)
        total = [row.once + row.epoch * epoch for epoch in epochs]
        marker = MARKERS[position]
        axes.plot(epochs, total, color=colour, marker=marker, markersize=5)
        label = f"{row.way}: {short(row.seconds, 1)} s"
        handles.append(Line2D([], [], color=colour, marker=marker, label=label))
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("epochs trained")
    axes.set_ylabel("seconds so far")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    grid(axes, "both")
    legend_above(figure, handles, columns=2)
    return figure


@styled
def seed_ranges(frame: pd.DataFrame) -> Figure:
    """From the worst to the best seed of equal trainings, and their mean.

    frame: model, seeds, mean, low, high, of one score.
    """
    frame = checked(frame, "seed_ranges", text=["model"], numbers=["mean", "low", "high"])
    frame = optional_numbers(frame, ["seeds"])
    figure, axes = canvas(1.1 + 0.3 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        axes.plot([row.low, row.high], [y, y], color=QUIET, linewidth=5, alpha=0.5)
        axes.plot([row.mean], [y], "o", color=BLUE, markersize=6.5)
    axes.set_yticks(range(len(frame)), [name.removeprefix("tl-") for name in frame["model"]])
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlabel("balanced accuracy on the test part, over seeds")
    grid(axes, "both")
    return figure
