"""Perceptual hashes: 64 bits of what a picture looks like, compared by Hamming distance.

``perceptual_hash`` is the discrete-cosine hash, ``difference_hash`` the gradient hash, both as
Zauner (2010) and Krawetz describe them. Similar pictures differ in few bits. Skin-lesion pictures
are smooth and alike, so many different ones do too: a small distance is a reason to look closer,
not a proof.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError

SIDE = 32
BITS = 64
#: rows compared at once: the table of distances then stays in the processor's cache
_CHUNK = 256
TURNS = ("as it is", "turned 90°", "turned 180°", "turned 270°")
DIHEDRAL = (*TURNS, *(f"mirrored, {turn}" for turn in TURNS))


def perceptual_hash(images: np.ndarray) -> np.ndarray:
    """Discrete-cosine hash of each picture, uint64 (n,).

    images: uint8 (n, height, width, 3) RGB or (n, height, width) grey. Each is averaged to 32 × 32
    grey pixels and transformed; of the 8 × 8 lowest frequencies without the constant ones (rows
    and columns 1 to 8), bit k tells whether coefficient k exceeds their median (Zauner 2010,
    section 3.2.1).
    """
    return _cosine_bits(grey_squares(images))


def difference_hash(images: np.ndarray) -> np.ndarray:
    """Gradient hash of each picture, uint64 (n,): is a pixel brighter than its left neighbour?

    images: as for ``perceptual_hash``, averaged to 8 × 9 grey pixels.
    """
    small = grey_squares(images, 8, 9)
    return _pack(small[:, :, 1:] > small[:, :, :-1])


def dihedral_hashes(images: np.ndarray) -> np.ndarray:
    """``perceptual_hash`` of each picture under the 8 turns and mirrorings, uint64 (8, n).

    Row k is of ``DIHEDRAL[k]``: quarter turns anticlockwise, first as it is, then mirrored left to
    right. Turns are of the square thumbnail, so proportions do not matter.
    """
    squares = grey_squares(images)
    return np.stack([_cosine_bits(turned) for turned in dihedral(squares)])


def hamming(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bits in which two arrays of uint64 hashes differ, uint8, broadcast."""
    return np.bitwise_count(np.bitwise_xor(one, other))


def hash_pairs(hashes: np.ndarray, ids: Sequence[str], *, within: int) -> pd.DataFrame:
    """All pairs of images whose hashes differ in at most ``within`` bits (0..64).

    hashes: uint64 (n,), or (8, n) from ``dihedral_hashes``: then the smallest distance of the
    eight counts. Columns: image_id, other, distance, turn (of the other picture, in words);
    ordered by distance. Every pair is compared, in chunks.
    """
    hashes = np.atleast_2d(np.asarray(hashes, dtype=np.uint64))
    if hashes.shape[1] != len(ids):
        raise DataError(f"hash_pairs: {hashes.shape[1]} hashes for {len(ids)} image ids.")
    if not 0 <= within <= BITS:
        raise ParameterError(f"within: must be between 0 and {BITS} bits, not {within}.")
    parts = list(_close(hashes, within))
    empty = [np.empty(0, np.int64)] * 4
    first, second, distance, turn = (
        [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else empty
    )
    names = np.asarray(ids, dtype=object)
    frame = pd.DataFrame({"image_id": names[first], "other": names[second]}, dtype="str")
    frame["distance"] = distance.astype(np.int64)
    frame["turn"] = pd.Series([DIHEDRAL[k] for k in turn], dtype="str")
    return frame.sort_values(["distance", "image_id", "other"], ignore_index=True)


def dihedral(squares: np.ndarray) -> Iterator[np.ndarray]:
    """The 8 turns and mirrorings of pictures (n, side, side), in the order of ``DIHEDRAL``."""
    for mirrored in (squares, squares[:, :, ::-1]):
        for quarter in range(4):
            yield np.rot90(mirrored, quarter, axes=(1, 2))


def grey_squares(images: np.ndarray, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Grey pictures averaged to height × width, float32 (n, height, width), 0..255."""
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or not images.size:
        raise DataError(
            f"Hashes need uint8 pictures (n, height, width[, 3]), not {images.dtype} "
            f"{images.shape}."
        )
    result = np.empty((len(images), height, width), np.float32)
    for k, image in enumerate(images):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
        result[k] = cv2.resize(
            grey.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
        )
    return result


def _cosine_bits(squares: np.ndarray) -> np.ndarray:
    pixel = np.arange(SIDE)
    frequency = np.arange(1, 9)[:, None]
    waves = np.cos(np.pi * frequency * (2 * pixel + 1) / (2 * SIDE)).astype(np.float32)
    # einsum would not use BLAS; two plain products do
    low = (waves @ squares @ waves.T).reshape(len(squares), BITS)
    return _pack(low > np.median(low, axis=1, keepdims=True))


def _pack(bits: np.ndarray) -> np.ndarray:
    packed = np.packbits(bits.reshape(len(bits), BITS), axis=1)
    return np.ascontiguousarray(packed).view(np.uint64).ravel()


def _close(hashes: np.ndarray, within: int) -> Iterator[tuple[np.ndarray, ...]]:
    plain, n = hashes[0], hashes.shape[1]
    for start in range(0, n, _CHUNK):
        rows = plain[start : start + _CHUNK, None]
        # only what stands behind the rows: each pair once
        nearest = hamming(rows, plain[None, start:])
        which = np.zeros(nearest.shape, np.uint8)
        for turn in range(1, len(hashes)):
            distance = hamming(rows, hashes[turn][None, start:])
            which[distance < nearest] = turn
            np.minimum(nearest, distance, out=nearest)
        i, j = np.nonzero(nearest <= within)
        i, j = i[i < j], j[i < j]
        if len(i):
            yield i + start, j + start, nearest[i, j], which[i, j]
