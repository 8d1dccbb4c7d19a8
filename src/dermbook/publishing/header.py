"""The header of a chapter: the ``dermbook:`` mapping in the YAML block of ``notebooks/NN_name.py``.

Everything that the book knows of a chapter without running it: what it asks, what it needs, which
rows of the inventory and which lessons it shows, whether it wants an accelerator, how long it took.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, StrictStr, ValidationError

from dermbook.errors import ChapterError
from dermbook.paths import book_root
from dermbook.publishing.percent import Script, read_script
from dermbook.publishing.plain_yaml import load_yaml, problem

_FILE_NAME = re.compile(r"^(\d{2})_([a-z0-9]+(?:_[a-z0-9]+)*)\.py$")
Row = StrictStr


class Header(BaseModel):
    """One chapter's header, checked. ``number`` and ``path`` come from the file's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chapter: StrictStr = Field(description="slug: the file's name with hyphens")
    number: int = Field(ge=0, le=99)
    path: Path = Field(description="the .py source, absolute")
    title: StrictStr = Field(min_length=1)
    question: StrictStr = Field(min_length=1, description="the chapter's question, one sentence")
    description: StrictStr = Field(min_length=1, max_length=100)
    part: Literal["I", "II", "III", "IV", "V", "VI"]
    needs: tuple[StrictStr, ...] = ()
    rows: tuple[Row, ...] = Field(default=(), description='inventory rows, as text: "1.10"')
    lessons: tuple[StrictStr, ...] = ()
    accelerator: Literal["none", "optional", "required"]
    minutes: dict[StrictStr, NonNegativeFloat] = Field(description="measured minutes by edition")

    @property
    def notebook(self) -> Path:
        """The paired notebook, without outputs."""
        return self.path.with_suffix(".ipynb")


def read_headers() -> dict[str, Header]:
    """All chapters by slug, in the book's order.

    Raises ChapterError naming file and key when a header is malformed, two chapters share a
    number, or ``needs`` names an unknown chapter or runs in a circle.
    """
    headers: dict[str, Header] = {}
    numbers: dict[int, Path] = {}
    for path in sorted((book_root() / "notebooks").glob("*.py")):
        header = read_header(path)
        if header.number in numbers:
            other = numbers[header.number].name
            raise ChapterError(
                f"{path.name}: the number {header.number:02} is taken by {other}; renumber one."
            )
        numbers[header.number] = path
        headers[header.chapter] = header
    _check_needs(headers)
    return headers


def read_header(path: Path | str) -> Header:
    """Read and check one chapter's header; ChapterError names the file and the key."""
    return _check_header(read_script(Path(path).resolve()))


@lru_cache(maxsize=256)
def _check_header(script: Script) -> Header:
    path = script.path
    named = _FILE_NAME.match(path.name)
    if not named:
        raise ChapterError(
            f"{path.name}: a chapter's file is named NN_name.py: two digits, an underscore, then "
            "lower-case words joined by underscores, e.g. 10_cnn_from_scratch.py."
        )
    given = _header_mapping(script)
    slug = named.group(2).replace("_", "-")
    problems = [*_unquoted(given), *_unknown_keys(given)]
    if isinstance(given.get("chapter"), str) and given["chapter"] != slug:
        problems.append(f"chapter: is {given['chapter']!r} but the file's name says {slug!r}")
    known = {key: value for key, value in given.items() if key in _WRITTEN_KEYS}
    try:
        header = Header(**known, number=int(named.group(1)), path=path)
    except ValidationError as error:
        reported = {text.partition(":")[0] for text in problems}
        problems += [
            f"{where}: {issue['msg'][0].lower()}{issue['msg'][1:]}"
            for issue in error.errors()
            if (where := str(issue["loc"][0])) not in reported
        ]
    problems += _ill_formed(given)
    if problems:
        raise ChapterError(f"{path.name}, header: " + "; ".join(problems) + ".")
    return header


