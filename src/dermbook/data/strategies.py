"""How each report divided its images, and how the book does: named strategies that make Splits.

The reports divided images, not lesions, and one of them drew its parts independently. All of them
are rebuilt here so that what they let through can be counted (``dermbook.evaluation.leakage``).
"""

import random
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.splits import PARTS, Split, check, grouped_split
from dermbook.errors import DataError, ParameterError


@dataclass(frozen=True)
class Strategy:
    """A way to divide a collection. ``row`` is the report's row ("3.1"), "" for the book's own;
    ``independent`` is True where the parts are drawn without regard to each other."""

    title: str
    row: str
    description: str
    make: Callable[[Collection, int], dict[str, tuple[str, ...]]]
    independent: bool = False


def make_split(name: str, collection: Collection, *, seed: int = 0) -> Split:
    """The split of ``collection`` that a strategy of ``STRATEGIES`` makes with ``seed``.

    Parts of "r4" overlap, which is its point. ParameterError for an unknown name or a negative
    seed; DataError for missing labels (or lesions, where they are needed) and for a class with too
    few images for the parts.
    """
    if name not in STRATEGIES:
        raise ParameterError(f"strategy: {name!r} is unknown; known are {', '.join(STRATEGIES)}.")
    if seed < 0:
        raise ParameterError(f"seed: must be 0 or more, not {seed}.")
    strategy = STRATEGIES[name]
    collection.codes()  # DataError names an image without a label
    return Split(
        name=name,
        strategy=strategy.description,
        seed=seed,
        parts=strategy.make(collection, seed),
        collection=collection.name,
    )


def stratified_parts(
    collection: Collection, *, held_out: float, test_of_held_out: float, seed: int
) -> dict[str, tuple[str, ...]]:
    """Images by class, in two calls of scikit-learn's ``train_test_split``.

    The share ``held_out`` of all images leaves train; of it, ``test_of_held_out`` is the test and
    the rest validation. On HAM10000's class counts, .2 and .5 give R3's table to the last image,
    whatever the seed; the other usual orders of the two calls do not.
    """
    from sklearn.model_selection import train_test_split

    ids, labels = np.array(collection.ids), collection.codes()
    try:
        train, rest = train_test_split(
            np.arange(len(ids)), test_size=held_out, stratify=labels, random_state=seed
        )
        validation, test = train_test_split(
            rest, test_size=test_of_held_out, stratify=labels[rest], random_state=seed
        )
    except ValueError as error:
        raise DataError(
            f"{collection.name}: too few images of a class to divide ({error})"
        ) from None
    return _sorted_parts(ids, {"train": train, "validation": validation, "test": test})


def independent_draws(
    collection: Collection, counts: Mapping[str, Mapping[str, int]], *, seed: int
) -> dict[str, tuple[str, ...]]:
    """R4's parts (row 4.3): for each part and class, ``random.sample`` from *all* of the class.

    counts: images by part, then class. Since nothing drawn is taken away, parts overlap. DataError
    when a class has fewer images than a part wants.
    """
    generator = random.Random(seed)
    table = collection.table
    parts: dict[str, list[str]] = {}
    for part, by_class in counts.items():
        parts[part] = []
        for label in sorted(by_class):  # R4's folders, in alphabetical order
            files = sorted(table.index[table["label"] == label])
            if by_class[label] > len(files):
                raise DataError(
                    f"{collection.name}: {part} wants {by_class[label]} images of {label!r}, and "
                    f"there are {len(files)}."
                )
            parts[part] += generator.sample(files, by_class[label])
    return {part: tuple(sorted(ids)) for part, ids in parts.items()}


