"""Pieces that the networks share: the way in, the way out, and checks of their options."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import keras
from keras import layers

from dermbook.errors import ParameterError


def image_input(input_shape: tuple[int, int, int]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input for images of 0..255 (uint8 or float) and the same scaled to 0..1, float32."""
    image = keras.Input(input_shape, name="image")
    return image, layers.Rescaling(1 / 255, name="scaled")(image)


def probabilities(features: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """float32 (n, classes) by softmax; for one class (n, 1) by a sigmoid."""
    activation = "softmax" if classes > 1 else "sigmoid"
    # float32 also under mixed precision, where half a float is too coarse for a loss
    head = layers.Dense(classes, activation=activation, dtype="float32", name="probabilities")
    return head(features)


def check_rate(name: str, value: Any) -> None:
    """ParameterError unless ``value`` is a dropout rate, 0 ≤ value < 1."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < 1:
        raise ParameterError(f"{name} must be at least 0 and less than 1, not {value!r}.")


def check_count(name: str, value: Any) -> None:
    """ParameterError unless ``value`` is a whole number of at least 1."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ParameterError(f"{name} must be a whole number of at least 1, not {value!r}.")


def check_counts(name: str, values: Sequence[int]) -> None:
    """ParameterError unless ``values`` is a non-empty sequence of whole numbers ≥ 1."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ParameterError(f"{name} must be a non-empty list of whole numbers, not {values!r}.")
    for value in values:
        check_count(f"each of {name}", value)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """ParameterError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


def check_subset(name: str, values: Any, allowed: Sequence[Any]) -> None:
    """ParameterError unless ``values`` is a sequence, perhaps empty, of members of ``allowed``."""
    if isinstance(values, str) or not isinstance(values, Sequence) or set(values) - set(allowed):
        raise ParameterError(
            f"{name} must be a list of {', '.join(map(str, allowed))}, not {values!r}."
        )
