"""Figures of what may be said of a score: calibration, rare classes, and two models compared."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dermbook.plots.style import (
    BLUE,
    CARD,
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

#: colour and marker of what a test takes as independent
_UNITS = {"image": (VERMILLION, "s"), "lesion": (BLUE, "o")}
_ROW = 0.31  # inches a row


@styled
def reliability_pair(frame: pd.DataFrame) -> Figure:
    """Accuracy against confidence, once before and once after a change, with intervals.

    frame: ``reliability_bins`` with the column ``when``. The expected calibration error stands in
    the legend.
    """
    numbers = ["confidence", "accuracy", "count", "low", "high"]
    frame = checked(frame, "reliability_pair", text=["when"], numbers=numbers)
    figure, axes = canvas(4.4)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.2, linestyle=DASHES[2], label="calibrated")
    for position, when in enumerate(in_order(frame["when"])):
        rows = frame[(frame["when"] == when) & (frame["count"] > 0)]
        gap = (rows["accuracy"] - rows["confidence"]).abs() * rows["count"]
        errors = np.abs(rows[["low", "high"]].to_numpy().T - rows["accuracy"].to_numpy())
        axes.errorbar(
            rows["confidence"], rows["accuracy"], yerr=errors, fmt=MARKERS[position],
            color=(VERMILLION, BLUE, GREEN)[position % 3], linestyle=DASHES[position % 2],
            markersize=6.5, elinewidth=1.2, capsize=3, linewidth=1.6,
            label=f"{when}: calibration error {short(gap.sum() / rows['count'].sum())}",
        )  # fmt: skip
    axes.set_xlabel("confidence (highest probability)")
    axes.set_ylabel("accuracy in the bin")
    axes.set_xlim(0, 1.01)
    axes.set_ylim(-0.02, 1.02)
    grid(axes, "both")
    legend_above(figure, columns=1)
    return figure


@styled
def rare_class_intervals(frame: pd.DataFrame) -> Figure:
    """The recall of a rare class with one interval a method, a block a model.

    frame: model, class, right, images, method, value, low, high.
    """
    frame = checked(
        frame,
        "rare_class_intervals",
        text=["model", "class", "method"],
        numbers=["right", "images", "value", "low", "high"],
    )
    methods = in_order(frame["method"])
    figure, axes = canvas()
    y, ticks, labels = 0.0, [], []
    for model in in_order(frame["model"]):
        rows = frame[frame["model"] == model]
        first = rows.iloc[0]
        axes.annotate(
            f"{model}: {first['right']:.0f} of {first['images']:.0f} images of {first['class']}",
            (0, y), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
            va="center", fontweight="bold", fontsize=11,
        )  # fmt: skip
        for row in rows.itertuples():
            y += 1
            colour = SERIES[methods.index(row.method) % len(SERIES)]
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
            axes.plot([row.value], [y], "o", color=colour, markersize=7)
            known = not np.isnan(row.low)
            _beside(axes, y, f"{short(row.low)}–{short(row.high)}" if known else "none")
            ticks.append(y)
            labels.append(row.method)
        y += 1.3
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.6, -0.7)
    axes.set_xlim(-0.01, 1.01)
    axes.set_xlabel("recall, 95 % interval")
    grid(axes, "x")
    figure.set_figheight(0.9 + _ROW * y)
    return figure


@styled
def coverage_curves(frame: pd.DataFrame) -> Figure:
    """How often each interval holds the true proportion, against that proportion.

    frame: method, share (true proportion), coverage (0 to 1).
    """
    frame = checked(frame, "coverage_curves", text=["method"], numbers=["share", "coverage"])
    figure, axes = canvas(3.9)
    axes.axhline(0.95, color=QUIET, linewidth=1.6, linestyle="--", label="promised: 95 %")
    for position, method in enumerate(in_order(frame["method"])):
        rows = frame[frame["method"] == method].sort_values("share")
        axes.plot(
            rows["share"], rows["coverage"], color=SERIES[position % len(SERIES)],
            linestyle=DASHES[position % len(DASHES)], linewidth=2.4 if position == 0 else 1.9,
            label=f"{method}: {100 * rows['coverage'].mean():.0f} % on average",
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("true proportion")
    axes.set_ylabel("share of samples whose\ninterval holds it")
    grid(axes, "both")
    legend_above(figure, columns=2)
    return figure


@styled
def paired_tests(frame: pd.DataFrame) -> Figure:
    """Differences between two models by test, with intervals or p-values: a block a pair and score.

    frame: pair, score, test, unit (image or lesion), images, difference, low, high, p; what a test
    does not give is missing.
    """
    frame = checked(
        frame, "paired_tests", text=["pair", "score", "test", "unit"], numbers=["difference"]
    )
    frame = optional_numbers(frame, ["low", "high", "p", "images"])
    figure, axes = canvas()
    axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=DASHES[2])
    y, ticks, labels = 0.0, [], []
    for pair, score in dict.fromkeys(zip(frame["pair"], frame["score"], strict=True)):
        axes.annotate(
            f"{pair}\n{metric_label(score)}", (0, y), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontweight="bold",
            fontsize=10.5, bbox={"facecolor": CARD, "linewidth": 0, "pad": 1.5},
        )  # fmt: skip
        y += 0.5
        for row in frame[(frame["pair"] == pair) & (frame["score"] == score)].itertuples():
            y += 1
            colour, marker = _UNITS.get(row.unit, (INK, "o"))
            if not np.isnan(row.low):
                axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
            axes.plot([row.difference], [y], marker, color=colour, markersize=7)
            if not np.isnan(row.p):
                _beside(axes, y, "p < .001" if row.p < 0.001 else f"p = {short(row.p)}")
            else:
                _beside(axes, y, f"{short(row.low)} to {short(row.high)}".replace("-", "−"))
            ticks.append(y)
            labels.append(row.test)
        y += 1.6
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.8, -0.9)
    axes.set_xlabel("difference, 95 % interval where the test gives one")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    grid(axes, "x")
    figure.set_figheight(1.2 + _ROW * y)
    known = [unit for unit in _UNITS if unit in set(frame["unit"])]
    handles = [
        axes.plot([], [], marker, color=colour, linewidth=2.6, linestyle="-",
                  label=f"{unit}s taken as independent")[0]
        for unit, (colour, marker) in ((unit, _UNITS[unit]) for unit in known)
    ]  # fmt: skip
    if handles:
        legend_above(figure, handles)
    return figure


def _beside(axes, y: float, text: str) -> None:
    """Text right of the axes, at the row."""
    axes.annotate(
        text, (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
        textcoords="offset points", va="center", fontsize=MIN_FONT,
    )  # fmt: skip
