"""Two models on the same images: McNemar, DeLong and the paired bootstrap beside one another."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from dermbook.evaluation import Predictions, mcnemar, paired_bootstrap
from dermbook.evaluation.delong import delong

COLUMNS = ["pair", "score", "test", "unit", "images", "difference", "low", "high", "p"]


def paired_tests(
    first: Predictions, second: Predictions, *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Second minus first model by every test of the book: one row a test.

    Columns: pair, score (accuracy, or of two classes also ROC AUC), test, unit (what the test takes
    as independent: image or lesion), images, difference, low, high (95 %; McNemar's test gives
    none), p (two-sided; the bootstrap gives none).

    Raises DataError where the two do not match.
    """
    pair, found = f"{second.model} minus {first.model}", mcnemar(first, second)
    alone = each_alone(first), each_alone(second)
    units = {"image": alone, "lesion": (first, second)}
    metrics = ["accuracy"] + ["roc_auc"] * (len(first.classes) == 2)
    resampled = {
        unit: paired_bootstrap(*models, metrics, resamples=resamples, seed=seed).set_index("metric")
        for unit, models in units.items()
    }
    change = (found.only_second - found.only_first) / len(first)
    rows = [
        ("accuracy", "McNemar, exact", "image", change, None, None, found.p_value),
        ("accuracy", "McNemar, mid-p", "image", change, None, None, found.mid_p),
        ("accuracy", "McNemar, exact, lesions swapped", "lesion", change, None, None,
         found.p_lesions),
    ]  # fmt: skip
    rows += [_resampled("accuracy", unit, frame) for unit, frame in resampled.items()]
    if len(first.classes) == 2:
        for unit, by_lesion in (("image", False), ("lesion", True)):
            test = delong(first, second, by_lesion=by_lesion)
            numbers = test.difference, test.low, test.high, test.p_value
            name = "DeLong, lesions added up" if by_lesion else "DeLong"
            rows.append(("roc_auc", name, unit, *numbers))
        rows += [_resampled("roc_auc", unit, frame) for unit, frame in resampled.items()]
    images = len(first)
    return pd.DataFrame(
        [(pair, *row[:3], images, *row[3:]) for row in rows], columns=COLUMNS
    ).astype(dict.fromkeys(["difference", "low", "high", "p"], "float64"))


def all_tests(
    pairs: Sequence[tuple[Predictions, Predictions]], *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """``paired_tests`` of several pairs, one after the other."""
    frames = [paired_tests(*pair, resamples=resamples, seed=seed) for pair in pairs]
    return pd.concat(frames, ignore_index=True)


def discordant(first: Predictions, second: Predictions, rare: str) -> pd.DataFrame:
    """McNemar's four counts, of all images and of one rare class: lesson M12.

    Columns: pair, images_of ("all classes" or the class), images, both, only_first, only_second,
    neither, p (exact), mid_p, p_lesions.
    """
    rows = []
    for name in ("all classes", rare):
        models = [
            each if name == "all classes" else each.subset(_of_class(each, name))
            for each in (first, second)
        ]
        found = mcnemar(*models)
        pair = f"{first.model}, {second.model}"
        rows.append((pair, name, len(models[0]), *found))
    columns = ["pair", "images_of", "images", "both", "only_first", "only_second", "neither"]
    return pd.DataFrame(rows, columns=[*columns, "p", "mid_p", "p_lesions"])


def each_alone(predictions: Predictions) -> Predictions:
    """The same Predictions as if every image were of a lesion of its own."""
    return replace(predictions, table=predictions.table.assign(group=list(predictions.ids)))


def _resampled(metric: str, unit: str, frame: pd.DataFrame) -> tuple:
    row = frame.loc[metric]
    numbers = row["difference"], row["low"], row["high"], None
    return (metric, f"bootstrap of {unit}s", unit, *numbers)


def _of_class(predictions: Predictions, name: str) -> list[str]:
    return list(predictions.table.index[predictions.table["truth"] == name])
