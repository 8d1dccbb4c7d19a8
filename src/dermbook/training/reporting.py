"""What a training says while it runs: a bar in a terminal, one line an epoch anywhere else."""

import math
import sys
from typing import Literal

from dermbook.errors import ParameterError

Verbose = Literal["auto", "bar", "line", "none"]


def resolve_verbose(verbose: Verbose) -> Verbose:
    """ "auto" is "bar" in a terminal, "line" elsewhere (notebooks, papermill, log files)."""
    if verbose not in ("auto", "bar", "line", "none"):
        raise ParameterError(f"verbose must be auto, bar, line or none, not {verbose!r}.")
    if verbose == "auto":
        return "bar" if sys.stdout.isatty() else "line"
    return verbose


def epoch_line(row: dict[str, float], epochs: int) -> str:
    """One epoch of the history in one line: 'epoch 3/30  loss 1.234  accuracy .561 …  12.3 s'."""
    shown = [
        f"{name} {number(value)}"
        for name, value in row.items()
        if name not in ("epoch", "learning_rate", "seconds") and not _absent(name, value, row)
    ]
    epoch = f"epoch {int(row['epoch']):{len(str(epochs))}d}/{epochs}"
    rate = f"rate {row['learning_rate']:.3g}"
    return "  ".join([epoch, *shown, rate, f"{row['seconds']:.1f} s"])


def number(value: float) -> str:
    """Three decimals, and no zero before the point."""
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _absent(name: str, value: float, row: dict[str, float]) -> bool:
    # without validation the columns are there, and empty
    return name.startswith("val_") and math.isnan(value) and math.isnan(row["val_loss"])
