"""Published convolutional networks as feature extractors, with the scaling that each expects.

Reports R0, R1, R2 and R4 took ``keras.applications`` networks trained on ImageNet and put a small
head on top (rows 0.11, 1.7, 1.8, 2.4, 4.7, 4.8). A network only works with the scaling of pixel
values it was trained with; R4 tested VGG16 with another one (lesson M4), so the scaling is a
parameter here, and part of the model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from dermbook.errors import ParameterError
from dermbook.models.registry import nearest, seeded
from dermbook.models.weights import Weights, find_weights

# mean of ImageNet in RGB, 0..255, and the standard deviations that go with it in 0..1
_MEAN = (123.68, 116.779, 103.939)
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """One architecture: its name in ``keras.applications``, its scaling, its least input.

    ``scaling`` is a key of ``SCALINGS``; ``smallest`` the least height and width in pixels;
    ``width`` the number of channels that come out.
    """

    architecture: str
    scaling: str
    smallest: int
    width: int
    rows: tuple[str, ...]


BACKBONES: dict[str, Backbone] = {
    "mobilenetv2": Backbone("MobileNetV2", "symmetric", 32, 1280, ("0.11", "2.4")),
    "resnet50": Backbone("ResNet50", "caffe", 32, 2048, ("4.11",)),
    "resnet50v2": Backbone("ResNet50V2", "symmetric", 32, 2048, ("0.11", "4.8")),
    "vgg16": Backbone("VGG16", "caffe", 32, 512, ("1.7", "4.7")),
    "vgg19": Backbone("VGG19", "caffe", 32, 512, ("0.11", "1.7")),
    "inceptionv3": Backbone("InceptionV3", "symmetric", 75, 2048, ("1.8",)),
    "efficientnetb2": Backbone("EfficientNetB2", "raw", 32, 1408, ("0.11",)),
    "efficientnetb3": Backbone("EfficientNetB3", "raw", 32, 1536, ("0.11",)),
}

#: how pixel values 0..255 (RGB) may be scaled before a network; "own" is what it was trained with
SCALINGS: dict[str, str] = {
    "raw": "as they are, 0..255",
    "unit": "divided by 255: 0..1",
    "symmetric": "divided by 127.5, minus 1: -1..1",
    "torch": "0..1, minus ImageNet's mean, divided by its standard deviation",
    "caffe": "BGR order, minus ImageNet's mean, not divided",
}


def backbone(name: str) -> Backbone:
    """The backbone of that name; ParameterError naming the nearest if there is none."""
    if name not in BACKBONES:
        raise ParameterError(
            f"backbone: there is no {name!r}.{nearest(name, BACKBONES)} "
            f"Backbones: {', '.join(BACKBONES)}."
        )
    return BACKBONES[name]


def scaled(images, scaling: str):
    """Images (n, height, width, 3), RGB 0..255, scaled as ``SCALINGS`` says; float32.

    Works on NumPy arrays and on any backend's tensors. ParameterError for an unknown scaling.
    """
    _check_scaling(scaling)
    x = ops.cast(images, "float32")
    if scaling == "unit":
        return x / 255.0
    if scaling == "symmetric":
        return x / 127.5 - 1.0
    if scaling == "torch":
        return (x / 255.0 - ops.array(_TORCH_MEAN)) / ops.array(_TORCH_STD)
    if scaling == "caffe":
        return ops.flip(x - ops.array(_MEAN), axis=-1)
    return x


@keras.saving.register_keras_serializable("dermbook")
class Scaling(layers.Layer):
    """Scales images (n, height, width, 3), RGB 0..255, inside a model; see ``SCALINGS``."""

    def __init__(self, scaling: str, **kwargs) -> None:
        super().__init__(**kwargs)
        _check_scaling(scaling)
        self.scaling = scaling

    def call(self, images):
        """float32 images of the same shape."""
        return scaled(images, self.scaling)

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, images):
        return keras.KerasTensor(images.shape, dtype="float32")

    def get_config(self) -> dict:
        return {**super().get_config(), "scaling": self.scaling}


def load_network(
    name: str, input_shape: tuple[int, int, int], *, weights: str = "imagenet", seed: int = 0
) -> tuple[keras.Model, Weights]:
    """The bare network of ``keras.applications``, and what its weights are: no scaling, no head.

    Raises as ``build_backbone``, whose parameters these are.
    """
    about = backbone(name)
    height, width, channels = input_shape
    if min(height, width) < about.smallest or channels != 3:
        raise ParameterError(
            f"Backbone {name!r} needs RGB images of at least {about.smallest}×{about.smallest} "
            f"pixels, not {height}×{width} with {channels} channels."
        )
    found = find_weights(about.architecture, weights, seed=seed)
    make: Callable[..., keras.Model] = getattr(keras.applications, about.architecture)
    with seeded(seed):
        network = make(weights=found.argument, include_top=False, input_shape=input_shape)
    if found.argument is None:
        calibrate(network, input_shape, seed)
    return network, found


def build_backbone(
    name: str,
    input_shape: tuple[int, int, int],
    *,
    weights: str = "imagenet",
    scaling: str = "own",
    seed: int = 0,
) -> tuple[keras.Model, Weights]:
    """A frozen backbone without its head, and what its weights are.

    Input: images (n, height, width, 3), RGB 0..255, any number type. Output: the last feature
    maps, float32 (n, height', width', channels). weights: see ``find_weights``. scaling: "own" for
    what the network was trained with, else a key of ``SCALINGS``. seed: of random weights.

    Raises ParameterError for an unknown name or scaling or an input that is too small, DataError
    when weights cannot be had.
    """
    network, found = load_network(name, input_shape, weights=weights, seed=seed)
    network.trainable = False
    image = keras.Input(input_shape, name="image")
    chosen = backbone(name).scaling if scaling == "own" else scaling
    maps = network(Scaling(chosen, name="scaling")(image), training=False)
    return keras.Model(image, maps, name=name), found


class Embedder:
    """Turns images into vectors: a frozen backbone and global average pooling.

    ``embedder(images)`` takes uint8 (n, height, width, 3) and returns float32 (n, width).
    Parameters are those of ``build_backbone``; ``weights`` afterwards says what was loaded.
    """

    def __init__(
        self,
        name: str,
        *,
        height: int,
        width: int,
        weights: str = "imagenet",
        scaling: str = "own",
        seed: int = 0,
        batch_size: int = 32,
    ) -> None:
        model, self.weights = build_backbone(
            name, (height, width, 3), weights=weights, scaling=scaling, seed=seed
        )
        pooled = layers.GlobalAveragePooling2D(name="pooled", dtype="float32")(model.output)
        self.model = keras.Model(model.input, pooled, name=f"{name}-embedder")
        self.name, self.batch_size = name, batch_size
        self.dimensions = int(pooled.shape[-1])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """float32 (n, dimensions) for uint8 images (n, height, width, 3)."""
        if not len(images):
            return np.empty((0, self.dimensions), np.float32)
        parts = []
        for start in range(0, len(images), self.batch_size):
            batch = np.asarray(images[start : start + self.batch_size])
            short = self.batch_size - len(batch)
            # a batch of another size would compile the network again
            padded = np.concatenate([batch, np.repeat(batch[-1:], short, axis=0)])
            result = np.asarray(self.model.predict_on_batch(padded), np.float32)
            parts.append(result[: len(batch)])
        return np.concatenate(parts)


def calibrate(network: keras.Model, input_shape: tuple[int, int, int], seed: int) -> None:
    """Give the batch normalisations of a random network statistics of random pictures.

    Untrained, they divide by one, and dozens of layers shrink the features to nothing (1e-12 in
    MobileNetV2). The pictures are blurred noise of the network's input range, drawn from ``seed``.
    """
    normalising = [x for x in network.layers if isinstance(x, layers.BatchNormalization)]
    if not normalising:
        return
    noise = np.random.default_rng(seed).uniform(-1, 1, (16, 8, 8, 3)).astype("float32")
    pictures = ops.image.resize(noise, input_shape[:2], interpolation="bilinear")
    momenta = [layer.momentum for layer in normalising]
    for layer in normalising:
        layer.momentum = 0.0  # the statistics of this one batch become the layer's own
    network(pictures, training=True)
    for layer, momentum in zip(normalising, momenta, strict=True):
        layer.momentum = momentum


def _check_scaling(scaling: str) -> None:
    if scaling not in SCALINGS:
        raise ParameterError(
            f"scaling: must be own or one of {', '.join(SCALINGS)}, not {scaling!r}."
        )
