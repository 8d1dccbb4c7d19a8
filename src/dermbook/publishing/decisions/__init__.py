"""The tables of the chapter *Decisions and thresholds*: our predictions beside published tables.

Each function returns a tidy table for ``Chapter.add_series``. The reports' matrices come from
``book/reported.yaml``; nothing is typed here.
"""

from dermbook.publishing.decisions.averages import (
    averages,
    batch_mean_f1,
    class_report,
    r4_metrics,
)
from dermbook.publishing.decisions.calibration import (
    reliability_pair,
    temperature_effects,
    temperatures,
)
from dermbook.publishing.decisions.comparing import (
    all_tests,
    discordant,
    each_alone,
    paired_tests,
)
from dermbook.publishing.decisions.findings import add_findings
from dermbook.publishing.decisions.intervals import (
    areas,
    pr_band,
    rare_intervals,
    rarest_class,
    recall_intervals,
    roc_band,
)
from dermbook.publishing.decisions.published import (
    chance_table,
    kappa_histogram,
    prevalence_differs,
    r1_recomputed,
    r4_confusion,
    shuffled_truth,
)
from dermbook.publishing.decisions.thresholds import chosen_thresholds

__all__ = [
    "add_findings",
    "all_tests",
    "areas",
    "averages",
    "batch_mean_f1",
    "chance_table",
    "chosen_thresholds",
    "class_report",
    "discordant",
    "each_alone",
    "kappa_histogram",
    "paired_tests",
    "pr_band",
    "prevalence_differs",
    "r1_recomputed",
    "r4_confusion",
    "r4_metrics",
    "rare_intervals",
    "rarest_class",
    "recall_intervals",
    "reliability_pair",
    "roc_band",
    "shuffled_truth",
    "temperature_effects",
    "temperatures",
]
