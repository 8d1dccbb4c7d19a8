"""A network, the pictures it is asked about, whom it mistakes for whom, and its maps by depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import MALIGNANT, Collection, cached_images, cached_masks
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import Predictions
from dermbook.evaluation.looking import lesion_means

if TYPE_CHECKING:
    import keras

#: names of the networks in tables and figures
TRAINED, HEAD, RANDOM = "trained", "last layer random", "all weights random"


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and the pictures it is asked about, at its size: images uint8 (n, h, w, 3), masks
    bool (n, h, w), truth int (n,), by ids."""

    model: "keras.Model"
    collection: Collection
    ids: pd.Index
    images: np.ndarray
    masks: np.ndarray
    truth: np.ndarray

    @property
    def groups(self) -> pd.Series:
        """The lesion of each picture, by id."""
        return self.collection.table["group"].reindex(self.ids)

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.masks.shape[1:])


def subject(
    model: "keras.Model",
    collection: Collection,
    predictions: Predictions,
    *,
    judged: int = 0,
    seed: int = 0,
) -> Subject:
    """The pictures of a network's test Predictions, with their masks.

    judged: how many of them, drawn by ``seed``; 0 for all. DataError where the Predictions are of
    another collection: the pictures might then be ones that the network was trained on.
    """
    if predictions.data_fingerprint != collection.fingerprint:
        raise DataError(
            f"{predictions.model} was tested on another {predictions.collection} than this "
            "chapter's: give both chapters the same collection, images, height, width and seed."
        )
    if judged < 0:
        raise ParameterError(f"judged: 0 (all) or more pictures, not {judged}.")
    ids = pd.Index(predictions.ids)
    if 0 < judged < len(ids):
        ids = ids[np.sort(np.random.default_rng(seed).permutation(len(ids))[:judged])]
    height, width = model.input_shape[1:3]
    return Subject(
        model,
        collection,
        ids,
        cached_images(collection, height=height, width=width).take(ids),
        cached_masks(collection, height=height, width=width).take(ids),
        collection.codes(ids),
    )


def mistakes(predictions: Predictions) -> pd.DataFrame:
    """Who is taken for whom: class, malignant, images, wrong, mistaken_for (the class named most
    often among the wrong; – for none), share (of the wrong)."""
    truth, found = predictions.table["truth"], predictions.predicted
    rows = []
    for name in predictions.classes:
        wrong = found[(truth == name) & (found != name)]
        counts = wrong.value_counts().reindex(list(predictions.classes), fill_value=0)
        most = counts.idxmax() if len(wrong) else "–"
        share = counts.max() / len(wrong) if len(wrong) else np.nan
        rows.append((name, name in MALIGNANT, int((truth == name).sum()), len(wrong), most, share))
    columns = ["class", "malignant", "images", "wrong", "mistaken_for", "share"]
    return pd.DataFrame(rows, columns=columns)


def layer_table(of: Subject) -> pd.DataFrame:
    """The layers that lie as deep as R1's: see ``depth_layers``."""
    from dermbook.evaluation.looking.activations import depth_layers

    return depth_layers(of.model)


def depth_table(
    of: Subject, layers: pd.DataFrame, *, draws: int = 3, seed: int = 0
) -> pd.DataFrame:
    """Activity by depth, of the trained network and of ``draws`` with random weights (their mean).

    Columns: network, layer, depth, measure (active, contrast), value, low, high, n.
    """
    from dermbook.evaluation.looking.activations import activation_scores
    from dermbook.evaluation.looking.gradcam import untrained

    if draws < 1:
        raise ParameterError(f"draws: 1 or more, not {draws}.")
    random = [untrained(of.model, seed=seed + at) for at in range(draws)]
    names, depths = list(layers["layer"]), layers.set_index("layer")["depth"]
    frames = []
    for network, models in ((TRAINED, [of.model]), (RANDOM, random)):
        scores = [activation_scores(model, names, of.images, of.masks) for model in models]
        for measure in ("active", "contrast"):
            columns = {name: known_mean([each[name][measure] for each in scores]) for name in names}
            values = pd.DataFrame(columns, index=of.ids)
            means = lesion_means(values, of.groups, seed=seed).rename(columns={"name": "layer"})
            means.insert(0, "network", network)
            means.insert(2, "depth", means["layer"].map(depths))
            means.insert(3, "measure", measure)
            frames.append(means)
    return pd.concat(frames, ignore_index=True)


def known_mean(several: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of several numbers a picture, of those that are not NaN; NaN where none is known."""
    values = np.stack(several)
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
