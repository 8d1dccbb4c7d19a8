"""The ledger: every inventory row and lesson, where the book shows it, and what was measured.

Three sources meet here: ``book/reported.yaml`` (what was claimed), the chapters' headers (what
each shows) and the Records' findings (what was measured). The ledger page is made from them at
build time, so it cannot say more than a Record does.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import pandas as pd

from dermbook.errors import ChapterError, DataError, RecordError
from dermbook.publishing.header import Header, nearest, read_headers
from dermbook.publishing.record import Finding, Record
from dermbook.publishing.reported import Reported

NOT_SHOWN = "not yet shown"
#: in the order in which the page counts them
VERDICTS = ("confirmed", "not confirmed", "cannot be compared", NOT_SHOWN)
COLUMNS = [
    *("id", "kind", "report", "item", "claimed", "declared", "planned"),
    *("measured", "verdict", "because", "source"),
]
#: figures of one row that the page spells out; the chapter shows all
FIGURES_SHOWN = 3


class Shows(Protocol):
    """What the ledger asks of a chapter's header."""

    rows: Sequence[str]
    lessons: Sequence[str]


def ledger(
    reported: Reported,
    headers: Mapping[str, Shows],
    records: Mapping[object, Record] | Iterable[Record] = (),
) -> pd.DataFrame:
    """One line an inventory row, then one a lesson, in the order of ``reported``.

    Columns: id, kind ("row" or "lesson"), report ("" for a lesson), item, claimed ("" if nothing
    is), declared and planned (tuples of chapter slugs: by headers, by ``reported``), measured,
    verdict ("confirmed", "not confirmed", "cannot be compared", "not yet shown"), because, source
    (the edition measured in, "phantom" for a phantom run, "" for none).

    Real data count before the phantom, larger editions before smaller; a phantom's measurement
    carries the word. A finding about the row itself decides its verdict; without one, any figure
    that was not confirmed does, then any that was.

    Raises ChapterError when a header declares, and RecordError when a finding is about, something
    that ``reported`` does not have.
    """
    declared = _declared(reported, headers)
    found = _findings(reported, records)
    lines = []
    for name, row in reported.inventory.items():
        claimed = row.reported or ""
        lines.append((name, "row", f"R{name[0]}", row.item, claimed, tuple(row.chapters)))
    for name, lesson in reported.teachings.items():
        item = f"{lesson.title}: {lesson.what}"
        lines.append((name, "lesson", "", item, lesson.evidence, tuple(lesson.chapters)))
    rows = []
    for name, kind, report, item, claimed, planned in lines:
        chapters = declared.get(name, ())
        measured = _judge(reported, name, found.get(name, []), chapters)
        rows.append((name, kind, report, item, claimed, chapters, planned, *measured))
    return pd.DataFrame(rows, columns=COLUMNS)


def undeclared_rows(reported: Reported, headers: Mapping[str, Shows]) -> list[str]:
    """The inventory rows that no chapter's header declares yet, in the inventory's order."""
    declared = _declared(reported, headers)
    return [name for name in reported.inventory if name not in declared]


def undeclared_lessons(reported: Reported, headers: Mapping[str, Shows]) -> list[str]:
    """The lessons that no chapter's header declares yet."""
    declared = _declared(reported, headers)
    return [name for name in reported.teachings if name not in declared]


def render_ledger(frame: pd.DataFrame, headers: Mapping[str, Header] | None = None) -> str:
    """The ledger as a MyST page for ``book/ledger.md``; chapters that exist are links.

    ``headers`` are those of the checkout unless given; the links are relative to ``book/``.
    """
    headers = read_headers() if headers is None else headers
    counts = frame["verdict"].value_counts()
    counted = ", ".join(f"{int(counts.get(verdict, 0))} {verdict}" for verdict in VERDICTS)
    phantom = int((frame["source"] == "phantom").sum())
    if phantom:
        counted += f" ({phantom} of these verdicts on the phantom only)"
    rows, lessons = (frame[frame["kind"] == kind] for kind in ("row", "lesson"))
    return f"""# Ledger

Everything that the five source reports ([R0 … R4](reports.md)) describe, line by line: what was
claimed, which chapter shows it, what was measured here, and the verdict. A figure is *confirmed*
when it lies inside the 95 % interval of our measurement under the same protocol. Where data,
task or protocol differ it *cannot be compared*, and the line says why. Published runs on real
data count first; what was only measured on the generated images says *phantom*.

Of {len(frame)} lines: {counted}.

## The rows

{_list_table(rows, ("Row", "What it is", "Claimed"), headers)}

## The lessons

{_list_table(lessons, ("Lesson", "What went wrong", "Evidence"), headers)}
"""


class _Found(NamedTuple):
    chapter: str
    edition: str
    phantom: bool
    finding: Finding

    @property
    def rank(self) -> tuple[bool, int]:
        """Smaller counts first."""
        return self.phantom, {"gpu": 0, "laptop": 1}.get(self.edition, 2)

    @property
    def source(self) -> str:
        return "phantom" if self.phantom else self.edition


def _declared(reported: Reported, headers: Mapping[str, Shows]) -> dict[str, tuple[str, ...]]:
    """The chapters that declare each row or lesson, in the headers' order."""
    declared: dict[str, tuple[str, ...]] = {}
    for chapter, header in headers.items():
        for kind, names, known in (
            ("rows", header.rows, reported.inventory),
            ("lessons", header.lessons, reported.teachings),
        ):
            for name in names:
                if name not in known:
                    raise ChapterError(
                        f"{chapter}, header: {kind}: book/reported.yaml has no "
                        f"{name!r}{nearest(name, known)}."
                    )
                declared[name] = (*declared.get(name, ()), chapter)
    return declared


