"""What the chapter's run says of rows 0.12 and 0.13, and of lessons M14 and M15."""

import re
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.evaluation.multi_input.majority import NOTHING
from dermbook.evaluation.multi_input.stacking import BOTH_SHIFTED, JOINED
from dermbook.publishing.compare import PHANTOM, plain
from dermbook.publishing.effects import with_interval
from dermbook.publishing.multi_input.arms import (
    FIRST_R0,
    NINE,
    PARTITIONS,
    R0_ARM,
    THREE,
    model_names,
)
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.data import Collection
    from dermbook.publishing.chapter import Chapter

#: R0's networks on inputs with the coarser labels, and ours
_CLAIMS = {
    "R0.T2:multi-input-simple": R0_ARM,
    "R0.T3:multi-input-simple": R0_ARM,
    "R0.T2:multi-input-with-xgboost": "stack",
}
_FIRST = "R0.training:multi-input-simple-first-version:train-f1_weighted"
#: a collapsed score is at most so many times the share of the largest class; R0's was below it
NEAR_LARGEST = 1.5


def answer_claims(chapter: "Chapter", clinical: "Collection") -> None:
    """Put R0's table 2 (and what repeats it) beside ours; none can be judged, and why."""
    reason = (
        f"{len(clinical.classes)} of the 114 labels on {len(clinical):,} images, a frozen "
        "backbone, and a split of another kind"
    )
    names = model_names([R0_ARM, FIRST_R0], prefix="mi-clinical") | {"stack": "mi-clinical-stack"}
    present = set(chapter.scores("test")["model"])
    for claim, arm in _CLAIMS.items():
        if names[arm] not in present:
            continue
        for metric in ("f1_micro", "f1_macro", "f1_weighted"):
            chapter.answer(
                f"{claim}:test-{metric}", model=names[arm], part="test", metric=metric,
                not_comparable=reason,
            )  # fmt: skip
        chapter.answer(
            f"{claim}:validation-loss", model=names[arm], part="validation", metric="log_loss",
            not_comparable=reason,
        )  # fmt: skip
    if names[FIRST_R0] in present:
        chapter.answer(
            _FIRST, model=names[FIRST_R0], part="train", metric="f1_weighted", not_comparable=reason
        )


def add_findings(chapter: "Chapter") -> None:
    """State what this run says of rows 0.12 and 0.13, and of lessons M14 and M15."""
    _rows(chapter)
    _leak(chapter)
    _out_of_step(chapter)


def _rows(chapter: "Chapter") -> None:
    because = PHANTOM if chapter.phantom else "R0's inputs hold the answer (M14); fewer labels here"
    gains = chapter.series("gains")
    texts = [
        f"{row['images']}: {row['comparison']} {with_interval(row)}"
        for _, row in gains[gains["metric"] == "f1_weighted"].iterrows()
    ]
    chapter.finding(
        "0.12",
        "cannot be compared",
        measured="weighted F1, beside the image alone: " + "; ".join(texts),
        because=because,
    )
    scores = chapter.series("stack")
    weighted = scores[(scores["metric"] == "f1_weighted") & (scores["images"] == _clinical(scores))]
    right = weighted.set_index("arm").loc[[JOINED, "CNN alone", "XGBoost alone"], "value"]
    chapter.finding(
        "0.13",
        "cannot be compared",
        measured="weighted F1: "
        + ", ".join(f"{name} {plain(value)}" for name, value in right.items()),
        because=PHANTOM if chapter.phantom else "R0's stack is out of step by inference (M15)",
    )


def _leak(chapter: "Chapter") -> None:
    """Lesson M14: the rule from the published table, and what the partitions add to a network."""
    printed = re.findall(r"([\d.]+) %", load_reported().lessons().at["M14", "evidence"])
    rule = chapter.series("partitions")
    published = rule[rule["rows"].str.contains("published")].set_index("columns")
    text, same = "the published table is not imported", False
    if len(published):
        pair = f"{100 * published.at[f'{NINE} and {THREE}', 'right']:.1f}"
        nothing = f"{100 * published.at[NOTHING, 'right']:.1f}"
        same = [pair, nothing] == printed
        text = f"majority rule {pair} % from the pair, {nothing} % from nothing (published table)"
    gains = chapter.series("gains")
    added = gains[(gains["comparison"] == PARTITIONS) & (gains["metric"] == "f1_micro")].iloc[0]
    leaks = same and added["low"] > 0
    chapter.finding(
        "M14",
        "cannot be compared" if chapter.phantom else "confirmed" if leaks else "not confirmed",
        measured=f"{text}; partitions add {with_interval(added)} to micro F1 beside skin type",
        because=PHANTOM
        if chapter.phantom
        else "the rule gives the figures of the evidence, and the coarser labels raise the score"
        if leaks
        else "the rule gives other figures, or the coarser labels do not raise the score",
    )


def _out_of_step(chapter: "Chapter") -> None:
    """Lesson M15: does a stack that is joined by position fall to the largest class's share?"""
    images = _clinical(chapter.series("stack"))
    scores = _of(chapter.series("stack"), images).set_index("arm")
    falls = _of(chapter.series("stack-gains"), images).set_index("comparison")
    rule = chapter.series("partitions")
    at_hand = rule[rule["rows"].str.contains("at hand")].set_index("columns")
    largest = float(at_hand.at[NOTHING, "right"])
    collapsed = float(scores.at[BOTH_SHIFTED, "value"])
    fallen = falls.at[BOTH_SHIFTED, "high"] < 0 and collapsed <= NEAR_LARGEST * largest
    others = [
        f"{name} {plain(scores.at[name, 'value'])}"
        for name in scores.index
        if name.endswith("out of step") and name != BOTH_SHIFTED
    ]
    chapter.finding(
        "M15",
        "cannot be compared" if chapter.phantom else "confirmed" if fallen else "not confirmed",
        measured=f"micro F1 {plain(scores.at[JOINED, 'value'])} joined on the id, "
        f"{plain(collapsed)} with both out of step ({with_interval(falls.loc[BOTH_SHIFTED])}); "
        f"largest class {plain(largest)}" + "".join(f"; {text}" for text in others),
        because=PHANTOM
        if chapter.phantom
        else "rows in another order than the labels reproduce such a collapse; R0's own rows "
        "cannot be looked at"
        if fallen
        else "rows in another order than the labels did not take the stack down to the largest "
        "class",
    )


def _clinical(table: pd.DataFrame) -> str:
    """The name of the collection with the coarser labels: the first one in the table."""
    return str(table["images"].iloc[0])


def _of(table: pd.DataFrame, images: str, metric: str = "f1_micro") -> pd.DataFrame:
    return table[(table["images"] == images) & (table["metric"] == metric)]
