"""Figures of augmentation: pictures of the recipes, and what a test's treatment does to a score."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dermbook.errors import DataError
from dermbook.plots.data import image_grid
from dermbook.plots.style import (
    MARKERS,
    MIN_FONT,
    QUIET,
    SERIES,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    metric_label,
    short,
    styled,
)

if TYPE_CHECKING:
    from dermbook.data import Collection


def recipe_grid(
    collection: "Collection", recipes: Sequence[str], *, copies: int = 4, seed: int = 0
) -> Figure:
    """One phantom picture a recipe: the original and copies of it, a row a recipe.

    Raises DataError for a real collection: pictures of patients are never drawn.
    """
    from dermbook.imaging.augmentation import copy_of, recipe

    if not collection.phantom:
        raise DataError(f"recipe_grid: only phantom pictures are drawn; {collection.name} is real.")
    image = collection.image(collection.ids[seed % len(collection)])
    images, titles = [], []
    for name in recipes:
        how = recipe(name)
        images += [copy_of(image, how, seed=seed, copy=k) for k in range(copies + 1)]
        titles += ["original", *[name] * copies]
    return image_grid(images, titles, columns=copies + 1, phantom=True)


def copies_grid(collection: "Collection", name: str, *, pictures: int = 9, seed: int = 0) -> Figure:
    """R2's grid of augmented pictures (row 2.1), of the phantom: nine lesions, a copy of each."""
    from dermbook.imaging.augmentation import copy_of, recipe

    if not collection.phantom:
        raise DataError(f"copies_grid: only phantom pictures are drawn; {collection.name} is real.")
    ids = list(collection.ids[:pictures])
    images = [copy_of(collection.image(i), recipe(name), seed=seed) for i in ids]
    return image_grid(images, [*collection.table.loc[ids, "label"]], columns=3, phantom=True)


@styled
def treatment_scores(frame: pd.DataFrame, *, scores: Sequence[str] = ()) -> Figure:
    """The same models on tests whose pictures were treated differently, a panel a score.

    frame: train, test (conditions), metric, class ("" for all), value, low, high. scores: which,
    as "metric" or "metric class", in this order; all by default.
    """
    frame = checked(
        frame,
        "treatment_scores",
        text=["train", "test", "metric", "class"],
        numbers=["value", "low", "high"],
    )
    # a series holds None where a score is of all classes together
    frame["class"] = frame["class"].replace({"None": "", "nan": ""})
    frame["score"] = (frame["metric"] + " " + frame["class"]).str.strip()
    names = list(scores) or in_order(frame["score"])
    missing = [name for name in names if name not in set(frame["score"])]
    if missing:
        raise DataError(f"treatment_scores: the table has no row of {missing[0]}.")
    trains, tests = in_order(frame["train"]), in_order(frame["test"])
    step = len(tests) + 0.8
    figure, panels = canvas(
        1.5 + 0.24 * step * len(trains), columns=len(names), sharey=True, squeeze=False
    )
    for axes, name in zip(panels[0], names, strict=True):
        for row in frame[frame["score"] == name].itertuples():
            place = tests.index(row.test)
            y = trains.index(row.train) * step + place
            colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
            axes.plot([row.value], [y], marker, color=colour, markersize=7.5)
        metric, _, label = name.partition(" ")
        title = metric_label(metric)
        axes.set_title(f"{title}, {label}" if label else title)
        for number in range(1, len(trains)):
            axes.axhline(number * step - 0.9, color="#dcdcd6", linewidth=0.8)
        axes.margins(x=0.08)
        axes.set_xlabel("95 % interval")
        grid(axes, "x")
    panels[0, 0].set_yticks(
        np.arange(len(trains)) * step + (len(tests) - 1) / 2, [f"trained on\n{n}" for n in trains]
    )
    panels[0, 0].set_ylim(len(trains) * step - 0.9, -0.9)
    handles = [
        Line2D([], [], color=SERIES[k % len(SERIES)], marker=MARKERS[k % len(MARKERS)],
               linewidth=2.4, markersize=7.5, label=f"tested on {name}")
        for k, name in enumerate(tests)
    ]  # fmt: skip
    legend_above(figure, handles, columns=3)
    return figure


@styled
def telltale_intervals(frame: pd.DataFrame) -> Figure:
    """How well copies can be told from pictures: ROC AUC by recipe, with a line where it is luck.

    frame: recipe, value, low, high.
    """
    frame = checked(frame, "telltale_intervals", text=["recipe"], numbers=["value", "low", "high"])
    figure, axes = canvas(1.0 + 0.36 * len(frame))
    for y, row in enumerate(frame.itertuples()):
        axes.plot([row.low, row.high], [y, y], color=SERIES[0], linewidth=2.6)
        axes.plot([row.value], [y], "o", color=SERIES[0], markersize=7.5)
        axes.annotate(
            f"{short(row.value)} ({short(row.low)}–{short(row.high)})", (1, y),
            xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=MIN_FONT,
        )  # fmt: skip
    axes.axvline(0.5, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_yticks(range(len(frame)), frame["recipe"])
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlabel("ROC AUC of telling a copy from a picture (.5 is guessing), 95 % interval")
    axes.margins(x=0.06)
    grid(axes, "x")
    return figure
