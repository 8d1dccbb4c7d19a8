"""XGBoost on encoded metadata, its settings found by a grid search on the training part (row 0.13).

XGBoost: Chen and Guestrin 2016. The search is scikit-learn's, over folds that keep lesions whole.
"""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from dermbook.errors import DataError
from dermbook.evaluation.folds import grouped_folds

#: the settings that are searched; R0 names none
GRID: Mapping[str, Sequence[float]] = {
    "rounds": (30, 100),
    "max_depth": (2, 4),
    "learning_rate": (0.1, 0.3),
}


class Boosting(ClassifierMixin, BaseEstimator):
    """Gradient-boosted trees that give a probability to every class, also to one that is absent.

    XGBoost's own scikit-learn class refuses training rows that lack a class, as a fold of rare
    classes does. classes: how many, k; codes are 0 … k − 1. rounds: trees a class. Deterministic.
    """

    def __init__(
        self,
        classes: int = 2,
        rounds: int = 100,
        max_depth: int = 3,
        learning_rate: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.classes = classes
        self.rounds = rounds
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn from X float (n, d) and codes y int (n,). DataError for a code out of range."""
        import xgboost

        y = np.asarray(y)
        if len(y) and not 0 <= y.min() <= y.max() < self.classes:
            raise DataError(f"Boosting: codes must be 0 to {self.classes - 1}.")
        settings = {
            "objective": "multi:softprob",
            "num_class": self.classes,
            "max_depth": int(self.max_depth),
            "learning_rate": float(self.learning_rate),
            "tree_method": "hist",
            "nthread": 1,
            "seed": self.seed,
            "verbosity": 0,
        }
        data = xgboost.DMatrix(np.asarray(X, dtype=np.float32), label=y)
        self.booster_ = xgboost.train(settings, data, num_boost_round=int(self.rounds))
        self.classes_ = np.arange(self.classes)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities, float64 (n, k)."""
        import xgboost

        found = self.booster_.predict(xgboost.DMatrix(np.asarray(X, dtype=np.float32)))
        found = found.astype("float64")
        return found / found.sum(axis=1, keepdims=True)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable codes, int (n,)."""
        return self.predict_proba(X).argmax(axis=1)


def grid_search(
    features: pd.DataFrame,
    codes: np.ndarray,
    groups: Sequence[str],
    *,
    classes: int,
    grid: Mapping[str, Sequence[float]] = GRID,
    folds: int = 3,
    seed: int = 0,
) -> tuple[dict[str, float], pd.DataFrame]:
    """The settings with the least cross-entropy over folds of the training rows, and all of them.

    features: encoded metadata of the training part; codes and groups (lesions) in its order.
    Returns the best settings, and a table: one column a setting, log_loss (mean over folds),
    spread (standard deviation), best.
    """
    from sklearn.model_selection import GridSearchCV

    numbers = grouped_folds(np.asarray(codes), groups, folds, seed=seed)
    held_out = [
        (np.flatnonzero(numbers != fold), np.flatnonzero(numbers == fold)) for fold in range(folds)
    ]
    search = GridSearchCV(
        Boosting(classes=classes, seed=seed),
        {name: list(values) for name, values in grid.items()},
        scoring=_less_log_loss,
        cv=held_out,
        refit=False,
    )
    search.fit(features.to_numpy(np.float32), np.asarray(codes))
    table = pd.DataFrame(search.cv_results_["params"])
    table["log_loss"] = -search.cv_results_["mean_test_score"]
    table["spread"] = search.cv_results_["std_test_score"]
    table["best"] = table.index == search.best_index_
    return dict(search.best_params_), table


def _less_log_loss(model: Boosting, features: np.ndarray, codes: np.ndarray) -> float:
    probabilities = model.predict_proba(features)[np.arange(len(codes)), codes]
    return float(np.log(np.maximum(probabilities, 1e-15)).mean())
