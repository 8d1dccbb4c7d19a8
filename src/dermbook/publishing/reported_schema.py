"""The shape of ``book/reported.yaml``: what an entry of each section must hold.

:mod:`dermbook.publishing.reported` reads the file and gives it out as tables; here is only what
one entry is and what makes it wrong.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Part = Literal["train", "validation", "test", "unknown"]
Task = Literal[
    "HAM10000 7 classes",
    "HAM10000 binary",
    "HAM10000 segmentation",
    "Fitzpatrick17k 114 classes",
    "ISIC 2016 binary",
]
Qualifier = Literal["", "about", "at least", "at most"]
Metric = Literal[
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "f1_micro",
    "f1_macro",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "precision_weighted",
    "recall_weighted",
    "loss",
    "dice",
    "iou",
]
RowId = Annotated[str, Field(pattern=r"^[0-4]\.\d+$")]
Text = Annotated[str, Field(min_length=1)]

#: columns of a per-class table that are scores; the others are counts
SCORED = frozenset({"precision", "recall", "f1"})
#: scores that are not bounded by 1
UNBOUNDED = frozenset({"loss"})
_SCORE = re.compile(
    r"^(?P<word>almost |around |about |\+)?(?P<number>\d*\.?\d+)\s*(?P<percent>%)?$"
)


def slug(name: str) -> str:
    """A model's name as part of an id: lower case, words joined by hyphens, accents kept."""
    return "-".join(re.findall(r"\w+", name.lower()))


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Report(Entry):
    """One source report: its work in our words, its data, task, and number in the collection."""

    title: Text
    data: Text
    task: Task
    file: Text


class Row(Entry):
    """One item of the inventory; ``chapters`` are those planned to show it."""

    item: Text
    reported: str | None = None
    chapters: list[str] = Field(min_length=1)
    notes: str = ""


class Recomputed(Entry):
    """Our own arithmetic from a report's figures: the value and, in words, how."""

    value: float
    how: Text


class Score(Entry):
    """One score as printed (``stated``) and as a number: a fraction, or a loss in nats.

    Written as plain text ("88.02 %", "almost 72%", "0.34") it is read here; anything else needs
    the number beside it: ``{stated: high 90s, value: null}``.
    """

    stated: Text
    value: float | None
    qualifier: Qualifier = ""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, entry: Any) -> Any:
        if not isinstance(entry, str):
            return entry
        found = _SCORE.match(entry)
        if not found:
            raise ValueError(
                f"{entry!r} is not a number; write {{stated: …, value: …}} with its value or null"
            )
        places = len(found["number"].partition(".")[2])
        value = float(found["number"])
        if found["percent"]:
            value = round(value / 100, places + 2)
        word = (found["word"] or "").strip()
        qualifier = "at least" if word == "+" else "about" if word else ""
        return {"stated": entry, "value": value, "qualifier": qualifier}


class ModelScores(Entry):
    """One line of a claim group: one score a column, null where the report gives none."""

    stated: list[Score | None] = Field(min_length=1)
    row: RowId | None = Field(default=None, description="if not the group's own")
    notes: str = ""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, entry: Any) -> Any:
        return {"stated": entry} if isinstance(entry, list) else entry


class ClaimGroup(Entry):
    """Scores a report gives together: ``columns`` are "PART METRIC", ``models`` the lines."""

    row: RowId
    task: Task
    protocol: Text
    columns: list[str] = Field(min_length=1)
    models: dict[str, ModelScores] = Field(min_length=1)
    class_: str | None = Field(default=None, alias="class", description="None: overall")
    recomputed: dict[str, Recomputed] = Field(default_factory=dict)
    notes: str = ""

    @property
    def measures(self) -> list[tuple[str, str]]:
        """(part, metric) of each column."""
        return [tuple(column.split()) for column in self.columns]  # type: ignore[misc]

    def claims(self, name: str) -> list[dict[str, Any]]:
        """One line a stated score; ``name`` is the group's own id."""
        lines = []
        for model, scores in self.models.items():
            for (part, metric), score in zip(self.measures, scores.stated, strict=True):
                if score is None:
                    continue
                ours = self.recomputed.get(f"{part} {metric}")
                line = {
                    "id": f"{name}:{slug(model)}:{part}-{metric}",
                    "group": name,
                    "row": scores.row or self.row,
                    "task": self.task,
                    "model": model,
                    "part": part,
                    "metric": metric,
                    "class": self.class_,
                    **score.model_dump(),
                    "recomputed": ours.value if ours else None,
                    "how": ours.how if ours else "",
                    "protocol": self.protocol,
                    "notes": " ".join(filter(None, (scores.notes, self.notes))),
                }
                lines.append({**line, "report": f"R{line['row'][0]}"})
        return lines

    @model_validator(mode="after")
    def _consistent(self) -> "ClaimGroup":
        for column in self.columns:
            part, _, metric = column.partition(" ")
            _one_of(part, Part, f"column {column!r}: part")
            _one_of(metric, Metric, f"column {column!r}: metric")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column stands twice")
        for name, model in self.models.items():
            if len(model.stated) != len(self.columns):
                raise ValueError(
                    f"{name}: {len(model.stated)} values for {len(self.columns)} columns"
                )
            for column, score in zip(self.columns, model.stated, strict=True):
                _bounded(score.value if score else None, column.split()[1], f"{name}, {column}")
        for column in self.recomputed:
            if column not in self.columns:
                raise ValueError(f"recomputed {column!r} is not one of the columns")
        if self.recomputed and len(self.models) > 1:
            raise ValueError("recomputed values need a group of one model")
        return self


