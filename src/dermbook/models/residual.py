"""ResNet18 and ResNet50 from random weights, layer for layer as torchvision builds them (R3)."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from dermbook.errors import ParameterError
from dermbook.models.parts import check_choice, check_count, check_counts, image_input
from dermbook.models.registry import register

STEMS = ("torchvision", "small")
#: channels out of a block ÷ channels inside it
_EXPANSION = {"basic": 1, "bottleneck": 4}


def trainable_count(model: keras.Model) -> int:
    """The number of parameters that PyTorch counts: those that gradients change.

    ``count_params`` also counts the moving mean and variance of every batch normalisation. PyTorch
    keeps these as *buffers*, which ``parameters()`` does not give. R3 prints PyTorch's number.
    """
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _smallest(
    *, skips: Any, stem: Any, width: Any, blocks: Any, mean: Any, deviation: Any
) -> tuple[int, int]:
    if not isinstance(skips, bool):
        raise ParameterError(f"skips must be True or False, not {skips!r}.")
    check_choice("stem", stem, STEMS)
    check_count("width", width)
    check_counts("blocks", blocks)
    _check_statistics(mean, deviation)
    # one pixel of the last maps for a whole stride of the image; with less it sees mostly padding
    side = 2 ** (len(blocks) - 1) * (4 if stem == "torchvision" else 1)
    return side, side


@register(
    "resnet18",
    rows=("3.7",),
    description="ResNet18 from random weights, as torchvision builds it: R3",
    smallest_input=_smallest,
)
def resnet18(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    skips: bool = True,
    stem: str = "torchvision",
    width: int = 64,
    blocks: Sequence[int] = (2, 2, 2, 2),
    mean: Sequence[float] | None = None,
    deviation: Sequence[float] | None = None,
) -> keras.Model:
    """ResNet18 of He et al. (2016), which R3 took untrained from torchvision (row 3.7).

    Layers: Rescaling; Conv 7×7, stride 2, batch normalisation, ReLU, MaxPool 3×3, stride 2; four
    stages of two blocks with 64, 128, 256 and 512 channels, the first block of stages two to four
    with stride 2; global average pooling; Dense + softmax. A block is Conv 3×3, normalisation,
    ReLU, Conv 3×3, normalisation; its input is added, then ReLU. Where sizes differ, the input
    passes a 1×1 convolution with stride 2 and a normalisation.

    Stated by the report: torchvision's network without pretrained weights, 7 classes, 224×224
    pixels, 11,180,103 parameters (which is ``trainable_count``; Keras's ``count_params`` adds 9,600
    moving statistics); pixels divided by 255, then standardised with the mean and standard
    deviation of the training images (row 3.4; ``mean`` and ``deviation``). For the training: Adam
    at .001, batches of 32, rate × .1 on a plateau of validation loss, 10 epochs.

    Our choice: what torchvision does, where the report is silent. Convolutions have no bias, their
    weights are He-normal by outputs; padding is the same on both sides (Keras's "same" is not, at
    stride 2); normalisation has ε 1e-5 and moves its statistics by .1; the last layer is uniform,
    ± 1/√inputs.

    Args:
        input_shape: (height, width, channels); at least 32 pixels a side (8 with the small stem).
        classes: more than 1 for softmax, 1 for a sigmoid unit.
        skips: False leaves out the additions and the 1×1 convolutions: a plain network as deep.
        stem: "torchvision", or "small" for small images: Conv 3×3, stride 1, no pooling.
        width: channels of the first stage.
        blocks: blocks of each stage.
        mean, deviation: of each channel, in units of 255; None leaves the pixels in 0..1.
    """
    return _residual(
        "resnet18", "basic", input_shape, classes, skips=skips, stem=stem, width=width,
        blocks=blocks, mean=mean, deviation=deviation,
    )  # fmt: skip


@register(
    "resnet50",
    rows=("3.8",),
    description="ResNet50 from random weights, as torchvision builds it: R3",
    smallest_input=_smallest,
)
def resnet50(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    skips: bool = True,
    stem: str = "torchvision",
    width: int = 64,
    blocks: Sequence[int] = (3, 4, 6, 3),
    mean: Sequence[float] | None = None,
    deviation: Sequence[float] | None = None,
) -> keras.Model:
    """ResNet50 of He et al. (2016), which R3 took untrained from torchvision (row 3.8).

    As ``resnet18``, with 3, 4, 6 and 3 blocks of another kind: Conv 1×1, Conv 3×3, Conv 1×1, each
    with normalisation, the last with four times the channels. torchvision puts the stride into the
    3×3 convolution (its "version 1.5"); the paper has it in the first 1×1. The first block of the
    first stage has a 1×1 convolution beside it, too, because channels differ.

    Stated by the report: as for ``resnet18``; 23,522,375 parameters (``count_params`` adds 53,120
    moving statistics).

    Our choice: as for ``resnet18``. The options are the same.
    """
    return _residual(
        "resnet50", "bottleneck", input_shape, classes, skips=skips, stem=stem, width=width,
        blocks=blocks, mean=mean, deviation=deviation,
    )  # fmt: skip


def _residual(
    name: str,
    kind: str,
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    skips: bool,
    stem: str,
    width: int,
    blocks: Sequence[int],
    mean: Sequence[float] | None,
    deviation: Sequence[float] | None,
) -> keras.Model:
    image, x = image_input(input_shape)
    if mean is not None:
        variance = [value**2 for value in deviation]
        x = layers.Normalization(mean=list(mean), variance=variance, name="standardised")(x)
    if stem == "torchvision":
        x = layers.ReLU(name="stem_relu")(_conv_norm(x, width, 7, 2, "stem"))
        # zeros may stand in for torchvision's minus infinity: nothing is below zero after a ReLU
        x = layers.ZeroPadding2D(1, name="stem_pool_padding")(x)
        x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    else:
        x = layers.ReLU(name="stem_relu")(_conv_norm(x, width, 3, 1, "stem"))
    add_block = _basic if kind == "basic" else _bottleneck
    for stage, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = add_block(x, width * 2 ** (stage - 1), stride, skips, f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    return keras.Model(image, _last_layer(x, classes), name=name)


def _basic(x, channels: int, stride: int, skips: bool, name: str):
    y = layers.ReLU(name=f"{name}_relu_1")(_conv_norm(x, channels, 3, stride, f"{name}_1"))
    y = _conv_norm(y, channels, 3, 1, f"{name}_2")
    return _joined(x, y, stride, skips, name)


def _bottleneck(x, channels: int, stride: int, skips: bool, name: str):
    y = layers.ReLU(name=f"{name}_relu_1")(_conv_norm(x, channels, 1, 1, f"{name}_1"))
    y = layers.ReLU(name=f"{name}_relu_2")(_conv_norm(y, channels, 3, stride, f"{name}_2"))
    y = _conv_norm(y, channels * _EXPANSION["bottleneck"], 1, 1, f"{name}_3")
    return _joined(x, y, stride, skips, name)


def _joined(x, y, stride: int, skips: bool, name: str):
    """ReLU of a block's output, its input added."""
    if skips:
        if stride != 1 or x.shape[-1] != y.shape[-1]:
            x = _conv_norm(x, y.shape[-1], 1, stride, f"{name}_shortcut")
        y = layers.Add(name=f"{name}_add")([y, x])
    return layers.ReLU(name=f"{name}_relu")(y)


