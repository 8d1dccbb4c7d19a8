"""What a chapter shows: figures, tables and notes that JupyterLab and the site both render well.

Each block answers ``_repr_mimebundle_`` twice: ``text/html`` for JupyterLab and plain papermill,
and ``text/markdown`` holding MyST directives, which the site prefers (``_config.yml``): numbered
figures and tables with captions, cross-references, and the published run in the tab before this
run.
"""

import base64
import html
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pandas as pd

from dermbook.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MIME = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg"}
_DPI = 150
#: rows from which a table gets a frame of its own to scroll in
LONG = 25
MISSING = "–"


@dataclass(frozen=True)
class Block:
    """Something shown: the same content as Markdown (site) and as HTML (JupyterLab)."""

    markdown: str
    html: str
    plain: str = field(default="")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/html": self.html, "text/plain": self.plain}

    def __repr__(self) -> str:
        return self.plain


class FigureBlock(Block):
    """One or more drawings of one figure, with a caption and a text alternative."""


class TableBlock(Block):
    """One or more runs of one table, with a caption."""


class NoteBlock(Block):
    """A paragraph or list computed by the chapter."""


def figure_block(
    name: str,
    panels: Sequence[tuple[str, "Figure"]],
    *,
    caption: str,
    alt: str,
    format: Literal["svg", "png", "jpg"] = "svg",
) -> FigureBlock:
    """A numbered figure; with several panels, tabs of which the first carries the number.

    name: the label for ``{numref}`` (letters, digits, hyphens). panels: (tab label, matplotlib
    Figure). caption: MyST text. alt: what the figure shows, for those who do not see it.
    format: ``svg`` for drawings, ``png`` or ``jpg`` for pictures.

    Raises ParameterError for an empty caption or alt text, no panel, or an unfit name.
    """
    _check(name, panels, caption)
    if not alt.strip():
        raise ParameterError(f"figure {name}: give an alt text that says what the figure shows.")
    addresses = [(label, _data_uri(figure, format)) for label, figure in panels]
    items = []
    for position, (label, address) in enumerate(addresses):
        options = [f":alt: {_one_line(alt)}"]
        if position == 0:
            options.insert(0, f":name: {name}")
            items.append((label, _directive("figure", address, options, _one_line(caption))))
        else:
            image = _directive("image", address, options)
            items.append((label, f"{image}\n\n{_unnumbered(caption)}"))
    pictures = "".join(
        f'<p><strong>{html.escape(label)}</strong></p><img src="{address}" '
        f'alt="{html.escape(alt, quote=True)}" style="max-width:100%">'
        for label, address in addresses
    )
    shown = f"<figure>{pictures}<figcaption>{html.escape(caption)}</figcaption></figure>"
    return FigureBlock(_tabs(items), shown, f"[figure {name}: {caption}]")


def table_block(
    name: str,
    panels: Sequence[tuple[str, pd.DataFrame]],
    *,
    caption: str,
    formats: Mapping[str, str] | None = None,
    folded: bool = False,
    filterable: bool = False,
    downloadable: bool = False,
) -> TableBlock:
    """A numbered table that sorts by its heads; with several panels, tabs as for figures.

    A column ``X`` followed by ``low`` and ``high`` (or ``X_low`` and ``X_high``) is printed as one,
    ``.631 (.600–.662)``. formats: format specifications by column, as for ``format``. folded:
    hidden until asked for. filterable, downloadable: a search box, a CSV link (on the site).

    Raises ParameterError for an empty caption, no panel, an unfit name or an unknown column.
    """
    _check(name, panels, caption)
    for column in formats or {}:
        if not any(column in frame.columns for _, frame in panels):
            raise ParameterError(f"table {name}: formats names {column!r}, which is no column.")
    texts = [(label, _printed(frame, formats or {})) for label, frame in panels]
    classes = ["sortable"]
    classes += ["filterable"] * filterable + ["downloadable"] * downloadable
    items = []
    for position, (label, printed) in enumerate(texts):
        # a long table scrolls inside its own frame
        long = ["long"] if len(printed.cells) > LONG else []
        options = [f":class: {' '.join(classes + long)}"]
        title = ""
        if position == 0:
            options.insert(0, f":name: {name}")
            title = _one_line(caption)
        table = _directive("table", title, options, _pipe_table(printed), ":::::::")
        # a caption would make Sphinx number the table a second time
        items.append((label, table if title else f"{table}\n\n{_unnumbered(caption)}"))
    markdown = _tabs(items)
    if folded:
        markdown = f"::::::::::{{dropdown}} {_one_line(caption)}\n{markdown}\n::::::::::"
    shown = "".join(
        f"<p><strong>{html.escape(label)}</strong></p>{_html_table(printed)}"
        for label, printed in texts
    )
    shown += f"<p><em>{html.escape(caption)}</em></p>"
    return TableBlock(markdown, shown, "\n\n".join(frame.to_string() for _, frame in panels))


