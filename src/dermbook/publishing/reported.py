"""What the five source reports claim: ``book/reported.yaml`` as tables.

The reports are R0 … R4. The file holds every row of the inventory, every score and other number
that they state, their tables, and the lessons M1 … M17; its head explains the sections.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import ValidationError

from dermbook.errors import DataError
from dermbook.paths import book_root
from dermbook.publishing.plain_yaml import load_yaml, problem
from dermbook.publishing.reported_schema import (
    ClaimGroup,
    Entry,
    Lesson,
    Quantity,
    Report,
    Row,
    Table,
    slug,
)

CLAIM_COLUMNS = [
    *("id", "group", "row", "report", "task", "model", "part", "metric", "class"),
    *("stated", "value", "qualifier", "recomputed", "how", "protocol", "notes"),
]


def load_reported(path: Path | str | None = None) -> "Reported":
    """Read and check what the reports claim; by default ``book/reported.yaml`` of the checkout.

    A file is read once as long as it does not change. Raises DataError, naming the file, the
    section and the entry, when it is missing or an entry is wrong.
    """
    path = Path(path) if path is not None else book_root() / "book" / "reported.yaml"
    try:
        state = path.stat()
    except OSError:
        raise DataError(f"{path}: not found. It is part of the book; restore it.") from None
    return _load(path, state.st_mtime_ns, state.st_size)


@dataclass(frozen=True)
class Reported:
    """The checked content of ``book/reported.yaml``; every method gives a fresh table."""

    reports: Mapping[str, Report]
    chapters: tuple[str, ...]
    inventory: Mapping[str, Row]
    groups: Mapping[str, ClaimGroup]
    tabulated: Mapping[str, Table]
    numbers: Mapping[str, Quantity]
    teachings: Mapping[str, Lesson]

    def rows(self) -> pd.DataFrame:
        """The inventory, index ``row``: report, item, reported (missing if nothing is), chapters
        (list of slugs planned), claims (how many figures the book holds of it), notes."""
        counts = pd.concat([self._claims["row"], self.quantities()["row"]]).value_counts()
        return _frame(
            "row",
            {
                name: {
                    "report": f"R{name[0]}",
                    "item": row.item,
                    "reported": row.reported,
                    "chapters": list(row.chapters),
                    "claims": int(counts.get(name, 0)),
                    "notes": row.notes,
                }
                for name, row in self.inventory.items()
            },
        )

    def lessons(self) -> pd.DataFrame:
        """The lessons, index ``lesson``: title, what, evidence, experiment, rows, chapters."""
        return _frame(
            "lesson", {name: entry.model_dump() for name, entry in self.teachings.items()}
        )

    def claims(
        self,
        *,
        row: str | Sequence[str] | None = None,
        chapter: str | None = None,
        model: str | None = None,
        report: str | None = None,
    ) -> pd.DataFrame:
        """Every stated score, one a line, narrowed by what is given.

        Columns: id, group (of claims, or table), row, report, task, model, part (train,
        validation, test, unknown), metric, class (missing: overall), stated (as printed), value
        (float64: a fraction 0…1, or a loss in nats; NaN if no number is stated), qualifier ("",
        about, at least, at most), recomputed (float64, our arithmetic; NaN if there is nothing to
        correct), how, protocol, notes. ``chapter`` keeps the rows planned for that chapter;
        ``model`` is the name in the file.

        Raises DataError for an unknown row, chapter, report or model.
        """
        frame = self._claims
        if row is not None:
            wanted = [row] if isinstance(row, str) else list(row)
            for name in wanted:
                _known(name, self.inventory, "row")
            frame = frame[frame["row"].isin(wanted)]
        if chapter is not None:
            _known(chapter, self.chapters, "chapter")
            planned = [name for name, item in self.inventory.items() if chapter in item.chapters]
            frame = frame[frame["row"].isin(planned)]
        if report is not None:
            _known(report, self.reports, "report")
            frame = frame[frame["report"] == report]
        if model is not None:
            _known(model, sorted(set(self._claims["model"])), "model")
            frame = frame[frame["model"] == model]
        return frame.reset_index(drop=True)

    def claim(self, identifier: str) -> pd.Series:
        """One line of :meth:`claims` by its id; DataError if there is none."""
        found = self._claims[self._claims["id"] == identifier]
        if found.empty:
            raise DataError(f"reported.yaml has no claim {identifier!r}.")
        return found.iloc[0].copy()

    def table(self, identifier: str) -> pd.DataFrame:
        """A table by its id: int64 if it counts images, else float64.

        The index is named "truth" and the columns "predicted" in a confusion matrix; elsewhere
        the index is named "class". Raises DataError for an unknown id.
        """
        _known(identifier, self.tabulated, "table")
        table = self.tabulated[identifier]
        frame = pd.DataFrame.from_dict(table.data, orient="index", columns=table.columns)
        frame = frame.astype("int64" if table.whole else "float64")
        frame.index.name = "truth" if table.kind == "confusion" else "class"
        frame.columns.name = "predicted" if table.kind == "confusion" else None
        return frame

    def tables(self) -> pd.DataFrame:
        """Which tables there are, index ``table``: row, kind, task, model, part, notes."""
        kept = {"row", "kind", "task", "model", "part", "notes"}
        return _frame(
            "table",
            {name: entry.model_dump(include=kept) for name, entry in self.tabulated.items()},
        )

    def quantities(self) -> pd.DataFrame:
        """The numbers that are no scores, index ``quantity``: row, what, stated, value,
        recomputed, how, notes."""
        lines = {}
        for name, entry in self.numbers.items():
            ours = entry.recomputed
            lines[name] = {
                **entry.model_dump(exclude={"recomputed"}),
                "recomputed": ours.value if ours else None,
                "how": ours.how if ours else "",
            }
        frame = _frame("quantity", lines)
        return frame.astype({"value": "float64", "recomputed": "float64"})

    def recomputed(self) -> pd.DataFrame:
        """Everything we recomputed from the reports' own figures: source (id of the claim, table
        or quantity), row, what, value, how."""
        lines = [
            (line.id, line.row, f"{line.part} {line.metric}", line.recomputed, line.how)
            for line in self._claims.dropna(subset="recomputed").itertuples()
        ]
        for name, table in self.tabulated.items():
            for what, ours in table.recomputed.items():
                lines.append((name, table.row, what, ours.value, ours.how))
        for name, number in self.numbers.items():
            if number.recomputed:
                ours = number.recomputed
                lines.append((name, number.row, number.what, ours.value, ours.how))
        return pd.DataFrame(lines, columns=["source", "row", "what", "value", "how"])

    def entry_of(self, about: str) -> str:
        """The inventory row or lesson that ``about`` belongs to.

        ``about`` is a row ("2.2"), a lesson ("M10"), or the id of a claim, claim group, model of
        a group ("R0.T1:vgg19"), table or quantity. Raises DataError for anything else.
        """
        if about in self.inventory or about in self.teachings:
            return about
        for section in (self.groups, self.tabulated, self.numbers):
            if about in section:
                return section[about].row
        if about in self._claim_rows:
            return self._claim_rows[about]
        raise DataError(
            f"reported.yaml has no row, lesson, claim, table or quantity {about!r}. "
            "Rows are written like '2.2', lessons like 'M10', claims like "
            "'R0.T1:vgg19:test-f1_micro'."
        )

    @cached_property
    def _claims(self) -> pd.DataFrame:
        lines = [line for name, group in self.groups.items() for line in group.claims(name)]
        lines += [line for name, table in self.tabulated.items() for line in table.claims(name)]
        frame = pd.DataFrame(lines, columns=CLAIM_COLUMNS)
        return frame.astype({"value": "float64", "recomputed": "float64"})

    @cached_property
    def _claim_rows(self) -> dict[str, str]:
        rows = dict(zip(self._claims["id"], self._claims["row"], strict=True))
        for name, group in self.groups.items():
            for model, scores in group.models.items():
                rows[f"{name}:{slug(model)}"] = scores.row or group.row
        return rows


_SECTIONS: dict[str, type[Entry]] = {
    "reports": Report,
    "rows": Row,
    "claims": ClaimGroup,
    "tables": Table,
    "quantities": Quantity,
    "lessons": Lesson,
}


@lru_cache(maxsize=4)
def _load(path: Path, modified: int, size: int) -> Reported:
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not valid YAML: {problem(error)}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text. Save it as UTF-8.") from None
    expected = {*_SECTIONS, "chapters"}
    if not isinstance(content, dict) or set(content) != expected:
        raise DataError(f"{path}: must have exactly the sections {', '.join(sorted(expected))}.")
    checked = {
        section: {
            str(name): _entry(path, section, name, kind, entry)
            for name, entry in (content[section] or {}).items()
        }
        for section, kind in _SECTIONS.items()
    }
    reported = Reported(
        reports=checked["reports"],
        chapters=tuple(content["chapters"]),
        inventory=checked["rows"],
        groups=checked["claims"],
        tabulated=checked["tables"],
        numbers=checked["quantities"],
        teachings=checked["lessons"],
    )
    _check_references(path, reported)
    return reported


def _entry(path: Path, section: str, name: Any, kind: type[Entry], entry: Any) -> Entry:
    if not isinstance(name, str):
        raise DataError(f"{path}: {section} {name!r}: put the id in quotation marks.")
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise DataError(
            f"{path}: {section} {name}{f', {where}' * bool(where)}: {message}"
        ) from None


def _check_references(path: Path, reported: Reported) -> None:
    def require(name: str, there: Any, what: str) -> None:
        if name not in there:
            raise DataError(f"{path}: {what}: there is no {name!r}.")

    for name, row in reported.inventory.items():
        if not re.fullmatch(r"[0-4]\.\d+", name):
            raise DataError(f"{path}: rows {name}: a row's id is REPORT.NUMBER, like '2.2'.")
        require(f"R{name[0]}", reported.reports, f"rows {name}, report")
        for chapter in row.chapters:
            require(chapter, reported.chapters, f"rows {name}, chapters")
    for name, lesson in reported.teachings.items():
        for row in lesson.rows:
            require(row, reported.inventory, f"lessons {name}, rows")
        for chapter in lesson.chapters:
            require(chapter, reported.chapters, f"lessons {name}, chapters")
    taken: set[str] = {*reported.inventory, *reported.teachings}
    for section in (reported.groups, reported.tabulated, reported.numbers):
        for name, entry in section.items():
            if name in taken:
                raise DataError(f"{path}: the id {name} is used in two sections.")
            taken.add(name)
            require(entry.row, reported.inventory, f"{name}, row")
    for name, group in reported.groups.items():
        for model, scores in group.models.items():
            if scores.row:
                require(scores.row, reported.inventory, f"claims {name}, {model}, row")
    repeated = reported._claims["id"][reported._claims["id"].duplicated()]
    if len(repeated):
        raise DataError(f"{path}: two claims have the id {repeated.iloc[0]}.")


def _frame(index: str, lines: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(lines.values()), index=pd.Index(list(lines), name=index))
    return frame


def _known(name: str, there: Any, what: str) -> None:
    if name not in there:
        raise DataError(f"reported.yaml has no {what} {name!r}; it has: {', '.join(there)}.")
