"""The tables of the chapter *Decisions and thresholds*: our predictions beside published tables.

Each function returns a tidy table for ``Chapter.add_series``. The reports' matrices come from
``book/reported.yaml``; nothing is typed here.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from dermbook.evaluation import (
    Predictions,
    chance_agreement,
    choose_threshold,
    cohen_kappa,
    confusion,
    permutation_test,
    score,
    scores_from_confusion,
    threshold_table,
    wilson,
)
from dermbook.publishing.compare import plain
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

#: R4's batches (row 4.4), over which its notebook averaged F1
R4_BATCH = 16


def r1_recomputed() -> pd.DataFrame:
    """R1's printed scores beside those of its own confusion matrix (row 1.14, lesson M10).

    Columns: score, printed (as in the report, or –), recomputed, low, high (Wilson, 95 %).
    """
    reported = load_reported()
    scores = scores_from_confusion(reported.table("R1.confusion")).set_index(["metric", "class"])
    claims = reported.claims()
    printed = claims[claims["group"] == "R1.decision"].set_index("metric")["stated"]
    wanted = [
        ("accuracy", "", "accuracy"),
        ("precision", "malignant", "precision"),
        ("recall", "malignant", "recall"),
        ("specificity", "malignant", ""),
        ("f1", "malignant", ""),
        ("balanced_accuracy", "", ""),
        ("cohen_kappa", "", ""),
    ]
    rows = []
    for metric, name, claim in wanted:
        row = scores.loc[(metric, name)]
        rows.append(
            {
                "score": f"{metric.replace('_', ' ')}{f' ({name})' if name else ''}",
                "printed": printed.get(claim, "–"),
                "recomputed": row["value"],
                "low": row["low"],
                "high": row["high"],
            }
        )
    return pd.DataFrame(rows)


def prevalence_differs(predictions: Predictions) -> str:
    """Why a binary accuracy cannot stand beside R1's: the shares of malignant images, computed."""
    matrix = load_reported().table("R1.confusion")
    theirs = matrix.loc["malignant"].sum() / matrix.to_numpy().sum()
    ours = float((predictions.table["truth"] == "malignant").mean())
    return (
        f"accuracy depends on the share of malignant images, {theirs:.1%} in R1's test part and "
        f"{ours:.1%} here"
    )


def shuffled_truth(predictions: Predictions, *, seed: int = 0) -> pd.DataFrame:
    """Confusion matrix after the truth was shuffled against the predictions, as in lesson M1."""
    order = np.random.default_rng(seed).permutation(len(predictions))
    k = len(predictions.classes)
    pairs = predictions.truth_codes[order] * k + predictions.predicted_codes
    names = list(predictions.classes)
    counts = np.bincount(pairs, minlength=k * k).reshape(k, k)
    return pd.DataFrame(counts, index=names, columns=names)


