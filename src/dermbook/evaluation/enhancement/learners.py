"""What learns from filtered pictures: a linear head on vectors, or a network from scratch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dermbook.data import (
    CachedImages,
    Collection,
    Split,
    cached_images,
    load_collection,
    phantom,
    resize,
)
from dermbook.evaluation.leakage.learners import learn_and_predict
from dermbook.evaluation.predictions import Predictions
from dermbook.imaging.filters import as_transform, named
from dermbook.imaging.texture import texture_vectors

#: the arm without a filter
OFF = "off"
#: in place of a network's name: vectors without one
TEXTURE = "texture"
#: (filter, seed) → Predictions of the test part
Learn = Callable[[str, int], Predictions]


def lesions_to_filter(
    name: str, *, images: int, height: int, width: int, seed: int = 0
) -> Collection:
    """The collection of that name; the phantom with equally many images a class, and in memory.

    Rare classes have a handful of test images, and with so few no difference can be shown; whether
    a filter helps does not depend on them being rare. A real collection is what it is.
    """
    if name == "phantom":
        return held_in_memory(
            phantom(images, height=height, width=width, seed=seed, balance="equal")
        )
    return load_collection(name, images=images, height=height, width=width, seed=seed)


def held_in_memory(collection: Collection) -> Collection:
    """The same collection, whose pictures are decoded once and then kept: for small ones.

    Filtering a phantom a dozen ways would otherwise draw each picture a dozen times.
    """
    return replace(collection, source=_Held(collection.source))


def filtered_images(
    collection: Collection, filters: Sequence[str], *, height: int, width: int
) -> dict[str, CachedImages]:
    """Cached pictures by filter, ``"off"`` among them: filtered as stored, then resized."""
    return {
        name: cached_images(
            collection,
            height=height,
            width=width,
            transform=None if name == OFF else as_transform(name),
            progress=False,
        )
        for name in (OFF, *filters)
    }


def filtered_vectors(
    collection: Collection,
    filters: Sequence[str],
    *,
    height: int,
    width: int,
    backbone: str = TEXTURE,
    weights: str = "imagenet",
) -> dict[str, pd.DataFrame]:
    """Vectors by filter, indexed by image id: of texture, or of a frozen network by name."""
    names = (OFF, *filters)
    if backbone == TEXTURE:
        return {name: _texture(collection, name, height, width) for name in names}
    from dermbook.models import frozen_features

    return {
        name: frozen_features(
            collection,
            backbone,
            height=height,
            width=width,
            weights=weights,
            transform=None if name == OFF else as_transform(name),
            progress=False,
        ).frame()
        for name in names
    }


def train_head(
    collection: Collection,
    vectors: Mapping[str, pd.DataFrame],
    splits: Mapping[int, Split],
    *,
    model: str = "head",
) -> Learn:
    """A ``Learn`` for ``filter_effects``: logistic regression on vectors, without chance."""

    def learn(name: str, seed: int) -> Predictions:
        parts, table = splits[seed].parts, vectors[name]
        train, test = (table.loc[list(parts[part])].to_numpy() for part in ("train", "test"))
        (probabilities,) = learn_and_predict(
            train, collection.codes(parts["train"]), test, classes=len(collection.classes)
        )
        return Predictions.from_probabilities(
            parts["test"], probabilities, collection, model=f"{model}+{name}", part="test"
        )

    return learn


def train_cnn(
    collection: Collection,
    pictures: Mapping[str, CachedImages],
    splits: Mapping[int, Split],
    *,
    architecture: str = "r2-cnn",
    epochs: int,
    patience: int = 3,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    options: Mapping[str, Any] | None = None,
) -> Learn:
    """A ``Learn`` for ``filter_effects``: a network trained from scratch, classes weighted.

    Its best epoch is chosen on the validation part; the seed sets the split, the first weights
    and the order of the images, the same for every filter.
    """
    from dermbook.evaluation.trial import classify
    from dermbook.training import EarlyStopping, balanced_class_weights

    def learn(name: str, seed: int) -> Predictions:
        split = splits[seed]
        trial = classify(
            architecture,
            collection,
            split,
            pictures[name],
            name=f"{architecture}+{name}",
            parts=("test",),
            batch_size=batch_size,
            seed=seed,
            options=options,
            epochs=epochs,
            learning_rate=learning_rate,
            early_stopping=EarlyStopping("val_loss", patience=patience, mode="min"),
            class_weight=balanced_class_weights(
                collection.codes(split.parts["train"]), collection.classes
            ),
            verbose="none",
        )
        return trial.predictions["test"]

    return learn


def lean(channels: Sequence[int]) -> dict[str, Any]:
    """Options of "r2-cnn" for few images: convolutions of so many channels, 64 units, dropout .1.

    With a thousand images the report's wider network, with its dropout of .25, stays near chance,
    where no filter could show an effect.
    """
    return {"filters": list(channels), "dense": [64], "dropout": 0.1}


def _texture(collection: Collection, name: str, height: int, width: int) -> pd.DataFrame:
    """Texture vectors, picture by picture: nothing is left in the cache."""
    step = (lambda image: image) if name == OFF else named(name).function
    rows = [
        texture_vectors(resize(step(collection.image(image_id)), height, width)[None])[0]
        for image_id in collection.ids
    ]
    return pd.DataFrame(np.stack(rows), pd.Index(collection.ids, name="image_id"))


class _Held:
    """A source that keeps the pictures it was asked for; all else is the first source's."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._pictures: dict[str, np.ndarray] = {}

    def image(self, image_id: str) -> np.ndarray:
        if image_id not in self._pictures:
            picture = self._source.image(image_id)
            picture.setflags(write=False)  # a filter that wrote into it would spoil the others
            self._pictures[image_id] = picture
        return self._pictures[image_id]

    def mask(self, image_id: str) -> np.ndarray | None:
        return self._source.mask(image_id)

    def encoded(self, image_id: str) -> bytes:
        return self._source.encoded(image_id)

    def signature(self, image_id: str) -> str:
        return self._source.signature(image_id)
