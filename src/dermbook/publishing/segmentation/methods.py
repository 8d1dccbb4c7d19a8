"""Ways to find lesions: three baselines and U-Nets, each with its threshold chosen.

A *method* gives a map of each picture; its threshold is chosen on the validation part, and only
then is it judged on the test part. All are judged at one size, whatever size a network works at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split, cached_images, cached_masks
from dermbook.errors import ParameterError
from dermbook.evaluation.segmentation import (
    ColourMaps,
    Decision,
    best_decision,
    decision_table,
    judge_masks,
    mean_mask_maps,
    otsu_maps,
)

if TYPE_CHECKING:
    from dermbook.evaluation.segmentation.networks import Course, Segmenter
    from dermbook.publishing.chapter import Chapter

Maps = Callable[[Sequence[str]], np.ndarray]

#: the network of the whole training part, and the methods without one
FINAL, BASELINES = "unet", ("seg-mean-mask", "seg-otsu", "seg-colour")
#: names of the methods in figures and tables
TITLES = {
    FINAL: "U-Net, tested",
    "seg-mean-mask": "mean mask",
    "seg-otsu": "Otsu",
    "seg-colour": "distance from skin colour",
}


@dataclass(frozen=True, eq=False)
class Material:
    """Pictures and masks of a collection, at the networks' size and at the size judged at."""

    collection: Collection
    split: Split
    images: CachedImages
    masks: CachedImages
    pictures: CachedImages
    truth: CachedImages

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) that all methods are judged at."""
        return tuple(self.truth.images.shape[1:])


@dataclass(frozen=True, eq=False)
class Method:
    """A way to find lesions, its threshold chosen. table: of ``decision_table``; validation: of
    ``judge_masks`` at that threshold."""

    name: str
    title: str
    maps: Maps
    table: pd.DataFrame
    decision: Decision
    validation: pd.DataFrame
    network: "Segmenter | None" = None
    recipe: str = ""


def material(
    collection: Collection,
    split: Split,
    *,
    height: int,
    width: int,
    network_height: int,
    network_width: int,
) -> Material:
    """Decode pictures and masks once, at both sizes."""
    size, small = (
        {"height": height, "width": width},
        {"height": network_height, "width": network_width},
    )
    return Material(
        collection,
        split,
        cached_images(collection, **small),
        cached_masks(collection, **small),
        cached_images(collection, **size),
        cached_masks(collection, **size),
    )


def baselines(of: Material, *, seed: int = 0) -> list[Method]:
    """The mean mask, Otsu's threshold and the distance from the skin's colour."""
    train = list(of.split.parts["train"])
    colour = ColourMaps(of.pictures, of.truth, train, seed=seed)
    maps: list[Maps] = [
        lambda ids: mean_mask_maps(of.truth, train, len(ids)),
        lambda ids: otsu_maps(of.pictures.take(ids)),
        lambda ids: colour(of.pictures.take(ids)),
    ]
    return [
        decided(of, name, TITLES[name], each) for name, each in zip(BASELINES, maps, strict=True)
    ]


def decided(of: Material, name: str, title: str, maps: Maps, **about: object) -> Method:
    """Choose a method's threshold on the validation part."""
    ids = of.split.parts["validation"]
    found, truth = maps(ids), of.truth.take(ids)
    table = decision_table(found, truth)
    decision = best_decision(table)
    validation = judge_masks(pd.Index(ids), truth, decision.masks(found), distances=False)
    return Method(name, title, maps, table, decision, validation, **about)


def try_recipes(
    names: Sequence[str],
    of: Material,
    course: "Course",
    *,
    images: int,
    epochs: int,
    seed: int = 0,
) -> list[Method]:
    """One short training for each recipe, on the same ``images`` of the training part (0: all)."""
    from dermbook.evaluation.segmentation.networks import RECIPES

    if not names or (unknown := [name for name in names if name not in RECIPES]):
        wrong = f"{unknown[0]!r} is unknown" if names else "give at least one"
        raise ParameterError(f"recipes: {wrong}; known are {'; '.join(RECIPES)}.")
    ids = np.asarray(of.split.parts["train"], dtype=object)
    some = np.random.default_rng(seed).permutation(len(ids))[: images or None]
    return [
        trained(f"seg-{_slug(name)}", name, of, course, ids[some], epochs=epochs, seed=seed)
        for name in names
    ]


def trained(
    name: str,
    recipe: str,
    of: Material,
    course: "Course",
    train: Sequence[str],
    *,
    epochs: int,
    seed: int = 0,
    flips: bool = False,
) -> Method:
    """A U-Net trained on ``train``, its threshold chosen. flips: mean over mirrorings."""
    from dermbook.evaluation.segmentation.networks import RECIPES, train_unet

    network = train_unet(
        name, RECIPES[recipe], of.images, of.masks, train, of.split.parts["validation"],
        course=course, epochs=epochs, seed=seed,
    )  # fmt: skip
    return _decided_network(name, recipe, of, network, flips=flips)


def _decided_network(
    name: str, recipe: str, of: Material, network: "Segmenter", *, flips: bool
) -> Method:
    from dermbook.evaluation.segmentation.networks import predict_maps

    def maps(ids: Sequence[str]) -> np.ndarray:
        return predict_maps(network.model, of.images, ids, size=of.size, flips=flips)

    title = TITLES.get(name, recipe)
    return decided(of, name, title, maps, network=network, recipe=recipe)


def best(methods: Sequence[Method]) -> Method:
    """The method with the highest mean Dice of the validation part (the first, if equal)."""
    return max(methods, key=lambda method: method.validation["dice"].mean())


def train_all(
    tried: Sequence[Method],
    of: Material,
    course: "Course",
    *,
    epochs: int,
    seed: int = 0,
    flips: bool = True,
) -> Method:
    """The chapter's U-Net: the best recipe of the validation part, on the whole training part.

    epochs: 0 trains no more and takes the network of that recipe as it is. flips: mean over
    mirrorings.
    """
    chosen = best(tried)
    if not epochs:
        return _decided_network(FINAL, chosen.recipe, of, chosen.network, flips=flips)
    train = of.split.parts["train"]
    return trained(FINAL, chosen.recipe, of, course, train, epochs=epochs, seed=seed, flips=flips)


def networks(methods: Sequence[Method]) -> list["Segmenter"]:
    """The networks of the methods that have one, each once."""
    return list({each.network.name: each.network for each in methods if each.network}.values())


def course_of(chapter: "Chapter", **settings: object) -> "Course":
    """How the networks are trained; a killed run goes on from the chapter's output folder."""
    from dermbook.evaluation.segmentation.networks import Course

    return Course(checkpoints=chapter.output / "checkpoints" / chapter.name, **settings)


def _slug(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")
