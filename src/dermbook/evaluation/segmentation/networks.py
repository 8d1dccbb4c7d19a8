"""U-Nets trained on pictures and masks, and the maps that they give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pandas as pd

from dermbook.data import CachedImages, MaskBatches, Moves
from dermbook.models import build
from dermbook.training import EarlyStopping, FitResult, fit, seed_everything
from dermbook.training.segmentation_losses import dice_metric, segmentation_loss


@dataclass(frozen=True)
class Recipe:
    """What is tried: how maps are enlarged, what is minimised, and whether views are moved."""

    upsampling: str = "transposed"
    loss: str = "bce"
    moves: Moves | None = None


@dataclass(frozen=True)
class Course:
    """How every network of a study is trained, so that they can be compared.

    width, depth: of ``models.unet``. learning_rate: the first of Adam's, falling to 0 along a
    cosine (Loshchilov and Hutter 2017, without restarts). watched: pictures of the validation part
    that choose the best epoch; 0 takes all. checkpoints: a folder; a killed training goes on there.
    """

    width: int = 16
    depth: int = 4
    batch_size: int = 16
    learning_rate: float = 0.002
    watched: int = 500
    checkpoints: Path | None = None


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A trained U-Net. ``predictions`` is empty: of masks, scores a picture are kept instead."""

    name: str
    parameters: int
    model: Any
    fit: FitResult
    predictions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def history(self) -> pd.DataFrame:
        """The learning curve with a first column ``model``: one row an epoch."""
        history = self.fit.history.copy()
        history.insert(0, "model", self.name)
        return history


def train_unet(
    name: str,
    recipe: Recipe,
    images: CachedImages,
    masks: CachedImages,
    train: Sequence[str],
    validation: Sequence[str],
    *,
    course: Course,
    epochs: int,
    seed: int = 0,
    **fit_options: Any,
) -> Segmenter:
    """Train a U-Net on ``train``; the weights of the epoch with the best validation Dice stay.

    images, masks: of one size. Equal seeds give networks with the same number of weights the same
    first ones. The test part is not touched.
    """
    seed_everything(seed)
    height, width = images.images.shape[1:3]
    model = build(
        "unet", (height, width, 3), 1, seed=seed, output="logits",
        width=course.width, depth=course.depth, upsampling=recipe.upsampling,
    )  # fmt: skip
    batches = MaskBatches(
        images, masks, train, batch_size=course.batch_size, shuffle=True, seed=seed,
        moves=recipe.moves,
    )  # fmt: skip
    # sorted ids would be the oldest photographs of the collection only
    order = np.random.default_rng(seed).permutation(len(validation))
    watched = np.asarray(validation, dtype=object)[order[: course.watched or None]]
    rate = keras.optimizers.schedules.CosineDecay(course.learning_rate, epochs * len(batches))
    result = fit(
        model,
        batches,
        MaskBatches(images, masks, watched, batch_size=4 * course.batch_size),
        epochs=epochs,
        optimizer=keras.optimizers.Adam(rate),
        loss=segmentation_loss(recipe.loss),
        metrics=[keras.metrics.MeanMetricWrapper(dice_metric, name="dice")],
        early_stopping=EarlyStopping("val_dice", patience=max(epochs, 1), mode="max"),
        checkpoint=course.checkpoints / f"{name}.npz" if course.checkpoints else None,
        seed=seed,
        **fit_options,
    )
    return Segmenter(name, model.count_params(), model, result)


def predict_maps(
    model: Any,
    images: CachedImages,
    ids: Sequence[str],
    *,
    size: tuple[int, int],
    flips: bool = False,
    batch_size: int = 64,
) -> np.ndarray:
    """Probabilities of lesion, float32 (n, height, width), enlarged bilinearly to ``size``.

    model: gives logits. flips: mean over the picture and its three mirrorings, each turned back.
    """
    pictures = images.take(ids)
    views = [(1, 1), (1, -1), (-1, 1), (-1, -1)] if flips else [(1, 1)]
    maps = np.zeros(pictures.shape[:3], np.float32)
    for start in range(0, len(pictures), batch_size):
        part = pictures[start : start + batch_size]
        # one shape for all batches: another one would make the backend compile once more
        short = min(batch_size, len(pictures)) - len(part)
        padded = np.pad(part, [(0, short), (0, 0), (0, 0), (0, 0)])
        for down, across in views:
            logits = model.predict_on_batch(np.ascontiguousarray(padded[:, ::down, ::across]))
            logits = np.asarray(logits)[: len(part), ::down, ::across, 0]
            # tanh does not overflow where exp would
            maps[start : start + batch_size] += 0.5 + 0.5 * np.tanh(logits / 2)
    maps /= len(views)
    return enlarged(maps, size)


def enlarged(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (n, h, w) interpolated linearly to ``size`` (height, width); given back if they fit."""
    if maps.shape[1:] == size:
        return maps
    return np.stack([cv2.resize(each, size[::-1], interpolation=cv2.INTER_LINEAR) for each in maps])


#: what the chapter tries; the first is R3's (row 3.10), and so are the ways up
RECIPES: Mapping[str, Recipe] = {
    "transposed": Recipe(),
    "bilinear": Recipe(upsampling="bilinear"),
    "dice": Recipe(loss="dice"),
    "mixed": Recipe(loss="mixed"),
    "mixed, moved": Recipe(loss="mixed", moves=Moves()),
}
