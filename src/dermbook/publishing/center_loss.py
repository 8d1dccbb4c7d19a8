"""The tables and findings of the chapter *Center loss*.

Each function returns a tidy table for ``Chapter.add_series``; nothing is typed here that a run
could measure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.errors import ParameterError
from dermbook.evaluation.center_loss import (
    ATTEMPTS,
    R1,
    R1_WITH_SOFTMAX,
    CenterTrial,
    Study,
    chosen_strength,
    compare_arms,
    follow,
    largest_strength,
    outcomes,
    sweep_table,
    train_center,
    with_test,
)
from dermbook.publishing.effects import joined as joined
from dermbook.publishing.effects import with_interval

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict

#: the formulations that the figure of steps shows, for more lines cannot be told apart
DRAWN = (
    "sigmoid, no center loss",
    R1,
    R1_WITH_SOFTMAX,
    "sigmoid, λ = 1, ReLU",
    "sigmoid, λ = 0.01",
    "sigmoid, λ = 1, unit length",
)


def drawn(names: Sequence[str]) -> list[str]:
    """Those of the formulations that the figure of steps shows."""
    return [name for name in DRAWN if name in names]


def chosen_attempts(names: Sequence[str]) -> list[str]:
    """The formulations of a parameter: those named, or every one for ``all``.

    R1's own reading and the same with softmax must be among them: the finding rests on them.
    """
    chosen = list(ATTEMPTS) if list(names) == ["all"] else list(names)
    if unknown := [name for name in chosen if name not in ATTEMPTS]:
        raise ParameterError(
            f"attempts: {unknown[0]!r} is unknown; known are {'; '.join(ATTEMPTS)}."
        )
    if missing := [name for name in (R1, R1_WITH_SOFTMAX) if name not in chosen]:
        raise ParameterError(f"attempts: name {missing[0]!r}, too: the finding rests on it.")
    return chosen


def follow_all(
    names: Sequence[str],
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    *,
    steps: int,
    seeds: Sequence[int],
) -> pd.DataFrame:
    """``follow`` for each formulation and seed, one table."""
    frames = [
        follow(ATTEMPTS[name], vectors, collection, split, steps=steps, seed=seed)
        for name in names
        for seed in seeds
    ]
    return pd.concat(frames, ignore_index=True)


def of_first_seed(steps: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first seed, without its column: what one figure can show."""
    return steps[steps["seed"] == steps["seed"].iloc[0]].drop(columns="seed")


def outcome_counts(found: pd.DataFrame) -> pd.DataFrame:
    """Outcomes by formulation: formulation, seeds, diverged, collapsed, trains, and the median of
    steps, largest (over the first loss), norm and auc."""
    found = found.assign(largest=found["largest"] / found["first"])
    kinds = ["diverged", "collapsed", "trains"]
    for kind in kinds:
        found[kind] = (found["outcome"] == kind).astype(int)
    groups = found.groupby("formulation", sort=False)
    counts = groups[kinds].sum()
    counts.insert(0, "seeds", groups.size())
    return counts.join(groups[["steps", "largest", "norm", "auc"]].median()).reset_index()


def limit_table(
    factors: Sequence[float],
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    *,
    steps: int,
    seed: int = 0,
) -> pd.DataFrame:
    """R1's reading at several weights λ around the predicted limit.

    factors: of the limit. Columns strength, factor, largest (over the first loss), steps, outcome,
    limit.
    """
    plain = ATTEMPTS[R1]
    limit = largest_strength(vectors.take(split.parts["train"]), plain.learning_rate)
    rows = []
    for factor in factors:
        each = replace(plain, strength=factor * limit)
        found = outcomes(follow(each, vectors, collection, split, steps=steps, seed=seed)).iloc[0]
        largest = found["largest"] / found["first"]
        rows.append((each.strength, factor, largest, found["steps"], found["outcome"], limit))
    columns = ["strength", "factor", "largest", "steps", "outcome", "limit"]
    return pd.DataFrame(rows, columns=columns)


