"""A small network trained on a chosen set of training images: for experiments with many arms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbook.data import Batches, CachedImages, Collection, Split

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Setting:
    """How every arm of an experiment is trained: the same for all, so that arms can be compared.

    architecture: a name of ``dermbook.models.catalogue``; options go to its builder. epochs: at
    most; the weights of the epoch with the lowest loss on the plain validation part are kept.
    checkpoints: a folder; a killed training goes on from its last epoch there.
    """

    architecture: str = "r2-cnn"
    epochs: int = 8
    patience: int = 3
    batch_size: int = 32
    learning_rate: float = 0.001
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    checkpoints: Path | None = None


def train_network(
    setting: Setting,
    collection: Collection,
    split: Split,
    images: CachedImages,
    *,
    arm: str,
    seed: int,
    ids: Sequence[str] | None = None,
    sample_weight: np.ndarray | None = None,
    augment: Any = None,
) -> "keras.Model":
    """Train on the train part (or on ``ids`` from it, with repetition) and give the model back.

    sample_weight: one an id. augment: as for ``Batches``, in training only. Equal seeds give arms
    the same first weights. The test part is not touched.
    """
    from dermbook.models import build
    from dermbook.training import EarlyStopping, fit, seed_everything

    seed_everything(seed)
    height, width = images.images.shape[1:3]
    ids = split.parts["train"] if ids is None else ids
    model = build(
        setting.architecture,
        (height, width, 3),
        len(collection.classes),
        seed=seed,
        **dict(setting.options),
    )
    train = Batches(
        images,
        ids,
        collection.codes(ids),
        batch_size=setting.batch_size,
        shuffle=True,
        seed=seed,
        sample_weight=sample_weight,
        augment=augment,
    )
    validation = Batches(
        images,
        split.parts["validation"],
        collection.codes(split.parts["validation"]),
        batch_size=setting.batch_size,
    )
    name = "".join(letter if letter.isalnum() else "-" for letter in arm)
    folder = setting.checkpoints
    fit(
        model,
        train,
        validation,
        epochs=setting.epochs,
        learning_rate=setting.learning_rate,
        early_stopping=EarlyStopping("val_loss", patience=setting.patience, mode="min"),
        seed=seed,
        checkpoint=folder / f"{name}--seed{seed}.npz" if folder else None,
        verbose="none",
    )
    return model
