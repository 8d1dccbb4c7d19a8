"""Combining several models' Predictions of the same images into one.

Every rule takes the members' Predictions and gives Predictions, in the first member's row order.
Members are matched on ``image_id``; nothing is combined by position. ``EnsembleError`` says which
model, image, class or part does not fit.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from dermbook.errors import DataError
from dermbook.evaluation.predictions import Predictions, aligned

#: what a probability of zero counts in a logarithm: a member that is sure may be wrong, too
FLOOR = 1e-6
#: what the mean probability adds to whole votes: it decides ties and overturns no majority
TIE_VOTE = 0.5


class EnsembleError(DataError):
    """Members of an ensemble do not fit together."""


def matched(members: Sequence[Predictions]) -> list[Predictions]:
    """The members in the row order of the first one.

    Raises EnsembleError, naming the models and the part, classes, image or truth in which they
    differ; for no member; and for a model that is there twice.
    """
    if not members:
        raise EnsembleError("An ensemble needs at least one member.")
    names = [member.model for member in members]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise EnsembleError(
            f"{sorted(repeated)[0]} is a member twice; give it a weight instead of a second vote."
        )
    return [members[0], *(_like(members[0], other) for other in members[1:])]


def combined(members: Sequence[Predictions], probabilities: np.ndarray, model: str) -> Predictions:
    """Predictions of an ensemble: the first member's images and truth, these probabilities.

    probabilities: float (n, k), not negative; rows are divided by their sums.
    """
    table = members[0].table.copy()
    table[list(members[0].classes)] = probabilities / probabilities.sum(axis=1, keepdims=True)
    return Predictions(
        table=table,
        classes=members[0].classes,
        model=model,
        part=members[0].part,
        collection=members[0].collection,
        data_fingerprint=members[0].data_fingerprint,
        phantom=any(member.phantom for member in members),
    )


def stacked(members: Sequence[Predictions]) -> np.ndarray:
    """The members' probabilities, float64 (members, n, k), after ``matched``."""
    return np.stack([member.probabilities for member in matched(members)])


def majority_vote(members: Sequence[Predictions], *, model: str = "majority-vote") -> Predictions:
    """Each member votes for its most probable class; the class with most votes wins.

    The probabilities are shares of votes, the mean probability counting as half a vote more: it
    decides between tied classes and never overturns a majority. Classes equal in both: the first.
    """
    return combined(members, votes(stacked(members)), model)


def mean_probability(
    members: Sequence[Predictions],
    weights: Sequence[float] | None = None,
    *,
    model: str = "mean",
) -> Predictions:
    """The mean of the members' probabilities, weighted if ``weights`` are given (one a member).

    Raises EnsembleError for weights that are negative, not finite, all zero, or not one a member.
    """
    stack = stacked(members)
    return combined(members, average(stack, checked_weights(weights, len(stack))), model)


def geometric_mean(
    members: Sequence[Predictions],
    weights: Sequence[float] | None = None,
    *,
    model: str = "geometric-mean",
) -> Predictions:
    """The members' probabilities multiplied, each to the power of its weight (Hinton 2002).

    A class that one member calls impossible stays nearly so; a probability counts 1e-6 at least.
    """
    stack = stacked(members)
    return combined(members, product(stack, checked_weights(weights, len(stack))), model)


def rank_mean(members: Sequence[Predictions], *, model: str = "rank-mean") -> Predictions:
    """The mean of ranks: how an image stands among all, class by class, however a member is scaled.

    A mean rank is turned back into a probability by the members' mean sorted probabilities of the
    class (quantile normalisation, Bolstad et al. 2003), so the order is that of the ranks and the
    scale the members' own. Ranks of equal probabilities are averaged. The answer for an image
    depends on the other images of the part, so for a single patient there is none.
    """
    return combined(members, ranks(stacked(members)), model)


# ---- the same on arrays: probabilities float64 (members, n, k) to (n, k), rows not yet scaled ----


def votes(stack: np.ndarray) -> np.ndarray:
    """Votes for each class, and half the mean probability."""
    counted = np.eye(stack.shape[2])[stack.argmax(axis=2)].sum(axis=0)
    return counted + TIE_VOTE * stack.mean(axis=0)


def average(stack: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean; weights float64 (members,)."""
    return np.tensordot(weights, stack, axes=1)


def product(stack: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted geometric mean of probabilities, none below ``FLOOR``."""
    return np.exp(average(np.log(np.maximum(stack, FLOOR)), weights))


def ranks(stack: np.ndarray) -> np.ndarray:
    """Mean ranks within the n rows, put back on the members' mean scale."""
    mean_rank = rankdata(stack, axis=1).mean(axis=0)
    levels = np.sort(stack, axis=1).mean(axis=0)
    positions = np.arange(1, stack.shape[1] + 1)
    columns = [
        np.interp(mean_rank[:, code], positions, levels[:, code]) for code in range(stack.shape[2])
    ]
    return np.maximum(np.column_stack(columns), FLOOR)


def checked_weights(weights: Sequence[float] | None, count: int) -> np.ndarray:
    """Weights that sum to 1, equal ones where none are given; EnsembleError for impossible ones."""
    values = np.ones(count) if weights is None else np.asarray(weights, dtype="float64")
    if values.shape != (count,):
        raise EnsembleError(f"{count} members need as many weights, not {values.size}.")
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise EnsembleError("Weights must be finite, not negative, and not all zero.")
    return values / values.sum()


def _like(first: Predictions, other: Predictions) -> Predictions:
    """``other`` in the row order of ``first``."""
    _check_classes(first, other)
    try:
        # where the rows are in order already, nothing is copied
        other = other if other.ids == first.ids else aligned([first, other])[1]
    except DataError as error:
        shared = first.table.index.intersection(other.table.index)
        raise EnsembleError(f"{error}{_first_difference(first, other, shared)}") from None
    for name in ("part", "collection", "data_fingerprint"):
        ours, theirs = getattr(first, name), getattr(other, name)
        if ours != theirs:
            raise EnsembleError(
                f"{first.model} and {other.model} do not match: {name} is {ours!r} for one and "
                f"{theirs!r} for the other."
            )
    if said := _first_difference(first, other, first.table.index):
        raise EnsembleError(f"{first.model} and {other.model} do not match.{said}")
    return other


def _first_difference(first: Predictions, other: Predictions, ids: pd.Index) -> str:
    """Which image differs in truth or lesion, in words; empty if none does."""
    for column, what in (("truth", "truth"), ("group", "lesion")):
        ours, theirs = (each.table[column].reindex(ids) for each in (first, other))
        differ = ~((ours == theirs) | (ours.isna() & theirs.isna())).to_numpy(dtype=bool)
        if differ.any():
            image = ids[int(differ.argmax())]
            return (
                f" The {what} of {image!r} is {ours[image]!r} for one and {theirs[image]!r} for "
                "the other."
            )
    return ""


def _check_classes(first: Predictions, other: Predictions) -> None:
    if first.classes == other.classes:
        return
    pair = f"{first.model} and {other.model} do not match on {other.part}"
    lacking = sorted(set(first.classes) ^ set(other.classes))
    if lacking:
        raise EnsembleError(f"{pair}: class {lacking[0]!r} is in one only.")
    raise EnsembleError(
        f"{pair}: their classes stand in another order, {', '.join(first.classes)} and "
        f"{', '.join(other.classes)}."
    )
