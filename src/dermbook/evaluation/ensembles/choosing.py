"""Choosing members and weights on a part: the best, the best few, or greedily one after another.

All of it works on two scores that are sums over images, accuracy and balanced accuracy. For these
an image that is right is worth a fixed ``credit``, so that thousands of ensembles are tried fast.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.ensembles.rules import matched, stacked
from dermbook.evaluation.predictions import Predictions

METRICS = ("balanced_accuracy", "accuracy")

#: from probabilities (m, n, k), truth (n,) and credit (n,): a weight a member, summing to 1
Way = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Greedy:
    """A greedy selection: what was added in each step, and what it gave where it was chosen.

    weights: float64 (members,), the share of steps in which each was added, up to the best step.
    steps: step (from 1), added (model), members (different ones), score (of the choosing part).
    path: positions in the order added, all steps. best: the step with the best score.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    steps: pd.DataFrame
    path: tuple[int, ...]
    best: int


def credit(
    truth: np.ndarray, metric: str = "balanced_accuracy", weights: np.ndarray | None = None
) -> np.ndarray:
    """What each image adds to a score when it is right: float64 (n,), summing to 1.

    truth: int (n,) codes. weights: how often each image counts; one each by default. Balanced
    accuracy is the mean over the classes that have any weight. ParameterError for other metrics.
    """
    if metric not in METRICS:
        raise ParameterError(f"metric: must be one of {', '.join(METRICS)}, not {metric!r}.")
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, dtype="float64")
    if metric == "accuracy":
        return weights / weights.sum()
    by_class = np.bincount(truth, weights=weights)
    present = by_class > 0
    each = np.divide(1.0, by_class * present.sum(), out=np.zeros(len(by_class)), where=present)
    return weights * each[truth]


def part_score(predictions: Predictions, metric: str = "balanced_accuracy") -> float:
    """The score of Predictions by ``credit``: scikit-learn's value, found faster."""
    truth = predictions.truth_codes
    return float((predictions.predicted_codes == truth) @ credit(truth, metric))


def greedy_selection(
    members: Sequence[Predictions], *, metric: str = "balanced_accuracy", rounds: int = 30
) -> Greedy:
    """Add, again and again, the member that helps the mean probability most (Caruana et al. 2004).

    With replacement, so a member may be added several times and then weighs more. Of equally good
    additions the first is taken. It goes on for ``rounds`` steps, since a score may fall and rise
    again, and keeps the shortest selection with the best score.
    """
    members = matched(members)
    if rounds < 1:
        raise ParameterError(f"rounds: must be 1 or more, not {rounds}.")
    truth = members[0].truth_codes
    path, scores = climb(stacked(members), truth, credit(truth, metric), rounds)
    names = tuple(member.model for member in members)
    steps = pd.DataFrame(
        {
            "step": range(1, rounds + 1),
            "added": [names[position] for position in path],
            "members": [len(set(path[: step + 1])) for step in range(rounds)],
            "score": scores,
        }
    )
    best = int(np.argmax(scores)) + 1
    return Greedy(names, _shares(path[:best], len(names)), steps, tuple(path), best)


def climb(
    stack: np.ndarray, truth: np.ndarray, worth: np.ndarray, rounds: int
) -> tuple[list[int], np.ndarray]:
    """The steps of a greedy selection: positions added, and the score after each."""
    total = np.zeros(stack.shape[1:])
    path: list[int] = []
    scores = np.empty(rounds)
    for step in range(rounds):
        right = (total + stack).argmax(axis=2) == truth
        # rounding would break ties by the last bit of a sum
        values = np.round(right @ worth, 12)
        path.append(int(values.argmax()))
        scores[step] = values[path[-1]]
        total += stack[path[-1]]
    return path, scores


def best_first(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """Positions of the members from the best to the worst; of equal ones the first first."""
    values = np.round((stack.argmax(axis=2) == truth) @ worth, 12)
    return np.argsort(-values, kind="stable")


def best_one(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """All weight on the best member."""
    return _shares(best_first(stack, truth, worth)[:1], len(stack))


def best_three(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """R1's way: the best three, weighted by their scores (row 1.12)."""
    chosen = best_first(stack, truth, worth)[:3]
    scores = (stack[chosen].argmax(axis=2) == truth) @ worth
    weights = np.zeros(len(stack))
    weights[chosen] = scores if scores.any() else 1.0
    return weights / weights.sum()


def all_alike(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """The plain mean of all, which chooses nothing: the control."""
    return np.full(len(stack), 1 / len(stack))


def greedily(rounds: int) -> Way:
    """``greedy_selection`` as a way, in so many steps."""

    def way(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
        path, scores = climb(stack, truth, worth, rounds)
        return _shares(path[: int(np.argmax(scores)) + 1], len(stack))

    return way


def greedily_bagged(rounds: int, bags: int, *, seed: int = 0) -> Way:
    """The mean weights of greedy selections, each from a random half of the candidates.

    What only luck recommends is chosen in few of them (bagged selection, Caruana et al. 2004).
    """
    greedy = greedily(rounds)

    def way(stack: np.ndarray, truth: np.ndarray, worth: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(seed)
        weights = np.zeros(len(stack))
        for _ in range(bags):
            half = np.sort(rng.permutation(len(stack))[: (len(stack) + 1) // 2])
            weights[half] += greedy(stack[half], truth, worth)
        return weights / bags

    return way


def ways(rounds: int = 15) -> Mapping[str, Way]:
    """The ways of choosing that are compared, by name."""
    return {
        "mean of all": all_alike,
        "best one": best_one,
        "best three, weighted": best_three,
        "greedy ensemble": greedily(rounds),
    }


def chosen_weights(
    members: Sequence[Predictions], way: Way, metric: str = "balanced_accuracy"
) -> np.ndarray:
    """The weights that a way gives when it chooses on these Predictions: float64 (members,)."""
    members = matched(members)
    truth = members[0].truth_codes
    return way(stacked(members), truth, credit(truth, metric))


def _shares(positions: Sequence[int], count: int) -> np.ndarray:
    return np.bincount(np.asarray(positions, dtype="int64"), minlength=count) / len(positions)
