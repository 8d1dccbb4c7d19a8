"""Running many chapters: what the Snakefile is made from, and starting Snakemake on it.

Snakemake decides what is stale, runs independent chapters side by side, and keeps going when one
fails. Its own state lies in ``_build/EDITION/.workflow``, its messages in ``logs/workflow.log``.
"""

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from dermbook.errors import ChapterError, DermbookError
from dermbook.paths import book_root, build_dir
from dermbook.publishing.dependencies import chapter_inputs
from dermbook.publishing.editions import parameters_path, read_edition, write_parameters
from dermbook.publishing.header import Header, find_chapter, read_headers, with_needs
from dermbook.publishing.running import executed_notebook, read_status, record_path

_LOCATIONS = ("DERMBOOK_DATA", "DERMBOOK_CACHE", "DERMBOOK_WEIGHTS")


@dataclass(frozen=True)
class ChapterRule:
    """One rule of the Snakefile; every path is absolute."""

    chapter: str
    name: str  # the slug as an identifier
    sources: list[str]
    parameters: str
    needs: list[str]  # Records of the chapters it needs, which are written last
    notebook: str
    record: str
    threads: int
    gpu: int
    priority: int  # larger ones start first


@dataclass(frozen=True)
class Outcome:
    """What one call of ``run_book`` did. ``not_run`` waited for a chapter that failed."""

    done: tuple[str, ...]
    failed: tuple[str, ...]
    not_run: tuple[str, ...]
    up_to_date: tuple[str, ...]


def chapter_rules(edition: str) -> list[ChapterRule]:
    """The rules of an edition, one a chapter, in the book's order."""
    checked = read_edition(edition)
    rules, headers = [], read_headers()
    order = priorities(headers, edition)
    for slug, header in headers.items():
        uses_gpu = header.accelerator == "required" or (
            checked.accelerator and header.accelerator == "optional"
        )
        rules.append(
            ChapterRule(
                chapter=slug,
                name=slug.replace("-", "_"),
                sources=[str(path) for path in chapter_inputs(header.path, edition, slug)],
                parameters=str(parameters_path(edition, slug)),
                needs=[str(record_path(edition, need)) for need in header.needs],
                notebook=str(executed_notebook(edition, header)),
                record=str(record_path(edition, slug)),
                threads=checked.threads,
                gpu=int(uses_gpu),
                priority=order[slug],
            )
        )
    return rules


def priorities(headers: Mapping[str, Header], edition: str) -> dict[str, int]:
    """How many seconds, by the headers' minutes, from a chapter's start to the end of all that
    waits for it: those with the longest way to go start first, so that no core is idle at the end.

    A chapter that does not say how long it takes counts a minute.
    """
    waiting: dict[str, list[str]] = {slug: [] for slug in headers}
    for slug, header in headers.items():
        for need in header.needs:
            waiting[need].append(slug)

    @cache
    def way(slug: str) -> float:
        own = headers[slug].minutes.get(edition, 1.0)
        return own + max((way(later) for later in waiting[slug]), default=0.0)

    return {slug: round(60 * way(slug)) for slug in headers}


def state_folder(edition: str) -> Path:
    """Where Snakemake keeps what it knows of past runs."""
    return build_dir(edition) / ".workflow"


def resolve_chapters(names: Iterable[str]) -> list[str]:
    """Slugs for the names given; ChapterError that lists every unknown one with the nearest."""
    headers = read_headers()
    slugs, problems = [], []
    for name in names:
        try:
            slugs.append(find_chapter(name, headers).chapter)
        except ChapterError as error:
            problems.append(str(error))
    if problems:
        raise ChapterError(" ".join(problems))
    return list(dict.fromkeys(slugs))


def run_book(
    chapters: Sequence[str] = (),
    edition: str = "quick",
    *,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    cores: int | None = None,
    force: bool = False,
    follow: Callable[[subprocess.Popen, Sequence[str]], None] | None = None,
) -> Outcome:
    """Run the chapters named (all by default) and what they need, as far as it is stale.

    Args:
        overrides: parameter values by chapter, over the edition's.
        cores: cores to use together (default: all there are).
        force: run the chapters named even if nothing changed.
        follow: is given the Snakemake process, whose stdout is then a pipe with one line a
            chapter's start and end, and the chapters' names; it must read to the end.

    Raises DermbookError, before anything runs, for unknown chapters or parameters and when
    another run of the edition is at work; and when Snakemake itself cannot start.
    """
    wanted, targets = _resolve(chapters)
    chapter_rules(edition)  # whatever is wrong with a chapter or the edition is said here
    log = build_dir(edition) / "logs" / "workflow.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = datetime.now(UTC).isoformat()
    with _only_run(edition) as lock, log.open("w", encoding="utf-8") as messages:
        write_parameters(edition, overrides)
        # the child keeps the lock, should this process be killed before it
        process = subprocess.Popen(
            _command(targets, edition, cores, force),
            cwd=state_folder(edition),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if follow else None,
            stderr=messages,
            text=True,
            encoding="utf-8",
            errors="replace",
            pass_fds=(lock,),
        )
        _wait(process, (lambda: follow(process, wanted)) if follow else None)
    outcome = _outcome(wanted, edition, started)
    if process.returncode and not outcome.failed:
        raise DermbookError(
            "Snakemake stopped before any chapter failed:\n"
            + "\n".join(log.read_text(encoding="utf-8").splitlines()[-15:])
        )
    return outcome


