"""What each chapter found, in sentences computed from a Record.

One function a chapter: it takes a Record and returns sentences. The page prints them for the
published run and for this run, so no figure in a conclusion is typed by hand.
"""

from dermbook.publishing.summaries.class_scores import CLASS_SCORES, class_scores
from dermbook.publishing.summaries.cnn_from_scratch import cnn_from_scratch
from dermbook.publishing.summaries.decisions import decisions
from dermbook.publishing.summaries.exploration import exploration
from dermbook.publishing.summaries.leaderboard import leaderboard

__all__ = [
    "CLASS_SCORES",
    "class_scores",
    "cnn_from_scratch",
    "decisions",
    "exploration",
    "leaderboard",
]
