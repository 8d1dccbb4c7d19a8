"""What leaks from train into test, counted, and what it adds to a score, measured."""

from dermbook.evaluation.arms import Arm
from dermbook.evaluation.leakage.audit import (
    KINDS,
    expected_overlap,
    expected_sibling_share,
    kinship,
    leak_shares,
    leak_table,
    over_seeds,
)
from dermbook.evaluation.leakage.effects import METRICS, arm_table, effect_table
from dermbook.evaluation.leakage.experiments import (
    Injection,
    augmentation_order,
    copies_needed,
    overlapping_draws,
    plan_injection,
    sibling_injection,
    split_scores,
)
from dermbook.evaluation.leakage.learners import LEARNERS, Learner, learn_and_predict

__all__ = [
    "KINDS",
    "LEARNERS",
    "METRICS",
    "Arm",
    "Injection",
    "Learner",
    "arm_table",
    "augmentation_order",
    "copies_needed",
    "effect_table",
    "expected_overlap",
    "expected_sibling_share",
    "kinship",
    "leak_shares",
    "leak_table",
    "learn_and_predict",
    "over_seeds",
    "overlapping_draws",
    "plan_injection",
    "sibling_injection",
    "split_scores",
]
