"""One model, many averages: what a score's name promises, and what R4 computed (lesson M6)."""

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from dermbook.evaluation import Predictions, score

#: R4's batches (row 4.4), over which its notebook averaged its scores
R4_BATCH = 16
#: R4's metrics round a probability: above one half counts as an answer
R4_ANSWER = 0.5


def averages(predictions: Predictions, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    """One model's averages of F1, accuracy, and F1 averaged over batches (lesson M6).

    The tidy columns of ``score``: metric, class, value, low, high, n, interval. The added metric
    ``f1_macro_batches`` is the mean of macro F1 over batches of 16, R4's way; it has no interval
    because it estimates nothing. ``scores`` are those of ``score`` where they are at hand.
    """
    wanted = ["accuracy", "f1_micro", "f1_weighted", "f1_macro", "balanced_accuracy"]
    scores = score(predictions) if scores is None else scores
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


def r4_metrics(predictions: Predictions, batch_size: int = R4_BATCH) -> pd.DataFrame:
    """R4's own precision, recall and F1 (row 4.6) on our predictions, in three readings.

    R4's functions take the second column of the probabilities only, in alphabetical order bcc, for
    precision and recall, and all columns for F1; a probability above one half is an answer; and
    Keras takes the mean over batches, in which a batch without the class counts as zero.

    Columns: score, counted (which classes), batches (R4's way), part (the same, counted over the
    whole part), named (what the name promises: the macro average over classes, most probable class
    as the answer).
    """
    second = sorted(predictions.classes)[1]
    code = predictions.classes.index(second)
    truth = np.eye(len(predictions.classes))[predictions.truth_codes]
    answer = (predictions.probabilities > R4_ANSWER).astype("float64")
    overall = score(predictions, resamples=0)
    named = overall[overall["class"] == ""].set_index("metric")["value"]
    rows = []
    for name, columns in (("precision", [code]), ("recall", [code]), ("f1", slice(None))):
        counts = np.stack(
            [
                (truth * answer)[:, columns].sum(axis=1),
                answer[:, columns].sum(axis=1),
                truth[:, columns].sum(axis=1),
            ]
        )
        starts = range(0, len(predictions), batch_size)
        batches = [_ratio(name, *counts[:, i : i + batch_size].sum(axis=1)) for i in starts]
        rows.append(
            {
                "score": name,
                "counted": second if name != "f1" else "all classes together",
                "batches": float(np.mean(batches)),
                "part": _ratio(name, *counts.sum(axis=1)),
                "named": float(named[f"{name}_macro"]),
            }
        )
    return pd.DataFrame(rows)


def class_report(predictions: Predictions, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    """Precision, recall, F1 and images of each class (row 4.10), tidy: model, metric, class, …

    ``scores`` are those of ``score`` where they are at hand.
    """
    scores = score(predictions) if scores is None else scores
    chosen = scores[scores["metric"].isin(["precision", "recall", "f1", "support"])]
    chosen = chosen[chosen["class"] != ""][["metric", "class", "value", "low", "high"]]
    chosen.insert(0, "model", predictions.model)
    return chosen.reset_index(drop=True)


def _ratio(name: str, hits: float, predicted: float, true: float) -> float:
    """Precision, recall or F1 of counts; 0 where nothing was predicted, or nothing was there."""
    below = {"precision": predicted, "recall": true, "f1": (predicted + true) / 2}[name]
    return float(hits / below) if below else 0.0
