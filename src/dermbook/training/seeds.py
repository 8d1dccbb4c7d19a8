"""One seed for everything that is drawn, and operations that give the same sum every time."""

from numbers import Integral

import keras
import numpy as np

from dermbook.errors import ParameterError


def seed_everything(seed: int, *, deterministic: bool = True) -> None:
    """Seed Python, NumPy and the Keras backend, and ask the backend for deterministic operations.

    Sets process-wide state, and there is no way back but a new process. Equal seeds then give
    bit-identical trainings on one machine with one number of threads; another machine or thread
    count adds numbers in another order, and the weights drift apart after a few epochs.

    On CPU the cost is a few per cent at most. On a GPU it can be 10–50 %, and TensorFlow raises
    an error for the few operations that have no deterministic version: pass
    ``deterministic=False`` there. JAX takes its determinism from the environment before it starts
    (``XLA_FLAGS=--xla_gpu_deterministic_ops=true``) and needs nothing on CPU.

    Args:
        seed: 0 ≤ seed < 2³².
        deterministic: ask TensorFlow or PyTorch for deterministic operations.

    Raises:
        ParameterError: a seed out of range.
    """
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise ParameterError(f"seed must be a whole number from 0 to 2³² - 1, not {seed!r}.")
    keras.utils.set_random_seed(int(seed))
    if not deterministic:
        return
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.use_deterministic_algorithms(True, warn_only=True)


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed Python, NumPy and the backend for one epoch (from 0), whatever was drawn before it."""
    sequence = np.random.SeedSequence(seed, spawn_key=(epoch,))
    keras.utils.set_random_seed(int(sequence.generate_state(1)[0]))


def reseed_layers(model: keras.Model, seed: int) -> None:
    """Start the model's own generators (dropout, random layers) anew from ``seed``.

    They advance with every training batch; without this a model that has been trained before
    would drop other units than a fresh one with the same weights.
    """
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    for state, child in zip(states, np.random.SeedSequence(seed).spawn(len(states)), strict=True):
        # below 2³¹: PyTorch keeps these states as signed integers
        draw = int(child.generate_state(1)[0]) % 2**31
        state.assign(np.array([draw, 0], dtype=state.dtype))
