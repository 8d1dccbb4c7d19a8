"""Many chapters: what is stale, what a failure stops, what a kill leaves.

One story on one book, for every step starts Snakemake (a second) and perhaps kernels.
"""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from fake_book import make_book, write_chapter

from dermbook.errors import ChapterError, DermbookError, ParameterError
from dermbook.publishing.running import read_status
from dermbook.publishing.workflow import (
    _only_run,
    chapter_rules,
    priorities,
    run_book,
    stale_chapters,
)

COMMAND = [sys.executable, "-c", "from dermbook.cli import main; main()"]


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root


def records(book):
    folder = book / "_build" / "quick" / "records"
    return {path.stem: path.stat().st_mtime_ns for path in sorted(folder.glob("*.json"))}


def dermbook(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120)


def test_only_what_is_stale_runs_and_a_failure_stops_its_dependents_only(book):
    assert stale_chapters() == {
        "one": "has no result yet",
        "two": "has no result yet; needs one",
        "three": "has no result yet",
    }
    assert records(book) == {}
    outcome = run_book(cores=2)
    assert outcome.done == ("one", "two", "three")
    first = records(book)
    assert list(first) == ["one", "three", "two"]
    # nothing of Snakemake or Jupyter outside _build
    assert {path.name for path in book.iterdir()} == {
        "_build",
        "_toc.yml",
        "book",
        "notebooks",
        "workflow",
    }

    outcome = run_book(cores=2)
    assert outcome.up_to_date == ("one", "two", "three")
    assert records(book) == first

    # a parameter makes its chapter stale, by content; a source only touched does not
    (book / "notebooks" / "03_three.py").touch()
    assert stale_chapters(overrides={"two": {"epochs": 3}}) == {
        "two": "changed: _build/quick/parameters/two.yaml"
    }

    # chapter one fails: two waits, three is stale for its own reason and runs; the status is not 0
    write_chapter(book, "01_one", body="raise KeyError('planted')")
    write_chapter(book, "03_three", body="print('changed')")
    done = dermbook("run", "--cores", "2")
    assert done.returncode == 1
    assert "✗ one failed after" in done.stdout
    assert "KeyError: 'planted'" in done.stdout
    assert "1 ran, 1 failed, 1 not run" in done.stdout
    assert done.stderr == "error: failed: one; two waited for it\n"
    now = records(book)
    assert now["three"] > first["three"]
    assert now["two"] == first["two"]
    assert "one" not in now

    # mended: the failed one and its dependents run, no other
    write_chapter(book, "01_one")
    outcome = run_book(["two"], overrides={"two": {"epochs": 3}}, cores=2)
    assert outcome.done == ("one", "two")
    assert json.loads((book / "_build/quick/records/two.json").read_text())["epochs"] == 3
    assert records(book)["three"] == now["three"]


def test_a_killed_run_leaves_no_lock_no_half_result_and_no_process(book, tmp_path):
    pids = tmp_path / "pids"
    pids.mkdir()
    body = f"(Path({str(pids)!r}) / str(os.getpid())).touch()\nimport time\ntime.sleep({{}})"
    write_chapter(book, "03_three", body=body.format(60))
    process = subprocess.Popen(
        [*COMMAND, "run", "three"], start_new_session=True, stdout=subprocess.DEVNULL
    )
    wait_until(lambda: list(pids.iterdir()))
    kernel = int(next(pids.iterdir()).name)
    refused = dermbook("run", "three")
    assert refused.returncode == 2
    assert f"(process {process.pid})" in refused.stderr
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert read_status("quick", "three").state == "running"
    assert records(book) == {}
    assert not list((book / "_build/quick").glob("notebooks/*"))
    wait_until(lambda: not alive(kernel))
    write_chapter(book, "03_three", body=body.format(0))
    assert run_book(["three"], cores=1).done == ("three",)
    assert list(records(book)) == ["three"]


def test_a_run_told_to_stop_takes_its_chapters_along(book, tmp_path):
    pids = tmp_path / "pids"
    pids.mkdir()
    body = f"(Path({str(pids)!r}) / str(os.getpid())).touch()\nimport time\ntime.sleep(60)"
    write_chapter(book, "03_three", body=body)
    process = subprocess.Popen([*COMMAND, "run", "three"], stdout=subprocess.DEVNULL)
    wait_until(lambda: list(pids.iterdir()))
    kernel = int(next(pids.iterdir()).name)
    process.terminate()
    assert process.wait(timeout=30) == 143
    wait_until(lambda: not alive(kernel))
    with _only_run("quick"):  # the lock is free
        pass


def test_nothing_runs_when_a_name_is_unknown(book):
    with pytest.raises(ChapterError) as raised:
        run_book(["one", "tow", "thre"])
    assert "'tow' (did you mean two" in str(raised.value)
    assert "'thre' (did you mean three" in str(raised.value)
    with pytest.raises(ParameterError, match="no edition 'labtop'"):
        run_book(["one"], "labtop")
    with pytest.raises(ParameterError, match="epochs is int"):
        run_book(["one"], overrides={"one": {"epochs": "x"}})
    write_chapter(book, "03_three", body="from dermbook.nowhere import x")
    with pytest.raises(
        ChapterError, match=r"03_three\.py, line \d+: imports from dermbook.nowhere"
    ):
        run_book(["one"])
    assert not list((book / "_build").glob("*/parameters/*"))
    assert not (book / "_build" / "labtop").exists()


def test_a_second_run_of_an_edition_is_refused_while_one_is_at_work(book):
    with _only_run("quick"), pytest.raises(DermbookError, match=f"process {os.getpid()}"):
        run_book(["one"])


def test_rules_come_from_headers_and_edition(book):
    path = book / "notebooks" / "02_two.py"
    path.write_text(path.read_text().replace("accelerator: none", "accelerator: optional"))
    path = book / "notebooks" / "03_three.py"
    path.write_text(path.read_text().replace("accelerator: none", "accelerator: required"))
    rules = {rule.chapter: rule for rule in chapter_rules("laptop")}
    assert [rule.threads for rule in rules.values()] == [2, 2, 2]
    assert [rule.gpu for rule in rules.values()] == [0, 0, 1]
    assert rules["two"].needs == [rules["one"].record]
    assert str(book / "notebooks" / "02_two.py") in rules["two"].sources
    edition = book / "book" / "editions" / "laptop.yaml"
    edition.write_text(edition.read_text() + "accelerator: true\n")
    assert [rule.gpu for rule in chapter_rules("laptop")] == [0, 1, 1]


def test_chapters_that_others_wait_for_start_first():
    def header(minutes, *needs):
        return SimpleNamespace(minutes={"quick": minutes} if minutes else {}, needs=needs)

    headers = {
        "base": header(1), "long": header(3), "middle": header(None, "base"),
        "last": header(0.5, "middle", "long"), "alone": header(2),
    }  # fmt: skip
    # base 1 + middle (unsaid: 1) + last 0.5, in seconds
    expected = {"base": 150, "long": 210, "middle": 90, "last": 30, "alone": 120}
    assert priorities(headers, "quick") == expected
    assert priorities(headers, "gpu")["base"] == 180


def wait_until(condition, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # an orphan that nobody has reaped yet is dead all the same
    stat = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(stat.stdout.strip()) and not stat.stdout.startswith("Z")
