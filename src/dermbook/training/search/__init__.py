"""Random search (and TPE) over training settings: resumable, pruned, shared between processes."""

from dermbook.training.search.findings import (
    best_row,
    expected_maximum,
    importances,
    outcome_counts,
    search_course,
    setting_of,
)
from dermbook.training.search.space import Setting, Space, setting_key, space_size
from dermbook.training.search.study import (
    DivergedError,
    Plan,
    PrunedError,
    Training,
    forget,
    search,
    search_curves,
)

__all__ = [
    "DivergedError",
    "Plan",
    "PrunedError",
    "Setting",
    "Space",
    "Training",
    "best_row",
    "expected_maximum",
    "forget",
    "importances",
    "outcome_counts",
    "search",
    "search_course",
    "search_curves",
    "setting_key",
    "setting_of",
    "space_size",
]
