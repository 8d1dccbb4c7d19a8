"""The tables and findings of the chapter *Class imbalance*.

Each function returns a tidy table for ``Chapter.add_series``. What the reports say comes from
``book/reported.yaml``; nothing is typed here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import Collection, Split, cached_images, load_collection, present_classes
from dermbook.data.strategies import make_split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.augmentation import slug
from dermbook.evaluation.imbalance import (
    STRATEGIES,
    compare_imbalance,
    network_learner,
    strategy_effects,
)
from dermbook.evaluation.networks import Setting
from dermbook.publishing.augmentation import PIXELS, vector_lab
from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.no_gain import no_gain
from dermbook.publishing.reported import load_reported
from dermbook.training.imbalance import balanced_class_weights
from dermbook.training.sampling import R3_FACTORS, by_factor, factors_towards

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict

#: the classes that R0 found at an F1 of zero (row 0.15)
R0_ZERO = (
    "sun damaged skin",
    "pustular psoriasis",
    "ichthyosis vulgaris",
    "langerhans cell histiocytosis",
)
#: largest difference between a weight that R4 prints in full and ours
SAME = 1e-12


def r4_weights() -> pd.DataFrame:
    """R4's balanced weights recomputed from its own counts: class, images, reported, ours, equal.

    Counts and weights are those of ``book/reported.yaml`` (rows 4.3 and 4.5).
    """
    reported = load_reported()
    counts = reported.table("R4.counts")["train"]
    printed = reported.table("R4.weights")["weight"]
    classes = list(printed.index)
    images = [int(counts[name]) for name in classes]
    weights = balanced_class_weights(np.repeat(range(len(classes)), images), classes)
    frame = pd.DataFrame(
        {
            "class": classes,
            "images": images,
            "reported": [float(printed[name]) for name in classes],
            "ours": list(weights.values()),
        }
    )
    return frame.assign(equal=(frame["reported"] - frame["ours"]).abs() <= SAME)


def r3_factors() -> pd.DataFrame:
    """R3's repetition recounted: class, images, factor, rows, nearest (the factor that would bring
    the class nearest to the largest). Counts are those of ``book/reported.yaml`` (row 3.1)."""
    counts = load_reported().table("R3.counts")["train"]
    sizes = {name: int(counts[name]) for name in R3_FACTORS}
    nearest = factors_towards(sizes)
    rows = [
        (name, sizes[name], factor, sizes[name] * factor, nearest[name])
        for name, factor in R3_FACTORS.items()
    ]
    return pd.DataFrame(rows, columns=["class", "images", "factor", "rows", "nearest"])


def r3_rows(collection: Collection, *, seed: int = 0) -> dict[str, float]:
    """Rows after R3's repetition of its own train part, by name.

    Nothing for other classes, and for too few images of one to be divided as R3 divided.
    """
    if set(collection.classes) != set(R3_FACTORS):
        return {}
    try:
        split = make_split("r3", collection, seed=seed)
    except DataError:
        return {}
    ids = by_factor(split, collection, R3_FACTORS)
    return {"r3_train": float(len(split.parts["train"])), "r3_resampled": float(len(ids))}


def many_classes(name: str, *, images: int, height: int, width: int, seed: int = 0) -> Collection:
    """A collection of many classes, without those that are too small to be divided."""
    found = load_collection(name, images=images, height=height, width=width, seed=seed)
    return present_classes(found, at_least=3)


def vectors_of(
    collection: Collection,
    *,
    backbone: str = PIXELS,
    height: int,
    width: int,
    recipe: str = "",
    copies: int = 1,
    seed: int = 0,
    weights: str = "imagenet",
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Vectors of the pictures, and of ``copies`` augmented copies of each (none without recipe)."""
    lab = vector_lab(
        collection,
        [recipe] if recipe else [],
        backbone=backbone,
        height=height,
        width=width,
        copies=copies,
        seed=seed,
        weights=weights,
    )
    return lab.plain, lab.copies.get(recipe, [])


def network_scores(
    network: str,
    strategies: Sequence[str],
    collection: Collection,
    splits: Mapping[int, Split],
    seeds: Sequence[int],
    *,
    height: int,
    width: int,
    epochs: int,
    checkpoints: Path,
    seed: int = 0,
) -> pd.DataFrame:
    """A network trained from scratch under each strategy against none: ``strategy_effects``.

    One row that says so where no strategy is named. ParameterError for a seed without a split.
    """
    unknown = [each for each in seeds if each not in splits]
    if unknown:
        raise ParameterError(f"network_seeds: {unknown[0]} is none of the splits' seeds.")
    if not strategies or not seeds:
        columns = ["comparison", "metric", "first", "second", "value", "low", "high"]
        return pd.DataFrame([["no network was trained", "–", *[np.nan] * 5]], columns=columns)
    images = cached_images(collection, height=height, width=width, progress=False)
    setting = Setting(network, epochs=epochs, checkpoints=checkpoints)
    chosen = {each: splits[each] for each in seeds}
    learn = network_learner(images, collection, chosen, setting)
    return strategy_effects(compare_imbalance(learn, strategies, list(seeds)), seed=seed)


