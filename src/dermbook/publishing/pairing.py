"""Keeping each chapter's two files alike: ``NN_name.py`` (the source) and its paired ``.ipynb``.

The notebook is made from the script, always in the same bytes: no outputs, and cell ids that come
from the cells' content, so a change of one cell is a change of one cell in a diff.

    python -m dermbook.publishing.pairing [--check]
"""

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from dermbook.errors import ChapterError
from dermbook.files import write_if_changed
from dermbook.paths import book_root

if TYPE_CHECKING:
    from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def sync_pairs(*, check: bool = False) -> list[Path]:
    """Write every chapter's ``.ipynb`` anew from its ``.py``; return those that were not in sync.

    With ``check`` nothing is written. A notebook without a script is listed too (never deleted).
    """
    folder = book_root() / "notebooks"
    scripts = sorted(folder.glob("*.py"))
    differing = [script.with_suffix(".ipynb") for script in scripts if not _in_sync(script)]
    if not check:
        for notebook in differing:
            write_if_changed(notebook, notebook_text(notebook.with_suffix(".py")))
    orphans = [path for path in folder.glob("*.ipynb") if not path.with_suffix(".py").is_file()]
    return sorted([*differing, *orphans])


def notebook_text(script: Path) -> str:
    """The paired notebook of a script, as the text of its file."""
    import nbformat

    text = nbformat.writes(notebook_of(script), version=nbformat.NO_CONVERT)
    return text.rstrip("\n") + "\n"


def notebook_of(script: Path) -> "NotebookNode":
    """The notebook that a percent-format script stands for (nbformat 4.5, kernel ``python3``)."""
    import jupytext

    try:
        notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    except Exception as error:  # jupytext has no error class of its own
        raise ChapterError(f"{script.name}: jupytext cannot read it: {error}") from None
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata["kernelspec"] = dict(KERNEL)
    # the version of jupytext that wrote a file says nothing about the chapter
    jupytext_metadata = notebook.metadata.get("jupytext", {})
    jupytext_metadata.pop("text_representation", None)
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        cell["id"] = _cell_id(cell, seen)
    return notebook


def _in_sync(script: Path) -> bool:
    notebook = script.with_suffix(".ipynb")
    return notebook.is_file() and notebook.read_text(encoding="utf-8") == notebook_text(script)


def _cell_id(cell: "NotebookNode", seen: Counter) -> str:
    """Eight hexadecimal digits of the content; equal cells are told apart by their order."""
    content = f"{cell.cell_type}\0{cell.source}"
    seen[content] += 1
    return hashlib.sha256(f"{content}\0{seen[content]}".encode()).hexdigest()[:8]


def main(arguments: list[str]) -> int:
    """``--check`` reports what is out of sync and exits 1; without it the pairs are written."""
    check = "--check" in arguments
    paths = sync_pairs(check=check)
    for path in paths:
        orphan = not path.with_suffix(".py").is_file()
        state = "has no .py beside it" if orphan else ("is out of sync" if check else "written")
        print(f"notebooks/{path.name} {state}")
    orphans = any(not path.with_suffix(".py").is_file() for path in paths)
    if check and paths:
        print("Run: dermbook pair")
    return 1 if orphans or (check and paths) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
