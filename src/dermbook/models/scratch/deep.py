"""R0's own network: seven convolutions, each with a pooling, twenty-two layers in all."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from dermbook.errors import ParameterError
from dermbook.models.parts import (
    check_choice,
    check_count,
    check_counts,
    check_rate,
    image_input,
    probabilities,
)
from dermbook.models.registry import register

POOLINGS = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
ACTIVATIONS = ("relu", "leaky_relu")
#: filters of R0's convolutions, and the dropout before each (0 for none)
FILTERS = (32, 64, 128, 256, 512, 1024, 2048)
DROPOUT = (0.0, 0.0, 0.0, 0.25, 0.3, 0.35, 0.4)


def _smallest_r0(
    *,
    filters: Any,
    convolutions: Any,
    dropout: Any,
    pool: Any,
    activation: Any,
    slope: Any,
    dense: Any,
    dense_dropout: Any,
) -> tuple[int, int]:
    check_counts("filters", filters)
    check_count("dense", dense)
    check_rate("dense_dropout", dense_dropout)
    check_choice("pool", pool, tuple(POOLINGS))
    check_choice("activation", activation, ACTIVATIONS)
    check_rate("slope", slope)
    count = _convolutions(filters, convolutions)
    if isinstance(dropout, str) or not isinstance(dropout, Sequence) or len(dropout) < count:
        raise ParameterError(
            f"dropout must be a list with a rate before each of the {count} convolutions, 0 for "
            f"none, not {dropout!r}."
        )
    for rate in dropout:
        check_rate("each of dropout", rate)
    return 2**count, 2**count


@register(
    "r0-cnn",
    rows=("0.9", "0.10"),
    description="Seven convolutions of 32 to 2048 filters, each with a pooling: R0's 22 layers",
    smallest_input=_smallest_r0,
)
def r0_cnn(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: Sequence[int] = FILTERS,
    convolutions: int | None = None,
    dropout: Sequence[float] = DROPOUT,
    pool: str = "max",
    activation: str = "relu",
    slope: float = 0.3,
    dense: int = 512,
    dense_dropout: float = 0.4,
) -> keras.Model:
    """The network that R0 built itself (row 0.9), and its two variants (row 0.10).

    Layers: Rescaling; for each of ``filters`` Dropout (from the fourth on), Conv2D + ReLU,
    MaxPooling2D (2×2); Flatten; Dense + ReLU, Dropout, Dense + softmax. Without the Rescaling,
    which has no weights, these are the twenty-two layers that the report counts: seven
    convolutions, seven poolings, five dropouts, one flatten, two dense.

    Stated by the report, whose figure 12 is the code: all of it, for images of 290×192 pixels and
    114 classes. The report gives no number of parameters; they are 27,320,754. It also tried
    average pooling (``pool="average"``) and LeakyReLU (``activation="leaky_relu"``).

    Our choice: pixels divided by 255 (the code in the figure does not scale, and the text does not
    say whether something before it did); after a convolution, LeakyReLU is a layer of its own with
    Keras's slope of .3, while the dense layer keeps its ReLU, since the report speaks of the
    convolutions. Seven poolings halve an image seven times, so its sides must be at least 128
    pixels; ``convolutions`` takes only the first so many, for smaller images.

    Args:
        input_shape: (height, width, channels); at least 2 to the number of convolutions a side.
        classes: more than 1 for softmax, 1 for a sigmoid unit.
        filters: of each convolution in turn.
        convolutions: how many of ``filters`` are used, from the first; None for all.
        dropout: share of units set to zero in training before each convolution in turn; 0 is none
            and adds no layer. Rates beyond the last convolution are not used.
        pool: "max" or "average".
        activation: of the convolutions, "relu" or "leaky_relu".
        slope: of LeakyReLU for negative numbers, 0 ≤ slope < 1; not used by "relu".
        dense: units of the first dense layer.
        dense_dropout: rate after it; 0 adds no layer.
    """
    image, x = image_input(input_shape)
    for block in range(1, _convolutions(filters, convolutions) + 1):
        if dropout[block - 1]:
            x = layers.Dropout(dropout[block - 1], name=f"dropout_{block}")(x)
        leaky = activation == "leaky_relu"
        x = layers.Conv2D(
            filters[block - 1],
            3,
            padding="same",
            activation=None if leaky else "relu",
            name=f"conv_{block}",
        )(x)
        if leaky:
            x = layers.LeakyReLU(negative_slope=slope, name=f"leaky_{block}")(x)
        x = POOLINGS[pool](2, name=f"pool_{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense, activation="relu", name="dense_1")(x)
    if dense_dropout:
        x = layers.Dropout(dense_dropout, name="dense_dropout")(x)
    return keras.Model(image, probabilities(x, classes), name="r0_cnn")


def _convolutions(filters: Sequence[int], convolutions: Any) -> int:
    if convolutions is None:
        return len(filters)
    check_count("convolutions", convolutions)
    if convolutions > len(filters):
        raise ParameterError(
            f"convolutions must be at most {len(filters)}, the number of filters, "
            f"not {convolutions}."
        )
    return convolutions
