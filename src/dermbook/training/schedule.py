"""When to stop, when to lower the learning rate, and which epoch was the best.

The rules are those of Keras's callbacks of the same names. They are written out here because a
killed training must go on with the same counters, which Keras's callbacks do not save.
"""

import math
from dataclasses import KW_ONLY, asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from dermbook.errors import ParameterError


@dataclass(frozen=True)
class EarlyStopping:
    """Stop once ``monitor`` has not improved for ``patience`` epochs in a row.

    Args:
        monitor: a column of the history, such as "val_loss" or "val_accuracy".
        patience: epochs, ≥ 1. As in Keras, 1 stops at the first epoch that is no better.
        min_delta: least change, ≥ 0 and in units of ``monitor``, that counts as an improvement.
        mode: "min" if lower is better, "max" if higher is. To be given: guessing it from the
            name is how report R4 came to lower its learning rate whenever its score improved.

    Raises:
        ParameterError: a value out of range.
    """

    monitor: str = "val_loss"
    _: KW_ONLY
    patience: int
    min_delta: float = 0.0
    mode: Literal["min", "max"]

    def __post_init__(self) -> None:
        _check_choice("EarlyStopping.mode", self.mode, ("min", "max"))
        _check_at_least("EarlyStopping.patience", self.patience, 1)
        _check_at_least("EarlyStopping.min_delta", self.min_delta, 0)


@dataclass(frozen=True)
class Plateau:
    """Multiply the learning rate by ``factor`` when ``monitor`` has stopped improving.

    Args:
        monitor: a column of the history.
        factor: between 0 and 1.
        patience: epochs without improvement, ≥ 1, before the rate is lowered.
        min_delta: least change, ≥ 0, that counts as an improvement.
        cooldown: epochs, ≥ 0, after a lowering during which none are counted.
        min_learning_rate: the rate is never set below it.
        mode: "min", "max", or "auto", which is never what you want: it is the rule of Keras 2,
            "max" if the name contains "acc" and else "min", kept to show what it does to a
            monitor such as "val_f1" (report R4, row 4.8). Keras 3 refuses a name whose
            direction it does not know.

    Raises:
        ParameterError: a value out of range.
    """

    monitor: str = "val_loss"
    _: KW_ONLY
    factor: float = 0.1
    patience: int
    min_delta: float = 1e-4
    cooldown: int = 0
    min_learning_rate: float = 0.0
    mode: Literal["min", "max", "auto"]

    def __post_init__(self) -> None:
        _check_choice("Plateau.mode", self.mode, ("min", "max", "auto"))
        _check_at_least("Plateau.patience", self.patience, 1)
        _check_at_least("Plateau.min_delta", self.min_delta, 0)
        _check_at_least("Plateau.cooldown", self.cooldown, 0)
        _check_at_least("Plateau.min_learning_rate", self.min_learning_rate, 0)
        if not 0 < self.factor < 1:
            raise ParameterError(f"Plateau.factor must be between 0 and 1, not {self.factor!r}.")

    @property
    def direction(self) -> Literal["min", "max"]:
        """``mode`` with "auto" resolved as Keras 2 did."""
        if self.mode == "auto":
            return "max" if "acc" in self.monitor else "min"
        return self.mode


@dataclass
class Best:
    """The best value seen of one quantity; NaN is never better than anything."""

    mode: Literal["min", "max"]
    min_delta: float = 0.0
    value: float | None = None
    epoch: int | None = None  # 1-based

    def update(self, epoch: int, value: float) -> bool:
        """Whether ``value`` improves on the best by more than ``min_delta``; if so, remember it."""
        if math.isnan(value):
            return False
        gain = math.inf
        if self.value is not None:
            gain = self.value - value if self.mode == "min" else value - self.value
        if not gain > self.min_delta:
            return False
        self.value, self.epoch = value, epoch
        return True


@dataclass
class Progress:
    """What the settings have seen so far; JSON-ready through ``state`` and ``restore``."""

    best: Best | None
    stopping: EarlyStopping | None
    plateau: Plateau | None
    stop_best: Best | None = field(init=False, default=None)
    stop_wait: int = field(init=False, default=0)
    plateau_best: Best | None = field(init=False, default=None)
    plateau_wait: int = field(init=False, default=0)
    plateau_cooldown: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.stopping:
            self.stop_best = Best(self.stopping.mode, self.stopping.min_delta)
        if self.plateau:
            self.plateau_best = Best(self.plateau.direction, self.plateau.min_delta)

    def should_stop(self, epoch: int, row: dict[str, float]) -> bool:
        """Count one epoch (1-based) for early stopping; True when patience is at its end."""
        if self.stopping is None or self.stop_best is None:
            return False
        if self.stop_best.update(epoch, row[self.stopping.monitor]):
            self.stop_wait = 0
            return False
        self.stop_wait += 1
        # Keras never stops after the first epoch, whatever it was
        return self.stop_wait >= self.stopping.patience and epoch > 1

    def next_learning_rate(self, epoch: int, row: dict[str, float]) -> float | None:
        """Count one epoch for the plateau; the new learning rate, or None to keep it."""
        if self.plateau is None or self.plateau_best is None:
            return None
        if self.plateau_cooldown > 0:
            self.plateau_cooldown -= 1
            self.plateau_wait = 0
        if self.plateau_best.update(epoch, row[self.plateau.monitor]):
            self.plateau_wait = 0
            return None
        if self.plateau_cooldown > 0:
            return None
        self.plateau_wait += 1
        rate = row["learning_rate"]
        # the rate is a float32 variable: as one, the least rate does not lie a hair below itself
        at_least = rate <= np.float32(self.plateau.min_learning_rate)
        if self.plateau_wait < self.plateau.patience or at_least:
            return None
        self.plateau_cooldown, self.plateau_wait = self.plateau.cooldown, 0
        return max(rate * self.plateau.factor, self.plateau.min_learning_rate)

    def state(self) -> dict[str, Any]:
        """Counters and best values, of JSON types."""
        everything = asdict(self)
        return {k: v for k, v in everything.items() if k not in ("stopping", "plateau")}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        for name, value in state.items():
            setattr(self, name, Best(**value) if isinstance(value, dict) else value)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


def _check_at_least(name: str, value: Any, least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
        raise ParameterError(f"{name} must be at least {least}, not {value!r}.")