def sweep(
    task: str,
    strengths: Sequence[float],
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    study: Study,
    *,
    seeds: Sequence[int],
) -> list[CenterTrial]:
    """A network for every λ and seed; λ = 0 is always among them. Nothing is tested yet."""
    values = sorted({0.0, *map(float, strengths)})
    return [
        train_center(f"cl-{task}", value, vectors, collection, split, study, seed=seed)
        for value in values
        for seed in seeds
    ]


def judge(
    chapter: "Chapter",
    task: str,
    trials: Sequence[CenterTrial],
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    *,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, CenterTrial]]:
    """Choose λ on the validation part, then test it and λ = 0, once, and keep their Predictions.

    Returns the scores and differences of ``compare_arms`` (with a first column task and the chosen
    strength), and the first seed's trials ``cl-TASK-plain`` and ``cl-TASK-center``.
    """
    best = chosen_strength(sweep_table(trials, task))
    arms = {
        name: [
            with_test(trial, name, vectors, collection, split)
            for trial in trials
            if trial.strength == strength
        ]
        for name, strength in ((f"cl-{task}-plain", 0.0), (f"cl-{task}-center", best))
    }
    for found in arms.values():
        chapter.add_trial(found[0])
    scores, gained = compare_arms(*arms.values(), seed=seed)
    for table in (scores, gained):
        table.insert(0, "task", task)
        table["strength"] = best
    return scores, gained, {name: found[0] for name, found in arms.items()}


def add_findings(chapter: "Chapter") -> None:
    """State what this run says of row 1.13: does it diverge, and is softmax what was missing?"""
    found = chapter.series("attempts").set_index("formulation")
    limit = float(chapter.series("limit")["limit"].iloc[0])
    verdict, because = diverged_verdict(found, phantom=chapter.phantom)
    gained = chapter.series("gains")
    texts = [
        f"{row['task']}: {row['metric'].replace('_', ' ')} {with_interval(row)}"
        for _, row in gained.iterrows()
    ]
    chapter.finding(
        "1.13",
        verdict,
        measured=f"{R1}: {count(found, R1)}; {R1_WITH_SOFTMAX}: {count(found, R1_WITH_SOFTMAX)}; "
        f"predicted limit λ = {limit:.2g}. Formulation that trains: " + ", ".join(texts),
        because=because,
    )


def diverged_verdict(found: pd.DataFrame, *, phantom: bool) -> "tuple[Verdict, str]":
    """Confirmed if R1's reading diverges under every seed; and what that says of R1's reason.

    found: ``outcome_counts`` by formulation.
    """
    diverges = found.loc[R1, "diverged"] == found.loc[R1, "seeds"]
    softmax = found.loc[R1_WITH_SOFTMAX, "diverged"] == found.loc[R1_WITH_SOFTMAX, "seeds"]
    trained = [
        name
        for name, row in found.iterrows()
        if name.startswith("sigmoid, λ") and row["trains"] == row["seeds"]
    ]
    if softmax and trained:
        reason = (
            "its reason does not hold: softmax at the same weight diverges, too, and these train "
            f"with a sigmoid: {'; '.join(trained)}"
        )
    elif not softmax and not trained:
        reason = "its reason holds: softmax does not diverge, and no sigmoid trains"
    else:
        reason = "its reason, that softmax is needed, is neither supported nor refuted"
    if phantom:
        return "cannot be compared", f"the phantom is not the data of the report; {reason}"
    return "confirmed" if diverges else "not confirmed", reason


def count(found: pd.DataFrame, name: str) -> str:
    """``diverged in 3 of 3 seeds``, by formulation; the most frequent outcome first."""
    row = found.loc[name]
    kinds: Mapping[str, int] = {
        kind: int(row[kind]) for kind in ("diverged", "collapsed", "trains") if row[kind]
    }
    texts = [f"{kind} in {number} of {int(row['seeds'])}" for kind, number in kinds.items()]
    return " and ".join(texts) + " seeds"
