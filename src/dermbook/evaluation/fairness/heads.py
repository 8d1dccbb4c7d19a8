"""Linear heads on frozen vectors: out of fold for every image, with principal components.

The components are fitted on the training images of each head, never on those that it is tested on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.data import Collection
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.folds import grouped_folds
from dermbook.evaluation.predictions import Predictions
from dermbook.training.heads import logistic_head

PART = "out-of-fold"
#: scikit-learn's C of the heads. With the 0.01 of ``training.heads``, meant for many more columns,
#: heads on a few components of the phantom named the largest class only; so ten times that. Set on
#: the phantom, and not changed for real images
PENALTY = 0.1


@dataclass(frozen=True, eq=False)
class Folds:
    """The images of a collection in folds, lesions whole, each fold's vectors made ready.

    number: fold of each image by image id. train, held: float32 vectors of the images outside and
    inside each fold, in the order of ``number`` (so rows are ``number != k`` and ``number == k``).
    """

    collection: Collection
    number: pd.Series
    train: tuple[np.ndarray, ...]
    held: tuple[np.ndarray, ...]


def reduced(
    train: np.ndarray, others: Sequence[np.ndarray], components: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Principal components of train, float32, and the others in them; unchanged if there are no
    more columns than components. At most one fewer than there are training images."""
    most = min(components, len(train) - 1)
    if most < 1:
        raise DataError("reduced: give at least two training images and one component.")
    if most >= train.shape[1]:
        return train, list(others)
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        # the small one of the two matrices of products is the one to decompose
        solver = "covariance_eigh" if len(train) > train.shape[1] else "full"
        model = PCA(most, svd_solver=solver).fit(train)
        first, *rest = (model.transform(each).astype(np.float32) for each in (train, *others))
    return first, rest


def in_folds(
    collection: Collection, vectors: pd.DataFrame, *, folds: int, components: int, seed: int = 0
) -> Folds:
    """Divide the collection into folds and fit the components of each.

    vectors: a row an image, by image id; DataError where an image has none.
    """
    table = collection.table
    missing = table.index.difference(vectors.index)
    if len(missing):
        raise DataError(f"in_folds: {missing[0]!r} has no vector.")
    values = vectors.loc[table.index].to_numpy(np.float32)
    number = grouped_folds(collection.codes(), list(table["group"]), folds, seed=seed)
    pairs = [
        reduced(values[number != fold], [values[number == fold]], components)
        for fold in range(folds)
    ]
    return Folds(
        collection,
        pd.Series(number, index=table.index, name="fold"),
        tuple(train for train, _ in pairs),
        tuple(held[0] for _, held in pairs),
    )


def out_of_fold(folds: Folds, *, model: str, weights: pd.Series | None = None) -> Predictions:
    """A logistic head's Predictions of every image, each by a head that saw no image of its lesion.

    weights: how much each image counts in training, by image id; alike if None. The part is called
    ``out-of-fold``. ParameterError for weights that do not cover the images.
    """
    number, codes = folds.number.to_numpy(), folds.collection.codes()
    given = None
    if weights is not None:
        given = weights.reindex(folds.number.index).to_numpy(dtype="float64")
        if np.isnan(given).any():
            raise ParameterError("weights: an image of the collection has none.")
    size = len(folds.collection.classes)
    probabilities = np.zeros((len(codes), size))
    for fold, (train, held) in enumerate(zip(folds.train, folds.held, strict=True)):
        outside = number != fold
        (found,) = logistic_head(
            train, codes[outside], [held], classes=size,
            sample_weight=None if given is None else given[outside], penalty=PENALTY,
        )  # fmt: skip
        probabilities[~outside] = found
    return Predictions.from_probabilities(
        list(folds.number.index), probabilities, folds.collection, model=model, part=PART
    )
