"""The ``dermbook`` command: a thin face on ``dermbook.publishing`` and ``dermbook.data``.

Everything heavy is imported inside the command that needs it, so that ``--help`` answers at once.
"""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dermbook import __version__
from dermbook.errors import DermbookError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Iterator, Sequence

app = typer.Typer(
    help="Deep learning for skin-lesion images, experiment by experiment: an executable book.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Collections: what is imported, and importing it.")
app.add_typer(data_app, name="data", no_args_is_help=True)


def _complete_chapters(incomplete: str) -> list[str]:
    from dermbook.publishing.header import read_headers

    try:
        return [name for name in read_headers() if name.startswith(incomplete)]
    except DermbookError:
        return []


def _complete_editions(incomplete: str) -> list[str]:
    from dermbook.publishing.editions import edition_names

    try:
        return [name for name in edition_names() if name.startswith(incomplete)]
    except DermbookError:
        return []


Chapter = Annotated[
    str, typer.Argument(help="A chapter's name.", autocompletion=_complete_chapters)
]
Chapters = Annotated[
    list[str] | None,
    typer.Argument(help="Chapters' names; all by default.", autocompletion=_complete_chapters),
]
Edition = Annotated[
    str,
    typer.Option(
        "--edition", "-e", help="quick, laptop or gpu.", autocompletion=_complete_editions
    ),
]


@app.command()
def run(
    chapters: Chapters = None,
    edition: Edition = "quick",
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Of the chapters named."),
    ] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="Cores to use; all by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run even if nothing changed.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would run and why.")
    ] = False,
) -> None:
    """Run chapters, and what they need, as far as anything changed since they last ran."""
    from dermbook.publishing import workflow

    overrides = _overrides(chapters or [], parameter or [])
    names = chapters or []
    if dry_run:
        _print_plan(
            workflow.stale_chapters(names, edition, overrides=overrides, force=force), edition
        )
        return
    outcome = workflow.run_book(
        names,
        edition,
        overrides=overrides,
        cores=cores,
        force=force,
        follow=_follower(edition) if sys.stdout.isatty() else None,
    )
    counts = [
        (outcome.done, "ran"),
        (outcome.up_to_date, "up to date"),
        (outcome.failed, "failed"),
        (outcome.not_run, "not run"),
    ]
    typer.echo(", ".join(f"{len(names)} {word}" for names, word in counts if names))
    if outcome.failed:
        waiting = f"; {', '.join(outcome.not_run)} waited for it" if outcome.not_run else ""
        _error(f"failed: {', '.join(outcome.failed)}{waiting}")
        raise typer.Exit(1)


@app.command()
def params(chapter: Chapter, edition: Edition = "quick") -> None:
    """Show a chapter's parameters: names, types, values in an edition, defaults, meanings."""
    from dermbook.publishing.editions import edition_parameters
    from dermbook.publishing.header import find_chapter
    from dermbook.publishing.parameters import chapter_parameters

    slug = find_chapter(chapter).chapter
    given = edition_parameters(edition, slug)
    rows = [
        (p.name, p.annotation, repr(given.get(p.name, p.default)), repr(p.default), p.comment)
        for p in chapter_parameters(slug)
    ]
    _print_table(("parameter", "type", f"in {edition}", "default", "meaning"), rows, title=slug)


@app.command()
def build(
    edition: Edition = "quick",
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    strict: Annotated[bool, typer.Option(help="Treat warnings as errors.")] = True,
) -> None:
    """Build the site from an edition's runs and the published results."""
    from dermbook.publishing.site import build_site

    typer.echo(build_site(edition, open_browser=open_browser, strict=strict))


@app.command()
def compare(chapter: Chapter, edition: Edition = "quick") -> None:
    """Show, figure by figure, what was reported, published, and measured by this run."""
    from dermbook.publishing.compare import comparison
    from dermbook.publishing.header import find_chapter

    slug = find_chapter(chapter).chapter
    frame = comparison(slug, edition)
    if frame.empty:
        typer.echo(f"{slug} answers no figure of the reports.")
        return
    rows = frame.astype(object).where(frame.notna(), "").to_numpy().tolist()
    _print_table([str(column) for column in frame.columns], rows, title=f"{slug} ({edition})")


