"""What the chapter on class imbalance found."""

import pandas as pd

from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.record import Record

_METRICS = ("f1_macro", "f1_weighted", "f1_micro", "balanced_accuracy")


def class_imbalance(record: Record) -> list[str]:
    """Which remedy helps which score, and which classes stay at zero."""
    effects, many = record.series_frame("effects"), record.series_frame("many-effects")
    factors = record.series_frame("r3-factors")
    zeros = record.series_frame("zero-counts").set_index("strategy")
    related = record.series_frame("f1-and-size").set_index(["strategy", "with"])
    size, unlike = related.loc["none", "train"], related.loc["none", "spread"]
    weights = record.series_frame("r4-weights")
    repeated = ", ".join(f"{row['class']} {row['factor']}" for _, row in factors.iterrows())
    return [
        f"{int(weights['equal'].sum())} of R4's {len(weights)} class weights follow from its own "
        f"counts to the last digit; the factors {repeated} turn R3's "
        f"{factors['images'].sum():,} training rows into {factors['rows'].sum():,}.",
        "Seven classes: " + _gains(effects),
        "Many classes: " + _gains(many),
        "Balanced weights and oversampling are the same thing up to the draw: balanced accuracy "
        f"{with_interval(effect(effects, 'balanced weights', 'balanced_accuracy'))} and "
        f"{with_interval(effect(effects, 'oversampling', 'balanced_accuracy'))}.",
        f"Of the many classes, {zeros.loc['none', 'classes']} have an F1 of zero without a remedy "
        f"({zeros.loc['none', 'never_predicted']} are never predicted) and "
        f"{zeros.loc['balanced weights', 'classes']} with balanced weights. F1 goes with the "
        f"number of training images ({_rank(size)}) and with how unlike they are "
        f"({_rank(unlike)}), by Spearman's correlation over classes.",
    ]


def _gains(effects: pd.DataFrame) -> str:
    """For each score, how many strategies raise and lower it."""
    texts = []
    strategies = effects["comparison"].nunique()
    for metric in _METRICS:
        of = effects[effects["metric"] == metric]
        texts.append(
            f"{metric.replace('_', ' ')} rises under {(of['low'] > 0).sum()} and falls under "
            f"{(of['high'] < 0).sum()} of {strategies} strategies"
        )
    return "; ".join(texts) + "."


def _rank(row: pd.Series) -> str:
    if pd.isna(row["value"]):
        return "undefined"
    return f"{row['value']:+.2f}, {row['low']:+.2f} to {row['high']:+.2f}"
