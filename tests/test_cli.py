import subprocess
import sys
import time
from dataclasses import dataclass

import pandas as pd
import pytest
from fake_book import make_book
from typer.testing import CliRunner

from dermbook import __version__, cli
from dermbook.errors import DataError
from dermbook.publishing import doctor, workflow
from dermbook.publishing.workflow import Outcome

COMMAND = [sys.executable, "-c", "from dermbook.cli import main; main()"]


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root


def call(*arguments):
    """Output and exit status of the command, errors handled as ``main`` does."""
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_help_answers_at_once_because_nothing_heavy_is_imported():
    code = (
        "import sys, dermbook.cli\n"
        "heavy = {'numpy', 'pandas', 'keras', 'tensorflow', 'pydantic', 'papermill', 'snakemake'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True)
        times.append(time.perf_counter() - start)
        assert done.returncode == 0
    # 0.2 s on an idle machine; the best of three, for others may be at work on this one
    assert min(times) < 1
    for command in ("run", "params", "build", "compare", "doctor", "data", "pair", "check"):
        assert f" {command} " in done.stdout


def test_errors_are_one_paragraph_on_stderr_with_status_2(book):
    done = subprocess.run([*COMMAND, "params", "tow"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: There is no chapter 'tow' (did you mean two?).\n"
    assert call("--version").stdout == f"dermbook {__version__}\n"


def test_params_shows_names_types_values_and_meanings(book):
    result = call("params", "02_two", "--edition", "laptop")
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if "learning_rate" in line]
    assert line.split() == [
        "learning_rate",
        "float",
        "0.0001",
        "0.001",
        "step",
        "of",
        "the",
        "optimiser",
    ]
    # list[int] is not taken for markup
    assert "list[int]" in result.stdout


def test_run_refuses_before_anything_runs(book, monkeypatch):
    monkeypatch.setattr(workflow, "run_book", lambda *_, **__: pytest.fail("it ran"))
    cases = [
        (("run", "one", "-p", "epoch=3"), "no 'epoch' (did you mean epochs?)"),
        (
            ("run", "one", "-p", "epochs=three", "-p", "sizes=3"),
            "epochs is int, not 'three'; sizes",
        ),
        (("run", "-p", "epochs=3"), "-p needs the chapter"),
        (("run", "oen", "-p", "epochs=3"), "did you mean one"),
    ]
    for arguments, said in cases:
        result = call(*arguments)
        assert said in str(result.exception), arguments
    assert call("run", "--cores", "0").exit_code == 2


def test_run_hands_on_what_was_asked_and_reports_the_outcome(book, monkeypatch):
    asked = {}

    def run_book(chapters, edition, **options):
        asked.update(options, chapters=chapters, edition=edition)
        return outcome

    monkeypatch.setattr(workflow, "run_book", run_book)
    outcome = Outcome(done=("one",), failed=(), not_run=(), up_to_date=("two", "three"))
    result = call("run", "two", "-e", "laptop", "-p", "epochs=3", "--cores", "2", "--force")
    assert (result.exit_code, result.stdout) == (0, "1 ran, 2 up to date\n")
    assert asked == {
        "chapters": ["two"],
        "edition": "laptop",
        "overrides": {"two": {"epochs": 3}},
        "cores": 2,
        "force": True,
        "follow": None,  # not a terminal
    }
    outcome = Outcome(done=(), failed=("one",), not_run=("two",), up_to_date=("three",))
    result = call("run")
    assert result.exit_code == 1
    assert result.stderr == "error: failed: one; two waited for it\n"


def test_check_and_pair_say_what_is_lacking_by_their_status(book):
    assert call("pair", "--check").exit_code == 1
    assert call("pair").exit_code == 0
    assert call("pair", "--check").exit_code == 0
    result = call("check", "three")
    assert result.exit_code == 1
    assert "03_three.py: there is no section '## Exercises'" in result.stdout
    assert "0 of 1 chapters meet the standard" in result.stdout


def test_doctor_shows_remedies_and_fails_only_on_a_failure(book, monkeypatch):
    checks = [doctor.Check("Disk", "warn", "5 GB free", "free some [space]")]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    result = call("doctor")
    assert result.exit_code == 0
    assert "free some [space]" in result.stdout
    checks.append(doctor.Check("Backend", "fail", "does not start"))
    assert call("doctor").exit_code == 1


def test_compare_prints_the_comparison_with_gaps_empty(book, monkeypatch):
    from dermbook.publishing import compare

    frame = pd.DataFrame({"figure": ["acc"], "reported": [0.88], "published": [None]})
    frame["this run"] = pd.array([pd.NA], dtype="Float64")
    monkeypatch.setattr(compare, "comparison", lambda chapter, edition: frame)
    result = call("compare", "one")
    (line,) = [line for line in result.stdout.splitlines() if "acc" in line]
    assert line.split() == ["acc", "0.88"]
    monkeypatch.setattr(compare, "comparison", lambda chapter, edition: frame.iloc[:0])
    assert "answers no figure" in call("compare", "one").stdout


def test_data_commands_call_the_package_and_print_its_reports(book, monkeypatch, tmp_path):
    import dermbook.data

    @dataclass
    class Report:
        name: str
        images: int

    calls = []

    def import_collection(name, source, *, progress):
        calls.append((name, source, progress))
        return Report(name, 10015)

    monkeypatch.setattr(dermbook.data, "import_collection", import_collection, raising=False)
    monkeypatch.setattr(dermbook.data, "collection_status", lambda: [Report("a", 1)], raising=False)
    result = call("data", "import", "ham10000", "--from", tmp_path)
    assert result.exit_code == 0
    assert calls == [("ham10000", tmp_path, False)]
    assert "10015" in result.stdout
    assert "images" in call("data", "status").stdout

    def refuse(name):
        raise DataError("ham10000: not imported")

    monkeypatch.setattr(dermbook.data, "verify_collection", refuse, raising=False)
    assert isinstance(call("data", "verify", "ham10000").exception, DataError)


def test_chapters_and_editions_are_completed(book):
    assert cli._complete_chapters("t") == ["two", "three"]
    assert cli._complete_editions("") == ["quick", "laptop"]
