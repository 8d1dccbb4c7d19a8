"""Published backbones with a report's head on top: whole networks that can be fine-tuned.

They take images of 0..255 and scale them inside. A backbone starts frozen; ``unfreeze`` says how
much of it learns. Where all of it stays frozen, train the head alone on ``frozen_features``: the
result is the same and takes seconds (``models.heads``).
"""

import math
import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
from keras import layers

from dermbook.errors import ParameterError
from dermbook.models.backbones import BACKBONES, Scaling, backbone, calibrate, load_network
from dermbook.models.heads import HEADS, add_head, check_head
from dermbook.models.parts import check_choice
from dermbook.models.registry import register, seeded

#: how batch normalisation in unfrozen layers works: with the statistics it came with, or anew
BATCH_NORM = ("inference", "training")
#: name of the backbone inside a whole network
BACKBONE_LAYER = "backbone"
#: a stand-in for a backbone: four small blocks, never pretrained, built in no time
TINY = "tiny"
#: registry name → (backbone, head, what it is)
TRANSFER = {
    "r0-vgg19": ("vgg19", "r0", "VGG19 with a softmax, last two layers unfrozen: R0"),
    "r0-resnet50v2": ("resnet50v2", "r0", "ResNet50V2 likewise: R0"),
    "r0-mobilenetv2": ("mobilenetv2", "r0", "MobileNetV2 likewise: R0"),
    "r0-efficientnetb2": ("efficientnetb2", "r0", "EfficientNetB2 likewise: R0"),
    "r0-efficientnetb3": ("efficientnetb3", "r0", "EfficientNetB3 likewise: R0"),
    "r1-vgg16": ("vgg16", "r1-vgg", "VGG16, fully retrained: R1"),
    "r1-vgg19": ("vgg19", "r1-vgg", "VGG19, fully retrained: R1"),
    "r1-inceptionv3": ("inceptionv3", "r1-inception", "InceptionV3, dense layers, dropout: R1"),
    "r2-mobilenetv2": ("mobilenetv2", "r2-mobilenetv2", "MobileNetV2, a dense layer of 128: R2"),
    "r4-vgg16": ("vgg16", "r4-vgg16", "VGG16, frozen, with a softmax: R4"),
    "r4-resnet50v2": ("resnet50v2", "r4-resnet50v2", "ResNet50V2, frozen, a dense layer: R4"),
    "resnet50-head": ("resnet50", "r4-resnet50v2", "ResNet50 with R4's head for ResNet50V2"),
}
#: how many of the backbone's last layers the report trained; None for all
_UNFROZEN: dict[str, int | None] = {"r0": 2, "r1-vgg": None}


def unfreeze(model: keras.Model, last: int | None, *, batch_norm: str = "inference") -> int:
    """Let the last so many layers of a network's backbone learn; how many weights that is.

    last: layers as Keras counts them (activations and paddings too); 0 none, None all. batch_norm:
    "inference" keeps every normalisation as it came, as fine-tuning wants it; "training" lets those
    among the unfrozen layers learn and use the statistics of each batch. The head always learns.
    Compile or ``fit`` afterwards. Returns the number of trainable weights of the whole model.

    ParameterError for a model without a backbone, or a count below 0 or above its layers.
    """
    check_choice("batch_norm", batch_norm, BATCH_NORM)
    network = backbone_of(model)
    count = len(network.layers) if last is None else last
    if not 0 <= count <= len(network.layers):
        raise ParameterError(
            f"unfreeze: must be 0 to {len(network.layers)}, the layers of this backbone, or all; "
            f"not {last!r}."
        )
    first = len(network.layers) - count
    network.trainable = count > 0
    for index, layer in enumerate(network.layers):
        normalises = isinstance(layer, layers.BatchNormalization)
        layer.trainable = index >= first and not (normalises and batch_norm == "inference")
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def transfer(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    name: str,
    base: str,
    weights: str = "imagenet",
    scaling: str = "own",
    last: int | None = 0,
    batch_norm: str = "inference",
    dense: Sequence[int] = (),
    dropout: float = 0.0,
    penalty: float = 0.0,
) -> keras.Model:
    """A backbone, global average pooling and a head.

    base: a key of ``BACKBONES``. weights, scaling: see ``build_backbone``. last, batch_norm: see
    ``unfreeze``. dense, dropout, penalty: see ``heads.add_head``. The model's ``weights_origin``
    says what the backbone's weights are.
    """
    # drawn from build's seed, so random weights follow it, too
    drawn = random.getrandbits(16)
    if base == TINY:
        network, origin, own = _tiny(input_shape, drawn), "random, of a stand-in", "symmetric"
    else:
        network, found = load_network(base, input_shape, weights=weights, seed=drawn)
        origin, own = found.origin, backbone(base).scaling
    network.name = BACKBONE_LAYER
    image = keras.Input(input_shape, name="image")
    chosen = own if scaling == "own" else scaling
    maps = network(Scaling(chosen, name="scaling")(image))
    pooled = layers.GlobalAveragePooling2D(name="pooled")(maps)
    answer = add_head(pooled, classes, dense=dense, dropout=dropout, penalty=penalty)
    model = keras.Model(image, answer, name=name.replace("-", "_"))
    unfreeze(model, last, batch_norm=batch_norm)
    model.weights_origin = origin
    return model


