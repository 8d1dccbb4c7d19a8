"""Losses for masks, from logits: binary cross-entropy, soft Dice, and their mean.

Each takes truth (b, height, width, 1) of 0 and 1 (bool, integer or float) and logits of that shape,
and gives one loss a picture, float32 (b,); Keras averages over the batch. Only ``keras.ops`` are
used, so they run on every backend.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from dermbook.errors import ParameterError

#: added above and below the line, so that a picture without lesion has a loss, and a gradient
SMOOTH = 1.0


def bce_with_logits(truth: Any, logits: Any) -> Any:
    """Binary cross-entropy in nats, a mean over the pixels (R3's loss, row 3.10).

    max(z, 0) − z·t + log(1 + exp(−|z|)): finite for any logit, where the logarithm of a rounded
    probability is not.
    """
    truth, logits = _checked(truth, logits)
    loss = ops.relu(logits) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.mean(loss, axis=(1, 2, 3))


def soft_dice(truth: Any, logits: Any) -> Any:
    """1 − Dice with probabilities in place of decisions, 0..1 (Milletari et al. 2016, unsquared).

    1 − (2 Σ p·t + 1) / (Σ p + Σ t + 1), the sums over the pixels of one picture: a small lesion
    counts as much as a large one. A picture without lesion that is predicted empty has loss 0.
    """
    truth, logits = _checked(truth, logits)
    chance = ops.sigmoid(logits)
    common = ops.sum(chance * truth, axis=(1, 2, 3))
    sizes = ops.sum(chance, axis=(1, 2, 3)) + ops.sum(truth, axis=(1, 2, 3))
    return 1.0 - (2.0 * common + SMOOTH) / (sizes + SMOOTH)


def mixed(truth: Any, logits: Any) -> Any:
    """The mean of both: gradients everywhere from one, the right target from the other."""
    return 0.5 * bce_with_logits(truth, logits) + 0.5 * soft_dice(truth, logits)


#: name → loss
SEGMENTATION_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "bce": bce_with_logits,
    "dice": soft_dice,
    "mixed": mixed,
}


def segmentation_loss(name: str) -> Callable[[Any, Any], Any]:
    """A loss by name: bce, dice or mixed. ParameterError for another."""
    if name not in SEGMENTATION_LOSSES:
        raise ParameterError(f"loss: {name!r} is none of {', '.join(SEGMENTATION_LOSSES)}.")
    return SEGMENTATION_LOSSES[name]


def dice_metric(truth: Any, logits: Any) -> Any:
    """Dice of the decisions at probability one half, one number a picture; both empty counts 1."""
    truth, logits = _checked(truth, logits)
    lesion = ops.cast(logits > 0, "float32")
    common = ops.sum(lesion * truth, axis=(1, 2, 3))
    sizes = ops.sum(lesion, axis=(1, 2, 3)) + ops.sum(truth, axis=(1, 2, 3))
    return ops.where(sizes > 0, 2.0 * common / ops.maximum(sizes, 1.0), 1.0)


def _checked(truth: Any, logits: Any) -> tuple[Any, Any]:
    logits = ops.cast(logits, "float32")
    truth = ops.cast(truth, "float32")
    if truth.shape[1:] != logits.shape[1:] or len(logits.shape) != 4:
        # subtracting maps of other shapes would broadcast to something, and train on it
        raise ParameterError(f"masks {truth.shape} and logits {logits.shape} differ in shape.")
    return truth, logits
