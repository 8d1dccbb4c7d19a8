"""Ensembles: several models' Predictions combined, members chosen, and what choosing flatters."""

from dermbook.evaluation.ensembles.choosing import (
    Greedy,
    all_alike,
    best_one,
    best_three,
    chosen_weights,
    greedily,
    greedily_bagged,
    greedy_selection,
    part_score,
    ways,
)
from dermbook.evaluation.ensembles.fitting import (
    SINGLE,
    accuracies,
    apply_rule,
    out_of_fold,
    rules,
    top_weights,
)
from dermbook.evaluation.ensembles.hybrid import by_class, by_decision, large_classes
from dermbook.evaluation.ensembles.optimism import doublings, optimism
from dermbook.evaluation.ensembles.rules import (
    EnsembleError,
    combined,
    geometric_mean,
    majority_vote,
    matched,
    mean_probability,
    rank_mean,
)
from dermbook.evaluation.ensembles.stacking import Stack, fit_stack, lesion_folds

__all__ = [
    "SINGLE",
    "EnsembleError",
    "Greedy",
    "Stack",
    "accuracies",
    "all_alike",
    "apply_rule",
    "best_one",
    "best_three",
    "by_class",
    "by_decision",
    "chosen_weights",
    "combined",
    "doublings",
    "fit_stack",
    "geometric_mean",
    "greedily",
    "greedily_bagged",
    "greedy_selection",
    "large_classes",
    "lesion_folds",
    "majority_vote",
    "matched",
    "mean_probability",
    "optimism",
    "out_of_fold",
    "part_score",
    "rank_mean",
    "rules",
    "top_weights",
    "ways",
]
