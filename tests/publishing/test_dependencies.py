import pytest

from dermbook.errors import ChapterError
from dermbook.publishing import dependencies
from dermbook.publishing.dependencies import imported_modules

FILES = {
    "__init__.py": '__version__ = "1"\n',
    "errors.py": "",
    "plots.py": "from dermbook import errors\n",
    "data/__init__.py": (
        "from dermbook.data.splits import grouped_split\n"
        "from dermbook.data.importing import import_collection\n"
        "from .tables import read_table as table\n"
        "from dermbook.data import deep\n"
        "LIMIT = 3\n"
    ),
    "data/splits.py": "from dermbook.errors import DataError\n",
    "data/importing.py": "",
    "data/tables.py": "def f():\n    from .rare import thing\n",
    "data/rare.py": "",
    "data/deep/__init__.py": "from dermbook.data.deep.far import distant\n",
    "data/deep/far.py": "",
    "lazy/__init__.py": (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from dermbook.lazy.late import Late\n"
        "def __getattr__(name): ...\n"
    ),
    "lazy/late.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import dermbook.plots\n"
    ),
    "lazy/other.py": "",
    "models/__init__.py": "from dermbook.models.registry import build\n",
    "models/registry.py": "",
    "models/scratch.py": "",
}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "dermbook" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "dermbook"


def reached(package, source):
    script = package.parent / "script.py"
    script.write_text(source, encoding="utf-8")
    names = imported_modules(script, package)
    for name, path in names.items():
        relative = path.relative_to(package.parent).with_suffix("").as_posix()
        assert relative.replace("/", ".").removesuffix(".__init__") == name
    return {name.removeprefix("dermbook.") for name in names}


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        # through the room to the one module, and on to what that imports
        ("from dermbook.data import grouped_split", {"data.splits", "errors"}),
        ("from dermbook import data\ndata.grouped_split(1)", {"data.splits", "errors"}),
        ("import dermbook.data as d\nd.grouped_split(1)", {"data.splits", "errors"}),
        ("import numpy, os.path\nfrom pathlib import Path", set()),
        # under another name, and an import inside a function
        ("from dermbook.data import table", {"data.tables", "data.rare"}),
        # defined in the room itself: then all that it imports counts
        (
            "from dermbook.data import LIMIT",
            {
                "data",
                "data.splits",
                "data.importing",
                "data.tables",
                "data.rare",
                "data.deep.far",
                "data.deep",
                "errors",
            },
        ),
        ("from dermbook.data.deep import distant", {"data.deep.far"}),
        ("from dermbook import plots", {"plots", "errors"}),
        ("def f():\n    from dermbook.data.rare import x", {"data.rare"}),
        # named for type checkers only: the room imports it lazily
        ("from dermbook.lazy import Late", {"lazy.late"}),
        # cannot be followed: the room counts
        ("from dermbook.lazy import whatever", {"lazy", "lazy.late", "lazy.other"}),
        ("from dermbook.models import build", {"models", "models.registry", "models.scratch"}),
    ],
)
def test_names_are_followed_to_the_modules_that_define_them(package, source, modules):
    assert reached(package, source) == modules


@pytest.mark.parametrize(
    "source", ["from dermbook.data import *", "from dermbook import data\nf(data)"]
)
def test_a_room_that_is_handed_around_counts_whole(package, source):
    assert {"data", "data.importing", "data.splits"} <= reached(package, source)


def test_what_is_not_python_or_not_there_is_named(package):
    with pytest.raises(ChapterError, match=r"script\.py, line 2: not valid Python"):
        reached(package, "x = 1\nx = = 2")
    with pytest.raises(ChapterError, match=r"line 1: imports from dermbook\.datta"):
        reached(package, "from dermbook.datta import x")


def test_tables_that_modules_read_and_published_records_count(tmp_path, monkeypatch, package):
    book = tmp_path / "book"
    for name in ("_toc.yml", "data/splits/ham.csv", "book/reported.yaml", "notebooks/x.py"):
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).write_text("from dermbook.data import grouped_split\n")
    (book / "book/results/laptop").mkdir(parents=True)
    (book / "book/results/laptop/x.json").write_text("{}")
    monkeypatch.setenv("DERMBOOK_ROOT", str(book))
    monkeypatch.setattr(dependencies.dermbook, "__file__", str(package / "__init__.py"))

    def inputs(edition):
        found = dependencies.chapter_inputs(book / "notebooks/x.py", edition, "x")
        return {path.name for path in found}

    assert inputs("quick") == {"x.py", "splits.py", "errors.py", "ham.csv", "x.json"}
    # publishing the laptop run must not make the laptop run stale
    assert inputs("laptop") == {"x.py", "splits.py", "errors.py", "ham.csv"}


def test_the_leaderboard_depends_on_what_other_editions_published(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("")
    script = tmp_path / "notebooks" / "x.py"
    script.write_text("from dermbook.publishing.leaderboard import leaderboard\n")
    for edition in ("laptop", "gpu"):
        (tmp_path / "book/results" / edition).mkdir(parents=True)
        (tmp_path / "book/results" / edition / "other.json").write_text("{}")
    monkeypatch.setenv("DERMBOOK_ROOT", str(tmp_path))

    def published(edition):
        found = dependencies.chapter_inputs(script, edition, "x")
        return {path.parent.name for path in found if path.name == "other.json"}

    assert published("quick") == {"laptop", "gpu"}
    assert published("laptop") == {"gpu"}
