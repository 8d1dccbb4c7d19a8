import json

import nbformat
import pytest
from fake_book import make_book, write_chapter

from dermbook.publishing import pairing
from dermbook.publishing.pairing import notebook_text, sync_pairs


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root


def test_the_same_script_gives_the_same_bytes_and_a_valid_notebook(book):
    script = book / "notebooks" / "01_one.py"
    text = notebook_text(script)
    assert text == notebook_text(script)
    notebook = nbformat.reads(text, 4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.dermbook["rows"] == ["1.10"]
    assert [cell.cell_type for cell in notebook.cells][:2] == ["markdown", "code"]
    assert notebook.cells[1].metadata.tags == ["parameters"]
    assert all(not cell.get("outputs") for cell in notebook.cells)


def test_ids_change_only_where_the_content_does_and_equal_cells_differ(book):
    script = write_chapter(book, "01_one", body="x = 1\n\n# %%\nx = 1")

    def ids():
        return [cell["id"] for cell in json.loads(notebook_text(script))["cells"]]

    before = ids()
    assert len(set(before)) == len(before)
    script.write_text(script.read_text().replace("# # Chapter one", "# # Chapter 1"))
    after = ids()
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_check_writes_nothing_and_syncing_writes_what_differs(book, capsys):
    notebook = book / "notebooks" / "01_one.ipynb"
    assert pairing.main(["--check"]) == 1
    assert "notebooks/01_one.ipynb is out of sync" in capsys.readouterr().out
    assert not notebook.exists()
    assert [path.name for path in sync_pairs()] == [
        "01_one.ipynb",
        "02_two.ipynb",
        "03_three.ipynb",
    ]
    assert pairing.main(["--check"]) == 0
    # an output slipped in, and a notebook whose script is gone
    content = json.loads(notebook.read_text())
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1"]}]
    notebook.write_text(json.dumps(content))
    (book / "notebooks" / "02_two.py").unlink()
    assert [path.name for path in sync_pairs()] == ["01_one.ipynb", "02_two.ipynb"]
    assert notebook.read_text() == notebook_text(notebook.with_suffix(".py"))
    assert pairing.main([]) == 1
    assert "02_two.ipynb has no .py beside it" in capsys.readouterr().out
