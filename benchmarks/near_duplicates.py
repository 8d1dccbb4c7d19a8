"""How long the searches for near duplicates take, on made-up hashes, vectors and pictures.

    python benchmarks/near_duplicates.py [--images 10015] [--width 1280] [--pictures 300]

The Hamming search compares every pair of ``--images`` 64-bit hashes, under the eight turns and
mirrorings too; the naive loop does the same for 500 of them in plain Python and is scaled to all.
The embedding search takes vectors of ``--width`` numbers. Keypoints are found and matched on
``--pictures`` phantom photographs. Prints wall-clock and processor seconds: on a busy machine the
second is the honest one. Set OMP_NUM_THREADS=1 for figures of one core.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from dermbook.data import cleaning, phantom


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_015)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--pictures", type=int, default=300)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    ids = [f"I{k:06}" for k in range(options.images)]

    hashes = rng.integers(0, 2**64, (8, options.images), dtype=np.uint64)
    with measured(f"Hamming search, {options.images:,} hashes"):
        cleaning.hash_pairs(hashes[0], ids, within=10)
    with measured("Hamming search, eight turns and mirrorings"):
        cleaning.hash_pairs(hashes, ids, within=10)
    start = time.process_time()
    naive(hashes[0, :500].tolist(), within=10)
    scale = options.images * (options.images - 1) / (500 * 499)
    print(f"{'naive loop, scaled':<52}{'':>8}{(time.process_time() - start) * scale:8.2f}")

    vectors = rng.normal(size=(options.images, options.width)).astype(np.float32)
    with measured(f"cosine search, {options.images:,} × {options.width:,}"):
        cleaning.cosine_pairs(vectors, ids, neighbours=10)

    collection = phantom(options.pictures, height=150, width=200)
    pictures = np.stack([collection.image(image_id) for image_id in collection.ids])
    with measured(f"perceptual hash, eight ways, {options.pictures} pictures"):
        cleaning.dihedral_hashes(pictures)
    with measured(f"keypoints of {options.pictures} pictures of 150 × 200"):
        features = cleaning.local_features(pictures, collection.ids)
    with measured("visual words and their neighbours"):
        pairs = cleaning.word_pairs(features, words=256)
    with measured(f"matching keypoints of {len(pairs):,} pairs"):
        cleaning.count_matches(pairs, features)


def naive(hashes: list[int], *, within: int) -> list[tuple[int, int]]:
    """Every pair in a double loop, as one would write it first."""
    return [
        (i, j)
        for i, one in enumerate(hashes)
        for j in range(i + 1, len(hashes))
        if (one ^ hashes[j]).bit_count() <= within
    ]


@contextmanager
def measured(what: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what:<52}{wall:8.2f}{processor:8.2f}")


if __name__ == "__main__":
    main()
