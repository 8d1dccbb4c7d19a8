"""Answers to unequal class sizes that need no other images: weights in the loss, and afterwards."""

from collections.abc import Sequence

import numpy as np

from dermbook.errors import DataError, ParameterError


def balanced_class_weights(
    codes: np.ndarray, classes: Sequence[str] | int, *, square_root: bool = False
) -> dict[int, float]:
    """A weight for each class so that each counts as much as any other in the loss.

    Class c with n_c of the n images weighs n / (k · n_c) (scikit-learn's "balanced" rule; R4,
    row 4.5). The mean weight over the images is 1, so the loss keeps its scale.

    Args:
        codes: int (n,), the class code of each training image.
        classes: names in the order of the codes, or their number k.
        square_root: weigh by 1/√n_c instead, half-way (on a log scale) between no weights and
            balanced ones; again with a mean of 1 over the images. Gentler on rare classes.

    Returns:
        Class code → weight, > 0, for every class.

    Raises:
        DataError: a class has no image, so no weight can balance it.
        ParameterError: a code outside 0..k-1.
    """
    # scikit-learn takes a second to import
    from sklearn.utils.class_weight import compute_class_weight

    names = [str(c) for c in (range(classes) if isinstance(classes, int) else classes)]
    codes = np.asarray(codes)
    if codes.size == 0:
        raise DataError("There are no training images to weigh the classes by.")
    if codes.min() < 0 or codes.max() >= len(names):
        raise ParameterError(
            f"Class codes run from {codes.min()} to {codes.max()}, but there are "
            f"{len(names)} classes ({', '.join(names)})."
        )
    counts = np.bincount(codes, minlength=len(names))
    if not counts.all():
        absent = ", ".join(name for name, n in zip(names, counts, strict=True) if n == 0)
        raise DataError(
            f"No training image of class {absent}: no weight can balance it. Take more images, "
            "another split seed, or leave the class out."
        )
    weights = compute_class_weight("balanced", classes=np.arange(len(names)), y=codes)
    if square_root:
        weights = np.sqrt(weights)
        weights /= np.average(weights, weights=counts)
    return {code: float(weight) for code, weight in enumerate(weights)}


def prior_correction(
    probabilities: np.ndarray, codes: np.ndarray, *, strength: float = 1.0
) -> np.ndarray:
    """Probabilities as if all classes had been equally frequent in training: no training needed.

    Each class's probability is divided by its share of the training images to the power of
    ``strength`` (0 changes nothing, 1 is Bayes' rule for equal classes; Saerens et al. 2002), and
    rows are scaled to sum to 1. A class that training lacks keeps its probability.

    probabilities: float (n, k), rows summing to 1; codes: int (m,), the training images' classes.
    ParameterError for a strength outside 0..1 or a code outside 0..k-1.
    """
    if not 0 <= strength <= 1:
        raise ParameterError(f"strength: must lie between 0 and 1, not {strength}.")
    codes, classes = np.asarray(codes), probabilities.shape[1]
    if codes.size == 0 or codes.min() < 0 or codes.max() >= classes:
        raise ParameterError(f"codes must be in 0..{classes - 1}, and there must be some.")
    shares = np.bincount(codes, minlength=classes) / codes.size
    corrected = probabilities / np.where(shares > 0, shares, 1) ** strength
    return corrected / corrected.sum(axis=1, keepdims=True)
