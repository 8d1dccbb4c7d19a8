"""The Record: everything one run of one chapter leaves behind to be published.

A Record is JSON, small enough to commit, and complete enough that a page built on a machine
without data still shows the run: its parameters, data fingerprints, code version, hardware,
timings, metric tables with intervals, and the series behind its figures. It holds numbers and
names only: no image pixels.
"""

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dermbook.errors import RecordError
from dermbook.files import write_text
from dermbook.paths import build_dir, results_dir

SCHEMA_VERSION = 1
#: ``Metric.interval`` of a count or another quantity that has no sampling error
EXACT = "exact"
#: significant digits kept of a float in a series: more than any figure can show
SERIES_DIGITS = 6
#: values one series may hold; keeps pixels and other bulk out of Records
SERIES_LIMIT = 50_000

Verdict = Literal["confirmed", "not confirmed", "cannot be compared"]
Cell = bool | int | float | str | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataUsed(_Part):
    """One collection a chapter used, and how its images were divided."""

    collection: str
    fingerprint: str = Field(description="SHA-256 over classes, table and image signatures")
    images: int = Field(ge=0)
    groups: int = Field(ge=0, description="lesions")
    phantom: bool
    split: str | None = Field(default=None, description="strategy, seed and fingerprint")
    parts: dict[str, int] = Field(default_factory=dict, description="images a part")


class Code(_Part):
    """Which code ran."""

    version: str
    commit: str | None = Field(description="git commit, None outside a git checkout")
    modified: bool = Field(description="True if tracked files differed from that commit")
    sources: str = Field(description="SHA-256 over the package's and the chapter's source")


class Hardware(_Part):
    """What the code ran on. No host names."""

    processor: str
    cores: int = Field(ge=1, description="logical cores the process may use")
    threads: int | None = Field(description="threads a chapter was given, None if unlimited")
    memory_gib: float
    accelerator: str | None
    system: str
    python: str
    backend: str | None = Field(description="Keras backend and its version, None if unused")
    packages: dict[str, str] = Field(default_factory=dict)


class Metric(_Part):
    """One score of one model on one part, overall (``class_`` empty) or of one class."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    model: str
    part: str
    metric: str
    class_: str = Field(default="", alias="class")
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = Field(default=None, description="rows the score is computed from")
    interval: str = Field(default="", description="how low and high were computed")


class Model(_Part):
    """What a model that was scored is for: its task, and how fairly it was tested."""

    task: str = Field(description="'7 classes', 'malignant or benign', …")
    classes: list[str]
    collection: str
    phantom: bool
    protocol: str = Field(description="how the parts were made")
    weights: int | None = Field(default=None, description="number of its parameters")


class Answer(_Part):
    """Which Metric of this Record stands beside which claim of ``book/reported.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    claim: str
    model: str
    part: str
    metric: str
    class_: str = Field(default="", alias="class")
    not_comparable: str = Field(default="", description="why the two cannot be compared, if so")


class Finding(_Part):
    """What this run says about one inventory row, lesson or claim."""

    about: str = Field(description="row ('2.2'), lesson ('M10') or claim id")
    verdict: Verdict
    measured: str
    because: str


