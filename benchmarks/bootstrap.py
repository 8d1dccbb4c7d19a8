"""How long the intervals of one table of scores take: vectorised, and by a naive loop.

    python benchmarks/bootstrap.py [--rows 2000] [--classes 7] [--resamples 1000] [--naive 10]

The naive loop draws lesions, repeats their rows and calls scikit-learn for the same metrics, as one
would write it first. It runs ``--naive`` resamples only; its time is scaled to ``--resamples``.
Set OMP_NUM_THREADS=1 for figures of one core.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from dermbook.evaluation import Predictions, score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--naive", type=int, default=10, help="resamples that the naive loop runs")
    options = parser.parse_args()

    predictions = made_up(options.rows, options.classes)
    score(predictions, resamples=1)  # imports scikit-learn
    start = time.perf_counter()
    frame = score(predictions, resamples=options.resamples)
    vectorised = time.perf_counter() - start
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that a resample lacks
        naive_scores(predictions, options.naive)
    naive = (time.perf_counter() - start) * options.resamples / options.naive

    print(
        f"{options.resamples:,} resamples × {options.rows:,} rows × {options.classes} classes, "
        f"{len(frame)} scores"
    )
    print(f"vectorised, measured:   {vectorised:8.2f} s")
    print(f"naive loop, scaled:     {naive:8.2f} s  (from {options.naive} resamples)")
    print(f"ratio:                  {naive / vectorised:8.0f} ×")


def made_up(rows: int, classes: int) -> Predictions:
    """Predictions of clustered, imbalanced images; about 1.4 images a lesion."""
    generator = np.random.default_rng(0)
    lesion = generator.integers(0, int(rows / 1.4), rows)
    share = 0.5 ** np.arange(classes) + 0.01
    truth = generator.choice(classes, lesion.max() + 1, p=share / share.sum())[lesion]
    values = generator.dirichlet(np.ones(classes), rows)
    values[np.arange(rows), truth] += generator.random(rows)
    values /= values.sum(axis=1, keepdims=True)
    names = [f"c{code}" for code in range(classes)]
    table = pd.DataFrame(values, index=[f"I{row}" for row in range(rows)], columns=names)
    table.insert(0, "truth", np.array(names)[truth])
    table.insert(1, "group", lesion.astype(str))
    return Predictions(table, tuple(names), "made-up", "test", "made-up", "", True)


def naive_scores(predictions: Predictions, resamples: int) -> list[dict]:
    """The metrics of ``score`` on repeated rows, one resample after another."""
    generator = np.random.default_rng(0)
    truth, values = predictions.truth_codes, predictions.probabilities
    groups = predictions.group_codes
    rows_of = [np.flatnonzero(groups == group) for group in range(groups.max() + 1)]
    found = []
    for _ in range(resamples):
        drawn = generator.integers(0, len(rows_of), len(rows_of))
        rows = np.concatenate([rows_of[group] for group in drawn])
        found.append(scikit_learn_scores(truth[rows], values[rows]))
    return found


def scikit_learn_scores(truth: np.ndarray, values: np.ndarray) -> dict:
    """All that ``score`` gives, by scikit-learn, but specificity and calibration error."""
    predicted = values.argmax(axis=1)
    codes = np.arange(values.shape[1])
    scores = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
        "f1_micro": sk.f1_score(truth, predicted, average="micro"),
        "f1_weighted": sk.f1_score(truth, predicted, average="weighted"),
        "macro": sk.precision_recall_fscore_support(
            truth, predicted, average="macro", zero_division=0
        ),
        "by class": sk.precision_recall_fscore_support(
            truth, predicted, labels=codes, zero_division=0
        ),
        "log_loss": sk.log_loss(truth, values, labels=codes),
        "brier": sk.brier_score_loss(truth, values, labels=codes),
        "kappa": sk.cohen_kappa_score(truth, predicted),
        "mcc": sk.matthews_corrcoef(truth, predicted),
    }
    for code in codes:
        positive = truth == code
        if positive.any():
            scores["auc", code] = sk.roc_auc_score(positive, values[:, code])
            scores["ap", code] = sk.average_precision_score(positive, values[:, code])
    return scores


if __name__ == "__main__":
    main()
