"""Heads trained on the vectors of a frozen backbone: the cheap half of every experiment here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import pandas as pd

from dermbook.data import Batches, CachedImages, Collection, Split, load_split
from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.fine_tuning.plateaus import r4_plateau
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.trial import Trial
from dermbook.models import frozen_features
from dermbook.models.heads import add_head
from dermbook.models.registry import seeded
from dermbook.models.transfer import TINY, build_transfer
from dermbook.training import EarlyStopping, Plateau, fit, predict_probabilities
from dermbook.training.class_scores import BalancedAccuracy, MacroF1
from dermbook.training.sampling import class_sampler

#: the head that R1 set on InceptionV3 (rows 1.8, 1.10); units and rates are ours, R1 gives none
R1_HEAD: Mapping[str, Any] = {"dense": (256, 64), "dropout": 0.5}
#: the head that R4 set on ResNet50V2 (row 4.8)
R4_HEAD: Mapping[str, Any] = {"dense": (128,), "dropout": 0.2}
_PARTS = ("train", "validation", "test")
#: monitor → the metrics beside accuracy that it needs, from a number of classes
_METRICS: Mapping[str, Callable[[int], Sequence[keras.metrics.Metric]]] = {
    "val_balanced_accuracy": lambda classes: [BalancedAccuracy(classes)],
    "val_f1": lambda classes: [MacroF1(classes)],
}


@dataclass(frozen=True)
class HeadSetting:
    """How a head is trained. optimizer: a name, with Keras's own rate if ``learning_rate`` is 0.

    sampling: see ``training.sampling.SHARES``. monitor, mode: of the best epoch. restore_best: else
    the last epoch's weights stay. head: arguments of ``models.heads.add_head``.
    """

    optimizer: str = "adam"
    learning_rate: float = 0.0
    batch_size: int = 32
    epochs: int = 10
    sampling: str = "none"
    monitor: str = "val_loss"
    mode: str = "min"
    restore_best: bool = True
    plateau: Plateau | None = None
    head: Mapping[str, Any] = field(default_factory=lambda: dict(R1_HEAD), hash=False)


def vectors_of(
    base: str,
    collection: Collection,
    *,
    height: int,
    width: int,
    weights: str = "imagenet",
    scaling: str = "own",
    seed: int = 0,
) -> CachedImages:
    """A backbone's vectors of all images, float32 (n, width), as batches take them.

    They are kept on disk by ``frozen_features``; those of the stand-in ``tiny`` in memory only.
    """
    if base != TINY:
        found = frozen_features(
            collection, base, height=height, width=width, weights=weights, scaling=scaling,
            seed=seed, progress=False,
        )  # fmt: skip
        return CachedImages(found.values, found.ids, found.path)
    from dermbook.data import cached_images
    from dermbook.evaluation.fine_tuning.tuning import pooled_vectors

    images = cached_images(collection, height=height, width=width, progress=False)
    model = build_transfer(base, (height, width, 3), 2, seed=seed, last=0, scaling=scaling)
    return pooled_vectors(model, images, collection.ids)


def head_trial(
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    how: HeadSetting,
    *,
    name: str,
    seed: int,
    parts: Sequence[str] = _PARTS,
) -> Trial:
    """Train one head on vectors of all images and predict the parts, each once.

    seed: of first weights, dropout and order. The learning curve has f1 (macro) or
    balanced_accuracy, too, where ``how.monitor`` is of that.
    """
    classes = len(collection.classes)
    with seeded(seed):
        features = keras.Input((vectors.images.shape[1],), name="features")
        answer = add_head(features, 1 if classes == 2 else classes, **how.head)
        model = keras.Model(features, answer, name="head")
    codes = collection.codes(split.parts["train"])
    train = Batches(
        vectors,
        split.parts["train"],
        codes,
        batch_size=how.batch_size,
        shuffle=True,
        seed=seed,
        sampler=None if how.sampling == "none" else class_sampler(codes, how.sampling),
    )
    ids = split.parts["validation"]
    # large batches: validation takes no steps, and small ones are mostly overhead
    validation = Batches(vectors, ids, collection.codes(ids), batch_size=256)
    result = fit(
        model,
        train,
        validation,
        epochs=how.epochs,
        optimizer=_optimizer(how),
        metrics=("accuracy", *_METRICS.get(how.monitor, lambda _: ())(classes)),
        early_stopping=EarlyStopping(how.monitor, patience=how.epochs, mode=how.mode),
        plateau=how.plateau,
        restore_best=how.restore_best,
        seed=seed,
        # a head's step costs less than what surrounds it; a checkpoint would cost more than both
        steps_per_execution=32,
        verbose="none",
    )
    predictions = _predictions(model, vectors, collection, split, parts, name)
    return Trial(name, model.count_params(), model, result, predictions)


def head_trials(
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    settings: Mapping[str, HeadSetting],
    seeds: Sequence[int],
    **options: Any,
) -> dict[str, list[Trial]]:
    """Each setting's trials, one a seed; the split is the same for all. See ``head_trial``."""
    if not seeds:
        raise ParameterError("seeds: give at least one.")
    return {
        name: [
            head_trial(vectors, collection, split, how, name=name, seed=seed, **options)
            for seed in seeds
        ]
        for name, how in settings.items()
    }


