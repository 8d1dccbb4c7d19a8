"""The tables of the chapter *Splits and leakage*: divisions side by side, audits, experiments.

Each function returns a tidy table for ``Chapter.add_series``. What the reports say comes from
``book/reported.yaml``; nothing is typed here.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split, cached_images
from dermbook.data.strategies import (
    STRATEGIES,
    compare_counts,
    counts_vary,
    make_split,
    split_table,
)
from dermbook.errors import ParameterError
from dermbook.evaluation import leakage
from dermbook.imaging.geometric import copies as copies_of
from dermbook.imaging.pixels import pixel_vectors
from dermbook.publishing.compare import plain
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict

#: strategies whose class counts a report prints, and its table
REPORTED = {"r3": "R3.counts", "r4": "R4.counts"}
#: claims of ``book/reported.yaml`` on the size of a part, and the name in ``part_sizes``
SIZE_CLAIMS = {
    "R3.train-images": "r3_train",
    "R4.train-images": "r4_train",
    "R4.validation-images": "r4_validation",
    "R4.test-images": "r4_test",
}
#: the score that verdicts rest on: it does not change with the share of a class
MAIN = "balanced_accuracy"
#: vectors without a network
PIXELS = "pixels"
_BATCH = 32

Embed = Callable[[np.ndarray], np.ndarray]


def all_splits(collection: Collection, *, seed: int = 0) -> dict[str, Split]:
    """The split of every strategy, by name."""
    return {name: make_split(name, collection, seed=seed) for name in STRATEGIES}


def known_copies(chapter: "Chapter", lesions: Collection) -> pd.DataFrame:
    """Pairs of one lesion under two lesion ids, as the chapter on cleaning confirmed them.

    Columns image_id and other; no rows when that chapter looked at another collection.
    """
    record = chapter.needed_record("data-cleaning")
    same = any(data.fingerprint == lesions.fingerprint for data in record.data)
    if not (same and "across" in record.series):
        return pd.DataFrame(columns=["image_id", "other"], dtype="str")
    return record.series_frame("across")[["image_id", "other"]]


def strategy_table(collection: Collection, splits: Mapping[str, Split]) -> pd.DataFrame:
    """One row a strategy: strategy, of, row, how, train, validation, test (images)."""
    rows = []
    for name, split in splits.items():
        about = STRATEGIES[name]
        sizes = {part: len(split.parts.get(part, ())) for part in ("train", "validation", "test")}
        rows.append(
            {"strategy": name, "of": about.title, "row": about.row or "–", "how": split.strategy}
            | sizes
        )
    return pd.DataFrame(rows)


def count_comparison(splits: Mapping[str, Split], collection: Collection) -> pd.DataFrame:
    """R3's and R4's printed class counts beside ours, cell by cell (``compare_counts``)."""
    reported = load_reported()
    tables = {name: reported.table(table) for name, table in REPORTED.items() if name in splits}
    return compare_counts(split_table(splits, collection), tables)


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """``split_table`` with a row a class and, for each strategy, train/validation/test images."""
    texts = table.groupby(["class", "strategy"], sort=False)["images"].agg(
        lambda images: " / ".join(f"{count:,}" for count in images)
    )
    wide = texts.unstack("strategy")
    order = list(dict.fromkeys(table["strategy"]))
    return wide.reindex(list(dict.fromkeys(table["class"])))[order].reset_index()


def part_sizes(splits: Mapping[str, Split]) -> dict[str, float]:
    """Images by strategy and part, named like ``r3_train``."""
    return {
        f"{name}_{part}".replace("-", "_"): float(len(ids))
        for name, split in splits.items()
        for part, ids in split.parts.items()
    }


def seed_table(collection: Collection, seeds: Sequence[int]) -> pd.DataFrame:
    """Whether class counts depend on the seed: strategy, seeds, varies."""
    rows = [(name, len(seeds), counts_vary(name, collection, list(seeds))) for name in STRATEGIES]
    return pd.DataFrame(rows, columns=["strategy", "seeds", "varies"])


def chance_table(collection: Collection, seeds: Sequence[int]) -> pd.DataFrame:
    """Shares of test images in train, and with a sibling in train: expected and measured.

    Columns strategy, what, expected (by formula, NaN for strategies that keep lesions whole),
    value (mean over seeds), low, high (smallest and largest seed), seeds.
    """
    sizes = collection.class_counts().to_dict()
    rows = []
    for name, strategy in STRATEGIES.items():
        splits = [make_split(name, collection, seed=seed) for seed in seeds]
        counts = split_table({name: splits[0]}, collection).set_index(["part", "class"])["images"]
        train, test = counts["train"].to_dict(), counts["test"].to_dict()
        by_image = bool(strategy.row)
        siblings = (
            leakage.expected_sibling_share(
                collection.table, train, test, independent=strategy.independent
            )
            if by_image
            else np.nan
        )
        expected = {"sibling": siblings, "same_image": 0.0}
        if strategy.independent:
            overlap, _ = leakage.expected_overlap(train, test, sizes)
            expected["same_image"] = overlap / sum(test.values())
        found = leakage.over_seeds(splits, collection)
        for what in ("same_image", "sibling"):
            shares = found[what]
            numbers = float(shares.mean()), float(shares.min()), float(shares.max())
            rows.append((name, what, expected[what], *numbers, len(seeds)))
    columns = ["strategy", "what", "expected", "value", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def image_vectors(
    collection: Collection, backbone: str, *, height: int, width: int, weights: str = "imagenet"
) -> pd.DataFrame:
    """A vector of each image, float32, indexed by image id.

    backbone: ``pixels`` (a thumbnail and colour histograms, no network) or a frozen network of
    ``dermbook.models.backbones``, whose vectors are computed once and kept.
    """
    if backbone == PIXELS:
        images = cached_images(collection, height=height, width=width, progress=False)
        return pd.DataFrame(pixel_vectors(np.asarray(images.images)), index=images.ids)
    from dermbook.models.features import frozen_features

    return frozen_features(
        collection, backbone, height=height, width=width, weights=weights
    ).frame()


def batch_vectors(
    collection: Collection, backbone: str, *, height: int, width: int, weights: str = "imagenet"
) -> CachedImages:
    """The same vectors, float32 (n, d), ready for ``Batches``."""
    table = image_vectors(collection, backbone, height=height, width=width, weights=weights)
    return CachedImages(np.ascontiguousarray(table.to_numpy(np.float32)), table.index, Path())


def embedder(backbone: str, *, height: int, width: int, weights: str = "imagenet") -> Embed:
    """What turns pictures (uint8, n × height × width × 3) into the vectors of ``image_vectors``."""
    if backbone == PIXELS:
        return pixel_vectors
    from dermbook.models.backbones import Embedder

    return Embedder(backbone, height=height, width=width, weights=weights)


def malignant_copies(
    collection: Collection, embed: Embed, *, height: int, width: int, seed: int = 0
) -> pd.DataFrame:
    """The vector of one augmented copy of each malignant image, indexed by the image's id.

    collection: in two classes. Copies are made as R1 made them (``imaging.geometric``), with a
    fixed seed, and the same ones serve every experiment; no picture is kept.
    """
    ids = [i for i, label in collection.table["label"].items() if label == collection.classes[1]]
    images = cached_images(collection, height=height, width=width, progress=False)
    return pd.DataFrame(embed(copies_of(images.take(ids), seed=seed)), index=pd.Index(ids))


def r1_prevalence() -> float:
    """Share of malignant images in R1's test part, from its confusion matrix."""
    matrix = load_reported().table("R1.confusion")
    return float(matrix.loc["malignant"].sum() / matrix.to_numpy().sum())


