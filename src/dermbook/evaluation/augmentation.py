"""What augmentation does to a model, and what it gives away: experiments of rows 3.5, 4.9, M11.

A *condition* says how pictures are treated, in training or in a test: ``none``; a recipe's name,
``r3``, for pictures of all classes; or ``r3 by class``, for those classes only that the report
augments. Every model trains under one condition and meets the same test under several.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.metrics import score
from dermbook.evaluation.networks import Setting, train_network
from dermbook.evaluation.predictions import Predictions
from dermbook.imaging.augmentation import Recipe, augmented, by_class, copy_of, recipe
from dermbook.training.heads import logistic_head
from dermbook.training.imbalance import balanced_class_weights

NONE, BY_CLASS = "none", " by class"


@dataclass(frozen=True)
class Condition:
    """How pictures are treated. ``codes``: of the classes that are changed."""

    name: str
    how: Recipe
    codes: frozenset[int]

    @classmethod
    def named(cls, name: str, classes: Sequence[str]) -> "Condition":
        """``none``, a recipe's name, or that with " by class"; ParameterError for others.

        ``by class`` needs a recipe that leaves out some of ``classes`` and changes others.
        """
        how = recipe(name.removesuffix(BY_CLASS))
        codes = frozenset(range(len(classes)) if how.name != NONE else ())
        if name.endswith(BY_CLASS):
            chosen = frozenset(by_class(how, classes).codes)
            if chosen == codes:
                raise ParameterError(f"condition {name!r}: {how.name} changes all classes alike.")
            codes = chosen
        return cls(name, how, codes)


class Lab(Protocol):
    """Trains under a condition and predicts test parts under others."""

    collection: Collection

    def trial(
        self, train: str, tests: Sequence[str], split: Split, seed: int
    ) -> dict[str, Predictions]:
        """Predictions of the test part by the test's condition."""


class VectorLab:
    """A logistic head on vectors that were computed in advance: an augmented set (row 4.11).

    plain: vectors of the pictures, indexed by image id. copies: for each recipe in use the vectors
    of one or more augmented copies of every picture, indexed alike. Classes are weighted to count
    alike. Pictures of a class that the condition changes are replaced by their copies, as training
    with fresh copies does; with ``originals`` they stay beside them. Copies of a picture share its
    weight.
    """

    def __init__(
        self,
        collection: Collection,
        plain: pd.DataFrame,
        copies: Mapping[str, Sequence[pd.DataFrame]],
        *,
        originals: bool = False,
    ) -> None:
        self.collection, self.originals = collection, originals
        self.plain, self.copies = plain, {name: list(each) for name, each in copies.items()}

    def vectors(self, condition: str, ids: Sequence[str], copy: int = 0) -> np.ndarray:
        """Vectors of pictures under a condition, float (n, d): copy number ``copy``, from 0."""
        ids = list(ids)
        found = Condition.named(condition, self.collection.classes)
        values = self.plain.loc[ids].to_numpy(copy=True)
        if found.codes:
            changed = np.isin(self.collection.codes(ids), list(found.codes))
            of = self._of(found.how.name)[copy]
            values[changed] = of.loc[[i for i, own in zip(ids, changed, strict=True) if own]]
        return values

    def trial(
        self, train: str, tests: Sequence[str], split: Split, seed: int
    ) -> dict[str, Predictions]:
        """See ``Lab``. The seed is the split's; nothing else here is random."""
        collection, ids = self.collection, split.parts["train"]
        name = train.removesuffix(BY_CLASS)
        stacks = [self.vectors(train, ids, k) for k in range(len(self._of(name)) or 1)]
        if self.originals and name != NONE:
            stacks.insert(0, self.vectors(NONE, ids))
        codes = collection.codes(ids)
        classes = balanced_class_weights(codes, collection.classes)
        weights = np.array([classes[code] for code in codes])
        tested = split.parts["test"]
        found = logistic_head(
            np.concatenate(stacks),
            np.tile(codes, len(stacks)),
            [self.vectors(test, tested) for test in tests],
            classes=len(collection.classes),
            sample_weight=np.tile(weights, len(stacks)),
            images=len(ids),
        )
        return {
            test: Predictions.from_probabilities(
                tested, each, collection, model=slug(train), part="test"
            )
            for test, each in zip(tests, found, strict=True)
        }

    def _of(self, name: str) -> list[pd.DataFrame]:
        if name != NONE and not self.copies.get(name):
            raise DataError(f"There are no vectors of copies by recipe {name!r}.")
        return self.copies.get(name, [])


