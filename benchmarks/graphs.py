"""What TensorFlow's graph optimizer costs and wins: a small head, and a whole network.

    python benchmarks/graphs.py [--images 420] [--repeats 3]

Each is trained with its graphs optimized and as written, in turn; the median of the repeats counts.
The head is R1's on 64 random numbers an image, ten epochs, as *Fine-tuning* trains it (seconds of
the whole training, preparing included); the network is MobileNetV2 at 96 × 128 with random weights,
all layers learning (seconds of an epoch after the first). Set OMP_NUM_THREADS=1 and
TF_NUM_INTRAOP_THREADS=1 for figures of one core.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
import pandas as pd

from dermbook.data import Batches, CachedImages, Collection, Split, grouped_split
from dermbook.data.phantom import phantom
from dermbook.evaluation import fine_tuning
from dermbook.models.transfer import build_transfer
from dermbook.training import fit
from dermbook.training.graphs import graphs_as_written

FIT = "dermbook.training.fitting.graphs_as_written"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=420)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    lesions = phantom(options.images, height=32, width=48, seed=0)
    split = grouped_split(lesions, seed=0)
    rng = np.random.default_rng(0)
    shapes = {"head": (64,), "network": (96, 128, 3)}
    arms: dict[str, Callable[[Collection, Split, CachedImages], float]] = {
        "head": head_seconds,
        "network": network_epoch,
    }
    head_seconds(lesions, split, held(rng, lesions, shapes["head"]))  # starts TensorFlow
    print("what        optimized  as written  ratio")
    for name, seconds in arms.items():
        images = held(rng, lesions, shapes[name])
        took: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(options.repeats):
            for as_written, runs in took.items():
                # ``fit`` itself decides by the number of joined steps; here it must not
                with patch(FIT, lambda _: nullcontext()), graphs_as_written(as_written):
                    runs.append(seconds(lesions, split, images))
        optimized, written = (median(took[key]) for key in (False, True))
        print(f"{name:10s} {optimized:8.2f} s  {written:8.2f} s  {optimized / written:5.2f}")


def held(rng: np.random.Generator, lesions: Collection, shape: tuple[int, ...]) -> CachedImages:
    """Random numbers in the place of each image."""
    values = rng.integers(0, 256, (len(lesions), *shape), dtype=np.uint8)
    if len(shape) == 1:
        values = (values / 255).astype(np.float32)
    return CachedImages(values, pd.Index(lesions.ids), Path())


def head_seconds(lesions: Collection, split: Split, vectors: CachedImages) -> float:
    how = fine_tuning.HeadSetting(epochs=10, sampling="balanced")
    start = time.perf_counter()
    fine_tuning.head_trial(vectors, lesions, split, how, name="head", seed=0)
    return time.perf_counter() - start


def network_epoch(lesions: Collection, split: Split, images: CachedImages) -> float:
    classes = len(lesions.classes)
    shape = images.images.shape[1:]
    model = build_transfer("mobilenetv2", shape, classes, seed=0, last=None, weights="random")
    ids = split.parts["train"]
    batches = Batches(images, ids, lesions.codes(ids), batch_size=32, shuffle=True, seed=0)
    return float(fit(model, batches, epochs=3, verbose="none").history["seconds"].iloc[1:].mean())


if __name__ == "__main__":
    main()
