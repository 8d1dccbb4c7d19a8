"""Bilinear pooling of two backbones, the future work of R4 (row 4.11): ResNet50 × VGG16.

At every place of the image the channels of one network are multiplied with those of the other, all
pairs of them, and averaged over the places; then the signed square root and division by the length
(Lin, RoyChowdhury and Maji 2015, "Bilinear CNN models for fine-grained visual recognition").
2048 × 512 pairs are a million numbers an image, so both networks' channels are projected first:
by a 1×1 convolution that learns, or by a fixed random projection. Projecting both sides by random
matrices is the same as projecting the long vector by their Kronecker product.
"""

import random
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import layers, ops

from dermbook.data import Collection
from dermbook.data.image_store import Layout, open_or_build
from dermbook.errors import ParameterError
from dermbook.models.backbones import Embedder, Scaling, backbone, load_network
from dermbook.models.features import FeatureBlocks, Features
from dermbook.models.heads import add_head, check_head
from dermbook.models.parts import check_choice, check_count
from dermbook.models.registry import register
from dermbook.models.weights import find_weights

PROJECTIONS = ("learned", "random")


def projection_matrix(channels: int, to: int, *, seed: int = 0) -> np.ndarray:
    """A random matrix of signs, float32 (channels, to), entries ±1/√to, decided by the seed.

    Inner products of projected vectors are those of the vectors, up to chance (Achlioptas 2003).
    ParameterError for counts below 1.
    """
    check_count("channels", channels)
    check_count("to", to)
    signs = np.random.default_rng([seed, channels, to]).integers(0, 2, (channels, to))
    return ((2 * signs - 1) / np.sqrt(to)).astype(np.float32)


@keras.saving.register_keras_serializable("dermbook")
class FixedProjection(layers.Layer):
    """Channels (…, c) to (…, to) by ``projection_matrix``; learns nothing, has no weights."""

    def __init__(self, to: int, seed: int = 0, **kwargs) -> None:
        super().__init__(**kwargs)
        check_count("to", to)
        self.to, self.seed = int(to), int(seed)

    def call(self, maps):
        """float32 (…, to)."""
        matrix = projection_matrix(int(maps.shape[-1]), self.to, seed=self.seed)
        return ops.matmul(ops.cast(maps, "float32"), matrix)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.to)

    def get_config(self) -> dict:
        return {**super().get_config(), "to": self.to, "seed": self.seed}


@keras.saving.register_keras_serializable("dermbook")
class BilinearPooling(layers.Layer):
    """Two feature maps, (n, h, w, a) and (n, h', w', b), to one vector a picture, (n, a · b).

    Of unlike grids the finer is brought to the coarser in each direction, by bilinear interpolation
    with smoothing. The vector's element i · b + j belongs to channels i and j; its length is 1.
    """

    def call(self, maps):
        """float32 (n, a · b); signed square root, then divided by the Euclidean length."""
        first, second = (ops.cast(each, "float32") for each in maps)
        grid = _common_grid(first.shape, second.shape)
        first, second = (_on_grid(each, grid) for each in (first, second))
        a, b, places = first.shape[-1], second.shape[-1], grid[0] * grid[1]
        first = ops.reshape(first, (-1, places, a))
        second = ops.reshape(second, (-1, places, b))
        pairs = ops.matmul(ops.transpose(first, (0, 2, 1)), second) / places
        vector = ops.reshape(pairs, (-1, a * b))
        # the square root has no slope at zero, which a gradient would make infinite
        vector = ops.sign(vector) * (ops.sqrt(ops.abs(vector) + 1e-12) - 1e-6)
        length = ops.sqrt(ops.sum(vector * vector, axis=-1, keepdims=True))
        return vector / ops.maximum(length, 1e-12)

    def compute_output_shape(self, input_shape):
        first, second = input_shape
        return (first[0], first[-1] * second[-1])


def _common_grid(one: tuple, other: tuple) -> tuple[int, int]:
    return min(one[1], other[1]), min(one[2], other[2])


def _on_grid(maps, grid: tuple[int, int]):
    if (maps.shape[1], maps.shape[2]) == grid:
        return maps
    return ops.image.resize(
        maps, grid, interpolation="bilinear", antialias=True, data_format="channels_last"
    )


# ---- a whole network ----------------------------------------------------------------------------


def _smallest(*, base_a: Any, base_b: Any, channels: Any, projection: Any, **options: Any):
    sides = [backbone(name).smallest for name in (base_a, base_b)]
    check_count("channels", channels)
    check_choice("projection", projection, PROJECTIONS)
    check_head(options["dense"], options["dropout"])
    return max(sides), max(sides)


