"""Scores by class, one row a class."""

import pandas as pd

from dermbook.publishing.compare import plain

CLASS_SCORES = ("precision", "recall", "specificity", "f1")


def class_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores by class as one row a model and class: images, and each score with its interval.

    scores: tidy rows of model, metric, class, value, low, high, as ``Chapter.scores`` gives them.
    """
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in scores.to_dict("records"):
        line = rows.setdefault(
            (row["model"], row["class"]), {"model": row["model"], "class": row["class"]}
        )
        if row["metric"] == "support":
            line["images"] = int(row["value"])
        elif row["metric"] in CLASS_SCORES:
            interval = f" ({plain(row['low'])}–{plain(row['high'])})"
            known = not pd.isna(row["low"])
            line[row["metric"]] = plain(row["value"]) + interval * known
    return pd.DataFrame(list(rows.values()), columns=["model", "class", "images", *CLASS_SCORES])
