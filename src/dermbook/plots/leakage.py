"""Figures of splits that leak: what a test shares with train, and what that adds to a score."""

import pandas as pd
from matplotlib.figure import Figure

from dermbook.errors import DataError
from dermbook.plots.style import (
    BLUE,
    CARD,
    FILLS,
    GREY,
    INK,
    MARKERS,
    MIN_FONT,
    OTHER_FILL,
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

_KINDS = {
    "same_image": ("the image itself", FILLS[1], ""),
    "identical_content": ("an identical file", FILLS[2], "xx"),
    "near_duplicate": ("the lesion under another name", FILLS[4], ".."),
    "sibling": ("another photograph of the lesion", FILLS[0], "//"),
    "clean": ("nothing", OTHER_FILL, ""),
}


@styled
def leak_bars(frame: pd.DataFrame) -> Figure:
    """What the test images of each strategy find in train, as shares of the test part.

    frame: strategy, kind, percent (of the test part; those of a strategy add up to 100). Each
    image counts once, by the worst that train holds of it.
    """
    frame = checked(frame, "leak_bars", text=["strategy", "kind"], numbers=["percent"])
    unknown = sorted(set(frame["kind"]) - set(_KINDS))
    if unknown:
        raise DataError(f"leak_bars: kind {unknown[0]!r} is none of {', '.join(_KINDS)}.")
    strategies = in_order(frame["strategy"])
    table = frame.pivot_table(index="strategy", columns="kind", values="percent", aggfunc="sum")
    table = table.reindex(strategies).fillna(0)
    figure, axes = canvas(1.3 + 0.46 * len(strategies))
    start = pd.Series(0.0, index=table.index)
    for kind, (label, colour, hatch) in _KINDS.items():
        if kind not in table or not table[kind].any():
            continue
        width = table[kind]
        axes.barh(
            range(len(strategies)), width, left=start, height=0.74, color=colour,
            edgecolor=CARD, linewidth=1.0, hatch=hatch, label=label,
        )  # fmt: skip
        for row, value in enumerate(width):
            if value >= 7:
                axes.text(
                    start.iloc[row] + value / 2, row, f"{value:.0f} %",
                    ha="center", va="center", fontsize=MIN_FONT, color=INK,
                    bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
                )  # fmt: skip
        start = start + width
    axes.set_yticks(range(len(strategies)), strategies)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the test images, %, by what train holds of them")
    axes.tick_params(axis="y", length=0)
    legend_above(figure, columns=2)
    return figure


@styled
def effect_intervals(frame: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """What a leak adds to a score: the difference with its 95 % interval, beside zero.

    frame: learner, comparison, metric, first, second (scores), value (second − first), low, high.
    metric: which score is drawn. One block a comparison, one row a learner, the numbers beside.
    """
    frame = checked(
        frame,
        "effect_intervals",
        text=["learner", "comparison", "metric"],
        numbers=["first", "second", "value", "low", "high"],
    )
    frame = frame[frame["metric"] == metric]
    if frame.empty:
        raise DataError(f"effect_intervals: the table has no row of {metric}.")
    learners = in_order(frame["learner"])
    looks = dict(zip(learners, zip((BLUE, VERMILLION, GREY), MARKERS, strict=False), strict=False))
    comparisons = in_order(frame["comparison"])
    figure, axes = canvas(1.25 + 0.32 * (len(frame) + 1.3 * len(comparisons)))
    y, ticks, labels = 0.0, [], []
    for comparison in comparisons:
        axes.annotate(
            comparison, (0, y), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontweight="bold", fontsize=11,
        )  # fmt: skip
        for row in frame[frame["comparison"] == comparison].itertuples():
            y += 1
            colour, marker = looks[row.learner]
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
            axes.plot([row.value], [y], marker, color=colour, markersize=7.5)
            axes.annotate(
                f"{row.value:+.3f}  ({row.first:.3f} → {row.second:.3f})", (1, y),
                xycoords=("axes fraction", "data"), xytext=(6, 0),
                textcoords="offset points", va="center", fontsize=MIN_FONT,
            )  # fmt: skip
            ticks.append(y)
            labels.append(row.learner)
        y += 1.3
    axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.6, -0.7)
    axes.set_xlabel(f"difference in {metric_label(metric)}, 95 % interval")
    axes.margins(x=0.06)
    grid(axes, "x")
    return figure
