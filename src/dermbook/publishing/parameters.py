"""A chapter's parameters: read from its ``parameters`` cell, and values checked against them.

Each line of the cell reads ``name: type = default  # what it means, unit, range``. Types are
``int``, ``float``, ``str``, ``bool``, ``list[...]``, ``dict[str, ...]`` and ``X | None``.
"""

import ast
import copy
import io
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from dermbook.errors import ChapterError, ParameterError
from dermbook.publishing.header import find_chapter, nearest
from dermbook.publishing.percent import Cell, Script, read_script
from dermbook.publishing.plain_yaml import load_yaml, problem

TAG = "parameters"
_TYPES = {"int": int, "float": float, "str": str, "bool": bool}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell; ``annotation`` is its type as written."""

    name: str
    annotation: str
    default: Any
    comment: str

    def check(self, value: object) -> Any:
        """``value`` as the declared type (an int becomes a float); ValueError if it is another."""
        try:
            return TypeAdapter(_as_type(self.annotation)).validate_python(value, strict=True)
        except ValidationError:
            raise ValueError(f"{self.name} is {self.annotation}, not {value!r}") from None

    def read(self, text: str) -> Any:
        """The value written on a command line: ``3``, ``1e-3``, ``[96, 128]``, ``null``, text.

        Raises ValueError when the text is not of the declared type.
        """
        kinds = self.annotation.replace(" ", "").split("|")
        if "None" in kinds and text in ("null", "None", "none"):
            return None
        if set(kinds) <= {"str", "None"}:
            return text
        try:
            value = load_yaml(text)
        except yaml.YAMLError as error:
            reason = f"{self.name} is {self.annotation}; {text!r} cannot be read: {problem(error)}"
            raise ValueError(reason) from None
        return self.check(value)


def chapter_parameters(chapter: str) -> tuple[Parameter, ...]:
    """The parameters of a chapter, in their order; ChapterError for an unknown chapter."""
    return read_parameters(find_chapter(chapter).path)


def check_parameters(chapter: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a chapter: the given values, checked, and the defaults of the others.

    Raises ParameterError that lists every unknown name (with the nearest ones) and every value
    of another type. An int stands for a float; a bool never stands for a number.
    """
    declared = {parameter.name: parameter for parameter in chapter_parameters(chapter)}
    values = {name: copy.deepcopy(parameter.default) for name, parameter in declared.items()}
    problems = []
    for name, value in given.items():
        if name not in declared:
            problems.append(f"there is no {name!r}{nearest(name, declared)}")
            continue
        try:
            values[name] = declared[name].check(value)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ParameterError(f"Parameters of {chapter}: " + "; ".join(problems) + ".")
    return values


def read_assignments(chapter: str, assignments: Iterable[str]) -> dict[str, Any]:
    """Values from ``NAME=VALUE`` texts of a command line, checked against the chapter.

    Raises ParameterError that lists everything wrong, before anything runs.
    """
    declared = {parameter.name: parameter for parameter in chapter_parameters(chapter)}
    values, problems = {}, []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        if not equals or not name:
            problems.append(f"write {assignment!r} as NAME=VALUE")
        elif name not in declared:
            problems.append(f"there is no {name!r}{nearest(name, declared)}")
        elif name in values:
            problems.append(f"{name} is given twice")
        else:
            try:
                values[name] = declared[name].read(text.strip())
            except ValueError as error:
                problems.append(str(error))
    if problems:
        raise ParameterError(f"Parameters of {chapter}: " + "; ".join(problems) + ".")
    return values


def read_parameters(path: Path | str) -> tuple[Parameter, ...]:
    """The parameters declared in a chapter's source file.

    Raises ChapterError naming file and line when the cell is missing, is there twice, or holds
    anything but typed assignments of plain values.
    """
    return _read_script_parameters(read_script(path))


@lru_cache(maxsize=256)
def _read_script_parameters(script: Script) -> tuple[Parameter, ...]:
    cells = script.tagged(TAG)
    if len(cells) != 1:
        raise ChapterError(
            f"{script.path.name}: must have exactly one cell tagged {TAG!r}, it has {len(cells)}: "
            f'# %% tags=["{TAG}"]'
        )
    return tuple(_read_cell(cells[0], script.path.name))


def _read_cell(cell: Cell, file: str) -> list[Parameter]:
    try:
        statements = ast.parse(cell.source).body
        comments = _comments(cell.source)
    except (SyntaxError, tokenize.TokenError) as error:
        line = cell.line - 1 + (getattr(error, "lineno", None) or 1)
        raise ChapterError(f"{file}, line {line}: parameters cell: not valid Python.") from None
    parameters: list[Parameter] = []
    for statement in statements:
        where = f"{file}, line {cell.line - 1 + statement.lineno}: parameters cell"
        parameter = _read_statement(statement, comments.get(statement.end_lineno, ""), where)
        if any(parameter.name == other.name for other in parameters):
            raise ChapterError(f"{where}: {parameter.name} is declared twice.")
        parameters.append(parameter)
    return parameters


def _read_statement(statement: ast.stmt, comment: str, where: str) -> Parameter:
    if (
        not isinstance(statement, ast.AnnAssign)
        or not isinstance(statement.target, ast.Name)
        or statement.value is None
    ):
        raise ChapterError(f"{where}: every line must read 'name: type = default  # meaning'.")
    name, annotation = statement.target.id, ast.unparse(statement.annotation)
    try:
        _as_type(annotation)
    except ValueError:
        raise ChapterError(
            f"{where}: {name}: the type {annotation!r} is none of int, float, str, bool, "
            "list[...], dict[str, ...], X | None."
        ) from None
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise ChapterError(
            f"{where}: {name}: the default must be a plain value, "
            f"not {ast.unparse(statement.value)!r}."
        ) from None
    parameter = Parameter(name, annotation, default, comment)
    try:
        return Parameter(name, annotation, parameter.check(default), comment)
    except ValueError as error:
        raise ChapterError(f"{where}: the default of {error}.") from None


def _comments(source: str) -> dict[int, str]:
    """Trailing comments by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokens
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip()
    }


def _as_type(annotation: str) -> Any:
    """The type that an annotation names; ValueError for any other than the module's text lists."""
    return _build(ast.parse(annotation, mode="eval").body)


def _build(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) if name in _TYPES:
            return _TYPES[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _build(left) | _build(right)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return list[_build(item)]
        case ast.Subscript(
            value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), item])
        ):
            return dict[str, _build(item)]
    raise ValueError(ast.unparse(node))
