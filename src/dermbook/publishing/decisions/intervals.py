"""How sure are we? Recalls of rare classes, and areas under curves, with intervals (M12, 1.15)."""

import pandas as pd

from dermbook.evaluation import Predictions, pr_points, roc_points, score, wilson
from dermbook.evaluation.coverage import INTERVALS
from dermbook.evaluation.delong import roc_area
from dermbook.evaluation.uncertainty import percentile_interval
from dermbook.evaluation.weighted import resampled_scores
from dermbook.publishing.decisions.published import ours
from dermbook.publishing.reported import load_reported

_R3 = ("R3.resnet18", "R3.resnet50")


def recall_intervals(predictions: Predictions, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    """Recall by class with intervals: R3's two published models and ours (lesson M12).

    Columns: model, class, value, low, high, n (images of the class). R3's intervals are Wilson's,
    from the correct images and totals it prints; ours are bootstrapped over lesions. ``scores`` are
    those of ``score`` where they are at hand.
    """
    rows = []
    reported = load_reported()
    for identifier in _R3:
        model = f"R3 {reported.tables().loc[identifier, 'model']}"
        for name, row in reported.table(identifier).iterrows():
            correct, total = int(row["correct"]), int(row["total"])
            low, high = wilson(correct, total)
            rows.append((model, name, correct / total, float(low), float(high), total))
    scores = score(predictions) if scores is None else scores
    support = scores[scores["metric"] == "support"].set_index("class")["value"]
    for row in scores[scores["metric"] == "recall"].to_dict("records"):
        numbers = row["value"], row["low"], row["high"], int(support[row["class"]])
        rows.append((ours(predictions), row["class"], *numbers))
    return pd.DataFrame(rows, columns=["model", "class", "value", "low", "high", "n"])


def rarest_class(predictions: Predictions) -> str:
    """The class with the fewest images, at least one; of equal ones the first."""
    counts = predictions.table["truth"].value_counts()
    return min((name for name in predictions.classes if name in counts), key=counts.get)


def rare_intervals(
    predictions: Predictions, *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """R3's rarest class and ours, each interval beside the others (lesson M12).

    Columns: model, class, right, images, method, value, low, high. R3's intervals are of the counts
    it prints; ours also by the bootstrap of lesions.
    """
    reported = load_reported()
    cases = []
    for identifier in _R3:
        table = reported.table(identifier)
        name = str(table["total"].astype(int).idxmin())
        counts = int(table.loc[name, "correct"]), int(table.loc[name, "total"])
        cases.append((f"R3 {reported.tables().loc[identifier, 'model']}", name, *counts))
    name = rarest_class(predictions)
    is_rare = predictions.truth_codes == predictions.classes.index(name)
    right = int((predictions.predicted_codes == predictions.truth_codes)[is_rare].sum())
    cases.append((ours(predictions), name, right, int(is_rare.sum())))
    rows = []
    for model, rare, hits, images in cases:
        for method, interval in INTERVALS.items():
            low, high = interval(hits, images, 0.95)
            rows.append((model, rare, hits, images, method, hits / images, float(low), float(high)))
    draws = resampled_scores(predictions, resamples, seed)["recall", name]
    low, high, _ = percentile_interval(draws, 0.95)
    method = "percentile bootstrap of lesions"
    rows.append((*cases[-1], method, right / int(is_rare.sum()), low, high))
    columns = ["model", "class", "right", "images", "method", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def areas(binary: Predictions) -> pd.DataFrame:
    """ROC area and average precision of a two-class model: area, unit, method, value, low, high.

    The ROC area's interval by DeLong's method, images and lesions as the unit, and by the bootstrap
    of lesions; that of the average precision by the bootstrap.
    """
    scores = score(binary).set_index(["metric", "class"])
    rows = []
    for unit, by_lesion in (("image", False), ("lesion", True)):
        found = roc_area(binary, by_lesion=by_lesion)
        rows.append(("ROC AUC", unit, "DeLong", found.value, found.low, found.high))
    for metric, name in (("roc_auc", "ROC AUC"), ("average_precision", "average precision")):
        row = scores.loc[(metric, "")]
        rows.append((name, "lesion", "bootstrap", row["value"], row["low"], row["high"]))
    return pd.DataFrame(rows, columns=["area", "unit", "method", "value", "low", "high"])


def roc_band(
    binary: Predictions, areas: pd.DataFrame, *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """``roc_points`` with a band by lesion, and the area's interval: area_low, area_high."""
    return _with_area(roc_points(binary, resamples=resamples, seed=seed), areas, "ROC AUC")


def pr_band(
    binary: Predictions, areas: pd.DataFrame, *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """``pr_points`` with a band by lesion, and the area's interval: area_low, area_high."""
    return _with_area(pr_points(binary, resamples=resamples, seed=seed), areas, "average precision")


def _with_area(points: pd.DataFrame, areas: pd.DataFrame, name: str) -> pd.DataFrame:
    row = areas[(areas["area"] == name) & (areas["method"] == "bootstrap")].iloc[0]
    return points.assign(area_low=row["low"], area_high=row["high"])
