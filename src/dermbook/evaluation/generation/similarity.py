"""How generated images relate to real ones, both as vectors: copies, distance of the sets, variety.

A generator that has learned by heart gives back its training images. So the distance from each
generated image to the nearest training image is set against that of real images it never saw.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.uncertainty import percentile_interval

#: the set that the others are compared with: real images of lesions that were not trained on
HELD_OUT = "held out"


def with_flips(images: np.ndarray) -> np.ndarray:
    """Images and their three mirrored versions, uint8 (4 n, height, width, 3): first all as they
    are. A generator whose lessons were flipped may give back a flipped copy."""
    return np.concatenate([images, images[:, :, ::-1], images[:, ::-1], images[:, ::-1, ::-1]])


def nearest(
    queries: np.ndarray,
    references: np.ndarray,
    lesions: Sequence[str],
    *,
    own: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Distance of each query to the nearest reference: distance, ratio, row; one row a query.

    queries (n, d), references (m, d): vectors. lesions: of each reference. own: lesion of each
    query, whose references are left out. distance: root mean square over the d values. ratio: to
    that of the nearest reference of *another lesion* than the nearest; about 1 for a new image,
    near 0 for a copy. row: position of the nearest reference.

    DataError where references of fewer than two lesions are left for a query.
    """
    queries, references = (np.asarray(each, dtype="float64") for each in (queries, references))
    lesions = np.asarray(lesions, dtype=object)
    if len(lesions) != len(references) or (own is not None and len(own) != len(queries)):
        raise DataError("nearest: there must be one lesion for each vector.")
    squares = (
        (queries**2).sum(axis=1)[:, None]
        + (references**2).sum(axis=1)[None]
        - 2 * queries @ references.T
    )
    distances = np.sqrt(np.maximum(squares, 0) / queries.shape[1])
    if own is not None:
        distances[np.asarray(own, dtype=object)[:, None] == lesions[None]] = np.inf
    first = distances.argmin(axis=1)
    others = np.where(lesions[None] == lesions[first][:, None], np.inf, distances)
    near, next_ = distances.min(axis=1), others.min(axis=1)
    if not np.isfinite(next_).all():
        raise DataError("nearest: references of two lesions at least are needed for each query.")
    ratio = np.divide(near, next_, out=np.ones_like(near), where=next_ > 0)
    return pd.DataFrame({"distance": near, "ratio": ratio, "row": first})


def likeness(
    sets: Mapping[str, tuple[np.ndarray, Sequence[str]]],
    references: np.ndarray,
    lesions: Sequence[str],
    *,
    leave_out: Sequence[str] = (),
) -> pd.DataFrame:
    """``nearest`` for several sets: set, lesion (a number within the set), distance, ratio.

    sets: name → (vectors, lesion of each; for generated images any text that tells them apart).
    leave_out: sets of training images, to which other lesions' references are compared only.
    """
    frames = []
    for name, (vectors, own) in sets.items():
        found = nearest(vectors, references, lesions, own=own if name in leave_out else None)
        found = found.drop(columns="row")
        found.insert(0, "lesion", pd.factorize(np.asarray(own, dtype=object))[0])
        found.insert(0, "set", name)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)


