"""Figures of fine-tuning: optimizers, exploding gradients, a misread plateau, depths."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.plots.style import (
    BLUE,
    CARD,
    DASHES,
    MARKERS,
    ORANGE,
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
    styled,
)


@styled
def optimizer_scores(frame: pd.DataFrame, *, metric: str = "accuracy") -> Figure:
    """Each optimizer's score in training and on the test part, beside what a report gives.

    frame: optimizer, part, metric, value, low, high, reported (a hollow diamond; NaN for none).
    """
    frame = checked(
        frame, "optimizer_scores", text=["optimizer", "part", "metric"], numbers=["value"]
    )
    frame = optional_numbers(frame, ["low", "high", "reported"])
    frame = frame[frame["metric"] == metric]
    names, parts = in_order(frame["optimizer"]), in_order(frame["part"])
    figure, panels = canvas(1.6 + 0.36 * len(names), 1, len(parts), squeeze=False, sharey=True)
    for axes, part in zip(panels[0], parts, strict=True):
        for row in frame[frame["part"] == part].itertuples():
            y = names.index(row.optimizer)
            axes.plot([row.low, row.high], [y, y], color=BLUE, linewidth=2.6)
            axes.plot([row.value], [y], "o", color=BLUE, markersize=7.5)
            if not np.isnan(row.reported):
                axes.plot(
                    [row.reported], [y], "D", color=VERMILLION, markerfacecolor=CARD,
                    markeredgewidth=1.8, markersize=7.5,
                )  # fmt: skip
        axes.set_title({"train": "training part", "test": "test part"}.get(part, part))
        axes.set_xlabel(metric_label(metric))
        grid(axes, "x")
    panels[0, 0].set_yticks(range(len(names)), names)
    panels[0, 0].set_ylim(len(names) - 0.5, -0.5)
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=7.5, label="measured, 95 % interval"),
        Line2D([], [], color=VERMILLION, marker="D", markerfacecolor=CARD, markeredgewidth=1.8,
               linewidth=0, markersize=7.5, label="report R1"),
    ]  # fmt: skip
    legend_above(figure, handles)
    return figure


@styled
def gradient_steps(frame: pd.DataFrame) -> Figure:
    """Norm of the gradient and loss, step by step, on logarithmic scales, a line an arm.

    frame: arm, step, norm, loss. A cross marks the last step that was finite of an arm that ends
    before the others.
    """
    frame = checked(frame, "gradient_steps", text=["arm"], numbers=["step", "norm", "loss"])
    arms, last = in_order(frame["arm"]), frame["step"].max()
    figure, panels = canvas(6.0, 2, 1, sharex=True)
    for position, arm in enumerate(arms):
        of = frame[frame["arm"] == arm]
        colour = SERIES[position % len(SERIES)]
        dash = DASHES[position % len(DASHES)]
        for axes, column in zip(panels, ("norm", "loss"), strict=True):
            finite = of[np.isfinite(of[column]) & (of[column] > 0)]
            axes.plot(finite["step"], finite[column], color=colour, linestyle=dash, label=arm)
            if len(finite) and finite["step"].max() < last:
                at = finite.iloc[-1]
                axes.plot([at["step"]], [at[column]], "X", color=colour, markersize=10)
    for axes, label in zip(panels, ("norm of the gradient", "loss"), strict=True):
        axes.set_yscale("log")
        axes.set_ylabel(label)
        grid(axes, "both")
    panels[1].set_xlabel("step (a cross: the next one is infinite or not a number)")
    legend_above(figure, columns=2)
    return figure


@styled
def plateau_rates(frame: pd.DataFrame) -> Figure:
    """The monitored score and the learning rate under two rules, a column a curve.

    frame: curve, mode, epoch, value, learning_rate, best, halved. A triangle marks a halving.
    """
    frame = checked(
        frame,
        "plateau_rates",
        text=["curve", "mode"],
        numbers=["epoch", "value", "learning_rate", "best", "halved"],
    )
    curves, modes = in_order(frame["curve"]), in_order(frame["mode"])
    figure, panels = canvas(6.0, 2, len(curves), squeeze=False, sharex="col", sharey="row")
    for column, curve in enumerate(curves):
        for position, mode in enumerate(modes):
            of = frame[(frame["curve"] == curve) & (frame["mode"] == mode)].sort_values("epoch")
            look = {
                "color": (VERMILLION, BLUE, ORANGE)[position % 3],
                "linestyle": DASHES[(1, 0, 2)[position % 3]],
            }
            panels[0, column].plot(of["epoch"], of["value"], **look)
            # a rate holds for its whole epoch
            panels[1, column].step(
                of["epoch"], of["learning_rate"], where="mid", label=f"mode {mode}", **look
            )
            down = of[of["halved"] > 0]
            panels[0, column].plot(
                down["epoch"], down["value"], "v", color=look["color"], markersize=9
            )
        panels[0, column].set_title(curve)
        panels[1, column].set_yscale("log")
        panels[1, column].set_xlabel("epoch")
        for axes in panels[:, column]:
            grid(axes, "both")
    panels[0, 0].set_ylabel("validation F1")
    panels[1, 0].set_ylabel("learning rate")
    handles = panels[1, 0].get_legend_handles_labels()[0]
    handles.append(
        Line2D([], [], color=QUIET, marker="v", linewidth=0, markersize=9, label="rate halved")
    )
    legend_above(figure, handles)
    return figure


@styled
def depth_scores(frame: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """A test score of each depth with its interval, and its validation score as a bar.

    frame: model, depth, trainable, metric, value, low, high, validation.
    """
    frame = checked(
        frame,
        "depth_scores",
        text=["model", "depth", "metric"],
        numbers=["trainable", "value", "low", "high", "validation"],
    )
    frame = frame[frame["metric"] == metric]
    figure, axes = canvas(1.6 + 0.4 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        colour = SERIES[y % len(SERIES)]
        axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
        axes.plot([row.value], [y], MARKERS[y % len(MARKERS)], color=colour, markersize=8)
        axes.plot([row.validation], [y], "|", color=QUIET, markersize=14, markeredgewidth=2.2)
    labels = [f"{row.model}\n{row.trainable:,.0f} learn" for row in frame.itertuples()]
    axes.set_yticks(range(len(frame)), labels)
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlabel(f"{metric_label(metric)}: test with 95 % interval; bar: validation")
    grid(axes, "x")
    return figure
