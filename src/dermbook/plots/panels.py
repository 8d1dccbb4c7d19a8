"""Figures of composite pictures: boxes on phantoms, detectors compared, their settings, kinds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from dermbook.errors import DataError
from dermbook.plots.style import (
    BLUE,
    DASHES,
    GREEN,
    INK,
    MARKERS,
    MIN_FONT,
    SERIES,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    short,
    styled,
    tag_phantom,
)

_TITLES = {
    "f1_50": "F1 of panels, IoU ≥ .5",
    "exact": "pictures with all panels right",
    "count_right": "composites, right number",
    "false_alarms": "single pictures split",
}
Item = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def panel_boxes(
    items: Sequence[Item], *, columns: int = 4, true: bool = True, phantom: bool = False
) -> Figure:
    """Phantom pictures with the true panels (white on black) and the found ones (dashed).

    items: (title, picture uint8 (h, w, 3), true boxes (k, 4), found boxes (l, 4)) each. true: draw
    the true boxes. Raises DataError unless ``phantom``: pictures of patients are never drawn.
    """
    if not phantom:
        raise DataError("panel_boxes: only phantom pictures are drawn; real ones never are.")
    if not len(items):
        raise DataError("panel_boxes: there are no pictures to draw.")
    return _boxes_drawn(items, columns, true, phantom=True)


@styled
def _boxes_drawn(items: Sequence[Item], columns: int, true: bool) -> Figure:
    columns = min(columns, len(items))
    rows = -(-len(items) // columns)
    high, wide = items[0][1].shape[:2]
    each = 6.6 / columns * high / wide + 0.34
    figure, axes = canvas(0.5 + rows * each, rows, columns, squeeze=False)
    for place, panel in enumerate(axes.flat):
        panel.set_axis_off()
        if place < len(items):
            title, picture, truth, found = items[place]
            panel.imshow(picture, interpolation="nearest")
            panel.set_title(title, fontsize=MIN_FONT, fontweight="normal")
            if true:
                _draw(panel, truth, "black", 3.4, "-")
                _draw(panel, truth, "white", 1.6, "-")
            _draw(panel, found, "black", 3.4, "-")
            _draw(panel, found, "#F0E442", 2.0, (0, (3, 1.5)))
    handles = [Line2D([], [], color="#F0E442", linewidth=3, linestyle=DASHES[1], label="found")]
    if true:
        handles.insert(0, Line2D([], [], color=INK, linewidth=3, label="true (white on black)"))
    legend_above(figure, handles)
    return figure


@styled
def detector_scores(frame: pd.DataFrame, *, metrics: Sequence[str] = tuple(_TITLES)) -> Figure:
    """Detectors by several scores with their intervals, a panel a score, the value beside it.

    Only a phantom knows its panels, so the figure always says phantom.

    frame: detector, metric, value, low, high.
    """
    frame = checked(
        frame, "detector_scores", text=["detector", "metric"], numbers=["value", "low", "high"]
    )
    names = in_order(frame["detector"])
    rows = -(-len(metrics) // 2)
    figure, axes = canvas(rows * (0.75 + 0.27 * len(names)), rows, 2, sharey=True, squeeze=False)
    for panel, metric in zip(axes.flat, metrics, strict=False):
        part = frame[frame["metric"] == metric].set_index("detector").reindex(names)
        for y, row in enumerate(part.itertuples()):
            panel.plot([row.low, row.high], [y, y], color=BLUE, linewidth=2.4)
            panel.plot([row.value], [y], "o", color=BLUE, markersize=6.5)
            panel.annotate(
                short(row.value), (1, y), xycoords=("axes fraction", "data"), xytext=(5, 0),
                textcoords="offset points", va="center", fontsize=MIN_FONT,
            )  # fmt: skip
        panel.set_title(_TITLES.get(metric, metric), fontsize=MIN_FONT + 0.5)
        panel.set_xlim(-0.02, 1.02)
        panel.set_yticks(range(len(names)), names)
        grid(panel, "x")
    axes[0, 0].invert_yaxis()
    for panel in list(axes.flat)[len(metrics) :]:
        panel.set_visible(False)
    for panel in axes[-1]:
        panel.set_xlabel("share, 95 % interval")
    tag_phantom(figure)
    return figure


@styled
def setting_curves(frame: pd.DataFrame) -> Figure:
    """Precision, recall and false alarms of each detector against its setting.

    Only a phantom knows its panels, so the figure always says phantom. Detectors without a setting
    are left out.

    frame: detector, setting, precision_50, recall_50, false_alarms, chosen (the setting taken).
    """
    rates = {"precision_50": (BLUE, "precision"), "recall_50": (VERMILLION, "recall")}
    rates["false_alarms"] = (GREEN, "single pictures split")
    frame = checked(
        frame, "setting_curves", text=["detector"], numbers=["setting", "chosen", *rates]
    )
    frame = frame[frame.groupby("detector")["setting"].transform("nunique") > 1]
    if frame.empty:
        raise DataError("setting_curves: no detector has more than one setting.")
    names = in_order(frame["detector"])
    rows = -(-len(names) // 2)
    figure, axes = canvas(0.7 + 2.2 * rows, rows, 2, sharey=True, squeeze=False)
    for panel, name in zip(axes.flat, names, strict=False):
        curve = frame[frame["detector"] == name].sort_values("setting")
        for position, (rate, (colour, label)) in enumerate(rates.items()):
            panel.plot(
                curve["setting"], curve[rate], color=colour, linestyle=DASHES[position],
                marker=MARKERS[position], markersize=4.5, label=label,
            )  # fmt: skip
        panel.axvline(curve["chosen"].iloc[0], color=INK, linewidth=1.2, label="chosen")
        panel.set_title(name, fontsize=MIN_FONT + 0.5)
        panel.set_ylim(-0.02, 1.03)
        grid(panel, "both")
    for panel in list(axes.flat)[len(names) :]:
        panel.set_visible(False)
    for panel in axes[-1]:
        panel.set_xlabel("setting")
    legend_above(figure, axes[0, 0].get_legend_handles_labels()[0])
    tag_phantom(figure)
    return figure


@styled
def kind_recalls(frame: pd.DataFrame) -> Figure:
    """Recall of panels by kind of composite, a colour a detector, blocks by trait.

    Only a phantom knows its panels, so the figure always says phantom.

    frame: detector, trait, kind, boxes, recall_50, recall_50_low, recall_50_high.
    """
    frame = checked(
        frame, "kind_recalls", text=["detector", "trait", "kind"],
        numbers=["boxes", "recall_50", "recall_50_low", "recall_50_high"],
    )  # fmt: skip
    detectors = in_order(frame["detector"])
    places = frame.drop_duplicates(["trait", "kind"])
    figure, axes = canvas(1.1 + 0.3 * (len(places) + 1.3 * places["trait"].nunique()))
    y, ticks, labels = 0.0, [], []
    for trait in in_order(places["trait"]):
        axes.annotate(
            trait, (0, y), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontweight="bold",
        )  # fmt: skip
        for kind in places.loc[places["trait"] == trait, "kind"]:
            y += 1
            rows = frame[(frame["trait"] == trait) & (frame["kind"] == kind)]
            for row in rows.itertuples():
                place = detectors.index(row.detector)
                at = y + 0.24 * (place - (len(detectors) - 1) / 2)
                colour = SERIES[place % len(SERIES)]
                axes.plot([row.recall_50_low, row.recall_50_high], [at, at], color=colour)
                axes.plot([row.recall_50], [at], MARKERS[place], color=colour, markersize=6)
            ticks.append(y)
            labels.append(kind)
            axes.annotate(
                f"n = {rows['boxes'].iloc[0]:,.0f}", (1, y), xycoords=("axes fraction", "data"),
                xytext=(5, 0), textcoords="offset points", va="center", fontsize=MIN_FONT,
            )  # fmt: skip
        y += 1.3
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.6, -0.7)
    axes.set_xlabel("share of the panels that is found (IoU ≥ .5), 95 % interval")
    grid(axes, "x")
    looks = [
        Line2D([], [], color=SERIES[k % len(SERIES)], marker=MARKERS[k], label=name)
        for k, name in enumerate(detectors)
    ]
    legend_above(figure, looks)
    tag_phantom(figure)
    return figure


def _draw(axes, boxes: np.ndarray, colour: str, width: float, dash) -> None:
    for x0, y0, x1, y1 in np.asarray(boxes):
        box = Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False)
        box.set(edgecolor=colour, linewidth=width, linestyle=dash)
        axes.add_patch(box)