def note_block(markdown: str) -> NoteBlock:
    """Text in Markdown, as it is."""
    paragraphs = "".join(f"<p>{html.escape(p)}</p>" for p in markdown.split("\n\n"))
    return NoteBlock(markdown, paragraphs, markdown)


@dataclass(frozen=True)
class _Printed:
    heads: list[str]
    cells: list[list[str]]
    is_number: list[bool]


def _printed(frame: pd.DataFrame, formats: Mapping[str, str]) -> _Printed:
    """A table as text: numbers formatted, intervals merged into the column they belong to."""
    columns = [str(column) for column in frame.columns]
    merged: dict[str, tuple[str, str]] = {}
    for position, column in enumerate(columns):
        following = tuple(columns[position + 1 : position + 3])
        if following in (("low", "high"), (f"{column}_low", f"{column}_high")):
            merged[column] = following
    hidden = {name for pair in merged.values() for name in pair}
    shown = [column for column in columns if column not in hidden]
    frame = frame.set_axis(columns, axis=1)
    texts = {}
    for column in columns:
        texts[column] = _column_text(frame[column], formats.get(column, ""))
    for column, (low, high) in merged.items():
        texts[column] = [
            value if MISSING in (below, above) else f"{value} ({below}–{above})"
            for value, below, above in zip(texts[column], texts[low], texts[high], strict=True)
        ]
    rows = [list(row) for row in zip(*(texts[column] for column in shown), strict=True)]
    numeric = [
        column in merged
        or (pd.api.types.is_numeric_dtype(frame[column]) and frame[column].dtype != bool)
        for column in shown
    ]
    return _Printed([column.replace("_", " ") for column in shown], rows, numeric)


def _column_text(column: pd.Series, spec: str) -> list[str]:
    if pd.api.types.is_bool_dtype(column):
        return ["yes" if value else "no" for value in column]
    if not pd.api.types.is_numeric_dtype(column):
        return [MISSING if pd.isna(value) else str(value) for value in column]
    known = column.dropna()
    whole = bool(len(known)) and bool((known == known.round()).all()) and known.abs().max() > 1
    share = (
        not whole and bool((known.abs() <= 1).all()) and not pd.api.types.is_integer_dtype(known)
    )
    return [MISSING if pd.isna(value) else _number(value, spec, whole, share) for value in column]


def _number(value: float, spec: str, whole: bool, share: bool) -> str:
    if spec:
        return format(value, spec)
    if share:
        # adding zero turns a rounded -0.0 into 0.0
        return re.sub(r"^(-?)0\.", r"\1.", f"{round(value, 3) + 0:.3f}")
    if whole or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"


def _pipe_table(printed: _Printed) -> str:
    rule = ["--:" if numeric else ":--" for numeric in printed.is_number]
    rows = [printed.heads, *printed.cells]
    lines = ["| " + " | ".join(_escape(cell) for cell in row) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(lines)


def _html_table(printed: _Printed) -> str:
    sides = ["right" if numeric else "left" for numeric in printed.is_number]

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align:{side}">{html.escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in printed.cells)
    return f"<table><thead><tr>{row(printed.heads, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def _tabs(items: Sequence[tuple[str, str]]) -> str:
    if len(items) == 1:
        return items[0][1]
    lines = ["::::::::::{tab-set}"]
    for label, content in items:
        kind = "tab-published" if label.startswith("Published") else "tab-run"
        lines += [
            f":::::::::{{tab-item}} {label}",
            f":class-label: {kind}",
            "",
            content,
            ":::::::::",
        ]
    return "\n".join([*lines, "::::::::::"])


def _unnumbered(caption: str) -> str:
    """The caption in a tab after the first, which shares the number of the first."""
    return f":::{{div}} unnumbered-caption\n{_one_line(caption)}\n:::"


def _directive(
    name: str, argument: str, options: Sequence[str], body: str = "", fence: str = "```````"
) -> str:
    return "\n".join([f"{fence}{{{name}}} {argument}".rstrip(), *options, "", body, fence])


def _data_uri(figure: "Figure", format: str) -> str:
    from matplotlib import rc_context

    stream = io.BytesIO()
    # a fixed salt and no date: the same figure gives the same bytes
    with rc_context({"svg.hashsalt": "dermbook"}):
        metadata = {"svg": {"Date": None}, "png": {"Software": None}}.get(format)
        figure.savefig(stream, format=format, dpi=_DPI, metadata=metadata, bbox_inches="tight")
    encoded = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:{_MIME[format]};base64,{encoded}"


def _escape(text: str) -> str:
    """Text as MyST prints it literally inside a table cell."""
    return re.sub(r"([\\`*_{}\[\]<>|$#~^&!])", r"\\\1", text).replace("\n", " ")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check(name: str, panels: Sequence, caption: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ParameterError(f"{name!r} cannot label a figure: use a-z, 0-9 and hyphens.")
    if not panels:
        raise ParameterError(f"{name}: there is nothing to show.")
    if not caption.strip():
        raise ParameterError(f"{name}: give a caption.")
