"""Resampling the training images of rare and frequent classes (rows 0.3, 2.1, 3.2).

Every function takes a ``Split`` and gives ids of its *train* part, some of them several times, for
``dermbook.data.Batches``. Another part is refused: a resampled validation or test would score
another mix of classes than the one that a model will meet, and sampling before the split would
put copies of one image on both sides of it (lesson M9).
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from dermbook.data import Collection, Split, check
from dermbook.errors import DataError, ParameterError

#: whole factors that turn R3's 8,012 training rows into the 36,625 that it reports (row 3.2). The
#: report prints none; these bring every class near NV and give the total to the last row.
R3_FACTORS: Mapping[str, int] = {
    "nv": 1, "mel": 6, "bkl": 6, "bcc": 13, "akiec": 19, "vasc": 47, "df": 54,
}  # fmt: skip


def oversample(
    split: Split, collection: Collection, *, seed: int = 0, part: str = "train"
) -> tuple[str, ...]:
    """Ids with every class as frequent as the most frequent one; no image is left out.

    Images of a class are repeated equally often, and those that are repeated once more are drawn
    by ``seed``. Raises, like all functions here, ParameterError for a part other than train, and
    DataError when images are not the collection's or have no label.
    """
    counts = _by_class(split, collection, part)
    return _to_counts(counts, dict.fromkeys(counts, max(map(len, counts.values()))), seed)


def undersample(
    split: Split, collection: Collection, *, seed: int = 0, part: str = "train"
) -> tuple[str, ...]:
    """Ids with every class as rare as the rarest one, drawn by ``seed``; none is repeated."""
    counts = _by_class(split, collection, part)
    return _to_counts(counts, dict.fromkeys(counts, min(map(len, counts.values()))), seed)


def combined(
    split: Split, collection: Collection, *, seed: int = 0, part: str = "train"
) -> tuple[str, ...]:
    """Over- and undersampling at once (R2, row 2.1): as many ids as images, classes equal.

    The size to which classes are brought is not in the report; ours is their mean, rounded up for
    some so that the total stays exactly what it was.
    """
    counts = _by_class(split, collection, part)
    return _to_counts(counts, _shared_out(counts, dict.fromkeys(counts, 1.0)), seed)


def square_root(
    split: Split, collection: Collection, *, seed: int = 0, part: str = "train"
) -> tuple[str, ...]:
    """As many ids as images, classes in the ratio of the square roots of their sizes.

    Half-way, on a logarithmic scale, between the classes as they are and equal classes.
    """
    counts = _by_class(split, collection, part)
    roots = {label: len(ids) ** 0.5 for label, ids in counts.items()}
    return _to_counts(counts, _shared_out(counts, roots), seed)


def by_factor(
    split: Split,
    collection: Collection,
    factors: Mapping[str, int] | None = None,
    *,
    part: str = "train",
) -> tuple[str, ...]:
    """Ids of each class repeated by a whole factor (R3, row 3.2); nothing is drawn.

    factors: class → repetitions, at least 1; ``factors_towards`` the largest class if None.
    ParameterError for a class without a factor, or a factor below 1.
    """
    counts = _by_class(split, collection, part)
    if factors is None:
        factors = factors_towards({label: len(ids) for label, ids in counts.items()})
    for label in counts:
        factor = factors.get(label)
        if isinstance(factor, bool) or not isinstance(factor, int | np.integer) or factor < 1:
            raise ParameterError(
                f"factors: class {label!r} needs a whole number of at least 1, not {factor!r}."
            )
    return tuple(i for label, ids in counts.items() for i in ids for _ in range(factors[label]))


def factors_towards(counts: Mapping[str, int]) -> dict[str, int]:
    """The whole factor a class that brings its count nearest to the largest one."""
    largest = max(counts.values())
    return {label: max(1, round(largest / count)) for label, count in counts.items() if count}


#: name → exponent of a class's size to which its share of an epoch is proportional
SHARES: Mapping[str, float] = {"none": 1.0, "square-root": 0.5, "balanced": 0.0}


def class_sampler(codes: np.ndarray, name: str) -> Callable[[np.random.Generator], np.ndarray]:
    """A sampler for ``Batches``: a new draw every epoch, as many images as there are.

    codes: int (n,), the classes of the batches' ids, which must be of the train part. name: a key
    of ``SHARES``. A class of n_c images gets n · n_c^p / Σ n_k^p places, p as in ``SHARES``; a
    fraction of a place is drawn. Within a class every image is taken equally often, up to one.
    Unlike the functions above, which fix the copies once, later epochs meet other images of the
    frequent classes. ParameterError for an unknown name.
    """
    if name not in SHARES:
        raise ParameterError(f"sampling: must be one of {', '.join(SHARES)}, not {name!r}.")
    members = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    shares = np.array([len(each) for each in members], dtype="float64") ** SHARES[name]
    ideal = len(codes) * shares / shares.sum()

    def draw(rng: np.random.Generator) -> np.ndarray:
        # systematic rounding: each count is the floor or the ceiling, and the total is exact; the
        # nudge keeps whole numbers whole when a sum is a hair below one
        edges = np.floor(np.concatenate([[0], np.cumsum(ideal)]) + rng.random() + 1e-9)
        counts = np.diff(edges).astype(int)
        counts[-1] += len(codes) - counts.sum()
        drawn = []
        for own, count in zip(members, counts, strict=True):
            times, rest = divmod(count, len(own))
            drawn += [np.tile(own, times), rng.permutation(own)[:rest]]
        return rng.permutation(np.concatenate(drawn))

    return draw


#: name → sampler of (split, collection, seed=…)
SAMPLERS: dict[str, Callable[..., tuple[str, ...]]] = {
    "oversampling": oversample,
    "undersampling": undersample,
    "combined": combined,
    "per-class factors": lambda split, collection, *, seed=0, part="train": by_factor(
        split, collection, part=part
    ),
    "square-root sampling": square_root,
}


def sampled(
    name: str, split: Split, collection: Collection, *, seed: int = 0, part: str = "train"
) -> tuple[str, ...]:
    """Ids by the sampler of this name; ``none`` gives the train part itself."""
    if name == "none":
        _by_class(split, collection, part)
        return split.parts["train"]
    if name not in SAMPLERS:
        raise ParameterError(
            f"sampler: {name!r} is unknown; known are none, {', '.join(SAMPLERS)}."
        )
    return SAMPLERS[name](split, collection, seed=seed, part=part)


def sampled_counts(
    split: Split, collection: Collection, names: tuple[str, ...] | None = None, *, seed: int = 0
) -> pd.DataFrame:
    """What each sampler makes of the train part: sampler, class, count (ids), images (distinct).

    names: of samplers; "none" and all others if None. Classes in the collection's order.
    """
    rows = []
    labels = collection.table["label"]
    for name in names or ("none", *SAMPLERS):
        ids = pd.Index(sampled(name, split, collection, seed=seed))
        of = labels.loc[ids].to_numpy()
        for label in collection.classes:
            chosen = ids[of == label]
            rows.append((name, label, len(chosen), chosen.nunique()))
    return pd.DataFrame(rows, columns=["sampler", "class", "count", "images"])


def _by_class(split: Split, collection: Collection, part: str) -> dict[str, tuple[str, ...]]:
    """Train ids by class, sorted, for the classes that occur there."""
    if part != "train":
        raise ParameterError(
            f"part: only 'train' is ever resampled, not {part!r}. Validation and test keep the mix "
            "of classes that a model will meet."
        )
    check(split, collection)
    labels = collection.table["label"].loc[list(split.parts["train"])]
    if labels.isna().any():
        raise DataError(f"{collection.name}: image {labels.index[labels.isna()][0]} has no label.")
    return {
        name: tuple(sorted(labels.index[labels == name]))
        for name in collection.classes
        if (labels == name).any()
    }


def _shared_out(
    counts: Mapping[str, tuple[str, ...]], shares: Mapping[str, float]
) -> dict[str, int]:
    """Ids a class in the ratio of ``shares``, at least 1, as many in all as there are images."""
    total = sum(map(len, counts.values()))
    whole = sum(shares.values())
    ideal = {label: total * share / whole for label, share in shares.items()}
    wanted = {label: max(1, int(value)) for label, value in ideal.items()}
    # what rounding down left goes to the largest remainders, ties in the order of the classes
    order = sorted(ideal, key=lambda label: ideal[label] - wanted[label], reverse=True)
    for label in order[: max(0, total - sum(wanted.values()))]:
        wanted[label] += 1
    return wanted


def _to_counts(
    by_class: Mapping[str, tuple[str, ...]], wanted: Mapping[str, int], seed: int
) -> tuple[str, ...]:
    if seed < 0:
        raise ParameterError(f"seed: must be 0 or more, not {seed}.")
    chosen: list[str] = []
    for position, (label, ids) in enumerate(by_class.items()):
        times, rest = divmod(wanted[label], len(ids))
        # a generator for each class: one class's draw does not hang on another's size
        drawn = np.random.default_rng([seed, position]).permutation(len(ids))[:rest]
        chosen += list(ids) * times + [ids[k] for k in sorted(drawn)]
    return tuple(chosen)
