"""What the chapter's run says of lesson M16."""

from typing import TYPE_CHECKING

from dermbook.publishing.compare import PHANTOM, plain

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter


def add_findings(chapter: "Chapter", clinical: str) -> None:
    """State what the clinical collection's source says of lesson M16.

    Confirmed where the source is tied to the label more closely than in any shuffle, and the
    pictures of each single class tell the source better than chance (interval above it).
    """
    tie = chapter.series("from-source")
    tie = tie[tie["images"] == clinical].set_index("metric").loc["balanced_accuracy"]
    told = chapter.series("recognition")
    told = told[(told["images"] == clinical) & (told["within"] != "all classes")]
    shown = bool(tie["cramers_v"] > tie["shuffled"] and (told["low"] > told["chance"]).all())
    name = tie["attribute"]
    texts = [f"within {row.within} {interval_text(row)}" for row in told.itertuples()]
    chapter.finding(
        "M16",
        "cannot be compared" if chapter.phantom else "confirmed" if shown else "not confirmed",
        measured=f"balanced accuracy of naming the {name} from a frozen vector: "
        f"{'; '.join(texts)} (chance {plain(told['chance'].iloc[0])}); of naming the label from "
        f"the {name} alone: {interval_text(tie)} (chance {plain(tie['chance'])})",
        because=PHANTOM
        if chapter.phantom
        else "pictures of one and the same disease tell their source, and the source tells of the "
        "disease"
        if shown
        else "the source is not told by the pictures of every class, or tells nothing of the label",
    )


def interval_text(row) -> str:
    """``.631 (.600–.662)`` of a row with value, low and high."""
    return f"{plain(row.value)} ({plain(row.low)}–{plain(row.high)})"
