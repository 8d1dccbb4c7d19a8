"""One proportion with its interval, as a row of a table."""

import numpy as np

from dermbook.evaluation import wilson


def bounds(successes: int, n: int) -> dict[str, float]:
    """value (NaN for n = 0), low, high: the share with its Wilson interval, 0..1."""
    low, high = wilson(successes, n)
    return {"value": successes / n if n else np.nan, "low": low, "high": high}
