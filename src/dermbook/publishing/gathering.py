"""What a chapter gathers while it runs: scores, series, answers and findings, into a Record.

The showing of it is ``dermbook.publishing.chapter``'s part.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dermbook.data import Collection, Split
from dermbook.errors import ParameterError, RecordError
from dermbook.evaluation import Predictions, score
from dermbook.files import replacing
from dermbook.paths import output_dir
from dermbook.publishing.compare import findings_of, measured_text
from dermbook.publishing.header import Header
from dermbook.publishing.needs import Needs
from dermbook.publishing.provenance import code_version, hardware
from dermbook.publishing.record import (
    EXACT,
    Answer,
    DataUsed,
    Finding,
    Metric,
    Model,
    Record,
    Verdict,
    published_record,
    series_columns,
)

if TYPE_CHECKING:
    from dermbook.evaluation import Trial


class Gathering(Needs):
    """A Record in the making.

    Public attributes: ``header``, ``name``, ``edition``, ``parameters``, ``output`` (the folder it
    writes to) and ``published`` (the chapter's published Record, or None).
    """

    def __init__(self, header: Header, parameters: Mapping[str, Any]) -> None:
        self.header = header
        self.name = header.chapter
        self.parameters = dict(parameters)
        self.edition = str(self.parameters.get("edition", "quick"))
        self.output = output_dir(self.edition)
        self.published = published_record(self.name)
        self._started = datetime.now(UTC)
        self._clock = time.perf_counter()
        # what runs is what was there at the start, whatever is edited meanwhile
        self._code = code_version(Path(header.path))
        self._data: dict[str, DataUsed] = {}
        self._models: dict[str, Model] = {}
        self._metrics: list[Metric] = []
        self._series: dict[str, dict[str, list]] = {}
        self._answers: list[Answer] = []
        self._findings: list[Finding] = []
        self._timings: dict[str, float] = {}
        self._inherited_phantom: list[bool] = []

    # ---- what goes in -----------------------------------------------------------------------

    def uses(self, collection: Collection, split: Split | None = None) -> None:
        """Note that the chapter's numbers come from this collection (and this split of it)."""
        self._data[collection.name] = DataUsed(
            collection=collection.name,
            fingerprint=collection.fingerprint,
            images=len(collection),
            groups=int(collection.table["group"].nunique()),
            phantom=collection.phantom,
            split=f"{split.strategy}, seed {split.seed}, {split.fingerprint[:12]}"
            if split
            else None,
            parts={part: len(ids) for part, ids in split.parts.items()} if split else {},
        )

    @property
    def phantom(self) -> bool:
        """True while any number of the chapter comes from the phantom (or from no data at all)."""
        flags = [data.phantom for data in self._data.values()] + self._inherited_phantom
        return any(flags) or not flags

    def add_trial(self, trial: "Trial") -> None:
        """Keep a trained model: its Predictions and scores by part, and its learning curve.

        Training-part predictions are scored (to show overfitting) but not kept in a file.
        """
        for part, predictions in trial.predictions.items():
            self.add_predictions(predictions, keep=part != "train", weights=trial.parameters)
        self._timings[f"train {trial.name}"] = round(float(trial.history["seconds"].sum()), 1)

    def add_predictions(
        self, predictions: Predictions, *, keep: bool = True, weights: int | None = None
    ) -> pd.DataFrame:
        """Keep a model's Predictions beside the Record, score them, and return the scores.

        Predictions without truth (an official test set) are kept and not scored (empty table).
        """
        name = _file_name(predictions)
        if keep:
            predictions.save(self.output / "predictions" / self.name / name)
        if not predictions.has_truth:
            return pd.DataFrame()
        data = self._data.get(predictions.collection)
        self._models[predictions.model] = Model(
            task=task_of(predictions.classes),
            classes=list(predictions.classes),
            collection=predictions.collection,
            phantom=predictions.phantom,
            protocol=(data.split or "").partition(",")[0] if data else "",
            weights=weights,
        )
        scores = score(predictions)
        self.add_metrics(scores, model=predictions.model, part=predictions.part)
        return scores

    def keep_model(self, trial: "Trial") -> Path:
        """Keep a trained network whole, for chapters that look into it: ``models/…keras``.

        It stays in the build folder: weights are large, and are not published with the Record.
        """
        path = self.output / "models" / self.name / f"{trial.name}.keras"
        with replacing(path) as temporary:
            trial.model.save(temporary)
        return path

    def add_submission(self, predictions: Predictions) -> Path:
        """Write predictions of an official test set as a challenge CSV beside the Record."""
        name = f"{predictions.collection}--{self.edition}--{predictions.model}.csv"
        return predictions.to_challenge_csv(self.output / "submissions" / name)

    def add_metrics(self, scores: pd.DataFrame, *, model: str, part: str) -> None:
        """Add rows as ``score`` gives them: metric, class, value, low, high, n, interval."""
        for row in scores.to_dict("records"):
            numbers = {key: _number(row.get(key)) for key in ("value", "low", "high")}
            count = _number(row.get("n"))
            metric = Metric(
                model=model,
                part=part,
                metric=row["metric"],
                class_=row.get("class") or "",
                n=None if count is None else int(count),
                interval=row.get("interval") or "",
                **numbers,
            )
            self._refuse_twice(metric)
            self._metrics.append(metric)

    def add_counts(
        self,
        counts: Mapping[str, float],
        *,
        of: Collection,
        claims: Mapping[str, str] | None = None,
    ) -> None:
        """Add exact quantities of a collection, by name, and the claims that some of them answer.

        ``claims`` maps a claim's or quantity's id of ``book/reported.yaml`` to a name in
        ``counts``.
        """
        for name, value in counts.items():
            metric = Metric(
                model=of.name, part="all", metric=name, value=float(value), interval=EXACT
            )
            self._refuse_twice(metric)
            self._metrics.append(metric)
        for claim, name in (claims or {}).items():
            self.answer(claim, model=of.name, part="all", metric=name)

    def add_series(self, name: str, frame: pd.DataFrame) -> None:
        """Keep the table behind a figure in the Record, under the figure's name."""
        self._series[name] = series_columns(frame, name)

    def series(self, name: str) -> pd.DataFrame:
        """A series of this run as it will stand in the Record (floats rounded)."""
        if name not in self._series:
            raise RecordError(
                f"{self.name}: there is no series {name!r} yet; "
                f"there are: {', '.join(self._series) or 'none'}."
            )
        return pd.DataFrame(self._series[name])

    def add_learning_curves(self, trials: "Sequence[Trial]", name: str = "learning-curves") -> None:
        """Keep the learning curves of several trials as one series: model, epoch, losses, …"""
        frames = []
        for trial in trials:
            history = trial.history.drop(columns="seconds")
            history["best"] = history["epoch"] == trial.fit.best_epoch
            frames.append(history)
        self.add_series(name, pd.concat(frames, ignore_index=True))

    def scores(self, part: str, *, overall: bool = True) -> pd.DataFrame:
        """This run's scores on a part so far, as a tidy table: overall ones, or those a class."""
        chosen = [
            metric.model_dump(by_alias=True, exclude={"interval"})
            for metric in self._metrics
            if metric.part == part and bool(metric.class_) != overall
        ]
        return pd.DataFrame(chosen).drop(columns="class" if overall else [])

    def measured(self, model: str, part: str, metric: str, class_: str = "") -> str:
        """One of this run's scores as text, ``.631 (.600–.662)``, for use in ``finding``."""
        for row in self._metrics:
            if (row.model, row.part, row.metric, row.class_) == (model, part, metric, class_):
                return measured_text(row)
        raise RecordError(f"{self.name}: no {metric} of {model} on {part} was added.")

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Measure a step's wall-clock seconds into the Record."""
        start = time.perf_counter()
        yield
        self._timings[step] = round(time.perf_counter() - start, 3)

    def answer(
        self,
        claim: str,
        *,
        model: str,
        part: str,
        metric: str,
        class_: str = "",
        not_comparable: str = "",
    ) -> None:
        """Put one of this run's metrics beside a claim of ``book/reported.yaml``.

        The verdict is computed, not typed: see ``dermbook.publishing.compare``. Name a reason in
        ``not_comparable`` when task, part or protocol differ so much that no verdict is fair.
        """
        self._answers.append(
            Answer(
                claim=claim,
                model=model,
                part=part,
                metric=metric,
                class_=class_,
                not_comparable=not_comparable,
            )
        )

    def finding(self, about: str, verdict: Verdict, *, measured: str, because: str) -> None:
        """State what this run says about a row or lesson that is more than one number.

        Compute ``measured`` and ``verdict`` from results; never type a figure into them.
        """
        self._findings.append(
            Finding(about=about, verdict=verdict, measured=measured, because=because)
        )

    # ---- the Record --------------------------------------------------------------------------

    def record(self) -> Record:
        """The Record of what has been gathered so far."""
        seeds = [value for key, value in self.parameters.items() if key == "seed"]
        seeds += [item for item in self.parameters.get("seeds", []) if isinstance(item, int)]
        record = Record(
            chapter=self.name,
            title=self.header.title,
            edition=self.edition,
            phantom=self.phantom,
            parameters=self.parameters,
            seeds=seeds,
            data=list(self._data.values()),
            code=self._code,
            hardware=hardware(),
            started=self._started,
            duration_s=round(time.perf_counter() - self._clock, 1),
            timings=self._timings,
            models=self._models,
            metrics=self._metrics,
            series=self._series,
            answers=self._answers,
            findings=self._findings,
        )
        return record.model_copy(update={"findings": record.findings + findings_of(record)})

    def _refuse_twice(self, metric: Metric) -> None:
        key = (metric.model, metric.part, metric.metric, metric.class_)
        for row in self._metrics:
            if (row.model, row.part, row.metric, row.class_) == key:
                raise RecordError(
                    f"{self.name}: {metric.metric} of {metric.model} on {metric.part} was already "
                    "scored. A part is scored once; give another model name to another training."
                )


def task_of(classes: Sequence[str]) -> str:
    """What a model with these classes is for, as tables name it."""
    if set(classes) == {"benign", "malignant"}:
        return "malignant or benign"
    return f"{len(classes)} classes"


def _file_name(predictions: Predictions) -> str:
    """``MODEL--PART.parquet``; raises ParameterError for names unfit for a file."""
    for text in (predictions.model, predictions.part):
        if not re.fullmatch(r"[a-z0-9][a-z0-9.+_-]*", text):
            raise ParameterError(
                f"Predictions: {text!r} names a file, so use lower-case letters, digits, . + _ -"
            )
    return f"{predictions.model}--{predictions.part}.parquet"


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
