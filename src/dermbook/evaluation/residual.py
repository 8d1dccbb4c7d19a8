"""Residual networks trained as R3 trained them, and what skip connections do to gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from dermbook.data import Batches, CachedImages, Collection, Split
from dermbook.data.statistics import channel_statistics
from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.trial import Trial
from dermbook.imaging.augmentation import by_class, recipe
from dermbook.models import build
from dermbook.training import EarlyStopping, Plateau, fit, predict_probabilities, seed_everything
from dermbook.training.sampling import R3_FACTORS, by_factor, combined

#: what an epoch goes through: the images as they are; as many, classes equal; R3's factors (3.2)
RESAMPLING = ("none", "equal", "factors")
#: ends the name of an augmentation that leaves out the classes that its report left out
BY_CLASS = " by class"


@dataclass(frozen=True)
class R3Recipe:
    """How R3 trained (rows 3.2, 3.4, 3.5, 3.7), as far as it says.

    Stated: batches of 32, Adam at .001, the rate × .1 on a plateau of the validation loss,
    cross-entropy, 10 epochs, the state of the best validation accuracy kept; every class repeated
    by a factor; standardised with the training images' mean and deviation; flips, rotation and
    colours changed for all classes but nv.

    Ours: ``plateau_patience`` (not stated; PyTorch's default of 10 never acts in 10 epochs),
    ``patience``, epochs without a better validation accuracy before training stops (R3: none).
    resample: one of ``RESAMPLING``. augmentation: "none", a name of ``RECIPES`` for all classes
    alike, or that name and " by class". Validation and test are never augmented.

    Raises ParameterError for an unknown resampling.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    plateau_factor: float = 0.1
    plateau_patience: int = 2
    patience: int = 10
    resample: str = "equal"
    augmentation: str = "r3"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    checkpoints: Path | None = None

    def __post_init__(self) -> None:
        if self.resample not in RESAMPLING:
            raise ParameterError(
                f"resample must be one of {', '.join(RESAMPLING)}, not {self.resample!r}."
            )


def train_residual(
    architecture: str,
    collection: Collection,
    split: Split,
    images: CachedImages,
    setting: R3Recipe,
    *,
    name: str | None = None,
    seed: int = 0,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Trial:
    """Train a network from random weights as R3 did, and predict validation and test part.

    architecture: a name of ``dermbook.models.catalogue`` with the options mean and deviation.
    images: the cache of the collection. epochs, options: in place of, or over, the setting's. Mean
    and deviation are those of the training images before they are repeated.
    """
    name = name or architecture
    seed_everything(seed)
    height, width = images.images.shape[1:3]
    chosen = {**standardisation(images, split), **setting.options, **dict(options or {})}
    model = build(architecture, (height, width, 3), len(collection.classes), seed=seed, **chosen)
    ids = training_ids(setting.resample, collection, split, seed=seed)
    train = Batches(
        images, ids, collection.codes(ids), batch_size=setting.batch_size, shuffle=True, seed=seed,
        augment=_augment(setting.augmentation, collection.classes),
    )  # fmt: skip
    held = split.parts["validation"]
    result = fit(
        model,
        train,
        Batches(images, held, collection.codes(held), batch_size=setting.batch_size),
        epochs=epochs or setting.epochs,
        learning_rate=setting.learning_rate,
        early_stopping=EarlyStopping("val_accuracy", patience=setting.patience, mode="max"),
        plateau=Plateau(
            "val_loss", factor=setting.plateau_factor, patience=setting.plateau_patience, mode="min"
        ),
        seed=seed,
        checkpoint=setting.checkpoints / f"{name}.npz" if setting.checkpoints else None,
    )
    predictions = {
        part: Predictions.from_probabilities(
            split.parts[part],
            predict_probabilities(model, images, split.parts[part]),
            collection,
            model=name,
            part=part,
        )
        for part in ("validation", "test")
    }
    return Trial(name, model.count_params(), model, result, predictions)


def standardisation(images: CachedImages, split: Split) -> dict[str, list[float]]:
    """``mean`` and ``deviation`` of each channel of the *training* images ÷ 255 (row 3.4)."""
    table = channel_statistics(images, split.parts["train"]).set_index("quantity")["value"]
    return {
        "mean": [float(value) for value in table.loc["mean"]],
        "deviation": [float(value) for value in table.loc["pooled_std"]],
    }


def training_ids(
    resample: str, collection: Collection, split: Split, *, seed: int = 0
) -> tuple[str, ...]:
    """Ids of the train part, some several times, as ``resample`` says (see ``RESAMPLING``).

    "factors" takes R3's where the collection has R3's seven classes, else whole factors towards the
    most frequent class.
    """
    if resample == "equal":
        return combined(split, collection, seed=seed)
    if resample == "factors":
        same = set(collection.classes) == set(R3_FACTORS)
        return by_factor(split, collection, R3_FACTORS if same else None)
    return tuple(split.parts["train"])


class _KeepGradients(keras.optimizers.Optimizer):
    """Puts each weight's gradient in its place: one step later the weights are the gradients.

    A way to gradients that is the same on every Keras backend.
    """

    def update_step(self, gradient, variable, learning_rate):
        self.assign(variable, gradient)


def weight_gradients(model: keras.Model, images: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    """Gradients of the mean cross-entropy of one batch for each trainable weight, in their order.

    images: uint8 (n, height, width, 3); codes: int (n,). Dropout and batch statistics work as in
    training. The model's weights, moving statistics included, are put back afterwards; compile it
    anew before training. Asking the same model again, with batches of the same size, is much faster
    than asking another.
    """
    kept = [np.array(keras.ops.convert_to_numpy(weight)) for weight in model.weights]
    if not isinstance(getattr(model, "optimizer", None), _KeepGradients):
        one_unit = model.output_shape[-1] == 1
        model.compile(
            optimizer=_KeepGradients(learning_rate=1.0, name="gradients"),
            loss="binary_crossentropy" if one_unit else "sparse_categorical_crossentropy",
            # for one batch, compiling takes longer than it saves; JAX cannot do without
            jit_compile=keras.backend.backend() == "jax",
        )
    model.train_on_batch(np.asarray(images), np.asarray(codes))
    found = [np.array(keras.ops.convert_to_numpy(w)) for w in model.trainable_weights]
    model.set_weights(kept)
    return found


def gradient_depths(
    networks: Sequence[str],
    images: CachedImages,
    split: Split,
    collection: Collection,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    batch_size: int = 16,
    options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """How large gradients are at every depth of an untrained network, with skips and without.

    For each network, arm and seed one batch of training images passes a network whose weights are
    drawn from the seed. Columns: network, arm ("with skips", "without"), seed, depth (1 for the
    first convolution, 1×1 shortcuts left out), layers (how many there are), gradient (root mean
    square of the gradient over that of the weights).
    """
    rows = []
    height, width = images.images.shape[1:3]
    statistics = standardisation(images, split)
    for network in networks:
        for arm, skips in (("with skips", True), ("without", False)):
            model = None
            for seed in seeds:
                drawn = build(
                    network, (height, width, 3), len(collection.classes), seed=seed,
                    skips=skips, **{**statistics, **dict(options or {})},
                )  # fmt: skip
                # one network takes the weights of all seeds, so that it is compiled once
                model = model or drawn
                model.set_weights(drawn.get_weights())
                relative = _relative_gradients(model, images, split, collection, seed, batch_size)
                rows += [
                    (network, arm, int(seed), depth, len(relative), value)
                    for depth, value in enumerate(relative, start=1)
                ]
    return pd.DataFrame(rows, columns=["network", "arm", "seed", "depth", "layers", "gradient"])


def _relative_gradients(
    model: keras.Model,
    images: CachedImages,
    split: Split,
    collection: Collection,
    seed: int,
    batch_size: int,
) -> list[float]:
    ids = split.parts["train"]
    batch = Batches(
        images, ids, collection.codes(ids), batch_size=batch_size, shuffle=True, seed=seed
    ).batch(0)
    gradients = weight_gradients(model, *batch)
    found = []
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        path = weight.path
        if path.endswith("_conv/kernel") and "shortcut" not in path:
            size = np.sqrt(np.mean(np.square(keras.ops.convert_to_numpy(weight))))
            found.append(float(np.sqrt(np.mean(np.square(gradient, dtype="float64"))) / size))
    return found


def _augment(name: str, classes: Sequence[str]) -> Any:
    if name == "none":
        return None
    if name.endswith(BY_CLASS):
        return by_class(recipe(name.removesuffix(BY_CLASS)), classes)
    return recipe(name)