def find_chapter(name: str, headers: dict[str, Header] | None = None) -> Header:
    """The chapter of this name; ChapterError with the nearest names if there is none.

    The file's name (``10_cnn_from_scratch``, with or without ending or folder) is understood too.
    """
    headers = read_headers() if headers is None else headers
    if name in headers:
        return headers[name]
    for header in headers.values():
        if Path(name).name in (header.path.name, header.path.stem, header.notebook.name):
            return header
    raise ChapterError(f"There is no chapter {name!r}{nearest(name, headers)}.")


def with_needs(chapters: Iterable[str], headers: dict[str, Header]) -> list[str]:
    """These chapters and all that they need, directly or not, in the book's order."""
    wanted: set[str] = set()
    waiting = list(chapters)
    while waiting:
        slug = waiting.pop()
        if slug not in wanted:
            wanted.add(slug)
            waiting.extend(headers[slug].needs)
    return [slug for slug in headers if slug in wanted]


def nearest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean a, b?)``, or all the names there are when none is near."""
    names: Sequence[str] = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    close += [other for other in names if name and name in other and other not in close][:3]
    if close:
        return f" (did you mean {', '.join(close)}?)"
    return f" (there are: {', '.join(names)})" if names else " (there are none)"


_WRITTEN_KEYS = tuple(name for name in Header.model_fields if name not in ("number", "path"))


def _header_mapping(script: Script) -> dict:
    path = script.path
    try:
        content = load_yaml(script.header)
    except yaml.YAMLError as error:
        raise ChapterError(f"{path.name}, header: not valid YAML: {problem(error)}.") from None
    jupyter = content.get("jupyter") if isinstance(content, dict) else None
    given = jupyter.get("dermbook") if isinstance(jupyter, dict) else None
    if not isinstance(given, dict):
        raise ChapterError(
            f"{path.name}, header: there is no mapping 'dermbook:' under 'jupyter:'; it must hold "
            f"{', '.join(_WRITTEN_KEYS)}."
        )
    return given


def _unquoted(given: dict) -> list[str]:
    """Rows written as numbers: YAML would read 1.10 as 1.1, another row."""
    rows = given.get("rows")
    bare = [row for row in rows if not isinstance(row, str)] if isinstance(rows, list) else []
    if not bare:
        return []
    return [f'rows: write each row in quotes, rows: ["1.10"], because a bare {bare[0]} is a number']


def _unknown_keys(given: dict) -> list[str]:
    return [
        f"{key}: unknown key{nearest(str(key), _WRITTEN_KEYS)}"
        for key in given
        if key not in _WRITTEN_KEYS
    ]


def _ill_formed(given: dict) -> list[str]:
    problems = []
    for key, pattern, example in (("rows", r"\d+\.\d+", "2.4"), ("lessons", r"M\d+", "M5")):
        values = given.get(key)
        for value in values if isinstance(values, list) else ():
            if isinstance(value, str) and not re.fullmatch(pattern, value):
                problems.append(f"{key}: {value!r} does not look like {example!r}")
    minutes = given.get("minutes")
    if isinstance(minutes, dict) and "quick" not in minutes:
        problems.append("minutes: give at least the measured minutes of the quick edition")
    return problems


def _check_needs(headers: dict[str, Header]) -> None:
    for slug, header in headers.items():
        for need in header.needs:
            if need not in headers:
                raise ChapterError(
                    f"{header.path.name}, header: needs: there is no chapter "
                    f"{need!r}{nearest(need, [name for name in headers if name != slug])}."
                )
    done: set[str] = set()

    def visit(slug: str, way: tuple[str, ...]) -> None:
        if slug in way:
            circle = " needs ".join([*way[way.index(slug) :], slug])
            raise ChapterError(
                f"{headers[slug].path.name}, header: needs: runs in a circle: {circle}."
            )
        if slug not in done:
            for need in headers[slug].needs:
                visit(need, (*way, slug))
            done.add(slug)

    for slug in headers:
        visit(slug, ())
