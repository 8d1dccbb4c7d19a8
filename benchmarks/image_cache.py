"""How fast is an epoch from the image cache? Against Keras' directory readers and a plain copy.

    .venv/bin/python benchmarks/image_cache.py [--images 2000] [--height 96] [--width 128] …

Writes phantom pictures as JPEGs into a temporary folder and measures, in one run on the same files:

- decoding and resizing by one thread, two threads and two processes;
- building the cache, and opening it, which checks every byte;
- an epoch of shuffled ``Batches``;
- an epoch of Keras' legacy directory generator (``ImageDataGenerator.flow_from_directory``) and of
  ``keras.utils.image_dataset_from_directory``, which decode every epoch anew;
- one plain NumPy copy of the cache's bytes.

Everything is timed several times and the fastest counts.
"""

import argparse
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
import pandas as pd

from dermbook.data.batches import Batches
from dermbook.data.cache import cached_images, resize
from dermbook.data.collection import Collection
from dermbook.files import sha256
from dermbook.paths import cache_dir


class Folder:
    """The JPEGs of a folder with one sub-folder a class, as Keras wants them."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self.paths = paths

    def image(self, image_id: str) -> np.ndarray:
        return cv2.cvtColor(cv2.imread(str(self.paths[image_id])), cv2.COLOR_BGR2RGB)

    def mask(self, image_id: str) -> None:
        return None

    def encoded(self, image_id: str) -> bytes:
        return self.paths[image_id].read_bytes()

    def signature(self, image_id: str) -> str:
        return sha256(self.paths[image_id])


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        os.environ["DERMBOOK_CACHE"] = str(Path(name) / "cache")
        collection = write_jpegs(Path(name) / "jpegs", options)
        size = {"height": options.height, "width": options.width}
        print(
            f"{len(collection)} JPEGs of {options.jpeg_height} x {options.jpeg_width} pixels, "
            f"cached at {options.height} x {options.width}, batches of {options.batch_size}\n"
        )
        measure_decoding(collection, size)
        measure_epochs(collection, size, Path(name) / "jpegs", options)


def write_jpegs(folder: Path, options: argparse.Namespace) -> Collection:
    """Phantom pictures as ``folder/LABEL/ID.jpg``."""
    from dermbook.data.phantom import phantom

    source = phantom(options.images, height=options.jpeg_height, width=options.jpeg_width)
    paths = {}
    for image_id, label in source.table["label"].items():
        paths[image_id] = folder / label / f"{image_id}.jpg"
        paths[image_id].parent.mkdir(parents=True, exist_ok=True)
        paths[image_id].write_bytes(source.source.encoded(image_id))
    table = pd.DataFrame({"label": source.table["label"], "group": source.table["group"]})
    return Collection("benchmark", table, source.classes, Folder(paths), phantom=True)


def measure_decoding(collection: Collection, size: dict[str, int]) -> None:
    """Images a second of decoding and resizing, and of building and opening the cache."""
    collection.fingerprint  # noqa: B018 - cached; reading the files once is not what we time
    n = len(collection)
    start = {"initializer": _set_source, "initargs": (collection.source,)}
    spawn = get_context("spawn")  # what works beside TensorFlow's threads
    decode = partial(_decode, **size)
    for what, pool in {
        "1 thread": ThreadPoolExecutor(1, **start),
        "2 threads": ThreadPoolExecutor(2, **start),
        "2 processes, once started": ProcessPoolExecutor(2, mp_context=spawn, **start),
    }.items():
        with pool:
            consume(pool.map(decode, collection.ids[:8]))  # start-up is not timed
            _rate(
                f"decode and resize, {what}",
                n,
                lambda pool=pool: consume(pool.map(decode, collection.ids, chunksize=32)),
                repeats=3,
            )

    def build() -> None:
        for path in cache_dir().glob("*.json"):
            path.unlink()
        cached_images(collection, **size, progress=False)

    _rate("build the cache", n, build, repeats=2)
    _rate("open the cache, checking every byte", n, partial(cached_images, collection, **size), 5)
    print()


def consume(results: Iterable) -> None:
    """Go through results, keeping none."""
    deque(results, maxlen=0)


def _set_source(source: Folder) -> None:
    # once a worker, so that processes need not be sent the source with every image
    global _source
    _source = source


def _decode(image_id: str, height: int, width: int) -> np.ndarray:
    return resize(_source.image(image_id), height, width)


def measure_epochs(
    collection: Collection, size: dict[str, int], folder: Path, options: argparse.Namespace
) -> None:
    """Images a second of an epoch, and the ratios."""
    n = len(collection)
    cached = cached_images(collection, **size)
    batches = Batches(
        cached, collection.ids, collection.codes(), batch_size=options.batch_size, shuffle=True
    )

    def our_epoch() -> None:
        batches.start_epoch(batches.epoch + 1)
        for i in range(len(batches)):
            batches.batch(i)

    # a copy that allocates, and one that does not: the second is the strictest yardstick
    memory = np.array(cached.images)
    target = np.empty_like(memory)
    ours = _rate("Batches, shuffled", n, our_epoch, options.repeats)
    copy = _rate("plain NumPy copy", n, lambda: np.array(cached.images), options.repeats)
    into = _rate(
        "NumPy copy into memory at hand", n, lambda: np.copyto(target, memory), options.repeats
    )
    generator = _rate(
        "keras ImageDataGenerator", n, _directory_generator(folder, size, options), repeats=2
    )
    dataset = _rate(
        "keras image_dataset_from_directory", n, _directory_dataset(folder, size, options), 2
    )
    print(f"\nBatches / keras ImageDataGenerator (aim >= 20)   {ours / generator:10.1f}")
    print(f"Batches / keras image_dataset_from_directory     {ours / dataset:10.1f}")
    print(f"Batches / plain NumPy copy (aim >= 0.5)          {ours / copy:10.2f}")
    print(f"Batches / NumPy copy into memory at hand         {ours / into:10.2f}")


def _directory_generator(folder, size, options) -> Callable[[], None]:
    # Keras 3 keeps the directory generator of Keras 2 only in this private place
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    flow = ImageDataGenerator().flow_from_directory(
        str(folder),
        target_size=(size["height"], size["width"]),
        batch_size=options.batch_size,
        class_mode="sparse",
        shuffle=True,
        seed=0,
    )

    def epoch() -> None:
        for i in range(len(flow)):
            flow[i]

    return epoch


def _directory_dataset(folder, size, options) -> Callable[[], None]:
    import keras

    dataset = keras.utils.image_dataset_from_directory(
        str(folder),
        image_size=(size["height"], size["width"]),
        batch_size=options.batch_size,
        shuffle=True,
        seed=0,
        verbose=False,
    )

    def epoch() -> None:
        for _ in dataset:
            pass

    return epoch


def _rate(what: str, images: int, epoch: Callable[[], object], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        epoch()
        best = min(best, time.perf_counter() - started)
    print(f"{what:42} {images / best:12,.0f} images/s")
    return images / best


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--height", type=int, default=96, help="cached height, pixels")
    parser.add_argument("--width", type=int, default=128, help="cached width, pixels")
    parser.add_argument("--jpeg-height", type=int, default=150, help="height of the JPEGs, pixels")
    parser.add_argument("--jpeg-width", type=int, default=200, help="width of the JPEGs, pixels")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=7, help="timings of a fast epoch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
