"""Reading a chapter's source: the cells of a percent-format script, without starting Jupyter.

The format is jupytext's: ``# %%`` opens a code cell, ``# %% [markdown]`` a text cell whose lines
are commented; both may carry ``tags=["…"]``. Only what checks need is read here; turning a script
into a notebook is jupytext's work (``dermbook.publishing.pairing``).
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from dermbook.errors import ChapterError

_MARKER = re.compile(r"^# %%(?P<rest>\s.*|)$")
_MARKDOWN = re.compile(r"\[(markdown|md)\]")
_TAGS = re.compile(r'"?\btags"?\s*[=:]\s*(\[[^\]]*\])')
#: lines that Jupyter, not Python, understands; jupytext comments them in the script
_MAGIC = re.compile(r"^\s*[%!]")


@dataclass(frozen=True)
class Cell:
    """One cell. ``source`` is what the reader sees: markdown without its comment signs."""

    kind: Literal["code", "markdown"]
    tags: tuple[str, ...]
    source: str
    line: int  # of the file, counted from 1, where ``source`` begins


@dataclass(frozen=True)
class Script:
    """A percent-format script: the text of its YAML header and its cells."""

    path: Path
    header: str
    cells: tuple[Cell, ...]

    def tagged(self, tag: str) -> tuple[Cell, ...]:
        """The cells that carry ``tag``."""
        return tuple(cell for cell in self.cells if tag in cell.tags)


def read_script(path: Path | str) -> Script:
    """Read a percent-format script; ChapterError if it is missing, not UTF-8 or has no header."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ChapterError(f"{path}: there is no such chapter source.") from None
    except UnicodeDecodeError:
        raise ChapterError(f"{path}: is not UTF-8 text; save it as UTF-8.") from None
    return _parse(path, text)


@lru_cache(maxsize=256)  # by content: a book is asked for its headers many times in one command
def _parse(path: Path, text: str) -> Script:
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "# ---":
        raise ChapterError(f"{path}: the first line must be '# ---', which opens the YAML header.")
    ends = [number for number, line in enumerate(lines) if number and line.rstrip() == "# ---"]
    if not ends:
        raise ChapterError(f"{path}: the YAML header is never closed by a second '# ---' line.")
    header = "\n".join(_uncomment(line) for line in lines[1 : ends[0]])
    return Script(path, header, _cells(lines, ends[0] + 1))


def _cells(lines: list[str], first: int) -> tuple[Cell, ...]:
    marks = [index for index in range(first, len(lines)) if _MARKER.match(lines[index])]
    cells = []
    for mark, end in zip(marks, [*marks[1:], len(lines)], strict=True):
        rest = _MARKER.match(lines[mark]).group("rest")
        body = lines[mark + 1 : end]
        while body and not body[-1].strip():
            body.pop()
        if _MARKDOWN.search(rest):
            source = "\n".join(_uncomment(line) for line in body)
            cells.append(Cell("markdown", _tags(rest), source, mark + 2))
        else:
            source = "\n".join("" if _MAGIC.match(line) else line for line in body)
            cells.append(Cell("code", _tags(rest), source, mark + 2))
    return tuple(cells)


def _uncomment(line: str) -> str:
    if line.startswith("# "):
        return line[2:]
    return "" if line.rstrip() == "#" else line


def _tags(rest: str) -> tuple[str, ...]:
    found = _TAGS.search(rest)
    if not found:
        return ()
    try:
        return tuple(str(tag) for tag in json.loads(found.group(1)))
    except json.JSONDecodeError:
        return ()