def stale_chapters(
    chapters: Sequence[str] = (),
    edition: str = "quick",
    *,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    force: bool = False,
) -> dict[str, str]:
    """What ``run_book`` would run, and why, in the book's order. Runs nothing."""
    wanted, targets = _resolve(chapters)
    chapter_rules(edition)
    with _only_run(edition):  # the parameters of a run at work must stay as they are
        write_parameters(edition, overrides)
        done = subprocess.run(
            _command(targets, edition, None, force, "--dry-run"),
            cwd=state_folder(edition),
            env=_environment(),
            capture_output=True,
            text=True,
        )
    text = done.stdout + done.stderr
    if done.returncode:
        raise DermbookError("Snakemake could not plan the run:\n" + text[-2000:])
    names = {slug.replace("-", "_"): slug for slug in wanted}
    found = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    reason: (.*)$", text, re.MULTILINE)
    reasons = {names[name]: _why(reason) for name, reason in found if name in names}
    return {slug: reasons[slug] for slug in wanted if slug in reasons}


def _resolve(chapters: Sequence[str]) -> tuple[list[str], list[str]]:
    """The chapters that may run, and those of them that were named."""
    headers = read_headers()
    named = resolve_chapters(chapters)
    return with_needs(named or headers, headers), named


def _command(
    named: Sequence[str], edition: str, cores: int | None, force: bool, *more: str
) -> list[str]:
    targets = [slug.replace("-", "_") for slug in named]
    command = [sys.executable, "-m", "snakemake"]
    command += ["--snakefile", str(book_root() / "workflow" / "Snakefile")]
    command += ["--directory", str(state_folder(edition))]
    command += ["--cores", str(cores or available_cores()), "--resources", "gpu=1"]
    # chapters are stale by what they read, not by how the rule that starts them is written
    command += ["--rerun-triggers", "mtime", "input"]
    # the lock here is ours (_only_run), so a killed run leaves none behind
    command += ["--nolock", "--rerun-incomplete", "--keep-going"]
    command += ["--config", f"edition={edition}", "prepared=1"]
    if force:
        command += ["--forcerun", *targets] if targets else ["--forceall"]
    return [*command, *more, "--", *targets]


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _environment() -> dict[str, str]:
    """Snakemake works in another folder, so relative locations are made absolute here."""
    environment = os.environ | {"DERMBOOK_ROOT": str(book_root()), "PYTHONUNBUFFERED": "1"}
    for variable in _LOCATIONS:
        if environment.get(variable):
            environment[variable] = str(Path(environment[variable]).expanduser().resolve())
    environment["XDG_CACHE_HOME"] = str(book_root() / "_build" / ".home" / "cache")
    return environment


@contextmanager
def _only_run(edition: str) -> Iterator[int]:
    """Hold the edition's lock, which ends with the processes that hold it; gives its descriptor."""
    path = build_dir(edition) / ".lock"
    state_folder(edition).mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise DermbookError(
                f"Another run of the {edition} edition is at work (process "
                f"{stream.read().strip() or 'unknown'}). Wait for it, or stop it first."
            ) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield stream.fileno()


def _wait(process: subprocess.Popen, follow: Callable[[], None] | None) -> None:
    """Wait for Snakemake; when this process is told to stop, stop it and with it the chapters.

    Chapters and kernels end by themselves when the process that started them is gone.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    previous = signal.getsignal(signal.SIGTERM)
    if in_main_thread:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if follow:
            follow()
        process.wait()
    except KeyboardInterrupt:
        # Ctrl-C reaches Snakemake too; let it end in good order
        deadline = time.monotonic() + 5
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if in_main_thread:
            signal.signal(signal.SIGTERM, previous)


def _outcome(wanted: Sequence[str], edition: str, started: str) -> Outcome:
    headers = read_headers()
    states = {slug: read_status(edition, slug) for slug in wanted}
    ran = {slug: s.state for slug, s in states.items() if s and s.started >= started}
    failed = [slug for slug in wanted if ran.get(slug, "done") != "done"]
    rest = [slug for slug in wanted if slug not in ran]
    not_run = [slug for slug in rest if set(with_needs([slug], headers)) & set(failed)]
    return Outcome(
        done=tuple(slug for slug in wanted if ran.get(slug) == "done"),
        failed=tuple(failed),
        not_run=tuple(not_run),
        up_to_date=tuple(slug for slug in rest if slug not in not_run),
    )


def _why(reason: str) -> str:
    """Snakemake's reason in this book's words, without the folders of this machine."""
    reason = reason.replace(str(book_root()) + os.sep, "")
    reason = re.sub(r"\S*/(?=dermbook/[\w/]+\.py)", "", reason)
    words = []
    for part in reason.split("; "):
        kind, _, files = part.partition(": ")
        match kind:
            case "Missing output files":
                words.append("has no result yet")
            case "Updated input files":
                words.append(f"changed: {files}")
            case "Input files updated by another job":
                words.append("needs " + ", ".join(re.findall(r"records/([\w-]+)\.json", files)))
            case "Forced execution":
                words.append("forced")
            case _:
                words.append(part[0].lower() + part[1:])
    return "; ".join(words)
