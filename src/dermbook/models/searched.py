"""R1's search space as one network with options, and the two networks that R1's search kept."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import layers

from dermbook.models.parts import (
    check_choice,
    check_count,
    check_rate,
    image_input,
    probabilities,
)
from dermbook.models.registry import register

PADDINGS = ("valid", "same")
POOLINGS = ("max", "average")
#: Keras's names of first weights; "random_uniform" is what Keras 2 also called "uniform"
INITIALISATIONS = ("glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "random_uniform")

#: R1's winners as settings of ``r1-searched``, each with the optimizer that it was kept with
WINNERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "r1-winner-1": MappingProxyType(
            {
                "conv_count": 3, "filters": 32, "kernel": 3, "pooling": "max", "pool": 3,
                "dense_count": 1, "units": 64, "dropout": 0.5, "initialisation": "glorot_uniform",
                "optimizer": "adam",
            }
        ),
        "r1-winner-2": MappingProxyType(
            {
                "conv_count": 2, "filters": 16, "kernel": 3, "pooling": "max", "pool": 3,
                "dense_count": 1, "units": 64, "dropout": 0.3, "initialisation": "random_uniform",
                "optimizer": "rmsprop",
            }
        ),
    }
)  # fmt: skip


def _smallest_searched(
    *,
    conv_count: Any,
    filters: Any,
    kernel: Any,
    padding: Any,
    pooling: Any,
    pool: Any,
    dense_count: Any,
    units: Any,
    dropout: Any,
    initialisation: Any,
) -> tuple[int, int]:
    counts = {
        "conv_count": conv_count,
        "filters": filters,
        "kernel": kernel,
        "pool": pool,
        "dense_count": dense_count,
        "units": units,
    }
    for name, value in counts.items():
        check_count(name, value)
    check_rate("dropout", dropout)
    check_choice("padding", padding, PADDINGS)
    check_choice("pooling", pooling, POOLINGS)
    check_choice("initialisation", initialisation, INITIALISATIONS)
    side = 1
    for _ in range(conv_count):
        side = side * pool if padding == "same" else side * pool + kernel - 1
    return side, side


@register(
    "r1-searched",
    rows=("1.4",),
    description="The networks that R1's random grid search chose from, by their options",
    smallest_input=_smallest_searched,
)
def r1_searched(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    conv_count: int = 3,
    filters: int = 32,
    kernel: int = 3,
    padding: str = "valid",
    pooling: str = "max",
    pool: int = 3,
    dense_count: int = 1,
    units: int = 64,
    dropout: float = 0.5,
    initialisation: str = "glorot_uniform",
) -> keras.Model:
    """Any network of R1's random grid search (row 1.4); the defaults are its first winner.

    Layers: Rescaling; ``conv_count`` times Conv2D + ReLU and pooling; Flatten; ``dense_count``
    times Dense + ReLU and Dropout; Dense.

    Stated by the report: what was varied (convolutions and dense layers, filters, kernel and its
    padding, type and size of the pooling, dropout, first weights, optimizer); ReLU; pooling after
    each convolution; an output layer of one sigmoid unit for malignant or benign; pixels / 255.

    The report is silent on the values that were tried, apart from the winners' (rows 1.5 and 1.6).
    Our choice: all convolutions of a network are alike, as in both winners, and so are its dense
    layers; dropout follows each dense layer; strides equal the pooling's size, unpadded, which is
    Keras's default; the first weights are those of convolutions and dense layers, while the output
    layer keeps Glorot-uniform ones.

    Args:
        input_shape: (height, width, channels); at least what ``conv_count`` poolings (and unpadded
            convolutions) leave one pixel of.
        classes: 1 for a sigmoid unit, more for softmax.
        conv_count, filters, kernel, padding: how many convolutions, and each one's filters, size
            in pixels, and "valid" or "same".
        pooling, pool: "max" or "average" over squares of ``pool`` pixels.
        dense_count, units: how many dense layers, and the units of each.
        dropout: share of these units set to zero in training, 0 ≤ dropout < 1.
        initialisation: one of ``INITIALISATIONS``.
    """
    image, x = image_input(input_shape)
    pooling_layer = layers.MaxPooling2D if pooling == "max" else layers.AveragePooling2D
    for block in range(1, conv_count + 1):
        x = layers.Conv2D(
            filters,
            kernel,
            padding=padding,
            activation="relu",
            kernel_initializer=initialisation,
            name=f"conv_{block}",
        )(x)
        x = pooling_layer(pool, name=f"pool_{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    for block in range(1, dense_count + 1):
        x = layers.Dense(
            units, activation="relu", kernel_initializer=initialisation, name=f"dense_{block}"
        )(x)
        x = layers.Dropout(dropout, name=f"dropout_{block}")(x)
    return keras.Model(image, probabilities(x, classes), name="r1_searched")


def network_options(setting: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a setting that is the network's: all of it but the optimizer."""
    return {name: value for name, value in setting.items() if name != "optimizer"}


def _smallest_winner(name: str, padding: Any) -> tuple[int, int]:
    return _smallest_searched(**network_options(WINNERS[name]), padding=padding)


@register(
    "r1-winner-1",
    rows=("1.5",),
    description="Three convolutions of 32 filters with 3×3 pooling, Dense 64: R1's first winner",
    smallest_input=lambda *, padding: _smallest_winner("r1-winner-1", padding),
)
def r1_winner_1(
    input_shape: tuple[int, int, int], classes: int, *, padding: str = "valid"
) -> keras.Model:
    """The first of the two networks that R1's search kept (row 1.5).

    Stated by the report: three convolutions of 32 filters and kernel 3 with ReLU, after each a max
    pooling of size 3; one dense layer of 64 units, dropout of .5, an output layer; Adam.

    The report is silent on the padding, although it was searched. Our choice: "valid", Keras's
    default, as are Glorot-uniform first weights. Then 53×53 pixels is the least; the report's
    images had 224×224.
    """
    return r1_searched(
        input_shape, classes, **network_options(WINNERS["r1-winner-1"]), padding=padding
    )


@register(
    "r1-winner-2",
    rows=("1.6",),
    description="Two convolutions of 16 filters with 3×3 pooling, Dense 64: R1's second winner",
    smallest_input=lambda *, padding: _smallest_winner("r1-winner-2", padding),
)
def r1_winner_2(
    input_shape: tuple[int, int, int], classes: int, *, padding: str = "valid"
) -> keras.Model:
    """The second of the two networks that R1's search kept (row 1.6).

    Stated by the report: two convolutions of 16 filters and kernel 3 with ReLU, after each a max
    pooling of size 3; one dense layer of 64 units, dropout of .3, an output layer; uniformly
    distributed first weights; RMSprop.

    The report is silent on the padding and on the bounds of the uniform weights. Our choice:
    "valid", and −.05 to .05; both are Keras's defaults.
    """
    return r1_searched(
        input_shape, classes, **network_options(WINNERS["r1-winner-2"]), padding=padding
    )
