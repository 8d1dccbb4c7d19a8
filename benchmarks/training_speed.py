"""Images a second that ``fit`` trains, for planning: ``python benchmarks/training_speed.py``.

Random 96×128 images in batches of 32. The first epoch, which compiles, is left out. On a machine
that does other things too, trust the CPU time: cores ÷ CPU time is the speed of a quiet one.
``--fast`` leaves out deterministic operations.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook import models
from dermbook.data.batches import Batches
from dermbook.data.cache import CachedImages
from dermbook.training import fit, predict_probabilities

HEIGHT, WIDTH, BATCH, BATCHES = 96, 128, 32, 10


def main(deterministic: bool) -> None:
    count = BATCH * BATCHES
    pixels = np.random.default_rng(0).integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)
    ids = pd.Index([f"I{i:04d}" for i in range(count)])
    images = CachedImages(images=pixels, ids=ids, path=Path("random.npy"))
    batches = Batches(images, ids, np.arange(count) % 7, batch_size=BATCH, shuffle=True)
    for name in ("one-conv", "r2-cnn"):
        model = models.build(name, (HEIGHT, WIDTH, 3), 7)
        clock: list[float] = []
        result = fit(
            model,
            batches,
            epochs=3,
            deterministic=deterministic,
            verbose="none",
            on_epoch=lambda row, clock=clock: clock.append(time.process_time()),
        )
        wall = result.history["seconds"][1:].min()
        start = time.perf_counter()
        predict_probabilities(model, images, ids, progress=False)
        predicting = time.perf_counter() - start
        print(
            f"{name:9s} {model.count_params():>10,d} parameters, deterministic={deterministic}: "
            f"trains {count / wall:.0f} images/s, "
            f"{1000 * min(np.diff(clock)) / count:.1f} ms of CPU an image; "
            f"predicts {count / predicting:.0f} images/s"
        )


if __name__ == "__main__":
    main(deterministic="--fast" not in sys.argv)
