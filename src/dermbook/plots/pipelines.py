"""Figures of input pipelines: speed, labels out of order, scalings swapped, channel statistics."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.plots.style import (
    BLUE,
    CARD,
    DASHES,
    GREEN,
    GREY,
    INK,
    MARKERS,
    MIN_FONT,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    ink_on,
    legend_above,
    short,
    styled,
)

_SHADES = LinearSegmentedColormap.from_list("card to blue", [CARD, "#8fc1e3", BLUE, "#003a5c"])
_CHANNEL_COLOURS = {"red": VERMILLION, "green": GREEN, "blue": BLUE}
_QUANTITY_TITLES = {
    "mean": "mean",
    "pooled_std": "deviation, all pixels",
    "image_std": "deviation, by image",
}


@styled
def pipeline_speed(frame: pd.DataFrame) -> Figure:
    """Images a second in the first and the second epoch, one line a pipeline, log scale.

    frame: pipeline, images_per_second_first, images_per_second_second, and their ranges
    first_low, first_high, second_low, second_high. Rows without numbers (not run) are left out.
    """
    numbers = ["images_per_second_first", "first_low", "first_high"]
    numbers += ["images_per_second_second", "second_low", "second_high"]
    frame = checked(frame, "pipeline_speed", text=["pipeline"], numbers=numbers)
    frame = frame.dropna(subset=numbers).reset_index(drop=True)
    figure, axes = canvas(1.5 + 0.45 * len(frame))
    for epoch, colour, marker, shift in (
        ("first", VERMILLION, MARKERS[1], -0.14),
        ("second", BLUE, MARKERS[0], 0.14),
    ):
        at = np.arange(len(frame)) + shift
        axes.hlines(at, frame[f"{epoch}_low"], frame[f"{epoch}_high"], color=colour, linewidth=2)
        axes.plot(
            frame[f"images_per_second_{epoch}"], at, marker, color=colour, markersize=7,
            label=f"{epoch} epoch",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_yticks(range(len(frame)), frame["pipeline"])
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlabel("images a second (median of repeats; line: least to most)")
    grid(axes, "x")
    legend_above(figure)
    return figure


@styled
def kappa_by_way(frame: pd.DataFrame) -> Figure:
    """Cohen's kappa of one model, judged in several ways, a dot a seed; the line is chance.

    frame: way, kappa, p_value. Filled dots differ from chance (p ≤ .05), hollow ones do not.
    """
    frame = checked(frame, "kappa_by_way", text=["way"], numbers=["kappa", "p_value"])
    ways = in_order(frame["way"])
    figure, axes = canvas(1.4 + 0.55 * len(ways))
    axes.axvline(0, color=INK, linestyle=DASHES[1], linewidth=1.4)
    for place, way in enumerate(ways):
        rows = frame[frame["way"] == way]
        spread = np.linspace(-0.22, 0.22, len(rows)) if len(rows) > 1 else [0.0]
        filled = np.where(rows["p_value"] <= 0.05, BLUE, CARD)
        axes.scatter(
            rows["kappa"], place + np.asarray(spread), s=46, c=filled, edgecolors=BLUE,
            linewidths=1.5, zorder=3,
        )  # fmt: skip
    axes.set_yticks(range(len(ways)), [way.replace(", ", ",\n") for way in ways])
    axes.set_ylim(len(ways) - 0.5, -0.5)
    axes.set_xlabel("Cohen’s κ; 0 is chance, 1 is perfect")
    grid(axes, "x")
    dot = {"marker": "o", "linestyle": "", "markersize": 7, "markeredgecolor": BLUE}
    legend_above(
        figure,
        [
            Line2D([], [], color=BLUE, label="beyond chance (p ≤ .05)", **dot),
            Line2D([], [], markerfacecolor=CARD, label="not beyond chance", **dot),
            Line2D([], [], color=INK, linestyle=DASHES[1], linewidth=1.4, label="chance"),
        ],
        columns=3,
    )
    return figure


@styled
def confusion_pair(frame: pd.DataFrame, *, ways: Sequence[str] = ()) -> Figure:
    """Two confusion matrices side by side: per cent of each row, as number and shade.

    frame: way, truth, predicted, count; classes in the order of ``truth``. ways: which two; the
    first two of the frame if empty.
    """
    frame = checked(frame, "confusion_pair", text=["way", "truth", "predicted"], numbers=["count"])
    ways = list(ways) or in_order(frame["way"])[:2]
    classes = in_order(frame["truth"])
    figure, panels = canvas(4.3, columns=len(ways), squeeze=False)
    for axes, way in zip(panels[0], ways, strict=True):
        table = frame[frame["way"] == way].pivot(index="truth", columns="predicted", values="count")
        counts = table.reindex(index=classes, columns=classes).to_numpy()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1)
        for row, column in np.ndindex(*shares.shape):
            axes.text(
                column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center",
                fontsize=MIN_FONT, color=ink_on(_SHADES(shares[row, column])),
                fontweight="bold" if row == column else "normal",
            )  # fmt: skip
        axes.set_title(way)
        axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
        axes.set_yticks(range(len(classes)), classes)
        axes.tick_params(length=0)
        axes.set_xlabel("predicted")
        axes.spines[:].set_visible(False)
    panels[0, 0].set_ylabel("true class; cells: % of its images")
    return figure


@styled
def swap_heatmap(frame: pd.DataFrame) -> Figure:
    """Trained with one scaling, tested with another: balanced accuracy, and loss on a log shade.

    frame: train, test (scalings), balanced_accuracy, loss; every pair once. With a column
    ``features``, a row of panels for each kind of features.
    """
    frame = checked(
        frame, "swap_heatmap", text=["train", "test"], numbers=["balanced_accuracy", "loss"]
    )
    kinds = in_order(frame["features"]) if "features" in frame.columns else [""]
    names = in_order(frame["train"])
    height = (1.9 + 0.52 * len(names)) * len(kinds)
    figure, panels = canvas(height, rows=len(kinds), columns=2, squeeze=False)
    for pair, kind in zip(panels, kinds, strict=True):
        rows = frame[frame["features"] == kind] if kind else frame
        of = f", {kind}" if kind else ""
        _swap_panel(pair[0], rows, names, "balanced_accuracy", f"balanced accuracy{of}")
        _swap_panel(pair[1], rows, names, "loss", f"loss{of}")
        pair[1].set_yticklabels([])
        pair[0].set_ylabel("trained with")
    return figure


def _swap_panel(
    axes: Axes, frame: pd.DataFrame, names: Sequence[str], column: str, title: str
) -> None:
    table = frame.pivot(index="train", columns="test", values=column)
    values = table.reindex(index=names, columns=names).to_numpy()
    shades = values
    if column == "loss":  # a loss spans decades; its shade is of the logarithm
        shades = np.log10(np.maximum(values, 1e-3))
        shades = (shades - shades.min()) / max(shades.max() - shades.min(), 1e-9)
    axes.imshow(shades, cmap=_SHADES, vmin=0, vmax=1)
    for row, place in np.ndindex(*values.shape):
        value = values[row, place]
        axes.text(
            place, row, f"{value:.3g}" if column == "loss" else short(value, 2),
            ha="center", va="center", fontsize=MIN_FONT, color=ink_on(_SHADES(shades[row, place])),
            fontweight="bold" if row == place else "normal",
        )  # fmt: skip
    axes.set_title(title)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.set_xlabel("tested with")
    axes.spines[:].set_visible(False)


@styled
def statistics_by_side(frame: pd.DataFrame) -> Figure:
    """Channel means and both standard deviations against image size, with what a report printed.

    frame: side (pixels), quantity, channel, value, low, high, reported (drawn as dashes). Bands are
    ``low`` to ``high``. Pixel values 0 to 1.
    """
    numbers = ["side", "value", "low", "high", "reported"]
    frame = checked(frame, "statistics_by_side", text=["quantity", "channel"], numbers=numbers)
    quantities = in_order(frame["quantity"])
    figure, panels = canvas(3.9, columns=len(quantities), squeeze=False)
    for axes, quantity in zip(panels[0], quantities, strict=True):
        for place, channel in enumerate(in_order(frame["channel"])):
            chosen = (frame["quantity"] == quantity) & (frame["channel"] == channel)
            rows = frame[chosen].sort_values("side")
            colour = _CHANNEL_COLOURS.get(channel, GREY)
            axes.fill_between(rows["side"], rows["low"], rows["high"], color=colour, alpha=0.2)
            axes.plot(
                rows["side"], rows["value"], MARKERS[place] + "-", color=colour, label=channel
            )
            axes.axhline(rows["reported"].iloc[0], color=colour, linestyle=DASHES[1], linewidth=1.4)
        axes.set_title(_QUANTITY_TITLES.get(quantity, quantity), fontsize=MIN_FONT)
        axes.set_xlabel("side, pixels")
        grid(axes)
    handles, _ = panels[0, 0].get_legend_handles_labels()
    reported = Line2D([], [], color=GREY, linestyle=DASHES[1], linewidth=1.4, label="R3")
    legend_above(figure, [*handles, reported])
    return figure
