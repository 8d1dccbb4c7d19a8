"""The registry of networks: one decorator to enter a model, one function to build it by name."""

import difflib
import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import keras
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.models.parts import check_count

Builder = Callable[..., keras.Model]
# (height, width) below which a network's poolings leave nothing, from its options
SmallestInput = Callable[..., tuple[int, int]]


@dataclass(frozen=True)
class ModelSpec:
    """What the registry knows of one network.

    ``rows`` are rows of the source reports' inventory ("2.2" is report R2, row 2). ``options`` are
    the builder's keyword arguments with their defaults. ``smallest_input(**options)`` gives the
    least (height, width) in pixels.
    """

    name: str
    rows: tuple[str, ...]
    description: str
    builder: Builder
    smallest_input: SmallestInput
    options: Mapping[str, Any] = field(default_factory=dict)


_REGISTRY: dict[str, ModelSpec] = {}


def build(
    name: str, input_shape: tuple[int, int, int], classes: int, *, seed: int = 0, **options: Any
) -> keras.Model:
    """Build an untrained network by its name; ``catalogue()`` lists the names.

    Args:
        name: a name in the catalogue, such as "r2-cnn".
        input_shape: (height, width, channels) in pixels.
        classes: how many probabilities an image gets, ≥ 1.
        seed: decides the initial weights and the dropout generators; equal seeds give equal
            weights, whatever was built or drawn before. ``fit`` starts the dropout generators
            anew from its own seed.
        options: keyword arguments of that network (``spec(name).options``).

    Returns:
        A model, not compiled. Input: uint8 or float images, (n, height, width, channels),
        0..255; scaling is part of the model. Output: float32 probabilities, (n, classes), by
        softmax; with ``classes=1`` one sigmoid unit, the probability of code 1.

    Raises:
        ParameterError: an unknown name or option (the nearest one is named), an input too small
            for the network's poolings (the smallest size is named), or a value out of range.
    """
    model = spec(name)
    for option in options:
        if option not in model.options:
            raise ParameterError(
                f'Model "{name}" has no option "{option}".{nearest(option, model.options)} '
                f"Its options: {', '.join(model.options) or 'none'}."
            )
    height, width, channels = _checked_shape(name, input_shape)
    check_count("classes", classes)
    if not isinstance(seed, Integral) or seed < 0:
        raise ParameterError(f"seed must be a whole number of at least 0, not {seed!r}.")
    smallest = model.smallest_input(**{**model.options, **options})
    if height < smallest[0] or width < smallest[1]:
        raise ParameterError(
            f'Model "{name}" needs images of at least {smallest[0]}×{smallest[1]} pixels '
            f"(height×width) with these options, not {height}×{width}: nothing would be left "
            "after its poolings."
        )
    with seeded(seed):
        return model.builder((height, width, channels), classes, **options)


def catalogue() -> pd.DataFrame:
    """All networks, sorted by name.

    Columns: name, rows (inventory rows, joined by ", "), description, smallest_input
    ("height×width" in pixels with default options), options ("option=default", joined by ", ").
    """
    return pd.DataFrame(
        [
            {
                "name": model.name,
                "rows": ", ".join(model.rows),
                "description": model.description,
                "smallest_input": "×".join(map(str, model.smallest_input(**model.options))),
                "options": ", ".join(f"{key}={value!r}" for key, value in model.options.items()),
            }
            for _, model in sorted(_REGISTRY.items())
        ],
        columns=["name", "rows", "description", "smallest_input", "options"],
    )


def spec(name: str) -> ModelSpec:
    """What the registry knows of one network; ParameterError naming the nearest if unknown."""
    if name not in _REGISTRY:
        raise ParameterError(
            f'There is no model "{name}".{nearest(name, _REGISTRY)} '
            f"Models: {', '.join(sorted(_REGISTRY))}."
        )
    return _REGISTRY[name]


def register(
    name: str, *, rows: tuple[str, ...], description: str, smallest_input: SmallestInput
) -> Callable[[Builder], Builder]:
    """Enter a builder in the registry under ``name``.

    The builder is called as ``builder(input_shape, classes, **options)``. Its keyword-only
    arguments are the network's options, and each needs a default. It says in its docstring which
    parts the source states and which are our choice. It gives its layers no seeds (``build``
    seeds them), scales 0..255 inside, and ends in probabilities (``parts.probabilities``).
    ``smallest_input`` takes all the options by keyword, gives the least (height, width) in pixels,
    and raises ParameterError for an option out of range; ``build`` calls it first.
    """

    def enter(builder: Builder) -> Builder:
        if name in _REGISTRY and _REGISTRY[name].builder.__qualname__ != builder.__qualname__:
            raise ValueError(f'two models are registered as "{name}"')
        parameters = inspect.signature(builder).parameters.values()
        options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        if inspect.Parameter.empty in options.values():
            raise ValueError(f'every option of "{name}" needs a default')
        _REGISTRY[name] = ModelSpec(
            name=name,
            rows=rows,
            description=description,
            builder=builder,
            smallest_input=smallest_input,
            options=options,
        )
        return builder

    return enter


def nearest(word: str, known: Mapping[str, Any]) -> str:
    """' Did you mean "…"?', or nothing when no known word is like this one."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f' Did you mean "{found[0]}"?' if found else ""


def _checked_shape(name: str, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    try:
        height, width, channels = (int(side) for side in shape)
    except (TypeError, ValueError):
        height = width = channels = 0
    if min(height, width, channels) < 1:
        raise ParameterError(
            f'input_shape of model "{name}" must be (height, width, channels), all at least 1, '
            f"not {shape!r}."
        )
    return height, width, channels


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make Keras draw the same seeds each time, and leave the caller's generator as it was."""
    # initializers and dropout layers without a seed of their own draw one from Python's `random`
    state = random.getstate()
    random.seed(int(seed))
    try:
        yield
    finally:
        random.setstate(state)
