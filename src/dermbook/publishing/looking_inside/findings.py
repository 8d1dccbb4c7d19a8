"""What the chapter *Looking inside* says of rows 1.15, 3.9 and 0.17, computed from its series."""

from typing import TYPE_CHECKING

import pandas as pd

from dermbook.publishing.compare import PHANTOM, plain
from dermbook.publishing.effects import with_interval
from dermbook.publishing.looking_inside.heat import CENTER, EVEN
from dermbook.publishing.looking_inside.subject import RANDOM, TRAINED

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

INTERVAL = "bootstrap by lesion, 1000 resamples"


def add_findings(chapter: "Chapter") -> None:
    """Rows 1.15, 3.9 and 0.17. None can be compared: two reports show pictures and no numbers, and
    one only wished."""
    depths = chapter.series("depths")
    contrasts = depths[depths["measure"] == "contrast"]
    missed = missed_malignant(chapter.series("mistakes"))
    differences = chapter.series("right-wrong")
    chapter.finding(
        "1.15",
        "cannot be compared",
        measured=f"contrast of activity between lesion and skin {_ends(contrasts, TRAINED)} from "
        f"the first to the last of these layers, {_ends(contrasts, RANDOM)} with random weights. "
        f"{missed}",
        because=_because(chapter, "the report shows maps of one picture and a gallery, no numbers"),
    )
    chapter.finding(
        "3.9",
        "cannot be compared",
        measured="right minus wrong answers: "
        + "; ".join(
            f"{row['comparison']} {with_interval(row)}" for _, row in differences.iterrows()
        ),
        because=_because(chapter, "the report shows galleries and counts nothing in them"),
    )
    pointing = chapter.series("pointing")
    chapter.finding(
        "0.17",
        "cannot be compared",
        measured=f"share of heat inside the lesion {best(pointing, 'heat_inside')}; hottest pixel "
        f"on the lesion {best(pointing, 'pointing_hits')}",
        because=_because(chapter, "the report names Grad-CAM as future work"),
    )


def add_scores(chapter: "Chapter", *, network: str) -> None:
    """Keep both scores of the trained network's last maps as scores of the network."""
    pointing = chapter.series("pointing")
    ours = pointing[pointing["model"] == pointing["model"].iloc[0]]
    scores = ours.drop(columns="model").assign(**{"class": "", "interval": INTERVAL})
    chapter.add_metrics(scores, model=network, part="test")


def best(pointing: pd.DataFrame, metric: str) -> str:
    """Grad-CAM's mean with its interval, beside chance and the middle of the picture."""
    rows = pointing[pointing["metric"] == metric].set_index("model")
    ours = rows.iloc[0]
    return (
        f"{plain(ours['value'])} ({plain(ours['low'])}–{plain(ours['high'])}), with even heat "
        f"{plain(rows.loc[EVEN, 'value'])}, with heat in the middle "
        f"{plain(rows.loc[CENTER, 'value'])}"
    )


def missed_malignant(mistakes: pd.DataFrame) -> str:
    """R1's remark as counts: malignant lesions named wrongly, and as what most often."""
    malignant = mistakes[mistakes["malignant"].astype(bool) & (mistakes["wrong"] > 0)]
    if malignant.empty:
        return "No malignant lesion was named wrongly."
    texts = [
        f"{row['wrong']} of {row['images']} {row['class']}, most often as {row['mistaken_for']} "
        f"({plain(row['share'])})"
        for row in malignant.to_dict("records")
    ]
    return f"Malignant lesions named wrongly: {'; '.join(texts)}."


def _ends(contrasts: pd.DataFrame, network: str) -> str:
    values = contrasts[contrasts["network"] == network].sort_values("depth")["value"]
    return " to ".join(f"{value:+.2f}" for value in (values.iloc[0], values.iloc[-1]))


def _because(chapter: "Chapter", reason: str) -> str:
    return f"{reason}; {PHANTOM}" if chapter.phantom else reason
