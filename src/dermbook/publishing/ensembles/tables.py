"""The tables of the chapter *Ensembles*. Each function returns a tidy table for a series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.ensembles import (
    SINGLE,
    accuracies,
    all_alike,
    apply_rule,
    by_class,
    by_decision,
    chosen_weights,
    greedy_selection,
    large_classes,
    majority_vote,
    mean_probability,
    out_of_fold,
    part_score,
    rules,
    top_weights,
    ways,
)
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.evaluation.predictions import Predictions
from dermbook.publishing.ensembles.candidates import Pool

#: R1's three ways of combining (row 1.12)
VOTE, MEAN, WEIGHTED = "majority vote", "mean probability", "accuracy-weighted mean"
THREE_FOUR, FOUR_SINGLE, THREE_SINGLE = (
    "best three − best four", "best four − best single", "best three − best single",
)  # fmt: skip
RESAMPLES = 500


@dataclass(frozen=True)
class Fitted:
    """Every rule's Predictions: out of fold on validation, and on the test part.

    scores: of each rule out of fold, one a dealing of the lesions into folds. ``validation`` holds
    the Predictions of the first dealing.
    """

    validation: Mapping[str, Predictions]
    test: Mapping[str, Predictions]
    metric: str
    scores: Mapping[str, tuple[float, ...]]

    @property
    def best(self) -> str:
        """The rule with the best mean score on validation; the test part chooses nothing."""
        return max(self.scores, key=lambda name: np.mean(self.scores[name]))

    def named(self, rule: str, model: str) -> tuple[Predictions, Predictions]:
        """A rule's Predictions of both parts, under a name that a file may have."""
        return renamed(self.validation[rule], model), renamed(self.test[rule], model)


def renamed(predictions: Predictions, model: str) -> Predictions:
    """The same Predictions under another model's name."""
    return mean_probability([predictions], model=model)


def fit_rules(
    pool: Pool, *, metric: str, top: int, rounds: int, bags: int, folds: int, dealings: int = 1,
    seed: int = 0,
) -> Fitted:  # fmt: skip
    """Fit every rule on validation, apply it to the test part, and out of fold to validation.

    dealings: how often the lesions are dealt into folds anew for the scores that choose.
    ParameterError for none.
    """
    if dealings < 1:
        raise ParameterError(f"dealings: {dealings} must be at least 1.")
    validation, test, scores = {}, {}, {}
    for name, fit in rules(metric=metric, top=top, rounds=rounds, bags=bags, seed=seed).items():
        dealt = [
            out_of_fold(fit, pool.validation, model="rule", folds=folds, seed=seed + number)
            for number in range(dealings)
        ]
        validation[name] = dealt[0]
        scores[name] = tuple(part_score(each, metric) for each in dealt)
        test[name] = apply_rule(fit, pool.validation, pool.test, model="rule")
    return Fitted(validation, test, metric, scores)


def rule_table(fitted: Fitted, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Every rule's score, best on validation first: model (the rule), validation (out of fold, mean
    over dealings), least, most (of a dealing), test, low, high (of test), accuracy (of test)."""
    scores = arm_scores(
        single_arms(fitted.test), _keys(fitted.metric), resamples=resamples, seed=seed
    ).set_index(["arm", "metric"])
    rows = []
    for name, dealt in fitted.scores.items():
        test = scores.loc[(name, fitted.metric)]
        rows.append(
            {
                "model": name,
                **{"validation": np.mean(dealt), "least": min(dealt), "most": max(dealt)},
                **{"test": test["value"], "low": test["low"], "high": test["high"]},
                "accuracy": scores.loc[(name, "accuracy"), "value"],
            }
        )
    table = pd.DataFrame(rows)
    # the first of equal rules is the chosen one, as ``Fitted.best`` takes it
    return table.sort_values("validation", ascending=False, kind="stable", ignore_index=True)


def gain_table(
    first: Mapping[str, Predictions], second: Mapping[str, Predictions], *, metric: str,
    what: str, resamples: int = RESAMPLES, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Second minus first, for every name in both, with 95 % intervals over the same lesions.

    Columns: learner (the name), comparison (``what``), metric, first, second, value, low, high.
    """
    names = [name for name in second if name in first]
    arms = single_arms(
        {f"first {n}": first[n] for n in names} | {f"second {n}": second[n] for n in names}
    )
    pairs = {name: (f"first {name}", f"second {name}") for name in names}
    found = arm_differences(arms, pairs, _keys(metric), resamples=resamples, seed=seed)
    found = found.rename(columns={"comparison": "learner"}).drop(columns=["class", "seeds"])
    found.insert(1, "comparison", what)
    return found


