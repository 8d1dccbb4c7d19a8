"""One model, trained and judged: the walk that every training chapter takes.

``classify`` builds a model by name, trains it on the training part, chooses its best epoch on
the validation part, and predicts the parts asked for, each exactly once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import balanced_accuracy_score

from dermbook.data import Batches, CachedImages, Collection, Split, cached_images
from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.models import build
from dermbook.training import (
    FitResult,
    fit,
    predict_flipped,
    predict_probabilities,
    seed_everything,
)


@dataclass(frozen=True)
class Trial:
    """A trained model with what it left: its fit, and its Predictions by part."""

    name: str
    parameters: int
    model: Any
    fit: FitResult
    predictions: Mapping[str, Predictions]

    @property
    def history(self) -> pd.DataFrame:
        """The learning curve with a first column ``model``: one row an epoch."""
        history = self.fit.history.copy()
        history.insert(0, "model", self.name)
        return history


def classify(
    architecture: str,
    collection: Collection,
    split: Split,
    images: CachedImages,
    *,
    name: str | None = None,
    parts: Sequence[str] = ("validation", "test"),
    batch_size: int = 32,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    checkpoints: Path | None = None,
    **fit_options: Any,
) -> Trial:
    """Train ``architecture`` on a collection's training part and predict ``parts``.

    The model sees ``images`` (uint8, the cache of this collection or of the one it was relabelled
    from), integer labels in the order of ``collection.classes``, and has one sigmoid output for
    two classes, else a softmax. ``options`` go to ``build``, ``fit_options`` to ``fit``. With
    ``checkpoints``, a killed training goes on from its last finished epoch.
    """
    name = name or architecture
    seed_everything(seed)
    height, width = images.images.shape[1:3]
    outputs = 1 if len(collection.classes) == 2 else len(collection.classes)
    model = build(architecture, (height, width, 3), outputs, seed=seed, **dict(options or {}))
    train, validation = (
        Batches(
            images,
            split.parts[part],
            collection.codes(split.parts[part]),
            batch_size=batch_size,
            shuffle=part == "train",
            seed=seed,
        )
        for part in ("train", "validation")
    )
    result = fit(
        model,
        train,
        validation,
        seed=seed,
        checkpoint=checkpoints / f"{name}.npz" if checkpoints else None,
        **fit_options,
    )
    predictions = {
        part: Predictions.from_probabilities(
            split.parts[part],
            predict_probabilities(model, images, split.parts[part]),
            collection,
            model=name,
            part=part,
        )
        for part in parts
    }
    return Trial(name, model.count_params(), model, result, predictions)


def best_on_validation(trials: Sequence[Trial]) -> Trial:
    """The trial with the highest balanced accuracy on its validation part (the first, if equal).

    The test part chooses nothing (lesson M8). Raises ParameterError if there is no trial, or if
    they answer different questions.
    """
    if len({trial.predictions["validation"].classes for trial in trials}) != 1:
        raise ParameterError("best_on_validation: give trials that have the same classes.")
    return max(trials, key=_validation_score)


def predict_unlabelled(
    trial: Trial, collection: Collection, *, height: int, width: int, flips: bool = False
) -> Predictions:
    """Predict every image of a collection whose labels are unknown, such as an official test set.

    ``height`` and ``width`` (pixels) are those the trial's model was trained at; ``flips``: mean
    over mirrorings, for a model whose other Predictions are so.
    """
    images = cached_images(collection, height=height, width=width)
    predict = predict_flipped if flips else predict_probabilities
    return Predictions.from_probabilities(
        collection.ids,
        predict(trial.model, images, collection.ids),
        collection,
        model=trial.name,
        part="test",
    )


def _validation_score(trial: Trial) -> float:
    predictions = trial.predictions["validation"]
    return balanced_accuracy_score(predictions.truth_codes, predictions.predicted_codes)