def _conv_norm(x, channels: int, kernel: int, stride: int, name: str):
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_padding")(x)
    he_by_outputs = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    x = layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        use_bias=False,
        kernel_initializer=he_by_outputs,
        name=f"{name}_conv",
    )(x)
    # Keras's momentum is what stays of the old statistics, PyTorch's what comes of the new
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _last_layer(x, classes: int):
    """As ``parts.probabilities``, with the first weights of PyTorch's Linear."""
    bound = 1 / math.sqrt(x.shape[-1])
    return layers.Dense(
        classes,
        activation="softmax" if classes > 1 else "sigmoid",
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
        dtype="float32",
        name="probabilities",
    )(x)


def _check_statistics(mean: Any, deviation: Any) -> None:
    if mean is None and deviation is None:
        return
    for name, values in (("mean", mean), ("deviation", deviation)):
        numbers = values if isinstance(values, Sequence) and not isinstance(values, str) else ()
        if not numbers or not all(isinstance(value, int | float) for value in numbers):
            raise ParameterError(
                f"{name} must be a number for each channel, given with the other of mean and "
                f"deviation, not {values!r}."
            )
    if len(mean) != len(deviation) or not all(value > 0 for value in deviation):
        raise ParameterError(
            "mean and deviation must be as many numbers as channels, each deviation above 0, "
            f"not {mean!r} and {deviation!r}."
        )
