"""One chapter executed: what it finds in its environment, what it leaves, what a failure leaves.

Every test here starts a Jupyter kernel (a second or two), so each looks at many things.
"""

import json
import os

import nbformat
import pytest
from fake_book import make_book, write_chapter

from dermbook.errors import ChapterError, ParameterError
from dermbook.publishing import running
from dermbook.publishing.editions import parameters_path
from dermbook.publishing.running import chapter_environment, duration, read_status, run_chapter


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "a {curious} folder")  # papermill formats its paths
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    before = dict(os.environ)
    yield root
    # the runner sets its own process up; this process is shared with other tests
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def test_a_chapter_runs_from_its_script_with_the_editions_values(book, capfd):
    home = "import os\nprint(os.environ['IPYTHONDIR'])\nprint('\\N{GREEK SMALL LETTER ALPHA}')"
    # a kernel ends without taking itself apart, but not before it has tidied up
    folder = f"""
import atexit, pathlib, tempfile
kept = tempfile.TemporaryDirectory(prefix="of-a-chapter", dir={str(book)!r})
atexit.register(pathlib.Path("tidied").write_text, "yes")"""
    write_chapter(book, "03_three", body=home + folder)
    # stale outputs and other content in the pair are of no consequence
    (book / "notebooks" / "03_three.ipynb").write_text("not even a notebook")
    built = book / "_build" / "quick"
    assert running.main(["03_three.py", "--edition", "quick"]) == 0
    record = json.loads((built / "records" / "three.json").read_text())
    assert record == {
        "epochs": 2,
        "rate": 0.001,
        "threads": "1",
        "needed": 0,
        "cwd": str(book),
    }
    path = built / "notebooks" / "03_three.ipynb"
    assert str(book) not in json.dumps(nbformat.read(path, 4).metadata)
    injected = [
        cell.source
        for cell in nbformat.read(path, 4).cells
        if "injected-parameters" in cell.metadata.get("tags", [])
    ]
    assert injected == ['# Parameters\nedition = "quick"\nepochs = 2\n']
    log = (built / "logs" / "three.log").read_text(encoding="utf-8")
    assert f"{book}/_build/.home/ipython" in log
    assert "α" in log
    assert sorted(path.name for path in (built / "logs").iterdir()) == ["three.log"]
    status = read_status("quick", "three")
    assert (status.state, status.error) == ("done", "")
    assert status.seconds > 0
    out = capfd.readouterr().out.splitlines()
    assert out[0] == "▶ three (about 0.1 min)"
    assert out[-1].startswith("✓ three in ")
    assert (book / "tidied").is_file()
    assert not list(book.glob("of-a-chapter*"))


def test_a_failing_cell_leaves_notebook_and_log_and_names_itself(book, capfd):
    body = "print('so far so good')\ndef f(x):\n    return 1 / x\nf(0)"
    write_chapter(book, "03_three", body=body)
    built = book / "_build" / "quick"
    assert running.main(["three"]) == 1
    out = capfd.readouterr().out
    assert "✗ three failed after" in out
    assert "ZeroDivisionError: division by zero" in out
    assert "return 1 / x" in out
    assert "\x1b[" not in out
    assert "_build/quick/logs/three.failed.ipynb" in out
    failed = nbformat.read(built / "logs" / "three.failed.ipynb", 4)
    assert "so far so good" in json.dumps(failed)
    assert not (built / "notebooks" / "03_three.ipynb").exists()
    assert not (built / "records" / "three.json").exists()
    status = read_status("quick", "three")
    assert status.state == "failed"
    assert "ZeroDivisionError" in status.error


def test_a_chapter_must_save_its_record_and_outlive_its_kernel(book):
    record = book / "_build" / "quick" / "records" / "three.json"
    path = write_chapter(book, "03_three")
    text = path.read_text()
    path.write_text(text[: text.rindex("record.write_text")])
    record.parent.mkdir(parents=True)
    record.write_text("{}")  # of an earlier run: it does not count
    with pytest.raises(
        ChapterError, match=r"three .*no Record at _build/quick/records/three\.json"
    ):
        run_chapter("three")
    write_chapter(book, "03_three", body="os._exit(9)")
    with pytest.raises(ChapterError, match="three: the kernel did not finish"):
        run_chapter("three")


def test_nothing_runs_with_unknown_names_or_values(book, monkeypatch):
    monkeypatch.setattr(running, "_execute", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ChapterError, match="did you mean three"):
        run_chapter("thre")
    with pytest.raises(ParameterError, match="did you mean quick"):
        run_chapter("three", "quik")
    path = parameters_path("quick", "three")
    path.parent.mkdir(parents=True)
    path.write_text("epochs: many\n")
    with pytest.raises(ParameterError, match="epochs is int, not 'many'"):
        run_chapter("three")
    assert read_status("quick", "three") is None


def test_the_environment_has_a_fixed_thread_share_and_stays_in_the_checkout(book, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("KERAS_HOME", "/elsewhere")
    found = chapter_environment("laptop", 2)
    assert found["OMP_NUM_THREADS"] == found["TF_NUM_INTRAOP_THREADS"] == "2"
    assert found["KERAS_HOME"] == "/elsewhere"
    assert found["DERMBOOK_OUTPUT"] == str(book / "_build" / "laptop")
    for name in ("IPYTHONDIR", "MPLCONFIGDIR", "JUPYTER_DATA_DIR", "XDG_CACHE_HOME"):
        assert found[name].startswith(str(book / "_build"))


def test_durations_read_well():
    texts = [duration(seconds) for seconds in (0.44, 9.94, 12.4, 59.6, 185)]
    assert texts == ["0.4 s", "9.9 s", "12 s", "1 min 00 s", "3 min 05 s"]
