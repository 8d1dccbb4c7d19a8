"""The leaderboard's figure: our models with their intervals, the reports' claims hollow."""

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.errors import DataError
from dermbook.plots.style import (
    BLUE,
    CARD,
    INK,
    MIN_FONT,
    ORANGE,
    QUIET,
    VERMILLION,
    canvas,
    checked,
    grid,
    legend_above,
    metric_label,
    optional_numbers,
    short,
    styled,
)

_ROW = 0.3  # inches a row
_LOOK = {"published": (BLUE, "o"), "this run": (ORANGE, "s")}
_LABELS = {"published": "published run", "this run": "this run"}


def leaderboard_dots(
    frame: pd.DataFrame, *, phantom: bool = False, baseline: float | None = None
) -> Figure:
    """Every model a dot with its interval, best first; reported claims hollow; phantom apart.

    frame: source ("published", "this run", "reported"), model, data, value; low, high, metric,
    edition and protocol where known. What a protocol calls leaky is hollow and says so at the
    right, with the lesson. Rows whose data is the phantom stand in a panel of their own, which says
    so; with ``phantom``, the whole figure is tagged if it shows no row of real data. baseline: the
    score of always answering the largest class, a dashed line among the real images.
    """
    real = "data" in frame.columns and not _of_phantom(frame["data"]).all()
    return _leaderboard(frame, baseline, phantom=phantom and not real)


@styled
def _leaderboard(frame: pd.DataFrame, baseline: float | None) -> Figure:
    frame = checked(frame, "leaderboard_dots", text=["source", "model", "data"], numbers=["value"])
    frame = optional_numbers(frame, ["low", "high"]).dropna(subset=["value"])
    if frame.empty:
        raise DataError("leaderboard_dots: no row has a value, so there is nothing to draw.")
    if "protocol" not in frame.columns:
        frame["protocol"] = ""
    frame["label"] = _row_labels(frame)
    is_phantom = _of_phantom(frame["data"])
    panels = [
        (title, rows)
        for title, rows in (
            ("real images", frame[~is_phantom]),
            ("phantom: generated images", frame[is_phantom]),
        )
        if len(rows)
    ]
    heights = [rows["label"].nunique() for _, rows in panels]
    figure, axes = canvas(
        1.3 + _ROW * sum(heights) + 0.45 * (len(panels) - 1),
        len(panels), 1, squeeze=False, sharex=True, height_ratios=heights,
    )  # fmt: skip
    for panel, (title, rows) in zip(axes[:, 0], panels, strict=True):
        _panel(panel, rows)
        if baseline is not None and not _of_phantom(rows["data"]).any():
            panel.axvline(baseline, color=QUIET, linewidth=1.3, linestyle=(0, (4, 3)), zorder=0)
        if len(panels) > 1 or "phantom" in title:
            panel.set_title(title)
    drawn = [*frame[["value", "low", "high"]].to_numpy().ravel(), baseline or np.nan]
    _limits(axes[-1, 0], np.array(drawn, dtype=float))
    name = metric_label(str(frame["metric"].iloc[0])) if "metric" in frame.columns else "score"
    axes[-1, 0].set_xlabel(f"{name}, 95 % interval")
    legend_above(figure, _handles(frame, baseline), columns=2 if baseline is not None else 3)
    return figure


def _row_labels(frame: pd.DataFrame) -> pd.Series:
    """The model; with its edition where one source has it from several."""
    label = frame["model"].copy()
    if "edition" in frame.columns:
        twice = frame.duplicated(["source", "model", "data"], keep=False)
        twice &= frame["source"] != "reported"
        label[twice] += " (" + frame.loc[twice, "edition"].astype(str) + ")"
    return label


def _panel(axes, rows: pd.DataFrame) -> None:
    order = rows.groupby("label")["value"].max().sort_values(ascending=False, kind="stable").index
    shared = set(rows.loc[rows["source"] == "published", "label"])
    shared &= set(rows.loc[rows["source"] == "this run", "label"])
    for label, group in rows.groupby("label", sort=False):
        y = list(order).index(label)
        for row in group.itertuples():
            # published and this run of one model share a row, one above the other
            offset = {"published": -0.16, "this run": 0.16}.get(row.source, 0) * (label in shared)
            _dot(axes, row, y + offset)
        texts = [_words(row) for row in group.itertuples()]
        axes.annotate(
            texts[0], (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=MIN_FONT,
            color=VERMILLION if "leaky" in texts[0] else INK,
        )  # fmt: skip
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(len(order) - 0.5, -0.5)
    grid(axes, "x")


def _dot(axes, row, y: float) -> None:
    if row.source == "reported":
        axes.plot([row.value], [y], "D", color=INK, markerfacecolor=CARD, markersize=7)
        return
    colour, marker = _LOOK.get(row.source, (INK, "o"))
    face = CARD if row.protocol.startswith("leaky") else colour
    axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.4)
    axes.plot([row.value], [y], marker, color=colour, markerfacecolor=face, markersize=7.5)


def _words(row) -> str:
    """``.712 (.690–.740)``, or ``.880 leaky, M3`` for what leaks."""
    text = short(row.value)
    if row.protocol.startswith("leaky"):
        lesson = re.search(r"\((M\d+)\)", row.protocol)
        return f"{text} leaky{f', {lesson[1]}' if lesson else ''}"
    if row.source == "reported":
        return text
    return text if np.isnan(row.low) else f"{text} ({short(row.low)}–{short(row.high)})"


def _handles(frame: pd.DataFrame, baseline: float | None) -> list[Line2D]:
    there = set(frame["source"])
    handles = [
        Line2D([], [], marker=marker, color=colour, linewidth=2.4, markersize=7.5,
               label=_LABELS[source])
        for source, (colour, marker) in _LOOK.items()
        if source in there
    ]  # fmt: skip
    if "reported" in there:
        handles.append(
            Line2D([], [], marker="D", color=INK, markerfacecolor=CARD, linewidth=0, markersize=7,
                   label="reported, no interval given")
        )  # fmt: skip
    if baseline is not None:
        handles.append(
            Line2D([], [], color=QUIET, linewidth=1.3, linestyle=(0, (4, 3)),
                   label="always the largest class")
        )  # fmt: skip
    return handles


def _of_phantom(data: pd.Series) -> pd.Series:
    return data.astype(str).str.contains("phantom", case=False)


def _limits(axes, values: np.ndarray) -> None:
    """From a round number below the lowest value to just above the highest, inside 0 to 1."""
    values = values[~np.isnan(values)]
    margin = max(0.03, (values.max() - values.min()) * 0.06)
    left = max(0.0, np.floor((values.min() - margin) * 10) / 10)
    axes.set_xlim(left - 0.01, min(values.max() + margin, 1.04))
