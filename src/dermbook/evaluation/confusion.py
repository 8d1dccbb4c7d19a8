"""Confusion matrices, what can be computed from them, and agreement beyond chance.

Also scores tables that others published, of which only counts are known: R1's two-by-two table,
R4's matrices, R3's tables of precision, recall and correct images.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.metrics import BY_CLASS, OVERALL, score_table
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import wilson
from dermbook.evaluation.weighted import margin_scores

_CHUNK_CELLS = 2_000_000


class Agreement(NamedTuple):
    """What ``permutation_test`` finds. All but ``p_value`` and ``kappa`` are shares of images."""

    observed: float
    by_chance: float
    kappa: float
    p_value: float
    permutations: int


def confusion(predictions: Predictions) -> pd.DataFrame:
    """Counts by true class (rows, ``truth``) and predicted class (columns, ``predicted``).

    Square, int64, both axes in the order of ``classes``. DataError when the truth is unknown.
    """
    k = len(predictions.classes)
    pairs = predictions.truth_codes * k + predictions.predicted_codes
    counts = np.bincount(pairs, minlength=k * k).reshape(k, k)
    names = list(predictions.classes)
    return pd.DataFrame(
        counts, index=pd.Index(names, name="truth"), columns=pd.Index(names, name="predicted")
    )


def confusion_frame(matrix: pd.DataFrame) -> pd.DataFrame:
    """A confusion matrix as a series for a Record: truth, predicted, count; one row a cell."""
    cells = matrix.rename_axis(index="truth", columns="predicted")
    return cells.stack().rename("count").reset_index()


def scores_from_confusion(
    matrix: pd.DataFrame | np.ndarray,
    classes: Sequence[str] | None = None,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """The scores that a confusion matrix determines, as the table ``metrics.score`` gives.

    matrix: square counts ≥ 0, rows true, columns predicted; a DataFrame brings its own class names,
        else name them in ``classes``. Areas under curves and losses need probabilities and are
        left out; everything else is defined as in ``metrics.score``.
    Accuracy, f1_micro, precision, recall and specificity have Wilson's interval at ``level``
    (images taken as independent: lesions are unknown here); the others have none.

    Raises DataError when the matrix is not square, empty, negative or lacks names.
    """
    counts, names = _checked_matrix(matrix, classes)
    return _scores(np.diag(counts), counts.sum(axis=1), counts.sum(axis=0), names, level)


def scores_from_counts(counts: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """As ``scores_from_confusion``, from the table of ``counts_from_table``.

    counts: one row a class, columns class, correct, support, predicted. DataError if a column is
    missing or supports and predictions do not sum to the same number.
    """
    missing = {"class", "correct", "support", "predicted"} - set(counts.columns)
    if missing:
        raise DataError(f"scores_from_counts: the table lacks {', '.join(sorted(missing))}.")
    truth, predicted = counts["support"].to_numpy(float), counts["predicted"].to_numpy(float)
    if truth.sum() != predicted.sum():
        raise DataError(
            f"scores_from_counts: {truth.sum():.0f} images have a class and "
            f"{predicted.sum():.0f} a prediction; the table is of another test set or misprinted."
        )
    return _scores(
        counts["correct"].to_numpy(float), truth, predicted, tuple(counts["class"]), level
    )


def counts_from_table(
    precision: Mapping[str, float],
    recall: Mapping[str, float],
    correct: Mapping[str, int],
    *,
    tolerance: float = 0.02,
) -> pd.DataFrame:
    """The counts behind a published table of precision, recall and correct images a class.

    support = correct / recall and predicted = correct / precision, whole when the printed digits
    suffice (R3's six do). The three mappings have the same classes, correct ≥ 1.
    Returns class, correct, support, predicted (int64), in the order of ``correct``.

    Raises DataError when a class has no correct image (then its counts are lost) or when a quotient
    is further than ``tolerance`` from a whole number (misprinted, or too few digits).
    """
    if not set(precision) == set(recall) == set(correct):
        raise DataError("counts_from_table: precision, recall and correct name other classes.")
    rows = []
    for name, hits in correct.items():
        if hits < 1 or not precision[name] > 0 or not recall[name] > 0:
            raise DataError(f"counts_from_table: {name} has no correct image, its counts are lost.")
        support, calls = hits / recall[name], hits / precision[name]
        for quotient, column in ((support, "recall"), (calls, "precision")):
            if abs(quotient - round(quotient)) > tolerance:
                raise DataError(
                    f"counts_from_table: {name}: {hits} correct images and the printed {column} "
                    f"make {quotient:.3f} images, not a whole number."
                )
        rows.append((name, int(hits), round(support), round(calls)))
    return pd.DataFrame(rows, columns=["class", "correct", "support", "predicted"])


def chance_agreement(matrix: pd.DataFrame | np.ndarray) -> float:
    """Accuracy expected if predictions were dealt at random with the same margins, 0 to 1.

    The p_e of Cohen's kappa (Cohen 1960). DataError as ``scores_from_confusion``.
    """
    counts, _ = _checked_matrix(matrix, None)
    return float((counts.sum(axis=0) * counts.sum(axis=1)).sum() / counts.sum() ** 2)


def cohen_kappa(matrix: pd.DataFrame | np.ndarray) -> float:
    """Cohen's kappa (Cohen 1960): agreement beyond chance, 1 perfect, 0 as by chance.

    NaN when all images are of one class and predicted so. DataError as ``scores_from_confusion``.
    """
    counts, names = _checked_matrix(matrix, None)
    margins = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return float(margin_scores(*margins, names)["cohen_kappa", ""])


def permutation_test(
    subject: Predictions | pd.DataFrame, *, permutations: int = 10_000, seed: int = 0
) -> Agreement:
    """Do predictions agree with the truth more than if the truth were shuffled? (Lesson M1.)

    subject: Predictions, or a confusion matrix (its images are then dealt out again). The truth is
    permuted among the images ``permutations`` times; ``p_value`` is the share of shufflings, the
    observed order among them, that agree at least as often, so never 0 (Phipson and Smyth 2010).
    Images are the unit: the null is a shuffled generator, which shuffles images, not lesions.

    Raises ParameterError for fewer than one permutation; DataError as ``confusion``.
    """
    if permutations < 1:
        raise ParameterError(f"permutation_test: permutations must be ≥ 1, not {permutations}.")
    matrix = confusion(subject) if isinstance(subject, Predictions) else subject
    counts, names = _checked_matrix(matrix, None)
    truth, predicted = np.divmod(
        np.repeat(np.arange(counts.size), counts.ravel().astype("int64")), len(names)
    )
    observed = int((truth == predicted).sum())
    generator = np.random.default_rng(seed)
    at_least, done = 0, 0
    while done < permutations:
        rows = min(permutations - done, max(1, _CHUNK_CELLS // len(truth)))
        shuffled = generator.permuted(np.broadcast_to(truth, (rows, len(truth))), axis=1)
        at_least += int(((shuffled == predicted).sum(axis=1) >= observed).sum())
        done += rows
    return Agreement(
        observed=observed / len(truth),
        by_chance=chance_agreement(matrix),
        kappa=cohen_kappa(matrix),
        p_value=(1 + at_least) / (1 + permutations),
        permutations=permutations,
    )


def _scores(
    hits: np.ndarray,
    truth: np.ndarray,
    predicted: np.ndarray,
    classes: tuple[str, ...],
    level: float,
) -> pd.DataFrame:
    values = margin_scores(hits, truth, predicted, classes)
    total = truth.sum()
    rows = []
    for metric in OVERALL:
        if (metric, "") in values:
            part = (hits.sum(), total) if metric in ("accuracy", "f1_micro") else None
            rows.append(_row(metric, "", values[metric, ""], part, total, level))
    for index, name in enumerate(classes):
        values["support", name] = truth[index]
        negatives = total - truth[index]
        parts = {
            "precision": (hits[index], predicted[index]),
            "recall": (hits[index], truth[index]),
            "specificity": (negatives - predicted[index] + hits[index], negatives),
        }
        for metric in BY_CLASS:
            if (metric, name) in values:
                value = values[metric, name]
                rows.append(_row(metric, name, value, parts.get(metric), total, level))
    return score_table(rows)


def _row(
    metric: str,
    name: str,
    value: float,
    part: tuple[float, float] | None,
    total: float,
    level: float,
) -> tuple:
    """One row of the table; ``part`` is (successes, n) where the metric is a proportion."""
    successes, n = part or (np.nan, total)
    low, high = wilson(successes, n, level) if part else (np.nan, np.nan)
    return metric, name, float(value), low, high, int(n), "Wilson" if part and n else ""


def _checked_matrix(
    matrix: pd.DataFrame | np.ndarray, classes: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    if isinstance(matrix, pd.DataFrame):
        if list(matrix.index) != list(matrix.columns):
            raise DataError("A confusion matrix needs the same classes in rows and columns.")
        classes = classes or [str(name) for name in matrix.columns]
    counts = np.asarray(matrix, dtype="float64")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise DataError(f"A confusion matrix is square; this one has the shape {counts.shape}.")
    if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.sum() > 0):
        raise DataError("A confusion matrix holds counts of 0 or more, not all of them 0.")
    names = tuple(classes or (str(code) for code in range(len(counts))))
    if len(names) != len(counts):
        raise DataError(f"{len(names)} class names were given for {len(counts)} rows.")
    return counts, names
