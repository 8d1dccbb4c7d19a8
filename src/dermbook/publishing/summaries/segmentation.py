"""What the chapter on segmentation found."""

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record

FINAL, BASELINES = "unet", ("seg-mean-mask", "seg-otsu", "seg-colour")


def segmentation(record: Record) -> list[str]:
    """How well lesions are found, what a network adds, what recipes change, and M13."""
    scores = record.series_frame("scores")
    return [
        _network(scores),
        _added(scores, record.series_frame("gains")),
        _recipes(record.series_frame("recipes")),
        _averages(record.series_frame("averages")),
        _classes(scores),
    ]


def _network(scores: pd.DataFrame) -> str:
    return (
        f"On the test part the U-Net has a mean Dice of {_told(scores, 'dice')}, a mean IoU of "
        f"{_told(scores, 'iou')} and a threshold Jaccard of {_told(scores, 'threshold_jaccard')}; "
        f"its outlines lie {_row(scores, 'surface_distance')['value']:.1f} pixels off on average."
    )


def _added(scores: pd.DataFrame, gains: pd.DataFrame) -> str:
    simple = scores[
        scores["method"].isin(BASELINES) & (scores["metric"] == "dice") & _overall(scores)
    ]
    texts = [f"{row.model} {plain(row.value)}" for row in simple.itertuples()]
    return (
        f"Without a network: {', '.join(texts)}. The U-Net adds {with_interval(gains.iloc[0])} to "
        f"the best of them on the validation part, {gains['baseline'].iloc[0]}."
    )


def _recipes(recipes: pd.DataFrame) -> str:
    rows = recipes.rename(columns={"d_low": "lower", "d_high": "upper"}).iloc[1:]
    texts = [
        f"{row.method} {row.difference:+.3f} ({row.lower:+.3f} to {row.upper:+.3f})".replace(
            "0.", "."
        )
        for row in rows.itertuples()
    ]
    first = recipes["method"].iloc[0]
    if not texts:
        return f"One recipe was tried: {first}."
    return (
        f"Trained alike, against {first} with binary cross-entropy, the mean Dice of the "
        f"validation part changes by: {'; '.join(texts)}."
    )


def _averages(averages: pd.DataFrame) -> str:
    by_way = averages.set_index("way")["gap"]
    return (
        "IoU = D / (2 − D) holds for pooled pixels; for means over pictures it is off by "
        f"{by_way['mean over pictures']:+.4f}, for R3's pair by {by_way.iloc[-1]:+.5f}."
    )


def _classes(scores: pd.DataFrame) -> str:
    of = scores[(scores["method"] == FINAL) & (scores["metric"] == "dice") & ~_overall(scores)]
    of = of.sort_values("value")
    worst, best = of.iloc[0], of.iloc[-1]
    return (
        f"By class the mean Dice goes from {plain(worst['value'])} ({worst['class']}, "
        f"{worst['n']:.0f} pictures) to {plain(best['value'])} ({best['class']}, "
        f"{best['n']:.0f})."
    )


def _overall(scores: pd.DataFrame) -> pd.Series:
    # a series holds None where a score is of all classes together
    return scores["class"].fillna("").isin(["", "None"])


def _row(scores: pd.DataFrame, metric: str) -> pd.Series:
    chosen = (scores["method"] == FINAL) & (scores["metric"] == metric) & _overall(scores)
    return scores[chosen].iloc[0]


def _told(scores: pd.DataFrame, metric: str) -> str:
    row = _row(scores, metric)
    return f"{plain(row['value'])} ({plain(row['low'])}–{plain(row['high'])})"