def _findings(
    reported: Reported, records: Mapping[object, Record] | Iterable[Record]
) -> dict[str, list[_Found]]:
    """The findings that count for each row and lesson: the best run of each chapter's finding,
    and no phantom where there is a real one."""
    best: dict[tuple[str, str], _Found] = {}
    for record in records.values() if isinstance(records, Mapping) else records:
        for finding in record.findings:
            found = _Found(record.chapter, record.edition, record.phantom, finding)
            key = (record.chapter, finding.about)
            if key not in best or found.rank < best[key].rank:
                best[key] = found
    entries: dict[str, list[_Found]] = {}
    for found in best.values():
        try:
            entry = reported.entry_of(found.finding.about)
        except DataError as error:
            raise RecordError(
                f"The Record of {found.chapter} ({found.edition}) has a finding about "
                f"{found.finding.about!r}: {error}"
            ) from None
        entries.setdefault(entry, []).append(found)
    return {
        entry: [found for found in several if not found.phantom] or several
        for entry, several in entries.items()
    }


def _judge(
    reported: Reported, name: str, found: Sequence[_Found], chapters: Sequence[str]
) -> tuple[str, str, str, str]:
    """(measured, verdict, because, source) of one line."""
    if not found:
        because = "the chapter has no finding on it yet" if chapters else ""
        return "", NOT_SHOWN, because, ""
    # what a chapter says of the row as a whole outweighs its single figures
    found = [each for each in found if each.finding.about == name] or list(found)
    verdicts = Counter(each.finding.verdict for each in found)
    verdict = next(v for v in ("not confirmed", "confirmed", "cannot be compared") if verdicts[v])
    if len(found) == 1:
        because = found[0].finding.because
    else:
        counts = ", ".join(f"{verdicts[v]} {v}" for v in VERDICTS if verdicts[v])
        reasons = dict.fromkeys(
            each.finding.because for each in found if each.finding.verdict == verdict
        )
        # one reason shared by all is worth reading; many are in the chapter
        shared = next(iter(reasons)) if len(reasons) == 1 else ""
        because = f"of {len(found)} findings {counts}" + (f": {shared}" if shared else "")
    measured = "; ".join(_measured(reported, each) for each in found[:FIGURES_SHOWN])
    if len(found) > FIGURES_SHOWN:
        measured += f"; {len(found) - FIGURES_SHOWN} more in the chapter"
    source = ", ".join(dict.fromkeys(each.source for each in found))
    return measured, verdict, because, source


def _measured(reported: Reported, found: _Found) -> str:
    about = found.finding.about
    text = f"{_figure(reported, about)}{found.finding.measured}"
    marks = [found.edition]
    if found.phantom:
        marks.append("phantom")
    return f"{text} ({', '.join(marks)})"


def _figure(reported: Reported, about: str) -> str:
    """What a claim's id stands for, in words; nothing for a row or lesson."""
    try:
        claim = reported.claim(about)
    except DataError:
        return ""
    of_class = "" if pd.isna(claim["class"]) else f" of {claim['class']}"
    return f"{claim['model']}, {claim['metric'].replace('_', ' ')}{of_class}: "


def _list_table(
    frame: pd.DataFrame, heads: tuple[str, str, str], headers: Mapping[str, Header]
) -> str:
    lines = ["```{list-table}", ":class: sortable", ":header-rows: 1", ""]
    lines += _list_row([*heads, "Shown in", "Measured", "Verdict"])
    for line in frame.to_dict("records"):
        verdict = line["verdict"]
        # the word goes with every phantom verdict, not with its number only
        if line["source"] == "phantom":
            verdict += " (phantom)"
        because = f", because {line['because']}" if line["because"] else ""
        cells = [line["id"], line["item"], line["claimed"] or "–"]
        cells = [_plain(cell) for cell in cells]
        cells.append(_shown(line, headers))
        cells += [_plain(line["measured"] or "–"), _plain(verdict + because)]
        lines += _list_row(cells)
    return "\n".join([*lines, "```"])


def _list_row(cells: Sequence[str]) -> list[str]:
    return [f"{'* -' if place == 0 else '  -'} {cell}" for place, cell in enumerate(cells)]


def _shown(line: Mapping[str, object], headers: Mapping[str, Header]) -> str:
    """Links to the chapters that declare the line; the others planned for it, in words."""
    links = [
        f"[{_plain(headers[slug].title)}](../notebooks/{headers[slug].notebook.name})"
        for slug in line["declared"]
        if slug in headers
    ]
    planned = [slug.replace("-", " ") for slug in line["planned"] if slug not in line["declared"]]
    if planned:
        links.append(f"*planned: {', '.join(planned)}*")
    return ", ".join(links)


def _plain(text: str) -> str:
    """Text as MyST shows it unchanged, on one line."""
    text = " ".join(str(text).split())
    marked = "".join(f"\\{sign}" if sign in "\\`*_[]{}<>$|~^" else sign for sign in text)
    # at the start of a cell these would open a list or a heading
    return f"\\{marked}" if marked[:1] in ("-", "+", "#") else marked