@register(
    "bilinear",
    rows=("4.11",),
    description="Bilinear pooling of two backbones, ResNet50 × VGG16: R4's future work",
    smallest_input=_smallest,
)
def bilinear(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    base_a: str = "resnet50",
    base_b: str = "vgg16",
    weights: str = "imagenet",
    channels: int = 64,
    projection: str = "learned",
    trainable: bool = False,
    dense: tuple[int, ...] = (),
    dropout: float = 0.0,
) -> keras.Model:
    """Two backbones, their channels projected, bilinear pooling, and a head.

    R4 names the two networks and nothing else. Our choice: 64 channels a side, so 4,096 pairs; a
    softmax on them, as on R4's VGG16. ``projection`` "learned" is a 1×1 convolution a side,
    "random" the fixed one of ``bilinear_features``. ``trainable``: whether the backbones learn,
    their batch statistics staying as they came; Lin et al. train them last. The model's
    ``weights_origin`` says what the weights are.
    """
    image = keras.Input(input_shape, name="image")
    sides, origins = [], []
    for side, base in (("a", base_a), ("b", base_b)):
        maps, origin = _maps(image, base, input_shape, weights, f"backbone_{side}", trainable)
        if projection == "learned":
            project = layers.Conv2D(channels, 1, use_bias=False, name=f"project_{side}")
        else:
            project = FixedProjection(channels, seed=ord(side), name=f"project_{side}")
        sides.append(project(maps))
        origins.append(f"{base}: {origin}")
    pooled = BilinearPooling(name="bilinear")(sides)
    model = keras.Model(image, add_head(pooled, classes, dense=dense, dropout=dropout))
    model.weights_origin = "; ".join(origins)
    return model


def _maps(image, base: str, input_shape, weights: str, name: str, trainable: bool = False):
    """(last feature maps of a backbone, what its weights are)."""
    # drawn from build's seed, so random weights follow it, too
    network, found = load_network(base, input_shape, weights=weights, seed=random.getrandbits(16))
    network.name, network.trainable = name, trainable
    x = Scaling(backbone(base).scaling, name=f"scaling_{name}")(image)
    return network(x, training=False), found.origin


# ---- vectors, computed once ---------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class BilinearFeatures:
    """``pairs``: the bilinear vectors. ``first``, ``second``: each backbone's pooled features.

    All three come from one pass over the images.
    """

    pairs: Features
    first: Features
    second: Features


class _PairEmbedder(Embedder):
    """Images to [pooled first, pooled second, bilinear vector], one float32 row an image."""

    def __init__(
        self, first: str, second: str, *, height: int, width: int, weights: str, channels: int,
        seed: int, batch_size: int,
    ) -> None:  # fmt: skip
        shape = (height, width, 3)
        image = keras.Input(shape, name="image")
        pooled, sides = [], []
        for side, base in (("a", first), ("b", second)):
            network, _ = load_network(base, shape, weights=weights, seed=seed)
            network.name, network.trainable = f"backbone_{side}", False
            scaled = Scaling(backbone(base).scaling, name=f"scaling_{side}")(image)
            maps = network(scaled, training=False)
            pooled.append(layers.GlobalAveragePooling2D(name=f"pooled_{side}")(maps))
            sides.append(FixedProjection(channels, seed=ord(side), name=f"project_{side}")(maps))
        row = layers.Concatenate(name="row")([*pooled, BilinearPooling(name="bilinear")(sides)])
        self.model = keras.Model(image, row, name="pair-embedder")
        self.name, self.batch_size, self.dimensions = "bilinear", batch_size, int(row.shape[-1])


class _PairBlocks(FeatureBlocks):
    """Blocks of rows of a ``_PairEmbedder``, kept on disk until all are there."""

    def __init__(self, layout: Layout, make, **sizes: Any) -> None:
        super().__init__(layout, "bilinear", weights="", scaling="own", seed=0, **sizes)
        self._make = make

    def __call__(self, start: int) -> np.ndarray:
        if self._embedder is None:
            self._embedder = self._make()
        return super().__call__(start)


def bilinear_features(
    collection: Collection,
    first: str = "resnet50",
    second: str = "vgg16",
    *,
    height: int,
    width: int,
    channels: int = 64,
    weights: str = "imagenet",
    seed: int = 0,
    batch_size: int = 32,
    progress: bool = True,
) -> BilinearFeatures:
    """Bilinear vectors of every image, ``channels``² numbers each, and both pooled features.

    first, second: keys of ``BACKBONES``, unlike each other. channels: of each backbone after the
    random projection, which is the same for every seed. weights, seed: see ``build_backbone``. The
    first call runs both backbones over all images, and goes on where a killed one stopped; later
    calls open the file.

    Raises as ``frozen_features``; ParameterError for twice the same backbone.
    """
    if first == second:
        raise ParameterError(f"bilinear_features: give two backbones, not {first!r} twice.")
    check_count("channels", channels)
    bases = [backbone(name) for name in (first, second)]
    found = [find_weights(each.architecture, weights, seed=seed) for each in bases]
    widths = [each.width for each in bases]
    row = sum(widths) + channels**2
    keys = "-".join(f"{name}-{each.key}" for name, each in zip((first, second), found, strict=True))
    layout = Layout(
        collection,
        "features",
        (row,),
        np.dtype(np.float32),
        f"bilinear{channels}-{keys}-{height}x{width}-v1",
    )
    sizes = {"height": height, "width": width, "batch_size": batch_size}
    make = partial(
        _PairEmbedder, first, second, weights=weights, channels=channels, seed=seed, **sizes
    )
    values = open_or_build(
        layout, blocks=_PairBlocks(layout, make, progress=progress, **sizes), progress=progress
    )
    ends = np.cumsum([0, *widths, channels**2])
    names = (first, second, f"{first}x{second}")
    both = "; ".join(f"{name}: {each.origin}" for name, each in zip(names, found, strict=False))
    origins = (found[0].origin, found[1].origin, both)
    index = pd.Index(collection.ids, name="image_id")
    parts = [
        Features(values[:, start:end], index, name, origin, layout.path)
        for start, end, name, origin in zip(ends[:-1], ends[1:], names, origins, strict=True)
    ]
    return BilinearFeatures(pairs=parts[2], first=parts[0], second=parts[1])
