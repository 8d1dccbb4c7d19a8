"""Figures of segmentation: learning, thresholds, Dice against IoU, and outlines on phantoms."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dermbook.errors import DataError
from dermbook.plots.style import (
    BLACK,
    BLUE,
    CARD,
    DASHES,
    INK,
    MARKERS,
    MIN_FONT,
    ORANGE,
    QUIET,
    SERIES,
    SKY,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    styled,
    tag_phantom,
)


@styled
def dice_curves(frame: pd.DataFrame) -> Figure:
    """Dice by epoch, a panel a network: training batches dashed, validation solid.

    frame: model, epoch, dice, val_dice, best (True at the epoch whose weights were kept).
    """
    frame = checked(frame, "dice_curves", text=["model"], numbers=["epoch", "dice", "val_dice"])
    models = in_order(frame["model"])
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    figure, panels = canvas(0.8 + 2.2 * rows, rows, columns, squeeze=False, sharey=True)
    for axes, model in zip(panels.flat, models, strict=False):
        of = frame[frame["model"] == model].sort_values("epoch")
        axes.plot(of["epoch"], of["dice"], color=ORANGE, linestyle=DASHES[1], marker="o",
                  markersize=4, label="training batches")  # fmt: skip
        axes.plot(of["epoch"], of["val_dice"], color=BLUE, marker="s", markersize=4,
                  label="validation")  # fmt: skip
        if "best" in of.columns:
            kept = of[of["best"].astype(bool)]
            axes.plot(kept["epoch"], kept["val_dice"], "D", color=VERMILLION, markersize=8,
                      fillstyle="none", markeredgewidth=2, label="kept")  # fmt: skip
        axes.set_title(model, fontsize=MIN_FONT + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        grid(axes, "both")
    for axes in list(panels.flat)[len(models) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("mean Dice")
    for column in range(columns):
        lowest = [axes for axes in panels[:, column] if axes.get_visible()][-1]
        lowest.set_xlabel("epoch")
    legend_above(figure, panels[0, 0].get_legend_handles_labels()[0])
    return figure


@styled
def decision_curves(frame: pd.DataFrame) -> Figure:
    """Mean Dice by threshold, as it is and cleaned; the chosen decision marked.

    frame: threshold, cleaned, dice, dice_pooled, chosen.
    """
    frame = checked(frame, "decision_curves", numbers=["threshold", "dice", "dice_pooled"])
    figure, axes = canvas(3.4)
    looks = {
        (False, "dice"): (BLUE, "mean over pictures"),
        (True, "dice"): (VERMILLION, "the same, largest patch only"),
        (False, "dice_pooled"): (SERIES[2], "pixels pooled"),
    }
    for position, ((cleaned, column), (colour, label)) in enumerate(looks.items()):
        of = frame[frame["cleaned"].astype(bool) == cleaned].sort_values("threshold")
        axes.plot(of["threshold"], of[column], color=colour, linestyle=DASHES[position],
                  marker=MARKERS[position], markersize=5, label=label)  # fmt: skip
    chosen = frame[frame["chosen"].astype(bool)].iloc[0]
    axes.plot([chosen["threshold"]], [chosen["dice"]], "D", color=INK, markersize=11,
              fillstyle="none", markeredgewidth=2, linestyle="none", label="chosen")  # fmt: skip
    axes.set_xlabel("threshold on the probability")
    axes.set_ylabel("Dice, validation part")
    grid(axes, "both")
    legend_above(figure, columns=2)
    return figure


@styled
def dice_against_iou(frame: pd.DataFrame, *, pictures: pd.DataFrame | None = None) -> Figure:
    """IoU over Dice: the curve D / (2 − D), ways of averaging, and (faint) single pictures.

    Left the whole range, right the neighbourhood of the averages, as gaps above the curve.

    frame: way, dice, iou, gap. pictures: dice, iou of single pictures, drawn on the left.
    """
    frame = checked(frame, "dice_against_iou", text=["way"], numbers=["dice", "iou", "gap"])
    figure, (left, right) = canvas(4.6, 1, 2)
    line = np.linspace(0, 1, 200)
    left.plot(line, line / (2 - line), color=QUIET, linewidth=1.4)
    if pictures is not None:
        pictures = checked(pictures, "dice_against_iou", numbers=["dice", "iou"])
        left.plot(pictures["dice"], pictures["iou"], ".", color=SKY, markersize=5, alpha=0.5)
    handles = [
        Line2D([], [], color=QUIET, linewidth=1.4, label="IoU = D / (2 − D)"),
        Line2D([], [], color=SKY, marker=".", linewidth=0, label="single pictures"),
    ]
    for position, row in enumerate(frame.itertuples()):
        colour, marker = SERIES[position % len(SERIES)], MARKERS[position % len(MARKERS)]
        if row.way.startswith("R3"):
            colour, marker = BLACK, "*"
        look = {"color": colour, "marker": marker, "markersize": 9, "linewidth": 0}
        left.plot([row.dice], [row.iou], markeredgecolor=CARD, **look)
        right.plot([row.dice], [1000 * row.gap], **look)
        handles.append(Line2D([], [], label=row.way, **look))
    right.axhline(0, color=QUIET, linewidth=1.4)
    right.margins(0.2)
    left.set_xlabel("Dice")
    left.set_ylabel("IoU")
    right.set_xlabel("Dice")
    right.set_ylabel("IoU above the curve, thousandths")
    for axes in (left, right):
        grid(axes, "both")
    legend_above(figure, handles, columns=2)
    return figure


@styled
def size_and_dice(frame: pd.DataFrame) -> Figure:
    """Dice of each picture over the share of it that is lesion, with the median in ten bins.

    frame: share (0 to 1), dice.
    """
    frame = checked(frame, "size_and_dice", numbers=["share", "dice"])
    figure, axes = canvas(3.6)
    axes.plot(100 * frame["share"], frame["dice"], ".", color=SKY, markersize=5, alpha=0.6,
              label="a picture")  # fmt: skip
    bins = pd.qcut(frame["share"], min(10, len(frame)), duplicates="drop")
    grouped = frame.groupby(bins, observed=True)
    axes.plot(100 * grouped["share"].median(), grouped["dice"].median(), "o-", color=VERMILLION,
              markersize=6, label="median of a tenth of the pictures")  # fmt: skip
    axes.set_xlabel("true lesion, % of the picture")
    axes.set_ylabel("Dice")
    grid(axes, "both")
    legend_above(figure)
    return figure


@styled
def mask_outlines(
    items: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]], *, columns: int = 4
) -> Figure:
    """Phantom pictures with the true outline (light, solid) and the found one (dark, dashed).

    items: (title, picture uint8, true mask bool, found mask bool). The two differ in lightness,
    dash and colour; a mask without a pixel has no outline. The figure always says phantom.
    DataError without items.
    """
    if not items:
        raise DataError("mask_outlines: there is no picture to draw.")
    rows = -(-len(items) // columns)
    height, width = items[0][1].shape[:2]
    figure, panels = canvas(0.6 + rows * (6.6 / columns * height / width + 0.3), rows, columns,
                            squeeze=False)  # fmt: skip
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    for position, axes in enumerate(panels.flat):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        if position >= len(items):
            continue
        title, picture, truth, found = items[position]
        axes.imshow(picture)
        _outline(axes, truth, "white", 2.6, "-")
        _outline(axes, found, BLUE, 1.8, DASHES[1])
        axes.set_title(title, fontsize=MIN_FONT, fontweight="normal")
    handles = [
        # white on the near-white card needs an edge to be seen
        Line2D([], [], color="white", linewidth=3, label="true outline",
               path_effects=_edge()),
        Line2D([], [], color=BLUE, linewidth=2, linestyle=DASHES[1], label="found outline"),
    ]  # fmt: skip
    legend_above(figure, handles)
    tag_phantom(figure)
    return figure


def _outline(axes, mask: np.ndarray, colour: str, width: float, dash) -> None:
    if mask.any() and not mask.all():
        axes.contour(
            mask.astype(float), [0.5], colors=[colour], linewidths=width, linestyles=[dash]
        )


def _edge() -> list:
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=5, foreground=INK), Normal()]
