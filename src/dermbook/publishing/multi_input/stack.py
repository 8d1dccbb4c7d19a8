"""The stack of a CNN and XGBoost: trained in several ways, and the tables of its scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.multi_input.arms import KEYS, Recipe, as_arms
from dermbook.evaluation.multi_input.stacking import (
    CNN,
    IN_FOLD,
    JOINED,
    XGBOOST,
    Base,
    Way,
    base_predictions,
    cnn_base,
    train_stack,
    xgboost_base,
)
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from dermbook.evaluation.trial import Trial
    from dermbook.publishing.chapter import Chapter

#: what the base models are called in tables
ALONE = {CNN: "CNN alone", XGBOOST: "XGBoost alone"}


@dataclass(frozen=True)
class Stacks:
    """What ``train_stacks`` leaves. ``images``: the collection's name. ``trials``: way → seed →
    Trial. ``bases``: seed → base models. ``predictions``: base model → seed → Predictions by part.
    ``searched``: the first seed's grid search."""

    images: str
    trials: Mapping[str, Mapping[int, "Trial"]]
    bases: Mapping[int, Mapping[str, Base]]
    predictions: Mapping[str, Mapping[int, Mapping[str, Predictions]]]
    searched: pd.DataFrame


def train_stacks(
    prefix: str,
    ways: Mapping[str, Way],
    columns: Sequence[str],
    vectors: CachedImages,
    collection: Collection,
    splits: Mapping[int, Split],
    recipe: Recipe,
    stack_recipe: Recipe,
    *,
    grid: Mapping[str, Sequence[float]],
    folds: int,
    search_folds: int,
) -> Stacks:
    """Both base models under every split, and a stack for each way to put them together.

    prefix: of the models' names, which are ``PREFIX-xgboost`` and ``PREFIX-stack``; the wrong ways
    get names of their own. recipe: of the CNN; stack_recipe: of the dense layers on both.
    """
    trials: dict[str, dict[int, Trial]] = {way: {} for way in ways}
    bases, predictions, searches = {}, {name: {} for name in ALONE}, []
    for seed, split in splits.items():
        cnn = cnn_base(vectors, collection, split, recipe, folds=folds, seed=seed)
        trees, searched = xgboost_base(
            columns, collection, split, grid=grid, search_folds=search_folds, folds=folds, seed=seed
        )
        bases[seed] = {CNN: cnn, XGBOOST: trees}
        searches.append(searched)
        for name, base in bases[seed].items():
            predictions[name][seed] = base_predictions(
                base, f"{prefix}-{name}", collection, split, parts=("train", "validation", "test")
            )
        for number, (name, way) in enumerate(ways.items()):
            model = f"{prefix}-stack" + (f"-way-{number}" if name != JOINED else "")
            trials[name][seed] = train_stack(
                model, bases[seed], collection, split, way, stack_recipe, seed=seed
            )
    return Stacks(collection.name, trials, bases, predictions, searches[0])


def add_stack(chapter: "Chapter", stacks: Stacks) -> None:
    """Keep the Predictions of XGBoost and of the stack that is joined on the id, first seed.

    What was stacked wrongly is scored in tables only: no other chapter should build on it. The CNN
    is the arm that sees the image only.
    """
    for part, predictions in next(iter(stacks.predictions[XGBOOST].values())).items():
        if part != "train":
            chapter.add_predictions(predictions)
    trial = next(iter(stacks.trials[JOINED].values()))
    chapter.add_trial(trial)


def stack_scores(stacks: Stacks, *, seed: int = 0) -> pd.DataFrame:
    """Test scores of the base models alone and of each way, over seeds and lesions."""
    scores = arm_scores(_arms(stacks), KEYS, seed=seed).drop(columns=["class", "interval"])
    scores.insert(0, "images", stacks.images)
    return scores


def stack_gains(stacks: Stacks, *, seed: int = 0) -> pd.DataFrame:
    """The base models and each wrong way, minus the stack joined on the id; paired."""
    arms = _arms(stacks)
    pairs = {name: (JOINED, name) for name in arms if name != JOINED}
    gains = arm_differences(arms, pairs, KEYS, seed=seed).drop(columns=["class"])
    gains.insert(0, "images", stacks.images)
    return gains


def seen_and_unseen(stacks: Stacks) -> pd.DataFrame:
    """Accuracy on training images in-fold and out of fold, and on the test; means over seeds.

    Columns images, model, seen, unseen (missing for the stacks, which are trained once), test.
    """
    rows = []
    for name, title in ALONE.items():
        found = []
        for seed, bases in stacks.bases.items():
            parts = stacks.predictions[name][seed]
            train = parts["train"]
            in_fold = bases[name].whole.loc[list(train.ids)].to_numpy().argmax(axis=1)
            seen = float(np.mean(in_fold == train.truth_codes))
            found.append((seen, _accuracy(train), _accuracy(parts["test"])))
        rows.append((stacks.images, title, *np.mean(found, axis=0)))
    for way in (IN_FOLD, JOINED):
        if way in stacks.trials:
            trials = stacks.trials[way].values()
            found = [[_accuracy(t.predictions[part]) for part in ("train", "test")] for t in trials]
            seen, test = np.mean(found, axis=0)
            title = "in-fold" if way == IN_FOLD else "out-of-fold"
            rows.append((stacks.images, f"stack of {title} predictions", seen, np.nan, test))
    return pd.DataFrame(rows, columns=["images", "model", "seen", "unseen", "test"])


def _arms(stacks: Stacks) -> dict[str, Arm]:
    alone = {
        title: Arm(
            tuple(stacks.predictions[name]),
            tuple(parts["test"] for parts in stacks.predictions[name].values()),
        )
        for name, title in ALONE.items()
    }
    return alone | as_arms(stacks.trials)


def _accuracy(predictions: Predictions) -> float:
    return float(np.mean(predictions.predicted_codes == predictions.truth_codes))