def build_transfer(
    base: str,
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    seed: int = 0,
    **options: Any,
) -> keras.Model:
    """``transfer`` for any backbone and head, with first weights that follow ``seed``.

    base: a key of ``BACKBONES``, or ``"tiny"``: an untrained stand-in of four small blocks, for
    trying out code where a real backbone would take minutes. options: see ``transfer``.
    """
    options = {"name": f"transfer-{base}", **options}
    check_head(options.get("dense", ()), options.get("dropout", 0), options.get("penalty", 0))
    with seeded(seed):
        return transfer(input_shape, classes, base=base, **options)


def backbone_of(model: keras.Model) -> keras.Model:
    """The backbone inside a whole network; ParameterError for a model without one."""
    inner = [layer for layer in model.layers if layer.name == BACKBONE_LAYER]
    if not inner:
        raise ParameterError(f"{model.name} has no backbone inside.")
    return inner[0]


def pooled_part(model: keras.Model) -> keras.Model:
    """The network up to its pooled features, float32 (n, width), sharing its weights."""
    return keras.Model(model.input, model.get_layer("pooled").output, name=f"{model.name}_pooled")


def _tiny(input_shape: tuple[int, int, int], seed: int) -> keras.Model:
    """Four blocks of a strided convolution, batch normalisation and ReLU, 16 to 64 channels.

    As for other random backbones, the statistics of its normalisations are those of noise.
    """
    image = keras.Input(input_shape)
    x = image
    for number, filters in enumerate((16, 32, 48, 64), start=1):
        x = layers.Conv2D(
            filters, 3, strides=2, padding="same", use_bias=False, name=f"conv_{number}"
        )(x)
        x = layers.BatchNormalization(name=f"norm_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(x)
    network = keras.Model(image, x)
    calibrate(network, input_shape, seed)
    return network


def _smallest(*, base: str, dense: Any, dropout: Any, penalty: Any, batch_norm: Any, **_: Any):
    check_head(dense, dropout, penalty)
    check_choice("batch_norm", batch_norm, BATCH_NORM)
    return BACKBONES[base].smallest, BACKBONES[base].smallest


def _enter(name: str, base: str, head_name: str, description: str) -> None:
    about = HEADS[head_name]
    unfrozen = _UNFROZEN.get(head_name, 0)

    def builder(
        input_shape: tuple[int, int, int],
        classes: int,
        *,
        weights: str = "imagenet",
        scaling: str = "own",
        last: int | None = unfrozen,
        batch_norm: str = "inference",
        dense: Sequence[int] = about.dense,
        dropout: float = about.dropout,
        penalty: float = 0.0,
    ) -> keras.Model:
        return transfer(
            input_shape, classes, name=name, base=base, weights=weights, scaling=scaling,
            last=last, batch_norm=batch_norm, dense=dense, dropout=dropout, penalty=penalty,
        )  # fmt: skip

    builder.__doc__ = f"{description}. {about.chosen} See ``transfer``."
    builder.__qualname__ = f"transfer[{name}]"
    register(
        name,
        rows=about.rows,
        description=description,
        smallest_input=partial(_smallest, base=base),
    )(builder)


for _name, (_base, _head, _description) in TRANSFER.items():
    _enter(_name, _base, _head, _description)