class NetworkLab:
    """A small network trained from scratch, with fresh copies in every epoch.

    images: the collection's, plain, at the network's size; copies are made at that size. Test
    copies are made once, with ``seed`` 0, and are the same for every model.
    """

    def __init__(self, collection: Collection, images: CachedImages, setting: Setting) -> None:
        self.collection, self._images, self._setting = collection, images, setting

    def pictures(self, condition: str, ids: Sequence[str]) -> CachedImages:
        """Pictures under a condition, in memory."""
        found = Condition.named(condition, self.collection.classes)
        values = self._images.take(ids)
        for row in np.flatnonzero(np.isin(self.collection.codes(ids), list(found.codes))):
            values[row] = copy_of(values[row], found.how, seed=0)
        return CachedImages(values, pd.Index(ids), Path())

    def trial(
        self, train: str, tests: Sequence[str], split: Split, seed: int
    ) -> dict[str, Predictions]:
        """See ``Lab``. The seed is that of the first weights and of the order of images, too."""
        from dermbook.training import predict_probabilities

        found = Condition.named(train, self.collection.classes)
        augment = None
        if found.codes:
            names = [self.collection.classes[code] for code in found.codes]
            augment = by_class(found.how, self.collection.classes, only=names)
        model = train_network(
            self._setting, self.collection, split, self._images, arm=train, seed=seed,
            augment=augment,
        )  # fmt: skip
        tested = split.parts["test"]
        return {
            test: Predictions.from_probabilities(
                tested,
                predict_probabilities(model, self.pictures(test, tested), tested, progress=False),
                self.collection,
                model=slug(train),
                part="test",
            )
            for test in tests
        }


def arms(
    lab: Lab, trains: Sequence[str], tests: Sequence[str], splits: Mapping[int, Split]
) -> dict[tuple[str, str], Arm]:
    """(training condition, test condition) → its test Predictions under every seed."""
    gathered: dict[tuple[str, str], list[Predictions]] = {}
    for train in trains:
        for seed, split in splits.items():
            for test, predictions in lab.trial(train, tests, split, seed).items():
                gathered.setdefault((train, test), []).append(predictions)
    return {pair: Arm(tuple(splits), tuple(found)) for pair, found in gathered.items()}


def telltale(
    lab: VectorLab, recipes: Sequence[str], split: Split, *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Can a picture's copy be told from a picture? Columns recipe, value (ROC AUC), low, high, n.

    For each recipe a logistic head learns on the train part, each picture once plain and once as a
    copy, and is scored on the test part; .5 is guessing. What it sees is what a classifier could
    use where only some classes are changed.
    """
    rows = []
    for name in recipes:
        train, test = split.parts["train"], split.parts["test"]
        pairs = {
            part: np.concatenate([lab.vectors(NONE, ids), lab.vectors(name, ids)])
            for part, ids in (("train", train), ("test", test))
        }
        (probabilities,) = logistic_head(
            pairs["train"], np.repeat([0, 1], len(train)), [pairs["test"]], classes=2
        )
        both = augmented(lab.collection.where(ids=test), name)
        predictions = Predictions.from_probabilities(
            both.ids, probabilities, _plain_or_copy(both), model=f"telltale-{name}", part="test"
        )
        scores = score(predictions, resamples=resamples, seed=seed).set_index(["metric", "class"])
        auc = scores.loc[("roc_auc", "")]
        rows.append((name, auc["value"], auc["low"], auc["high"], len(predictions)))
    return pd.DataFrame(rows, columns=["recipe", "value", "low", "high", "n"])


def slug(condition: str) -> str:
    """``r3-by-class`` for ``r3 by class``: a model's name."""
    return condition.replace(" ", "-")


def _plain_or_copy(both: Collection) -> Collection:
    table = both.table
    table["label"] = np.where(table["copy"] > 0, "copy", "plain")
    return replace(both, table=table, classes=("plain", "copy"))
