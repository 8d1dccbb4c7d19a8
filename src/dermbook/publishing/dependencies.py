"""Which files a chapter's outcome depends on, so that editing one re-runs only what it touches.

Imports are read from the source, not executed. A name taken from a room's ``__init__`` is followed
to the module that defines it: a chapter that uses ``dermbook.data.grouped_split`` does not become
stale when another module of that room changes. Where a name cannot be followed (``import *``, a
module handed around as a value), the whole room counts.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import dermbook
from dermbook.errors import ChapterError
from dermbook.paths import book_root, results_dir

PACKAGE = "dermbook"
#: files other than Python that a module reads (patterns below the book's folder)
FILES_READ = {
    "dermbook.data.splits": ("data/splits/*.csv",),
    "dermbook.data.registry": ("data/registry.yaml",),
    "dermbook.publishing.reported": ("book/reported.yaml",),
}
#: rooms whose modules are reached by a name in a text, ``build("r2-cnn")``: all of the room counts
LOOKED_UP_BY_NAME = ("dermbook.models",)
#: definitions that a room's ``__init__`` may hold without counting as code of its own
_PLAIN_NAMES = {"__all__", "__version__", "__author__"}


def chapter_inputs(notebook: Path, edition: str, chapter: str) -> list[Path]:
    """All files, besides needed chapters and parameters, that one run of a chapter depends on.

    The chapter's source, the package modules it reaches, the tables these read, and the chapter's
    published Records, which its page shows. A published Record of the same edition is left out:
    publishing a run must not make that very run stale.
    """
    modules = imported_modules(notebook)
    files = {notebook, *modules.values()}
    for module, patterns in FILES_READ.items():
        if module in modules:
            for pattern in patterns:
                files.update(book_root().glob(pattern))
    if not (results_dir() / edition).is_dir():
        files.update(results_dir().glob(f"*/{chapter}.json"))
    if "dermbook.publishing.leaderboard" in modules:
        # it lists what other editions published, of every chapter
        records = results_dir().glob("*/*.json")
        files.update(record for record in records if record.parent.name != edition)
    return sorted(files)


def imported_modules(source: Path, package: Path | None = None) -> dict[str, Path]:
    """Modules of the package that a script reaches, directly or not, with their files.

    ``package`` is the folder of the ``dermbook`` package (default: the one installed).
    Raises ChapterError naming the line if the script is not valid Python, or imports from the
    package what is not there.
    """
    folder = Path(dermbook.__file__).parent if package is None else package
    reader = _Reader(folder)
    return {name: reader.modules[name].path for name in sorted(reader.closure(source))}


@dataclass(frozen=True)
class _Import:
    """``from module import name as alias``; for ``import module as alias`` the name is empty."""

    module: str
    name: str
    alias: str
    line: int


@dataclass
class _Source:
    """What one file imports from the package, defines, and reads through module names."""

    path: Path
    imports: list[_Import] = field(default_factory=list)
    typing_imports: list[_Import] = field(default_factory=list)  # under ``if TYPE_CHECKING``
    definitions: set[str] = field(default_factory=set)
    attributes: dict[str, set[str]] = field(default_factory=dict)  # alias -> names read from it
    handed_around: set[str] = field(default_factory=set)  # names used otherwise than as ``x.name``


class _Reader:
    def __init__(self, package: Path) -> None:
        self.modules = _package_sources(package)

    def closure(self, script: Path) -> set[str]:
        reached: set[str] = set()
        waiting = set(self._targets(_read(script, PACKAGE), script.name))
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting |= set(self._targets(self.modules[name], name)) - reached
        return reached

    def _targets(self, source: _Source, where: str) -> Iterator[str]:
        for entry in source.imports:
            if entry.name:
                yield from self._named(entry.module, entry.name, source, entry, where)
            else:
                yield from self._module(entry.module, entry.alias, source)

    def _named(
        self, module: str, name: str, source: _Source, entry: _Import, where: str
    ) -> Iterator[str]:
        """Modules behind ``from module import name``."""
        if module not in self.modules:
            raise ChapterError(
                f"{where}, line {entry.line}: imports from {module}, which is not in the package."
            )
        if name == "*":
            yield from self._room(module)
        elif f"{module}.{name}" in self.modules:
            yield from self._module(f"{module}.{name}", entry.alias, source)
        else:
            yield from self._definition(module, name)

    def _definition(self, module: str, name: str, seen: frozenset = frozenset()) -> Iterator[str]:
        """The module that defines ``name``, followed through the re-exports of rooms."""
        source = self.modules[module]
        if module in LOOKED_UP_BY_NAME:
            yield from self._room(module)
            return
        if (module, name) in seen or not self._is_room(module):
            yield module
            return
        if name in source.definitions:
            yield module
            return
        # a room that imports lazily names its re-exports for type checkers only
        for entry in [*source.imports, *source.typing_imports]:
            if entry.alias == name and entry.name and entry.module in self.modules:
                if f"{entry.module}.{entry.name}" in self.modules:
                    yield from self._room(f"{entry.module}.{entry.name}")
                else:
                    yield from self._definition(entry.module, entry.name, seen | {(module, name)})
                return
        yield from self._room(module)

    def _module(self, module: str, alias: str, source: _Source) -> Iterator[str]:
        """Modules behind a module that is imported as a whole."""
        if module not in self.modules:
            yield from self._room(module.rpartition(".")[0] or PACKAGE)
        elif not self._is_room(module):
            yield module
        elif alias in source.handed_around or alias not in source.attributes:
            yield from self._room(module)
        else:
            for name in source.attributes[alias]:
                if f"{module}.{name}" in self.modules:
                    yield from self._room(f"{module}.{name}")
                else:
                    yield from self._definition(module, name)

    def _room(self, module: str) -> Iterator[str]:
        """A module, or every module of a room."""
        for name in self.modules:
            if name == module or (module != PACKAGE and name.startswith(module + ".")):
                yield name

    def _is_room(self, module: str) -> bool:
        return self.modules[module].path.name == "__init__.py"


def _package_sources(package: Path) -> dict[str, _Source]:
    sources = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        is_init = parts[-1] == "__init__"
        name = ".".join([PACKAGE, *(parts[:-1] if is_init else parts)])
        around = name if is_init else name.rpartition(".")[0]
        sources[name] = _read(path, around)
    return sources


def _read(path: Path, around: str) -> _Source:
    """``around`` is the package that relative imports start from."""
    try:
        return _read_text(path, path.read_text(encoding="utf-8"), around)
    except SyntaxError as error:
        raise ChapterError(f"{path.name}, line {error.lineno}: not valid Python.") from None


@lru_cache(maxsize=512)  # by content: every chapter reads the same package
def _read_text(path: Path, text: str, around: str) -> _Source:
    tree = ast.parse(text)
    source = _Source(path)
    source.definitions = set(_definitions(tree.body)) - _PLAIN_NAMES
    for node, typing_only in _walk(tree):
        found = source.typing_imports if typing_only else source.imports
        if isinstance(node, ast.Import):
            found += _plain_imports(node)
        elif isinstance(node, ast.ImportFrom):
            found += _from_imports(node, around)
    aliases = {entry.alias for entry in source.imports}
    read_by_attribute = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in aliases:
                source.attributes.setdefault(node.value.id, set()).add(node.attr)
                read_by_attribute.add(node.value)
        elif isinstance(node, ast.Name) and node.id in aliases and node not in read_by_attribute:
            source.handed_around.add(node.id)
    return source


def _walk(tree: ast.AST, typing_only: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below, each with whether it stands under ``if TYPE_CHECKING`` and never runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _walk(ast.Module(node.body, []), True)
            yield from _walk(ast.Module(node.orelse, []), typing_only)
        else:
            yield node, typing_only
            yield from _walk(node, typing_only)


def _plain_imports(node: ast.Import) -> Iterable[_Import]:
    for item in node.names:
        if item.name == PACKAGE or item.name.startswith(PACKAGE + "."):
            # "import dermbook.data" binds "dermbook"; without an alias the whole module counts
            yield _Import(item.name, "", item.asname or item.name, node.lineno)


def _from_imports(node: ast.ImportFrom, around: str) -> Iterable[_Import]:
    module = node.module or ""
    if node.level:
        base = around.split(".")
        base = base[: len(base) - (node.level - 1)]
        module = ".".join([*base, module] if module else base)
    if module == PACKAGE or module.startswith(PACKAGE + "."):
        for item in node.names:
            yield _Import(module, item.name, item.asname or item.name, node.lineno)


def _definitions(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
