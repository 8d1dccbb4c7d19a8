"""Every model of the book and every score of the reports in one table, with its provenance."""

import pandas as pd

from dermbook.publishing.record import Record, published_records, run_records
from dermbook.publishing.reported import load_reported

#: scores that the leaderboard lists; the reports and the book have these in common
METRICS = ("balanced_accuracy", "accuracy", "f1_macro", "f1_weighted", "f1_micro", "roc_auc")
COLUMNS = (
    "source",
    "chapter",
    "model",
    "task",
    "data",
    "protocol",
    "metric",
    "value",
    "low",
    "high",
    "n",
    "edition",
    "hardware",
    "commit",
)


def leaderboard(edition: str, *, part: str = "test") -> pd.DataFrame:
    """Test scores of published Records, of this build's Records of ``edition``, and of the reports.

    One row a model and metric. ``source`` is *published*, *this run* or *reported*; phantom runs
    carry the word in ``data``. Reported rows have no interval, for the reports give none.
    """
    rows = []
    for record in published_records():
        # a run of this very edition replaces what was published from an earlier one
        if record.edition != edition:
            rows += record_rows(record, "published", part)
    for record in run_records(edition):
        rows += record_rows(record, "this run", part)
    return pd.DataFrame(rows + reported_rows(part), columns=list(COLUMNS))


def record_rows(record: Record, source: str, part: str = "test") -> list[dict]:
    """The overall scores of one Record's models on ``part``, as leaderboard rows."""
    rows = []
    for metric in record.metrics:
        if metric.part != part or metric.class_ or metric.metric not in METRICS:
            continue
        model = record.models.get(metric.model)
        rows.append(
            {
                "source": source,
                "chapter": record.chapter,
                "model": metric.model,
                "task": model.task if model else "",
                "data": model.collection if model else "",
                "protocol": model.protocol if model else "",
                "metric": metric.metric,
                "value": metric.value,
                "low": metric.low,
                "high": metric.high,
                "n": metric.n,
                "edition": record.edition,
                "hardware": record.hardware.accelerator or record.hardware.processor,
                "commit": (record.code.commit or "")[:9] + ("+" if record.code.modified else ""),
            }
        )
    return rows


def reported_rows(part: str = "test") -> list[dict]:
    """The reports' own scores on their test parts, as leaderboard rows without intervals."""
    claims = load_reported().claims()
    chosen = claims[
        (claims["part"] == part) & claims["metric"].isin(METRICS) & claims["class"].isna()
    ]
    return [
        {
            "source": "reported",
            "chapter": "",
            # one of R1's rows is called "R1, final model" already
            "model": f"{claim['report']} {claim['model'].removeprefix(claim['report'] + ', ')}",
            "task": claim["task"],
            "data": claim["report"],
            "protocol": claim["protocol"],
            "metric": claim["metric"],
            "value": claim["value"],
            "edition": "",
            "hardware": "",
            "commit": "",
        }
        for claim in chosen.to_dict("records")
    ]


def only(board: pd.DataFrame, metric: str, task: str) -> pd.DataFrame:
    """The rows of one metric and task, best first. Claims' tasks name their collection, too."""
    names = {"malignant or benign": ("malignant or benign", "HAM10000 binary")}
    wanted = names.get(task, (task, f"HAM10000 {task}"))
    chosen = board[(board["metric"] == metric) & board["task"].isin(wanted)]
    chosen = chosen.dropna(subset=["value"]).sort_values("value", ascending=False, kind="stable")
    return chosen.reset_index(drop=True)
