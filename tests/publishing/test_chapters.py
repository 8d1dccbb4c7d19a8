"""Every chapter of the book meets the chapter standard, and every edition fits the chapters."""

from pathlib import Path

import pytest

from dermbook.publishing.editions import edition_names, read_edition
from dermbook.publishing.header import read_headers
from dermbook.publishing.pairing import sync_pairs
from dermbook.publishing.standard import check_chapter

CHECKOUT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((CHECKOUT / "notebooks").glob("*.py"))


@pytest.fixture(autouse=True)
def _this_book(monkeypatch):
    monkeypatch.setenv("DERMBOOK_ROOT", str(CHECKOUT))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_meets_the_standard(path):
    assert check_chapter(path) == []


def test_headers_fit_together_and_no_notebook_is_out_of_sync():
    assert len(read_headers()) == len(CHAPTERS) > 0
    assert sync_pairs(check=True) == []


def test_editions_fit_the_chapters():
    assert edition_names()[0] == "quick"
    assert {"quick", "laptop", "gpu"} <= set(edition_names())
    for name in edition_names():
        assert read_edition(name).description
