"""The tables and findings of the chapter *Fairness and shift*."""

from dermbook.publishing.fairness_and_shift.findings import add_findings, interval_text
from dermbook.publishing.fairness_and_shift.groups import (
    Judged,
    chance_gaps,
    clinical_collection,
    composition,
    gaps_of,
    groups_of,
    judged,
    malignant_labels,
    same_data,
    several,
    source_of,
    tested,
)
from dermbook.publishing.fairness_and_shift.shift import (
    ALIKE,
    EACH,
    from_source,
    recognition,
    remedies,
    shift_tables,
)

__all__ = [
    "ALIKE",
    "EACH",
    "Judged",
    "add_findings",
    "chance_gaps",
    "clinical_collection",
    "composition",
    "from_source",
    "gaps_of",
    "groups_of",
    "interval_text",
    "judged",
    "malignant_labels",
    "recognition",
    "remedies",
    "same_data",
    "several",
    "shift_tables",
    "source_of",
    "tested",
]
