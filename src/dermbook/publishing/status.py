"""The status page and the line under each chapter's title: how every chapter was run."""

from collections.abc import Mapping

import pandas as pd

from dermbook.publishing.display import table_block
from dermbook.publishing.header import Header
from dermbook.publishing.record import Record, published_record, run_record


def status_page(edition: str, headers: Mapping[str, Header]) -> str:
    """MyST of the page *How this book was run*: one row a chapter and run, parameters below."""
    runs = _runs(edition, headers)
    lines = [
        "# How this book was run",
        "",
        "Every chapter is executed from its first cell to its last before these pages are built; a "
        "chapter that fails stops the build. *Published* runs are committed with the book; *this "
        "run* is the machine that built these pages.",
        "",
    ]
    if runs:
        frame = pd.DataFrame([_status_row(kind, record) for kind, record in runs])
        lines += [table_block("status", [("", frame)], caption="Every run in this book.").markdown]
    else:
        lines += ["No chapter has been run yet."]
    lines += ["", "## Parameters", ""]
    for kind, record in runs:
        frame = pd.DataFrame(
            {
                "parameter": list(record.parameters),
                "value": [repr(value) for value in record.parameters.values()],
            }
        )
        name = f"parameters-{record.chapter}-{kind.replace(' ', '-')}"
        caption = f"{record.title}: {kind}, {record.edition} edition."
        lines += [table_block(name, [("", frame)], caption=caption, folded=True).markdown, ""]
    return "\n".join(lines) + "\n"


def run_line(header: Header, edition: str) -> str:
    """MyST put under a chapter's title: how it was run, and what can be taken along."""
    stem = header.path.stem
    run, published = run_record(header.chapter, edition), published_record(header.chapter)
    parts = []
    if run is None:
        parts.append(
            f"This chapter has not been run in the {edition} edition: "
            f"`dermbook run {header.chapter} --edition {edition}`."
        )
    else:
        parts.append(f"This run: {_sentence(run)}.")
    if published is not None:
        parts.append(f"Published run: {_sentence(published)}.")
    parts.append(f"Take along: {{download}}`the script <downloads/{stem}.py>`")
    if run is not None:
        parts[-1] += f", {{download}}`the executed notebook <downloads/{stem}.ipynb>`"
    return ":::{div} run-line\n" + " ".join(parts) + ".\n:::\n"


def _runs(edition: str, headers: Mapping[str, Header]) -> list[tuple[str, Record]]:
    runs = []
    for slug in headers:
        if published := published_record(slug):
            runs.append(("published", published))
        if run := run_record(slug, edition):
            runs.append(("this run", run))
    return runs


def _status_row(kind: str, record: Record) -> dict[str, object]:
    hardware = record.hardware
    commit = (record.code.commit or "no git")[:9] + ("+" if record.code.modified else "")
    return {
        "chapter": record.title,
        "run": kind,
        "edition": record.edition,
        "data": "phantom" if record.phantom else ", ".join(d.collection for d in record.data),
        "seconds": record.duration_s,
        "hardware": f"{hardware.accelerator or hardware.processor}, {hardware.cores} cores",
        "backend": hardware.backend or "none used",
        "when": f"{record.started:%Y-%m-%d %H:%M} UTC",
        "commit": commit,
    }


def _sentence(record: Record) -> str:
    data = "phantom" if record.phantom else "real"
    hardware = record.hardware.accelerator or f"{record.hardware.cores} CPU cores"
    seconds = record.duration_s
    time = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return (
        f"{record.edition} edition, {data} data, {time} on {hardware}, {record.started:%-d %B %Y}"
    )
