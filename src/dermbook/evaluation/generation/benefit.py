"""Are generated images of use? One classifier, trained with and without, on real test lesions.

Every arm adds as many images of the rare class, from another source; so an arm that only makes the
class weigh more, such as plain oversampling, tells what the images themselves are worth.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.data import Collection, Split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.weighted import Key
from dermbook.training.heads import logistic_head

NOTHING, OVERSAMPLED, AUGMENTED, GENERATED, ALONE = (
    "nothing",
    "oversampling",
    "augmented oversampling",
    "generated",
    "generated alone",
)
#: arm → what is added to the training part
ARMS: Mapping[str, str] = {
    NOTHING: "nothing",
    OVERSAMPLED: "the class's own images again",
    AUGMENTED: "changed copies of them",
    GENERATED: "generated images",
    ALONE: "generated images in place of the class's own, with the same total weight",
}
#: what is compared: comparison → (first, second); the difference is second minus first
COMPARISONS: Mapping[str, tuple[str, str]] = {
    "oversampling − nothing": (NOTHING, OVERSAMPLED),
    "augmented − nothing": (NOTHING, AUGMENTED),
    "generated − nothing": (NOTHING, GENERATED),
    "generated − oversampling": (OVERSAMPLED, GENERATED),
    "generated − augmented": (AUGMENTED, GENERATED),
    "generated alone − nothing": (NOTHING, ALONE),
}


def check_unseen(seen: Sequence[str], split: Split, collection: Collection) -> None:
    """DataError if a generator was trained on an image outside the train part, or on another
    photograph of a lesion of the other parts."""
    outside = set(seen) - set(split.parts["train"])
    if outside:
        raise DataError(f"The generator has seen {sorted(outside)[0]!r}, which is not in train.")
    groups = collection.table["group"]
    tested = {groups[i] for part in ("validation", "test") for i in split.parts[part]}
    if shared := tested & {groups[i] for i in seen}:
        raise DataError(f"The generator has seen lesion {sorted(shared)[0]!r} of another part.")


def predict_added(
    arm: str,
    vectors: pd.DataFrame,
    collection: Collection,
    split: Split,
    target: str,
    *,
    copies: np.ndarray,
    generated: np.ndarray,
    parts: Sequence[str] = ("test",),
) -> dict[str, Predictions]:
    """Predictions of a logistic head on vectors, trained as ``arm`` says, by part.

    vectors: of all images, indexed by image id. target: the class that is added to. copies,
    generated: vectors of changed copies of its training images and of generated ones, as many each.
    The penalty is that of the training part's size in every arm. ParameterError for an unknown arm,
    or unequal numbers.
    """
    if arm not in ARMS:
        raise ParameterError(f"arm: {arm!r} is unknown; known are {', '.join(ARMS)}.")
    if len(copies) != len(generated) or not len(copies):
        raise ParameterError(
            f"{len(copies)} copies and {len(generated)} generated images: give as many, one at "
            "least, so that only the source differs."
        )
    ids = list(split.parts["train"])
    codes = collection.codes(ids)
    code = collection.classes.index(target)
    own, extra = codes == code, len(copies)
    weights = np.ones(len(ids))
    added = {AUGMENTED: copies, GENERATED: generated, ALONE: generated}.get(arm, copies[:0])
    each = np.ones(len(added))
    if arm == OVERSAMPLED:
        weights[own] += extra / own.sum()
    if arm == ALONE:
        weights[own] = 0
        each *= (own.sum() + extra) / extra
    probabilities = logistic_head(
        np.concatenate([vectors.loc[ids].to_numpy(), added]),
        np.concatenate([codes, np.full(len(added), code)]),
        [vectors.loc[list(split.parts[part])].to_numpy() for part in parts],
        classes=len(collection.classes),
        sample_weight=np.concatenate([weights, each]),
        images=len(ids),
    )
    name = f"gan-{arm.replace(' ', '-')}"
    return {
        part: Predictions.from_probabilities(
            split.parts[part], found, collection, model=name, part=part
        )
        for part, found in zip(parts, probabilities, strict=True)
    }


def compare_added(
    learn: Callable[[str, int], Predictions], seeds: Sequence[int], arms: Sequence[str] = ()
) -> dict[str, Arm]:
    """Test Predictions of every arm under every seed. learn: (arm, seed) → Predictions."""
    return {
        arm: Arm(tuple(seeds), tuple(learn(arm, seed) for seed in seeds)) for arm in arms or ARMS
    }


def keys_of(target: str) -> list[Key]:
    """The scores that are compared: three of the class, two of all classes."""
    own: list[Key] = [(metric, target) for metric in ("recall", "precision", "f1")]
    return [*own, ("balanced_accuracy", ""), ("f1_macro", "")]


def added_scores(arms: Mapping[str, Arm], target: str, **options) -> pd.DataFrame:
    """Every arm's scores: see ``paired.arm_scores``."""
    return arm_scores(arms, keys_of(target), **options)


def added_differences(arms: Mapping[str, Arm], target: str, **options) -> pd.DataFrame:
    """Differences between arms, same seeds and resamples: see ``paired.arm_differences``."""
    return arm_differences(arms, COMPARISONS, keys_of(target), **options)
