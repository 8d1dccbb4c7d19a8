"""Figures of generated images: how the two networks train, and how like real images theirs are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermbook.plots.style import (
    BLACK,
    BLUE,
    DASHES,
    GREEN,
    MIN_FONT,
    ORANGE,
    PART_COLOURS,
    PURPLE,
    QUIET,
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

_LOSSES = {
    "discriminator_loss": (BLUE, "discriminator"),
    "generator_loss": (VERMILLION, "generator"),
}
_SCORES = {
    "score_training": (PART_COLOURS["train"], "training images"),
    "score_held_out": (PART_COLOURS["validation"], "held-out images"),
    "score_generated": (VERMILLION, "generated images"),
}
_SETS = {
    "generated": (VERMILLION, "-"),
    "held out": (BLUE, "-"),
    "training, another lesion": (GREEN, DASHES[1]),
    "augmented copies": (PURPLE, DASHES[2]),
}
_SPACES = {"pixels": "in pixels (gray levels)", "features": "in features"}


@styled
def adversarial_curves(frame: pd.DataFrame) -> Figure:
    """Losses of both networks, and the discriminator's scores, by step; a thin line a training.

    frame: model, step, discriminator_loss, generator_loss, score_training, score_held_out,
    score_generated. The thick line is the mean over trainings.
    """
    frame = checked(
        frame, "adversarial_curves", text=["model"], numbers=["step", *_LOSSES, *_SCORES]
    )
    figure, panels = canvas(6.4, 2, 1, sharex=True)
    for axes, columns, label in zip(
        panels, (_LOSSES, _SCORES), ("loss", "discriminator’s score"), strict=True
    ):
        _lines(axes, frame, columns)
        axes.set_ylabel(label)
        grid(axes, "both")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.4)
    panels[-1].set_xlabel("training step")
    return figure


@styled
def likeness_curves(frame: pd.DataFrame) -> Figure:
    """Share of each set's images that are at most so far from a training image, a panel a space.

    frame: space, set, distance. A curve further left: nearer to what was trained on.
    """
    frame = checked(frame, "likeness_curves", text=["space", "set"], numbers=["distance"])
    spaces = in_order(frame["space"])
    figure, panels = canvas(4.2, 1, len(spaces), sharey=True, squeeze=False)
    for axes, space in zip(panels[0], spaces, strict=True):
        of = frame[frame["space"] == space]
        for name in in_order(of["set"]):
            values = np.sort(of.loc[of["set"] == name, "distance"].to_numpy())
            colour, dashes = _SETS.get(name, (BLACK, "-"))
            shares = np.arange(1, len(values) + 1) / len(values)
            axes.step(values, shares, where="post", color=colour, linestyle=dashes, label=name)
        axes.set_xlabel(f"distance {_SPACES.get(space, space)}")
        axes.set_xlim(left=0)
        grid(axes, "both")
    panels[0, 0].set_ylabel("share of images")
    panels[0, 0].set_ylim(0, 1.01)
    legend_above(figure, columns=2)
    return figure


@styled
def set_distances(frame: pd.DataFrame) -> Figure:
    """Fréchet distance of several sets to half of the real images, with the floor marked.

    frame: set, images (on each side), median, low, high.
    """
    frame = checked(
        frame, "set_distances", text=["set"], numbers=["images", "median", "low", "high"]
    )
    figure, axes = canvas(1.3 + 0.42 * len(frame))
    for place, row in enumerate(frame.itertuples()):
        colour, _ = _SETS.get(row.set, (QUIET, "-"))
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.6)
        axes.plot([row.median], [place], "o", color=colour, markersize=8)
    floor = frame.loc[frame["set"] == "real images", "median"]
    if len(floor):
        axes.axvline(floor.iloc[0], color=QUIET, linewidth=1.2, linestyle=DASHES[1])
    axes.set_yticks(range(len(frame)), frame["set"].replace({"real images": "real, other half"}))
    axes.set_ylim(len(frame) - 0.5, -0.5)
    _logarithmic(axes.xaxis, axes.set_xscale)
    sizes = frame["images"].iloc[0]
    axes.set_xlabel(f"Fréchet distance to half of the real images ({sizes:.0f} on each side)")
    grid(axes, "x")
    return figure


@styled
def frechet_floor(frame: pd.DataFrame) -> Figure:
    """Fréchet distance of two draws of the same images, by their size: all of it is error.

    frame: images, median, low, high.
    """
    frame = checked(frame, "frechet_floor", numbers=["images", "median", "low", "high"])
    figure, axes = canvas(3.4)
    axes.fill_between(frame["images"], frame["low"], frame["high"], color=ORANGE, alpha=0.25)
    axes.plot(frame["images"], frame["median"], "o-", color=VERMILLION)
    _logarithmic(axes.xaxis, axes.set_xscale)
    _logarithmic(axes.yaxis, axes.set_yscale)
    axes.set_xticks(frame["images"], [f"{size:.0f}" for size in frame["images"]])
    axes.set_xlabel("images in each draw")
    axes.set_ylabel("Fréchet distance (truth: 0)")
    grid(axes, "both")
    return figure


@styled
def added_effects(frame: pd.DataFrame, *, scores: Sequence[str] = ()) -> Figure:
    """Differences between sources of added images, a panel a score; green gains, red losses.

    frame: comparison, metric, class ("" for all), value, low, high. scores: which metrics, all by
    default. An interval that holds zero is gray and hollow; one that is undefined is not drawn.
    """
    frame = checked(
        frame,
        "added_effects",
        text=["comparison", "metric", "class"],
        numbers=["value", "low", "high"],
    )
    frame["class"] = frame["class"].replace({"None": "", "nan": ""})
    names = list(scores) or in_order(frame["metric"])
    comparisons = in_order(frame["comparison"])
    figure, panels = canvas(
        1.4 + 0.36 * len(comparisons), 1, len(names), sharey=True, squeeze=False
    )
    for axes, name in zip(panels[0], names, strict=True):
        rows = frame[frame["metric"] == name]
        for row in rows.to_dict("records"):
            _effect(axes, row, comparisons.index(row["comparison"]))
        axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_title(_score_title(name, rows["class"].iloc[0]), fontsize=MIN_FONT)
        axes.margins(x=0.1)
        axes.locator_params(axis="x", nbins=3)
        grid(axes, "x")
    panels[0, 0].set_yticks(range(len(comparisons)), comparisons)
    panels[0, 0].set_ylim(len(comparisons) - 0.5, -0.5)
    figure.supxlabel("difference on the test part, 95 % interval", fontsize=11)
    return figure


def _lines(axes, frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> None:
    means = frame.groupby("step")[list(columns)].mean()
    alone = frame["model"].nunique() == 1
    for position, (column, (colour, label)) in enumerate(columns.items()):
        if not alone:
            for _, of in frame.groupby("model", sort=False):
                axes.plot(of["step"], of[column], color=colour, linewidth=0.8, alpha=0.4)
        axes.plot(
            means.index, means[column], color=colour, linestyle=DASHES[position], label=label,
            marker="o" if len(means) == 1 else None,
        )  # fmt: skip


def _effect(axes, row: Mapping, y: int) -> None:
    colour = GREEN if row["low"] > 0 else VERMILLION if row["high"] < 0 else QUIET
    axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2.6)
    fill = colour if colour != QUIET else "white"
    axes.plot([row["value"]], [y], "o", color=colour, markerfacecolor=fill, markersize=7.5)


def _score_title(metric: str, class_: str) -> str:
    label = metric_label(metric).replace(", ", "\n").replace("balanced ", "balanced\n")
    return f"{label}\n{class_label(class_).rpartition('(')[2].rstrip(')')}" if class_ else label


def _logarithmic(axis, set_scale) -> None:
    set_scale("log")
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")
