"""What the leaderboard shows."""

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record

_TASKS = {"7 classes": "in seven classes", "malignant or benign": "malignant or benign"}


def leaderboard(record: Record) -> list[str]:
    """The best of the book and of the reports by task, how far apart, and what was counted."""
    board = record.series_frame("board")
    if "balanced_accuracy" not in board.columns:
        return ["This run is older than the present form of the page, and is shown no more."]
    return [*_best_by_task(record), *_top_of_many(board), *_claims(record, board)]


def _best_by_task(record: Record) -> list[str]:
    sentences = []
    names = {"7 classes": "seven-classes-balanced", "malignant or benign": "two-classes"}
    for task, name in names.items():
        if name not in record.series:
            continue
        rows = record.series_frame(name).dropna(subset=["value"])
        for source, whose in (("published", "published runs"), ("this run", "this edition's runs")):
            ours = rows[rows["source"] == source]
            if ours.empty:
                continue
            top = ours.loc[ours["value"].idxmax()]
            metric = str(top["metric"]).replace("_", " ")
            sentences.append(
                f"Of the models chosen in validation in {whose} ({top['data']}), `{top['model']}` "
                f"has the highest {metric} {_TASKS[task]}: {plain(top['value'])} "
                f"({plain(top['low'])}–{plain(top['high'])}) on {top['n']:,.0f} images."
            )
    return sentences


def _top_of_many(board: pd.DataFrame) -> list[str]:
    """How many models have intervals that reach the first one's score."""
    ours = board[(board["source"] != "reported") & board["balanced_accuracy"].notna()]
    sentences = []
    for (task, data), of in ours.groupby(["task", "data"]):
        top = of.loc[of["balanced_accuracy"].idxmax()]
        near = int((of["balanced_accuracy_high"] >= top["balanced_accuracy"]).sum()) - 1
        if len(of) > 1:
            sentences.append(
                f"{len(of)} models of {task} on {data}: the intervals of {near} of them reach the "
                "balanced accuracy of the first."
            )
    return sentences


def _claims(record: Record, board: pd.DataFrame) -> list[str]:
    claims = board[board["source"] == "reported"].drop_duplicates(["model", "protocol"])
    leaky = claims["protocol"].str.startswith("leaky")
    sentences = [
        f"The reports' test scores belong to {len(claims)} models or tests, of which {leaky.sum()} "
        "were tested on a leaky split or with a slip that a lesson names, and none has an interval."
    ]
    if "figures" in record.series:
        figures = record.series_frame("figures")
        answered = (figures["verdict"] != "–").sum()
        counts = figures.loc[figures["verdict"] != "–", "verdict"].value_counts()
        listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        sentences.append(
            f"Of {len(figures)} figures that the reports state, {answered} stand beside a "
            f"measurement of this book: {listed}."
        )
    return sentences
