"""Every rule as something that is fitted on one part and then combines any part.

A rule that was fitted on the validation part looks better there than it is. To choose *between*
rules, each is therefore scored on the validation part out of fold: fitted on some lesions of it,
applied to the others (nested selection, lesson M8).

Inside, all is arrays: probabilities (members, n, k), truth (n,) and lesions (n,), matched once.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from dermbook.evaluation.ensembles.choosing import (
    all_alike,
    best_first,
    best_one,
    credit,
    greedily,
    greedily_bagged,
    part_score,
)
from dermbook.evaluation.ensembles.rules import (
    FLOOR,
    EnsembleError,
    average,
    checked_weights,
    combined,
    matched,
    product,
    ranks,
    stacked,
    votes,
)
from dermbook.evaluation.ensembles.stacking import fitted_stack, lesion_folds
from dermbook.evaluation.predictions import Predictions

#: a fitted rule: probabilities (members, n, k) in, (n, k) out; rows need not sum to 1
Combine = Callable[[np.ndarray], np.ndarray]
#: from probabilities, truth and lesions of the choosing part to the fitted rule
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], Combine]

#: the rule that stands for "no ensemble"
SINGLE = "best single model"
#: exponents of the class shares among which a corrected rule chooses
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def rules(
    *, metric: str = "balanced_accuracy", top: int = 5, rounds: int = 20, bags: int = 15,
    most: int = 12, folds: int = 3, seed: int = 0,
) -> Mapping[str, Fit]:  # fmt: skip
    """All rules by name, each to be fitted on the validation part.

    top: members of the mean of the best; rounds: steps of the greedy selection; bags: how often it
    is repeated on half of the candidates; most: members of the stack; folds: of lesions, in which
    the stack chooses its penalty.
    """
    mean = partial(_weighted, way=all_alike, metric=metric)
    greedy = partial(_weighted, way=greedily(rounds), metric=metric)
    bagged = partial(_weighted, way=greedily_bagged(rounds, bags, seed=seed), metric=metric)
    return {
        SINGLE: partial(_weighted, way=best_one, metric=metric),
        "majority vote": lambda stack, truth, groups: votes,
        "mean": mean,
        "accuracy-weighted mean": partial(_weighted, way=by_accuracy, metric="accuracy"),
        "geometric mean": lambda stack, truth, groups: (
            lambda of: product(of, checked_weights(None, len(of)))
        ),
        "rank mean": lambda stack, truth, groups: ranks,
        f"mean of the best {top}": partial(_weighted, way=best_few(top), metric=metric),
        "greedy selection": greedy,
        "stacking": partial(_stacking, metric=metric, most=most, folds=folds, seed=seed),
        "bagged greedy": bagged,
        "mean, corrected": partial(_corrected, base=mean, metric=metric),
        "greedy, corrected": partial(_corrected, base=greedy, metric=metric),
        "bagged greedy, corrected": partial(_corrected, base=bagged, metric=metric),
    }


def apply_rule(
    fit: Fit, choosing: Sequence[Predictions], members: Sequence[Predictions], *, model: str
) -> Predictions:
    """Fit a rule on one part's Predictions and combine those of another part, model by model.

    Raises EnsembleError if the two parts are not of the same models and classes.
    """
    choosing, members = matched(choosing), matched(members)
    by_name = {member.model: member for member in members}
    if strange := {each.model for each in choosing} ^ set(by_name):
        raise EnsembleError(f"{model}: {sorted(strange)[0]} is a member on one part only.")
    if choosing[0].classes != members[0].classes:
        raise EnsembleError(f"{model}: the two parts have different classes.")
    combine = fit(stacked(choosing), choosing[0].truth_codes, choosing[0].group_codes)
    same_order = [by_name[each.model] for each in choosing]
    return combined(members, combine(stacked(same_order)), model)


def out_of_fold(
    fit: Fit, members: Sequence[Predictions], *, model: str, folds: int = 5, seed: int = 0
) -> Predictions:
    """Predictions of a part by a rule that was fitted on other lesions of the same part.

    Raises EnsembleError where there are fewer than two lesions.
    """
    members = matched(members)
    stack, truth, groups = stacked(members), members[0].truth_codes, members[0].group_codes
    fold = lesion_folds(truth, groups, folds, seed=seed)
    if len(np.unique(fold)) < 2:
        raise EnsembleError(f"{model}: out of fold needs at least two lesions.")
    values = np.empty(stack.shape[1:])
    for number in np.unique(fold):
        out = fold == number
        found = fit(stack[:, ~out], truth[~out], groups[~out])(stack[:, out])
        values[out] = found / found.sum(axis=1, keepdims=True)
    return combined(members, values, model)


def accuracies(members: Sequence[Predictions]) -> np.ndarray:
    """Each member's accuracy on its part: R1's weights (row 1.12), but not from the test."""
    return np.array([part_score(member, "accuracy") for member in members])


def top_weights(
    members: Sequence[Predictions], top: int, metric: str = "balanced_accuracy"
) -> np.ndarray:
    """Equal weights on the best ``top`` members by their score on this part, 0 on the others."""
    members = matched(members)
    truth = members[0].truth_codes
    return best_few(top)(stacked(members), truth, credit(truth, metric))


def by_accuracy(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """Weights that follow the members' scores; alike where all are wrong."""
    scores = (stack.argmax(axis=2) == truth) @ worth
    return checked_weights(scores if scores.any() else None, len(stack))


def best_few(top: int) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Equal weights on the best ``top``."""

    def way(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
        weights = np.zeros(len(stack))
        weights[best_first(stack, truth, worth)[:top]] = 1.0
        return checked_weights(weights, len(stack))

    return way


def _weighted(
    stack: np.ndarray, truth: np.ndarray, groups: np.ndarray, *, way: Callable, metric: str
) -> Combine:
    return partial(average, weights=way(stack, truth, credit(truth, metric)))


def _stacking(stack: np.ndarray, truth: np.ndarray, groups: np.ndarray, **options) -> Combine:
    chosen, _, model = fitted_stack(stack, truth, groups, **options)
    return lambda of: model(of[chosen])


def _corrected(
    stack: np.ndarray, truth: np.ndarray, groups: np.ndarray, *, base: Fit, metric: str
) -> Combine:
    """A rule on members whose decisions were shifted towards rare classes, as far as helps each.

    A member's probabilities are divided by the classes' shares to a power (Saerens et al. 2002);
    the lowest power with its best score on the choosing part is taken. So members that were trained
    with class weights and members that were not meet at the same point.
    """
    from dermbook.training.imbalance import prior_correction

    worth = credit(truth, metric)

    def shifted(values: np.ndarray, strength: float) -> np.ndarray:
        return prior_correction(np.maximum(values, FLOOR), truth, strength=strength)

    def strength_of(values: np.ndarray) -> float:
        scores = [(shifted(values, each).argmax(axis=1) == truth) @ worth for each in STRENGTHS]
        return STRENGTHS[int(np.argmax(np.round(scores, 12)))]

    strengths = [strength_of(values) for values in stack]

    def corrected(of: np.ndarray) -> np.ndarray:
        return np.stack([shifted(v, each) for v, each in zip(of, strengths, strict=True)])

    combine = base(corrected(stack), truth, groups)
    return lambda of: combine(corrected(of))
