"""What the layers of a network answer to a picture, by depth (R1 5.4), against the lesion masks."""

from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd

from dermbook.data import resize
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.looking.gradcam import parts

#: layers of InceptionV3 that R1 drew (row 1.15), and the last one's number in Keras's list
R1_LAYERS, R1_LAST = (1, 4, 101, 200, 299), 310


def depth_layers(model: keras.Model, numbers: Sequence[int] = R1_LAYERS) -> pd.DataFrame:
    """Activations of a network that lie as deep as R1's layers lie in InceptionV3.

    Only outputs of an activation function count, so that *active* means the same everywhere. Where
    two of R1's layers fall on one, it stands there once.

    Columns: layer (a name), r1 (numbers, as text), depth (0 first layer, 1 last), height, width,
    channels (of its maps). ParameterError for a network without activations.
    """
    _, network, _ = parts(model)
    last = max(1, len(network.layers) - 1)
    known = [
        (number / last, layer) for number, layer in enumerate(network.layers) if _activates(layer)
    ]
    if not known:
        raise ParameterError(f"{network.name} has no activation that gives maps.")
    rows: dict[str, dict] = {}
    for number in numbers:
        depth, layer = min(known, key=lambda each: abs(each[0] - number / R1_LAST))
        _, height, width, channels = layer.output.shape
        row = rows.setdefault(
            layer.name,
            {"layer": layer.name, "r1": "", "depth": depth, "height": height, "width": width,
             "channels": channels},
        )  # fmt: skip
        row["r1"] += f"{', ' if row['r1'] else ''}{number}"
    return pd.DataFrame(rows.values())


def activations(
    model: keras.Model, layers: Sequence[str], images: np.ndarray
) -> dict[str, np.ndarray]:
    """Maps of some layers by name, float32 (n, h, w, channels), for uint8 (n, height, width, 3)."""
    return _Reader(model, layers)(images, len(images))


def activation_scores(
    model: keras.Model,
    layers: Sequence[str],
    images: np.ndarray,
    masks: np.ndarray,
    *,
    batch_size: int = 32,
) -> dict[str, dict[str, np.ndarray]]:
    """How much of a layer is active, and how much more inside the lesion than outside.

    masks: bool (n, height, width). Returns, by layer, ``active``: the share of units above 0, and
    ``contrast``: (inside − outside) / (inside + outside) of the mean activation, −1 to 1, float64
    (n,). A place of a small map is inside by the share of its area that is lesion. What is below 0
    counts as 0. The contrast is NaN where a mask is empty or full, or nothing is active.
    """
    if masks.shape != images.shape[:3]:
        raise DataError(f"masks: expected {images.shape[:3]}, not {masks.shape}.")
    batches: dict[str, list] = {name: [] for name in layers}
    reader = _Reader(model, layers)
    for start in range(0, len(images), batch_size):
        rows = slice(start, min(start + batch_size, len(images)))
        for name, maps in reader(images[rows], batch_size).items():
            batches[name].append(_scores(maps, masks[rows]))
    return {
        name: {key: np.concatenate([each[key] for each in found]) for key in ("active", "contrast")}
        for name, found in batches.items()
    }


def mean_and_strongest(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two maps of each picture, 0..1: the mean over channels, and the channel active most.

    maps: (n, h, w, channels). Returns float32 (n, h, w) twice, each map divided by its maximum.
    """
    positive = np.maximum(np.asarray(maps, "float32"), 0)
    best = positive.mean(axis=(1, 2)).argmax(axis=1)
    strongest = positive[np.arange(len(positive)), :, :, best]
    return _to_one(positive.mean(axis=3)), _to_one(strongest)


class _Reader:
    """``activations`` for many batches, compiled once."""

    def __init__(self, model: keras.Model, layers: Sequence[str]) -> None:
        before, network, _ = parts(model)
        image = x = keras.Input(model.input_shape[1:])
        for each in before:
            x = each(x)
        inner = keras.Model(network.inputs[0], [network.get_layer(name).output for name in layers])
        self.layers, self.model = list(layers), keras.Model(image, inner(x))

    def __call__(self, images: np.ndarray, batch_size: int) -> dict[str, np.ndarray]:
        short = max(0, batch_size - len(images))
        batch = np.pad(np.asarray(images), [(0, short), (0, 0), (0, 0), (0, 0)])
        found = self.model.predict_on_batch(batch)
        found = found if isinstance(found, list | tuple) else [found]
        return {
            name: np.asarray(maps, "float32")[: len(images)]
            for name, maps in zip(self.layers, found, strict=True)
        }


def _scores(maps: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
    positive = np.maximum(maps, 0)
    places = positive.mean(axis=3, dtype="float64")
    height, width = places.shape[1:]
    share = np.stack([resize(mask.astype("float32"), height, width) for mask in masks])
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = (places * share).sum(axis=(1, 2)) / share.sum(axis=(1, 2))
        outside = (places * (1 - share)).sum(axis=(1, 2)) / (1 - share).sum(axis=(1, 2))
        contrast = (inside - outside) / (inside + outside)
    return {"active": (maps > 0).mean(axis=(1, 2, 3)), "contrast": contrast}


def _activates(layer: keras.layers.Layer) -> bool:
    shape = getattr(getattr(layer, "output", None), "shape", ())
    if len(shape) != 4 or shape[1] * shape[2] <= 1:
        return False
    if isinstance(layer, keras.layers.ReLU | keras.layers.LeakyReLU | keras.layers.PReLU):
        return True
    return getattr(layer, "activation", keras.activations.linear) is not keras.activations.linear


def _to_one(maps: np.ndarray) -> np.ndarray:
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)