class Table(Entry):
    """A table of a report: ``data`` maps a row's name to its values, one a column.

    kind "confusion": rows are the truth, columns the prediction, counts; "per_class": scores
    (and counts) of each class of one model; "models": one ``metric``, rows classes, columns
    models; "counts": images; "values": any other numbers.
    """

    row: RowId
    kind: Literal["confusion", "per_class", "models", "counts", "values"]
    task: Task
    columns: list[str] = Field(min_length=1)
    data: dict[str, list[float]] = Field(min_length=1)
    model: str = ""
    part: Part = "unknown"
    metric: Metric | None = None
    protocol: str = ""
    recomputed: dict[str, Recomputed] = Field(default_factory=dict)
    notes: str = ""

    @property
    def whole(self) -> bool:
        """True if every value is a count."""
        return self.kind in ("confusion", "counts")

    def claims(self, name: str) -> list[dict[str, Any]]:
        """One line a score of the table; none if it holds no scores."""
        lines = []
        for class_, column, metric, value in self._scores():
            step = f"{slug(column)}:{metric}" if self.kind == "models" else metric
            lines.append(
                {
                    "id": f"{name}:{step}:{class_}",
                    "group": name,
                    "row": self.row,
                    "report": f"R{self.row[0]}",
                    "task": self.task,
                    "model": column if self.kind == "models" else self.model,
                    "part": self.part,
                    "metric": metric,
                    "class": class_,
                    "stated": f"{value:g}",
                    "value": value,
                    "qualifier": "",
                    "recomputed": None,
                    "how": "",
                    "protocol": self.protocol,
                    "notes": self.notes,
                }
            )
        return lines

    @model_validator(mode="after")
    def _consistent(self) -> "Table":
        for name, values in self.data.items():
            if len(values) != len(self.columns):
                raise ValueError(f"{name}: {len(values)} values for {len(self.columns)} columns")
            if self.whole and any(value < 0 or value != int(value) for value in values):
                raise ValueError(f"{name}: counts must be whole numbers, 0 or more")
        if self.kind == "confusion" and list(self.data) != self.columns:
            raise ValueError("the rows of a confusion matrix must be named and ordered as columns")
        if self.kind in ("confusion", "per_class") and not self.model:
            raise ValueError(f"a table of kind {self.kind!r} needs its model")
        if (self.kind == "models") != (self.metric is not None):
            raise ValueError("a table of kind 'models', and only that, names its metric")
        for name, column, metric, value in self._scores():
            _bounded(value, metric, f"{name}, {column}")
        return self

    def _scores(self) -> Iterator[tuple[str, str, str, float]]:
        """(row, column, metric, value) of every cell that is a score."""
        if self.kind not in ("per_class", "models"):
            return
        for name, values in self.data.items():
            for column, value in zip(self.columns, values, strict=True):
                if self.metric or column in SCORED:
                    yield name, column, self.metric or column, value


class Quantity(Entry):
    """Another number: what it counts, as printed, and as a number."""

    row: RowId
    what: Text
    stated: str | None = None
    value: float | None = None
    recomputed: Recomputed | None = None
    notes: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> "Quantity":
        if (self.stated is None) != (self.value is None):
            raise ValueError("stated and value go together")
        if self.stated is None and self.recomputed is None:
            raise ValueError("neither stated nor recomputed")
        return self


class Lesson(Entry):
    """What went wrong, where it shows, the experiment that shows it again."""

    title: Text
    what: Text
    evidence: Text
    experiment: Text
    rows: list[RowId] = Field(min_length=1)
    chapters: list[str] = Field(min_length=1)


def _one_of(value: str, allowed: Any, what: str) -> None:
    names = allowed.__args__
    if value not in names:
        raise ValueError(f"{what} {value!r} is none of {', '.join(names)}")


def _bounded(value: float | None, metric: str, where: str) -> None:
    if value is None:
        return
    if value < 0 or (value > 1 and metric not in UNBOUNDED):
        raise ValueError(f"{where}: {metric} {value:g} is outside 0…1 (a percentage needs its %)")