@app.command()
def publish(
    chapters: Annotated[
        list[str], typer.Argument(help="Names.", autocompletion=_complete_chapters)
    ],
    edition: Edition = "laptop",
) -> None:
    """Make an edition's runs of real data the published ones (writes book/results)."""
    from dermbook.publishing.publish import publish as publish_runs
    from dermbook.publishing.workflow import resolve_chapters

    for path in publish_runs(resolve_chapters(chapters), edition):
        typer.echo(path)


@app.command()
def new(
    number: Annotated[int, typer.Argument(help="Two digits, not taken.", min=0, max=99)],
    chapter: Annotated[str, typer.Argument(help="Lower-case words joined by hyphens.")],
    title: Annotated[str, typer.Option(help="What the page is called.")],
) -> None:
    """Write a new chapter that runs as it is and meets the chapter standard."""
    from dermbook.publishing.template import new_chapter

    path = new_chapter(number, chapter, title)
    typer.echo(f"{path} and its pair are written. Next: dermbook run {chapter}, and a line in")
    typer.echo(f"_toc.yml: - file: notebooks/{path.stem}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open the chapters in JupyterLab; scripts open as notebooks, pairs stay in step.

    What follows goes to JupyterLab, for example --no-browser --port 8890.
    """
    from dermbook.publishing.lab import start_lab

    raise typer.Exit(start_lab(context.args))


@app.command()
def doctor() -> None:
    """Check Python, packages, backend, accelerator, data, weights and disk; say what to do."""
    from dermbook.publishing.doctor import examine

    checks = examine()
    signs = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
    rows = [(check.name, check.state, check.found, check.remedy) for check in checks]
    _print_table(("check", "", "found", "what to do"), rows, signs=signs)
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(1)


@app.command()
def pair(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if any is.")
    ] = False,
) -> None:
    """Write each chapter's .ipynb anew from its .py where the two are out of sync."""
    from dermbook.publishing import pairing

    raise typer.Exit(pairing.main(["--check"] if check else []))


@app.command(name="check")
def check_standard(chapters: Chapters = None) -> None:
    """Hold chapters to the chapter standard; says what each lacks."""
    from dermbook.paths import book_root
    from dermbook.publishing.standard import check_chapter
    from dermbook.publishing.workflow import resolve_chapters

    if chapters:
        from dermbook.publishing.header import read_headers

        headers = read_headers()
        paths = [headers[slug].path for slug in resolve_chapters(chapters)]
    else:
        paths = sorted((book_root() / "notebooks").glob("*.py"))
    lacking = 0
    for path in paths:
        violations = check_chapter(path)
        lacking += bool(violations)
        for violation in violations:
            typer.echo(f"{path.name}: {violation}")
    typer.echo(f"{len(paths) - lacking} of {len(paths)} chapters meet the standard")
    if lacking:
        raise typer.Exit(1)


@data_app.command("status")
def data_status() -> None:
    """Show which collections are imported."""
    from dermbook.data import collection_status

    _print_reports(collection_status())


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="ham10000, isic2018-test or fitzpatrick17k")],
    to: Annotated[
        Path | None, typer.Option(help="Folder for the files; data/downloads/NAME by default.")
    ] = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(help="Folder or address asked first, not DERMBOOK_MIRROR's; '' for none."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="fitzpatrick17k: the first rows only, to try; 0 is all.")
    ] = 0,
    retry: Annotated[
        str, typer.Option(help="fitzpatrick17k: failures to ask for again: transient, all, none.")
    ] = "transient",
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Import photographs of another MD5, too.")
    ] = False,
    do_import: Annotated[bool, typer.Option("--import/--no-import", help="Import them.")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask in a terminal.")] = False,
) -> None:
    """Download a collection from a mirror or its publisher, go on where it stopped, import it.

    Exit status 2 when a file or photograph did not come; what came is kept, so call it again.
    """
    from dermbook.data.download import describe, get_collection

    if not yes and sys.stdin.isatty() and sys.stdout.isatty():
        typer.echo(describe(name, to))
        typer.confirm("Download?", default=True, abort=True)
    with _download_bars() as progress:
        try:
            report = get_collection(
                name,
                to=to,
                mirror=mirror,
                limit=limit,
                do_import=do_import,
                retry=retry,
                accept_changed=accept_changed,
                progress=progress,
            )
        except KeyboardInterrupt:
            _error("stopped; what came is kept, and the same command goes on from there")
            raise
    typer.echo(report)
    if not report.complete:
        raise typer.Exit(2)


