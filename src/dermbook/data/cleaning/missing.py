"""Missing values: filled with a statistic of the training part, and what it costs not to.

R4 filled 57 missing ages with 51.863828, the mean of the other 9,958, before it divided the images
(lesson M17). The same slip with a richer statistic than a mean is no longer harmless; the
experiments here measure both.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError

STRATEGIES = ("median", "mean")


def fill_missing(
    train: pd.DataFrame, table: pd.DataFrame, column: str, *, strategy: str = "median"
) -> pd.DataFrame:
    """``table`` with the missing numbers of ``column`` filled from ``train`` alone.

    The rows to be filled may belong to any part; the value is the median or mean of the known
    values of ``train``. DataError when the column is missing or has no known value there.
    """
    return table.assign(**{column: _filled(train, table, column, strategy)})


def fill_value(train: pd.DataFrame, column: str, *, strategy: str = "median") -> float:
    """The number that ``fill_missing`` fills in."""
    return float(_imputer(train, column, strategy).statistics_[0])


def fill_experiment(
    table: pd.DataFrame,
    column: str = "age",
    *,
    splits: int = 200,
    test: float = 0.2,
    strategy: str = "mean",
    seed: int = 0,
) -> pd.DataFrame:
    """The filling value from all rows and from a training part, over many random divisions.

    Whole lesions are drawn into the test part, about ``test`` of them. One row a division: split,
    all_rows, train_only, shift (all_rows − train_only), and filled (rows of the test part that
    are filled). Units are the column's.
    """
    if splits < 1 or not 0 < test < 1:
        raise ParameterError(f"fill_experiment: splits={splits}, test={test}.")
    everything = fill_value(table, column, strategy=strategy)
    lesions, lesion = np.unique(table["group"].astype(str).to_numpy(), return_inverse=True)
    values = pd.to_numeric(table[column]).to_numpy(dtype=np.float64)
    average = np.nanmean if strategy == "mean" else np.nanmedian
    rng = np.random.default_rng([seed, 17])
    rows = []
    for split in range(splits):
        held_out = (rng.random(len(lesions)) < test)[lesion]
        fitted = float(average(values[~held_out]))
        rows.append(
            {
                "split": split,
                "all_rows": everything,
                "train_only": fitted,
                "shift": everything - fitted,
                "filled": int(np.isnan(values[held_out]).sum()),
            }
        )
    return pd.DataFrame(rows)


def encode_target(
    train: pd.DataFrame, table: pd.DataFrame, columns: Sequence[str], target: np.ndarray
) -> np.ndarray:
    """Each row's category replaced by the mean target of that category in ``train``.

    columns: together they make the category; missing counts as one. target: (len(train),) numbers.
    A category that ``train`` lacks gets the mean of all of ``train``. float64 (len(table),).
    """
    target = np.asarray(target, dtype=np.float64)
    if len(target) != len(train):
        raise DataError(f"encode_target: {len(target)} targets for {len(train)} rows.")
    keys = pd.concat([_category(train, columns), _category(table, columns)])
    codes = pd.factorize(keys)[0]
    return _means(codes[: len(train)], target, codes[len(train) :])


def encoding_experiment(
    table: pd.DataFrame,
    targets: np.ndarray,
    categories: Sequence[Sequence[str]],
    *,
    repeats: int = 100,
    test: float = 0.2,
    seed: int = 0,
) -> pd.DataFrame:
    """A mean-target encoding fitted on all rows and on train only, when there is nothing to learn.

    targets: 0 or 1 a row (for example malignant). In each repeat they are permuted, so that no
    category says anything about them, and the rows divided; the encoding itself is the score of the
    test rows. The true ROC AUC is .5. One row a repeat and category: repeat, category (its columns,
    joined by " × "), cells (different values), all_rows, train_only (ROC AUC on the test rows).
    """
    from sklearn.metrics import roc_auc_score

    targets = np.asarray(targets, dtype=np.int64)
    if set(np.unique(targets)) != {0, 1}:
        raise DataError("encoding_experiment: targets must hold both 0 and 1, and nothing else.")
    keys = [pd.factorize(_category(table, columns))[0] for columns in categories]
    rng = np.random.default_rng([seed, 18])
    rows = []
    for repeat in range(repeats):
        shuffled = rng.permutation(targets)
        held_out = rng.random(len(table)) < test
        truth = shuffled[held_out]
        if len(np.unique(truth)) < 2:
            continue  # an ROC AUC needs both
        for columns, codes in zip(categories, keys, strict=True):
            every = _means(codes, shuffled, codes[held_out])
            fair = _means(codes[~held_out], shuffled[~held_out], codes[held_out])
            rows.append(
                {
                    "repeat": repeat,
                    "category": " × ".join(columns),
                    "cells": int(codes.max()) + 1,
                    "all_rows": roc_auc_score(truth, every),
                    "train_only": roc_auc_score(truth, fair),
                }
            )
    return pd.DataFrame(rows)


def _imputer(train: pd.DataFrame, column: str, strategy: str):
    from sklearn.impute import SimpleImputer

    if strategy not in STRATEGIES:
        raise ParameterError(f"strategy: must be median or mean, not {strategy!r}.")
    if column not in train.columns:
        raise DataError(f"fill_missing: the training part has no column {column!r}.")
    if not train[column].notna().any():
        raise DataError(f"fill_missing: no row of the training part has a known {column!r}.")
    return SimpleImputer(strategy=strategy).fit(train[[column]].to_numpy(dtype=np.float64))


def _means(seen: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Mean target of each asked code among the seen ones, or of all where it was not seen."""
    size = max(seen.max(), asked.max()) + 1
    counts = np.bincount(seen, minlength=size)
    sums = np.bincount(seen, weights=target, minlength=size)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.mean(target))[asked]


def _category(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"There is no column {missing[0]!r} to encode.")
    parts = [table[column].astype("object").map(str) for column in columns]
    return parts[0].str.cat(parts[1:], sep="\x1f") if len(parts) > 1 else parts[0]


def _filled(train: pd.DataFrame, table: pd.DataFrame, column: str, strategy: str) -> np.ndarray:
    imputer = _imputer(train, column, strategy)
    if column not in table.columns:
        raise DataError(f"fill_missing: the table has no column {column!r}.")
    return imputer.transform(table[[column]].to_numpy(dtype=np.float64))[:, 0]
