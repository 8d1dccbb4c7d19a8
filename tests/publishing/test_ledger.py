"""The ledger: verdicts from findings, phantoms named, links only to chapters that exist."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dermbook.errors import ChapterError, RecordError
from dermbook.publishing.ledger import (
    NOT_SHOWN,
    ledger,
    render_ledger,
    undeclared_lessons,
    undeclared_rows,
)
from dermbook.publishing.record import Finding
from dermbook.publishing.reported import load_reported

FILE = Path(__file__).parents[2] / "book" / "reported.yaml"


@pytest.fixture(scope="module")
def reported():
    return load_reported(FILE)


def header(stem, title, rows=(), lessons=()):
    """What the ledger reads of a header."""
    notebook = Path(f"/somewhere/notebooks/{stem}.ipynb")
    return SimpleNamespace(title=title, rows=rows, lessons=lessons, notebook=notebook)


HEADERS = {
    "cnn-from-scratch": header("10_cnn_from_scratch", "CNNs [from scratch]", ("0.9", "2.2")),
    "residual-networks": header("14_residual_networks", "Residual networks", ("3.7",), ("M12",)),
}


def run(chapter, edition, *findings, phantom=False):
    """What the ledger reads of a Record; a finding is (about, verdict, measured, because)."""
    names = ("about", "verdict", "measured", "because")
    found = [Finding(**dict(zip(names, finding, strict=True))) for finding in findings]
    return SimpleNamespace(chapter=chapter, edition=edition, phantom=phantom, findings=found)


def line(frame, name):
    return frame.set_index("id").loc[name]


def test_every_row_and_lesson_has_one_line(reported):
    frame = ledger(reported, HEADERS)
    assert frame["id"].tolist() == [*reported.inventory, *reported.teachings]
    assert (frame["verdict"] == NOT_SHOWN).all()
    assert line(frame, "2.2")["declared"] == ("cnn-from-scratch",)
    assert line(frame, "2.2")["because"] == "the chapter has no finding on it yet"
    assert line(frame, "2.3")["planned"] == ("augmentation",)
    assert line(frame, "2.3")["because"] == ""
    assert line(frame, "M12")["declared"] == ("residual-networks",)


def test_a_finding_gives_the_verdict(reported):
    records = {
        ("laptop", "cnn-from-scratch"): run(
            "cnn-from-scratch", "laptop", ("2.2", "not confirmed", ".71 (.68–.74)", "not poor")
        )
    }
    found = line(ledger(reported, HEADERS, records), "2.2")
    assert found["verdict"] == "not confirmed"
    assert found["measured"] == ".71 (.68–.74) (laptop)"
    assert (found["because"], found["source"]) == ("not poor", "laptop")


def test_real_before_phantom_and_gpu_before_laptop(reported):
    records = [
        run("cnn-from-scratch", "quick", ("2.2", "confirmed", ".99", "easy"), phantom=True),
        run("cnn-from-scratch", "gpu", ("2.2", "not confirmed", ".70", "more epochs")),
        run("cnn-from-scratch", "laptop", ("2.2", "confirmed", ".60", "fewer epochs")),
    ]
    for order in (records, records[::-1]):
        found = line(ledger(reported, HEADERS, order), "2.2")
        assert (found["verdict"], found["source"]) == ("not confirmed", "gpu")
        assert found["measured"] == ".70 (gpu)"


def test_a_phantom_of_another_chapter_does_not_mix_with_real_data(reported):
    records = [
        run("cnn-from-scratch", "laptop", ("2.2", "confirmed", ".60", "so")),
        run("augmentation", "quick", ("2.2", "not confirmed", ".20", "so"), phantom=True),
    ]
    found = line(ledger(reported, HEADERS, records), "2.2")
    assert (found["verdict"], found["measured"]) == ("confirmed", ".60 (laptop)")


def test_a_phantom_number_carries_the_word(reported):
    records = [run("cnn-from-scratch", "quick", ("2.2", "confirmed", ".99", "x"), phantom=True)]
    frame = ledger(reported, HEADERS, records)
    found = line(frame, "2.2")
    assert (found["measured"], found["source"]) == (".99 (quick, phantom)", "phantom")
    page = render_ledger(frame, HEADERS)
    assert "confirmed (phantom), because x" in page
    assert "1 confirmed, 0 not confirmed" in page
    assert "(1 of these verdicts on the phantom only)" in page


def test_single_figures_are_gathered_under_their_row(reported):
    claims = ["R3.resnet18:f1:mel", "R3.resnet18.fit:resnet18:test-accuracy"]
    records = [
        run(
            "residual-networks",
            "gpu",
            (claims[0], "confirmed", ".66 (.60–.72)", "inside"),
            (claims[1], "not confirmed", ".80 (.78–.82)", "outside"),
        )
    ]
    found = line(ledger(reported, HEADERS, records), "3.7")
    assert found["verdict"] == "not confirmed"
    assert found["measured"] == (
        "ResNet18, f1 of mel: .66 (.60–.72) (gpu); ResNet18, accuracy: .80 (.78–.82) (gpu)"
    )
    assert found["because"] == "of 2 findings 1 confirmed, 1 not confirmed: outside"


def test_a_finding_on_the_row_outweighs_its_figures(reported):
    records = [
        run(
            "residual-networks",
            "gpu",
            ("R3.resnet18:f1:mel", "not confirmed", ".5", "outside"),
            ("3.7", "cannot be compared", "see the chapter", "the split is another"),
        )
    ]
    found = line(ledger(reported, HEADERS, records), "3.7")
    assert (found["verdict"], found["because"]) == ("cannot be compared", "the split is another")


def test_many_figures_are_counted_not_listed(reported):
    classes = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    findings = [
        (f"R3.resnet18:recall:{name}", "cannot be compared", "–", "the phantom") for name in classes
    ]
    records = [run("residual-networks", "quick", *findings, phantom=True)]
    found = line(ledger(reported, HEADERS, records), "3.7")
    assert found["measured"].endswith("; 4 more in the chapter")
    assert found["because"] == "of 7 findings 7 cannot be compared: the phantom"


def test_unknown_things_are_refused(reported):
    headers = {"made-up": header("99_made_up", "Made up", ("2.22",))}
    with pytest.raises(ChapterError, match=r"made-up, header: rows.*'2\.22'.*2\.2"):
        ledger(reported, headers)
    headers = {"made-up": header("99_made_up", "Made up", (), ("M99",))}
    with pytest.raises(ChapterError, match="'M99'"):
        undeclared_lessons(reported, headers)
    records = [run("cnn-from-scratch", "laptop", ("R9.x", "confirmed", "1", "x"))]
    with pytest.raises(RecordError, match=r"cnn-from-scratch \(laptop\).*'R9\.x'"):
        ledger(reported, HEADERS, records)


def test_undeclared_rows(reported):
    rows = undeclared_rows(reported, HEADERS)
    assert set(reported.inventory) - set(rows) == {"0.9", "2.2", "3.7"}
    assert rows == [name for name in reported.inventory if name in rows]
    assert "M12" not in undeclared_lessons(reported, HEADERS)
    assert len(undeclared_lessons(reported, HEADERS)) == 16


def test_the_page_links_only_chapters_that_exist(reported):
    page = render_ledger(ledger(reported, HEADERS), HEADERS)
    links = {part.split(")")[0] for part in page.split("](../notebooks/")[1:]}
    assert links == {"10_cnn_from_scratch.ipynb", "14_residual_networks.ipynb"}
    assert "[CNNs \\[from scratch\\]](../notebooks/10_cnn_from_scratch.ipynb)" in page
    assert "*planned: augmentation*" in page
    assert "phantom only" not in page
    assert "77 lines: 0 confirmed, 0 not confirmed, 0 cannot be compared, 77 not yet shown" in page


def test_the_page_is_well_formed_myst(reported):
    records = [run("cnn-from-scratch", "laptop", ("2.2", "confirmed", "- a | b\n# c $d$", "<x>"))]
    page = render_ledger(ledger(reported, HEADERS, records), HEADERS)
    assert page.startswith("# Ledger\n")
    tables = page.split("```{list-table}")[1:]
    assert len(tables) == 2
    for table, rows in zip(tables, (60, 17), strict=True):
        body = table.split("```")[0].strip().splitlines()
        assert body[:3] == [":class: sortable", ":header-rows: 1", ""]
        cells = body[3:]
        # every row has six cells, each on one line: the header and the entries
        assert len(cells) == 6 * (rows + 1)
        for place, cell in enumerate(cells):
            assert cell.startswith("* - " if place % 6 == 0 else "  - ")
            assert len(cell) > 4
    assert "  - \\- a \\| b # c \\$d\\$ (laptop)" in page
    assert "\\<x\\>" in page
