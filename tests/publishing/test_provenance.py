"""Which code a Record names."""

import subprocess

import pytest

from dermbook.publishing import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with one committed module and one committed Record."""
    monkeypatch.setenv("DERMBOOK_ROOT", str(tmp_path))
    for name in ("src/module.py", "book/results/laptop/chapter.json", "notebooks/n.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\n")

    def git(*words):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    git("add", "-A")
    git("commit", "-m", "First.")
    return tmp_path


def test_changed_code_marks_a_record_and_a_published_result_does_not(checkout):
    assert not provenance.code_version().modified
    (checkout / "book/results/laptop/chapter.json").write_text("2\n")
    (checkout / "book/results/laptop/new.json").write_text("3\n")
    assert not provenance.code_version().modified
    (checkout / "src/module.py").write_text("2\n")
    found = provenance.code_version()
    assert found.modified
    assert len(found.commit) == 40