def add_r3_rows(chapter: "Chapter", collection: Collection, *, seed: int = 0) -> None:
    """Keep the rows after R3's repetition of its train part, and put them beside its claim.

    The claim is of R3's own train part: of a part of another size, such as a part of HAM10000
    gives, the rows are kept and the claim is not answered.
    """
    rows = r3_rows(collection, seed=seed)
    if not rows:
        return
    whole = load_reported().quantities().loc["R3.train-images", "value"] == rows["r3_train"]
    chapter.add_counts(
        rows, of=collection, claims={"R3.resampled": "r3_resampled"} if whole else None
    )


def chosen(names: Sequence[str], *, copies: bool = True) -> list[str]:
    """The strategies of a parameter: those named, or every one for ``all``.

    copies: whether there are augmented copies, without which one of them cannot be had.
    """
    every = [name for name in STRATEGIES if copies or name != "augmented oversampling"]
    return every if list(names) == ["all"] else list(names)


def before_and_after(counts: pd.DataFrame, samplers: Sequence[str]) -> pd.DataFrame:
    """``sampled_counts`` for ``plots.class_bars``: class, count, part (the sampler)."""
    chosen = counts[counts["sampler"].isin(samplers)]
    return chosen.rename(columns={"sampler": "part"})[["part", "class", "count"]]


def add_scores(chapter: "Chapter", scores: pd.DataFrame, learner: str) -> None:
    """Keep every strategy's scores as models of the Record."""
    for name, of in scores.groupby("model", sort=False):
        chapter.add_metrics(of, model=f"{slug(learner)}-{slug(name)}", part="test")


def answer_claims(chapter: "Chapter", clinical: Collection, learner: str) -> None:
    """Put R0's table 4 beside ours; it cannot be judged, and why."""
    reason = (
        f"{len(clinical.classes)} of the 114 labels, another network, and a split of another kind"
    )
    for metric in ("f1_micro", "f1_macro", "f1_weighted"):
        chapter.answer(
            f"R0.T4:efficientnetb3-with-class-weights:test-{metric}",
            model=f"{slug(learner)}-balanced-weights",
            part="test",
            metric=metric,
            not_comparable=reason,
        )


def add_findings(chapter: "Chapter", clinical: Collection) -> None:
    """State what this run says of rows 0.3, 0.15, 2.1, 3.2, 3.3 and 4.5."""
    _weights_found(chapter)
    effects = chapter.series("effects")
    many = chapter.series("many-effects")
    _remedy(chapter, "0.3", many, "balanced weights", "no gain from class weights")
    _remedy(chapter, "3.3", effects, "balanced weights", "no gain from a weighted loss")
    _remedy(chapter, "3.2", effects, "per-class factors", None)
    _remedy(chapter, "2.1", effects, "combined", None)
    zeros = chapter.series("zero-counts").set_index("strategy")["classes"]
    there = [name for name in R0_ZERO if name in clinical.classes]
    chapter.finding(
        "0.15",
        "cannot be compared",
        measured=f"of {len(clinical.classes)} classes {zeros['none']} have an F1 of zero without a "
        f"remedy and {zeros['balanced weights']} with balanced weights",
        because=f"{len(there)} of R0's four classes are in this collection",
    )


def zero_counts(scores: pd.DataFrame) -> pd.DataFrame:
    """Classes with an F1 of zero by strategy: strategy, classes, never_predicted."""
    zero = scores.assign(
        zero=scores["f1"] == 0, silent=(scores["f1"] == 0) & (scores["predicted"] == 0)
    )
    counts = zero.groupby("strategy", sort=False)[["zero", "silent"]].sum().astype(int)
    return counts.reset_index().rename(columns={"zero": "classes", "silent": "never_predicted"})


def _weights_found(chapter: "Chapter") -> None:
    weights = chapter.series("r4-weights")
    equal = int(weights["equal"].sum())
    chapter.finding(
        "4.5",
        "confirmed" if equal == len(weights) else "not confirmed",
        measured=f"{equal} of {len(weights)} weights follow from R4's own counts to the last digit",
        because=f"n / (7 · n_c) with n = {weights['images'].sum():,}",
    )


def _remedy(
    chapter: "Chapter", row: str, effects: pd.DataFrame, strategy: str, claim: str | None
) -> None:
    """A finding on one strategy. claim: that it gains nothing, in the report's sense, judged by
    macro F1 (``publishing.no_gain``); None if the report says nothing that could be judged."""
    if strategy not in set(effects["comparison"]):
        return
    texts = [
        f"{metric.replace('_', ' ')} {with_interval(effect(effects, strategy, metric))}"
        for metric in ("f1_macro", "f1_weighted", "f1_micro", "balanced_accuracy")
    ]
    verdict: Verdict = "cannot be compared"
    because = "the report gives no score without it"
    if chapter.phantom:
        because = "the phantom is not the data of the report"
    elif claim:
        rise = effect(effects, strategy, "f1_macro")
        verdict, reason = no_gain(rise["low"], rise["high"])
        because = f"the report says: {claim}; {reason}"
    chapter.finding(row, verdict, measured=f"{strategy}: " + ", ".join(texts), because=because)
