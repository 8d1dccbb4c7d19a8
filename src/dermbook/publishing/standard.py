"""The chapter standard: what every chapter has, checked without running it.

``check_chapter`` says what a chapter lacks; the tests hold every chapter to it, and
``dermbook check`` shows it to an author.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from dermbook.errors import ChapterError
from dermbook.publishing.header import Header, read_header
from dermbook.publishing.pairing import notebook_text
from dermbook.publishing.parameters import TAG, read_parameters
from dermbook.publishing.percent import Cell, Script, read_script

FUNCTION_LINES = 5
LINE_LENGTH = 100
#: sections, as headings of the second level, that a chapter has in this order
SECTIONS = ("What you will be able to do", "What it needs", "What we found", "Exercises")
_FOLDED = re.compile(r"\{dropdown\}|:class:.*\bdropdown\b|<details")
#: imports that start TensorFlow; a chapter without an accelerator does without them
_HEAVY = {"tensorflow", "keras", "jax", "torch"}
#: keyword arguments that the shows of a chapter cannot do without
_SHOWN = {"figure": ("caption", "alt"), "picture": ("caption", "alt"), "table": ("caption",)}


def check_chapter(path: Path | str) -> list[str]:
    """What the chapter at ``path`` (its ``.py``) lacks, one text a violation; empty if nothing."""
    path = Path(path)
    try:
        script = read_script(path)
    except ChapterError as error:
        return [str(error)]
    violations, header = [], None
    try:
        header = read_header(path)
        violations += _opening(script, header)
    except ChapterError as error:
        violations.append(str(error))
    violations += _sections(script)
    violations += _parameters(path)
    violations += _code(script, header)
    violations += _pair(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    header_ends = len(script.header.splitlines()) + 2  # YAML's values may be as long as they are
    return violations + [
        f"line {number}: longer than {LINE_LENGTH} characters"
        for number, line in enumerate(lines, 1)
        if number > header_ends and len(line) > LINE_LENGTH
    ]


def _opening(script: Script, header: Header) -> Iterator[str]:
    first = script.cells[0] if script.cells else None
    if first is None or first.kind != "markdown" or not first.source.startswith("# "):
        yield "the first cell must be markdown that begins with '# ' and the title"
        return
    title = first.source.splitlines()[0].removeprefix("# ").strip()
    if title != header.title:
        yield f"the page's heading {title!r} differs from the header's title {header.title!r}"
    if not re.search(r"^\*\*Question\.?\*\*", first.source, re.MULTILINE):
        yield "the first cell must have a line that begins with '**Question.**'"


def _sections(script: Script) -> Iterator[str]:
    text = "\n".join(cell.source for cell in script.cells if cell.kind == "markdown")
    found = [name.strip() for name in re.findall(r"^## +(.+)$", text, re.MULTILINE)]
    places = [found.index(name) if name in found else None for name in SECTIONS]
    for name, place in zip(SECTIONS, places, strict=True):
        if place is None:
            yield f"there is no section '## {name}'"
    there = [place for place in places if place is not None]
    if there != sorted(there):
        yield "the sections must come in this order: " + ", ".join(SECTIONS)
    if "Exercises" in found:
        exercises = re.split(r"^## +Exercises *$", text, flags=re.MULTILINE)[1]
        if not _FOLDED.search(exercises):
            yield "the exercises need folded solutions: ```{dropdown} Solution"


def _parameters(path: Path) -> Iterator[str]:
    try:
        for parameter in read_parameters(path):
            if not parameter.comment:
                yield f"parameter {parameter.name}: no comment says what it means"
    except ChapterError as error:
        yield str(error)


def _code(script: Script, header: Header | None) -> Iterator[str]:
    cells = [cell for cell in script.cells if cell.kind == "code" and cell.source.strip()]
    calls: list[str] = []
    for cell in cells:
        try:
            tree = ast.parse(cell.source)
        except SyntaxError as error:
            yield f"line {cell.line - 1 + (error.lineno or 1)}: not valid Python"
            continue
        for node in ast.walk(tree):
            yield from _check_node(node, cell, header)
            if (name := _chapter_call(node)) and name != "close":
                calls.append(name)
    if not any("open_chapter(" in cell.source for cell in cells if TAG not in cell.tags):
        yield "no cell calls open_chapter(...)"
    if not cells or "chapter.close(" not in cells[-1].source:
        yield "the last code cell must call chapter.close(), which saves the Record"
    if not calls:
        yield "nothing is shown or kept: no call of chapter.figure, chapter.table, …"


def _check_node(node: ast.AST, cell: Cell, header: Header | None) -> Iterator[str]:
    where = f"line {cell.line - 1 + getattr(node, 'lineno', 1)}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        lines = node.end_lineno - node.lineno + 1
        if lines > FUNCTION_LINES:
            yield f"{where}: {node.name} has {lines} lines; over {FUNCTION_LINES} go to the package"
    if isinstance(node, ast.Import | ast.ImportFrom) and header and header.accelerator == "none":
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [item.name for item in node.names] if isinstance(node, ast.Import) else []
        for name in {name.partition(".")[0] for name in names} & _HEAVY:
            yield f"{where}: imports {name}, but the header's accelerator is none"
    for keyword in _SHOWN.get(_chapter_call(node) or "", ()):
        if not _says(node, keyword):
            yield f"{where}: chapter.{_chapter_call(node)}(…) needs a non-empty {keyword}="


def _chapter_call(node: ast.AST) -> str | None:
    """``figure`` for a call ``chapter.figure(...)``, None for any other node."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="chapter"), attr=name)):
            return name
    return None


def _says(call: ast.Call, keyword: str) -> bool:
    for given in call.keywords:
        if given.arg == keyword:
            plain = isinstance(given.value, ast.Constant)
            return bool(str(given.value.value or "").strip()) if plain else True
    return False


def _pair(path: Path) -> Iterator[str]:
    notebook = path.with_suffix(".ipynb")
    if not notebook.is_file():
        yield f"there is no {notebook.name} beside it; run: dermbook pair"
        return
    text = notebook.read_text(encoding="utf-8")
    try:
        cells = json.loads(text)["cells"]
    except (json.JSONDecodeError, KeyError, TypeError):
        yield f"{notebook.name} is not a notebook; run: dermbook pair"
        return
    if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
        yield f"{notebook.name} holds outputs; run: dermbook pair"
        return
    try:
        if text != notebook_text(path):
            yield f"{notebook.name} is not in sync with {path.name}; run: dermbook pair"
    except ChapterError as error:
        yield str(error)
