"""Building the site: staging sources, generating pages, running Jupyter Book, checking the result.

The site is built from ``_build/EDITION/site-src``, a copy of the book's pages in which each chapter
is its executed notebook. Files there change only when their content does, so Sphinx rebuilds only
pages that changed; and when nothing at all changed, nothing is built.
"""

import base64
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from dermbook.errors import ChapterError
from dermbook.files import replacing, write_if_changed, write_text
from dermbook.paths import book_root, build_dir
from dermbook.publishing.appendix import INCLUDED, appendix_files
from dermbook.publishing.header import Header, read_headers
from dermbook.publishing.ledger import ledger, render_ledger
from dermbook.publishing.record import published_records, run_records
from dermbook.publishing.reported import load_reported
from dermbook.publishing.status import run_line, status_page

#: prose under ``book/`` that pages are made of; results and editions are not pages
_PAGES = ("*.md", "*.bib", "appendix/*", "images/*", "_static/*")
#: pages that are computed for every build; the committed ones are placeholders
_GENERATED = ("status.md", "ledger.md", *INCLUDED)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# calls whose output is what matters on a page
_SHOWS = re.compile(
    r"^chapter\.(figure|picture|table|summary|comparison|findings_table|close)\(", re.MULTILINE
)
# a picture as chapters show it: the argument of a directive
_PICTURE = re.compile(
    r"(?<=\} )data:image/(?P<kind>svg\+xml|png|jpeg);base64,(?P<content>[A-Za-z0-9+/=]+)"
)
# what a page may load: anything but the network
_LOADS = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|embed)\b[^>]*?\bsrc\s*=\s*["']((?:https?:)?//[^"']+)"""
    r"""|<link\b(?=[^>]*\brel\s*=\s*["'][^"']*(?:stylesheet|icon|preload|preconnect))"""
    r"""[^>]*?\bhref\s*=\s*["']((?:https?:)?//[^"']+)""",
    re.IGNORECASE,
)
_CSS_LOADS = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


def build_site(edition: str, *, open_browser: bool = False, strict: bool = True) -> Path:
    """Build an edition's HTML and return the path of its ``index.html``.

    Chapters that have not been run appear without outputs and say so. With ``strict`` (the
    default) every Sphinx warning is an error. Nothing is built when nothing changed since the last
    successful build.

    Raises ChapterError with Sphinx's warnings when the build fails, or when a page would load
    anything from the network; the previous site then stays as it was.
    """
    source = stage(edition)
    site = build_dir(edition) / "site"
    stamp_file = build_dir(edition) / "site.stamp"
    stamp = _stamp(source, strict)
    index = site / "index.html"
    if not (index.is_file() and stamp_file.is_file() and stamp_file.read_text() == stamp):
        html = _run_jupyter_book(source, build_dir(edition) / "site-build", strict)
        if loads := external_loads(html):
            listed = "\n  ".join(loads[:10])
            raise ChapterError(f"The site must work offline, but its pages load:\n  {listed}")
        _replace_folder(html, site)
        write_text(stamp_file, stamp)
    if open_browser:
        webbrowser.open(index.as_uri())
    return index


def stage(edition: str) -> Path:
    """Write the site's sources for an edition and return their folder."""
    root, target = book_root(), build_dir(edition) / "site-src"
    staged: set[Path] = set()

    def put(name: str, content: bytes) -> None:
        path = target / name
        staged.add(path)
        if not path.is_file() or path.read_bytes() != content:
            with replacing(path) as temporary:
                temporary.write_bytes(content)

    for name in ("_config.yml", "_toc.yml"):
        put(name, (root / name).read_bytes())
    for pattern in _PAGES:
        for page in sorted((root / "book").glob(pattern)):
            if page.is_file() and page.name not in _GENERATED:
                put(page.relative_to(root).as_posix(), page.read_bytes())
    headers = read_headers()
    for header in headers.values():
        for name, content in _chapter_files(header, edition):
            put(f"notebooks/{name}", content)
    put("book/status.md", status_page(edition, headers).encode())
    put("book/ledger.md", _ledger_page(edition, headers).encode())
    if any((root / "book" / "appendix" / name).is_file() for name in INCLUDED):
        for name, text in appendix_files(headers).items():
            put(f"book/appendix/{name}", text.encode())
    for stale in [path for path in target.rglob("*") if path.is_file() and path not in staged]:
        stale.unlink()
    return target


