"""Reading a table of differences: one row of it, and its numbers as text.

Light on purpose: the summaries import it, and every chapter imports the summaries.
"""

import pandas as pd


def effect(
    effects: pd.DataFrame, begins: str, metric: str = "balanced_accuracy", class_: str = ""
) -> pd.Series:
    """The first row whose comparison begins like this, of one score.

    effects: comparison, metric, value, low, high … and, where scores of classes are in it, class.
    IndexError when there is none.
    """
    chosen = (effects["metric"] == metric) & effects["comparison"].str.startswith(begins)
    if "class" in effects.columns:
        # a series holds None where a score is of all classes together
        chosen &= effects["class"].fillna("").replace({"None": ""}) == class_
    return effects[chosen].iloc[0]


def joined(*frames: pd.DataFrame) -> pd.DataFrame:
    """Several tables of the same columns as one; empty ones are left out."""
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True)


def with_interval(row: pd.Series) -> str:
    """``+.123 (+.040 to +.210)``: a difference with its interval."""
    value, low, high = (
        f"{row[key]:+.3f}".replace("0.", ".", 1) for key in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"
