"""Figures of the chapter on ensembles: scores by members, and what choosing flatters."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.plots.style import (
    BLUE,
    DASHES,
    GREEN,
    INK,
    MARKERS,
    QUIET,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    metric_label,
    styled,
)

#: of ways of choosing, the control first
_LOOKS = (QUIET, BLUE, GREEN, VERMILLION)
#: above so many predictions, a curve without a marker at each
_MARKED = 12


@styled
def member_curves(frame: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """Score by the number of predictions averaged, a panel a way of adding them.

    frame: curve, part (validation, which chose; test), members, value. The diamond is the number
    that validation chooses: the least with the best score there.
    """
    frame = checked(frame, "member_curves", text=["curve", "part"], numbers=["members", "value"])
    curves = in_order(frame["curve"])
    figure, panels = canvas(3.7, 1, len(curves), squeeze=False, sharey=True)
    for axes, curve in zip(panels[0], curves, strict=True):
        of = frame[frame["curve"] == curve].sort_values("members", kind="stable")
        for part, colour, dash in (("validation", BLUE, DASHES[1]), ("test", GREEN, DASHES[0])):
            rows = of[of["part"] == part]
            marker = "o" if len(rows) <= _MARKED else None
            axes.plot(
                rows["members"], rows["value"], color=colour, linestyle=dash, marker=marker,
                markersize=4,
            )  # fmt: skip
        chosen = of[of["part"] == "validation"]
        if len(chosen):
            at = chosen.loc[chosen["value"].idxmax()]
            axes.plot(
                [at["members"]], [at["value"]], "D", color=INK, markerfacecolor="white",
                markersize=8, zorder=5,
            )  # fmt: skip
        axes.set_title(curve)
        axes.set_xlabel("predictions averaged")
        axes.xaxis.get_major_locator().set_params(integer=True)
        grid(axes, "both")
    panels[0, 0].set_ylabel(metric_label(metric))
    handles = [
        Line2D([], [], color=BLUE, linestyle=DASHES[1], label="validation, which chooses"),
        Line2D([], [], color=GREEN, label="test"),
        Line2D(
            [], [], color=INK, marker="D", markerfacecolor="white", linewidth=0, label="chosen"
        ),
    ]  # fmt: skip
    legend_above(figure, handles, columns=3)
    return figure


@styled
def optimism_curves(frame: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """What choosing adds to a score, by the number of candidates, a line a way of choosing.

    frame: way, models (n), optimism, error (standard error of the mean; twice it is the band).
    """
    frame = checked(frame, "optimism_curves", text=["way"], numbers=["models", "optimism", "error"])
    figure, axes = canvas(3.9)
    counts = sorted(frame["models"].unique())
    for position, way in enumerate(in_order(frame["way"])):
        rows = frame[frame["way"] == way].sort_values("models")
        colour = _LOOKS[position % len(_LOOKS)]
        axes.fill_between(
            rows["models"], rows["optimism"] - 2 * rows["error"],
            rows["optimism"] + 2 * rows["error"], color=colour, alpha=0.15, linewidth=0,
        )  # fmt: skip
        axes.plot(
            rows["models"], rows["optimism"], color=colour, label=way,
            linestyle=DASHES[position % len(DASHES)], marker=MARKERS[position % len(MARKERS)],
            markersize=5,
        )  # fmt: skip
    axes.axhline(0, color=QUIET, linewidth=1.0)
    if len(counts) > 2:
        axes.set_xscale("log", base=2)
    axes.minorticks_off()
    axes.set_xticks(counts, [f"{count:g}" for count in counts])
    axes.set_xlabel("candidates to choose from")
    axes.set_ylabel(f"gained in {metric_label(metric)}\nwhere it was chosen")
    grid(axes, "both")
    legend_above(figure, columns=2)
    return figure
