"""Folds of images that keep lesions whole."""

import warnings
from collections.abc import Sequence

import numpy as np

from dermbook.errors import DataError, ParameterError


def grouped_folds(
    codes: np.ndarray, groups: Sequence[str], folds: int, *, seed: int = 0
) -> np.ndarray:
    """A fold number, 0 … folds − 1, for each row: groups whole, classes spread; int (n,).

    ParameterError for fewer than two folds, DataError for fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if folds < 2:
        raise ParameterError(f"folds: must be 2 or more, not {folds}.")
    if len(set(groups)) < folds:
        raise DataError(f"grouped_folds: {len(set(groups))} lesions do not make {folds} folds.")
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    numbers = np.zeros(len(codes), dtype=int)
    rows = np.zeros((len(codes), 1))
    with warnings.catch_warnings():  # of classes with fewer images than folds: known, and fine
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, held_out) in enumerate(splitter.split(rows, codes, np.asarray(groups))):
            numbers[held_out] = number
    return numbers
