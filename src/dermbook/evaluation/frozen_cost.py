"""What it costs to run a frozen backbone again in every epoch, as the reports did.

The same head is trained twice on the same images: inside a whole network whose backbone is frozen,
and on vectors that the backbone made once. The weights must come out alike; only time differs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dermbook.data import Batches, Collection, cached_images
from dermbook.errors import ParameterError
from dermbook.models import Embedder, build
from dermbook.models.heads import build_head
from dermbook.training import fit, predict_probabilities
from dermbook.training.vectors import VectorBatches, Vectors


@dataclass(frozen=True)
class FrozenCost:
    """``table``: a row a way, see ``frozen_cost``. ``difference``: the largest difference of a
    probability between the two after equal epochs. ``agreement``: share of images with the same
    answer; ``moved``: how far the weight of the head that moved most did, for a head that learned
    nothing would agree with anything."""

    table: pd.DataFrame
    difference: float
    agreement: float
    moved: float

    @property
    def times(self) -> float:
        """How many times the seconds of the frozen features the other way takes."""
        seconds = self.table.set_index("way")["seconds"]
        return float(seconds["backbone in every epoch"] / seconds["features once"])


def frozen_cost(
    collection: Collection,
    ids: Sequence[str],
    *,
    network: str = "r4-vgg16",
    base: str = "vgg16",
    head: str = "r4-vgg16",
    height: int,
    width: int,
    weights: str = "imagenet",
    epochs: int = 16,
    measured: int = 2,
    batch_size: int = 16,
    seed: int = 0,
) -> FrozenCost:
    """Seconds of ``epochs`` epochs of a head both ways, on these images, in this process.

    network: a name of ``dermbook.models.TRANSFER`` without dropout, of this base and head. The
    whole network is trained for ``measured`` epochs (at least 2: the first one compiles and is
    left out) and the rest is extrapolated; the head on vectors is trained for all epochs. Table:
    way, once (seconds before the first epoch: the features), epoch (seconds of one), epochs,
    seconds (once + epochs · epoch), measured (epochs that were really run).
    """
    if measured < 2 or epochs < measured:
        raise ParameterError("measured: must be at least 2 and at most epochs.")
    images = cached_images(collection, height=height, width=width, progress=False)
    codes, classes = collection.codes(ids), len(collection.classes)
    options = {"batch_size": batch_size, "shuffle": True, "seed": seed}
    model = build(network, (height, width, 3), classes, seed=seed, weights=weights, last=0)
    backbone_ = next(layer for layer in model.layers if layer.name == "backbone")
    small = build_head(head, model.get_layer("pooled").output.shape[-1], classes, seed=seed)
    first = _head_weights(model, backbone_)
    small.set_weights(first)

    embedder = Embedder(base, height=height, width=width, weights=weights, seed=seed)
    # random weights of two networks drawn apart are not alike; give the embedder the model's
    next(x for x in embedder.model.layers if hasattr(x, "layers")).set_weights(
        backbone_.get_weights()
    )
    pixels = images.take(ids)
    embedder(pixels[:1])
    began = time.perf_counter()
    values = embedder(pixels)
    once = time.perf_counter() - began
    vectors = Vectors(values, pd.Index(ids), base, embedder.weights.origin)

    settings = {"seed": seed, "verbose": "none"}
    whole = fit(model, Batches(images, ids, codes, **options), epochs=measured, **settings)
    fit(small, VectorBatches(vectors, ids, codes, **options), epochs=measured, **settings)
    theirs = predict_probabilities(model, images, ids, batch_size, progress=False)
    ours = predict_probabilities(small, vectors, ids, batch_size, progress=False)
    pairs = zip(small.get_weights(), first, strict=True)
    moved = max(float(np.abs(now - then).max()) for now, then in pairs)
    full = fit(small, VectorBatches(vectors, ids, codes, **options), epochs=epochs, **settings)

    per_epoch = float(whole.history["seconds"][1:].min())
    head_epoch = float(full.history["seconds"][1:].median())
    rows = [
        ["backbone in every epoch", 0.0, per_epoch, epochs, epochs * per_epoch, measured],
        ["features once", once, head_epoch, epochs, once + epochs * head_epoch, epochs],
    ]
    columns = ["way", "once", "epoch", "epochs", "seconds", "measured"]
    return FrozenCost(
        pd.DataFrame(rows, columns=columns),
        float(np.abs(theirs - ours).max()),
        float((theirs.argmax(axis=1) == ours.argmax(axis=1)).mean()),
        moved,
    )


def cost_tables(
    collection: Collection, ids: Sequence[str], **options: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``frozen_cost`` as two tables: its own, and one row: difference, agreement, moved, images."""
    cost = frozen_cost(collection, ids, **options)
    same = {
        "difference": [cost.difference],
        "agreement": [cost.agreement],
        "moved": [cost.moved],
        "images": [len(ids)],
    }
    return cost.table, pd.DataFrame(same)


def _head_weights(model, backbone_) -> list[np.ndarray]:
    """The weights of everything in a whole network that is not its backbone."""
    inside = {id(weight) for weight in backbone_.weights}
    return [np.asarray(weight) for weight in model.weights if id(weight) not in inside]
