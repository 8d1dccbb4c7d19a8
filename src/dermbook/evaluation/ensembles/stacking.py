"""Stacking: a logistic regression that learns what to believe of whom (Wolpert 1992).

It is fitted on the validation part only: on the training part every member looks better than it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dermbook.errors import ParameterError
from dermbook.evaluation.ensembles.choosing import best_first, credit
from dermbook.evaluation.ensembles.rules import FLOOR, EnsembleError, combined, matched, stacked
from dermbook.evaluation.predictions import Predictions

#: inverse strengths of the penalty among which the folds choose
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True)
class Stack:
    """A fitted stack. members: model names, in their order; penalty: the C that was chosen."""

    members: tuple[str, ...]
    penalty: float
    _model: "Regression"

    def combine(self, members: Sequence[Predictions], *, model: str = "stacking") -> Predictions:
        """The stack's Predictions of a part. EnsembleError if a member is missing."""
        members = matched(members)
        by_name = {member.model: member for member in members}
        if lacking := [name for name in self.members if name not in by_name]:
            raise EnsembleError(f"{model}: member {lacking[0]} is missing on {members[0].part}.")
        stack = stacked([by_name[name] for name in self.members])
        return combined(members, self._model(stack), model)


class Regression:
    """Multinomial logistic regression on standardised log-probabilities: (m, n, k) to (n, k)."""

    def __init__(
        self, stack: np.ndarray, truth: np.ndarray, penalty: float, *, balanced: bool
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        features = _features(stack)
        scale = features.std(axis=0)
        self._mean, self._scale = features.mean(axis=0), np.where(scale > 1e-12, scale, 1.0)
        self._codes, self._regression = np.unique(truth), None
        if len(self._codes) > 1:
            self._regression = LogisticRegression(
                C=penalty,
                class_weight="balanced" if balanced else None,
                max_iter=200,
                tol=1e-3,
            ).fit((features - self._mean) / self._scale, truth)

    def __call__(self, stack: np.ndarray) -> np.ndarray:
        values = np.zeros(stack.shape[1:])
        if self._regression is None:
            values[:, self._codes] = 1.0
        else:
            features = (_features(stack) - self._mean) / self._scale
            values[:, self._codes] = self._regression.predict_proba(features)
        return values


def fit_stack(
    members: Sequence[Predictions],
    *,
    metric: str = "balanced_accuracy",
    most: int = 12,
    penalties: Sequence[float] = PENALTIES,
    folds: int = 3,
    seed: int = 0,
) -> Stack:
    """Multinomial logistic regression on the members' log-probabilities, standardised.

    most: only so many members, the best by ``metric`` here, are used. The penalty is chosen in
    ``folds`` folds of whole lesions by the metric. For balanced accuracy the classes weigh alike.
    A class that has no image here gets probability 0; with one class only, that one gets 1.
    """
    members = matched(members)
    chosen, penalty, model = fitted_stack(
        stacked(members), members[0].truth_codes, members[0].group_codes, metric=metric,
        most=most, penalties=penalties, folds=folds, seed=seed,
    )  # fmt: skip
    return Stack(tuple(members[position].model for position in chosen), penalty, model)


def fitted_stack(
    stack: np.ndarray, truth: np.ndarray, groups: np.ndarray, *, metric: str, most: int = 12,
    penalties: Sequence[float] = PENALTIES, folds: int = 3, seed: int = 0,
) -> tuple[np.ndarray, float, Regression]:  # fmt: skip
    """``fit_stack`` on arrays: positions of the members used, the penalty, and the regression."""
    if not len(penalties) or most < 1:
        raise ParameterError("fit_stack: give at least one penalty and one member.")
    chosen = np.sort(best_first(stack, truth, credit(truth, metric))[:most])
    stack, balanced = stack[chosen], metric == "balanced_accuracy"
    fold = lesion_folds(truth, groups, folds, seed=seed)
    scores = np.zeros(len(penalties))
    for number in np.unique(fold) if len(penalties) > 1 and len(set(fold)) > 1 else ():
        out = fold == number
        worth = credit(truth[out], metric) * out.sum()
        for position, penalty in enumerate(penalties):
            model = Regression(stack[:, ~out], truth[~out], penalty, balanced=balanced)
            scores[position] += (model(stack[:, out]).argmax(axis=1) == truth[out]) @ worth
    best = float(penalties[int(np.argmax(np.round(scores, 9)))])
    return chosen, best, Regression(stack, truth, best, balanced=balanced)


def lesion_folds(truth: np.ndarray, groups: np.ndarray, folds: int, *, seed: int = 0) -> np.ndarray:
    """A fold 0 … folds − 1 for each row: lesions stay whole, classes are spread evenly.

    truth, groups: int (n,), class and lesion of each row. Lesions are shuffled within the class of
    their first image and dealt out in turn, the next class going on where the last one stopped.
    ParameterError for fewer than two folds.
    """
    if folds < 2:
        raise ParameterError(f"folds: must be 2 or more, not {folds}.")
    _, first, lesion = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(first))
    in_turn = shuffled[np.argsort(truth[first][shuffled], kind="stable")]
    of_lesion = np.empty(len(first), dtype="int64")
    of_lesion[in_turn] = np.arange(len(first)) % folds
    return of_lesion[lesion]


def _features(stack: np.ndarray) -> np.ndarray:
    """Log-probabilities of all members side by side: float64 (n, members × k)."""
    return np.hstack(list(np.log(np.maximum(stack, FLOOR))))
