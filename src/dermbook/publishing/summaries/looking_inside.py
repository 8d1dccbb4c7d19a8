"""What the chapter on looking inside found."""

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record


def looking_inside(record: Record) -> list[str]:
    """Depth, heat on lesions against baselines, random weights, right against wrong, mistakes."""
    pointing = record.series_frame("pointing")
    return [
        _depth(record.series_frame("depths")),
        _heat(pointing),
        _game(pointing),
        _sanity(record.series_frame("sanity")),
        _answers(record.series_frame("right-wrong")),
        _mistakes(record.series_frame("mistakes")),
    ]


def _depth(depths: pd.DataFrame) -> str:
    texts = []
    for network in depths["network"].unique():
        of = depths[(depths["network"] == network) & (depths["measure"] == "contrast")]
        ends = of.sort_values("depth")["value"]
        texts.append(f"{ends.iloc[0]:+.2f} to {ends.iloc[-1]:+.2f} ({network})")
    return (
        "From the first to the last layer looked at, the contrast of activity between lesion and "
        f"skin goes from {', and from '.join(texts)}."
    )


def _heat(pointing: pd.DataFrame) -> str:
    rows = pointing[pointing["metric"] == "heat_inside"]
    ours = rows.iloc[0]
    others = [f"{row['model']} {plain(row['value'])}" for _, row in rows.iloc[1:].iterrows()]
    return (
        f"Of the heat of {ours['model']}, {plain(ours['value'])} ({plain(ours['low'])}–"
        f"{plain(ours['high'])}) lies inside the lesion. The same share for: {'; '.join(others)}."
    )


def _game(pointing: pd.DataFrame) -> str:
    rows = pointing[pointing["metric"] == "pointing_hits"]
    ours = rows.iloc[0]
    best = rows.sort_values("value", ascending=False, kind="stable").iloc[0]
    return (
        f"Its hottest pixel is on the lesion in {plain(ours['value'])} of the pictures; "
        f"{best['model']} is best at that, with {plain(best['value'])}."
    )


def _sanity(sanity: pd.DataFrame) -> str:
    texts = [
        f"{row['model']}: {row['value']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
        for _, row in sanity.iterrows()
    ]
    return f"Rank correlation of the trained network's maps with those of {'; '.join(texts)}."


def _answers(differences: pd.DataFrame) -> str:
    texts = [f"{row['comparison']} {with_interval(row)}" for _, row in differences.iterrows()]
    return f"Right minus wrong answers: {'; '.join(texts)}."


def _mistakes(mistakes: pd.DataFrame) -> str:
    wrong = mistakes[mistakes["wrong"] > 0]
    if wrong.empty:
        return "No picture of the test part was named wrongly."
    texts = [
        f"{row['class']} as {row['mistaken_for']} ({plain(row['share'])} of {row['wrong']:.0f})"
        for _, row in wrong.iterrows()
    ]
    return f"Among the errors of a class, the most frequent: {', '.join(texts)}."
