"""Two small learners on vectors: one that generalises, and one that only remembers."""

from typing import Literal

import numpy as np

from dermbook.errors import ParameterError

LEARNERS = ("logistic", "nearest")
Learner = Literal["logistic", "nearest"]
#: inverse strength of the L2 penalty, fixed before any test was scored
PENALTY = 0.01


def learn_and_predict(
    train: np.ndarray,
    codes: np.ndarray,
    *others: np.ndarray,
    classes: int,
    learner: Learner = "logistic",
    balanced: bool = True,
    penalty: float = PENALTY,
) -> list[np.ndarray]:
    """Train on vectors, predict others: float64 (n, classes) for each of ``others``.

    train: float (m, d); codes: int (m,), 0 … classes − 1; a class absent from train gets
    probability 0. Vectors are standardised with train's mean and deviation. ``logistic``:
    multinomial logistic regression by lbfgs from zero, so without chance; ``balanced`` weights
    classes inversely to their frequency. ``nearest``: the class of the nearest training vector,
    certain of it: pure memory. One thread: on matrices of this size (8,000 × 1,280) more threads
    wait for each other longer than they work, ten times longer on two busy cores.

    Raises ParameterError for an unknown learner or a training set of one class.
    """
    if learner not in LEARNERS:
        raise ParameterError(f"learner: {learner!r} is unknown; known are {', '.join(LEARNERS)}.")
    from threadpoolctl import threadpool_limits

    present = np.unique(codes)
    if len(present) < 2:
        raise ParameterError("learn_and_predict: the training images are all of one class.")
    centre, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1).astype(train.dtype)
    standard = [(vectors - centre) / spread for vectors in (train, *others)]
    with threadpool_limits(1):
        if learner == "nearest":
            return _nearest(standard[0], codes, standard[1:], classes)
        return _logistic(standard, codes, present, classes, balanced, penalty)


def _nearest(
    train: np.ndarray, codes: np.ndarray, others: list[np.ndarray], classes: int
) -> list[np.ndarray]:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train)
    return [
        np.eye(classes)[codes[index.kneighbors(vectors, return_distance=False)[:, 0]]]
        for vectors in others
    ]


def _logistic(
    standard: list[np.ndarray],
    codes: np.ndarray,
    present: np.ndarray,
    classes: int,
    balanced: bool,
    penalty: float,
) -> list[np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    weight = "balanced" if balanced else None
    model = LogisticRegression(C=penalty, class_weight=weight, max_iter=300)
    model.fit(standard[0], codes)
    results = []
    for vectors in standard[1:]:
        probabilities = np.zeros((len(vectors), classes))
        probabilities[:, present] = model.predict_proba(vectors)
        results.append(probabilities)
    return results
