"""Figures of one model's decisions: confusion, ROC, precision-recall, calibration, thresholds."""

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from dermbook.plots.style import (
    BLACK,
    BLUE,
    CARD,
    DASHES,
    GREEN,
    INK,
    MIN_FONT,
    QUIET,
    SKY,
    VERMILLION,
    canvas,
    checked,
    class_colours,
    count_axis,
    grid,
    in_order,
    ink_on,
    legend_above,
    optional_numbers,
    short,
    styled,
)

_SHADES = LinearSegmentedColormap.from_list("card to blue", [CARD, "#8fc1e3", BLUE, "#003a5c"])
#: above so many classes the cells of a confusion matrix are too small to write in
WRITABLE = 12


@styled
def confusion_heatmap(frame: pd.DataFrame) -> Figure:
    """A confusion matrix: counts, and the percentage of the row, which is also the shade.

    frame: truth, predicted, count; classes in the order of ``truth``. Above 12 classes the cells
    are shaded only.
    """
    frame = checked(frame, "confusion_heatmap", text=["truth", "predicted"], numbers=["count"])
    classes = in_order([*frame["truth"], *frame["predicted"]])
    table = frame.pivot_table(
        index="truth", columns="predicted", values="count", aggfunc="sum", fill_value=0
    ).reindex(index=classes, columns=classes, fill_value=0)
    counts = table.to_numpy()
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    k = len(classes)
    figure, axes = canvas(6.0 if k > 3 else 1.6 + 1.1 * k)
    picture = axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
    if k <= WRITABLE:
        for row, column in np.ndindex(k, k):
            text = f"{counts[row, column]:,.0f}"
            if totals[row, 0] and counts[row, column]:
                text += f"\n{100 * shares[row, column]:.0f} %"
            axes.text(
                column, row, text, ha="center", va="center", fontsize=MIN_FONT,
                linespacing=1.25, color=ink_on(_SHADES(shares[row, column])),
                fontweight="bold" if row == column else "normal",
            )  # fmt: skip
        axes.set_xticks(range(k), classes)
        axes.set_yticks(
            range(k),
            [f"{name}  (n = {n:,.0f})" for name, n in zip(classes, totals[:, 0], strict=True)],
        )
    else:
        axes.set_xticks([])
        axes.set_yticks([])
        figure.colorbar(picture, ax=axes, label="share of the true class", shrink=0.7)
    # thin lines between the cells, and none around them
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    if k <= WRITABLE:
        axes.grid(which="minor", color=CARD, linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.set_xlabel("predicted", fontweight="bold")
    axes.set_ylabel("truth", fontweight="bold")
    return figure


@styled
def roc_curves(frame: pd.DataFrame) -> Figure:
    """ROC curves, the area of each in the legend, chance as the diagonal.

    frame: class, false_positive_rate, true_positive_rate, area; a band where low and high are, and
    the area's interval in the legend where area_low and area_high are.
    """
    x, y = "false_positive_rate", "true_positive_rate"
    frame = checked(frame, "roc_curves", text=["class"], numbers=[x, y, "area"])
    figure, axes = canvas(4.3)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.2, linestyle=DASHES[2])
    _curves(axes, frame, x, y, "AUC")
    axes.text(
        0.56, 0.52, "chance", rotation=45, rotation_mode="anchor", transform_rotates_text=True,
        fontsize=MIN_FONT, color=QUIET, va="top",
    )  # fmt: skip
    axes.set_xlabel("false positive rate (1 − specificity)")
    axes.set_ylabel("true positive rate (sensitivity)")
    _unit_square(axes)
    figure.legend(loc="outside right upper")
    return figure


@styled
def pr_curves(frame: pd.DataFrame) -> Figure:
    """Precision against recall, the average precision of each curve in the legend.

    frame: class, recall, precision, area; with ``prevalence`` and one curve, chance is drawn too.
    Bands and intervals as in ``roc_curves``.
    """
    frame = checked(frame, "pr_curves", text=["class"], numbers=["recall", "precision", "area"])
    frame = optional_numbers(frame, ["prevalence"])
    figure, axes = canvas(4.3)
    if frame["class"].nunique() == 1 and frame["prevalence"].notna().any():
        level = frame["prevalence"].iloc[0]
        axes.axhline(level, color=QUIET, linewidth=1.2, linestyle=DASHES[2])
        below = level > 0.12
        axes.text(
            0.01, level + (-0.015 if below else 0.015), f"chance: prevalence {short(level)}",
            fontsize=MIN_FONT, color=QUIET, va="top" if below else "bottom",
        )  # fmt: skip
    _curves(axes, frame, "recall", "precision", "AP")
    axes.set_xlabel("recall (sensitivity)")
    axes.set_ylabel("precision")
    _unit_square(axes)
    figure.legend(loc="outside right upper")
    return figure