def chance_table(
    predictions: Predictions, *, permutations: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Agreement beyond chance: R4's two published matrices, ours, and ours with labels shuffled.

    Columns: matrix, images, accuracy, by_chance, kappa, p (permutation test, one-sided).
    """
    reported = load_reported()
    matrices = {
        "R4 VGG16, as published": reported.table("R4.vgg16.confusion"),
        "R4 ResNet50V2, as published": reported.table("R4.resnet50v2.confusion"),
        f"{_ours(predictions)}, ours": confusion(predictions),
        f"{_ours(predictions)}, labels shuffled on purpose": shuffled_truth(predictions, seed=seed),
    }
    rows = []
    for name, matrix in matrices.items():
        agreement = permutation_test(matrix, permutations=permutations, seed=seed)
        rows.append(
            {
                "matrix": name,
                "images": int(matrix.to_numpy().sum()),
                "accuracy": agreement.observed,
                "by_chance": chance_agreement(matrix),
                "kappa": cohen_kappa(matrix),
                "p": agreement.p_value,
            }
        )
    return pd.DataFrame(rows)


def kappa_histogram(
    predictions: Predictions, *, permutations: int = 1000, seed: int = 0, bins: int = 25
) -> pd.DataFrame:
    """Kappas that shuffled labels reach, as a histogram, with the model's own kappa.

    Columns: left, right (of the bin), count, observed (the model's kappa, the same in each row).
    """
    rng = np.random.default_rng(seed)
    truth, predicted = predictions.truth_codes, predictions.predicted_codes
    expected = chance_agreement(confusion(predictions))
    agreements = np.array(
        [(rng.permutation(truth) == predicted).mean() for _ in range(permutations)]
    )
    counts, edges = np.histogram((agreements - expected) / (1 - expected), bins=bins)
    return pd.DataFrame(
        {
            "left": edges[:-1],
            "right": edges[1:],
            "count": counts,
            "observed": cohen_kappa(confusion(predictions)),
        }
    )


def averages(predictions: Predictions) -> pd.DataFrame:
    """One model's averages of F1, accuracy, and F1 averaged over batches (lesson M6).

    The tidy columns of ``score``: metric, class, value, low, high, n, interval. The added metric
    ``f1_macro_batches`` is the mean of macro F1 over batches of 16, R4's way; it has no interval
    because it estimates nothing.
    """
    wanted = ["accuracy", "f1_micro", "f1_weighted", "f1_macro", "balanced_accuracy"]
    scores = score(predictions)
    rows = scores[scores["metric"].isin(wanted) & (scores["class"] == "")]
    by_batch = {
        "metric": "f1_macro_batches",
        "class": "",
        "value": batch_mean_f1(predictions),
        "low": np.nan,
        "high": np.nan,
        "n": len(predictions),
        "interval": "",
    }
    return pd.concat([rows, pd.DataFrame([by_batch])], ignore_index=True)


def batch_mean_f1(predictions: Predictions, batch_size: int = R4_BATCH) -> float:
    """Mean over batches of the macro F1 within each batch, in the order of the Predictions.

    A class absent from a batch's truth and predictions does not count in it (scikit-learn).
    """
    truth, predicted = predictions.truth_codes, predictions.predicted_codes
    starts = range(0, len(predictions), batch_size)
    values = [
        f1_score(truth[i : i + batch_size], predicted[i : i + batch_size], average="macro")
        for i in starts
    ]
    return float(np.mean(values))


def recall_intervals(predictions: Predictions) -> pd.DataFrame:
    """Recall by class with intervals: R3's two published models and ours (lesson M12).

    Columns: model, class, value, low, high, n (images of the class). R3's intervals are Wilson's,
    from the correct images and totals it prints; ours are bootstrapped over lesions.
    """
    rows = []
    reported = load_reported()
    for identifier in ("R3.resnet18", "R3.resnet50"):
        model = f"R3 {reported.tables().loc[identifier, 'model']}"
        for name, row in reported.table(identifier).iterrows():
            correct, total = int(row["correct"]), int(row["total"])
            low, high = wilson(correct, total)
            rows.append((model, name, correct / total, float(low), float(high), total))
    scores = score(predictions)
    support = scores[scores["metric"] == "support"].set_index("class")["value"]
    for row in scores[scores["metric"] == "recall"].to_dict("records"):
        numbers = row["value"], row["low"], row["high"], int(support[row["class"]])
        rows.append((_ours(predictions), row["class"], *numbers))
    return pd.DataFrame(rows, columns=["model", "class", "value", "low", "high", "n"])


def chosen_thresholds(
    validation: Predictions,
    test: Predictions,
    positive: str,
    *,
    cost: float,
    sensitivity: float,
) -> pd.DataFrame:
    """Thresholds chosen on validation, and what they do on the test part (row 1.15).

    Three rows: one half, least cost (a miss costs ``cost`` false alarms), required sensitivity.
    Columns: rule, threshold, missed, false_alarms (images of the test part), sensitivity and
    specificity with Wilson's ``_low`` and ``_high``.
    """
    rules = {
        "one half": 0.5,
        f"least cost, a miss costs {cost:g}": choose_threshold(
            validation, positive, false_negative_cost=cost
        ),
        f"sensitivity of {plain(sensitivity)} on validation": choose_threshold(
            validation, positive, sensitivity=sensitivity
        ),
    }
    rows = []
    for rule, threshold in rules.items():
        row = threshold_table(test, positive, [threshold], false_negative_cost=cost).iloc[0]
        sensitive = wilson(int(row["tp"]), int(row["tp"] + row["fn"]))
        specific = wilson(int(row["tn"]), int(row["tn"] + row["fp"]))
        rows.append(
            {
                "rule": rule,
                "threshold": threshold,
                "missed": int(row["fn"]),
                "false_alarms": int(row["fp"]),
                "sensitivity": row["sensitivity"],
                "sensitivity_low": float(sensitive[0]),
                "sensitivity_high": float(sensitive[1]),
                "specificity": row["specificity"],
                "specificity_low": float(specific[0]),
                "specificity_high": float(specific[1]),
                "cost": row["cost"],
            }
        )
    return pd.DataFrame(rows)


def add_findings(chapter: "Chapter") -> None:
    """State what the published tables themselves show: lessons M1, M6, M10, M12 and their rows.

    These verdicts rest on the reports' own printed numbers, recomputed, and on our Predictions for
    the experiment beside them; every figure in the text is computed here.
    """
    r1 = chapter.series("r1-recomputed").set_index("score")
    precision, recall = r1.loc["precision (malignant)"], r1.loc["recall (malignant)"]
    chapter.finding(
        "M10",
        "confirmed",
        measured=f"precision {plain(precision['recomputed'])}, printed {precision['printed']}; "
        f"recall {_with_interval(recall)}",
        because="the printed matrix determines them",
    )
    chance = chapter.series("chance").set_index("matrix")
    r4 = chance.loc["R4 ResNet50V2, as published"]
    ours, shuffled = chance.iloc[-2], chance.iloc[-1]
    at_chance = r4["p"] > 0.05 and shuffled["p"] > 0.05 and ours["p"] <= 0.05
    chapter.finding(
        "M1",
        "confirmed" if at_chance else "not confirmed",
        measured=f"κ {r4['kappa']:.3f} (p {r4['p']:.2f}) in R4's matrix; ours {ours['kappa']:.3f}, "
        f"and {shuffled['kappa']:.3f} with labels shuffled",
        because="shuffled labels take a model that works to chance, and R4's matrix is at chance",
    )
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
    _add_row_findings(chapter)
    cheapest = chapter.series("thresholds").iloc[1]
    chapter.finding(
        "1.15",
        "cannot be compared",
        measured=f"at the cheapest threshold, {plain(cheapest['threshold'])}, sensitivity "
        f"{plain(cheapest['sensitivity'])} and specificity {plain(cheapest['specificity'])}",
        because="the report shows a curve and gives no numbers",
    )
    recalls = chapter.series("recalls")
    rarest = recalls[recalls["model"].str.startswith("R3 ")].sort_values("n").iloc[0]
    chapter.finding(
        "M12",
        "confirmed",
        measured=f"recall of {rarest['class']} on {rarest['n']} images: {_with_interval(rarest)}",
        because=f"the interval spans {rarest['high'] - rarest['low']:.0%} of the scale",
    )


def _add_row_findings(chapter: "Chapter") -> None:
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
        # half a unit of the second decimal is what R4 rounds away
        agree = max(gaps) <= 0.005 + 1e-9
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


def _ours(predictions: Predictions) -> str:
    """The model's name where it stands beside the reports' models: a phantom one says so."""
    return f"{predictions.model} (phantom)" if predictions.phantom else predictions.model


def _with_interval(row: pd.Series) -> str:
    value = row["recomputed"] if "recomputed" in row else row["value"]
    return f"{plain(value)} ({plain(row['low'])}–{plain(row['high'])})"
