"""How long a filter takes on one core, against decoding and resizing alone."""

import time
from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

from dermbook.data import Collection, resize
from dermbook.errors import ParameterError
from dermbook.imaging.filters import FILTERS, named


def throughput(
    collection: Collection,
    names: Sequence[str] = tuple(FILTERS),
    *,
    images: int = 24,
    height: int = 96,
    width: int = 128,
    repeats: int = 3,
) -> pd.DataFrame:
    """Images a second on one core: filter, images_per_second, with_reading, ratio.

    images_per_second is that of the filter alone, at the stored size; with_reading that of
    decoding, filtering and resizing to height × width; ratio is the time of the latter over that
    of decoding and resizing, which the row "plain" has. The best of ``repeats`` passes, in this
    process's own time, so other work on the machine hardly counts.
    """
    if images < 1 or repeats < 1:
        raise ParameterError(f"images and repeats: 1 or more, not {images} and {repeats}.")
    files = [collection.source.encoded(image_id) for image_id in collection.ids[:images]]
    pictures = [_decoded(file) for file in files]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        plain = _best(lambda: [resize(_decoded(file), height, width) for file in files], repeats)
        rows = [("plain", np.nan, len(files) / plain, 1.0)]
        for name in names:
            function = named(name).function
            alone = _best(lambda f=function: [f(picture) for picture in pictures], repeats)
            rows.append((name, len(files) / alone, len(files) / (alone + plain), 1 + alone / plain))
    finally:
        cv2.setNumThreads(threads)
    return pd.DataFrame(rows, columns=["filter", "images_per_second", "with_reading", "ratio"])


def _decoded(file: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _best(work, repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return max(min(seconds), 1e-9)
