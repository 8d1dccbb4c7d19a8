"""No row or lesson without a chapter: what the real headers declare, against what is planned."""

from dermbook.publishing.header import read_headers
from dermbook.publishing.ledger import undeclared_lessons, undeclared_rows
from dermbook.publishing.reported import load_reported

#: the row of the page that runs in the reader's browser, which comes last
LATER = {("2.5", "browser")}
#: (row or lesson, chapter planned to show it) that its chapter does not declare yet. To be emptied:
#: take a line out when its chapter is there.
STILL_TO_COME = {
    ("0.8", "cnn-from-scratch"),
    ("0.8", "transfer-learning"),
    ("0.8", "fine-tuning"),
    ("0.8", "residual-networks"),
    ("0.8", "multi-input"),
    ("0.12", "multi-input"),
    ("0.13", "multi-input"),
    ("0.16", "cnn-from-scratch"),
    ("0.16", "multi-input"),
    ("0.17", "generation"),
    ("0.17", "looking-inside"),
    ("1.12", "ensembles"),
    ("1.15", "looking-inside"),
    ("1.17", "fine-tuning"),
    ("1.17", "looking-inside"),
    ("3.9", "ensembles"),
    ("3.9", "looking-inside"),
    ("3.10", "segmentation"),
    ("M8", "ensembles"),
    ("M13", "segmentation"),
    ("M14", "multi-input"),
    ("M15", "multi-input"),
    ("M16", "fairness-and-shift"),
    ("M17", "multi-input"),
}


def test_every_row_and_lesson_is_declared_by_a_chapter():
    reported, headers = load_reported(), read_headers()
    missing = {*undeclared_rows(reported, headers), *undeclared_lessons(reported, headers)}
    waiting = {name for name, _ in STILL_TO_COME | LATER}
    assert missing <= waiting, f"no chapter declares {sorted(missing - waiting)}"


def test_every_chapter_declares_what_is_planned_for_it():
    reported, headers = load_reported(), read_headers()
    planned = {
        (name, chapter)
        for entries in (reported.inventory, reported.teachings)
        for name, entry in entries.items()
        for chapter in entry.chapters
    }
    declared = {
        (name, slug) for slug, header in headers.items() for name in (*header.rows, *header.lessons)
    }
    missing = planned - declared - STILL_TO_COME - LATER
    assert not missing, f"planned and not declared: {sorted(missing)}"


def test_the_list_of_what_is_to_come_names_what_is_planned():
    reported = load_reported()
    for name, chapter in STILL_TO_COME | LATER:
        entry = reported.inventory.get(name) or reported.teachings.get(name)
        assert entry is not None, name
        assert chapter in entry.chapters, (name, chapter)