def likeness_summary(frame: pd.DataFrame, *, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """How much nearer each set is to the training images than held-out real images are.

    frame: of ``likeness``, with ``HELD_OUT`` among the sets. Columns set, images, distance and
    ratio (medians), nearer: the probability that an image of the set is nearer to its nearest
    training image than a held-out image is to its own (.5: as new as those; 1: all nearer), low and
    high its 95 % interval over lesions of both.
    """
    held_out = frame[frame["set"] == HELD_OUT]
    if held_out.empty:
        raise DataError(f"likeness_summary: there is no set {HELD_OUT!r}.")
    rows = []
    for name, of in frame.groupby("set", sort=False):
        rng = np.random.default_rng(seed)
        wins = _wins(of["distance"].to_numpy(), held_out["distance"].to_numpy())
        value, low, high = float(wins.mean()), np.nan, np.nan
        if name != HELD_OUT:
            draws = [
                np.average(
                    np.average(wins, axis=0, weights=_drawn(of["lesion"], rng)),
                    weights=_drawn(held_out["lesion"], rng),
                )
                for _ in range(resamples)
            ]
            low, high, _ = percentile_interval(np.asarray(draws), 0.95)
        medians = of[["distance", "ratio"]].median()
        rows.append((name, len(of), medians["distance"], medians["ratio"], value, low, high))
    columns = ["set", "images", "distance", "ratio", "nearer", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def variety(vectors: np.ndarray) -> float:
    """Mean distance (root mean square) between two different rows; 0 for a collapsed generator.

    NaN for fewer than two rows.
    """
    vectors = np.asarray(vectors, dtype="float64")
    if len(vectors) < 2:
        return np.nan
    squares = (vectors**2).sum(axis=1)
    gaps = np.maximum(squares[:, None] + squares[None] - 2 * vectors @ vectors.T, 0)
    np.fill_diagonal(gaps, 0)
    return float(np.sqrt(gaps / vectors.shape[1]).sum() / (len(vectors) * (len(vectors) - 1)))


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance of two sets of vectors, taken for normal clouds (Heusel et al. 2017).

    first (n, d), second (m, d): |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½), the covariances over n − 1.
    Of few vectors it is too large, the more so the fewer; compare sets of one size only. DataError
    for fewer than two rows or different widths.
    """
    first, second = (np.asarray(each, dtype="float64") for each in (first, second))
    if min(len(first), len(second)) < 2 or first.shape[1:] != second.shape[1:]:
        raise DataError("frechet_distance: give two rows or more each, of one width.")
    gap = first.mean(axis=0) - second.mean(axis=0)
    one, two = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (first, second))
    root = _root(one)
    # (C₁ C₂)^½ has the trace of (C₁^½ C₂ C₁^½)^½, which is symmetric, so singular C do no harm
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0)).sum()
    return float(gap @ gap + np.trace(one) + np.trace(two) - 2 * shared)


def frechet_table(
    real: np.ndarray,
    lesions: Sequence[str],
    sets: Mapping[str, tuple[np.ndarray, Sequence[str] | None]],
    *,
    repeats: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Fréchet distance of each set to half of the real images: set, repeat, images, distance.

    The lesions are divided in two at random, again in each repeat. ``real images`` is the distance
    of one half to the other: the floor, what so few images of the very same kind are apart. Every
    distance is of as many images on both sides (``images``). sets: name → (vectors, lesion that
    each was made from, or None); of a set made from real images, those made from the *other* half
    are taken. DataError when a half has fewer than two images.
    """
    real, lesions = np.asarray(real), np.asarray(lesions, dtype=object)
    rng = np.random.default_rng(seed)
    every = {"real images": (real, lesions), **sets}
    rows = []
    for repeat in range(repeats):
        order = rng.permutation(pd.unique(pd.Series(lesions)))
        here = np.isin(lesions, order[: len(order) // 2])
        half, elsewhere = real[here], set(order[len(order) // 2 :])
        chosen = {name: _from(*each, elsewhere, rng) for name, each in every.items()}
        size = min(len(half), *(len(each) for each in chosen.values()))
        if size < 2:
            raise DataError("frechet_table: two images are needed in each half.")
        half = rng.permutation(half)[:size]
        rows += [
            (name, repeat, size, frechet_distance(half, each[:size]))
            for name, each in chosen.items()
        ]
    return pd.DataFrame(rows, columns=["set", "repeat", "images", "distance"])


def frechet_bias(
    vectors: np.ndarray, sizes: Sequence[int], *, repeats: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Fréchet distance of two random, disjoint draws of one set: images (in each), median, low,
    high (95 % of the repeats). The truth is 0, so all of it is error.

    Sizes that do not fit twice are left out; ParameterError when none fits.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for size in sizes:
        if size < 2 or 2 * size > len(vectors):
            continue
        draws = [rng.permutation(len(vectors))[: 2 * size] for _ in range(repeats)]
        found = [frechet_distance(vectors[d[:size]], vectors[d[size:]]) for d in draws]
        rows.append((size, *np.quantile(found, [0.5, 0.025, 0.975])))
    if not rows:
        raise ParameterError(f"frechet_bias: no size fits twice into {len(vectors)} images.")
    return pd.DataFrame(rows, columns=["images", "median", "low", "high"])


def _wins(distances: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Which of the pairs have the smaller distance in the set, a draw counting half."""
    gap = held_out[None] - distances[:, None]
    return (gap > 0) + 0.5 * (gap == 0)


def _drawn(lesions: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Weights of rows when lesions are drawn with replacement."""
    codes, found = pd.factorize(lesions)
    times = np.bincount(rng.integers(0, len(found), len(found)), minlength=len(found))
    return times[codes].astype("float64")


def _from(
    vectors: np.ndarray, lesions: Sequence[str] | None, wanted: set, rng: np.random.Generator
) -> np.ndarray:
    """A set's rows in random order; only those made from wanted lesions, if it is made from any."""
    vectors = np.asarray(vectors)
    if lesions is not None:
        vectors = vectors[[lesion in wanted for lesion in lesions]]
    return rng.permutation(vectors)


def _root(matrix: np.ndarray) -> np.ndarray:
    """The square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
