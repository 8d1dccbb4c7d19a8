"""Gradients that explode, and what tames them (row 1.8)."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from keras import layers

from dermbook.data import Batches, CachedImages, Collection
from dermbook.errors import DataError
from dermbook.models.registry import seeded
from dermbook.training import seed_everything
from dermbook.training.gradients import gradient_norms, recording

#: units of a deep head. R1 says "Dense Layers paired with Dropout", not how many. With two layers
#: all units may switch off for good before anything overflows; with four it overflows first.
DEEP = (256, 256, 256, 64)


@dataclass(frozen=True)
class GradientArm:
    """One way to train: with scaled or unscaled pixels, clipped at ``clip``, L2 of ``penalty``."""

    name: str
    scaled: bool
    clip: float = 0.0
    penalty: float = 0.0


#: R1's story: the loss goes to inf and NaN; gradients are bounded by 1.0, weights regularised
ARMS = (
    GradientArm("scaled pixels", True),
    GradientArm("unscaled pixels", False),
    GradientArm("unscaled, L2", False, penalty=1e-3),
    GradientArm("unscaled, clipped", False, clip=1.0),
    GradientArm("unscaled, clipped, L2", False, clip=1.0, penalty=1e-3),
)


def exploding_gradients(
    scaled: CachedImages,
    unscaled: CachedImages,
    collection: Collection,
    ids: Sequence[str],
    *,
    arms: Sequence[GradientArm] = ARMS,
    dense: Sequence[int] = DEEP,
    learning_rate: float = 0.1,
    steps: int = 40,
    batch_size: int = 32,
    seed: int = 0,
) -> pd.DataFrame:
    """The first steps of a deep head by SGD: arm, step (from 1), loss, norm (of the gradient).

    scaled, unscaled: a frozen backbone's vectors of the same images, pixels scaled as it wants
    them and left at 0..255. collection: of two classes. All arms begin with the same weights and
    see the same batches. The loss is computed from logits, so nothing hides its growth; it includes
    the penalty. An arm ends where its loss is no longer finite.
    """
    if len(collection.classes) != 2:
        raise DataError("exploding_gradients: give a collection of two classes.")
    frames = []
    for arm in arms:
        seed_everything(seed)
        vectors = scaled if arm.scaled else unscaled
        model = _head(vectors.images.shape[1], dense, arm.penalty, seed)
        optimizer = recording("sgd", learning_rate=learning_rate, steps=steps, clip=arm.clip)
        model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
        losses = _steps(model, vectors, collection, ids, steps, batch_size, seed)
        norms = gradient_norms(model.optimizer)
        frames.append(
            pd.DataFrame(
                {
                    "arm": arm.name,
                    "step": np.arange(1, len(losses) + 1),
                    "loss": losses,
                    "norm": norms[: len(losses)],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def explosions(frame: pd.DataFrame, steps: int) -> pd.DataFrame:
    """What became of each arm: arm, steps (taken), largest_norm, last_loss, exploded.

    exploded: the loss or the gradient became infinite or NaN within ``steps``.
    """
    rows = []
    for name, of in frame.groupby("arm", sort=False):
        finite = of[np.isfinite(of["loss"]) & np.isfinite(of["norm"])]
        rows.append(
            {
                "arm": name,
                "steps": len(of),
                "largest_norm": finite["norm"].max() if len(finite) else np.nan,
                "last_loss": of["loss"].iloc[-1],
                "exploded": len(finite) < len(of) or len(of) < steps,
            }
        )
    return pd.DataFrame(rows)


def _head(width: int, dense: Sequence[int], penalty: float, seed: int) -> keras.Model:
    """A deep head without dropout, ending in a logit.

    A sigmoid's cross-entropy is cut off near 16 in float32; from the logit it can grow freely.
    """
    with seeded(seed):
        vectors = keras.Input((width,), name="features")
        answer = vectors
        for units in dense:
            regularizer = keras.regularizers.L2(penalty) if penalty else None
            answer = layers.Dense(units, activation="relu", kernel_regularizer=regularizer)(answer)
        return keras.Model(vectors, layers.Dense(1, dtype="float32", name="logit")(answer))


def _steps(
    model: keras.Model,
    vectors: CachedImages,
    collection: Collection,
    ids: Sequence[str],
    steps: int,
    batch_size: int,
    seed: int,
) -> list[float]:
    batches = Batches(
        vectors, ids, collection.codes(ids), batch_size=batch_size, shuffle=True, seed=seed
    )
    # a smaller last batch would compile the step again
    whole = max(1, len(ids) // batch_size)
    losses: list[float] = []
    for step in range(steps):
        if step % whole == 0:
            batches.start_epoch(step // whole)
        model.reset_metrics()
        x, y = batches.batch(step % whole)
        losses.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
        if not np.isfinite(losses[-1]):
            break
    return losses
