"""The steps of the chapter that keep Predictions and say in words what there is to show."""

from typing import TYPE_CHECKING

import pandas as pd

from dermbook.evaluation.ensembles import accuracies
from dermbook.publishing import display
from dermbook.publishing.ensembles.candidates import Pool
from dermbook.publishing.ensembles.tables import (
    WEIGHTED,
    Fitted,
    best_few,
    ensemble_gain,
    hybrid_table,
    hybrids,
    r1_table,
    renamed,
)

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter


def add_ensemble(chapter: "Chapter", fitted: Fitted, *, seed: int = 0) -> display.NoteBlock:
    """Keep the chosen rule's Predictions as ``ensemble`` and the plain mean's as ``ensemble-mean``.

    Their validation Predictions are out of fold. The series *gain* is the difference from the best
    single model.
    """
    kept = {"ensemble": fitted.best, "ensemble-mean": "mean"}
    for model, rule in kept.items():
        for predictions in fitted.named(rule, model):
            chapter.add_predictions(predictions)
    chapter.add_series("gain", ensemble_gain(fitted, seed=seed))
    chapter.add_series("chosen", pd.DataFrame([{"rule": fitted.best, "metric": fitted.metric}]))
    return display.note_block(
        f"Chosen on the validation part: **{fitted.best}**. On the test part its "
        f"{fitted.metric.replace('_', ' ')} is "
        f"{chapter.measured('ensemble', 'test', fitted.metric)}."
    )


def add_binary(chapter: "Chapter", pool: Pool | None, *, seed: int = 0) -> display.NoteBlock:
    """R1's ensembles: the series *r1* and *r1-shown*, and the Predictions ``binary-top-3`` and
    ``binary-top-4`` (R1's final rule, members and weights from validation)."""
    if pool is None or len(pool) < 4:
        count = 0 if pool is None else len(pool)
        return display.note_block(
            f"R1 combined four models; {count} of malignant or benign saw the same images here."
        )
    table = r1_table(pool, seed=seed)
    chapter.add_series("r1", table)
    chosen = (table["chosen_on"] == "validation") & (table["metric"] == "accuracy")
    chapter.add_series("r1-shown", table[chosen].reset_index(drop=True))
    for count in (3, 4):
        for predictions in best_few(pool, count, WEIGHTED, on="validation"):
            chapter.add_predictions(renamed(predictions, f"binary-top-{count}"))
    return display.note_block(
        f"{len(pool)} models of malignant or benign saw the same images. The best four by accuracy "
        "on the validation part: " + ", ".join(f"`{name}`" for name in best_names(pool, 4)) + "."
    )


def best_names(pool: Pool, count: int) -> list[str]:
    """The best models by accuracy on validation, best first."""
    order = (-accuracies(pool.validation)).argsort(kind="stable")[:count]
    return [pool.names[position] for position in order]


def add_hybrid(
    chapter: "Chapter", large_model: str, small_model: str, *, large_share: float, metric: str,
    seed: int = 0,
) -> display.NoteBlock:  # fmt: skip
    """R3's mixture: the series *hybrid* and *hybrid-scores*; Predictions of both mixtures."""
    names = [large_model, small_model]
    two = Pool(
        *(
            tuple(chapter.needed_predictions("residual-networks", name, part) for name in names)
            for part in ("validation", "test")
        )
    )
    made, large = hybrids(two, large_model, small_model, large_share)
    chapter.add_series("hybrid", hybrid_table(made, metric=metric, seed=seed))
    for name, parts in made.items():
        for predictions in parts if name not in names else ():
            chapter.add_predictions(predictions)
    rows = [(name, "large" if name in large else "small") for name in two.test[0].classes]
    chapter.add_series("large", pd.DataFrame(rows, columns=["class", "size"]))
    return display.note_block(
        f"Large classes, with {large_share:.0%} of the images or more: {', '.join(large)}."
    )
