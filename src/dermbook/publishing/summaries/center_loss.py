"""What the chapter on center loss found."""

import pandas as pd

from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record


def center_loss(record: Record) -> list[str]:
    """What diverges and what trains, where the limit lies, and what center loss gains."""
    attempts = record.series_frame("attempts")
    limit = record.series_frame("limit")
    gains = record.series_frame("gains")
    sweep = record.series_frame("sweep")
    return [
        _list(attempts, "diverged", "Diverged under every seed"),
        _list(attempts, "collapsed", "Collapsed under every seed"),
        _list(attempts, "trains", "Trained under every seed"),
        _limit(limit),
        *(_gain(gains[gains["task"] == task], task) for task in dict.fromkeys(gains["task"])),
        *(_ratio(sweep[sweep["task"] == task], task) for task in dict.fromkeys(sweep["task"])),
    ]


def _list(attempts: pd.DataFrame, kind: str, words: str) -> str:
    names = attempts.loc[attempts[kind] == attempts["seeds"], "formulation"]
    return f"{words}: {'; '.join(names) or 'none'}."


def _limit(limit: pd.DataFrame) -> str:
    right = (limit["outcome"] == "diverged") == (limit["factor"] > 1)
    return (
        f"Plain gradient descent on these vectors should diverge above λ = "
        f"{limit['limit'].iloc[0]:.2g}. Of {len(limit)} weights tried, {int(right.sum())} fell on "
        "the side that this predicts."
    )


def _gain(of: pd.DataFrame, task: str) -> str:
    texts = [
        f"{row['metric'].replace('_', ' ')} {with_interval(row)}"
        + (" (shown)" if row["low"] > 0 or row["high"] < 0 else " (not shown)")
        for _, row in of.iterrows()
    ]
    return (
        f"{task}: λ = {of['strength'].iloc[0]:g} was chosen on the validation part; against none "
        f"it changes the test's " + ", ".join(texts) + "."
    )


def _ratio(of: pd.DataFrame, task: str) -> str:
    means = of.groupby("strength")["ratio"].mean()
    last = means.index[-1]
    return (
        f"{task}: squared distances within classes are {means[0.0]:.2f} times those between class "
        f"means without center loss, and {means[last]:.2f} times with λ = {last:g}."
    )
