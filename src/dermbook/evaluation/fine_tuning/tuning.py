"""A pretrained network fine-tuned, with all that has proved to help; resumable, within a budget.

First the new head learns on the features of the frozen backbone, then head and unfrozen layers
learn together at a small rate. Everything is chosen on the validation part.
"""

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from dermbook.data import Batches, CachedImages, Collection, Split
from dermbook.evaluation.fine_tuning.settings import MONITORS, FineTuning
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.trial import Trial
from dermbook.files import replacing
from dermbook.models.features import Features
from dermbook.models.transfer import build_transfer, pooled_part
from dermbook.training import (
    EarlyStopping,
    FitResult,
    Plateau,
    fit,
    predict_flipped,
    predict_probabilities,
    seed_everything,
)
from dermbook.training.class_scores import BalancedAccuracy
from dermbook.training.reporting import Verbose
from dermbook.training.sampling import class_sampler
from dermbook.training.smoothing import SmoothedCrossEntropy

#: rate at which a head learns on frozen features (Adam)
HEAD_RATE = 1e-3
_HEAD_PATIENCE = 3


def fine_tune(
    base: str,
    collection: Collection,
    split: Split,
    images: CachedImages,
    *,
    name: str | None = None,
    parts: Sequence[str] = ("validation", "test"),
    seed: int = 0,
    vectors: Features | None = None,
    checkpoints: Path | None = None,
    verbose: Verbose = "auto",
    **settings: Any,
) -> Trial:
    """Fine-tune a backbone on a collection's training part and predict ``parts``, each once.

    Args:
        base: a key of ``models.backbones.BACKBONES``, or "tiny" (``models.transfer.TINY``).
        collection: its classes are learned; two get one sigmoid unit.
        split: its parts train, validation and those of ``parts`` are used.
        images: uint8, of this collection or of the one it was relabelled from.
        name: of the model, in Predictions, curves and checkpoints.
        parts: of the split that are predicted.
        seed: of the head, dropout, the draws, the augmentation and the order of images.
        vectors: features of all these images by this backbone at this size, from
            ``frozen_features``, if there are any: the warm-up then need not compute them.
        checkpoints: a folder. A killed training goes on from it with the same numbers.
        verbose: see ``training.fit``.
        settings: see ``FineTuning``.

    Returns:
        A Trial. Its learning curve is that of the whole network, without the warm-up.

    Raises:
        ParameterError: an unknown setting or one out of range. DataError: see ``frozen_features``.
    """
    how = FineTuning.of(settings)
    name = name or f"{base}-fine-tuned"
    seed_everything(seed)
    model = _built(base, collection, images, how, seed)
    batches = {
        part: _batches(images, split, collection, part, how, seed)
        for part in ("train", "validation")
    }
    start = _Start(checkpoints, name, [base, seed, how, collection.fingerprint, split.fingerprint])
    if how.warm_up and not start.load(model):
        _warm_up(model, images, split, collection, how, seed, vectors)
        start.save(model)
    checkpoint = checkpoints / f"{name}.npz" if checkpoints else None
    result = _train(model, batches, collection, how, seed, checkpoint, verbose)
    start.delete()
    predictions = {
        part: Predictions.from_probabilities(
            split.parts[part],
            predict_flipped(model, images, split.parts[part], progress=False)
            if how.flips
            else predict_probabilities(model, images, split.parts[part], progress=False),
            collection,
            model=name,
            part=part,
        )
        for part in parts
    }
    return Trial(name, model.count_params(), model, result, predictions)


def head_of(model: keras.Model) -> keras.Model:
    """The head of a whole network as a model of its own, sharing its weights: (n, width) →
    probabilities."""
    names = [layer.name for layer in model.layers]
    after = model.layers[names.index("pooled") + 1 :]
    vectors = keras.Input(model.get_layer("pooled").output.shape[1:], name="features")
    answer = vectors
    for layer in after:
        answer = layer(answer)
    return keras.Model(vectors, answer, name=f"{model.name}_head")


def pooled_vectors(
    model: keras.Model, images: CachedImages, ids: Sequence[str], batch_size: int = 32
) -> CachedImages:
    """What a network's backbone says of some images now: float32 (n, width) in memory, by id."""
    part = pooled_part(model)
    values = predict_probabilities(part, images, ids, batch_size, progress=False)
    return CachedImages(values, pd.Index(ids), Path())


def _built(
    base: str, collection: Collection, images: CachedImages, how: FineTuning, seed: int
) -> keras.Model:
    classes = len(collection.classes)
    return build_transfer(
        base,
        (*images.images.shape[1:3], 3),
        1 if classes == 2 else classes,
        seed=seed,
        last=how.last,
        batch_norm=how.batch_norm,
        dense=tuple(how.dense),
        dropout=how.dropout,
        penalty=how.penalty,
        weights=how.weights,
        scaling=how.scaling,
    )


