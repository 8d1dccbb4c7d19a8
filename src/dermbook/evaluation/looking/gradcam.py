"""Grad-CAM: which places of its maps a network's class score rests on (Selvaraju et al. 2017).

A network is cut in two at a layer: images → maps → scores of the classes. The gradient of a score
with respect to the maps, averaged over places, says how much each channel counts; the maps, summed
with these weights, are the heat. Written for every Keras backend: only ``gradient_of`` asks which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from dermbook.data import resize
from dermbook.errors import ParameterError
from dermbook.models.backbones import calibrate
from dermbook.models.registry import seeded
from dermbook.models.transfer import BACKBONE_LAYER

#: (x, *others) → (scores (n,), anything else)
Scored = Callable[..., tuple[Any, Any]]


def gradient_of(function: Scored) -> Callable[..., tuple[Any, Any]]:
    """A compiled function that gives the gradient of a score with respect to its first argument.

    function: ``(x, *others) → (scores, extra)``, of the backend's tensors and operations; score i
    must depend on row i of x only. The function returned gives ``(gradient, extra)`` for the same
    arguments, the gradient of the shape of x. Weights are those of its first call (JAX).
    """
    if keras.backend.backend() == "jax":
        import jax

        def total(x, *others):
            scores, extra = function(x, *others)
            return scores.sum(), extra

        return jax.jit(jax.grad(total, has_aux=True))
    if keras.backend.backend() == "torch":
        import torch

        def with_autograd(x, *others):
            with torch.enable_grad():
                x = x.detach().clone().requires_grad_(True)
                scores, extra = function(x, *others)
                (gradient,) = torch.autograd.grad(scores.sum(), x)
            return gradient, extra.detach()

        return with_autograd
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def with_tape(x, *others):
        with tf.GradientTape() as tape:
            tape.watch(x)
            scores, extra = function(x, *others)
        return tape.gradient(scores, x), extra

    return with_tape


@dataclass(frozen=True, eq=False)
class Halves:
    """A network cut at a layer.

    front: images (n, height, width, 3) → maps (n, h, w, channels). body: maps → what the last dense
    layer reads. last: that layer; its activation is left out of the scores. layer: where it is cut.
    """

    front: keras.Model
    body: keras.Model
    last: keras.layers.Dense
    layer: str

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the maps."""
        return tuple(self.front.output_shape[1:3])

    def logits(self, maps: Any) -> Any:
        """Scores before softmax, (n, classes). Of one sigmoid unit z, those are −z/2 and z/2."""
        scores = ops.matmul(self.body(maps, training=False), self.last.kernel)
        if self.last.bias is not None:
            scores = scores + self.last.bias
        return ops.concatenate([-scores / 2, scores / 2], -1) if scores.shape[-1] == 1 else scores

    @cached_property
    def gradient(self) -> Callable[..., tuple[Any, Any]]:
        """(maps, codes int32 (n,)) → (gradient, logits); a code below 0: the best class's score."""

        def scored(maps, codes):
            logits = self.logits(maps)
            codes = ops.where(codes < 0, ops.cast(ops.argmax(logits, -1), "int32"), codes)
            return ops.sum(logits * ops.one_hot(codes, logits.shape[-1]), -1), logits

        return gradient_of(scored)


@dataclass(frozen=True, eq=False)
class Sight:
    """What a network saw. signed: float32 (n, h, w), the weighted sum of maps, on their grid.
    probabilities: float32 (n, classes)."""

    signed: np.ndarray
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """int64 (n,): the most probable class."""
        return self.probabilities.argmax(axis=1)

    @property
    def certainty(self) -> np.ndarray:
        """float32 (n,): the probability of that class."""
        return self.probabilities.max(axis=1)


def cut(model: keras.Model, layer: str = "") -> Halves:
    """Cut a network of ``models.transfer``, or a plain functional one, at a layer's output.

    layer: a name; "" for the last one that gives maps. ParameterError for a network that does not
    end in a dense layer, or a layer that there is not or that some path goes around (a shortcut).
    """
    before, network, after = parts(model)
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense) or len(last.input.shape) != 2:
        raise ParameterError(f"{model.name}: the last layer must be dense, on vectors.")
    target = network.get_layer(layer) if layer else _with_maps(network)[-1]
    if target not in _with_maps(network):
        raise ParameterError(f"layer: {layer!r} of {network.name} gives no maps.")
    image = x = keras.Input(model.input_shape[1:])
    for each in before:
        x = each(x)
    front = keras.Model(image, keras.Model(network.inputs[0], target.output)(x))
    maps = x = keras.Input(target.output.shape[1:])
    end = network.output if after else last.input
    if end is not target.output:
        try:
            x = keras.Model(target.output, end)(x)
        except ValueError:
            raise ParameterError(
                f"layer: the network cannot be cut at {target.name!r}: a shortcut goes around it."
            ) from None
    for each in after[:-1]:
        x = each(x)
    return Halves(front, keras.Model(maps, x), last, target.name)