def r1_arithmetic() -> pd.DataFrame:
    """What follows from R1's own figures (lesson M9): quantity, value, how.

    Its test's share of malignant images and its training batches both need copies made before the
    split, but not equally many: the two cannot come from one division.
    """
    reported = load_reported()
    numbers = reported.quantities()
    matrix = reported.table("R1.confusion")
    benign = int(numbers.loc["R1.benign", "recomputed"])
    malignant = int(numbers.loc["R1.malignant", "recomputed"])
    test = int(matrix.to_numpy().sum())
    batches = int(numbers.loc["R1.batches", "value"])
    prevalence = r1_prevalence()
    needed = leakage.copies_needed(benign, malignant, prevalence)
    pool = batches * _BATCH + test
    rows = [
        ("malignant share of the data", malignant / (benign + malignant), "images of HAM10000"),
        ("malignant share of R1's test", prevalence, f"of {test:,} test images"),
        ("copies that this share needs", needed, f"{malignant:,} malignant images become more"),
        ("images then", benign + malignant + needed, "with the copies"),
        ("images in R1's training batches", batches * _BATCH, f"{batches} batches of {_BATCH}"),
        ("images in batches and test", pool, "the two together"),
        ("copies that these need", pool - benign - malignant, "beyond the data"),
        ("malignant share then", 1 - benign / pool, "if all copies are malignant"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "value", "how"])


