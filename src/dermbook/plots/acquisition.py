"""Figures of the harvest: what came of a misbehaving server's addresses, and of being killed."""

import pandas as pd
from matplotlib.figure import Figure

from dermbook.plots.style import (
    BLUE,
    CARD,
    GREEN,
    MIN_FONT,
    VERMILLION,
    canvas,
    checked,
    count_axis,
    in_order,
    legend_above,
    styled,
)


@styled
def harvest_outcomes(frame: pd.DataFrame) -> Figure:
    """Addresses by what they should have come to, and how many did.

    frame: a row a kind of address: expected (``reason`` or ``reason (format)``), n (addresses),
    right (of them classified as expected). Kinds with the same reason are taken together.
    """
    frame = checked(frame, "harvest_outcomes", text=["expected"], numbers=["n", "right"])
    frame["reason"] = frame["expected"].str.partition(" ")[0]
    table = frame.groupby("reason", sort=False).agg(
        n=("n", "sum"), right=("right", "sum"), kinds=("n", "size")
    )
    table = table.sort_values(["n", "kinds"], ascending=False, kind="stable")
    figure, axes = canvas(1.1 + 0.26 * len(table))
    at = range(len(table))
    axes.barh(at, table["right"], height=0.74, color=BLUE, label="classified rightly")
    wrong = table["n"] - table["right"]
    # a wrong one is seen by its pattern, too
    axes.barh(
        at, wrong, left=table["right"], height=0.74, color=VERMILLION, hatch="///",
        edgecolor=CARD, label="wrongly",
    )  # fmt: skip
    longest = max(table["n"].max(), 1)
    for y, row in enumerate(table.itertuples()):
        kinds = "1 kind" if row.kinds == 1 else f"{row.kinds} kinds"
        said = "all right" if row.right == row.n else f"{row.n - row.right:.0f} wrong"
        axes.text(
            row.n + longest * 0.01, y, f"{row.n:,.0f} ({kinds}): {said}",
            va="center", fontsize=MIN_FONT,
        )  # fmt: skip
    axes.set_yticks(at, table.index)
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.4)
    count_axis(axes, "x", "addresses")
    legend_above(figure)
    return figure


@styled
def harvest_kills(frame: pd.DataFrame) -> Figure:
    """How far each run of a killed harvest got, one bar a run, from where the last one ended.

    frame: run (1, 2, …), ended (``killed`` or ``finished``), settled (rows settled at its end).
    """
    frame = checked(frame, "harvest_kills", text=["ended"], numbers=["run", "settled"])
    figure, axes = canvas(1.2 + 0.42 * len(frame))
    start = frame["settled"].shift(fill_value=0)
    colours = {"killed": VERMILLION, "finished": GREEN}
    hatches = {"killed": "///", "finished": ""}
    for ended in in_order(frame["ended"]):
        chosen = frame["ended"] == ended
        axes.barh(
            frame.index[chosen], (frame["settled"] - start)[chosen], left=start[chosen],
            height=0.7, color=colours.get(ended, BLUE), hatch=hatches.get(ended, ""),
            edgecolor=CARD, label=ended,
        )  # fmt: skip
    for y, row in enumerate(frame.itertuples()):
        axes.text(
            row.settled + frame["settled"].max() * 0.01, y, f"{row.settled:,.0f}",
            va="center", fontsize=MIN_FONT,
        )  # fmt: skip
    axes.set_yticks(frame.index, [f"run {number:.0f}" for number in frame["run"]])
    axes.invert_yaxis()
    axes.set_xlim(0, frame["settled"].max() * 1.12)
    count_axis(axes, "x", "rows of the table settled")
    legend_above(figure)
    return figure
