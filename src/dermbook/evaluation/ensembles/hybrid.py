"""R3's proposal: one network for the classes with many images, another for the rest (row 3.9).

Which class an image is of is what nobody knows, so a mixture needs a rule that does without it.
"""

from collections.abc import Sequence

import numpy as np

from dermbook.errors import ParameterError
from dermbook.evaluation.ensembles.rules import EnsembleError, combined, matched
from dermbook.evaluation.predictions import Predictions


def large_classes(predictions: Predictions, least: float) -> tuple[str, ...]:
    """Classes with at least the share ``least`` of the images, in the order of the classes.

    Of the validation part this is nearly that of the training part, for parts are stratified.
    ParameterError if all or none of the classes are large.
    """
    shares = np.bincount(predictions.truth_codes, minlength=len(predictions.classes))
    shares = shares / shares.sum()
    large = tuple(
        name for name, share in zip(predictions.classes, shares, strict=True) if share >= least
    )
    if not large or len(large) == len(predictions.classes):
        raise ParameterError(
            f"large_share: with {least:g}, {len(large)} of {len(shares)} classes are large; choose "
            f"it between {shares.min():.3f} and {shares.max():.3f}."
        )
    return large


def by_decision(
    first: Predictions, second: Predictions, large: Sequence[str], *, model: str = "hybrid"
) -> Predictions:
    """Where ``first`` decides for a large class its answer stands, elsewhere that of ``second``."""
    first, second = matched([first, second])
    is_large = _is_large(first, large)[first.predicted_codes]
    values = np.where(is_large[:, None], first.probabilities, second.probabilities)
    return combined([first, second], values, model)


def by_class(
    first: Predictions, second: Predictions, large: Sequence[str], *, model: str = "hybrid"
) -> Predictions:
    """The large classes' probabilities from ``first``, the others' from ``second``, rescaled."""
    first, second = matched([first, second])
    is_large = _is_large(first, large)
    values = np.where(is_large[None, :], first.probabilities, second.probabilities)
    # where each leaves its own classes nothing, the two are equally right about nothing
    empty = values.sum(axis=1) <= 0
    values[empty] = (first.probabilities[empty] + second.probabilities[empty]) / 2
    return combined([first, second], values, model)


def _is_large(predictions: Predictions, large: Sequence[str]) -> np.ndarray:
    if unknown := [name for name in large if name not in predictions.classes]:
        raise EnsembleError(f"{predictions.model} has no class {unknown[0]!r}.")
    return np.isin(np.array(predictions.classes, dtype=object), list(large))