def overlap_effects(
    vectors: pd.DataFrame, collection: Collection, *, seeds: Sequence[int], learner: str, **options
) -> pd.DataFrame:
    """Lesson M2: R4's draws. Columns: learner, comparison, metric, first, second, value, …"""
    return _by_learner(
        lambda name: leakage.overlapping_draws(vectors, collection, seeds=seeds, learner=name),
        {
            "test images in train, against the others": ("not in train", "in train"),
            "R4's whole test, against images not in train": ("not in train", "all"),
        },
        learner,
        **options,
    )


def sibling_effects(
    vectors: pd.DataFrame, collection: Collection, *, seeds: Sequence[int], learner: str, **options
) -> pd.DataFrame:
    """Lesson M3, paired: the same test images with and without siblings in train."""
    return _by_learner(
        lambda name: leakage.sibling_injection(vectors, collection, seeds=seeds, learner=name),
        {
            "siblings put in train": ("injected, without", "injected, with"),
            "control: siblings of others put in train": ("others, without", "others, with"),
        },
        learner,
        **options,
    )


def reported_effects(
    vectors: pd.DataFrame, collection: Collection, *, seeds: Sequence[int], learner: str, **options
) -> pd.DataFrame:
    """What would have been reported: R3's division by image beside one by lesion, same sizes."""
    return _by_learner(
        lambda name: leakage.split_scores(vectors, collection, seeds=seeds, learner=name),
        {"divided by image, against by lesion": ("lesion-grouped", "r3")},
        learner,
        **options,
    )


