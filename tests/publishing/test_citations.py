"""Every work that a page cites is in the bibliography, so a strict build cannot fail on one."""

import re

import pytest
from fake_book import CHECKOUT

PAGES = sorted(
    [*(CHECKOUT / "notebooks").glob("*.py"), *(CHECKOUT / "book").rglob("*.md")],
    key=lambda path: path.name,
)
KNOWN = re.findall(
    r"^@\w+\{([^,\s]+),", (CHECKOUT / "book" / "references.bib").read_text("utf-8"), re.MULTILINE
)


def test_no_key_stands_twice():
    assert len(KNOWN) == len(set(KNOWN))
    assert len(KNOWN) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_cited_work_is_known(page):
    cited = re.findall(r"\{cite(?::\w)?\}`([^`]+)`", page.read_text(encoding="utf-8"))
    keys = {key.strip() for group in cited for key in group.split(",")}
    assert keys <= set(KNOWN)
