"""Staging and building the site, on a tiny book."""

import json
import shutil
from pathlib import Path

import pytest
from records import make_record

from dermbook.errors import ChapterError
from dermbook.paths import build_dir, results_dir
from dermbook.publishing import site
from dermbook.publishing.header import read_headers
from dermbook.publishing.pairing import sync_pairs
from dermbook.publishing.status import run_line, status_page
from dermbook.publishing.template import new_chapter

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with one chapter made from the template, the real configuration and pages."""
    root = tmp_path / "book-root"
    (root / "notebooks").mkdir(parents=True)
    (root / "data").mkdir()
    for name in ("_static", "images", "appendix"):
        shutil.copytree(CHECKOUT / "book" / name, root / "book" / name)
    copied = ["_config.yml", "notebooks/jupytext.toml", "book/reported.yaml", "book/reports.md"]
    for name in [*copied, "book/references.bib", "book/bibliography.md", "data/registry.yaml"]:
        shutil.copy(CHECKOUT / name, root / name)
    (root / "book" / "intro.md").write_text("# A book\n\nText.\n", encoding="utf-8")
    for name in ("status", "ledger"):
        (root / "book" / f"{name}.md").write_text(f"# {name}\n\nPlaceholder.\n", encoding="utf-8")
    toc = [
        "format: jb-book\nroot: book/intro\nchapters:",
        "- file: notebooks/42_first-steps",
        "- file: book/status",
        "- file: book/ledger",
        "- file: book/reports",
        "- file: book/bibliography",
    ]
    (root / "_toc.yml").write_text("\n".join(toc).replace("first-steps", "first_steps"))
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    new_chapter(42, "first-steps", "First steps")
    return root


def execute(book: Path, edition: str = "quick") -> None:
    """Stand in for a run: the notebook with a figure and a table as a chapter shows them."""
    from matplotlib.figure import Figure

    from dermbook.publishing.display import figure_block, table_block

    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1])
    record = make_record(chapter="first-steps", title="First steps", edition=edition, phantom=True)
    blocks = [
        figure_block(
            "first-steps-line",
            [("Published · laptop", figure), ("This run · quick", figure)],
            caption="A line.",
            alt="A rising line.",
        ),
        table_block("first-steps-scores", [("", record.metrics_frame())], caption="Scores."),
    ]
    notebook = json.loads((book / "notebooks" / "42_first_steps.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell, block in zip(cells[1:3], blocks, strict=True):
        bundle = block._repr_mimebundle_()
        output = {"output_type": "display_data", "data": bundle, "metadata": {}}
        cell["outputs"] = [output]
    target = build_dir(edition) / "notebooks" / "42_first_steps.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(notebook))
    record.save(build_dir(edition) / "records" / "first-steps.json")


def test_staging_changes_only_what_changed(book):
    source = site.stage("quick")
    page = source / "notebooks" / "42_first_steps.ipynb"
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*") if path.is_file()}
    assert page in before
    assert site.stage("quick") == source
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (book / "book" / "intro.md").write_text("# Another\n\nText.\n", encoding="utf-8")
    site.stage("quick")
    changed = [path.name for path in before if path.stat().st_mtime_ns != before[path]]
    assert changed == ["intro.md"]


def test_what_a_page_shows_or_includes_is_staged_with_it(book):
    for name in ("picture.jpg", "part.inc"):
        (book / "book" / "appendix" / name).write_bytes(b"content")
    appendix = site.stage("quick") / "book" / "appendix"
    assert {"picture.jpg", "part.inc"} <= {path.name for path in appendix.iterdir()}


def test_pictures_of_a_page_are_files_and_its_notebook_stays_whole(book):
    execute(book)
    original = build_dir("quick") / "notebooks" / "42_first_steps.ipynb"
    before = original.read_bytes()
    folder = site.stage("quick") / "notebooks"
    (picture,) = (folder / "figures").iterdir()  # both tabs show the same one
    assert b"<svg" in picture.read_bytes()
    staged = (folder / "42_first_steps.ipynb").read_text()
    assert staged.count(f"figures/{picture.name}") == 2
    assert "base64" not in staged
    assert "text/html" not in staged
    assert original.read_bytes() == before
    assert (folder / "downloads" / original.name).read_bytes() == before


def test_staging_forgets_what_is_gone(book):
    extra = book / "book" / "extra.md"
    extra.write_text("# Extra\n")
    source = site.stage("quick")
    assert (source / "book" / "extra.md").is_file()
    extra.unlink()
    site.stage("quick")
    assert not (source / "book" / "extra.md").exists()


def test_a_chapter_that_was_not_run_says_so_and_offers_its_script(book):
    source = site.stage("quick")
    first = json.loads((source / "notebooks" / "42_first_steps.ipynb").read_text())["cells"][0]
    assert first["source"].startswith("# First steps\n\n:::{div} run-line\n")
    assert "dermbook run first-steps --edition quick" in first["source"]
    assert "**Question.**" in first["source"]
    assert (source / "notebooks" / "downloads" / "42_first_steps.py").is_file()


def test_status_names_edition_parameters_hardware_and_phantom(book):
    execute(book)
    make_record(chapter="first-steps").save(results_dir() / "laptop" / "first-steps.json")
    page = status_page("quick", read_headers())
    assert "| CNNs from scratch | published | laptop | ham10000 |" in page
    assert "| First steps | this run | quick | phantom |" in page
    assert "epochs" in page
    line = run_line(read_headers()["first-steps"], "quick")
    assert "quick edition, phantom data" in line
    assert "laptop edition, real data, 13 min on 2 CPU cores, 21 November 2026" in line
    assert "downloads/42_first_steps.ipynb" in line


def test_external_loads_are_found_and_links_are_not(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://example.org">fine</a> <link rel="canonical" href="https://example.org">'
        '<script src="https://cdn.example.org/x.js"></script>'
        '<img alt="x" src="//img.example.org/x.png"> <img src="local.png">'
        '<link rel="stylesheet" href="https://css.example.org/x.css">'
    )
    (tmp_path / "b.css").write_text("@import 'https://fonts.example.org/f'; a {color: url(x.png)}")
    found = site.external_loads(tmp_path)
    assert [line.partition("//")[2] for line in found] == [
        "cdn.example.org/x.js",
        "img.example.org/x.png",
        "css.example.org/x.css",
        "fonts.example.org/f",
    ]


@pytest.mark.slow
def test_the_built_site_is_strict_numbered_offline_and_built_once(book, monkeypatch):
    execute(book)
    index = site.build_site("quick")
    html = (index.parent / "notebooks" / "42_first_steps.html").read_text()
    assert 'alt="A rising line."' in html
    assert "Figure 1" in html
    assert "Table 1" in html
    assert html.count("tab-published") == 1
    assert 'id="first-steps-line"' in html
    assert (index.parent / "_static" / "tables.js").is_file()
    assert "dermbook.css" in html
    (picture,) = (index.parent / "_images").glob("*.svg")
    assert html.count(f'src="../_images/{picture.name}"') == 2
    assert list(index.parent.glob("_downloads/*/42_first_steps.py"))
    assert list(index.parent.glob("_downloads/*/42_first_steps.ipynb"))
    assert site.external_loads(index.parent) == []
    assert "cannot be compared" in (index.parent / "book" / "ledger.html").read_text()

    def must_not_run(*arguments):
        raise AssertionError("nothing changed, so nothing may be built")

    with monkeypatch.context() as patched:
        patched.setattr(site, "_run_jupyter_book", must_not_run)
        assert site.build_site("quick") == index

    # a warning stops the build, twice, and the old site stays
    page = book / "book" / "intro.md"
    page.write_text("# A book\n\n{ref}`nowhere`\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ChapterError, match="nowhere"):
            site.build_site("quick")
    assert "A rising line" in (index.parent / "notebooks" / "42_first_steps.html").read_text()


def test_the_template_is_paired_and_refuses_what_is_taken(book):
    assert sync_pairs(check=True) == []
    for number, slug, told in [(42, "other", "already"), (43, "first-steps", "already")]:
        with pytest.raises(ChapterError, match=told):
            new_chapter(number, slug, "Title")
    with pytest.raises(ChapterError, match="hyphens"):
        new_chapter(44, "Not A Slug", "Title")
    with pytest.raises(ChapterError, match="title"):
        new_chapter(44, "fine", " ")
    assert len(list((book / "notebooks").glob("*.py"))) == 1
