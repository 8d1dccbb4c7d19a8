"""What the chapter *Segmentation* says of R3's row 3.10, of its two numbers, and of lesson M13."""

from typing import TYPE_CHECKING

import pandas as pd

from dermbook.evaluation.segmentation import iou_of_dice, largest_spread, ways_of_averaging
from dermbook.publishing.reported import load_reported
from dermbook.publishing.segmentation.methods import FINAL

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

CLAIMS = {"dice": "R3.unet:u-net:unknown-dice", "iou": "R3.unet:u-net:unknown-iou"}
REPORTED = "R3, as reported"
#: half a unit of the last digit that R3 prints
ROUNDING = 0.5e-4


def reported_scores() -> dict[str, float]:
    """R3's Dice and IoU, from ``book/reported.yaml``."""
    reported = load_reported()
    return {name: float(reported.claim(claim)["value"]) for name, claim in CLAIMS.items()}


def averages(judged: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """``ways_of_averaging`` of the U-Net's test masks, and R3's pair in a last row."""
    pair = reported_scores()
    expected = iou_of_dice(pair["dice"])
    row = {"way": REPORTED, **pair, "expected": expected, "gap": pair["iou"] - expected}
    return pd.concat([ways_of_averaging(judged, seed=seed), pd.DataFrame([row])], ignore_index=True)


def gap_of_rounding() -> float:
    """The largest gap to D / (2 − D) that R3's rounded pair leaves possible."""
    pair = reported_scores()
    return max(0.0, pair["iou"] + ROUNDING - iou_of_dice(pair["dice"] - ROUNDING))


def add_findings(chapter: "Chapter") -> None:
    """R3's claims beside the U-Net's pooled scores; row 3.10; lesson M13."""
    for name, claim in CLAIMS.items():
        chapter.answer(
            claim,
            model=FINAL,
            part="test",
            metric=f"{name}_pooled",
            not_comparable="the report names neither the part nor the pictures' size, nor how "
            "long the network was trained",
        )
    _row(chapter)
    _lesson(chapter)


def _row(chapter: "Chapter") -> None:
    """Confirmed if a U-Net of R3's parts reaches R3's Dice: the interval's upper end or above."""
    tried = chapter.series("recipes").set_index("method")
    scores = chapter.series("scores")
    pooled = scores[(scores["method"] == FINAL) & (scores["metric"] == "dice_pooled")].iloc[0]
    reached = pooled["high"] >= reported_scores()["dice"]
    measured = (
        f"pooled Dice {chapter.measured(FINAL, 'test', 'dice_pooled')}, pooled IoU "
        f"{chapter.measured(FINAL, 'test', 'iou_pooled')}"
    )
    if "bilinear" in tried.index:
        row = tried.loc["bilinear"]
        signs = [f"{row[key]:+.3f}" for key in ("difference", "d_low", "d_high")]
        measured += (
            f"; validation: bilinear in place of {tried.index[0]} changes the mean Dice by "
            f"{signs[0]} ({signs[1]} to {signs[2]})"
        )
    if chapter.phantom:
        verdict, because = "cannot be compared", "the phantom is not the data of the report"
    else:
        verdict = "confirmed" if reached else "not confirmed"
        because = (
            "a U-Net of the parts that R3 names "
            f"{'reaches' if reached else 'does not reach'} the Dice that it states"
        )
    chapter.finding("3.10", verdict, measured=measured, because=because)


def _lesson(chapter: "Chapter") -> None:
    """Confirmed if R3's pair fits the curve within rounding, and means of pictures here do not."""
    ways = chapter.series("averages").set_index("way")
    spread = float(chapter.series("pictures")["dice"].std(ddof=0))
    gap, allowed = float(ways.loc["mean over pictures", "gap"]), gap_of_rounding()
    fits = abs(float(ways.loc[REPORTED, "gap"])) <= allowed
    told = gap > allowed
    measured = (
        f"R3's IoU differs from D / (2 − D) by {ways.loc[REPORTED, 'gap']:+.5f}; here the pooled "
        f"pair by {ways.loc['all pixels pooled', 'gap']:+.5f}, the means over pictures by "
        f"{gap:+.4f}. Means over pictures that fit as R3's pair does would need a standard "
        f"deviation of Dice of at most {largest_spread(allowed):.3f}; here it is {spread:.3f}"
    )
    because = (
        "R3's pair fits the curve within rounding, and means over pictures do not; so pixels were "
        "pooled, over all pictures or over batches large enough to be alike"
        if fits and told
        else "the pair and the means over pictures do not tell the two ways apart"
    )
    verdict = "confirmed" if fits and told else "not confirmed"
    if chapter.phantom:
        verdict, because = "cannot be compared", f"the phantom is not R3's data; {because}"
    chapter.finding("M13", verdict, measured=measured, because=because)
