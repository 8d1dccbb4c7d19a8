"""What the chapter on splits and leakage found."""

from dermbook.publishing.compare import plain
from dermbook.publishing.leakage import main_effect, with_interval
from dermbook.publishing.record import Record


def splits_and_leakage(record: Record) -> list[str]:
    """How much the reports' divisions leak, and what each leak adds to a score."""
    chance = record.series_frame("chance").set_index(["strategy", "what"])
    overlap, siblings = chance.loc["r4", "same_image"], chance.loc["r3", "sibling"]
    cells = record.series_frame("count-comparison")
    m2 = main_effect(record.series_frame("overlap-effects"), "test images in train")
    m3 = main_effect(record.series_frame("sibling-effects"), "siblings")
    control = main_effect(record.series_frame("sibling-effects"), "control")
    whole = main_effect(record.series_frame("reported-effects"), "divided")
    effects = record.series_frame("copy-effects")
    m9, honest = main_effect(effects, "copy, then"), main_effect(effects, "split, then")
    facts = record.series_frame("copy-facts").set_index("protocol")
    sentences = [
        f"R4's three draws put {overlap['value']:.1%} of the test images into train "
        f"({overlap['expected']:.1%} expected); dividing images by lot, as R3 did, leaves "
        f"{siblings['value']:.1%} of them with a sibling there ({siblings['expected']:.1%} "
        "expected).",
        f"Overlapping draws: balanced accuracy {plain(m2['second'])} on test images that are in "
        f"train, {plain(m2['first'])} on the others, {with_interval(m2)}.",
        f"Siblings put in train change the score of the same test images by {with_interval(m3)}; "
        f"for the control images it changes by {with_interval(control)}. A whole test, divided by "
        f"image instead of by lesion: {with_interval(whole)}.",
        f"Copies made before the split raise the malignant share of the test to "
        f"{facts.loc['copy, then split', 'malignant']:.1%} and balanced accuracy above the honest "
        f"test's by {with_interval(m9)}; with the split first, the difference is "
        f"{with_interval(honest)}.",
    ]
    audit = record.series_frame("audit")
    grouped = audit[(audit["strategy"] == "lesion-grouped") & (audit["part"] == "test")]
    if "near_duplicate" in audit and (hidden := int(grouped["near_duplicate"].sum())):
        sentences.append(
            f"Even the division by lesion leaves {hidden} of {int(grouped['images'].sum()):,} test "
            "images whose lesion is in train under another id, as the chapter on cleaning found."
        )
    of_r3 = cells.loc[cells["strategy"] == "r3", ["reported", "ours"]].sum()
    if of_r3["reported"] == of_r3["ours"]:
        sentences.insert(
            1,
            f"{cells['equal'].sum()} of the {len(cells)} class counts that R3 and R4 print come "
            "out to the last image.",
        )
    return sentences
