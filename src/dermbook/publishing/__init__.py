"""Publishing: chapters while they run, their Records, the comparison with the reports, the site.

Names are imported when first used: the command line reads headers and editions from this room
and must not wait for pandas or Keras to do so.
"""

from typing import TYPE_CHECKING

from dermbook.lazy import imported_when_used

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter, open_chapter
    from dermbook.publishing.compare import comparison
    from dermbook.publishing.ledger import undeclared_rows
    from dermbook.publishing.record import (
        Record,
        published_record,
        published_records,
        run_record,
        run_records,
    )
    from dermbook.publishing.reported import load_reported

_HOMES = {
    "Chapter": "chapter",
    "open_chapter": "chapter",
    "comparison": "compare",
    "load_reported": "reported",
    "undeclared_rows": "ledger",
    "Record": "record",
    "published_record": "record",
    "published_records": "record",
    "run_record": "record",
    "run_records": "record",
}
__all__ = [
    "Chapter",
    "Record",
    "comparison",
    "load_reported",
    "open_chapter",
    "published_record",
    "published_records",
    "run_record",
    "run_records",
    "undeclared_rows",
]

__getattr__ = imported_when_used(__name__, _HOMES)
