"""Figures of looking inside: activity by depth, heat by group, and maps drawn on phantoms."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.errors import DataError
from dermbook.plots.style import (
    BLUE,
    CARD,
    DASHES,
    INK,
    MARKERS,
    MIN_FONT,
    ORANGE,
    QUIET,
    SERIES,
    canvas,
    checked,
    class_label,
    grid,
    in_order,
    legend_above,
    styled,
    tag_phantom,
)

#: measure → label of its axis
_MEASURES = {
    "active": "share of units above 0",
    "contrast": "activity inside against outside",
}
#: light where hot, dark where not, alike in every channel of grey
_HEAT = "inferno"


@styled
def depth_activity(frame: pd.DataFrame) -> Figure:
    """Activity by depth, a panel a measure, a line a network, with 95 % intervals.

    frame: network, depth (0..1), measure (``active`` or ``contrast``), value, low, high. Contrast
    is 0 where lesion and skin are alike: a line marks it.
    """
    numbers = ["depth", "value", "low", "high"]
    frame = checked(frame, "depth_activity", text=["network", "measure"], numbers=numbers)
    measures = [name for name in _MEASURES if name in set(frame["measure"])]
    if not measures:
        raise DataError(f"depth_activity: the table has none of {', '.join(_MEASURES)}.")
    figure, panels = canvas(3.6, 1, len(measures), squeeze=False)
    for axes, measure in zip(panels[0], measures, strict=True):
        for position, network in enumerate(in_order(frame["network"])):
            of = frame[(frame["network"] == network) & (frame["measure"] == measure)]
            of = of.sort_values("depth")
            colour = SERIES[position % len(SERIES)]
            # side by side where two intervals would lie on each other
            x = of["depth"] + 0.012 * position
            axes.vlines(x, of["low"], of["high"], color=colour, linewidth=2.4)
            axes.plot(x, of["value"], color=colour, linestyle=DASHES[position % len(DASHES)],
                      marker=MARKERS[position % len(MARKERS)], markersize=6,
                      label=network)  # fmt: skip
        if measure == "contrast":
            axes.axhline(0, color=QUIET, linewidth=1.2)
        axes.set_xlabel("depth of the layer, 0 first, 1 last")
        axes.set_ylabel(_MEASURES[measure])
        axes.set_xlim(-0.05, 1.07)
        grid(axes, "both")
    legend_above(figure, panels[0, 0].get_legend_handles_labels()[0])
    return figure


@styled
def heat_by_group(frame: pd.DataFrame) -> Figure:
    """Share of heat inside the lesion by group, beside what even and central heat would reach.

    frame: group, value, low, high, n, area, center (all shares 0..1). Groups keep their order.
    """
    numbers = ["value", "low", "high", "n", "area", "center"]
    frame = checked(frame, "heat_by_group", text=["group"], numbers=numbers)
    figure, axes = canvas(1.3 + 0.36 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        axes.plot([row.low, row.high], [y, y], color=BLUE, linewidth=2.6)
        axes.plot([row.value], [y], "o", color=BLUE, markersize=7.5)
        axes.plot([row.area], [y], "|", color=INK, markersize=14, markeredgewidth=2.4)
        axes.plot([row.center], [y], "D", color=ORANGE, markersize=7, markeredgecolor=CARD)
        axes.annotate(
            f"n = {row.n:,.0f}", (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=MIN_FONT, color=QUIET,
        )  # fmt: skip
    axes.set_yticks(range(len(frame)), [class_label(name) for name in frame["group"]])
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("share of heat inside the lesion, 95 % interval")
    grid(axes, "x")
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=7.5, linewidth=2.6, label="Grad-CAM"),
        Line2D([], [], color=INK, marker="|", markersize=14, markeredgewidth=2.4, linewidth=0,
               label="heat everywhere alike"),
        Line2D([], [], color=ORANGE, marker="D", markersize=7, linewidth=0,
               label="heat in the middle"),
    ]  # fmt: skip
    legend_above(figure, handles)
    return figure


@styled
def activation_grid(
    rows: Sequence[tuple[str, Sequence[np.ndarray]]], *, heads: Sequence[str]
) -> Figure:
    """Phantom pictures beside maps of layers, a column a layer; bright is active.

    rows: (label, [picture uint8 (h, w, 3), a map (h, w) of 0..1 a layer]). heads: a title a column.
    The figure always says phantom. DataError without rows, or where titles do not fit.
    """
    if not rows or any(len(images) != len(heads) for _, images in rows):
        raise DataError("activation_grid: needs rows, each with a picture a title.")
    columns, shape = len(heads), rows[0][1][0].shape
    high = 6.2 / columns * shape[0] / shape[1]
    figure, panels = canvas(0.7 + len(rows) * (high + 0.08), len(rows), columns, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    for line, (label, images) in zip(panels, rows, strict=True):
        for axes, image in zip(line, images, strict=True):
            _bare(axes)
            extent = (0, shape[1], shape[0], 0)  # small maps as large as the picture
            if image.ndim == 3:
                axes.imshow(image, extent=extent)
            else:
                axes.imshow(image, cmap=_HEAT, vmin=0, vmax=1, extent=extent)
        line[0].set_ylabel(label, fontsize=MIN_FONT)
    for axes, head in zip(panels[0], heads, strict=True):
        axes.set_title(head, fontsize=MIN_FONT, fontweight="normal")
    tag_phantom(figure)
    return figure


@styled
def heat_overlays(
    items: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]], *, columns: int = 2
) -> Figure:
    """Phantom pictures, each beside the same with its heat; the lesion outlined in both.

    items: (title, picture uint8, lesion mask bool, heat 0..1). The hotter, the brighter and the
    less of the picture is seen. The figure always says phantom. DataError without items.
    """
    if not items:
        raise DataError("heat_overlays: there is no picture to draw.")
    lines = -(-len(items) // columns)
    height, width = items[0][1].shape[:2]
    high = 6.4 / (2 * columns) * height / width
    figure, panels = canvas(0.5 + lines * (high + 0.34), lines, 2 * columns, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    for axes in panels.flat:
        _bare(axes)
    for position, (title, picture, mask, heat) in enumerate(items):
        line, column = divmod(position, columns)
        plain, hot = panels[line, 2 * column : 2 * column + 2]
        plain.imshow(picture)
        plain.set_title(title, fontsize=MIN_FONT, fontweight="normal")
        hot.imshow(picture)
        hot.imshow(heat, cmap=_HEAT, vmin=0, vmax=1, alpha=0.25 + 0.55 * np.clip(heat, 0, 1))
        for axes in (plain, hot):
            if mask.any() and not mask.all():
                axes.contour(mask.astype(float), [0.5], colors=["white"], linewidths=[1.6])
    tag_phantom(figure)
    return figure


def _bare(axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
