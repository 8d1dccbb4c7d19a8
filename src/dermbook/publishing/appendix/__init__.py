"""What the appendices quote from Records and headers: files that their pages include.

The pages under ``book/appendix/`` are prose. Every number and every link to a chapter in them comes
from here, computed when the site is built, so none is typed by hand and none grows stale.
"""

from collections.abc import Mapping

from dermbook.publishing.appendix.datasheets import fitzpatrick17k_facts, ham10000_facts
from dermbook.publishing.appendix.model_card import model_card_facts
from dermbook.publishing.appendix.questions import checklist
from dermbook.publishing.header import Header
from dermbook.publishing.record import published_record

__all__ = [
    "INCLUDED",
    "appendix_files",
    "checklist",
    "fitzpatrick17k_facts",
    "ham10000_facts",
    "model_card_facts",
]

#: the files, below ``book/appendix/``; the committed ones are placeholders
INCLUDED = (
    "ham10000-source.inc",
    "ham10000-composition.inc",
    "ham10000-cleaning.inc",
    "fitzpatrick17k-source.inc",
    "fitzpatrick17k-composition.inc",
    "fitzpatrick17k-review.inc",
    "model-card-details.inc",
    "model-card-training.inc",
    "model-card-scores.inc",
    "model-card-groups.inc",
    "checklist.inc",
)


def appendix_files(headers: Mapping[str, Header]) -> dict[str, str]:
    """Name below ``book/appendix/`` and MyST text of every file in ``INCLUDED``.

    From published Records only: what a reader's own run of ``quick`` measures on the phantom has no
    place in the datasheet of a real collection, or in the card of a published model.
    """
    records = {
        slug: record
        for slug in ("data-cleaning", "exploration", "fine-tuning", "fairness-and-shift")
        if (record := published_record(slug)) is not None
    }
    texts = {
        **ham10000_facts(records),
        **fitzpatrick17k_facts(records),
        **model_card_facts(records),
        "checklist.inc": checklist(headers),
    }
    return {name: texts[name] for name in INCLUDED}
