"""A generator for each split, what it made, and how pictures become vectors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split, Transform, cached_images, resize
from dermbook.errors import ParameterError
from dermbook.evaluation.generation.benefit import check_unseen
from dermbook.imaging.augmentation import copy_of, recipe
from dermbook.imaging.pixels import pixel_vectors

if TYPE_CHECKING:
    from dermbook.training.adversarial import Gan, Play

#: vectors without a network
PIXELS = "pixels"
#: images of a set at most, where each is compared with each
MOST = 200
#: standard deviations beyond which a feature counts no more
FAR = 3.0


@dataclass(frozen=True, eq=False)
class Eyes:
    """How pictures become vectors. ``vectors``: of the whole collection, indexed by image id;
    ``embed``: of any uint8 images (n, height, width, 3) of the generator's size."""

    vectors: pd.DataFrame
    embed: Callable[[np.ndarray], np.ndarray]
    _known: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    def look(self, images: np.ndarray) -> np.ndarray:
        """``embed``, once for each array: several judges look at the same pictures."""
        known = self._known.get(id(images))
        if known is None or known[0] is not images:
            # the array is kept, too, so that no other one can take its number
            known = self._known[id(images)] = images, self.embed(images)
        return known[1]


@dataclass(frozen=True, eq=False)
class Case:
    """One split, the generator trained on its train part, and what that made.

    ``ids``: the class's training images. ``generated``, ``copies``: uint8, as many each;
    ``origins``: the training image that each copy was made from.
    """

    target: str
    seed: int
    split: Split
    gan: "Gan"
    ids: tuple[str, ...]
    generated: np.ndarray
    copies: np.ndarray
    origins: tuple[str, ...]
    untrained: np.ndarray


def eyes(
    collection: Collection,
    backbone: str,
    *,
    height: int,
    width: int,
    look_height: int,
    look_width: int,
    weights: str = "imagenet",
) -> Eyes:
    """Vectors of all pictures as the generator could at best have made them.

    Every picture is shrunk to height × width pixels first, real ones too; else the classifier could
    tell generated images by their blur. backbone: ``pixels``, or a frozen network that then sees
    look_height × look_width pixels.
    """
    if backbone == PIXELS:
        images = cached_images(collection, height=height, width=width, progress=False)
        table = pd.DataFrame(pixel_vectors(np.asarray(images.images)), index=images.ids)
        return Eyes(table, pixel_vectors)
    from dermbook.models import Embedder, frozen_features

    size = {"height": look_height, "width": look_width}
    shrink = Transform(f"shrunk-{height}x{width}", 1, partial(resize, height=height, width=width))
    found = frozen_features(
        collection, backbone, **size, weights=weights, transform=shrink, progress=False
    )
    embedder = Embedder(backbone, **size, weights=weights)

    def embed(images: np.ndarray) -> np.ndarray:
        return embedder(np.stack([resize(image, look_height, look_width) for image in images]))

    return Eyes(found.frame(), embed)


def make_cases(
    target: str,
    collection: Collection,
    splits: Mapping[int, Split],
    images: CachedImages,
    play: "Play",
    *,
    extra: int,
    augmentation: str,
    checkpoints: Path,
) -> list[Case]:
    """Train a generator on the target's train part of every split, and let it make ``extra``
    images; make as many copies by the augmentation. ParameterError for an unknown class or extra
    below 2; DataError if a generator saw a lesion of another part."""
    from dermbook.training.adversarial import train_gan, untrained

    if target not in collection.classes:
        raise ParameterError(f"target: {target!r} is none of {', '.join(collection.classes)}.")
    if extra < 2:
        raise ParameterError(f"extra: must be 2 or more, not {extra}.")
    cases = []
    for seed, split in splits.items():
        ids = of_class(target, collection, split, "train")
        name = f"gan-{target}-{seed}"
        gan = train_gan(
            name, images, ids, held_out=of_class(target, collection, split, "validation"),
            play=play, seed=seed, checkpoint=checkpoints / f"{name}.npz",
        )  # fmt: skip
        check_unseen(gan.ids, split, collection)
        copies, origins = copied(images, ids, extra, augmentation, seed)
        first = untrained(gan, play, seed=seed).sample(min(extra, MOST), seed=seed)
        made = gan.sample(extra, seed=seed)
        cases.append(Case(target, seed, split, gan, tuple(ids), made, copies, origins, first))
    return cases


def of_class(target: str, collection: Collection, split: Split, part: str) -> list[str]:
    """Ids of a class's images in a part."""
    labels = collection.table["label"]
    return [image_id for image_id in split.parts[part] if labels[image_id] == target]


def copied(
    images: CachedImages, ids: Sequence[str], count: int, name: str, seed: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """``count`` augmented copies of images, in turn, and the image that each was made from."""
    pictures = images.take(ids)
    rows = [(number % len(ids), number // len(ids) + 1) for number in range(count)]
    made = [copy_of(pictures[row], recipe(name), seed=seed, copy=copy) for row, copy in rows]
    return np.stack(made), tuple(ids[row] for row, _ in rows)


def flat(images: np.ndarray) -> np.ndarray:
    """Images as vectors of their bytes, float32 (n, height · width · 3)."""
    return images.reshape(len(images), -1).astype(np.float32)


def main_axes(
    vectors: pd.DataFrame, split: Split, components: int
) -> Callable[[np.ndarray], np.ndarray]:
    """A map from vectors to their main components, fitted on the train part (all classes).

    A covariance of 1,280 features cannot be had from a few dozen images. Vectors are standardised
    first, and values further than ``FAR`` deviations off are brought back to there, or a single odd
    picture would make up most of a variance. ParameterError for more components than there are.
    """
    values = vectors.loc[list(split.parts["train"])].to_numpy(dtype="float64")
    if not 1 <= components <= min(values.shape):
        raise ParameterError(f"components: must be 1 to {min(values.shape)}, not {components}.")
    centre, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1)

    def standard(others: np.ndarray) -> np.ndarray:
        return np.clip((np.asarray(others, dtype="float64") - centre) / spread, -FAR, FAR)

    known = standard(values)
    chosen = np.linalg.eigh(known.T @ known)[1][:, ::-1][:, :components]
    return lambda others: standard(others) @ chosen
