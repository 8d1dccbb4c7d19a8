"""What the five reports claim, in the leaderboard's terms: every model, every single figure."""

import re

import pandas as pd

from dermbook.publishing.compare import comparison_of
from dermbook.publishing.header import read_headers
from dermbook.publishing.record import Record, published_record, run_record
from dermbook.publishing.reported import load_reported

#: tasks as Records name them
TASKS = {
    "HAM10000 7 classes": "7 classes",
    "HAM10000 binary": "malignant or benign",
    "ISIC 2016 binary": "malignant or benign",
    "Fitzpatrick17k 114 classes": "114 classes",
    "HAM10000 segmentation": "segmentation",
}
#: the leaderboard's name of a claimed score
SCORES = {
    "accuracy": "accuracy",
    # the mean of all classes' recalls is the balanced accuracy
    "recall_macro": "balanced_accuracy",
    "f1_macro": "f1_macro",
    "f1_weighted": "f1_weighted",
    "recall": "sensitivity",
    "precision": "precision",
    # R3's pair lies on the curve of pooled pixels (M13)
    "dice": "dice_pooled",
    "iou": "iou_pooled",
}
#: what makes a protocol leak, strongest first: what to look for, and what to say of it. Looked for
#: in the protocol's text and in the model's name.
LEAKS = (
    ("ordered predictions", "leaky: labels in another order than the predictions (M1)"),
    ("one pool|inside train", "leaky: most test images are in training, too (M2)"),
    ("made from the label|multi-input", "leaky: the answer is among the inputs (M14)"),
    ("chosen on the test", "leaky: chosen on the test images (M8)"),
    (
        "classes other than|depend on the class|as resnet18",
        "leaky: transforms tell the class (M11)",
    ),
)
#: what holds of all that a report did, where no line of LEAKS does. M3 is about R1 to R4
OF_REPORT = {
    "R0": "leaky: copies of an image may lie on both sides (M16)",
    "R1": "leaky: photographs of one lesion on both sides (M3)",
    "R2": "leaky: photographs of one lesion on both sides (M3)",
    "R3": "leaky: photographs of one lesion on both sides (M3)",
    "R4": "leaky: photographs of one lesion on both sides (M3)",
}
NOT_KNOWN = "not stated"
FIGURE_COLUMNS = [
    *("report", "row", "model", "figure", "part", "protocol"),
    *("stated", "recomputed", "published", "this_run", "verdict"),
]


def reported_rows(part: str = "test") -> list[dict]:
    """The reports' own overall scores on their test parts, as lines of the leaderboard.

    A micro F1 is the accuracy where each image has one label (M6), and counts as such where the
    report gives no other. R3's segmentation names no part, and is listed with the test scores.
    """
    claims = load_reported().claims()
    unnamed = claims["task"] == "HAM10000 segmentation"
    if part == "test":
        claims = claims[((claims["part"] == "test") | unnamed) & claims["class"].isna()]
    else:
        claims = claims[(claims["part"] == part) & claims["class"].isna()]
    named = claims["metric"].map(SCORES)
    with_accuracy = set(claims.loc[named == "accuracy", ["group", "model"]].apply(tuple, axis=1))
    rows, seen = [], set()
    for claim, name in zip(claims.to_dict("records"), named, strict=True):
        if claim["metric"] == "f1_micro" and (claim["group"], claim["model"]) not in with_accuracy:
            name = "accuracy"
        # a report's later tables repeat lines of its earlier ones
        key = (claim["report"], claim["model"], protocol_of(claim), name)
        if pd.isna(name) or key in seen:
            continue
        seen.add(key)
        rows.append(
            {
                "source": "reported",
                "chapter": "",
                "model": model_name(claim["report"], claim["model"]),
                "task": TASKS[claim["task"]],
                "data": _data(claim),
                "protocol": protocol_of(claim),
                "part": claim["part"] if claim["part"] == part else "not named",
                "metric": name,
                "value": claim["value"],
                "edition": "",
                "hardware": "",
                "commit": "",
            }
        )
    return rows


def model_name(report: str, model: str) -> str:
    """A claim's model after its report's name; of a work that a report quotes, without it."""
    if model.startswith("Romero"):
        return model
    return f"{report} {model.removeprefix(report + ', ')}"


def protocol_of(claim: dict) -> str:
    """What must be known of the test behind a claim, in a few plain words."""
    if claim["task"].startswith("ISIC 2016"):
        return f"{NOT_KNOWN}: another collection"
    text = f"{claim['protocol'] or ''} {claim['model']}".lower()
    for pattern, words in LEAKS:
        if re.search(pattern, text):
            return words
    return OF_REPORT[claim["report"]]