def _batches(
    images: CachedImages,
    split: Split,
    collection: Collection,
    part: str,
    how: FineTuning,
    seed: int,
    *,
    augmented: bool = True,
) -> Batches:
    """Batches of a part; the train part drawn by class, and changed if ``augmented``."""
    ids = split.parts[part]
    codes = collection.codes(ids)
    if part != "train":
        return Batches(images, ids, codes, batch_size=how.batch_size)
    return Batches(
        images,
        ids,
        codes,
        batch_size=how.batch_size,
        shuffle=True,
        seed=seed,
        sampler=None if how.sampling == "none" else class_sampler(codes, how.sampling),
        augment=how.augmentation() if augmented else None,
    )


def _warm_up(
    model: keras.Model,
    images: CachedImages,
    split: Split,
    collection: Collection,
    how: FineTuning,
    seed: int,
    vectors: Features | None,
) -> None:
    """Train the head alone on the frozen backbone's vectors; its best epoch's weights stay."""
    if vectors is None:
        ids = [*split.parts["train"], *split.parts["validation"]]
        known = pooled_vectors(model, images, ids)
    else:
        known = CachedImages(vectors.values, vectors.ids, vectors.path)
    fit(
        head_of(model),
        _batches(known, split, collection, "train", how, seed, augmented=False),
        _batches(known, split, collection, "validation", how, seed),
        epochs=how.warm_up,
        learning_rate=HEAD_RATE,
        loss=SmoothedCrossEntropy(how.smoothing),
        early_stopping=EarlyStopping("val_loss", patience=_HEAD_PATIENCE, mode="min"),
        seed=seed,
        verbose="none",
    )


def _train(
    model: keras.Model,
    batches: dict[str, Batches],
    collection: Collection,
    how: FineTuning,
    seed: int,
    checkpoint: Path | None,
    verbose: Verbose,
) -> FitResult:
    plateau = None
    if how.schedule == "plateau":
        plateau = Plateau(how.monitor, factor=0.5, patience=2, mode=MONITORS[how.monitor])
    return fit(
        model,
        batches["train"],
        batches["validation"],
        epochs=how.epochs,
        optimizer=_optimizer(how, len(batches["train"])),
        loss=SmoothedCrossEntropy(how.smoothing),
        metrics=("accuracy", BalancedAccuracy(len(collection.classes))),
        early_stopping=EarlyStopping(
            how.monitor, patience=how.patience or how.epochs, mode=MONITORS[how.monitor]
        ),
        plateau=plateau,
        restore_best=how.restore_best,
        checkpoint=checkpoint,
        on_epoch=_brake(model, how.minutes, checkpoint) if how.minutes else None,
        seed=seed,
        verbose=verbose,
    )


def _optimizer(how: FineTuning, steps: int) -> keras.optimizers.Optimizer:
    """steps: of one epoch."""
    rate: Any = how.learning_rate
    if how.schedule == "cosine":
        rising = max(1, steps // 2)
        rate = keras.optimizers.schedules.CosineDecay(
            how.learning_rate / 10,
            decay_steps=max(1, how.epochs * steps - rising),
            warmup_target=how.learning_rate,
            warmup_steps=rising,
        )
    kind = type(keras.optimizers.get(how.optimizer))
    options: dict[str, Any] = {}
    if how.ema:
        options = {"use_ema": True, "ema_momentum": how.ema, "ema_overwrite_frequency": steps}
    return kind(
        learning_rate=rate,
        weight_decay=how.weight_decay or None,
        global_clipnorm=how.clip or None,
        **options,
    )


def _brake(
    model: keras.Model, minutes: float, checkpoint: Path | None
) -> Callable[[dict[str, float]], None]:
    """An ``on_epoch`` that ends the training where another epoch would go beyond the minutes."""
    seconds: list[float] = []

    def on_epoch(row: dict[str, float]) -> None:
        nonlocal seconds
        seconds.append(row["seconds"])
        if checkpoint is not None and len(seconds) < row["epoch"]:
            # epochs before a kill: the checkpoint, written just now, knows them
            with np.load(checkpoint, allow_pickle=False) as file:
                rows = json.loads(str(file["about"]))["rows"]
            seconds = [each["seconds"] for each in rows]
        # the first epoch holds the compilation, which does not come again
        longest = max(seconds[1:] or seconds)
        if sum(seconds) + longest > 60 * minutes:
            model.stop_training = True

    return on_epoch


class _Start:
    """Weights after the warm-up, on disk: a killed training need not warm up again."""

    def __init__(self, folder: Path | None, name: str, key: Sequence[Any]) -> None:
        self._path = folder / f"{name}--start.npz" if folder else None
        self._key = repr(list(key))

    def load(self, model: keras.Model) -> bool:
        """Give the head its weights, if they are there and of this very training."""
        if self._path is None or not self._path.is_file():
            return False
        try:
            with np.load(self._path, allow_pickle=False) as file:
                if str(file["key"]) != self._key:
                    return False
                weights = [file[name] for name in sorted(file.files) if name != "key"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        head_of(model).set_weights(weights)
        return True

    def save(self, model: keras.Model) -> None:
        if self._path is None:
            return
        arrays = {f"{i:05d}": value for i, value in enumerate(head_of(model).get_weights())}
        with replacing(self._path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, key=np.array(self._key), **arrays)

    def delete(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
