"""Who may become a member: the models of earlier chapters that saw the same parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.errors import ChapterError, DataError, ParameterError
from dermbook.evaluation.ensembles import EnsembleError, matched, part_score
from dermbook.evaluation.predictions import Predictions
from dermbook.publishing.gathering import task_of

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter

BINARY = "malignant or benign"


@dataclass(frozen=True)
class Pool:
    """Models that answer one question about the same images, on validation and on test.

    Raises EnsembleError when models, images, classes or truth do not match, or when an image or a
    lesion is in both parts.
    """

    validation: tuple[Predictions, ...]
    test: tuple[Predictions, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "validation", tuple(matched(self.validation)))
        object.__setattr__(self, "test", tuple(matched(self.test)))
        if self.names != tuple(member.model for member in self.test):
            raise EnsembleError("Pool: validation and test are of different models.")
        if self.validation[0].classes != self.test[0].classes:
            raise EnsembleError("Pool: validation and test have different classes.")
        lesions = [set(part[0].table["group"]) for part in (self.validation, self.test)]
        if shared := sorted(lesions[0] & lesions[1]):
            raise EnsembleError(f"Pool: lesion {shared[0]!r} is in validation and test.")

    @property
    def names(self) -> tuple[str, ...]:
        """The models, in order."""
        return tuple(member.model for member in self.validation)

    def __len__(self) -> int:
        return len(self.validation)

    def only(self, names: Sequence[str]) -> "Pool":
        """The pool of these models only. EnsembleError for one that is not in it."""
        if unknown := [name for name in names if name not in self.names]:
            raise EnsembleError(f"Pool: {unknown[0]} is no candidate.")
        chosen = [self.names.index(name) for name in names]
        return Pool(tuple(self.validation[i] for i in chosen), tuple(self.test[i] for i in chosen))


def gather(
    chapter: "Chapter", sources: Sequence[str] = (), own: "Sequence[Trial]" = ()
) -> tuple[dict[str, Pool], pd.DataFrame]:
    """The largest pool for each question, and a table of all models that there are.

    sources: chapters to take models from, by default all that this one needs. A model is what the
    chapter's Record scores and left Predictions of on both parts. Where chapters used different
    images, as they do with phantoms of different sizes, the largest set that saw the same ones is
    the pool. own: networks that the chapter trained itself. Table: model, chapter, task, images
    (validation), score (balanced accuracy on validation), used (yes, or why not).

    Raises ParameterError for a source that the chapter does not need, DataError where no two models
    can be combined.
    """
    if strange := [name for name in sources if name not in chapter.header.needs]:
        raise ParameterError(f"sources: {strange[0]!r} is not among {chapter.header.needs}.")
    rows, sets = [], {}

    def join(row: dict, parts: list[Predictions]) -> None:
        row |= {"images": len(parts[0]), "score": part_score(parts[0])}
        rows.append(row)
        sets.setdefault(_kind(*parts), {}).setdefault(row["model"], (parts, row))

    for source in sources or chapter.header.needs:
        for name, model in chapter.needed_record(source).models.items():
            row = {"model": name, "chapter": source, "task": task_of(model.classes)}
            try:
                parts = [
                    chapter.needed_predictions(source, name, part)
                    for part in ("validation", "test")
                ]
            except ChapterError:
                rows.append(row | {"used": "no: it left no Predictions of both parts"})
                continue
            join(row, parts)
    for trial in own:
        parts = [trial.predictions[part] for part in ("validation", "test")]
        task = task_of(parts[0].classes)
        join({"model": trial.name, "chapter": chapter.name, "task": task}, parts)
    pools = {}
    for kind, found in sorted(sets.items(), key=lambda item: (-len(item[1]), -item[0][0])):
        task = task_of(kind[1])
        used = task not in pools and len(found) > 1
        if used:
            members = [parts for parts, _ in found.values()]
            pools[task] = Pool(*(tuple(part) for part in zip(*members, strict=True)))
        for _, row in found.values():
            row["used"] = "yes" if used else "no: it saw other images than the largest set"
    if not pools:
        raise DataError("ensembles: no two models saw the same images, so none can be combined.")
    columns = ["model", "chapter", "task", "images", "score", "used"]
    table = pd.DataFrame(rows, columns=columns)
    table["used"] = table["used"].fillna("no: another model has its name")
    return pools, table


def seven(pools: dict[str, Pool]) -> Pool:
    """The pool with most classes. DataError where only the binary question has one."""
    several = [pool for task, pool in pools.items() if task != BINARY]
    if not several:
        raise DataError("ensembles: no two models of several classes saw the same images.")
    return max(several, key=len)


def _kind(validation: Predictions, test: Predictions) -> tuple:
    """What must be the same for two models to be combined; the number of images comes first."""
    prints = tuple((part.data_fingerprint, frozenset(part.ids)) for part in (validation, test))
    return len(validation), validation.classes, prints