def copy_effects(
    vectors: pd.DataFrame,
    copies: pd.DataFrame,
    collection: Collection,
    *,
    seeds: Sequence[int],
    learner: str,
    **options,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lesson M9: each protocol's own test, against the honest test of the same model.

    Also the facts by protocol, means over seeds: train, test, malignant, kin (shares).
    """
    facts: list[pd.DataFrame] = []

    def arms(name: str) -> dict[str, leakage.Arm]:
        found, about = leakage.augmentation_order(
            vectors, copies, collection, seeds=seeds, prevalence=r1_prevalence(), learner=name
        )
        facts.append(about)
        return found

    protocols = ("copy, then split", "split by image", "split, then copy")
    pairs = {name: (f"{name}: honest test", f"{name}: own test") for name in protocols}
    effects = _by_learner(arms, pairs, learner, **options)
    means = facts[0].groupby("protocol").mean().loc[list(protocols)].drop(columns="seed")
    return effects, means.reset_index()


def add_findings(chapter: "Chapter") -> None:
    """State what this run says of rows 0.2, 3.1, 4.3 and lessons M2, M3 and M9."""
    _add_rows(chapter)
    chance = chapter.series("chance").set_index(["strategy", "what"])
    overlap = chance.loc["r4", "same_image"]
    m2 = main_effect(chapter.series("overlap-effects"), "test images in train")
    chapter.finding(
        "M2",
        _above_zero(m2),
        measured=f"{overlap['value']:.1%} of test images in train, {overlap['expected']:.1%} "
        f"expected; balanced accuracy {plain(m2['second'])} on them, {plain(m2['first'])} on the "
        f"others: {with_interval(m2)}",
        because=_because(chapter, m2, "two heaps of one test, divided by lot, and one model"),
    )
    m3 = main_effect(chapter.series("sibling-effects"), "siblings")
    control = main_effect(chapter.series("sibling-effects"), "control")
    whole = main_effect(chapter.series("reported-effects"), "divided")
    chapter.finding(
        "M3",
        _above_zero(m3),
        measured=f"balanced accuracy {with_interval(m3)} with siblings in train, control "
        f"{with_interval(control)}; a whole test divided by image instead of by lesion "
        f"{with_interval(whole)}",
        because=_because(
            chapter, m3, "the same test images, and training sets of one size and mix of classes"
        ),
    )
    effects = chapter.series("copy-effects")
    m9, honest = (main_effect(effects, name) for name in ("copy, then split", "split, then copy"))
    facts = chapter.series("copy-facts").set_index("protocol").loc["copy, then split"]
    chapter.finding(
        "M9",
        _above_zero(m9),
        measured=f"own test {facts['malignant']:.1%} malignant, {facts['kin']:.0%} of these with "
        f"a lesion that train knows; balanced accuracy above the honest test's by "
        f"{with_interval(m9)}{_remembered(effects, 'copy, then split')}, and by "
        f"{with_interval(honest)} when the split comes first",
        because=_because(chapter, m9, "one model, on its own test and on lesions set aside first"),
    )


def main_effect(effects: pd.DataFrame, begins: str) -> pd.Series:
    """The row of balanced accuracy of the first learner whose comparison begins like this."""
    chosen = effects[(effects["metric"] == MAIN) & effects["comparison"].str.startswith(begins)]
    return chosen.iloc[0]


def with_interval(row: pd.Series) -> str:
    """``+.123 (.040 to .210)``: a difference with its interval."""
    low, high = (f"{row[end]:+.3f}".replace("0.", ".", 1) for end in ("low", "high"))
    return f"{row['value']:+.3f} ({low} to {high})".replace("0.", ".", 1)


def _remembered(effects: pd.DataFrame, begins: str) -> str:
    """The nearest neighbour's effect in brackets, where another learner's is the main one."""
    nearest = effects[effects["learner"] == "nearest"]
    if len(nearest) in (0, len(effects)):
        return ""
    return f" (the nearest neighbour's {with_interval(main_effect(nearest, begins))})"


def _add_rows(chapter: "Chapter") -> None:
    cells = chapter.series("count-comparison")
    totals = cells.loc[cells["strategy"] == "r3", ["reported", "ours"]].sum()
    # a class table follows from the class counts, so only the whole collection can give the same
    whole = not chapter.phantom and totals["reported"] == totals["ours"]
    for row, strategy in (("3.1", "r3"), ("4.3", "r4")):
        of = cells[cells["strategy"] == strategy]
        verdict: Verdict = "confirmed" if of["equal"].all() else "not confirmed"
        chapter.finding(
            row,
            verdict if whole else "cannot be compared",
            measured=f"{of['equal'].sum()} of {len(of)} class counts are the reported ones",
            because="counted cell by cell"
            if whole
            else f"{totals['ours']:,} images are divided here, in the report "
            f"{totals['reported']:,}",
        )
    sizes = chapter.series("strategies").set_index("strategy").loc["r0"]
    chapter.finding(
        "0.2",
        "cannot be compared",
        measured=f"{sizes['train']:,} / {sizes['validation']:,} / {sizes['test']:,} images",
        because="R0 divides other data and prints no counts",
    )


def _above_zero(effect: pd.Series) -> "Verdict":
    return "confirmed" if effect["low"] > 0 else "not confirmed"


def _because(chapter: "Chapter", effect: pd.Series, design: str) -> str:
    """The design behind a verdict, with what limits it."""
    origin = "on phantom data: " if chapter.phantom else ""
    undecided = effect["low"] <= 0 <= effect["high"]
    return origin + design + ("; the interval holds zero" if undecided else "")


def _by_learner(
    run: Callable[[str], dict[str, leakage.Arm]],
    comparisons: Mapping[str, tuple[str, str]],
    learner: str,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """The effects for ``learner`` and then for the nearest neighbour, the one that remembers."""
    if learner not in leakage.LEARNERS:
        raise ParameterError(
            f"classifier: {learner!r} is unknown; known are {', '.join(leakage.LEARNERS)}."
        )
    frames = []
    for name in dict.fromkeys([learner, "nearest"]):
        effects = leakage.effect_table(run(name), comparisons, resamples=resamples, seed=seed)
        effects.insert(0, "learner", name)
        frames.append(effects)
    return pd.concat(frames, ignore_index=True)
