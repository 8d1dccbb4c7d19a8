"""Shuffled batches of cached images with labels: NumPy only, the ids never lost.

The order of an epoch and the random numbers of an augmentation are pure functions of the seed,
the epoch and the batch, so that a training that was interrupted goes on exactly as it would have.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from dermbook.data.cache import CachedImages
from dermbook.errors import DataError, ParameterError

Augment = (
    Callable[[np.ndarray, np.random.Generator], np.ndarray]
    | Callable[[np.ndarray, np.random.Generator, np.ndarray], np.ndarray]
)

#: draws an epoch: from a generator the positions in ``ids``, int (len(ids),), repeated or left out
Sampler = Callable[[np.random.Generator], np.ndarray]

# the streams of random numbers drawn from one seed
_ORDER, _AUGMENT = 0, 1


class Batches:
    """Batches of ``(x, y)`` or ``(x, y, weight)`` over some images of a cache.

    ``ids`` are the images, in stored order; one may occur several times (oversampling). ``codes``
    (integers >= 0), ``sample_weight`` (finite, >= 0) and the rows of ``features`` (numbers without
    gaps) are either pandas objects indexed by image id, which are looked up by id, or, for the
    first two, plain sequences in the order of ``ids``. ``shuffle`` draws a new order every epoch
    from ``seed``. ``augment(batch, rng)`` gets the uint8 batch, which it may change, and a
    generator of its own, and returns a uint8 batch of as many images; one whose attribute
    ``needs_codes`` is true is called as ``augment(batch, rng, codes)``. ``sampler`` (see
    ``dermbook.training.sampling.class_sampler``) draws anew, each epoch, which images are in it
    and in what order, in place of ``shuffle``; as many as there are ``ids``.

    Raises ParameterError for a bad size or seed, or a sampler that draws something else; DataError
    for unknown ids, a wrong number of labels, missing, non-integer or negative labels, and gaps in
    weights or features.
    """

    def __init__(
        self,
        images: CachedImages,
        ids: Sequence[str] | pd.Index,
        codes: pd.Series | np.ndarray | Sequence[int],
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        sample_weight: pd.Series | np.ndarray | Sequence[float] | None = None,
        augment: Augment | None = None,
        features: pd.DataFrame | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        if batch_size < 1:
            raise ParameterError(f"batch_size: must be 1 or more, not {batch_size}.")
        if seed < 0:
            raise ParameterError(f"seed: must be 0 or more, not {seed}.")
        self.ids = pd.Index(ids, name="image_id")
        if not len(self.ids):
            raise DataError("Batches need at least one image; the list of ids is empty.")
        self.batch_size = int(batch_size)
        self.shuffle = bool(shuffle)
        self.seed = int(seed)
        self.augment = augment
        self.sampler = sampler
        self.codes = _codes(codes, self.ids)
        self.sample_weight = None if sample_weight is None else _weights(sample_weight, self.ids)
        self.features = None if features is None else _features(features, self.ids)
        self._rows = images.positions(self.ids)
        # a plain view: indexing a memmap object costs more than the copy of a small batch
        self._pixels = np.asarray(images.images)
        self.start_epoch(0)

    def __len__(self) -> int:
        """Number of batches an epoch; the last one may be smaller."""
        return -(-len(self.ids) // self.batch_size)

    @property
    def epoch(self) -> int:
        """The epoch whose order ``batch`` follows, from 0."""
        return self._current[0]

    def order(self, epoch: int) -> np.ndarray:
        """Positions in ``ids`` in the order of an epoch (from 0), int64 (n,).

        A permutation, unless a sampler draws some positions several times and others not at all.
        """
        if epoch < 0:
            raise ParameterError(f"epoch: must be 0 or more, not {epoch}.")
        if self.sampler is not None:
            return _drawn(self.sampler(self._generator(_ORDER, epoch)), len(self.ids))
        if not self.shuffle:
            return np.arange(len(self.ids))
        return self._generator(_ORDER, epoch).permutation(len(self.ids))

    def start_epoch(self, epoch: int) -> None:
        """From now on give the batches of this epoch (from 0)."""
        # one assignment: a loader thread sees either the old epoch or the new, never half of each
        self._current = (int(epoch), self.order(epoch))

    def batch_ids(self, i: int) -> pd.Index:
        """Image ids of batch ``i`` of the current epoch."""
        return self.ids[self._positions(i, self._current[1])]

    def batch(self, i: int) -> tuple:
        """Batch ``i`` (from 0) of the current epoch: ``(x, y)`` or ``(x, y, weight)``.

        ``x`` is uint8 (b, height, width, 3), C-contiguous and the caller's own; with features it
        is the pair of that and float32 (b, columns). ``y`` is int32 (b,), ``weight`` float32 (b,).
        Raises IndexError beyond the last batch.
        """
        epoch, order = self._current
        positions = self._positions(i, order)
        x = self._pixels[self._rows[positions]]
        if self.augment is not None:
            rng = self._generator(_AUGMENT, epoch, i)
            x = _augmented(self.augment, x, rng, self.codes[positions])
        inputs = x if self.features is None else (x, self.features[positions])
        if self.sample_weight is None:
            return inputs, self.codes[positions]
        return inputs, self.codes[positions], self.sample_weight[positions]

    def _positions(self, i: int, order: np.ndarray) -> np.ndarray:
        if not 0 <= i < len(self):
            raise IndexError(f"batch {i} of {len(self)}")
        return order[i * self.batch_size : (i + 1) * self.batch_size]

    def _generator(self, *key: int) -> np.random.Generator:
        # spawn keys keep (seed, epoch) and (seed, epoch, 0) apart; plain entropy lists would not
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def _drawn(positions: np.ndarray, size: int) -> np.ndarray:
    """What a sampler drew, checked: int64 (size,), each 0 … size − 1."""
    positions = np.asarray(positions)
    if (
        positions.shape != (size,)
        or positions.dtype.kind not in "iu"
        or not ((positions >= 0) & (positions < size)).all()
    ):
        raise ParameterError(f"sampler: must draw {size} positions of 0 to {size - 1}.")
    return positions.astype(np.int64)


def _aligned(values, ids: pd.Index, what: str) -> np.ndarray:
    """Values in the order of ``ids``: pandas objects by their index, sequences by position."""
    if isinstance(values, (pd.Series, pd.DataFrame)):
        if not values.index.is_unique:
            repeated = values.index[values.index.duplicated()][0]
            raise DataError(f"{what}: image id {repeated!r} occurs twice in the index.")
        rows = values.index.get_indexer(ids)
        if (rows < 0).any():
            missing = ids[rows < 0]
            raise DataError(
                f"{what}: {len(missing)} of {len(ids)} image ids are missing, first "
                f"{missing[0]!r}. Its index must hold the image ids."
            )
        values = values.iloc[rows]
        if values.isna().to_numpy().any():
            gaps = ids[values.isna().to_numpy().reshape(len(ids), -1).any(axis=1)]
            raise DataError(f"{what}: missing for {len(gaps)} images, first {gaps[0]!r}.")
        return values.to_numpy()
    values = np.asarray(values)
    if values.shape != (len(ids),):
        raise DataError(
            f"{what}: expected shape ({len(ids)},), one an image id, not {values.shape}."
        )
    return values


def _codes(codes, ids: pd.Index) -> np.ndarray:
    values = _aligned(codes, ids, "codes")
    if values.dtype.kind not in "iub":
        raise DataError(f"codes: must be integers (Collection.codes), not {values.dtype}.")
    if (values < 0).any():
        raise DataError(f"codes: must be 0 or more; {ids[values < 0][0]!r} has a negative one.")
    return values.astype(np.int32)


def _weights(weights, ids: pd.Index) -> np.ndarray:
    values = _aligned(weights, ids, "sample_weight").astype(np.float32)
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        raise DataError(
            "sample_weight: must be finite and 0 or more; "
            f"{ids[wrong][0]!r} has {values[wrong][0]}."
        )
    return values


def _features(features: pd.DataFrame, ids: pd.Index) -> np.ndarray:
    text = [c for c in features if not pd.api.types.is_numeric_dtype(features[c])]
    if text:
        raise DataError(f"features: column {text[0]!r} is not numeric; encode it first.")
    values = _aligned(features, ids, "features").astype(np.float32)
    if not np.isfinite(values).all():
        column = features.columns[~np.isfinite(values).all(axis=0)][0]
        raise DataError(f"features: column {column!r} has infinite values.")
    return np.ascontiguousarray(values)


def _augmented(
    augment: Augment, x: np.ndarray, rng: np.random.Generator, codes: np.ndarray
) -> np.ndarray:
    given = (x, rng, codes) if getattr(augment, "needs_codes", False) else (x, rng)
    result = np.asarray(augment(*given))
    if result.dtype != np.uint8 or result.ndim != 4 or len(result) != len(x):
        raise ParameterError(
            f"augment: must return uint8 ({len(x)}, height, width, 3), "
            f"not {result.dtype} {result.shape}."
        )
    return np.ascontiguousarray(result)
