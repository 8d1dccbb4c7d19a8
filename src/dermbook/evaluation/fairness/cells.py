"""Images counted by group and class, and the scores that these counts suffice for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.errors import DataError
from dermbook.evaluation.merging import in_two
from dermbook.evaluation.predictions import Predictions

METRICS = (
    "accuracy",
    "standardised_accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
)


@dataclass(frozen=True)
class Rule:
    """When a group is too small to be judged: shown, but in no gap.

    lesions: at least so many lesions. classes: at least so many classes, and for the two scores
    that take the mix out so many *shared* ones. of_class: lesions of a class that every judged
    group must have for the class to be shared. of_side: malignant lesions for sensitivity, benign
    ones for specificity.
    """

    lesions: int = 30
    classes: int = 2
    of_class: int = 3
    of_side: int = 10


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What a model decided about each image: all that a score of this package needs.

    table: index image_id; truth (text), lesion (text), right (bool: the most probable class is
    the truth), flagged (bool: called malignant). classes: of the truth. malignant: those of them
    that count as malignant.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    malignant: tuple[str, ...]

    @classmethod
    def of(
        cls,
        predictions: Predictions,
        malignant: Sequence[str],
        *,
        threshold: float | pd.Series = 0.5,
    ) -> "Outcomes":
        """From Predictions: flagged where the malignant classes' probabilities add up to the
        threshold or more (one for all images, or one an image by id).

        ParameterError for malignant classes that are none, or all, of the classes.
        """
        two = in_two(predictions, malignant)
        if isinstance(threshold, pd.Series):
            threshold = threshold.reindex(predictions.table.index).to_numpy(dtype="float64")
            if np.isnan(threshold).any():
                raise DataError("threshold: an image of the Predictions has none.")
        table = pd.DataFrame(
            {
                "truth": predictions.table["truth"].astype(str),
                "lesion": predictions.table["group"].astype(str),
                "right": predictions.predicted_codes == predictions.truth_codes,
                "flagged": two.probabilities[:, 1] >= threshold,
            },
            index=predictions.table.index,
        )
        return cls(table, predictions.classes, tuple(malignant))


@dataclass(frozen=True, eq=False)
class Cells:
    """Images by group and class, and how to count them under weights. Made by ``Cells.of``."""

    names: tuple[str, ...]
    group: np.ndarray  # int (n,)
    truth: np.ndarray  # int (n,)
    lesion: np.ndarray  # int (n,), numbered without gaps
    right: np.ndarray
    flagged: np.ndarray
    classes: tuple[str, ...]
    malignant: np.ndarray  # bool (k,)

    @classmethod
    def of(cls, outcomes: Outcomes, groups: pd.Series) -> "Cells":
        """groups: each image's group by image id, or missing; an image without one is left out."""
        known = groups.reindex(outcomes.table.index)
        table = outcomes.table[known.notna().to_numpy()]
        known = known[known.notna().to_numpy()]
        if table.empty:
            raise DataError(f"{groups.name}: no image has a group.")
        order = known.cat.categories if hasattr(known, "cat") else sorted(known.unique())
        names = tuple(name for name in order if (known == name).any())
        return cls(
            names=names,
            group=pd.Index(names).get_indexer(known.astype(object)),
            truth=pd.Index(outcomes.classes).get_indexer(table["truth"]),
            lesion=pd.factorize(table["lesion"])[0],
            right=table["right"].to_numpy(bool),
            flagged=table["flagged"].to_numpy(bool),
            classes=outcomes.classes,
            malignant=np.isin(outcomes.classes, outcomes.malignant),
        )

    def lesions(self) -> np.ndarray:
        """Different lesions, int (groups, classes)."""
        table = pd.DataFrame({"g": self.group, "c": self.truth, "l": self.lesion})
        table = table.drop_duplicates()
        counts = np.zeros((len(self.names), len(self.classes)), dtype=int)
        np.add.at(counts, (table["g"], table["c"]), 1)
        return counts

    def counts(self, weights: np.ndarray | None = None, group: np.ndarray | None = None):
        """(images, right, flagged) by group and class, each float64 (r, groups, classes).

        weights: float (r, n), all one if None. group: other groups than the images' own.
        """
        size = len(self.names) * len(self.classes)
        cell = (self.group if group is None else group) * len(self.classes) + self.truth
        shape = (-1, len(self.names), len(self.classes))
        columns = [np.ones(len(cell)), self.right.astype(float), self.flagged.astype(float)]
        if weights is None:
            return [np.bincount(cell, of, size).reshape(shape) for of in columns]
        from scipy import sparse

        rows = np.arange(len(cell))
        result = []
        for values in columns:
            matrix = sparse.csr_array((values, (rows, cell)), (len(cell), size))
            result.append(np.asarray(weights @ matrix).reshape(shape))
        return result

    def judged(self, rule: Rule) -> tuple[dict[str, list[str]], np.ndarray]:
        """Why each group is not judged by each metric ("" if it is), and the shared classes."""
        lesions = self.lesions()
        whole = lesions.sum(axis=1)
        base = [
            f"fewer than {rule.lesions} lesions"
            if number < rule.lesions
            else f"fewer than {rule.classes} classes"
            if (of > 0).sum() < rule.classes
            else ""
            for number, of in zip(whole, lesions, strict=True)
        ]
        large = np.array([not why for why in base])
        shared = (
            (lesions[large] >= rule.of_class).all(axis=0)
            if large.any()
            else np.zeros(len(self.classes), bool)
        )
        few = f"the groups share fewer than {rule.classes} classes"
        mixed = [why or (few if shared.sum() < rule.classes else "") for why in base]
        reasons = {
            "accuracy": base,
            "standardised_accuracy": mixed,
            "balanced_accuracy": mixed,
        }
        for metric, side in (("sensitivity", self.malignant), ("specificity", ~self.malignant)):
            word = "malignant" if metric == "sensitivity" else "benign"
            few_of = f"fewer than {rule.of_side} {word} lesions"
            reasons[metric] = [
                why or ("" if of[side].sum() >= rule.of_side else few_of)
                for why, of in zip(base, lesions, strict=True)
            ]
        return reasons, shared


def measures(
    counts: Sequence[np.ndarray], malignant: np.ndarray, shared: np.ndarray, mix: np.ndarray
) -> dict[str, np.ndarray]:
    """Each of ``METRICS`` of each group: float64 (r, groups), NaN where undefined.

    counts: as ``Cells.counts`` gives them. shared: bool (k,), the classes of the two scores that
    take the mix out; a shared class that a resample lacks is left out of that resample's mean.
    mix: (k,), the weight of each class in the standardised score.
    """
    images, right, flagged = counts
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / images
        there = (images > 0) & shared
        known = np.where(there, recall, 0.0)
        weight = there * mix
        return {
            "accuracy": right.sum(axis=-1) / images.sum(axis=-1),
            "standardised_accuracy": (known * weight).sum(axis=-1) / weight.sum(axis=-1),
            "balanced_accuracy": known.sum(axis=-1) / there.sum(axis=-1),
            "sensitivity": flagged[..., malignant].sum(axis=-1)
            / images[..., malignant].sum(axis=-1),
            "specificity": 1
            - flagged[..., ~malignant].sum(axis=-1) / images[..., ~malignant].sum(axis=-1),
        }


def mix_of(cells: Cells) -> np.ndarray:
    """Share of each class among all images that have a group: float64 (k,)."""
    images = cells.counts()[0][0].sum(axis=0)
    return images / images.sum()
