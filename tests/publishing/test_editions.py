import pytest
from fake_book import make_book

from dermbook.errors import ChapterError, ParameterError
from dermbook.publishing.editions import (
    edition_names,
    edition_parameters,
    parameters_path,
    read_edition,
    write_parameters,
)


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root


def write_edition(book, text, name="quick"):
    (book / "book" / "editions" / f"{name}.yaml").write_text(
        "description: d\nmachine: m\n" + text, encoding="utf-8"
    )


def test_chapter_entries_go_over_defaults_and_overrides_over_both(book):
    write_edition(book, "defaults: {epochs: 2, learning_rate: 1}\nchapters: {two: {epochs: 5}}\n")
    assert edition_parameters("quick", "one") == {
        "edition": "quick",
        "epochs": 2,
        "learning_rate": 1.0,
    }
    assert edition_parameters("quick", "two")["epochs"] == 5
    assert edition_parameters("quick", "two", {"epochs": 9})["epochs"] == 9


def test_the_default_edition_comes_first(book):
    assert edition_names() == ["quick", "laptop"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("defaults: {epoch: 2}", "no chapter has the parameter 'epoch' (did you mean epochs"),
        ("defaults: {epochs: many}", "epochs is int, not 'many'"),
        ("chapters: {two: {epochs: 1.5}}", "Parameters of two: epochs is int, not 1.5"),
        ("chapters: {two: {rate: 1}}", "Parameters of two: there is no 'rate'"),
        ("defaults: {edition: laptop}", "edition is 'quick' in this edition, not 'laptop'"),
        ("threads: 0", "threads: "),
        ("default: {epochs: 2}", "default: "),
        ("defaults: {epochs: 2, epochs: 3}", "stands twice"),
        ("defaults: [epochs", "not valid YAML"),
    ],
)
def test_a_wrong_edition_file_is_named_with_what_is_wrong(book, text, problem):
    write_edition(book, text + "\n")
    with pytest.raises(ParameterError, match=r"book/editions/quick\.yaml: ") as raised:
        read_edition("quick")
    assert problem in str(raised.value)


def test_unknown_chapters_and_editions_are_refused_with_the_nearest(book):
    write_edition(book, "chapters: {tow: {epochs: 1}}\n")
    with pytest.raises(ChapterError, match=r"quick\.yaml: chapters: .*'tow' \(did you mean two"):
        read_edition("quick")
    with pytest.raises(ParameterError, match=r"no edition 'labtop' \(did you mean laptop"):
        read_edition("labtop")
    with pytest.raises(ParameterError, match="no edition"):
        read_edition("../editions/laptop")


def test_an_empty_section_is_an_empty_table(book):
    write_edition(book, "defaults:\nchapters:\n  two:\n")
    assert edition_parameters("quick", "two") == {"edition": "quick"}


def test_only_changed_parameter_files_are_touched_and_none_when_one_is_wrong(book):
    write_parameters("quick")
    before = {name: parameters_path("quick", name).stat().st_mtime_ns for name in ("one", "two")}
    assert parameters_path("quick", "one").read_text() == "edition: quick\nepochs: 2\n"
    write_parameters("quick", {"two": {"epochs": 3}})
    after = {name: parameters_path("quick", name).stat().st_mtime_ns for name in ("one", "two")}
    assert after["one"] == before["one"]
    assert after["two"] != before["two"]
    with pytest.raises(ParameterError):
        write_parameters("quick", {"one": {"epochs": 8}, "two": {"epochs": "x"}})
    assert "epochs: 2" in parameters_path("quick", "one").read_text()
