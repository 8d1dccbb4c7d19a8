"""Running one chapter: papermill executes the notebook that its script stands for.

    python -m dermbook.publishing.running CHAPTER --edition EDITION

The executed notebook and its Record appear under ``_build/EDITION`` only when the chapter ran to
its end. Of a failed run the notebook so far and the log stay in ``logs/``. ``dermbook run`` starts
this through Snakemake, once a chapter.
"""

import argparse
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from dermbook.errors import ChapterError, DermbookError
from dermbook.files import replacing, write_if_changed, write_text
from dermbook.lazy import without_iri_grammar
from dermbook.paths import book_root, build_dir
from dermbook.publishing.editions import (
    DEFAULT_EDITION,
    edition_parameters,
    parameters_path,
    read_edition,
)
from dermbook.publishing.header import Header, find_chapter
from dermbook.publishing.parameters import check_parameters
from dermbook.publishing.plain_yaml import load_yaml

#: seconds that a kernel may take to start; papermill's own minute is short on a busy machine
KERNEL_START = 300
TRACEBACK_LINES = 40
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "LOKY_MAX_CPU_COUNT",
)
#: what every kernel reads before it starts
_KERNEL_CONFIG = """\
import atexit
import os

c = get_config()
# kernels that run side by side would wait for each other's lock on the history database
c.HistoryManager.enabled = False
# Python would take seconds to take TensorFlow apart. Registered first, this is done last, after
# temporary folders are gone
atexit.register(os._exit, 0)
"""
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Status:
    """How a chapter's last run went. ``seconds`` is None while it runs."""

    chapter: str
    edition: str
    state: Literal["running", "done", "failed"]
    started: str  # ISO 8601, UTC
    seconds: float | None = None
    error: str = ""


def executed_notebook(edition: str, header: Header) -> Path:
    """Where a chapter's executed notebook lies."""
    return build_dir(edition) / "notebooks" / header.notebook.name


def record_path(edition: str, chapter: str) -> Path:
    """Where a chapter leaves its Record."""
    return build_dir(edition) / "records" / f"{chapter}.json"


