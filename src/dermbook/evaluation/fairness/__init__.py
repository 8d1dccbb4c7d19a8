"""Scores by group of patients, gaps against chance, another source, and what may help.

A score of a group depends on what the group shows (its mix of classes) and on how many there are.
``groups`` therefore gives a standardised score beside the raw one and says which groups are too
small; ``gaps`` sets the distance of the best and the worst group beside the distance that chance
alone makes; ``shift`` trains on one source and tests on another; ``sources`` asks how well pictures
tell where they come from; ``remedies`` compares what may narrow a gap, and what it costs.
"""

from dermbook.evaluation.fairness.attributes import attribute_table
from dermbook.evaluation.fairness.cells import METRICS, Outcomes, Rule
from dermbook.evaluation.fairness.gaps import gap_by_chance, gap_table
from dermbook.evaluation.fairness.groups import group_scores
from dermbook.evaluation.fairness.heads import in_folds, out_of_fold
from dermbook.evaluation.fairness.remedies import (
    chosen_thresholds,
    group_weights,
    remedy_effects,
)
from dermbook.evaluation.fairness.shift import shared_classes, shift_arms
from dermbook.evaluation.fairness.sources import (
    label_from_source,
    largest_shared,
    source_recognition,
)

__all__ = [
    "METRICS",
    "Outcomes",
    "Rule",
    "attribute_table",
    "chosen_thresholds",
    "gap_by_chance",
    "gap_table",
    "group_scores",
    "group_weights",
    "in_folds",
    "label_from_source",
    "largest_shared",
    "out_of_fold",
    "remedy_effects",
    "shared_classes",
    "shift_arms",
    "source_recognition",
]
