"""The tables of the chapter *Data cleaning*: what each search finds, and how far it is right.

Each function returns a tidy table for ``Chapter.add_series``. What is judged against planted truth
is the phantom's; of real collections there are numbers and ids only.
"""

from dermbook.publishing.cleaning.copies import (
    across_counts,
    across_table,
    chosen_thresholds,
    copy_kinds,
    exact_table,
    marked,
    matches_table,
    merged,
    report,
    split_table,
    threshold_curves,
)
from dermbook.publishing.cleaning.doubts import (
    doubt,
    flagged_table,
    review_curve,
    review_scores,
)
from dermbook.publishing.cleaning.findings import (
    add_findings,
)
from dermbook.publishing.cleaning.searching import (
    Search,
    clinical_photographs,
    real_collection,
    search,
    subject,
)
from dermbook.publishing.cleaning.values import (
    clinical_table,
    encoding_of,
    encoding_summary,
    files_table,
    fill_summary,
    qc_alike,
    qc_summary,
    shift_histogram,
)

__all__ = [
    "Search",
    "across_counts",
    "across_table",
    "add_findings",
    "chosen_thresholds",
    "clinical_photographs",
    "clinical_table",
    "copy_kinds",
    "doubt",
    "encoding_of",
    "encoding_summary",
    "exact_table",
    "files_table",
    "fill_summary",
    "flagged_table",
    "marked",
    "matches_table",
    "merged",
    "qc_alike",
    "qc_summary",
    "real_collection",
    "report",
    "review_curve",
    "review_scores",
    "search",
    "shift_histogram",
    "split_table",
    "subject",
    "threshold_curves",
]