class Record(BaseModel):
    """One run of one chapter (see the module's text). Build it with ``Chapter``, not by hand."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    chapter: str
    title: str
    edition: str
    phantom: bool = Field(description="True unless every collection used is real")
    parameters: dict[str, Any]
    seeds: list[int]
    data: list[DataUsed] = Field(default_factory=list)
    code: Code
    hardware: Hardware
    started: datetime
    duration_s: float = Field(ge=0)
    timings: dict[str, float] = Field(default_factory=dict, description="seconds a step")
    models: dict[str, Model] = Field(default_factory=dict)
    metrics: list[Metric] = Field(default_factory=list)
    series: dict[str, dict[str, list[Cell]]] = Field(default_factory=dict)
    answers: list[Answer] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)

    def save(self, path: Path | str) -> Path:
        """Write the Record as JSON, atomically, after checking that it reads back."""
        text = _readable_json(self.model_dump(mode="json", by_alias=True))
        Record.model_validate_json(text)
        return write_text(path, text)

    @classmethod
    def load(cls, path: Path | str) -> "Record":
        """Read and validate a Record; RecordError names the file and the field that is wrong."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RecordError(f"{path}: no Record here. Run the chapter that makes it.") from None
        try:
            found = json.loads(text).get("schema_version")
            if found != SCHEMA_VERSION:
                raise RecordError(
                    f"{path}: a Record of schema {found}; this version reads {SCHEMA_VERSION}. "
                    "Run the chapter again."
                )
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"])
            raise RecordError(
                f"{path}: not a valid Record ({where}: {first['msg']}). Run the chapter again."
            ) from None
        except (json.JSONDecodeError, AttributeError):
            raise RecordError(
                f"{path}: not a Record, or cut short. Delete it and run the chapter again."
            ) from None

    def metrics_frame(self) -> pd.DataFrame:
        """All metrics as a table: model, part, metric, class, value, low, high, n, interval."""
        columns = ["model", "part", "metric", "class", "value", "low", "high", "n", "interval"]
        rows = [metric.model_dump(by_alias=True) for metric in self.metrics]
        frame = pd.DataFrame(rows, columns=columns)
        numeric = ["value", "low", "high"]
        frame[numeric] = frame[numeric].astype("float64")
        return frame

    def metric(self, model: str, part: str, metric: str, class_: str = "") -> Metric | None:
        """The one metric asked for, or None."""
        key = (model, part, metric, class_)
        for row in self.metrics:
            if (row.model, row.part, row.metric, row.class_) == key:
                return row
        return None

    def series_frame(self, name: str) -> pd.DataFrame:
        """A series as a table; RecordError with the names there are if it is not one of them."""
        if name not in self.series:
            raise RecordError(
                f"The Record of {self.chapter} ({self.edition}) has no series {name!r}; "
                f"it has: {', '.join(sorted(self.series)) or 'none'}."
            )
        return pd.DataFrame(self.series[name])

    @property
    def label(self) -> str:
        """What a tab or a column head says of this run: edition and data, phantom named."""
        names = list(dict.fromkeys(_display_name(data.collection) for data in self.data))
        return " · ".join([self.edition, *names]) if names else self.edition


def series_columns(frame: pd.DataFrame, name: str) -> dict[str, list[Cell]]:
    """A table as the JSON-able columns of a series: floats rounded, missing values None.

    Raises RecordError when a cell is not a number, text or truth value, or the table is so large
    that it could hold pixels (over 50,000 cells): thin it first.
    """
    if frame.size > SERIES_LIMIT:
        raise RecordError(
            f"Series {name!r} has {frame.size:,} cells; a Record keeps at most {SERIES_LIMIT:,} "
            "of a series. Thin the curve or aggregate the table before adding it."
        )
    columns: dict[str, list[Cell]] = {}
    for column in frame.columns:
        columns[str(column)] = [_cell(value, f"{name}.{column}") for value in frame[column]]
    return columns


def published_record(chapter: str) -> Record | None:
    """The chapter's published Record from the largest edition there is (gpu, then laptop)."""
    for edition in ("gpu", "laptop"):
        path = results_dir() / edition / f"{chapter}.json"
        if path.is_file():
            return Record.load(path)
    return None


def run_record(chapter: str, edition: str) -> Record | None:
    """The Record of this checkout's own run of a chapter, or None when it has not run."""
    path = build_dir(edition) / "records" / f"{chapter}.json"
    return Record.load(path) if path.is_file() else None


def published_records() -> list[Record]:
    """Every published Record, by edition and chapter."""
    return [Record.load(path) for path in sorted(results_dir().glob("*/*.json"))]


def run_records(edition: str) -> list[Record]:
    """Every Record of this checkout's runs in an edition, by chapter."""
    folder = build_dir(edition) / "records"
    return [Record.load(path) for path in sorted(folder.glob("*.json"))]


def _display_name(collection: str) -> str:
    names = {"ham10000": "HAM10000", "isic2018-test": "ISIC 2018 test", "phantom": "phantom"}
    return names.get(collection, collection)


def _cell(value: object, where: str) -> Cell:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{SERIES_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, bool | int | str):
        return value
    raise RecordError(f"Series {where}: a {type(value).__name__} cannot be kept in a Record.")


def _readable_json(content: dict[str, Any]) -> str:
    """JSON whose lists of objects and whose series take one line an item, so diffs stay short."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            body = _block("[", [_compact(item) for item in value], "]")
        elif isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
            items = [f"{_compact(name)}: {_entry(item)}" for name, item in value.items()]
            body = _block("{", items, "}")
        else:
            body = _compact(value)
        lines.append(f"{_compact(key)}: {body}")
    return _block("{", lines, "}", indent="") + "\n"


def _entry(value: Any) -> str:
    if isinstance(value, dict) and any(isinstance(item, list) for item in value.values()):
        columns = [f"{_compact(name)}: {_compact(item)}" for name, item in value.items()]
        return _block("{", columns, "}", indent="   ")
    return _compact(value)


def _block(opening: str, lines: list[str], closing: str, indent: str = " ") -> str:
    inner = f",\n{indent} ".join(lines)
    return f"{opening}\n{indent} {inner}\n{indent}{closing}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
