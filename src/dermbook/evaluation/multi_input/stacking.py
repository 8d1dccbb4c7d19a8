"""A network on the predictions of two models: out of fold or not, in step or out of it (M15).

R0 stacked a CNN and XGBoost with dense layers (row 0.13) and scored little more than naming the
largest class does. Here the stack is trained right, on predictions of images that the base models
did not see, joined on the image id; and wrong in several ways, to see which of them does that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.data.encoding import encoded_metadata
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.folds import grouped_folds
from dermbook.evaluation.multi_input.arms import Recipe, train_network
from dermbook.evaluation.multi_input.boosting import GRID, Boosting, grid_search
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.trial import Trial

#: (training ids, ids to predict) → probabilities, float (n, classes)
FitPredict = Callable[[Sequence[str], Sequence[str]], np.ndarray]
CNN, XGBOOST = "cnn", "xgboost"
#: units and dropout of the stack; R0 says "dense layers"
STACK_DENSE, STACK_DROPOUT = (64,), 0.2


@dataclass(frozen=True)
class Base:
    """What one base model says, tables of probabilities indexed by image id, a column a class.

    out_of_fold: of the training images, each from a model that saw none of its lesion's images.
    whole: of all images, from the model of the whole training part; of the training images these
    are in-fold: it has seen them.
    """

    out_of_fold: pd.DataFrame
    whole: pd.DataFrame


@dataclass(frozen=True)
class Way:
    """One way to put the base predictions together.

    in_fold: train on what the base models say of their own training images. shifted: base models
    whose rows come in another order than the labels. parts: where they do.
    """

    in_fold: bool = False
    shifted: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("train", "validation", "test")


JOINED, BOTH_SHIFTED = "joined on image_id", "both out of step"
IN_FOLD = "in-fold"
WAYS: Mapping[str, Way] = {
    JOINED: Way(),
    IN_FOLD: Way(in_fold=True),
    "XGBoost out of step": Way(shifted=(XGBOOST,)),
    "CNN out of step": Way(shifted=(CNN,)),
    BOTH_SHIFTED: Way(shifted=(CNN, XGBOOST)),
    "both out of step in the test": Way(shifted=(CNN, XGBOOST), parts=("test",)),
}


def cross_fitted(
    fit_predict: FitPredict, collection: Collection, split: Split, *, folds: int, seed: int = 0
) -> Base:
    """A base model's predictions: out of fold for the training part, and of the whole model.

    fit_predict never gets a lesion on both sides. Errors as ``grouped_folds``.
    """
    train = list(split.parts["train"])
    groups = collection.table.loc[train, "group"]
    numbers = grouped_folds(collection.codes(train), list(groups), folds, seed=seed)
    rows, parts = np.array(train, dtype=object), []
    for fold in range(folds):
        known, asked = rows[numbers != fold].tolist(), rows[numbers == fold].tolist()
        parts.append(_table(fit_predict(known, asked), asked, collection))
    everything = [image_id for ids in split.parts.values() for image_id in ids]
    whole = _table(fit_predict(train, everything), everything, collection)
    return Base(pd.concat(parts).loc[train], whole)


def cnn_base(
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    recipe: Recipe,
    *,
    folds: int,
    seed: int = 0,
) -> Base:
    """The image branch by itself, cross-fitted; its best epoch is chosen on the validation part."""
    recipe = replace(recipe, checkpoints=None)

    def fit_predict(train: Sequence[str], ids: Sequence[str]) -> np.ndarray:
        network = train_network(
            vectors, None, collection, train, split.parts["validation"], recipe, name=CNN, seed=seed
        )
        return network.predict(vectors, None, ids)

    return cross_fitted(fit_predict, collection, split, folds=folds, seed=seed)


def xgboost_base(
    columns: Sequence[str],
    collection: Collection,
    split: Split,
    *,
    grid: Mapping[str, Sequence[float]] = GRID,
    search_folds: int = 3,
    folds: int,
    seed: int = 0,
) -> tuple[Base, pd.DataFrame]:
    """XGBoost on metadata, cross-fitted with the settings of a grid search; and that search.

    The encoding is learned anew from the training rows of every fold. The settings are those that
    are best on all of the training part, so no more of a held-out fold is known than that.
    """
    train = list(split.parts["train"])
    codes, size = collection.codes(train), len(collection.classes)
    features = encoded_metadata(collection, columns, train)
    groups = list(collection.table.loc[train, "group"])
    best, searched = grid_search(
        features.loc[train], codes, groups, classes=size, grid=grid, folds=search_folds, seed=seed
    )

    def fit_predict(known: Sequence[str], ids: Sequence[str]) -> np.ndarray:
        encoded = encoded_metadata(collection, columns, known)
        model = Boosting(classes=size, seed=seed, **best)
        model.fit(encoded.loc[list(known)].to_numpy(np.float32), collection.codes(known))
        return model.predict_proba(encoded.loc[list(ids)].to_numpy(np.float32))

    return cross_fitted(fit_predict, collection, split, folds=folds, seed=seed), searched


def stacked(
    bases: Mapping[str, Base], collection: Collection, split: Split, way: Way
) -> pd.DataFrame:
    """The stack's input, a row an image: the base models' probabilities side by side.

    Where a base model is out of step, row i of a part holds what it says of the i-th image in the
    order of folders (label, then id), while its index is the i-th image of the split's order.
    DataError for a base that is not there.
    """
    if unknown := [name for name in way.shifted if name not in bases]:
        raise DataError(f"stacked: there is no base model {unknown[0]!r}.")
    labels = collection.table["label"]
    parts = []
    for part, ids in split.parts.items():
        ids = list(ids)
        by_folder = sorted(ids, key=lambda image_id: (labels[image_id], image_id))
        columns = []
        for name, base in bases.items():
            source = base.out_of_fold if part == "train" and not way.in_fold else base.whole
            order = by_folder if name in way.shifted and part in way.parts else ids
            columns.append(source.loc[order].to_numpy())
        parts.append(pd.DataFrame(np.hstack(columns), index=pd.Index(ids, name="image_id")))
    return pd.concat(parts)


def train_stack(
    name: str,
    bases: Mapping[str, Base],
    collection: Collection,
    split: Split,
    way: Way,
    recipe: Recipe,
    *,
    seed: int = 0,
) -> Trial:
    """Dense layers on the base predictions, trained on train, predicted on all three parts."""
    features = stacked(bases, collection, split, way)
    recipe = replace(recipe, metadata_dense=STACK_DENSE, dense=(), dropout=STACK_DROPOUT)
    network = train_network(
        None, features, collection, split.parts["train"], split.parts["validation"], recipe,
        name=name, seed=seed,
    )  # fmt: skip
    predictions = network.predictions(
        None, features, collection, split, name=name, parts=tuple(split.parts)
    )
    return Trial(name, network.model.count_params(), network.model, network.fit, predictions)


def base_predictions(
    base: Base, name: str, collection: Collection, split: Split, *, parts: Sequence[str]
) -> dict[str, Predictions]:
    """A base model's Predictions of some parts; "train" are out of fold."""
    return {
        part: Predictions.from_probabilities(
            split.parts[part],
            (base.out_of_fold if part == "train" else base.whole)
            .loc[list(split.parts[part])]
            .to_numpy(),
            collection,
            model=name,
            part=part,
        )
        for part in parts
    }


def chosen_ways(names: Sequence[str]) -> dict[str, Way]:
    """The ways of a parameter: those named, or every one for ``all``; the right one is a must."""
    chosen = list(WAYS) if list(names) == ["all"] else list(names)
    if unknown := [name for name in chosen if name not in WAYS]:
        raise ParameterError(f"ways: {unknown[0]!r} is unknown; known are {'; '.join(WAYS)}.")
    if missing := [name for name in (JOINED, BOTH_SHIFTED) if name not in chosen]:
        raise ParameterError(f"ways: name {missing[0]!r}, too: the finding rests on it.")
    return {name: WAYS[name] for name in chosen}


def _table(probabilities: np.ndarray, ids: Sequence[str], collection: Collection) -> pd.DataFrame:
    return pd.DataFrame(
        np.asarray(probabilities, dtype="float64"),
        index=pd.Index(list(ids), name="image_id"),
        columns=list(collection.classes),
    )
