"""A linear head on vectors, with a weight for each image: seconds in place of a training run."""

from collections.abc import Sequence

import numpy as np

from dermbook.errors import DataError, ParameterError

#: inverse strength of the L2 penalty, fixed before any test was scored
PENALTY = 0.01


def logistic_head(
    train: np.ndarray,
    codes: np.ndarray,
    others: Sequence[np.ndarray],
    *,
    classes: int,
    sample_weight: np.ndarray | None = None,
    images: int | None = None,
    penalty: float = PENALTY,
) -> list[np.ndarray]:
    """Multinomial logistic regression on vectors: float64 (n, classes) for each of ``others``.

    train: float (m, d); codes: int (m,), 0 … classes − 1; a class that is absent gets probability
    0. Vectors are standardised with the weighted mean and deviation of train. sample_weight: (m,),
    ≥ 0, relative: an image of weight w counts like w copies of it; 1 each if None. images: to which
    number the weights are scaled to add up, m if None. penalty: scikit-learn's C for that many
    images; so a strategy that draws more, fewer or copied images neither weakens nor strengthens
    the penalty, if ``images`` stays the same. Deterministic, one thread.

    Raises ParameterError for weights that are negative, not finite or of the wrong number,
    DataError when images of fewer than two classes have weight.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    codes = np.asarray(codes)
    weights = _weights(sample_weight, len(codes))
    used = weights > 0
    train, codes, weights = train[used], codes[used], weights[used]
    present = np.unique(codes)
    if len(present) < 2:
        raise DataError("logistic_head: training images of two classes or more are needed.")
    weights = weights * ((images or len(used)) / weights.sum())
    centre = np.average(train, axis=0, weights=weights)
    spread = np.sqrt(np.average((train - centre) ** 2, axis=0, weights=weights))
    spread = np.where(spread > 1e-6, spread, 1)
    standard = [((vectors - centre) / spread).astype(np.float32) for vectors in (train, *others)]
    results = []
    with threadpool_limits(1):
        model = LogisticRegression(C=penalty, max_iter=300)
        model.fit(standard[0], codes, sample_weight=weights)
        for vectors in standard[1:]:
            probabilities = np.zeros((len(vectors), classes))
            probabilities[:, present] = model.predict_proba(vectors)
            results.append(probabilities / probabilities.sum(axis=1, keepdims=True))
    return results


def _weights(given: np.ndarray | None, images: int) -> np.ndarray:
    if given is None:
        return np.ones(images)
    weights = np.asarray(given, dtype="float64")
    if weights.shape != (images,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ParameterError(
            f"sample_weight: give {images} finite weights of 0 or more, one a training image."
        )
    return weights
