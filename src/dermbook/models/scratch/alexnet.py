"""AlexNet (Krizhevsky, Sutskever and Hinton 2012), which R0 names as a next step (row 0.17)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from dermbook.errors import ParameterError
from dermbook.models.parts import (
    check_count,
    check_counts,
    check_rate,
    image_input,
    probabilities,
)
from dermbook.models.registry import register

#: filters of the five convolutions
FILTERS = (96, 256, 384, 384, 256)
#: convolutions after which the network pools, 3×3 with stride 2
_POOLED = (1, 2, 5)
#: convolutions that see only their own half of the maps on two GPUs
_GROUPED = (2, 4, 5)


@keras.saving.register_keras_serializable("dermbook")
class LocalResponseNormalization(layers.Layer):
    """Divides each activation by what its neighbouring channels do at the same place.

    b_i = a_i / (bias + alpha · Σ_j a_j²)^beta, the sum over the ``size`` channels around i (fewer
    at the ends). Takes and gives (n, height, width, channels); no weights. The defaults are the
    paper's (its section 3.3); some libraries divide alpha by ``size``, the paper does not.
    """

    def __init__(
        self,
        size: int = 5,
        bias: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_count("size", size)
        if size % 2 == 0:
            raise ParameterError(f"size must be odd, so that it has a middle, not {size}.")
        self.size, self.bias, self.alpha, self.beta = size, bias, alpha, beta

    def call(self, inputs):
        """The same shape, each channel divided by its neighbourhood."""
        squares, reach = ops.square(inputs), self.size // 2
        channels = inputs.shape[-1]
        padded = ops.pad(squares, [(0, 0), (0, 0), (0, 0), (reach, reach)])
        total = sum(padded[..., start : start + channels] for start in range(self.size))
        return inputs / ops.power(self.bias + self.alpha * total, self.beta)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        own = {"size": self.size, "bias": self.bias, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}


def _smallest_alexnet(
    *,
    filters: Any,
    kernel: Any,
    stride: Any,
    groups: Any,
    normalize: Any,
    dense: Any,
    dropout: Any,
) -> tuple[int, int]:
    check_counts("filters", filters)
    if len(filters) != len(FILTERS):
        raise ParameterError(f"filters must be {len(FILTERS)} numbers, not {len(filters)}.")
    check_counts("dense", dense)
    check_count("kernel", kernel)
    check_count("stride", stride)
    check_rate("dropout", dropout)
    if groups not in (1, 2) or not isinstance(normalize, bool):
        raise ParameterError(
            f"groups must be 1 or 2, normalize True or False, not {groups!r} and {normalize!r}."
        )
    for place in _GROUPED:
        if filters[place - 1] % groups or filters[place - 2] % groups:
            raise ParameterError(f"filters must be even numbers with groups=2, not {filters!r}.")
    # three poolings of 3×3 with stride 2 need 15 pixels to leave one; the padded convolutions
    # between them keep the size
    side = (15 - 1) * stride + kernel
    return side, side


@register(
    "alexnet",
    rows=("0.17",),
    description="AlexNet as published in 2012, in one tower: five convolutions, two dense layers",
    smallest_input=_smallest_alexnet,
)
def alexnet(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: Sequence[int] = FILTERS,
    kernel: int = 11,
    stride: int = 4,
    groups: int = 1,
    normalize: bool = True,
    dense: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
) -> keras.Model:
    """AlexNet of Krizhevsky et al. (2012); R0 names it as future work (row 0.17).

    Layers: Rescaling; Conv 11×11, stride 4 + ReLU, local response normalisation, MaxPool 3×3,
    stride 2; Conv 5×5 + ReLU, the same two; Conv 3×3 + ReLU twice; Conv 3×3 + ReLU, MaxPool;
    Flatten; twice Dense + ReLU, Dropout; Dense + softmax.

    Stated by the paper: the layers, filters, kernels, strides, the normalisation's constants,
    dropout of one half in both dense layers. It trained on two GPUs, and the second, fourth and
    fifth convolution saw only the half of the maps that lay on their own. Its text says that images
    are 224 pixels a side; its 55×55 first maps need 227.

    Stated by the report: only the name.

    Our choice: one tower (``groups=1``), as it is built nowadays: 62,378,344 parameters at 227
    pixels and 1000 classes. With ``groups=2`` they are the paper's two halves: 60,965,224. Pixels
    are divided by 255 (the paper subtracts each pixel's mean over the training set); weights are
    drawn as Glorot says (the paper: normal with deviation .01). At stride 4 images need 67 pixels
    a side; a smaller ``stride`` lets smaller images in (39 pixels at 2).

    Args:
        input_shape: (height, width, channels); at least kernel + 14 · stride pixels a side.
        classes: more than 1 for softmax, 1 for a sigmoid unit.
        filters: of the five convolutions.
        kernel, stride: of the first convolution, in pixels; it is not padded.
        groups: 1, or 2 for the halves of the two GPUs (which some CPU libraries cannot train).
        normalize: whether the local response normalisation is there.
        dense: units of each dense layer in turn.
        dropout: rate after each of them, 0 ≤ dropout < 1.
    """
    image, x = image_input(input_shape)
    for block, count in enumerate(filters, start=1):
        x = layers.Conv2D(
            count,
            {1: kernel, 2: 5}.get(block, 3),
            strides=stride if block == 1 else 1,
            padding="valid" if block == 1 else "same",
            groups=groups if block in _GROUPED else 1,
            activation="relu",
            name=f"conv_{block}",
        )(x)
        if normalize and block <= 2:
            x = LocalResponseNormalization(name=f"local_norm_{block}")(x)
        if block in _POOLED:
            x = layers.MaxPooling2D(3, strides=2, name=f"pool_{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    for block, units in enumerate(dense, start=1):
        x = layers.Dense(units, activation="relu", name=f"dense_{block}")(x)
        x = layers.Dropout(dropout, name=f"dropout_{block}")(x)
    return keras.Model(image, probabilities(x, classes), name="alexnet")
