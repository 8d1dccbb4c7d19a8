"""What the leaderboard's chapter does with the board: its series, its finding, its sources."""

from typing import TYPE_CHECKING

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.display import NoteBlock, note_block
from dermbook.publishing.header import read_headers
from dermbook.publishing.leaderboard import (
    OUTLINING,
    best_of,
    leaderboard,
    record_rows,
    records,
    wide,
)
from dermbook.publishing.reported_figures import three_methods

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

#: the series of each figure: score and task
FIGURES = {
    "seven-classes": ("accuracy", "7 classes"),
    "seven-classes-balanced": ("balanced_accuracy", "7 classes"),
    "two-classes": ("accuracy", "malignant or benign"),
}


def load(chapter: "Chapter") -> tuple[pd.DataFrame, pd.DataFrame]:
    """The board of the test parts and that of the validation parts; keeps the tables of models.

    The chapter counts as phantom where a Record of this edition that scored models does, whether it
    is of a run of this build or published.
    """
    edition = chapter.edition
    for source, record in records(edition):
        if record.edition == edition and record_rows(record, source):
            chapter.needed_record(record.chapter)
    board, validation = leaderboard(edition), leaderboard(edition, part="validation")
    outlines = board["task"] == OUTLINING
    chapter.add_series("board", wide(board[~outlines]))
    chapter.add_series("outlines", wide(board[outlines]))
    return board, validation


def add_best(
    chapter: "Chapter",
    board: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    phantoms: int,
    claimed: int,
) -> None:
    """Keep the series of the figures: see ``dermbook.publishing.leaderboard.best_of``."""
    for name, (metric, task) in FIGURES.items():
        best = best_of(board, validation, metric, task, phantoms=phantoms, claimed=claimed)
        chapter.add_series(name, best)


def add_methods(chapter: "Chapter", board: pd.DataFrame) -> None:
    """Keep R1, the works it compares itself with, and the models of the binary figure."""
    chapter.add_series("three-methods", three_methods(board, chapter.series("two-classes")))


def add_finding(chapter: "Chapter") -> None:
    """Row 1.16: is R1's sensitivity above that of the best work which it quotes?"""
    methods = chapter.series("three-methods").set_index("whose")
    stated = methods.loc["as R1 states it"]
    matrix = methods.loc["from R1's confusion matrix"]
    quoted = methods.loc[["as R1 quotes it"]]
    best = quoted.loc[quoted["accuracy"] == quoted["accuracy"].max()].iloc[0]
    low, high = matrix["sensitivity_low"], matrix["sensitivity_high"]
    holds = low <= stated["sensitivity"] <= high
    above = matrix["sensitivity"] > best["sensitivity"]
    chapter.finding(
        "1.16",
        "confirmed" if holds and above else "not confirmed",
        measured=f"from R1's own confusion matrix: sensitivity {plain(matrix['sensitivity'])} "
        f"({plain(low)}–{plain(high)}), accuracy {plain(matrix['accuracy'])}, precision "
        f"{plain(matrix['precision'])}; {best['model']}: {plain(best['sensitivity'])}, "
        f"{plain(best['accuracy'])}, {plain(best['precision'])}",
        because=f"the stated sensitivity, {plain(stated['sensitivity'])}, lies "
        f"{'inside' if holds else 'outside'} the interval of R1's own counts, which is "
        f"{'above' if above else 'below'} what it is compared with; and the two works tested on "
        "different collections, so neither order would settle which model is better",
    )


def record_lines(edition: str) -> pd.DataFrame:
    """Every Record that the leaderboard reads, with or without models: what it has and whence.

    Columns: chapter, source, edition, data, models, scores, findings, minutes, hardware, commit.
    """
    rows = []
    for source, record in records(edition):
        rows.append(
            {
                "chapter": record.chapter,
                "source": source,
                "edition": record.edition,
                "data": "phantom" if record.phantom else "real",
                "models": len({row["model"] for row in record_rows(record, source)}),
                "scores": len(record.metrics),
                "findings": len(record.findings),
                "minutes": round(record.duration_s / 60, 1),
                "hardware": record.hardware.accelerator or record.hardware.processor,
                "commit": (record.code.commit or "")[:9] + ("+" if record.code.modified else ""),
            }
        )
    columns = [
        *("chapter", "source", "edition", "data", "models", "scores", "findings"),
        *("minutes", "hardware", "commit"),
    ]
    return pd.DataFrame(rows, columns=columns)


def without_record(edition: str) -> list[str]:
    """Chapters that have no Record yet, neither published nor of this build, this one left out."""
    known = {record.chapter for _, record in records(edition)}
    return [slug for slug in read_headers() if slug not in known | {"leaderboard"}]


def still_missing(edition: str) -> NoteBlock:
    """Which chapters have no Record here, in a sentence."""
    slugs = without_record(edition)
    if not slugs:
        return note_block("Every chapter has a Record.")
    listed = ", ".join(slug.replace("-", " ") for slug in slugs)
    return note_block(f"Chapters without a Record, published or of this edition: {listed}.")
