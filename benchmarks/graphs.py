"""What TensorFlow's graph optimizer costs and wins: a small head, and a whole network.

    python benchmarks/graphs.py [--images 320] [--epochs 10]

Each is trained with its graphs optimized and as written, from the same weights, in turn. The head
joins 16 steps, as the book's heads on frozen features do; the network is MobileNetV2 at 96 × 128
with random weights, all layers learning, one step at a time. Set OMP_NUM_THREADS=1 for figures of
one core.
"""

import argparse
import time
from collections.abc import Callable

import keras
import numpy as np

from dermbook.models.transfer import build_transfer
from dermbook.training.graphs import graphs_as_written

CLASSES = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=10, help="of the head; the network has two")
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    labels = np.arange(options.images) % CLASSES
    vectors = rng.normal(size=(options.images, 64)).astype(np.float32)
    pixels = rng.integers(0, 256, (options.images, 96, 128, 3), dtype=np.uint8)
    print("what        optimized  as written  ratio")
    seconds(lambda: head(64), vectors, labels, 1, 16, as_written=True)  # starts TensorFlow
    for name, build, inputs, epochs, joined in (
        ("head", lambda: head(64), vectors, options.epochs, 16),
        ("network", network, pixels, 2, 1),
    ):
        took = [seconds(build, inputs, labels, epochs, joined, as_written=w) for w in (False, True)]
        print(f"{name:10s} {took[0]:8.2f} s  {took[1]:8.2f} s  {took[0] / took[1]:5.2f}")


def seconds(
    build: Callable[[], keras.Model],
    inputs: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    joined: int,
    *,
    as_written: bool,
) -> float:
    """Of a training from the start, tracing included."""
    model = build()
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, steps_per_execution=joined)
    start = time.perf_counter()
    with graphs_as_written(as_written):
        model.fit(inputs, labels, epochs=epochs, batch_size=32, verbose=0)
    return time.perf_counter() - start


def head(width: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((width,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def network() -> keras.Model:
    return build_transfer("mobilenetv2", (96, 128, 3), CLASSES, seed=0, last=None, weights="random")


if __name__ == "__main__":
    main()
