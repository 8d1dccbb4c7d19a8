import math

import pytest
from fake_book import make_book

from dermbook.errors import ChapterError, ParameterError
from dermbook.publishing.parameters import (
    Parameter,
    check_parameters,
    read_assignments,
    read_parameters,
)
from dermbook.publishing.plain_yaml import dump_yaml, load_yaml


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root


def with_cell(book, *lines):
    """Chapter one with these lines as its parameters cell."""
    path = book / "notebooks" / "01_one.py"
    before, _, rest = path.read_text().partition('# %% tags=["parameters"]\n')
    after = rest[rest.index("\n# %%") :]
    path.write_text(before + '# %% tags=["parameters"]\n' + "\n".join(lines) + "\n" + after)
    return path


def test_name_type_default_and_comment_are_read_in_order(book):
    path = with_cell(
        book,
        "# the data",
        'name: str = "a # b"  # a text, # signs and all',
        "rate: float = 1  # step",
        "weights: dict[str, float] | None = None  # by class",
        "sizes: list[int] = [",
        "    96,  # height",
        "    128,",
        "]  # pixels",
        "bare: bool = True",
    )
    assert read_parameters(path) == (
        Parameter("name", "str", "a # b", "a text, # signs and all"),
        Parameter("rate", "float", 1.0, "step"),
        Parameter("weights", "dict[str, float] | None", None, "by class"),
        Parameter("sizes", "list[int]", [96, 128], "pixels"),
        Parameter("bare", "bool", True, ""),
    )
    assert isinstance(read_parameters(path)[1].default, float)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("epochs = 3", "name: type = default"),
        ("epochs: int", "name: type = default"),
        ("import os", "name: type = default"),
        ("epochs: int = 3.5  # n", "default of epochs is int, not 3.5"),
        ("epochs: int = True  # n", "default of epochs is int, not True"),
        ("epochs: number = 3  # n", "the type 'number' is none of"),
        ("epochs: tuple[int] = (3,)  # n", "the type"),
        ("epochs: int = 2 + x  # n", "must be a plain value"),
        ("epochs: int = = 3", "not valid Python"),
        ("a: int = 1  # n\na: int = 2  # n", "a is declared twice"),
    ],
)
def test_a_malformed_cell_names_file_and_line(book, line, problem):
    path = with_cell(book, "first: int = 1  # fine", *line.split("\n"))
    lines = path.read_text().splitlines()
    number = lines.index(line.split("\n")[-1]) + 1
    with pytest.raises(ChapterError, match=rf"01_one\.py, line {number}: ") as raised:
        read_parameters(path)
    assert problem in str(raised.value)


def test_a_chapter_has_exactly_one_parameters_cell(book):
    path = book / "notebooks" / "01_one.py"
    path.write_text(path.read_text().replace('tags=["parameters"]', 'tags=["hide-input"]'))
    with pytest.raises(ChapterError, match="exactly one cell tagged 'parameters', it has 0"):
        read_parameters(path)


def test_check_returns_all_values_checked_and_fresh(book):
    values = check_parameters("one", {"learning_rate": 1, "epochs": 7})
    assert values == {"edition": "quick", "epochs": 7, "learning_rate": 1.0, "sizes": [96, 128]}
    assert isinstance(values["learning_rate"], float)
    # a notebook that changes its list must not change the default of the next
    values["sizes"].append(1)
    assert check_parameters("one", {})["sizes"] == [96, 128]


def test_check_lists_every_problem_with_the_nearest_names(book):
    given = {"epoch": 3, "epochs": True, "learning_rate": "fast", "sizes": [1.5], "edition": 3}
    with pytest.raises(ParameterError) as raised:
        check_parameters("one", given)
    for part in (
        "no 'epoch' (did you mean epochs?)",
        "epochs is int, not True",
        "learning_rate is float, not 'fast'",
        "sizes is list[int], not [1.5]",
        "edition is str, not 3",
    ):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        ("int", "3", 3),
        ("float", "3", 3.0),
        ("float", "1e-3", 0.001),  # YAML 1.1 reads a text here
        ("float", ".inf", math.inf),
        ("str", "3", "3"),
        ("str", "no", "no"),
        ("str", "null", "null"),
        ("str | None", "null", None),
        ("int | None", "None", None),
        ("bool", "true", True),
        ("list[int]", "[96, 128]", [96, 128]),
        ("list[str]", "[mel, no, bcc]", ["mel", "no", "bcc"]),
        ("dict[str, float]", "{mel: 2}", {"mel": 2.0}),
    ],
)
def test_command_line_values_are_read_by_the_declared_type(annotation, text, value):
    read = Parameter("x", annotation, None, "").read(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("int", "3.0"),
        ("int", "true"),
        ("int", "1:30"),
        ("bool", "yes"),
        ("bool", "1"),
        ("float", "fast"),
        ("list[int]", "[1, 2"),
        ("int", ""),
    ],
)
def test_ill_typed_command_line_values_are_refused(annotation, text):
    with pytest.raises(ValueError, match=r"x is "):
        Parameter("x", annotation, None, "").read(text)


def test_assignments_list_every_problem(book):
    with pytest.raises(ParameterError) as raised:
        read_assignments("one", ["epochs", "epoch=1", "epochs=x", "sizes=[1]", "sizes=[2]"])
    for part in ("'epochs' as NAME=VALUE", "no 'epoch'", "epochs is int", "sizes is given twice"):
        assert part in str(raised.value)
    assert read_assignments("one", ["edition=a=b", " epochs = 3"]) == {
        "edition": "a=b",
        "epochs": 3,
    }


def test_written_values_read_back_the_same():
    values = {
        "a": "1e-3",
        "b": "none",
        "c": "null",
        "d": "",
        "e": "true",
        "f": 1e-5,
        "g": None,
        "h": [1, 2.0, "x: y"],
        "i": {"mel": math.inf},
        "j": "×–\nline",
    }
    assert load_yaml(dump_yaml(values)) == values