def read_status(edition: str, chapter: str) -> Status | None:
    """How the chapter's last run in an edition went, or None when it never ran."""
    try:
        return Status(**json.loads(_status_path(edition, chapter).read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


def run_chapter(chapter: str, edition: str = DEFAULT_EDITION) -> Path:
    """Execute a chapter with the edition's parameters; return the executed notebook's path.

    The values come from ``parameters/CHAPTER.yaml`` of the build if ``dermbook run`` wrote one.
    Raises ChapterError, whose text ends with the traceback, when a cell fails, the kernel dies,
    or the chapter ends without saving its Record.
    """
    header = find_chapter(chapter)
    values = _parameters(edition, header.chapter)
    status = Status(header.chapter, edition, "running", datetime.now(UTC).isoformat())
    start = time.perf_counter()
    _write_status(status)
    error = "interrupted"
    try:
        path = _execute(header, edition, values)
        error = ""
    except DermbookError as problem:
        error = _ANSI.sub("", str(problem))
        raise
    finally:
        seconds = round(time.perf_counter() - start, 1)
        state = "failed" if error else "done"
        _write_status(
            Status(status.chapter, edition, state, status.started, seconds, error.strip())
        )
    return path


def chapter_environment(edition: str, threads: int) -> dict[str, str]:
    """Environment variables for a chapter's kernel.

    A fixed number of threads, so that the same run gives the same numbers whatever else runs;
    caches and settings of the tools inside the checkout, so that a run reads and leaves nothing
    in the home folder. What the reader has set (KERAS_HOME, TF_CPP_MIN_LOG_LEVEL) is kept.
    """
    home = book_root() / "_build" / ".home"
    fixed = {
        "DERMBOOK_ROOT": str(book_root()),
        "DERMBOOK_OUTPUT": str(build_dir(edition)),
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter" / "config"),
        "JUPYTER_DATA_DIR": str(home / "jupyter" / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter" / "runtime"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    kept = {"KERAS_HOME": str(home / "keras"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    fixed |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    return fixed | {name: os.environ.get(name, value) for name, value in kept.items()}


def _parameters(edition: str, chapter: str) -> dict[str, Any]:
    written = parameters_path(edition, chapter)
    if not written.is_file():
        return edition_parameters(edition, chapter)
    given = load_yaml(written.read_text(encoding="utf-8")) or {}
    values = check_parameters(chapter, given)
    return {name: values[name] for name in given}


def _execute(header: Header, edition: str, values: dict[str, Any]) -> Path:
    _prepare_environment(edition)
    logs = build_dir(edition) / "logs"
    running = logs / f"{header.chapter}.running.ipynb"
    failed = logs / f"{header.chapter}.failed.ipynb"
    failed.unlink(missing_ok=True)
    record = record_path(edition, header.chapter)
    before = _modified(record)
    try:
        executed = _papermill(header, running, logs / f"{header.chapter}.log", values)
        if _modified(record) in (None, before):
            raise ChapterError(
                f"{header.chapter} ran to its end but saved no Record at "
                f"{_shown(record)}: its last cell must be chapter.close()."
            )
    except BaseException:
        if running.is_file():
            running.replace(failed)
        if _modified(record) != before:
            record.unlink()  # of a run that failed after saving it
        raise
    running.unlink(missing_ok=True)
    return _publish(executed, executed_notebook(edition, header), header)


def _papermill(header: Header, running: Path, log: Path, values: dict[str, Any]) -> Any:
    """Execute through papermill; the notebook so far is in ``running`` at every moment."""
    without_iri_grammar()
    import papermill

    from dermbook.publishing.pairing import notebook_text

    write_text(running, notebook_text(header.path))
    name = str(running).replace("{", "{{").replace("}", "}}")  # papermill formats its paths
    try:
        with _logging_to(log):
            return papermill.execute_notebook(
                name,
                name,
                parameters=values,
                kernel_name="python3",
                progress_bar=sys.stderr.isatty(),
                log_output=True,
                start_timeout=KERNEL_START,
                cwd=str(book_root()),
            )
    except papermill.PapermillExecutionError as error:
        raise ChapterError(_describe(header, error, log)) from None
    except Exception as error:  # a kernel that died or never started, of several libraries
        raise ChapterError(
            f"{header.chapter}: the kernel did not finish: {type(error).__name__}: {error}\n"
            f"A kernel that dies was most often killed for want of memory. Log: {_shown(log)}"
        ) from error


def _describe(header: Header, error: Any, log: Path) -> str:
    lines = "\n".join(error.traceback).splitlines()
    if len(lines) > TRACEBACK_LINES:
        lines = [f"… {len(lines) - TRACEBACK_LINES} lines above", *lines[-TRACEBACK_LINES:]]
    where = f"Notebook so far: {_shown(log.with_suffix('.failed.ipynb'))} · log: {_shown(log)}"
    return "\n".join([f"{header.chapter}: cell {error.exec_count} failed.", *lines, where])


def _publish(executed: Any, path: Path, header: Header) -> Path:
    """Write the executed notebook without the paths of this machine."""
    import nbformat

    papermill_metadata = executed.metadata.get("papermill", {})
    for key in ("input_path", "output_path"):
        papermill_metadata[key] = f"notebooks/{header.notebook.name}"
    with replacing(path) as temporary:
        nbformat.write(executed, temporary)
    return path


def _prepare_environment(edition: str) -> None:
    environment = chapter_environment(edition, read_edition(edition).threads)
    os.environ.update(environment)
    for variable in ("JUPYTER_PATH", "IPYTHONSTARTUP"):  # another environment's kernels or settings
        os.environ.pop(variable, None)
    for variable in ("JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        Path(environment[variable]).mkdir(parents=True, exist_ok=True)
    profile = Path(environment["IPYTHONDIR"]) / "profile_default"
    write_if_changed(profile / "ipython_kernel_config.py", _KERNEL_CONFIG)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("papermill")
    propagate, level = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)
        handler.close()


def _status_path(edition: str, chapter: str) -> Path:
    return build_dir(edition) / "status" / f"{chapter}.json"


def _write_status(status: Status) -> None:
    text = json.dumps(asdict(status), indent=1, ensure_ascii=False) + "\n"
    write_text(_status_path(status.edition, status.chapter), text)


def _modified(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


def _shown(path: Path) -> str:
    return str(path.relative_to(book_root())) if path.is_relative_to(book_root()) else str(path)


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _end_with_parent() -> None:
    """Stop when the process that started this one is gone (killed, say): nobody waits any more.

    The kernel notices by itself that this process ended.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str] | None = None) -> int:
    """Run one chapter, saying when it starts, how it ends and how long it took."""
    parser = argparse.ArgumentParser(prog="python -m dermbook.publishing.running")
    parser.add_argument("chapter")
    parser.add_argument("--edition", default=DEFAULT_EDITION)
    parser.add_argument("--end-with-parent", action="store_true", help="stop when orphaned")
    options = parser.parse_args(arguments)
    if options.end_with_parent:
        _end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start = time.perf_counter()
    try:
        header = find_chapter(options.chapter)
        expected = header.minutes.get(options.edition)
        print(
            f"▶ {header.chapter}" + (f" (about {expected:g} min)" if expected else ""), flush=True
        )
        run_chapter(header.chapter, options.edition)
    except DermbookError as error:
        text = str(error) if sys.stdout.isatty() else _ANSI.sub("", str(error))
        took = duration(time.perf_counter() - start)
        print(f"✗ {options.chapter} failed after {took}\n{text}", flush=True)
        return 1
    except KeyboardInterrupt:
        print(f"✗ {options.chapter} interrupted", flush=True)
        return 130
    print(f"✓ {header.chapter} in {duration(time.perf_counter() - start)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
