"""Figures of unequal classes: what each remedy gains and costs, and which classes stay at zero."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.plots.style import (
    BLUE,
    GREEN,
    MARKERS,
    MIN_FONT,
    QUIET,
    SERIES,
    VERMILLION,
    canvas,
    checked,
    class_label,
    grid,
    in_order,
    legend_above,
    metric_label,
    styled,
)


@styled
def remedy_effects(frame: pd.DataFrame, *, metrics: Sequence[str] = ()) -> Figure:
    """Each strategy's difference to doing nothing, a panel a score; green gains, red losses.

    frame: comparison (the strategy), metric, value, low, high. metrics: which, all by default. An
    interval that holds zero is gray and hollow, so that colour is not needed to see it.
    """
    frame = checked(
        frame,
        "remedy_effects",
        text=["comparison", "metric"],
        numbers=["value", "low", "high"],
    )
    names = list(metrics) or in_order(frame["metric"])
    strategies = in_order(frame["comparison"])
    figure, panels = canvas(
        1.2 + 0.34 * len(strategies), columns=len(names), sharey=True, squeeze=False
    )
    for axes, name in zip(panels[0], names, strict=True):
        for row in frame[frame["metric"] == name].itertuples():
            y = strategies.index(row.comparison)
            colour = GREEN if row.low > 0 else VERMILLION if row.high < 0 else QUIET
            fill = colour if colour != QUIET else "white"
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
            axes.plot([row.value], [y], "o", color=colour, markerfacecolor=fill, markersize=7.5)
        axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
        # four panels on a phone's width: words must be short
        title = metric_label(name).replace(", ", "\n").replace("balanced ", "balanced\n")
        axes.set_title(title, fontsize=MIN_FONT)
        axes.margins(x=0.1)
        axes.locator_params(axis="x", nbins=4)
        grid(axes, "x")
    panels[0, 0].set_yticks(range(len(strategies)), strategies)
    panels[0, 0].set_ylim(len(strategies) - 0.5, -0.5)
    figure.supxlabel("difference to no remedy, 95 % interval", fontsize=11)
    return figure


@styled
def recall_by_strategy(frame: pd.DataFrame, *, strategies: Sequence[str] = ()) -> Figure:
    """Recall of each class under several strategies, the rarest class first.

    frame: strategy, class, train (images), recall. strategies: which, all by default.
    """
    frame = checked(
        frame, "recall_by_strategy", text=["strategy", "class"], numbers=["train", "recall"]
    )
    names = list(strategies) or in_order(frame["strategy"])
    frame = frame[frame["strategy"].isin(names)]
    sizes = frame.groupby("class")["train"].first().sort_values(kind="stable")
    places = {name: row for row, name in enumerate(sizes.index)}
    figure, axes = canvas(1.4 + 0.36 * len(sizes))
    for position, strategy in enumerate(names):
        of = frame[frame["strategy"] == strategy].dropna(subset=["recall"])
        offset = (position - (len(names) - 1) / 2) * 0.5 / max(1, len(names) - 1)
        axes.plot(
            of["recall"], of["class"].map(places) + offset, MARKERS[position % len(MARKERS)],
            color=SERIES[position % len(SERIES)], markersize=7.5, label=strategy,
        )  # fmt: skip
    labels = [f"{class_label(name)}, {size:,.0f}" for name, size in sizes.items()]
    axes.set_yticks(range(len(sizes)), labels)
    axes.set_ylim(len(sizes) - 0.4, -0.6)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("recall (beside each class: training images)")
    grid(axes, "both")
    legend_above(figure, columns=2)
    return figure


@styled
def f1_by_size(frame: pd.DataFrame, *, strategies: Sequence[str] = ()) -> Figure:
    """F1 of each class against its training images (logarithmic), a colour a strategy.

    frame: strategy, class, train, f1. Classes at the bottom have an F1 of zero.
    """
    frame = checked(frame, "f1_by_size", text=["strategy", "class"], numbers=["train", "f1"])
    names = list(strategies) or in_order(frame["strategy"])
    figure, axes = canvas(4.0)
    handles = []
    for position, strategy in enumerate(names):
        of = frame[(frame["strategy"] == strategy) & frame["f1"].notna()]
        colour = (BLUE, VERMILLION, GREEN)[position % 3]
        marker = MARKERS[position % len(MARKERS)]
        # a little apart, so that two strategies at zero are both seen
        at = of["train"] * np.exp((position - (len(names) - 1) / 2) * 0.04)
        axes.plot(at, of["f1"], marker, color=colour, markersize=7, alpha=0.85)
        zeros = int((of["f1"] == 0).sum())
        handles.append(
            Line2D([], [], color=colour, marker=marker, linewidth=0, markersize=7.5,
                   label=f"{strategy}: {zeros} of {len(of)} classes at zero")
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    axes.axhline(0, color=QUIET, linewidth=1.0)
    axes.set_xlabel("training images of the class")
    axes.set_ylabel("F1 on the test part")
    grid(axes, "both")
    legend_above(figure, handles, columns=2)
    return figure