def r4_counts(collection: Collection) -> dict[str, dict[str, int]]:
    """R4's images by part and class: 80, 10 and 10 %, rounded down twice (row 4.3).

    First the total of the part, ⌊share · N⌋, then each class's share of it: on HAM10000, 8,012
    planned training images become 8,010, and 1,001 test images become 998.
    """
    sizes = collection.class_counts()
    everything = int(sizes.sum())
    planned = {"train": everything * 8 // 10, "validation": everything // 10}
    planned["test"] = planned["validation"]
    return {
        part: {label: int(size) * total // everything for label, size in sizes.items() if size}
        for part, total in planned.items()
    }


def split_table(splits: Mapping[str, Split], collection: Collection) -> pd.DataFrame:
    """Images by strategy, class and part: columns strategy, class, part; int64 images.

    Parts that a split does not have, and classes without images, count 0. Strategies in the order
    of ``splits``, classes in the collection's.
    """
    labels = collection.table["label"]
    rows = []
    for name, split in splits.items():
        check(split, collection)
        for part in PARTS:
            counts = labels.loc[list(split.parts.get(part, ()))].value_counts()
            for label in collection.classes:
                rows.append((name, label, part, int(counts.get(label, 0))))
    return pd.DataFrame(rows, columns=["strategy", "class", "part", "images"])


def compare_counts(table: pd.DataFrame, reported: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Our counts beside a report's, cell by cell.

    table: what ``split_table`` gives. reported: by strategy, a table with classes as index and
    parts as columns. Returns strategy, class, part, reported, ours (int64), equal (bool).
    DataError when a strategy is not in ``table``.
    """
    ours = table.set_index(["strategy", "class", "part"])["images"]
    rows = []
    for strategy, counts in reported.items():
        for label, by_part in counts.iterrows():
            for part, stated in by_part.items():
                if (strategy, label, part) not in ours.index:
                    raise DataError(
                        f"compare_counts: there is no count of {strategy}, {label}, {part}."
                    )
                found = int(ours[strategy, label, part])
                rows.append((strategy, label, part, int(stated), found, int(stated) == found))
    columns = ["strategy", "class", "part", "reported", "ours", "equal"]
    return pd.DataFrame(rows, columns=columns)


def counts_vary(name: str, collection: Collection, seeds: list[int]) -> bool:
    """Do the class counts of a strategy's parts depend on the seed? True if any two differ."""
    tables = [
        split_table({name: make_split(name, collection, seed=seed)}, collection) for seed in seeds
    ]
    return any(not table.equals(tables[0]) for table in tables[1:])


def _r0(collection: Collection, seed: int) -> dict[str, tuple[str, ...]]:
    return stratified_parts(collection, held_out=0.25, test_of_held_out=0.4, seed=seed)


def _r1(collection: Collection, seed: int) -> dict[str, tuple[str, ...]]:
    """Nine tenths and one: 1,002 of HAM10000's 10,015 images are R1's test images."""
    from sklearn.model_selection import train_test_split

    ids = np.array(collection.ids)
    train, test = train_test_split(np.arange(len(ids)), test_size=0.1, random_state=seed)
    return _sorted_parts(ids, {"train": train, "test": test})


def _r3(collection: Collection, seed: int) -> dict[str, tuple[str, ...]]:
    return stratified_parts(collection, held_out=0.2, test_of_held_out=0.5, seed=seed)


def _r4(collection: Collection, seed: int) -> dict[str, tuple[str, ...]]:
    return independent_draws(collection, r4_counts(collection), seed=seed)


def _grouped(collection: Collection, seed: int) -> dict[str, tuple[str, ...]]:
    return dict(grouped_split(collection, validation=0.1, test=0.1, seed=seed).parts)


def _group_folds(collection: Collection, seed: int) -> dict[str, tuple[str, ...]]:
    """scikit-learn's ten folds that keep groups whole: one is the test, one validation."""
    from sklearn.model_selection import StratifiedGroupKFold

    table = collection.table
    missing = table.index[table["group"].isna()]
    if len(missing):
        raise DataError(f"{collection.name}: image {missing[0]!r} has no lesion ('group').")
    folds = StratifiedGroupKFold(n_splits=10, shuffle=True, random_state=seed)
    try:
        with warnings.catch_warnings():  # of classes with fewer than ten images: known, and fine
            warnings.simplefilter("ignore", UserWarning)
            held = [rows for _, rows in folds.split(table, collection.codes(), table["group"])]
    except ValueError as error:
        raise DataError(f"{collection.name}: ten folds cannot be made ({error})") from None
    train = np.concatenate(held[2:])
    return _sorted_parts(
        np.array(collection.ids), {"train": train, "validation": held[1], "test": held[0]}
    )


def _sorted_parts(ids: np.ndarray, parts: Mapping[str, np.ndarray]) -> dict[str, tuple[str, ...]]:
    return {part: tuple(sorted(ids[rows].tolist())) for part, rows in parts.items()}


#: every strategy by name, the reports' in their order, then the book's own. R2 is not among them:
#: it names its three parts and gives neither their sizes nor how they were drawn.
STRATEGIES: dict[str, Strategy] = {
    "r0": Strategy("R0", "0.2", "by image, stratified by class, 75/15/10", _r0),
    "r1": Strategy("R1", "1.1", "by image, at random, 90/10 (inferred)", _r1),
    "r3": Strategy("R3", "3.1", "by image, stratified by class, 80/10/10", _r3),
    "r4": Strategy("R4", "4.3", "three draws from one pool, 80/10/10", _r4, independent=True),
    "lesion-grouped": Strategy(
        "The book's", "", "by lesion, stratified by class, 80/10/10", _grouped
    ),
    "group-k-fold": Strategy(
        "scikit-learn's", "", "by lesion, two folds of StratifiedGroupKFold(10)", _group_folds
    ),
}