def cut_layers(model: keras.Model, count: int = 2) -> list[str]:
    """Layers to cut at: the last one of each size of grid, the coarsest grid first.

    Fewer than ``count`` where the network has no more sizes, or cannot be cut at one. Paddings do
    not count: their places are not those of the picture.
    """
    _, network, _ = parts(model)
    found: list[str] = []
    sizes: set[tuple] = set()
    for layer in reversed(_with_maps(network)):
        size = layer.output.shape[1:3]
        if size in sizes or isinstance(layer, keras.layers.ZeroPadding2D):
            continue
        try:
            cut(model, layer.name)
        except ParameterError:
            continue
        sizes.add(size)
        found.append(layer.name)
        if len(found) == count:
            break
    return found


def grad_cam(
    halves: Halves, images: np.ndarray, codes: np.ndarray | None = None, *, batch_size: int = 32
) -> Sight:
    """Signed heat and probabilities of some images.

    images: uint8 (n, height, width, 3). codes: the class whose score is explained, int (n,);
    without them, the class that the network finds most probable.
    """
    if codes is None:
        codes = np.full(len(images), -1)
    if len(codes) != len(images):
        raise ParameterError(f"codes: {len(images)} images need as many, not {len(codes)}.")
    signed, logits = [], []
    for start in range(0, len(images), batch_size):
        batch = np.asarray(images[start : start + batch_size])
        wanted = np.asarray(codes[start : start + batch_size], "int32")
        # one shape for all batches: another one would be compiled once more
        short = min(batch_size, len(images)) - len(batch)
        batch = np.pad(batch, [(0, short), (0, 0), (0, 0), (0, 0)])
        maps = np.asarray(halves.front.predict_on_batch(batch), "float32")
        gradient, scores = halves.gradient(
            ops.convert_to_tensor(maps), ops.convert_to_tensor(np.pad(wanted, (0, short)))
        )
        weights = ops.convert_to_numpy(gradient).mean(axis=(1, 2))
        signed.append(np.einsum("nhwc,nc->nhw", maps, weights)[: len(wanted)])
        logits.append(ops.convert_to_numpy(scores)[: len(wanted)])
    scores = np.concatenate(logits)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return Sight(np.concatenate(signed), powers / powers.sum(axis=1, keepdims=True))


def heat_maps(signed: np.ndarray, height: int, width: int) -> np.ndarray:
    """Heat at the size of the images, float32 (n, height, width), 0..1.

    What speaks against the class (below 0) is cut off, the grid is enlarged bilinearly, and each
    map divided by its maximum; a map without anything above 0 stays 0.
    """
    positive = np.maximum(np.asarray(signed, "float32"), 0)
    large = np.stack([resize(each, height, width) for each in positive])
    highest = large.max(axis=(1, 2), keepdims=True)
    return np.divide(large, highest, out=np.zeros_like(large), where=highest > 0)


def untrained(model: keras.Model, *, seed: int = 0, head_only: bool = False) -> keras.Model:
    """The same network with fresh random weights (a check of Adebayo et al. 2018).

    head_only: only the last layer's are random. Else all are, and the batch normalisations of a
    backbone get the statistics of noise, as other random backbones do.
    """
    with seeded(seed):
        other = keras.models.clone_model(model)
    if head_only:
        for ours, theirs in zip(other.layers[:-1], model.layers[:-1], strict=True):
            ours.set_weights(theirs.get_weights())
    elif BACKBONE_LAYER in [layer.name for layer in other.layers]:
        calibrate(other.get_layer(BACKBONE_LAYER), model.input_shape[1:], seed)
    return other


def parts(model: keras.Model) -> tuple[list, keras.Model, list]:
    """(layers before, the network that has the maps, layers after): a backbone, or all of it."""
    names = [layer.name for layer in model.layers]
    if BACKBONE_LAYER not in names:
        return [], model, []
    at = names.index(BACKBONE_LAYER)
    return model.layers[1:at], model.layers[at], model.layers[at + 1 :]


def _with_maps(network: keras.Model) -> list:
    """Layers that give maps, in order: more than one place a channel."""
    found = [
        layer
        for layer in network.layers
        if not isinstance(layer, keras.layers.InputLayer)
        and len(getattr(layer.output, "shape", ())) == 4
        and layer.output.shape[1] * layer.output.shape[2] > 1
    ]
    if not found:
        raise ParameterError(f"{network.name} has no layer that gives maps.")
    return found