def arms_of(
    trials: Mapping[str, Sequence[Trial]], seeds: Sequence[int], part: str
) -> dict[str, Arm]:
    """The trials' Predictions of a part, as arms for ``arm_scores`` and ``arm_differences``."""
    return {
        name: Arm(tuple(seeds), tuple(each.predictions[part] for each in of))
        for name, of in trials.items()
    }


def histories(trials: Mapping[str, Sequence[Trial]], seeds: Sequence[int]) -> pd.DataFrame:
    """All learning curves: model, seed, epoch, …, best (whether it is the kept epoch)."""
    frames = []
    for of in trials.values():
        for seed, trial in zip(seeds, of, strict=True):
            frame = trial.history.drop(columns="seconds")
            frame.insert(1, "seed", seed)
            frames.append(frame.assign(best=frame["epoch"] == trial.fit.best_epoch))
    return pd.concat(frames, ignore_index=True)


def optimizer_settings(names: Sequence[str], how: HeadSetting) -> dict[str, HeadSetting]:
    """A setting for each optimizer, at Keras's own rate, by the model's name ``ft-NAME``."""
    return {f"ft-{name}": replace(how, optimizer=name, learning_rate=0.0) for name in names}


def rate_settings(
    rates: Sequence[float], batch_sizes: Sequence[int], how: HeadSetting
) -> dict[str, HeadSetting]:
    """A setting for each rate and batch size (row 0.14), by name ``ft-rate0.001-batch32``."""
    return {
        f"ft-rate{rate:g}-batch{size}": replace(how, learning_rate=rate, batch_size=size)
        for rate in rates
        for size in batch_sizes
    }


def plateau_setting(mode: str, epochs: int) -> HeadSetting:
    """R4's training of its head (row 4.8): Adam at .001, batches of 16, its plateau in a mode.

    All epochs run, so that both modes give curves of one length.
    """
    return HeadSetting(
        learning_rate=1e-3,
        batch_size=16,
        epochs=epochs,
        sampling="balanced",  # for R4's balanced class weights
        monitor="val_f1",
        mode="max",
        plateau=r4_plateau(mode),
        head=dict(R4_HEAD),
    )


def last_epoch_settings(epochs: int) -> dict[str, HeadSetting]:
    """One training of R4's head that ends with the best epoch's weights, and one with the last's,
    as ``ft-best`` and ``ft-last`` (lesson M7)."""
    how = HeadSetting(learning_rate=1e-3, epochs=epochs, sampling="balanced", head=dict(R4_HEAD))
    return {"ft-best": how, "ft-last": replace(how, restore_best=False)}


def size_trials(
    base: str,
    collection: Collection,
    sizes: Sequence[str],
    seeds: Sequence[int],
    *,
    images: int,
    weights: str = "imagenet",
    seed: int = 0,
    epochs: int = 10,
) -> dict[str, list[Trial]]:
    """Heads on vectors of pictures of several sizes (row 0.14), by ``ft-size-HEIGHTxWIDTH``.

    images: how many, drawn by ``seed`` and split by lesion; validation predictions only.
    ParameterError for a size that is not written ``192x290``.
    """
    if not sizes:
        return {}
    ids = np.array(collection.ids)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(ids))[: images or len(ids)])
    few = collection.where(ids=[str(each) for each in ids[drawn]])
    split = load_split(few, seed=seed)
    found = {}
    for text in sizes:
        height, _, width = text.partition("x")
        if not (height.isdigit() and width.isdigit()):
            raise ParameterError(f"sizes: {text!r} is not HEIGHTxWIDTH, such as 192x290.")
        vectors = vectors_of(
            base, few, height=int(height), width=int(width), weights=weights, seed=seed
        )
        setting = {f"ft-size-{text}": HeadSetting(epochs=epochs)}
        found |= head_trials(vectors, few, split, setting, seeds, parts=["validation"])
    return found


def _optimizer(how: HeadSetting) -> keras.optimizers.Optimizer:
    try:
        optimizer = keras.optimizers.get(how.optimizer)
    except ValueError as error:
        raise ParameterError(f'Keras has no optimizer "{how.optimizer}".') from error
    if how.learning_rate:
        return type(optimizer)(learning_rate=how.learning_rate)
    return optimizer


def _predictions(
    model: keras.Model,
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    parts: Sequence[str],
    name: str,
) -> dict[str, Predictions]:
    """All parts in one go: parts of other sizes would compile the prediction again."""
    ids = [each for part in parts for each in split.parts[part]]
    found = predict_probabilities(model, vectors, ids, batch_size=512, progress=False)
    ends = np.cumsum([len(split.parts[part]) for part in parts])
    return {
        part: Predictions.from_probabilities(
            split.parts[part], found[end - len(split.parts[part]) : end], collection,
            model=name, part=part,
        )
        for part, end in zip(parts, ends, strict=True)
    }  # fmt: skip
