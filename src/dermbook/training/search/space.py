"""A search space: a list of values for every parameter, as R1 describes its grid (row 1.4)."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from dermbook.errors import ParameterError

Value = bool | int | float | str
Setting = dict[str, Value]
Space = Mapping[str, Sequence[Value]]


def check_space(space: Space) -> None:
    """ParameterError unless every parameter has a list of different plain values."""
    if not space:
        raise ParameterError("space: name at least one parameter.")
    for name, values in space.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
            raise ParameterError(f"space: {name} must have a non-empty list, not {values!r}.")
        if any(not isinstance(value, Value) for value in values):
            raise ParameterError(f"space: the values of {name} must be numbers, texts or booleans.")
        if len({json.dumps(value) for value in values}) < len(values):
            raise ParameterError(f"space: {name} has a value twice: {list(values)!r}.")


def space_size(space: Space) -> int:
    """How many combinations there are."""
    return math.prod(len(values) for values in space.values())


def setting_key(setting: Mapping[str, Value]) -> str:
    """A short name for a combination, fit for a file: equal for equal settings in any order."""
    return digest(dict(sorted(setting.items())))


def digest(thing: Any) -> str:
    """12 hexadecimal digits of anything that JSON can hold."""
    text = json.dumps(thing, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
