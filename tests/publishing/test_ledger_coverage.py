"""No row or lesson without a chapter: what the real headers declare, against what is planned."""

from dermbook.publishing.header import read_headers
from dermbook.publishing.ledger import undeclared_lessons, undeclared_rows
from dermbook.publishing.reported import load_reported

#: the row of the page that runs in the reader's browser, which comes last
LATER = {("2.5", "browser")}


def test_every_row_and_lesson_is_declared_by_a_chapter():
    reported, headers = load_reported(), read_headers()
    missing = {*undeclared_rows(reported, headers), *undeclared_lessons(reported, headers)}
    waiting = {name for name, _ in LATER}
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
    missing = planned - declared - LATER
    assert not missing, f"planned and not declared: {sorted(missing)}"


def test_what_comes_later_is_planned():
    reported = load_reported()
    for name, chapter in LATER:
        entry = reported.inventory.get(name) or reported.teachings.get(name)
        assert entry is not None, name
        assert chapter in entry.chapters, (name, chapter)
