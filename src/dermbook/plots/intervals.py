"""Figures of scores with their intervals: forests of metrics, and of recalls."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.errors import DataError
from dermbook.plots.style import (
    CARD,
    INK,
    MARKERS,
    MIN_FONT,
    QUIET,
    SERIES,
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

_ROW = 0.3  # inches a row


@styled
def metric_intervals(frame: pd.DataFrame, *, metrics: Sequence[str] | None = None) -> Figure:
    """Scores with their intervals, grouped by metric, a row a model, the numbers beside them.

    frame: model, metric, value, low, high; ``reported`` where a report claims a value (a hollow
    diamond). metrics: which of them, in this order; all by default. DataError if none is there.
    """
    frame = checked(frame, "metric_intervals", text=["model", "metric"], numbers=["value"])
    frame = optional_numbers(frame, ["low", "high", "reported"])
    metrics = list(metrics) if metrics else in_order(frame["metric"])
    frame = frame[frame["metric"].isin(metrics)]
    if frame.empty:
        raise DataError(f"metric_intervals: the table has none of {', '.join(metrics)}.")
    models = in_order(frame["model"])
    alone = len(models) == 1
    figure, axes = canvas()
    y, ticks, labels, heads = 0.0, [], [], []
    for metric in metrics:
        rows = frame[frame["metric"] == metric]
        if not alone and len(rows):
            heads.append((y, metric_label(metric)))
            y += 1
        for row in rows.itertuples():
            position = models.index(row.model)
            _interval(
                axes, row, y, SERIES[position % len(SERIES)], MARKERS[position % len(MARKERS)]
            )
            ticks.append(y)
            labels.append(metric_label(metric) if alone else row.model)
            y += 1
        y += 0.0 if alone else 0.45
    figure.set_figheight(0.95 + _ROW * y)
    _value_axis(axes, frame[["value", "low", "high", "reported"]].to_numpy(), y)
    axes.set_yticks(ticks, labels)
    for at, text in heads:
        axes.annotate(
            text, (0, at), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontweight="bold", fontsize=11,
        )  # fmt: skip
    axes.set_xlabel("score, 95 % interval" if not alone else f"{models[0]}: score, 95 % interval")
    if frame["reported"].notna().any():
        legend_above(figure, [_marker(INK, "o", "measured"), _hollow("reported")])
    return figure


@styled
def recall_intervals(frame: pd.DataFrame) -> Figure:
    """Recall of each class with its interval, a colour a model, with the images behind it.

    frame: model, class, value, low, high, n (images of the class).
    """
    frame = checked(
        frame, "recall_intervals", text=["model", "class"], numbers=["value", "low", "high", "n"]
    )
    models, classes = in_order(frame["model"]), in_order(frame["class"])
    step = len(models) + 0.7
    figure, axes = canvas(1.2 + 0.25 * step * len(classes))
    for row in frame.to_dict("records"):
        position = models.index(row["model"])
        y = classes.index(row["class"]) * step + position
        colour, marker = _look(position)
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2.4)
        axes.plot([row["value"]], [y], marker, color=colour, markersize=7)
        axes.annotate(
            f"n = {row['n']:,.0f}", (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=MIN_FONT, color=QUIET,
        )  # fmt: skip
    for number in range(1, len(classes)):
        axes.axhline(number * step - 0.85, color="#dcdcd6", linewidth=0.8)
    axes.set_yticks(np.arange(len(classes)) * step + (len(models) - 1) / 2, classes)
    axes.set_ylim(len(classes) * step - 0.8, -0.8)
    axes.set_xlim(-0.01, 1.01)
    axes.set_xlabel("recall (sensitivity), 95 % interval")
    grid(axes, "x")
    handles = [_marker(*_look(position), model) for position, model in enumerate(models)]
    legend_above(figure, handles, columns=3)
    return figure


def _interval(axes, row, y: float, colour: str, marker: str) -> None:
    axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
    axes.plot([row.value], [y], marker, color=colour, markersize=7.5)
    if not np.isnan(row.reported):
        axes.plot([row.reported], [y], "D", color=INK, markerfacecolor="none", markersize=8)
    text = short(row.value)
    if not np.isnan(row.low):
        text += f" ({short(row.low)}–{short(row.high)})"
    axes.annotate(
        text, (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
        textcoords="offset points", va="center", fontsize=MIN_FONT,
    )  # fmt: skip


def _value_axis(axes, values: np.ndarray, rows: float) -> None:
    axes.set_ylim(rows - 0.3, -0.7)
    _score_limits(axes, values, right=0.03)
    grid(axes, "x")


def _score_limits(axes, values: np.ndarray, right: float) -> None:
    """From a round number below the lowest value to just above the highest; inside 0 to 1 if so."""
    values = values[~np.isnan(values)]
    low, high = values.min(), values.max()
    margin = max(0.03, (high - low) * 0.06)
    left = max(0.0, np.floor((low - margin) * 10) / 10) if low >= 0 else low - margin
    axes.set_xlim(left - 0.01, min(high + margin, 1 + right) if high <= 1 else high + margin)


def _look(position: int) -> tuple[str, str]:
    """Colour and marker of the model in this position."""
    return SERIES[position % len(SERIES)], MARKERS[position % len(MARKERS)]


def _marker(colour: str, marker: str, label: str) -> Line2D:
    return Line2D([], [], marker=marker, color=colour, linewidth=2.4, markersize=7.5, label=label)


def _hollow(label: str) -> Line2D:
    return Line2D(
        [], [], marker="D", color=INK, markerfacecolor=CARD, linewidth=0, markersize=7, label=label
    )
