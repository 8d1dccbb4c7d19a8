"""What the reports' printed matrices say, recomputed: rows 1.14 and 4.10, lessons M1 and M10."""

import numpy as np
import pandas as pd

from dermbook.evaluation import (
    Predictions,
    chance_agreement,
    cohen_kappa,
    confusion,
    confusion_frame,
    permutation_test,
    scores_from_confusion,
)
from dermbook.publishing.reported import load_reported

#: R4's printed matrices by what the tables call them
R4_MATRICES = {
    "R4 VGG16, as published": "R4.vgg16.confusion",
    "R4 ResNet50V2, as published": "R4.resnet50v2.confusion",
}


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


def r4_confusion() -> pd.DataFrame:
    """R4's printed matrix of ResNet50V2 (row 4.10) as ``plots.confusion_heatmap`` wants it."""
    return confusion_frame(load_reported().table(R4_MATRICES["R4 ResNet50V2, as published"]))


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
        **{name: reported.table(identifier) for name, identifier in R4_MATRICES.items()},
        f"{ours(predictions)}, ours": confusion(predictions),
        f"{ours(predictions)}, labels shuffled on purpose": shuffled_truth(predictions, seed=seed),
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


def ours(predictions: Predictions) -> str:
    """The model's name where it stands beside the reports' models: a phantom one says so."""
    return f"{predictions.model} (phantom)" if predictions.phantom else predictions.model
