"""An ensemble of official test images, of the members whose predictions of them were kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.data import Collection, load_collection
from dermbook.errors import DataError
from dermbook.evaluation.ensembles import greedy_selection, mean_probability
from dermbook.evaluation.predictions import Predictions
from dermbook.paths import build_dir, results_dir
from dermbook.publishing import display
from dermbook.publishing.compare import measured_text
from dermbook.publishing.ensembles.candidates import Pool

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

#: the name of the ensemble whose members have official predictions
OFFICIAL = "ensemble-official"


def read_challenge_csv(path: Path | str, collection: Collection, *, model: str) -> Predictions:
    """A challenge file as Predictions of a collection, which knows the ids.

    Raises DataError, naming the file, for columns or images that are not the collection's.
    """
    frame = pd.read_csv(path, dtype={"image": str})
    expected = ["image", *(name.upper() for name in collection.classes)]
    if set(frame.columns) != set(expected):
        raise DataError(
            f"{path}: a challenge file of {collection.name} has the columns {', '.join(expected)}, "
            f"not {', '.join(map(str, frame.columns))}."
        )
    lacking = set(collection.ids) - set(frame["image"])
    if lacking:
        raise DataError(f"{path}: {len(lacking):,} images are missing, e.g. {min(lacking)!r}.")
    try:
        return Predictions.from_probabilities(
            frame["image"], frame[expected[1:]].to_numpy(), collection, model=model, part="test"
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def official_members(chapter: "Chapter", pool: Pool, unlabelled: str) -> dict[str, Predictions]:
    """Predictions of a collection without answers by those models of the pool that made them.

    They are looked for as ``MODEL--COLLECTION.parquet`` among the needed chapters' Predictions, and
    as challenge files ``COLLECTION--EDITION--MODEL.csv`` among the submissions, in this run's
    output, the build and the book.
    """
    collection = load_collection(unlabelled)
    roots = [chapter.output, build_dir(chapter.edition)]
    tables = [root / "predictions" for root in [*roots, results_dir() / chapter.edition]]
    sheets = [root / "submissions" for root in [*roots, results_dir()]]
    found: dict[str, Predictions] = {}
    for name in pool.names:
        kept = [
            folder / source / f"{name}--{unlabelled}.parquet"
            for folder in tables
            for source in chapter.header.needs
        ]
        files = [sheet / f"{unlabelled}--{chapter.edition}--{name}.csv" for sheet in sheets]
        if path := next((each for each in kept if each.is_file()), None):
            found[name] = Predictions.load(path)
        elif path := next((each for each in files if each.is_file()), None):
            found[name] = read_challenge_csv(path, collection, model=name)
    return found


def submit(
    chapter: "Chapter", pool: Pool, unlabelled: str, *, metric: str, rounds: int,
    own: Mapping[str, Predictions] | None = None,
) -> display.NoteBlock:  # fmt: skip
    """Combine official predictions by a greedy selection of the members that have them.

    own: those of members that this chapter trained itself, by model.
    The selection is made on validation and scored on the test part under the name
    ``ensemble-official``; the challenge file is written beside the Record. Says so, or why not.
    """
    members = official_members(chapter, pool, unlabelled) if unlabelled else {}
    members |= own or {}
    if not members:
        return display.note_block(
            f"None of the {len(pool)} candidates left predictions of `{unlabelled}`."
            if unlabelled
            else "This run named no official test set to predict."
        )
    some = pool.only(list(members))
    weights = greedy_selection(some.validation, metric=metric, rounds=rounds).weights
    for part in (some.validation, some.test):
        chapter.add_predictions(mean_probability(part, weights, model=OFFICIAL))
    sheet = chapter.add_submission(
        mean_probability(list(members.values()), weights, model=OFFICIAL)
    )
    chapter.add_series("official", pd.DataFrame({"model": list(members), "weight": weights}))
    named = ", ".join(
        f"`{name}` ({weight:.0%})" for name, weight in zip(members, weights, strict=True)
    )
    value = measured_text(chapter.record().metric(OFFICIAL, "test", metric))
    return display.note_block(
        f"{len(members)} of {len(pool)} candidates left predictions of `{unlabelled}`; the greedy "
        f"selection on validation gives them these weights: {named}. On our own test part this "
        f"ensemble has a {metric.replace('_', ' ')} of {value}. Its predictions are in "
        f"`{sheet.name}`."
    )