def every_figure(edition: str) -> pd.DataFrame:
    """Each single figure that the reports state, beside what the book measured of it.

    One line a claim: report, row of the inventory, model, figure (metric, and class if of one),
    part, protocol, stated (as printed), recomputed (ours, from the report's own counts), published
    and this_run (measured, with intervals; – where no chapter answers it), verdict.
    """
    answers = _answers(edition)
    rows = []
    for claim in load_reported().claims().to_dict("records"):
        of_class = "" if pd.isna(claim["class"]) else f" of {claim['class']}"
        answer = answers.get(claim["id"], {})
        rows.append(
            {
                "report": claim["report"],
                "row": claim["row"],
                "model": claim["model"].removeprefix(f"{claim['report']}, "),
                "figure": claim["metric"].replace("_", " ") + of_class,
                "part": claim["part"].replace("unknown", "not named"),
                "protocol": protocol_of(claim),
                "stated": str(claim["stated"]),
                "recomputed": claim["recomputed"],
                "published": answer.get("published", "–"),
                "this_run": answer.get("this run", "–"),
                # why stands in the chapter
                "verdict": answer.get("verdict", "–").partition(":")[0],
            }
        )
    return pd.DataFrame(rows, columns=FIGURE_COLUMNS)


def three_methods(board: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """R1 beside the three methods that it compares itself with (row 1.16), and ours of ``best``.

    Columns: whose, model, data, then accuracy, sensitivity and precision of malignant, each with
    low and high: Wilson's where R1's own confusion matrix gives the counts, as measured for ours,
    none for what was only stated.
    """
    reported = load_reported()
    claims = reported.claims(row="1.16")
    rows = []
    for (group, model), of in claims.groupby(["group", "model"], sort=False):
        values = of.set_index("metric")["value"]
        whose = "as R1 quotes it" if group == "R1.romero" else "as R1 states it"
        rows.append(
            {"whose": whose, "model": model, "data": _data(of.iloc[0].to_dict())}
            | {_SENSITIVE.get(name, name): values[name] for name in _THREE}
        )
    rows.append(_r1_recomputed(reported.table("R1.confusion")))
    rows += _ours(board, best)
    columns = ["whose", "model", "data"]
    for name in ("accuracy", "sensitivity", "precision"):
        columns += [name, f"{name}_low", f"{name}_high"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], "float64"))


_THREE = ("accuracy", "recall", "precision")
_SENSITIVE = {"recall": "sensitivity"}


def _r1_recomputed(matrix: pd.DataFrame) -> dict:
    from dermbook.evaluation import wilson

    hit = int(matrix.loc["malignant", "malignant"])
    right = int(matrix.to_numpy().trace())
    counts = {
        "accuracy": (right, int(matrix.to_numpy().sum())),
        "sensitivity": (hit, int(matrix.loc["malignant"].sum())),
        "precision": (hit, int(matrix["malignant"].sum())),
    }
    row: dict[str, object] = {"whose": "from R1's confusion matrix", "model": "R1, final model"}
    row["data"] = "HAM10000"
    for name, (successes, of) in counts.items():
        low, high = wilson(successes, of)
        row |= {name: successes / of, f"{name}_low": low, f"{name}_high": high}
    return row


def _ours(board: pd.DataFrame, best: pd.DataFrame) -> list[dict]:
    """The models of ``best`` that are ours and have all three scores on the board."""
    key = ["source", "chapter", "model", "edition", "task"]
    ours = best.loc[best["source"] != "reported", key].merge(board, on=key)
    rows = []
    for (source, model, data), of in ours.groupby(["source", "model", "data"], sort=False):
        scores = of.set_index("metric")
        if {"accuracy", "sensitivity", "precision"} <= set(scores.index):
            row = {"whose": source, "model": model, "data": data}
            for name in ("accuracy", "sensitivity", "precision"):
                low, high = scores.loc[name, "low"], scores.loc[name, "high"]
                row |= {name: scores.loc[name, "value"], f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
    return rows


def _answers(edition: str) -> dict[str, dict]:
    """What the chapters' Records say of each claim that one of them answers, by the claim's id."""
    found: dict[str, dict] = {}
    for slug in read_headers():
        published, run = published_record(slug), run_record(slug, edition)
        if _answers_any(published) or _answers_any(run):
            table = comparison_of(slug, published=published, run=run)
            for line in table.to_dict("records"):
                found.setdefault(line["claim"], line)
    return found


def _answers_any(record: Record | None) -> bool:
    return record is not None and bool(record.answers)


def _data(claim: dict) -> str:
    return claim["task"].removesuffix(" binary").removesuffix(" 7 classes").removesuffix(
        " 114 classes"
    ).removesuffix(" segmentation")  # fmt: skip
