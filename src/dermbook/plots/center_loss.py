"""Figures of center loss: how it explodes, what its weight does, and where the classes lie."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.plots.style import (
    DASHES,
    MARKERS,
    QUIET,
    SERIES,
    canvas,
    checked,
    class_colours,
    class_label,
    grid,
    in_order,
    legend_above,
    metric_label,
    styled,
)

_PARTS = {
    "cross_entropy": "cross-entropy",
    "center_loss": "center loss",
    "norm": "length of embeddings",
}
#: what is not finite is drawn here
_CEILING, _FLOOR = 1e12, 1e-6


@styled
def loss_parts(frame: pd.DataFrame, *, formulations: Sequence[str] = ()) -> Figure:
    """Parts of the loss and length of the embeddings by step, logarithmic; a line a formulation.

    frame: formulation, step, cross_entropy, center_loss, norm; of one seed. formulations: which,
    all by default. Values beyond 10¹² (or not finite) are drawn at 10¹².
    """
    frame = checked(frame, "loss_parts", text=["formulation"], numbers=["step", *_PARTS])
    names = list(formulations) or in_order(frame["formulation"])
    figure, panels = canvas(1.2 + 0.28 * len(names) / 2 + 5.6, len(_PARTS), 1, sharex=True)
    for axes, (column, label) in zip(panels, _PARTS.items(), strict=True):
        for position, name in enumerate(names):
            of = frame[frame["formulation"] == name].sort_values("step")
            values = of[column].fillna(_CEILING).clip(_FLOOR, _CEILING)
            axes.plot(
                of["step"], values, color=SERIES[position % len(SERIES)],
                linestyle=DASHES[position % len(DASHES)], label=name,
            )  # fmt: skip
            if len(of) and of["step"].iloc[-1] < frame["step"].max():
                axes.plot(
                    of["step"].iloc[-1], values.iloc[-1], "X",
                    color=SERIES[position % len(SERIES)], markersize=9,
                )  # fmt: skip
        axes.set_yscale("log")
        axes.set_ylabel(label)
        grid(axes, "both")
    panels[-1].set_xlabel("training step (a cross: the loss was infinite)")
    legend_above(figure, columns=2)
    return figure


@styled
def strength_limit(frame: pd.DataFrame) -> Figure:
    """Largest loss of trainings at several weights λ, beside the predicted limit.

    frame: strength (λ), largest (loss, relative to the first; infinite or missing: diverged),
    limit (the same in every row).
    """
    frame = checked(frame, "strength_limit", numbers=["strength", "largest", "limit"])
    figure, axes = canvas(3.6)
    values = frame["largest"].fillna(_CEILING).clip(1e-2, _CEILING)
    beyond = values >= _CEILING
    axes.plot(frame["strength"][~beyond], values[~beyond], "o", color=SERIES[0], markersize=8)
    axes.plot(frame["strength"][beyond], values[beyond], "X", color=SERIES[1], markersize=10)
    axes.axvline(frame["limit"].iloc[0], color=QUIET, linestyle=DASHES[1])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("weight λ of center loss (dashed: predicted limit)")
    axes.set_ylabel("largest loss / first loss")
    grid(axes, "both")
    handles = [
        Line2D([], [], color=SERIES[0], marker="o", linewidth=0, label="finite"),
        Line2D([], [], color=SERIES[1], marker="X", linewidth=0, label="reached infinity"),
    ]
    legend_above(figure, handles)
    return figure


@styled
def strength_sweep(frame: pd.DataFrame) -> Figure:
    """Validation scores and compactness by λ: a dot a seed, a line through the means.

    frame: task, strength, seed, balanced_accuracy, roc_auc, ratio. λ = 0 stands at the left.
    """
    columns = ["balanced_accuracy", "roc_auc", "ratio"]
    frame = checked(frame, "strength_sweep", text=["task"], numbers=["strength", *columns])
    strengths = sorted(frame["strength"].unique())
    figure, panels = canvas(6.6, 3, 1, sharex=True)
    for axes, column in zip(panels, columns, strict=True):
        for position, task in enumerate(in_order(frame["task"])):
            of = frame[frame["task"] == task]
            colour, marker = SERIES[position], MARKERS[position]
            at = of["strength"].map(strengths.index) + 0.08 * (2 * position - 1)
            axes.plot(at, of[column], marker, color=colour, alpha=0.55, markersize=6)
            means = of.groupby("strength")[column].mean()
            axes.plot(
                [strengths.index(value) for value in means.index], means, color=colour,
                linestyle=DASHES[position], marker=marker, label=task,
            )  # fmt: skip
        axes.set_ylabel(
            "within / between" if column == "ratio" else metric_label(column).replace(" ", "\n", 1)
        )
        grid(axes, "both")
    panels[-1].set_xticks(range(len(strengths)), [f"{value:g}" for value in strengths])
    panels[-1].set_xlabel("weight λ of center loss (0: none)")
    legend_above(figure)
    return figure


@styled
def embedding_points(frame: pd.DataFrame) -> Figure:
    """Embeddings as points in a plane, a panel a model, a colour and marker a class.

    frame: model, class, x, y.
    """
    frame = checked(frame, "embedding_points", text=["model", "class"], numbers=["x", "y"])
    models, classes = in_order(frame["model"]), sorted(frame["class"].unique())
    colours = class_colours(classes)
    rows = int(np.ceil(len(models) / 2))
    figure, panels = canvas(0.9 + 3.3 * rows, rows, min(2, len(models)), squeeze=False)
    for axes, model in zip(panels.ravel(), models, strict=False):
        for position, name in enumerate(classes):
            of = frame[(frame["model"] == model) & (frame["class"] == name)]
            axes.plot(
                of["x"], of["y"], MARKERS[position % len(MARKERS)], color=colours[name],
                markersize=4.5, alpha=0.6, linewidth=0,
            )  # fmt: skip
        axes.set_title(model)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in panels.ravel()[len(models) :]:
        axes.set_visible(False)
    handles = [
        Line2D(
            [], [], color=colours[name], marker=MARKERS[position % len(MARKERS)], linewidth=0,
            label=class_label(name),
        )
        for position, name in enumerate(classes)
    ]  # fmt: skip
    legend_above(figure, handles, columns=2)
    return figure
