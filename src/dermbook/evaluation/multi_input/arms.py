"""The same network on different inputs: image only, metadata only, both.

Arms differ in what they are given and in nothing else: splits, layers, optimizer and stopping rule
are the same, and so are the seeds, so that their differences are paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermbook.data import Batches, CachedImages, Collection, Split
from dermbook.data.encoding import encoded_metadata
from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.trial import Trial
from dermbook.models.fusion import DENSE, DROPOUT, METADATA_DENSE, fusion_head
from dermbook.training import EarlyStopping, FitResult, fit, predict_probabilities

#: scores that arms are compared by
KEYS = (("balanced_accuracy", ""), ("f1_micro", ""), ("f1_macro", ""), ("f1_weighted", ""))

#: steps an epoch from which taking several at once pays
_MANY_STEPS = 48


@dataclass(frozen=True)
class Inputs:
    """What an arm is given: the image or not, and which columns of metadata.

    dropout: of its network, if it is not the recipe's.
    """

    image: bool = True
    columns: tuple[str, ...] = ()
    dropout: float | None = None

    def __post_init__(self) -> None:
        if not self.image and not self.columns:
            raise ParameterError("Inputs: give an arm the image, columns, or both.")


@dataclass(frozen=True)
class Recipe:
    """How the networks on vectors are trained: Adam, early stopping on the validation loss.

    R0 stopped after two epochs without a better one (row 0.8).
    """

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 1e-3
    patience: int = 2
    dropout: float = DROPOUT
    metadata_dense: tuple[int, ...] = METADATA_DENSE
    dense: tuple[int, ...] = DENSE
    checkpoints: Path | None = None


@dataclass(frozen=True)
class Network:
    """A trained network on vectors, metadata, or both: ``model`` and its ``fit``."""

    model: Any
    fit: FitResult

    def predict(
        self, vectors: CachedImages | None, features: pd.DataFrame | None, ids: Sequence[str]
    ) -> np.ndarray:
        """Probabilities, float32 (n, classes), of some images, joined on their ids."""
        images, second = _two_inputs(vectors, features)
        return predict_probabilities(self.model, images, ids, 512, features=second, progress=False)

    def predictions(
        self,
        vectors: CachedImages | None,
        features: pd.DataFrame | None,
        collection: Collection,
        split: Split,
        *,
        name: str,
        parts: Sequence[str],
    ) -> dict[str, Predictions]:
        """Predictions of several parts. All are predicted in one pass, for each pass compiles the
        network anew, which takes longer than the pass."""
        ids = [image_id for part in parts for image_id in split.parts[part]]
        values = pd.DataFrame(self.predict(vectors, features, ids), index=ids)
        return {
            part: Predictions.from_probabilities(
                split.parts[part],
                values.loc[list(split.parts[part])].to_numpy(),
                collection,
                model=name,
                part=part,
            )
            for part in parts
        }


def train_network(
    vectors: CachedImages | None,
    features: pd.DataFrame | None,
    collection: Collection,
    train: Sequence[str],
    validation: Sequence[str],
    recipe: Recipe,
    *,
    name: str,
    seed: int = 0,
) -> Network:
    """Train ``fusion_head`` on some images' vectors, encoded metadata, or both.

    ``name`` names its checkpoint. ParameterError without either input.
    """
    if vectors is None and features is None:
        raise ParameterError("train_network: give vectors, features, or both.")
    images, second = _two_inputs(vectors, features)
    model = fusion_head(
        0 if vectors is None else vectors.images.shape[1],
        0 if features is None else features.shape[1],
        len(collection.classes),
        metadata_dense=recipe.metadata_dense, dense=recipe.dense, dropout=recipe.dropout, seed=seed,
    )  # fmt: skip
    parts = [
        Batches(
            images, ids, collection.codes(ids), features=second, shuffle=shuffle, seed=seed,
            batch_size=recipe.batch_size if shuffle else 512,
        )
        for ids, shuffle in ((train, True), (validation, False))
    ]  # fmt: skip
    result = fit(
        model,
        *parts,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        early_stopping=EarlyStopping("val_loss", patience=recipe.patience, mode="min"),
        checkpoint=recipe.checkpoints / f"{name}-s{seed}.npz" if recipe.checkpoints else None,
        seed=seed,
        # steps this small cost less than what surrounds them; few are not worth the building
        steps_per_execution=16 if len(parts[0]) > _MANY_STEPS else 1,
        verbose="none",
    )
    return Network(model, result)


def train_arm(
    name: str,
    inputs: Inputs,
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    recipe: Recipe,
    *,
    seed: int = 0,
    parts: Sequence[str] = ("validation", "test"),
) -> Trial:
    """Train one arm on a split and predict the parts. The metadata are encoded from train only."""
    features = None
    if inputs.columns:
        features = encoded_metadata(collection, inputs.columns, split.parts["train"])
    if inputs.dropout is not None:
        recipe = replace(recipe, dropout=inputs.dropout)
    given = vectors if inputs.image else None
    network = train_network(
        given, features, collection, split.parts["train"], split.parts["validation"], recipe,
        name=name, seed=seed,
    )  # fmt: skip
    predictions = network.predictions(given, features, collection, split, name=name, parts=parts)
    return Trial(name, network.model.count_params(), network.model, network.fit, predictions)


def train_arms(
    arms: Mapping[str, Inputs],
    vectors: CachedImages,
    collection: Collection,
    splits: Mapping[int, Split],
    recipe: Recipe,
    *,
    names: Mapping[str, str],
    train_part: Sequence[str] = (),
) -> dict[str, dict[int, Trial]]:
    """Each arm under each seed's split: arm → seed → Trial.

    names: the model's name of each arm. train_part: arms whose training part is predicted, too.
    """
    found: dict[str, dict[int, Trial]] = {}
    for arm, inputs in arms.items():
        parts = ("train",) * (arm in train_part) + ("validation", "test")
        found[arm] = {
            seed: train_arm(
                names[arm], inputs, vectors, collection, split, recipe, seed=seed, parts=parts
            )
            for seed, split in splits.items()
        }
    return found


def as_arms(trials: Mapping[str, Mapping[int, Trial]], part: str = "test") -> dict[str, Arm]:
    """The Predictions of a part, arm by arm, ready for ``evaluation.paired``."""
    return {
        name: Arm(tuple(of), tuple(trial.predictions[part] for trial in of.values()))
        for name, of in trials.items()
    }


def _two_inputs(
    vectors: CachedImages | None, features: pd.DataFrame | None
) -> tuple[CachedImages, pd.DataFrame | None]:
    """The first input as ``Batches`` takes images, and the second one, if there are two."""
    if vectors is not None:
        return vectors, features
    values = np.ascontiguousarray(features.to_numpy(np.float32))
    return CachedImages(values, pd.Index(features.index), Path("metadata")), None
