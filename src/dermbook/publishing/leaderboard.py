"""Every model of the book and every model of the reports in one table, with its provenance.

``leaderboard`` reads all Records there are, whatever chapter wrote them, and gives one line a model
and score; ``wide`` one line a model; ``best_of`` the few that a figure can show. What the reports
claim stands in ``dermbook.publishing.reported_figures``.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from dermbook.publishing.header import read_headers
from dermbook.publishing.record import Metric, Model, Record, published_records, run_records
from dermbook.publishing.reported_figures import reported_rows

#: scores of classifiers that the leaderboard lists, with what ``wide`` calls them
SCORES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1_macro": "f1_macro",
    "f1_weighted": "f1_weighted",
    "roc_auc": "roc_auc",
}
#: scores of outlines; R3 pooled the pixels (M13)
OUTLINES = {
    "dice": "dice",
    "iou": "iou",
    "dice_pooled": "dice_pooled",
    "iou_pooled": "iou_pooled",
}
#: scores of one class: malignant is the class whose misses cost most
BY_CLASS = {("recall", "malignant"): "sensitivity", ("precision", "malignant"): "precision"}
OUTLINING = "segmentation"
#: the score on the validation part by which a chapter's best model is chosen
CHOSEN_BY = {"7 classes": "balanced_accuracy", "malignant or benign": "balanced_accuracy"}
COLUMNS = [
    *("source", "chapter", "model", "task", "data", "protocol", "part", "metric"),
    *("value", "low", "high", "n", "edition", "hardware", "commit"),
]
#: what a line of ``wide`` is known by
_KEYS = [
    *("source", "chapter", "model", "task", "data", "protocol"),
    *("edition", "hardware", "commit"),
]
#: splits that keep all photographs of a lesion in one part
_GROUPED = ("group", "lesion")


def leaderboard(edition: str, *, part: str = "test") -> pd.DataFrame:
    """Scores of published Records, of this build's Records of ``edition``, and of the reports.

    One line a model and score. ``source`` is *published*, *this run* or *reported*; what was
    measured on the phantom says so in ``data``. A chapter that this build has run in ``edition``
    replaces what was published of it in the same edition. Reported lines have no interval, for the
    reports give none.
    """
    rows = [row for source, record in records(edition) for row in record_rows(record, source, part)]
    return pd.DataFrame(rows + reported_rows(part), columns=COLUMNS)


def record_rows(record: Record, source: str, part: str = "test") -> list[dict]:
    """The scores of one Record's models on ``part``, as lines of the leaderboard.

    A Record that scored no model has none: arms of an experiment, which are made to be compared
    with each other, are left to their chapters.
    """
    rows = []
    for metric in record.metrics:
        name = _listed(metric)
        model = record.models.get(metric.model) or _outliner(record, metric)
        if metric.part != part or name is None or model is None:
            continue
        rows.append(
            {
                "source": source,
                "chapter": record.chapter,
                "model": metric.model,
                "task": model.task,
                "data": _data(model),
                "protocol": protocol_in_words(model.protocol, metric.model),
                "part": part,
                "metric": name,
                "value": metric.value,
                "low": metric.low,
                "high": metric.high,
                "n": _images(record, metric),
                "edition": record.edition,
                "hardware": record.hardware.accelerator or record.hardware.processor,
                "commit": (record.code.commit or "")[:9] + ("+" if record.code.modified else ""),
            }
        )
    return rows


def protocol_in_words(split: str, model: str = "") -> str:
    """How fair a test on this split is: *clean: …*, *leaky: …* or *not stated*.

    A model whose name says that it was given the coarser labels (multi-input's arms) leaks on any
    split.
    """
    if "partition" in model:
        return "leaky: the answer is among the inputs (M14)"
    if not split:
        return "not stated"
    if any(word in split for word in _GROUPED):
        return "clean: lesions kept together"
    return "leaky: photographs of one lesion on both sides (M3)"


def records(edition: str) -> list[tuple[str, Record]]:
    """(source, Record) of all that counts, in the book's order; never the leaderboard's own."""
    runs = {record.chapter: record for record in run_records(edition)}
    found = [
        ("published", record)
        for record in published_records()
        # what this build has run itself replaces what was published of the same edition
        if not (record.edition == edition and record.chapter in runs)
    ]
    found += [("this run", record) for record in runs.values()]
    order = {slug: place for place, slug in enumerate(read_headers())}
    found = [pair for pair in found if pair[1].chapter != "leaderboard"]
    return sorted(found, key=lambda pair: (order.get(pair[1].chapter, len(order)), pair[0]))


def wide(board: pd.DataFrame) -> pd.DataFrame:
    """One line a model: what it is, its images, then each score followed by low and high.

    Scores that no line has are left out. The best balanced accuracy stands first, real images
    before the phantom; of a segmentation the best Dice.
    """
    names = [*SCORES, *BY_CLASS.values(), *OUTLINES]
    lines = []
    for key, of in board.groupby(_KEYS, sort=False):
        line: dict[str, object] = dict(zip(_KEYS, key, strict=True)) | {"images": of["n"].max()}
        scores = of.set_index("metric")[["value", "low", "high"]]
        for name in names:
            found = scores.loc[name] if name in scores.index else (None, None, None)
            line |= dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))
        lines.append(line)
    head = [*_KEYS[:5], _KEYS[5], "images"]
    columns = [*head, *(f"{n}{end}" for n in names for end in ("", "_low", "_high")), *_KEYS[6:]]
    frame = pd.DataFrame(lines, columns=columns)
    numbers = [column for column in columns[len(head) - 1 :] if column not in _KEYS]
    frame[numbers] = frame[numbers].astype("float64")
    empty = [n for n in names if frame[n].isna().all()]
    frame = frame.drop(columns=[f"{n}{end}" for n in empty for end in ("", "_low", "_high")])
    order = pd.DataFrame(
        {
            "phantom": frame["data"].str.contains("phantom"),
            "first": -_column(frame, "balanced_accuracy", "dice_pooled"),
            "second": -_column(frame, "accuracy"),
        }
    )
    order = order.sort_values(["phantom", "first", "second"], kind="stable")
    return frame.loc[order.index].reset_index(drop=True)


def only(board: pd.DataFrame, metric: str, task: str) -> pd.DataFrame:
    """The lines of one metric and task that have a value, best first."""
    chosen = board[(board["metric"] == metric) & (board["task"] == task)]
    chosen = chosen.dropna(subset=["value"]).sort_values("value", ascending=False, kind="stable")
    return chosen.reset_index(drop=True)


def best_of(
    board: pd.DataFrame,
    validation: pd.DataFrame,
    metric: str,
    task: str,
    *,
    phantoms: int = 3,
    claimed: int = 3,
) -> pd.DataFrame:
    """For a figure: of each chapter's run the model that was best in *validation*, and claims.

    Choosing on the test part would flatter the winner (M8), so the model is chosen by its score on
    the validation part (``CHOSEN_BY``); a chapter without one is left out if it has several models.
    Of phantom runs only the ``phantoms`` best so chosen stay, of each report the ``claimed``
    highest figures that differ in three decimals. Columns as in ``leaderboard``.
    """
    rows = only(board, metric, task)
    claims = rows[rows["source"] == "reported"].assign(
        report=lambda f: f["model"].str.split().str[0]
    )
    claims = claims[~claims.assign(value=claims["value"].round(3)).duplicated(["report", "value"])]
    claims = claims.groupby("report", sort=False).head(claimed)
    by = only(validation, CHOSEN_BY.get(task, metric), task)
    key = ["source", "edition", "chapter", "model"]
    kept = []
    for (source, edition, chapter), of in rows[rows["source"] != "reported"].groupby(
        ["source", "edition", "chapter"], sort=False
    ):
        same = by[by[key[:3]].eq([source, edition, chapter]).all(axis=1)]
        ranked = same[same["model"].isin(of["model"])]
        if len(ranked):
            kept.append(
                of[of["model"] == ranked["model"].iloc[0]].assign(rank=ranked["value"].iloc[0])
            )
        elif len(of) == 1:
            kept.append(of.assign(rank=-np.inf))
    ours = pd.concat(kept, ignore_index=True) if kept else rows.iloc[:0].assign(rank=np.nan)
    is_phantom = ours["data"].str.contains("phantom")
    few = ours[is_phantom].nlargest(phantoms, "rank")
    together = pd.concat([ours[~is_phantom], few, claims], ignore_index=True)
    return together[list(board.columns)].sort_values(
        "value", ascending=False, kind="stable", ignore_index=True
    )


def largest_class(edition: str, task: str) -> float | None:
    """The accuracy of always answering the largest class, on the test part of this task.

    From the published Record with the most test images, else from this build's run; None if no
    Record has any.
    """
    found: list[tuple[bool, float, float]] = []
    for _, record in records(edition):
        for name, model in record.models.items():
            if model.task != task:
                continue
            counts = [
                metric.value
                for metric in record.metrics
                if (metric.model, metric.part, metric.metric) == (name, "test", "support")
                and metric.value is not None
            ]
            if counts:
                found.append((not model.phantom, sum(counts), max(counts) / sum(counts)))
    return max(found)[2] if found else None


def _listed(metric: Metric) -> str | None:
    """The leaderboard's name of a score, or None for one that it does not list."""
    if metric.class_:
        return BY_CLASS.get((metric.metric, metric.class_))
    return SCORES.get(metric.metric) or OUTLINES.get(metric.metric)


def _outliner(record: Record, metric: Metric) -> Model | None:
    """What a segmentation method is: Records keep models only where there are Predictions."""
    if metric.metric not in OUTLINES or not record.data:
        return None
    data = next((used for used in record.data if used.split), record.data[0])
    return Model(
        task=OUTLINING,
        classes=[],
        collection=data.collection,
        phantom=data.phantom,
        protocol=(data.split or "").partition(",")[0],
    )


def _data(model: Model) -> str:
    """The collection's name, with the word *phantom* wherever it belongs."""
    named = "phantom" in model.collection or not model.phantom
    return model.collection if named else f"{model.collection} (phantom)"


def _images(record: Record, metric: Metric) -> int | None:
    """Images of the part: a class's score counts only some of them."""
    if not metric.class_:
        return metric.n
    whole = record.metric(metric.model, metric.part, "accuracy")
    return whole.n if whole else None


def _column(frame: pd.DataFrame, *names: str) -> pd.Series:
    """The first of these columns that has a value, line by line."""
    values = pd.Series(np.nan, index=frame.index)
    for name in names:
        if name in frame:
            values = values.fillna(frame[name])
    return values


def scored_chapters(records: Iterable[Record] | Mapping[object, Record]) -> set[str]:
    """Chapters whose Records hold scored models."""
    several = records.values() if isinstance(records, Mapping) else records
    return {record.chapter for record in several if record_rows(record, "")}