@data_app.command("import")
def data_import(
    name: Annotated[str, typer.Argument(help="e.g. ham10000, isic2018-test, fitzpatrick17k")],
    source: Annotated[Path, typer.Option("--from", help="Folder with the publisher's files.")],
) -> None:
    """Check the publisher's files and import them into the data folder."""
    from dermbook.data import import_collection

    typer.echo(import_collection(name, source, progress=sys.stderr.isatty()))


@data_app.command("verify")
def data_verify(name: Annotated[str, typer.Argument(help="e.g. ham10000")]) -> None:
    """Check again what was imported."""
    from dermbook.data import verify_collection

    typer.echo(verify_collection(name))


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False):
    if version:
        typer.echo(f"dermbook {__version__}")
        raise typer.Exit()


def _overrides(chapters: "Sequence[str]", assignments: "Sequence[str]") -> dict[str, dict]:
    """Checked values by chapter for ``-p``, which needs the chapters it is meant for."""
    if not assignments:
        return {}
    from dermbook.errors import ParameterError
    from dermbook.publishing.parameters import read_assignments
    from dermbook.publishing.workflow import resolve_chapters

    if not chapters:
        raise ParameterError("-p needs the chapter it is meant for: dermbook run CHAPTER -p …")
    return {slug: read_assignments(slug, assignments) for slug in resolve_chapters(chapters)}


def _follower(edition: str):
    """Show, in a terminal, the chapters at work and since when, below the lines of those ended."""
    import threading
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    from dermbook.publishing.running import read_status

    def follow(process: "subprocess.Popen", chapters: "Sequence[str]") -> None:
        began = datetime.now(UTC).isoformat()  # a status from before is of a run that was killed
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(), transient=True) as progress:

            def pass_on() -> None:
                for line in process.stdout:
                    progress.console.print(Text(line.rstrip("\n")))

            reader = threading.Thread(target=pass_on, daemon=True)
            reader.start()
            shown: dict[str, Any] = {}
            while process.poll() is None:
                for slug in chapters:
                    status = read_status(edition, slug)
                    running = status and status.state == "running" and status.started >= began
                    if running and slug not in shown:
                        shown[slug] = progress.add_task(slug, total=None)
                    elif not running and slug in shown:
                        progress.remove_task(shown.pop(slug))
                reader.join(timeout=0.5)
            reader.join(timeout=2)

    return follow


@contextmanager
def _download_bars() -> "Iterator[Callable[[str, int, int | None], None] | None]":
    """Gives what shows a bar for each file in a terminal; None where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bars = Progress(*columns, TransferSpeedColumn(), console=Console(stderr=True), transient=True)
    shown: dict[str, Any] = {}

    def show(name: str, done: int, total: int | None) -> None:
        if name not in shown:
            if done == total:
                return
            bars.start()
            shown[name] = bars.add_task(name, total=total)
        bars.update(shown[name], completed=done, total=total)
        if done == total:
            # rich shows one set of bars at a time, and the next step may have its own
            bars.remove_task(shown.pop(name))
            if not shown:
                bars.stop()

    try:
        yield show
    finally:
        bars.stop()


def _print_plan(reasons: dict[str, str], edition: str) -> None:
    if not reasons:
        typer.echo("Nothing to run: everything is up to date.")
        return
    _print_table(("would run", "because"), reasons.items(), title=f"{edition} edition")


def _print_reports(reports: "Iterable[object]") -> None:
    """Status or import reports as a table: one column a field."""
    from dataclasses import fields, is_dataclass

    reports = list(reports)
    if not reports or not is_dataclass(reports[0]):
        for report in reports:
            typer.echo(report)
        return
    names = [field.name for field in fields(reports[0])]
    rows = [[getattr(report, name) for name in names] for report in reports]
    _print_table([name.replace("_", " ") for name in names], rows)


def _print_table(
    columns: "Sequence[str]",
    rows: "Iterable[Sequence[object]]",
    *,
    title: str | None = None,
    signs: dict[str, str] | None = None,
) -> None:
    """A table as wide as the terminal; where there is none, as wide as its content."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for row in rows:
        table.add_row(*((signs or {}).get(str(cell), escape(str(cell))) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(40, console.measure(table, options=_wide(console)).maximum))
    console.print(table)


def _wide(console: Any) -> Any:
    return console.options.update(width=1000)


def _error(text: str) -> None:
    typer.echo(f"error: {text}", err=True)


def main() -> None:
    """Entry point: errors meant for the reader are printed without a traceback, exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except DermbookError as error:
        _error(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
