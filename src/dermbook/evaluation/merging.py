"""A model of many classes as one of two: add up the probabilities of the classes that count."""

from collections.abc import Sequence

import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions


def in_two(
    predictions: Predictions,
    positive: Sequence[str],
    *,
    names: tuple[str, str] = ("benign", "malignant"),
) -> Predictions:
    """The same Predictions with two classes: those in ``positive`` become ``names[1]``.

    Classes exclude one another, so the probability of any of them is the sum of theirs. Predictions
    that have the two classes ``names`` already are returned as they are. Model, part, collection
    and fingerprint stay.

    Raises ParameterError unless ``positive`` are some, not all, of the classes.
    """
    if predictions.classes == tuple(names):
        return predictions
    chosen = list(dict.fromkeys(positive))
    unknown = [name for name in chosen if name not in predictions.classes]
    if unknown or not 0 < len(chosen) < len(predictions.classes):
        raise ParameterError(
            f"positive: {', '.join(chosen) or 'nothing'} must be some, not all, of the classes "
            f"{', '.join(predictions.classes)} of {predictions.model}."
        )
    table = predictions.table
    share = table[chosen].sum(axis=1).clip(0, 1)
    truth = table["truth"].isin(chosen).map({False: names[0], True: names[1]})
    two = pd.DataFrame(
        {
            "truth": truth.where(table["truth"].notna()),
            "group": table["group"],
            names[0]: 1 - share,
            names[1]: share,
        }
    )
    return Predictions(
        table=two,
        classes=tuple(names),
        model=predictions.model,
        part=predictions.part,
        collection=predictions.collection,
        data_fingerprint=predictions.data_fingerprint,
        phantom=predictions.phantom,
    )