def external_loads(site: Path) -> list[str]:
    """Everything the pages and style sheets of a site would fetch from the network: ``page: url``.

    Links that a reader may follow do not count; scripts, styles, images, frames and fonts do.
    """
    found = []
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        urls = [url for pair in _LOADS.findall(text) for url in pair if url]
        found += [f"{page.relative_to(site)}: {url}" for url in urls]
    for style in sorted(site.rglob("*.css")):
        urls = _CSS_LOADS.findall(style.read_text(encoding="utf-8", errors="replace"))
        found += [f"{style.relative_to(site)}: {url}" for url in urls]
    return found


def _chapter_files(header: Header, edition: str) -> Iterator[tuple[str, bytes]]:
    """A chapter's page and downloads: (name below ``notebooks/``, content)."""
    executed = build_dir(edition) / "notebooks" / header.notebook.name
    if executed.is_file():
        original = executed.read_bytes()
        yield f"downloads/{header.notebook.name}", original
    else:
        original = header.notebook.read_bytes()
    notebook = json.loads(original)
    first = notebook["cells"][0]
    text = "".join(first["source"])
    title, _, rest = text.partition("\n")
    first["source"] = f"{title}\n\n{run_line(header, edition)}\n{rest.lstrip()}"
    pictures: dict[str, bytes] = {}
    for cell in notebook["cells"]:
        _fold(cell)
        for output in cell.get("outputs", []):
            _take_out_pictures(output, pictures)
    yield from pictures.items()
    yield header.notebook.name, json.dumps(notebook, indent=1, ensure_ascii=False).encode()
    yield f"downloads/{header.path.name}", header.path.read_bytes()


def _fold(cell: dict) -> None:
    """Fold the code that only shows something, and drop the cell that papermill injected.

    Readers of the page want the figure, and its code at a click; the values that were injected
    stand in the chapter's table of parameters.
    """
    tags = cell["metadata"].setdefault("tags", [])
    if "injected-parameters" in tags:
        tags.append("remove-cell")
    elif cell["cell_type"] == "code" and _SHOWS.search("".join(cell["source"])):
        tags.append("hide-input")


def _take_out_pictures(output: dict, pictures: dict[str, bytes]) -> None:
    """Put a cell's pictures into files beside the page, and their names into its text.

    A notebook holds its pictures within itself. On the page, they would be parsed as text by every
    directive around them, a third of the build, and loaded with the page whether they are seen or
    not. What the site does not show, HTML for JupyterLab beside the same in Markdown, goes.
    """
    data = output.get("data", {})
    if "text/markdown" not in data:
        return
    data.pop("text/html", None)

    def name(found: re.Match) -> str:
        content = base64.b64decode(found["content"])
        ending = {"svg+xml": "svg", "jpeg": "jpg"}.get(found["kind"], found["kind"])
        path = f"figures/{hashlib.sha256(content).hexdigest()[:24]}.{ending}"
        pictures[path] = content
        return path

    data["text/markdown"] = _PICTURE.sub(name, "".join(data["text/markdown"]))


def _ledger_page(edition: str, headers: dict[str, Header]) -> str:
    records = [*published_records(), *run_records(edition)]
    return render_ledger(ledger(load_reported(), headers, records), headers)


def _stamp(source: Path, strict: bool) -> str:
    """A hash of everything the site is made from, and of what makes it."""
    digest = hashlib.sha256(f"strict={strict}".encode())
    for package in ("jupyter-book", "sphinx", "sphinx-book-theme", "myst-nb", "sphinx-design"):
        digest.update(f"{package}={importlib.metadata.version(package)}".encode())
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(path.relative_to(source).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _run_jupyter_book(source: Path, output: Path, strict: bool) -> Path:
    """Build into ``output`` and return the folder of HTML; ChapterError with the warnings."""
    flags = ["-W", "-n", "--keep-going"] if strict else ["-n"]
    # the package has no __main__, and its script may not be on the PATH
    start = "from dermbook.lazy import without_iri_grammar; without_iri_grammar(); "
    start += "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", start, "build", str(source)]
    done = subprocess.run(
        [*command, "--path-output", str(output), *flags],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    log = _ANSI.sub("", done.stdout + done.stderr)
    write_if_changed(output / "build.log", log)
    if done.returncode:
        # Sphinx would not repeat the warnings of pages it holds for built: start over next time
        shutil.rmtree(output / "_build", ignore_errors=True)
        told = [line for line in log.splitlines() if re.search(r"WARNING|ERROR|rror:", line)]
        listed = "\n  ".join(told[:20] or log.splitlines()[-20:])
        raise ChapterError(
            f"The site could not be built:\n  {listed}\nThe whole log is {output / 'build.log'}."
        )
    return output / "_build" / "html"


def _replace_folder(new: Path, target: Path) -> None:
    """Put a copy of ``new`` in the place of ``target``; a kill leaves the old or the new one."""
    fresh, old = target.with_name("site.part"), target.with_name("site.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(new, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
