"""Pieces of MyST that the appendices are made of."""

from collections.abc import Mapping

import pandas as pd

from dermbook.publishing.display import table_block
from dermbook.publishing.record import Record

Records = Mapping[str, Record]


def table(
    name: str, frame: pd.DataFrame, caption: str, formats: dict[str, str] | None = None
) -> str:
    """A numbered table as MyST."""
    return table_block(name, [("", frame)], caption=caption, formats=formats).markdown + "\n"


def missing(chapter: str, what: str) -> str:
    """What stands where a Record is not there yet."""
    return (
        f":::{{note}}\n{what} come from the chapter *{chapter.replace('-', ' ')}*, of which no run "
        "has been published yet.\n:::\n"
    )


def whence(*records: Record) -> str:
    """Where numbers come from: chapters, editions, commits."""
    parts = [
        f"*{record.title}* ({record.edition} edition, {record.started:%-d %B %Y}, "
        f"commit `{(record.code.commit or 'none')[:9]}{'+' if record.code.modified else ''}`)"
        for record in records
    ]
    return f"Counted by the published run of {' and '.join(parts)}.\n"


def facts(
    rows: list[tuple[str, str]], heads: tuple[str, str] = ("what", "how many")
) -> pd.DataFrame:
    """Two columns of text."""
    return pd.DataFrame(rows, columns=list(heads))


def count(value: float | None) -> str:
    """``10,015``; ``–`` for none."""
    return "–" if value is None or pd.isna(value) else f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """``57 (0.6 %)``."""
    return f"{part:,.0f} ({part / whole:.1%})".replace("%", " %")