@styled
def reliability_diagram(frame: pd.DataFrame) -> Figure:
    """Accuracy against confidence with intervals, and below how many images each bin holds.

    frame: lower, upper, confidence, accuracy, count, low, high: ``reliability_bins``.
    """
    numbers = ["lower", "upper", "confidence", "accuracy", "count", "low", "high"]
    frame = checked(frame, "reliability_diagram", numbers=numbers)
    figure, (axes, below) = canvas(5.4, 2, 1, sharex=True, height_ratios=[3, 1])
    full = frame[frame["count"] > 0]
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.2, linestyle=DASHES[2], label="calibrated")
    errors = np.abs(full[["low", "high"]].to_numpy().T - full["accuracy"].to_numpy())
    axes.vlines(
        full["confidence"], full["accuracy"], full["confidence"], color=VERMILLION, alpha=0.35,
        linewidth=6, label="gap",
    )  # fmt: skip
    axes.errorbar(
        full["confidence"], full["accuracy"], yerr=errors, fmt="o-", color=BLUE, markersize=6,
        elinewidth=1.4, capsize=3, linewidth=1.2, label="accuracy, 95 % interval",
    )  # fmt: skip
    gap = ((full["accuracy"] - full["confidence"]).abs() * full["count"]).sum()
    axes.text(
        0.02, 0.95, f"expected calibration error {short(gap / full['count'].sum())}",
        transform=axes.transAxes, va="top", fontsize=11,
    )  # fmt: skip
    axes.set_ylabel("accuracy in the bin")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(0, 1.01)
    grid(axes, "both")
    width = frame["upper"] - frame["lower"]
    below.bar(frame["lower"], frame["count"], width=width * 0.94, align="edge", color=SKY)
    below.set_xlabel("confidence (highest probability)")
    count_axis(below, "y", "images")
    legend_above(figure)
    return figure


@styled
def threshold_tradeoff(frame: pd.DataFrame, *, mark_cheapest: bool = True) -> Figure:
    """Sensitivity, specificity, precision and F1 against the threshold.

    frame: threshold, sensitivity, specificity, precision, f1; with ``cost``, the threshold of
    least cost is marked unless ``mark_cheapest`` is False.
    """
    curves = {"sensitivity": VERMILLION, "specificity": BLUE, "precision": GREEN, "f1": BLACK}
    frame = checked(frame, "threshold_tradeoff", numbers=["threshold", *curves])
    frame = optional_numbers(frame, ["cost"])
    figure, axes = canvas(4.2)
    for position, (name, colour) in enumerate(curves.items()):
        label = "F1" if name == "f1" else name
        axes.plot(
            frame["threshold"], frame[name], color=colour, linestyle=DASHES[position], label=label
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    if mark_cheapest and frame["cost"].notna().any():
        chosen = frame.loc[frame["cost"].idxmin(), "threshold"]
        axes.axvline(chosen, color=INK, linewidth=1.2)
        right = chosen < 0.6
        axes.annotate(
            f"least cost: {short(chosen, 2)}", (chosen, 0.02), xytext=(5 if right else -5, 0),
            textcoords="offset points", ha="left" if right else "right", va="bottom",
            fontsize=MIN_FONT, bbox={"facecolor": CARD, "linewidth": 0, "pad": 1.5, "alpha": 0.85},
        )  # fmt: skip
    axes.set_xlabel("threshold on the probability")
    axes.set_ylabel("score")
    grid(axes, "both")
    legend_above(figure)
    return figure


@styled
def kappa_histogram(frame: pd.DataFrame) -> Figure:
    """A model's kappa among those that shuffled labels reach.

    frame: left, right (of the bin), count, observed (the model's kappa, the same in each row).
    """
    frame = checked(frame, "kappa_histogram", numbers=["left", "right", "count", "observed"])
    figure, axes = canvas(3.6)
    observed = frame["observed"].iloc[0]
    axes.bar(
        frame["left"], frame["count"], width=frame["right"] - frame["left"], align="edge",
        color=SKY, label="labels shuffled",
    )  # fmt: skip
    axes.axvline(
        observed, color=VERMILLION, linewidth=2.5, label=f"the model: κ = {short(observed)}"
    )
    axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=DASHES[2], label="chance: κ = 0")
    axes.set_xlabel("Cohen’s κ")
    axes.set_ylabel("shufflings")
    grid(axes, "y")
    legend_above(figure)
    return figure


def _curves(axes, frame: pd.DataFrame, x: str, y: str, area: str) -> None:
    """One line a class in its colour and dash, ``macro`` on top; bands where there are any."""
    frame = optional_numbers(frame, ["low", "high", "area_low", "area_high"])
    names = in_order(frame["class"])
    colours = class_colours(names)
    for position, name in enumerate(names):
        curve = frame[frame["class"] == name]
        is_macro = name == "macro"
        label = f"{name}, {area} {short(curve['area'].iloc[0])}"
        if curve["area_low"].notna().any():
            interval = f"{short(curve['area_low'].iloc[0])}–{short(curve['area_high'].iloc[0])}"
            label += f"\n95 % interval {interval}"
        axes.plot(
            curve[x], curve[y], color=colours[name], linewidth=3 if is_macro else 1.9,
            linestyle="-" if is_macro or len(names) == 1 else DASHES[position % len(DASHES)],
            zorder=4 if is_macro else 3, label=label,
        )  # fmt: skip
        if curve["low"].notna().any():
            axes.fill_between(
                curve[x], curve["low"], curve["high"], color=colours[name], alpha=0.18, linewidth=0
            )


def _unit_square(axes) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_box_aspect(1)
    ticks = np.linspace(0, 1, 6)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    grid(axes, "both")
