"""Predictions and everything that is computed from them: scores, curves, tests, thresholds.

``Trial``, ``classify`` and what goes with them train networks and so need Keras; they are imported
when first used, because chapters that only read Predictions should not wait for it.
"""

from typing import TYPE_CHECKING

from dermbook.evaluation.calibration import brier, expected_calibration_error, reliability_bins
from dermbook.evaluation.comparison import McNemar, mcnemar, paired_bootstrap
from dermbook.evaluation.confusion import (
    Agreement,
    chance_agreement,
    cohen_kappa,
    confusion,
    confusion_frame,
    counts_from_table,
    permutation_test,
    scores_from_confusion,
    scores_from_counts,
)
from dermbook.evaluation.curves import pr_points, roc_points
from dermbook.evaluation.metrics import score
from dermbook.evaluation.predictions import Predictions, aligned
from dermbook.evaluation.thresholds import choose_threshold, threshold_table
from dermbook.evaluation.uncertainty import wilson
from dermbook.lazy import imported_when_used

if TYPE_CHECKING:
    from dermbook.evaluation.trial import Trial, best_on_validation, classify, predict_unlabelled

__all__ = [
    "Agreement",
    "McNemar",
    "Predictions",
    "Trial",
    "aligned",
    "best_on_validation",
    "brier",
    "chance_agreement",
    "choose_threshold",
    "classify",
    "cohen_kappa",
    "confusion",
    "confusion_frame",
    "counts_from_table",
    "expected_calibration_error",
    "mcnemar",
    "paired_bootstrap",
    "permutation_test",
    "pr_points",
    "predict_unlabelled",
    "reliability_bins",
    "roc_points",
    "score",
    "scores_from_confusion",
    "scores_from_counts",
    "threshold_table",
    "wilson",
]

_WITH_KERAS = ("Trial", "best_on_validation", "classify", "predict_unlabelled")

__getattr__ = imported_when_used(__name__, dict.fromkeys(_WITH_KERAS, "trial"))
