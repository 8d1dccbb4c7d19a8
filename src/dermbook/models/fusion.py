"""Networks with two inputs: an image, and what else is known of the patient (row 0.12).

R0 put the pooled features of EfficientNetB3 beside those of a small dense network on categorical
columns, and dense layers on both. ``multi-input`` is that network; ``fusion_head`` is the same
after the backbone, for frozen features, and takes either input alone, too.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from dermbook.errors import ParameterError
from dermbook.models.backbones import BACKBONES, backbone
from dermbook.models.parts import check_choice, check_count, check_counts, check_rate, probabilities
from dermbook.models.registry import register, seeded
from dermbook.models.transfer import BATCH_NORM, TINY, transfer, unfreeze

#: units of the layers on the metadata, and of those on both; the report gives none
METADATA_DENSE, DENSE = (32, 16), (128,)
#: R0 raised its dropout and names no rate: this is the largest one of its own CNN (row 0.9)
DROPOUT = 0.4


def fuse(
    image: keras.KerasTensor | None,
    metadata: keras.KerasTensor | None,
    classes: int,
    *,
    metadata_dense: Sequence[int] = METADATA_DENSE,
    dense: Sequence[int] = DENSE,
    dropout: float = DROPOUT,
) -> keras.KerasTensor:
    """Probabilities (n, classes) from pooled features (n, width) and encoded columns (n, columns).

    Layers with ReLU of ``metadata_dense`` units act on the columns; the result is put beside the
    image's features; layers of ``dense`` units follow, each layer with dropout after it. Without
    one of the two inputs (None) the other is all there is.
    """
    branches = []
    if image is not None:
        branches.append(_dropped(image, dropout, "image_dropout"))
    if metadata is not None:
        branches.append(_dense_layers(metadata, metadata_dense, dropout, "metadata"))
    x = branches[0] if len(branches) == 1 else layers.Concatenate(name="both")(branches)
    return probabilities(_dense_layers(x, dense, dropout, "fusion"), classes)


def fusion_head(
    width: int,
    columns: int,
    classes: int,
    *,
    metadata_dense: Sequence[int] = METADATA_DENSE,
    dense: Sequence[int] = DENSE,
    dropout: float = DROPOUT,
    seed: int = 0,
) -> keras.Model:
    """``fuse`` as a network on vectors: inputs "vectors" (n, width) and "features" (n, columns).

    width or columns 0: without that input; then the model has one input only. Equal seeds give
    equal first weights. ParameterError for both 0, or values out of range.
    """
    for name, value in {"width": width, "columns": columns}.items():
        if value:
            check_count(name, value)
    if not width and not columns:
        raise ParameterError("fusion_head: give a width, columns, or both; not 0 of each.")
    check_count("classes", classes)
    _check_layers(metadata_dense, dense, dropout)
    with seeded(seed):
        vectors = keras.Input((width,), name="vectors") if width else None
        features = keras.Input((columns,), name="features") if columns else None
        answer = fuse(
            vectors, features, classes, metadata_dense=metadata_dense, dense=dense, dropout=dropout
        )
        inputs = [x for x in (vectors, features) if x is not None]
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], answer, name="fusion_head")


def _smallest(
    *, base: str, features: Any, metadata_dense: Any, dense: Any, dropout: Any, batch_norm: Any,
    **_: Any,
) -> tuple[int, int]:  # fmt: skip
    _check_layers(metadata_dense, dense, dropout)
    check_choice("batch_norm", batch_norm, BATCH_NORM)
    if features:
        check_count("features", features)
    if base == TINY:
        return 16, 16
    backbone(base)  # ParameterError names the nearest
    return BACKBONES[base].smallest, BACKBONES[base].smallest


@register(
    "multi-input",
    rows=("0.12",),
    description="A backbone and dense layers on metadata, side by side, dense layers on both: R0",
    smallest_input=_smallest,
)
def multi_input(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    base: str = "efficientnetb3",
    features: int = 0,
    weights: str = "imagenet",
    scaling: str = "own",
    last: int | None = 2,
    batch_norm: str = "inference",
    metadata_dense: Sequence[int] = METADATA_DENSE,
    dense: Sequence[int] = DENSE,
    dropout: float = DROPOUT,
) -> keras.Model:
    """R0's network with two inputs, ``image`` (n, height, width, 3) and ``features`` (n, columns).

    Stated: EfficientNetB3, its last two layers unfrozen, a multilayer perceptron on the categorical
    columns, concatenation, dense layers on both, and dropout in several places. Our choice: the
    units and the rate of the dropout.

    base: a key of ``BACKBONES``, or "tiny". features: encoded columns; 0 makes the image branch
    alone, with one input. weights, scaling, last, batch_norm: see ``transfer``.
    """
    image_only = transfer(
        input_shape, classes, name="image", base=base, weights=weights, scaling=scaling,
        last=last, batch_norm=batch_norm,
    )  # fmt: skip
    image, pooled = image_only.input, image_only.get_layer("pooled").output
    metadata = keras.Input((features,), name="features") if features else None
    answer = fuse(
        pooled, metadata, classes, metadata_dense=metadata_dense, dense=dense, dropout=dropout
    )
    model = keras.Model([image, metadata] if features else image, answer, name="multi_input")
    unfreeze(model, last, batch_norm=batch_norm)
    model.weights_origin = image_only.weights_origin
    return model


def _dense_layers(
    x: keras.KerasTensor, units: Sequence[int], dropout: float, name: str
) -> keras.KerasTensor:
    for number, width in enumerate(units, start=1):
        x = layers.Dense(width, activation="relu", name=f"{name}_dense_{number}")(x)
        x = _dropped(x, dropout, f"{name}_dropout_{number}")
    return x


def _dropped(x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
    return layers.Dropout(rate, name=name)(x) if rate else x


def _check_layers(metadata_dense: Sequence[int], dense: Sequence[int], dropout: float) -> None:
    for name, units in {"metadata_dense": metadata_dense, "dense": dense}.items():
        if len(units):
            check_counts(name, units)
    check_rate("dropout", dropout)
