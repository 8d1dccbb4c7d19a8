"""Probabilities of a trained model for images of a cache."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError

if TYPE_CHECKING:
    from dermbook.data.cache import CachedImages


#: how pixels (n, height, width, 3) are mirrored: not, left and right, up and down, both
MIRRORINGS = tuple(
    (slice(None), slice(None, None, down), slice(None, None, across))
    for down in (None, -1)
    for across in (None, -1)
)


def predict_probabilities(
    model: keras.Model,
    images: "CachedImages",
    ids: Sequence[str] | pd.Index,
    batch_size: int = 64,
    *,
    features: pd.DataFrame | None = None,
    progress: bool = True,
) -> np.ndarray:
    """The model's probabilities, one row for each id, in the order of ``ids``.

    Only ``batch_size`` images are in memory at a time.

    Args:
        model: from ``build`` or any with probabilities as its one output.
        images: ``CachedImages``; ``images.take(ids)`` gives uint8 (n, height, width, 3).
        ids: image ids.
        batch_size: images at a time, ≥ 1.
        features: for models with a second input: one row an image id, numeric columns; joined on
            the id, so its order does not matter.
        progress: show a bar, in terminals only.

    Returns:
        float32 (n, classes), 0..1, rows adding up to 1. A model with one sigmoid unit gives two
        columns, 1 − p and p, for the codes 0 and 1.

    Raises:
        DataError: an id that the cache or ``features`` does not have.
        ParameterError: a batch size below 1.
    """
    if batch_size < 1:
        raise ParameterError(f"batch_size must be at least 1, not {batch_size!r}.")
    ids = pd.Index(ids)
    if features is not None and not ids.isin(features.index).all():
        missing = ids[~ids.isin(features.index)]
        raise DataError(f"features has no row for {missing[0]} ({len(missing)} ids missing).")
    rows = np.zeros((len(ids), model.output_shape[-1]), dtype=np.float32)
    for start in _steps(len(ids), batch_size, progress):
        chosen = ids[start : start + batch_size]
        inputs = [np.asarray(images.take(chosen))]
        if features is not None:
            inputs.append(features.loc[chosen].to_numpy(np.float32))
        # one shape for all batches: another one would make the backend compile once more
        short = min(batch_size, len(ids)) - len(chosen)
        inputs = [np.pad(x, [(0, short)] + [(0, 0)] * (x.ndim - 1)) if short else x for x in inputs]
        output = model.predict_on_batch(tuple(inputs) if len(inputs) > 1 else inputs[0])
        rows[start : start + len(chosen)] = np.asarray(output)[: len(chosen)]
    return np.concatenate([1 - rows, rows], axis=1) if rows.shape[1] == 1 else rows


def predict_flipped(
    model: keras.Model, images: "CachedImages", ids: Sequence[str] | pd.Index, **options: Any
) -> np.ndarray:
    """Mean probabilities of each picture and its three mirrorings, float32 (n, classes).

    options: see ``predict_probabilities``.
    """
    from dermbook.data.cache import CachedImages

    pixels = np.asarray(images.images)
    found = [
        predict_probabilities(
            model, CachedImages(pixels[view], images.ids, images.path), ids, **options
        )
        for view in MIRRORINGS
    ]
    return np.mean(found, axis=0)


def _steps(images: int, batch_size: int, progress: bool) -> Iterable[int]:
    starts = range(0, images, batch_size)
    if not progress:
        return starts
    from rich.console import Console
    from rich.progress import track

    console = Console()
    return track(
        starts,
        description="predicting",
        console=console,
        disable=not console.is_terminal or console.is_jupyter,
        transient=True,
    )
