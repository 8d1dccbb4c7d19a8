"""The two smallest networks of the reports: R1's one convolution and R2's three."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from dermbook.models.parts import (
    check_choice,
    check_count,
    check_counts,
    check_rate,
    check_subset,
    image_input,
    probabilities,
)
from dermbook.models.registry import register

PADDINGS = ("valid", "same")


def _smallest_one_conv(
    *, filters: Any, kernel: Any, pool: Any, padding: Any, dense: Any, dropout: Any
) -> tuple[int, int]:
    counts = {"filters": filters, "kernel": kernel, "pool": pool, "dense": dense}
    for name, value in counts.items():
        check_count(name, value)
    check_rate("dropout", dropout)
    check_choice("padding", padding, PADDINGS)
    side = pool if padding == "same" else kernel + pool - 1
    return side, side


@register(
    "one-conv",
    rows=("1.3",),
    description="One convolution, one pooling, one dense layer: R1's first baseline",
    smallest_input=_smallest_one_conv,
)
def one_conv(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: int = 32,
    kernel: int = 3,
    pool: int = 3,
    padding: str = "valid",
    dense: int = 64,
    dropout: float = 0.5,
) -> keras.Model:
    """The one-convolution baseline of R1 (row 1.3).

    Layers: Rescaling, Conv2D + ReLU, MaxPooling2D, Flatten, Dense + ReLU, Dropout, Dense.

    Stated by the report: one convolution with ReLU, max pooling, one fully connected layer,
    dropout just before the output; pixels divided by 255; 224×224 images; one sigmoid unit and
    binary cross-entropy (``classes=1``).

    The report is silent on the numbers. Our choice takes those of its own later network, row 1.5:
    32 filters of 3×3, 3×3 pooling, 64 dense units with ReLU, dropout of one half. Unpadded
    convolution and Glorot-uniform weights are Keras's defaults, which the authors' Keras had too.

    Args:
        input_shape: (height, width, channels); at least kernel + pool - 1 pixels a side
            (``pool`` pixels when padded).
        classes: 1 for a sigmoid unit, more for softmax.
        filters, kernel, pool: of the convolution and the max pooling; pixels for the last two.
        padding: "valid" or "same", of the convolution.
        dense: units of the fully connected layer.
        dropout: share of its units set to zero in training, 0 ≤ dropout < 1.
    """
    image, x = image_input(input_shape)
    x = layers.Conv2D(filters, kernel, padding=padding, activation="relu", name="conv_1")(x)
    x = layers.MaxPooling2D(pool, name="pool_1")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense, activation="relu", name="dense_1")(x)
    x = layers.Dropout(dropout, name="dropout_1")(x)
    return keras.Model(image, probabilities(x, classes), name="one_conv")


def _smallest_r2(
    *, filters: Any, kernel: Any, padding: Any, pool_after: Any, dense: Any, dropout: Any
) -> tuple[int, int]:
    check_counts("filters", filters)
    check_counts("dense", dense)
    check_count("kernel", kernel)
    check_rate("dropout", dropout)
    check_choice("padding", padding, PADDINGS)
    check_subset("pool_after", pool_after, range(1, len(filters) + 1))
    side = 1
    for block in range(len(filters), 0, -1):
        side = side * 2 if block in pool_after else side
        side = side if padding == "same" else side + kernel - 1
    return side, side


@register(
    "r2-cnn",
    rows=("2.2", "2.3"),
    description="Three convolutions of 32, 64 and 128 filters, batch-normalised dense layer: R2",
    smallest_input=_smallest_r2,
)
def r2_cnn(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: Sequence[int] = (32, 64, 128),
    kernel: int = 3,
    padding: str = "same",
    pool_after: Sequence[int] = (1, 2, 3),
    dense: Sequence[int] = (128,),
    dropout: float = 0.25,
) -> keras.Model:
    """The network that R2 built itself (rows 2.2 and, trained on augmented images, 2.3).

    Layers: Rescaling; for each of ``filters`` Conv2D + ReLU, MaxPooling2D (2×2), Dropout;
    Flatten; for each of ``dense`` Dense + ReLU, BatchNormalization, Dropout; Dense + softmax.

    Stated by the report: input 192×192×3; convolutions with 32, 64 and 128 filters, each with
    ReLU; max pooling after some of them; dropout of .25 after convolutional and dense layers;
    flatten; dense layers, with batch normalisation after them; softmax over 7 classes. For the
    training: batches of 32, at most 30 epochs, patience 8.

    The report is silent on the rest (its drawing of the network is lost). Our choice: one
    convolution a filter count, 3×3 and padded, each followed by 2×2 pooling ("some" would
    be ``pool_after=(2, 3)``, say); one dense layer of 128 units with ReLU, as in the head the
    authors put on MobileNetV2; pixels divided by 255; Adam at Keras's default rate.

    Args:
        input_shape: (height, width, channels); at least 2 to the number of poolings a side
            (more when unpadded).
        classes: more than 1 for softmax, 1 for a sigmoid unit.
        filters: of each convolution in turn.
        kernel, padding: of every convolution; pixels, and "same" or "valid".
        pool_after: which convolutions (1-based) are followed by pooling.
        dense: units of each fully connected layer in turn.
        dropout: share of units set to zero in training, 0 ≤ dropout < 1.
    """
    image, x = image_input(input_shape)
    for block, count in enumerate(filters, start=1):
        conv = layers.Conv2D(
            count, kernel, padding=padding, activation="relu", name=f"conv_{block}"
        )
        x = conv(x)
        if block in pool_after:
            x = layers.MaxPooling2D(2, name=f"pool_{block}")(x)
        x = layers.Dropout(dropout, name=f"conv_dropout_{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    for block, units in enumerate(dense, start=1):
        x = layers.Dense(units, activation="relu", name=f"dense_{block}")(x)
        x = layers.BatchNormalization(name=f"dense_norm_{block}")(x)
        x = layers.Dropout(dropout, name=f"dense_dropout_{block}")(x)
    return keras.Model(image, probabilities(x, classes), name="r2_cnn")