def ensemble_gain(fitted: Fitted, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """The chosen rule minus the best single model, both chosen on validation (``gain_table``)."""
    name = fitted.best
    return gain_table(
        {name: fitted.test[SINGLE]}, {name: fitted.test[name]}, metric=fitted.metric,
        what=f"ensemble − {SINGLE}", resamples=resamples, seed=seed,
    )  # fmt: skip


def member_curve(pool: Pool, *, metric: str, rounds: int) -> pd.DataFrame:
    """Scores by how many predictions are averaged: curve, part, members, value, added.

    Curves: greedy selection (members may repeat) and the mean of the best n; both are chosen on
    validation alone. ``added`` is the model that joined.
    """
    greedy = greedy_selection(pool.validation, metric=metric, rounds=rounds)
    order = np.argsort([-part_score(each, metric) for each in pool.validation], kind="stable")
    paths = {
        "greedy, chosen one by one": list(greedy.path),
        "mean of the best": [int(position) for position in order][:rounds],
    }
    rows = []
    for curve, path in paths.items():
        for count in range(1, len(path) + 1):
            weights = np.bincount(path[:count], minlength=len(pool))
            for part, members in (("validation", pool.validation), ("test", pool.test)):
                value = part_score(mean_probability(members, weights), metric)
                rows.append((curve, part, count, value, pool.names[path[count - 1]]))
    return pd.DataFrame(rows, columns=["curve", "part", "members", "value", "added"])


def member_weights(pool: Pool, *, metric: str, rounds: int) -> pd.DataFrame:
    """The greedy selection's members, heaviest first: model, weight, validation (its own score)."""
    weights = greedy_selection(pool.validation, metric=metric, rounds=rounds).weights
    rows = [
        (member.model, weight, part_score(member, metric))
        for member, weight in zip(pool.validation, weights, strict=True)
        if weight > 0
    ]
    table = pd.DataFrame(rows, columns=["model", "weight", "validation"])
    return table.sort_values("weight", ascending=False, kind="stable", ignore_index=True)


# ---- R1: the best three and the best four ---------------------------------------------------


def best_few(pool: Pool, count: int, rule: str, *, on: str) -> tuple[Predictions, Predictions]:
    """R1's ensemble of the best ``count`` by accuracy on a part, on validation and on test.

    ``on``: the part that chooses members and weights: validation, or test as R1 did.
    """
    choosing = {"validation": pool.validation, "test": pool.test}[on]
    weights = top_weights(choosing, count, "accuracy")
    few = pool.only([name for name, weight in zip(pool.names, weights, strict=True) if weight])
    of_few = accuracies({"validation": few.validation, "test": few.test}[on])
    combine = {
        VOTE: lambda of: majority_vote(of),
        MEAN: lambda of: mean_probability(of),
        WEIGHTED: lambda of: mean_probability(of, of_few if of_few.any() else None),
    }[rule]
    return combine(few.validation), combine(few.test)


def r1_table(pool: Pool, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """R1's statements about its ensembles, with intervals (row 1.12).

    Columns of ``gain_table`` and chosen_on (validation, or test as R1 did). Empty for fewer than
    four models.
    """
    frames = []
    for on in ("validation", "test") if len(pool) >= 4 else ():
        single, three, four = {}, {}, {}
        for rule in (VOTE, MEAN, WEIGHTED):
            single[rule] = best_few(pool, 1, MEAN, on=on)[1]
            three[rule] = best_few(pool, 3, rule, on=on)[1]
            four[rule] = best_few(pool, 4, rule, on=on)[1]
        for what, first, second in (
            (THREE_FOUR, four, three), (FOUR_SINGLE, single, four), (THREE_SINGLE, single, three),
        ):  # fmt: skip
            table = gain_table(
                first, second, metric="accuracy", what=what, resamples=resamples, seed=seed
            )
            frames.append(table.assign(chosen_on=on))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


# ---- R3: one network for large classes, one for small ones ----------------------------------


def hybrids(
    pool: Pool, large_model: str, small_model: str, least: float
) -> tuple[dict[str, tuple[Predictions, Predictions]], tuple[str, ...]]:
    """Both networks, both mixtures of them and their mean, on validation and test; large classes.

    pool: of the two networks. The names are those of the Predictions' models.
    """
    large = large_classes(pool.validation[0], least)
    two = pool.only([large_model, small_model])
    made = {}
    for first, second in (two.validation, two.test):
        for found in (
            first,
            second,
            by_decision(first, second, large, model="hybrid-by-decision"),
            by_class(first, second, large, model="hybrid-by-class"),
            mean_probability([first, second], model=f"mean-{large_model}-{small_model}"),
        ):
            made.setdefault(found.model, []).append(found)
    return {name: tuple(parts) for name, parts in made.items()}, large


def hybrid_table(
    made: Mapping[str, tuple[Predictions, Predictions]], *, metric: str,
    resamples: int = RESAMPLES, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Each mixture minus each network and minus the mean, on the test part (``gain_table``)."""
    names = list(made)
    mixtures = [name for name in names if name.startswith("hybrid-")]
    frames = []
    for other in [name for name in names if name not in mixtures]:
        frames.append(
            gain_table(
                dict.fromkeys(mixtures, made[other][1]),
                {name: made[name][1] for name in mixtures},
                metric=metric,
                what=f"mixture − {other}",
                resamples=resamples,
                seed=seed,
            )
        )
    return pd.concat(frames, ignore_index=True)


# ---- lesson M8: who chose -------------------------------------------------------------------


def selection_table(
    pool: Pool, *, metric: str, rounds: int, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Test scores when the test part chooses, as R1 let it, minus when validation chooses.

    One row a way of choosing (learner); columns of ``gain_table``: first is validation's choice.
    """
    honest, flattered = {}, {}
    for name, way in ways(rounds).items():
        if way is all_alike:
            continue
        honest[name] = mean_probability(pool.test, chosen_weights(pool.validation, way, metric))
        flattered[name] = mean_probability(pool.test, chosen_weights(pool.test, way, metric))
    found = gain_table(
        honest, flattered, metric=metric, what="chosen on test − chosen on validation",
        resamples=resamples, seed=seed,
    )  # fmt: skip
    return found[found["metric"] == metric].reset_index(drop=True)


def single_arms(predictions: Mapping[str, Predictions]) -> dict[str, Arm]:
    """Predictions of one training each, as arms of one seed."""
    return {name: Arm((0,), (each,)) for name, each in predictions.items()}


def _keys(metric: str) -> list[tuple[str, str]]:
    return [(name, "") for name in dict.fromkeys((metric, "accuracy", "f1_macro"))]


__all__: Sequence[str] = [
    "FOUR_SINGLE",
    "MEAN",
    "THREE_FOUR",
    "THREE_SINGLE",
    "VOTE",
    "WEIGHTED",
    "Fitted",
    "best_few",
    "ensemble_gain",
    "fit_rules",
    "gain_table",
    "hybrid_table",
    "hybrids",
    "member_curve",
    "member_weights",
    "r1_table",
    "renamed",
    "rule_table",
    "selection_table",
    "single_arms",
]
