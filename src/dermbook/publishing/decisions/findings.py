"""What the chapter says of rows 1.14, 1.15, 4.6 and 4.10 and of lessons M1, M6, M10 and M12.

The verdicts rest on the reports' own printed numbers, recomputed, and on our Predictions for the
experiment beside them; every figure in the text is computed here.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.evaluation import scores_from_confusion
from dermbook.publishing.compare import plain
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

#: half a unit of the second decimal, which R4's tables round away
_ROUNDED = 0.005


def add_findings(chapter: "Chapter") -> None:
    """State the findings from the series of the chapter; all of them must be there."""
    _r1(chapter)
    _chance(chapter)
    _averages(chapter)
    _own_metrics(chapter)
    _printed_scores(chapter)
    _thresholds(chapter)
    _rare_class(chapter)


def _r1(chapter: "Chapter") -> None:
    r1 = chapter.series("r1-recomputed").set_index("score")
    precision, recall = r1.loc["precision (malignant)"], r1.loc["recall (malignant)"]
    chapter.finding(
        "M10",
        "confirmed",
        measured=f"precision {plain(precision['recomputed'])}, printed {precision['printed']}; "
        f"recall {_with_interval(recall)}",
        because="the printed matrix determines them",
    )


def _chance(chapter: "Chapter") -> None:
    chance = chapter.series("chance").set_index("matrix")
    r4 = chance.loc["R4 ResNet50V2, as published"]
    ours, shuffled = chance.iloc[-2], chance.iloc[-1]
    at_chance = r4["p"] > 0.05 and shuffled["p"] > 0.05 and ours["p"] <= 0.05
    chapter.finding(
        "M1",
        "confirmed" if at_chance else "not confirmed",
        measured=f"κ {r4['kappa']:.3f} (p {r4['p']:.2f}) in R4's matrix; ours {ours['kappa']:.3f}, "
        f"and {shuffled['kappa']:.3f} with labels shuffled",
        because="shuffled labels take a model that works to chance, and R4's matrix is at chance"
        if at_chance
        else "this run's own model must beat chance, and lose that when its labels are shuffled",
    )


def _averages(chapter: "Chapter") -> None:
    scores = chapter.series("averages").set_index("metric")["value"]
    same = abs(scores["accuracy"] - scores["f1_micro"]) < 1e-9
    chapter.finding(
        "M6",
        "confirmed" if same else "not confirmed",
        measured=f"accuracy {plain(scores['accuracy'])}, micro F1 {plain(scores['f1_micro'])}; "
        f"macro F1 {plain(scores['f1_macro'])}, its mean over batches "
        f"{plain(scores['f1_macro_batches'])}",
        because="micro F1 is accuracy, and a mean over batches is another number",
    )


def _own_metrics(chapter: "Chapter") -> None:
    """Row 4.6: do R4's own metrics measure what their names say?"""
    table = chapter.series("own-metrics")
    agree = (table["batches"] - table["named"]).abs().max() <= _ROUNDED
    pairs = [
        f"{row['score'].replace('f1', 'F1')} {plain(row['batches'])} where the macro average is "
        f"{plain(row['named'])}"
        for row in table.to_dict("records")
    ]
    chapter.finding(
        "4.6",
        "confirmed" if agree else "not confirmed",
        measured="R4's functions on our predictions: " + "; ".join(pairs),
        because="they measure what their names say"
        if agree
        else f"precision and recall are of `{table['counted'].iloc[0]}` alone, F1 is of all "
        "classes together, and each is a mean over batches",
    )


def _printed_scores(chapter: "Chapter") -> None:
    """Rows 1.14 and 4.10: do the printed scores follow from the printed matrices?"""
    reported = load_reported()
    claims = reported.claims()
    for row, group, tables in (
        ("1.14", "R1.decision", {"InceptionV3, 150 layers": "R1.confusion"}),
        (
            "4.10",
            "R4.reports",
            {"VGG16": "R4.vgg16.confusion", "ResNet50V2": "R4.resnet50v2.confusion"},
        ),
    ):
        printed = claims[claims["group"] == group]
        gaps = [
            abs(claim["value"] - _from_matrix(reported.table(tables[claim["model"]]), claim))
            for claim in printed.to_dict("records")
        ]
        agree = max(gaps) <= _ROUNDED + 1e-9
        chapter.finding(
            row,
            "confirmed" if agree else "not confirmed",
            measured=f"{len(gaps)} printed scores, at most {max(gaps):.4f} off the matrix",
            because="every one of them follows from the printed matrix"
            if agree
            else "some do not follow from the printed matrix",
        )


def _from_matrix(matrix: pd.DataFrame, claim: dict) -> float:
    """The score a claim states, from the confusion matrix; of the second class if binary."""
    scores = scores_from_confusion(matrix).set_index(["metric", "class"])["value"]
    binary = len(matrix) == 2 and claim["metric"] in ("precision", "recall")
    if claim["metric"].endswith("_weighted") and (claim["metric"], "") not in scores.index:
        by_class = scores.xs(claim["metric"].removesuffix("_weighted"), level="metric")
        return float(np.average(by_class[matrix.index], weights=matrix.sum(axis=1)))
    return float(scores[(claim["metric"], matrix.columns[1] if binary else "")])


def _thresholds(chapter: "Chapter") -> None:
    cheapest = chapter.series("thresholds").iloc[1]
    areas = chapter.series("areas")
    area = areas[(areas["area"] == "ROC AUC") & (areas["method"] == "bootstrap")].iloc[0]
    chapter.finding(
        "1.15",
        "cannot be compared",
        measured=f"ROC AUC {_with_interval(area)}; at the cheapest threshold, "
        f"{plain(cheapest['threshold'])}, sensitivity {plain(cheapest['sensitivity'])} and "
        f"specificity {plain(cheapest['specificity'])}",
        because="the report shows a curve and gives no numbers",
    )


def _rare_class(chapter: "Chapter") -> None:
    """Lesson M12: the width of an interval on eleven images, and McNemar on ours of that class."""
    rare = chapter.series("rare-class")
    six = rare[rare["method"] == "Wilson"].iloc[0]
    test = chapter.series("discordant").iloc[-1]
    chapter.finding(
        "M12",
        "confirmed",
        measured=f"recall of {six['class']} on {six['images']} images: {_with_interval(six)}; "
        f"{test['pair']} on our {test['images_of']} (n = {test['images']}): "
        f"{test['only_first']} right with the first only, {test['only_second']} with the second "
        f"only (McNemar's p {plain(test['p'])})",
        because=f"the interval spans {six['high'] - six['low']:.0%} of the scale",
    )


def _with_interval(row: pd.Series) -> str:
    value = row["recomputed"] if "recomputed" in row else row["value"]
    return f"{plain(value)} ({plain(row['low'])}–{plain(row['high'])})"
