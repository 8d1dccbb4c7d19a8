"""Figures of the chapter on residual networks: how large gradients are at every depth."""

import pandas as pd
from matplotlib.figure import Figure

from dermbook.plots.style import (
    BLUE,
    DASHES,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    styled,
)


@styled
def gradient_depths(frame: pd.DataFrame) -> Figure:
    """Gradient relative to the weights, by depth, a panel a network, a line an arm.

    frame: network, arm, seed, depth (1 is next to the image), gradient (above 0). The line is the
    median of the seeds, the band their range; the scale is logarithmic.
    """
    frame = checked(
        frame, "gradient_depths", text=["network", "arm"], numbers=["seed", "depth", "gradient"]
    )
    networks, arms = in_order(frame["network"]), in_order(frame["arm"])
    figure, panels = canvas(3.6, 1, len(networks), squeeze=False, sharey=True)
    for axes, network in zip(panels[0], networks, strict=True):
        for position, arm in enumerate(arms):
            rows = frame[(frame["network"] == network) & (frame["arm"] == arm)]
            by_depth = rows.groupby("depth")["gradient"]
            colour = (BLUE, VERMILLION)[position % 2]
            middle = by_depth.median()
            axes.fill_between(
                middle.index, by_depth.min(), by_depth.max(), color=colour, alpha=0.2, linewidth=0
            )
            axes.plot(
                middle.index, middle, color=colour, linestyle=DASHES[position % len(DASHES)],
                label=arm,
            )  # fmt: skip
        axes.set_yscale("log")
        axes.set_title(network)
        axes.set_xlabel("convolution, from the image on")
        grid(axes, "both")
    panels[0, 0].set_ylabel("gradient ÷ weights (RMS)")
    legend_above(figure, columns=2)
    return figure
