"""Heads on frozen features: many trainings on vectors that a backbone made once.

``train_heads`` walks jobs × weightings × seeds; ``logistic_heads`` gives every set of vectors the
classical linear head; ``best_head`` chooses on the validation part.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score

from dermbook.data import MALIGNANT, Collection, Split, malignant_or_benign
from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.recipes import Recipe, recipe
from dermbook.evaluation.trial import Trial
from dermbook.models import build_head
from dermbook.training import balanced_class_weights, fit, predict_probabilities, seed_everything
from dermbook.training.heads import logistic_head
from dermbook.training.vectors import VectorBatches, Vectors

#: what the classes weigh in the loss
WEIGHTINGS = ("none", "balanced")
#: the name of the classical head, where a table names a recipe
LOGISTIC = "logistic"


@dataclass(frozen=True)
class HeadTrial:
    """One trained head: on which vectors, by which recipe, and what it left.

    ``vectors`` names them ("vgg16", "resnet50+mobilenetv2"); ``parameters`` are the head's own,
    all trainable; ``trial`` is None for the logistic head, which has no learning curve.
    """

    name: str
    vectors: str
    recipe: str
    weighting: str
    seed: int
    parameters: int
    predictions: Mapping[str, Predictions]
    trial: Trial | None = None

    @property
    def binary(self) -> bool:
        """Whether it answers malignant or benign."""
        return len(self.predictions["validation"].classes) == 2


def head_name(vectors: str, recipe_name: str, weighting: str = "none", seed: int = 0) -> str:
    """A model's name: ``tl-vgg16-r4-vgg16-balanced-s1``; no weights and seed 0 are left out."""
    parts = ["tl", vectors, recipe_name]
    parts += [weighting] if weighting != "none" and recipe_name != LOGISTIC else []
    return "-".join([*parts, *([f"s{seed}"] if seed else [])])


def train_heads(
    jobs: Iterable[tuple[str, str]],
    vectors: Mapping[str, Vectors],
    collection: Collection,
    split: Split,
    *,
    weightings: Sequence[str] = WEIGHTINGS,
    seeds: Sequence[int] = (0,),
    epochs: int | None = None,
    malignant: Sequence[str] = MALIGNANT,
    checkpoints: Path | None = None,
    verbose: str = "none",
) -> list[HeadTrial]:
    """Train a head for each job (name of vectors, recipe), weighting and seed; predict the parts.

    vectors: ``Features`` or ``Vectors`` by name. A recipe of R1's task trains on ``malignant`` or
    benign. epochs: at most so many, where a recipe has more. checkpoints: a folder; a killed
    training goes on there from its last epoch.

    Raises ParameterError for unknown names or weightings, DataError where a class has no training
    image.
    """
    jobs = list(jobs)
    for name, recipe_name in jobs:
        recipe(recipe_name)
        if name not in vectors:
            raise ParameterError(
                f"vectors: there are none of {name!r}, only of {', '.join(vectors) or 'nothing'}."
            )
    for weighting in weightings:
        if weighting not in WEIGHTINGS:
            raise ParameterError(
                f"weightings: must be of {', '.join(WEIGHTINGS)}, not {weighting!r}."
            )
    binary = None
    if any(recipe(recipe_name).binary for _, recipe_name in jobs):
        binary = malignant_or_benign(collection, malignant)
    return [
        _train_head(
            vectors[name],
            recipe(recipe_name),
            binary if recipe(recipe_name).binary else collection,
            split,
            name=name,
            recipe_name=recipe_name,
            weighting=weighting,
            seed=seed,
            epochs=epochs,
            checkpoints=checkpoints,
            verbose=verbose,
        )
        for (name, recipe_name), weighting, seed in itertools.product(jobs, weightings, seeds)
    ]


