"""When "it gained nothing" counts as confirmed: the interval must be narrow enough to say so.

An interval that holds zero says "nothing shown", however wide it is. "No gain" needs a margin: how
large a rise would have been called a gain? R0 answers that itself, without meaning to. One of its
networks rose in macro F1 under class weights, and R0 says that they gained nothing. So a rise of
that size is what R0 passed over, and what an interval must rule out.
"""

from typing import TYPE_CHECKING

import pandas as pd

from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.publishing.record import Verdict


def no_gain(low: float, high: float) -> "tuple[Verdict, str]":
    """The verdict on "no gain", and why, from an interval of the rise of macro F1."""
    margin = passed_over()
    if low > 0:
        return "not confirmed", "macro F1 has risen"
    if high < margin:
        return (
            "confirmed",
            f"the interval of macro F1 rules out more than the {margin:.3f} that R0 passed over",
        )
    return (
        "cannot be compared",
        "the interval of macro F1 holds both no rise and one larger than the "
        f"{margin:.3f} that R0 passed over",
    )


def passed_over() -> float:
    """The largest rise of macro F1 in R0's own tables, which R0 calls no gain; 0 if none rose."""
    found = r0_differences().set_index("metric").loc[["f1_macro"], "difference"]
    return float(max(found.max(), 0.0))


def r0_differences() -> pd.DataFrame:
    """What class weights did in R0's own table: model, metric, without, with, difference.

    The multi-input network is in table 4 with and without; EfficientNetB3 without is in table 1.
    """
    claims = load_reported().claims()
    claims = claims[claims["part"] == "test"]
    pairs = {
        "EfficientNetB3": (("R0.T1", "EfficientNetB3"), "EfficientNetB3 with class weights"),
        "Multi-input simple": (
            ("R0.T4", "Multi-input simple without class weights"),
            "Multi-input simple with class weights",
        ),
    }
    rows = []
    for model, ((table, without), weighted) in pairs.items():
        for metric in ("f1_micro", "f1_macro", "f1_weighted"):
            first = _claim(claims, table, without, metric)
            second = _claim(claims, "R0.T4", weighted, metric)
            rows.append((model, metric, first, second, second - first))
    return pd.DataFrame(rows, columns=["model", "metric", "without", "with", "difference"])


def _claim(claims: pd.DataFrame, table: str, model: str, metric: str) -> float:
    chosen = claims[
        claims["id"].str.startswith(f"{table}:")
        & (claims["model"] == model)
        & (claims["metric"] == metric)
    ]
    return float(chosen["value"].iloc[0])
