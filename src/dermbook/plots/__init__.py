"""Every figure of the book: tidy tables in, Matplotlib figures out, in one style.

Each function takes the table that a Record keeps as a series, so the published run and this run
are drawn by the same code. ``phantom=True`` writes *phantom data* into the figure.
"""

from dermbook.plots.data import (
    age_histogram,
    category_bars,
    class_bars,
    class_grid,
    image_grid,
    image_sizes,
    missing_bars,
    photographs_per_lesion,
    quantile_ranges,
)
from dermbook.plots.intervals import leaderboard_dots, metric_intervals, recall_intervals
from dermbook.plots.scores import (
    confusion_heatmap,
    kappa_histogram,
    pr_curves,
    reliability_diagram,
    roc_curves,
    threshold_tradeoff,
)
from dermbook.plots.style import png, svg, use_style
from dermbook.plots.training import learning_curve_spread, learning_curves

__all__ = [
    "age_histogram",
    "category_bars",
    "class_bars",
    "class_grid",
    "confusion_heatmap",
    "image_grid",
    "image_sizes",
    "kappa_histogram",
    "leaderboard_dots",
    "learning_curve_spread",
    "learning_curves",
    "metric_intervals",
    "missing_bars",
    "photographs_per_lesion",
    "png",
    "pr_curves",
    "quantile_ranges",
    "recall_intervals",
    "reliability_diagram",
    "roc_curves",
    "svg",
    "threshold_tradeoff",
    "use_style",
]
