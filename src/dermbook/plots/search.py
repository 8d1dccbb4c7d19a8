"""Figures of a search: how it went, where it was stopped, what mattered, and how it flatters."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.errors import DataError
from dermbook.plots.style import (
    BLUE,
    CARD,
    DASHES,
    GREEN,
    INK,
    MIN_FONT,
    ORANGE,
    QUIET,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    optional_numbers,
    styled,
)

_COLUMNS = 3
_COMPLETE = {"marker": "o", "color": BLUE, "markerfacecolor": BLUE}
_PRUNED = {"marker": "v", "color": QUIET, "markerfacecolor": CARD}


@styled
def search_course(frame: pd.DataFrame, *, score: str = "validation ROC AUC") -> Figure:
    """Every training of a search in order, the best so far, and what luck alone would have given.

    frame: sampler, training (from 1), outcome ("complete" or "pruned"), value; best, expected, low
    and high where known. A panel a sampler. score: the name of the value.
    """
    frame = checked(
        frame, "search_course", text=["sampler", "outcome"], numbers=["training", "value"]
    )
    frame = optional_numbers(frame, ["best", "expected", "low", "high"])
    samplers = in_order(frame["sampler"])
    figure, panels = canvas(
        1.0 + 2.9 * len(samplers), len(samplers), squeeze=False, sharex=True, sharey=True
    )
    for axes, sampler in zip(panels[:, 0], samplers, strict=True):
        of = frame[frame["sampler"] == sampler].sort_values("training")
        axes.fill_between(of["training"], of["low"], of["high"], color=GREEN, alpha=0.16, lw=0)
        axes.plot(of["training"], of["expected"], color=GREEN, linestyle=DASHES[1])
        axes.step(of["training"], of["best"], where="post", color=VERMILLION)
        for outcome, look in (("complete", _COMPLETE), ("pruned", _PRUNED)):
            rows = of[of["outcome"] == outcome]
            axes.plot(rows["training"], rows["value"], linestyle="none", markersize=7, **look)
        axes.set_title(f"{sampler} search")
        axes.set_ylabel(score)
        axes.xaxis.get_major_locator().set_params(integer=True)
        grid(axes, "both")
    panels[-1, 0].set_xlabel("training")
    legend_above(
        figure,
        [
            _dot(_COMPLETE, "complete"),
            _dot(_PRUNED, "stopped: best so far"),
            Line2D([], [], color=VERMILLION, label="best so far"),
            Line2D([], [], color=GREEN, linestyle=DASHES[1], label="expected of so many, and 95 %"),
        ],
        columns=2,
    )
    return figure


@styled
def search_curves(frame: pd.DataFrame, *, score: str = "validation ROC AUC") -> Figure:
    """The score of every training by epoch; those that were stopped end in a cross.

    frame: draw, epoch, value, outcome; sampler where there are several (a panel each).
    """
    frame = checked(frame, "search_curves", text=["draw", "outcome"], numbers=["epoch", "value"])
    if "sampler" not in frame.columns:
        frame["sampler"] = ""
    samplers = in_order(frame["sampler"])
    figure, panels = canvas(
        1.0 + 2.9 * len(samplers), len(samplers), squeeze=False, sharex=True, sharey=True
    )
    for axes, sampler in zip(panels[:, 0], samplers, strict=True):
        of = frame[frame["sampler"] == sampler]
        for _, curve in of.sort_values("epoch").groupby("draw", sort=False):
            stopped = curve["outcome"].iloc[0] != "complete"
            axes.plot(
                curve["epoch"], curve["value"], linewidth=1.4, marker=".",
                color=QUIET if stopped else BLUE, linestyle=DASHES[1] if stopped else "-",
                alpha=0.75,
            )  # fmt: skip
            if stopped:
                last = curve.iloc[-1]
                axes.plot([last["epoch"]], [last["value"]], "x", color=INK, markersize=7)
        axes.set_title(f"{sampler} search" if sampler else "")
        axes.set_ylabel(score)
        axes.xaxis.get_major_locator().set_params(integer=True)
        grid(axes, "both")
    panels[-1, 0].set_xlabel("epoch")
    legend_above(
        figure,
        [
            Line2D([], [], color=BLUE, marker=".", label="complete"),
            Line2D([], [], color=QUIET, linestyle=DASHES[1], marker="x",
                   markeredgecolor=INK, label="stopped"),
        ],
    )  # fmt: skip
    return figure


@styled
def search_slices(frame: pd.DataFrame, *, score: str = "validation ROC AUC") -> Figure:
    """The scores by each value of each parameter, a panel a parameter, with their medians.

    frame: parameter, choice (its value as text, in the order of the space), value, outcome.
    """
    frame = checked(
        frame, "search_slices", text=["parameter", "choice", "outcome"], numbers=["value"]
    )
    names = in_order(frame["parameter"])
    rows = -(-len(names) // _COLUMNS)
    figure, panels = canvas(0.7 + 2.25 * rows, rows, _COLUMNS, squeeze=False, sharey=True)
    for axes in panels.ravel()[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(panels.ravel(), names, strict=False):
        of = frame[frame["parameter"] == name]
        choices = in_order(of["choice"])
        for at, choice in enumerate(choices):
            scores = of[(of["choice"] == choice) & of["value"].notna()]
            # side by side, in their order, so that equal scores are all seen
            spread = np.linspace(-0.2, 0.2, len(scores)) if len(scores) > 1 else [0.0]
            for outcome, look in (("complete", _COMPLETE), ("pruned", _PRUNED)):
                chosen = (scores["outcome"] == outcome).to_numpy()
                axes.plot(
                    at + np.asarray(spread)[chosen], scores["value"][chosen],
                    linestyle="none", markersize=5, **look,
                )  # fmt: skip
            if len(scores):
                middle = scores["value"].median()
                axes.plot([at - 0.36, at + 0.36], [middle, middle], color=VERMILLION)
        long = len(choices) > 3 or max(map(len, choices)) > 7
        axes.set_xticks(
            range(len(choices)),
            [choice.replace("_", "\n") for choice in choices],
            fontsize=MIN_FONT,
            rotation=35 if long and max(map(len, choices)) > 5 else 0,
        )
        axes.set_xlim(-0.6, len(choices) - 0.4)
        axes.set_title(name.replace("_", " "))
        grid(axes, "y")
    for axes in panels[:, 0]:
        axes.set_ylabel(score.replace("validation ", "validation\n"))
    legend_above(
        figure,
        [
            _dot(_COMPLETE, "complete"),
            _dot(_PRUNED, "stopped: best so far"),
            Line2D([], [], color=VERMILLION, label="median"),
        ],
    )
    return figure


@styled
def search_importances(frame: pd.DataFrame) -> Figure:
    """The share of variance that each parameter explains, beside what chance gives.

    frame: parameter, importance, noise. A bar that does not pass its noise mark is pale, too.
    """
    frame = checked(
        frame, "search_importances", text=["parameter"], numbers=["importance", "noise"]
    )
    figure, axes = canvas(1.2 + 0.36 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        shown = row.importance > row.noise
        axes.barh(
            [y], [row.importance], height=0.62, color=BLUE if shown else CARD, edgecolor=BLUE,
            linewidth=1.4,
        )  # fmt: skip
        axes.plot([row.noise, row.noise], [y - 0.42, y + 0.42], color=ORANGE, linewidth=2.6)
    axes.set_yticks(range(len(frame)), [name.replace("_", " ") for name in frame["parameter"]])
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.set_xlim(0, None)
    axes.set_xlabel("share of the scores’ variance (fANOVA)")
    grid(axes, "x")
    legend_above(
        figure,
        [
            Line2D(
                [], [], color=BLUE, linewidth=8, label="importance; hollow: no more than chance"
            ),
            Line2D([], [], color=ORANGE, linewidth=2.6, label="largest by chance"),
        ],
        columns=2,
    )
    return figure


@styled
def selection_flattery(frame: pd.DataFrame, *, score: str = "ROC AUC") -> Figure:
    """The best of n on the lesions that chose it, and the same network on lesions left out.

    frame: models (n), chosen, held_out; rows without a score are left out.
    """
    frame = checked(frame, "selection_flattery", numbers=["models", "chosen", "held_out"])
    frame = frame.dropna(subset=["chosen", "held_out"])
    if frame.empty:
        raise DataError("selection_flattery: no row has both scores, so nothing can be drawn.")
    figure, axes = canvas(3.6)
    dot = "o" if len(frame) < 3 else None
    axes.fill_between(
        frame["models"], frame["held_out"], frame["chosen"], color=ORANGE, alpha=0.25, lw=0,
        label="flattery",
    )  # fmt: skip
    axes.plot(
        frame["models"], frame["chosen"], color=VERMILLION, linestyle=DASHES[1], marker=dot,
        label="on the lesions that chose it",
    )  # fmt: skip
    axes.plot(
        frame["models"], frame["held_out"], color=BLUE, marker=dot, label="on lesions left out"
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("networks to choose from")
    axes.set_ylabel(f"{score} of the chosen one")
    grid(axes, "both")
    legend_above(figure, columns=3)
    return figure


def _dot(look: dict, label: str) -> Line2D:
    return Line2D([], [], linewidth=0, markersize=7, label=label, **look)
