"""Optimizers that write down how long the gradient was, step by step.

A gradient that explodes is seen in its norm before it is seen in the loss (Pascanu et al. 2013).
The norm is taken inside the optimizer, where every Keras backend hands over the gradients, and kept
in a variable of it, so that compiled and stateless training steps keep it, too.
"""

import keras
import numpy as np
from keras import ops

from dermbook.errors import ParameterError


class _Recording:
    """Mixed into an optimizer: ``norms`` holds the norm of all gradients together of each step.

    steps: how many first steps are written down. The norm is that of the gradients as they come,
    before any clipping.
    """

    def __init__(self, *args, steps: int = 1000, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if steps < 1:
            raise ParameterError(f"steps must be 1 or more, not {steps!r}.")
        self.steps = int(steps)

    def build(self, variables) -> None:
        if self.built:
            return
        super().build(variables)
        self.norms = self.add_variable((self.steps,), name="norms", dtype="float32")

    def apply(self, grads, trainable_variables=None):
        if not self.built and trainable_variables is not None:
            self.build(list(trainable_variables))
        squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in grads if g is not None]
        if squares:
            norm = ops.sqrt(sum(squares))
            here = ops.equal(ops.arange(self.steps), ops.cast(self.iterations, "int32"))
            self.norms.assign(ops.where(here, norm, ops.convert_to_tensor(self.norms)))
        return super().apply(grads, trainable_variables)

    def get_config(self) -> dict:
        return {**super().get_config(), "steps": self.steps}


@keras.saving.register_keras_serializable("dermbook")
class RecordingSGD(_Recording, keras.optimizers.SGD):
    """SGD that records gradient norms."""


@keras.saving.register_keras_serializable("dermbook")
class RecordingAdam(_Recording, keras.optimizers.Adam):
    """Adam that records gradient norms."""


#: name of Keras's optimizer → the one that records
RECORDING = {"sgd": RecordingSGD, "adam": RecordingAdam}


def recording(name: str, *, learning_rate: float, steps: int, clip: float = 0.0):
    """An optimizer by name that records ``steps`` norms.

    clip: bound of the norm of all gradients together (``global_clipnorm``); 0 for none.
    ParameterError for a name that is not in ``RECORDING``.
    """
    if name not in RECORDING:
        raise ParameterError(f"optimizer: must be one of {', '.join(RECORDING)}, not {name!r}.")
    return RECORDING[name](
        learning_rate=float(learning_rate), steps=steps, global_clipnorm=clip if clip else None
    )


def gradient_norms(optimizer: keras.optimizers.Optimizer) -> np.ndarray:
    """The norms of the steps taken so far, float32 (steps,), oldest first."""
    taken = int(ops.convert_to_numpy(optimizer.iterations))
    return np.array(ops.convert_to_numpy(optimizer.norms))[: min(taken, optimizer.steps)]
