"""How well pictures tell where they come from, and what the source alone tells of the label."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.data import Collection
from dermbook.errors import DataError
from dermbook.evaluation.fairness.heads import in_folds, out_of_fold
from dermbook.evaluation.fairness.shift import shared_classes
from dermbook.evaluation.folds import grouped_folds
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval

EVERYTHING = "all classes"


def source_recognition(
    collection: Collection,
    vectors: pd.DataFrame,
    sources: pd.Series,
    *,
    within: Sequence[str] = (),
    folds: int = 5,
    components: int = 128,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Balanced accuracy of a head that names the source, over all classes and within single ones.

    within: labels whose images are also judged alone, so that it cannot be the disease that is
    recognised. Heads are out of fold, lesions whole, sources weighted alike. Columns: within,
    n (images), sources, chance (1 / sources), value, low, high (95 % of resamples of lesions).
    DataError for a label with fewer than two sources.
    """
    known = sources.reindex(collection.table.index)
    rows = []
    for name in (EVERYTHING, *within):
        chosen = known.notna() if name == EVERYTHING else collection.table["label"] == name
        table = collection.table[chosen & known.notna()]
        found = known[table.index].astype(str)
        names = sorted(found.unique())
        if len(names) < 2:
            raise DataError(f"source_recognition: {name!r} comes from one source only.")
        of = collection.where(ids=list(table.index))
        of = Collection(of.name, table.assign(label=found), tuple(names), of.source, of.phantom)
        ready = in_folds(of, vectors, folds=folds, components=components, seed=seed)
        weights = (len(found) / found.map(found.value_counts())).astype(float)
        predictions = out_of_fold(ready, model="source", weights=weights)
        numbers = rates(predictions, resamples=resamples, seed=seed)["balanced_accuracy"]
        rows.append((name, len(found), len(names), 1 / len(names), *numbers))
    columns = ["within", "n", "sources", "chance", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def largest_shared(
    table: pd.DataFrame, sources: pd.Series, *, at_least: int, most: int
) -> list[str]:
    """The largest classes that every source has ``at_least`` lesions of, ``most`` of them."""
    return shared_classes(table, sources, at_least=at_least)[:most]


def label_from_source(
    collection: Collection,
    sources: pd.Series,
    *,
    folds: int = 5,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """How far the source alone names the label: metric, chance, value, low, high.

    Two rules without any picture, learned on the other folds: for accuracy the most frequent label
    of each source (chance: of all images together), for balanced accuracy the label that the
    source is richest in, in proportion (chance: 1 / classes).
    """
    known = sources.reindex(collection.table.index)
    of = collection.where(known.notna())
    known, codes = known[known.notna()].astype(str), of.codes()
    which, k = pd.factorize(known)[0], len(of.classes)
    number = grouped_folds(codes, list(of.table["group"]), folds, seed=seed)
    rows = []
    for metric in ("accuracy", "balanced_accuracy"):
        predicted, nothing = np.zeros(len(codes), int), np.zeros(len(codes), int)
        for fold in range(folds):
            counts = np.zeros((which.max() + 1, k))
            outside = number != fold
            np.add.at(counts, (which[outside], codes[outside]), 1)
            total = counts.sum(axis=0)
            share = counts if metric == "accuracy" else counts / np.maximum(total, 1)
            predicted[~outside] = share.argmax(axis=1)[which[~outside]]
            nothing[~outside] = total.argmax()
        shape = np.eye(k)
        rule = Predictions.from_probabilities(
            list(of.ids), shape[predicted], of, model="source", part="out-of-fold"
        )
        value = rates(rule, resamples=resamples, seed=seed)[metric]
        present = len(np.unique(codes))
        chance = float((nothing == codes).mean()) if metric == "accuracy" else 1 / present
        rows.append((metric, chance, *value))
    return pd.DataFrame(rows, columns=["metric", "chance", "value", "low", "high"])


def rates(
    predictions: Predictions, *, resamples: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Accuracy and balanced accuracy with their 95 % intervals over lesions: value, low, high."""
    from scipy import sparse

    codes = predictions.truth_codes
    right = (predictions.predicted_codes == codes).astype(float)
    shape = (len(codes), len(predictions.classes))
    cells = np.arange(len(codes)), codes
    all_of, right_of = (sparse.csr_array((v, cells), shape) for v in (np.ones(len(codes)), right))

    def both(weights: np.ndarray) -> np.ndarray:
        total, found = np.asarray(weights @ all_of), np.asarray(weights @ right_of)
        recall = np.divide(found, total, out=np.full(total.shape, np.nan), where=total > 0)
        return np.stack([found.sum(axis=1) / total.sum(axis=1), np.nanmean(recall, axis=1)])

    value = both(np.ones((1, len(codes))))[:, 0]
    draws = np.concatenate(
        [both(weights) for weights in lesion_weights(predictions.group_codes, resamples, seed)],
        axis=1,
    )
    names = ("accuracy", "balanced_accuracy")
    return {
        name: (float(value[place]), *percentile_interval(draws[place], 0.95)[:2])
        for place, name in enumerate(names)
    }