def _train_head(
    vectors: Vectors,
    settings: Recipe,
    collection: Collection,
    split: Split,
    *,
    name: str,
    recipe_name: str,
    weighting: str,
    seed: int,
    epochs: int | None,
    checkpoints: Path | None,
    verbose: str,
) -> HeadTrial:
    title = head_name(name, recipe_name, weighting, seed)
    seed_everything(seed)
    outputs = 1 if len(collection.classes) == 2 else len(collection.classes)
    model = build_head(settings.head, vectors.values.shape[1], outputs, seed=seed)
    train, validation = (
        VectorBatches(
            vectors,
            split.parts[part],
            collection.codes(split.parts[part]),
            batch_size=settings.batch_size,
            shuffle=part == "train",
            seed=seed,
        )
        for part in ("train", "validation")
    )
    weights = None
    if weighting == "balanced":
        weights = balanced_class_weights(train.codes, collection.classes)
    result = fit(
        model,
        train,
        validation,
        seed=seed,
        class_weight=weights,
        checkpoint=checkpoints / f"{title}.npz" if checkpoints else None,
        verbose=verbose,
        **settings.fit_options(epochs),
    )
    parts = ["train"] * settings.train_part + ["validation", "test"]
    predictions = {
        part: Predictions.from_probabilities(
            split.parts[part],
            predict_probabilities(model, vectors, split.parts[part], 512, progress=False),
            collection,
            model=title,
            part=part,
        )
        for part in parts
    }
    parameters = model.count_params()
    return HeadTrial(
        title, name, recipe_name, weighting, seed, parameters, predictions,
        Trial(title, parameters, model, result, predictions),
    )  # fmt: skip


def logistic_heads(
    vectors: Mapping[str, Vectors], collection: Collection, split: Split
) -> list[HeadTrial]:
    """The balanced logistic head on each set of vectors (``training.heads.logistic_head``)."""
    codes = collection.codes(split.parts["train"])
    weights = balanced_class_weights(codes, collection.classes)
    trials = []
    for name, each in vectors.items():
        title, parts = head_name(name, LOGISTIC), ("validation", "test")
        found = logistic_head(
            each.take(split.parts["train"]),
            codes,
            [each.take(split.parts[part]) for part in parts],
            classes=len(collection.classes),
            sample_weight=np.array([weights[code] for code in codes]),
        )
        predictions = {
            part: Predictions.from_probabilities(
                split.parts[part], probabilities, collection, model=title, part=part
            )
            for part, probabilities in zip(parts, found, strict=True)
        }
        parameters = (each.values.shape[1] + 1) * len(collection.classes)
        trials.append(HeadTrial(title, name, LOGISTIC, "balanced", 0, parameters, predictions))
    return trials


def best_head(trials: Sequence[HeadTrial]) -> HeadTrial:
    """The seven-class head with the highest balanced accuracy on its validation part.

    The first, if several are equal. The test part chooses nothing (lesson M8). ParameterError if
    all answer malignant or benign.
    """
    candidates = [trial for trial in trials if not trial.binary]
    if not candidates:
        raise ParameterError("best_head: give at least one head of more than two classes.")
    return max(candidates, key=lambda trial: balanced_accuracy(trial, "validation"))


def balanced_accuracy(trial: HeadTrial, part: str) -> float:
    """Mean recall of the classes on one part."""
    predictions = trial.predictions[part]
    return float(balanced_accuracy_score(predictions.truth_codes, predictions.predicted_codes))


def seed_spread(trials: Sequence[HeadTrial], part: str = "test") -> pd.DataFrame:
    """How far scores of equal trainings lie apart: a row a head that was trained with many seeds.

    Columns: model (seed 0's name), seeds, mean, low (worst seed), high (best seed); the score is
    the balanced accuracy.
    """
    groups: dict[tuple, list[float]] = {}
    for trial in trials:
        key = (trial.vectors, trial.recipe, trial.weighting)
        groups.setdefault(key, []).append(balanced_accuracy(trial, part))
    rows = [
        [head_name(*key), len(values), float(np.mean(values)), min(values), max(values)]
        for key, values in groups.items()
    ]
    return pd.DataFrame(rows, columns=["model", "seeds", "mean", "low", "high"])
