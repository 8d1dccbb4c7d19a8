"""Does a filter help a classifier? The same lesions, splits and seeds, with it and without.

A filter stands before training, validation and test alike. Everything else is the same in both
arms, so the difference is the filter's, and the noise of a training, which is measured by
repeating it under other seeds.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import pandas as pd

from dermbook.data import Collection, Split
from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.enhancement.learners import (
    OFF,
    TEXTURE,
    Learn,
    filtered_images,
    filtered_vectors,
    train_cnn,
    train_head,
)
from dermbook.evaluation.leakage.effects import effect_table
from dermbook.evaluation.predictions import Predictions
from dermbook.imaging.filters import chosen, named

METRICS = ("balanced_accuracy", "f1_macro")
GAIN, HARM, NOTHING = "gain", "harm", "no difference shown"


def filter_effects(
    learn: Learn,
    filters: Sequence[str],
    seeds: Sequence[int],
    *,
    metrics: Sequence[str] = METRICS,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[pd.DataFrame, dict[str, Arm]]:
    """Each filter against none, over seeds: a table and the arms behind it.

    learn: trains under a seed on pictures that went through a filter (``"off"``: none) and
    predicts the test part. The interval resamples lesions and seeds, both arms alike (see
    ``evaluation.leakage.effects``); a value is of all seeds' predictions together.

    Columns filter, metric, off, on, value (on − off), low, high (95 %), low_all, high_all, verdict,
    seeds, n (predictions). With many filters, some interval misses zero by chance. So the
    verdict rests on low_all and high_all, which are widened so that *all* filters' intervals of a
    metric hold together with 95 % (Bonferroni, by the ratio of normal quantiles): *gain* above
    zero, *harm* below, else *no difference shown*, which is not the same as no difference.
    """
    if not filters or not seeds:
        raise ParameterError("filter_effects: give at least one filter and one seed.")
    for name in filters:
        named(name)
    arms = {
        name: Arm(tuple(seeds), tuple(learn(name, each) for each in seeds))
        for name in (OFF, *filters)
    }
    pairs = {name: (OFF, name) for name in filters}
    table = effect_table(arms, pairs, metrics=metrics, resamples=resamples, seed=seed)
    table = table.rename(columns={"comparison": "filter", "first": "off", "second": "on"})
    normal = NormalDist()
    wider = normal.inv_cdf(1 - 0.025 / len(filters)) / normal.inv_cdf(0.975)
    table["low_all"] = table["value"] - wider * (table["value"] - table["low"])
    table["high_all"] = table["value"] + wider * (table["high"] - table["value"])
    table["verdict"] = [verdict(*pair) for pair in zip(table.low_all, table.high_all, strict=True)]
    return table.assign(n=len(arms[OFF])), arms


def verdict(low: float, high: float) -> str:
    """What an interval of a difference says: gain, harm, or no difference shown."""
    return GAIN if low > 0 else HARM if high < 0 else NOTHING


def head_effects(
    collection: Collection,
    splits: Mapping[int, Split],
    filters: Sequence[str],
    *,
    height: int,
    width: int,
    backbone: str = TEXTURE,
    weights: str = "imagenet",
    resamples: int = 1000,
) -> tuple[pd.DataFrame, Predictions]:
    """``filter_effects`` on a logistic head over vectors, a split a seed, and its first Predictions
    without a filter. The table has a first column ``learner``; ``["all"]`` tries all filters."""
    filters = chosen(filters)
    vectors = filtered_vectors(
        collection, filters, height=height, width=width, backbone=backbone, weights=weights
    )
    learner = f"{backbone}+logistic"
    learn = train_head(collection, vectors, splits, model=learner)
    return _named(learner, learn, filters, list(splits), resamples)


def cnn_effects(
    collection: Collection,
    splits: Mapping[int, Split],
    filters: Sequence[str],
    *,
    height: int,
    width: int,
    architecture: str = "r2-cnn",
    resamples: int = 1000,
    **training: Any,
) -> tuple[pd.DataFrame, Predictions]:
    """``filter_effects`` on a network trained from scratch, R0's way; else as ``head_effects``.

    training: see ``train_cnn``.
    """
    filters = chosen(filters)
    pictures = filtered_images(collection, filters, height=height, width=width)
    learn = train_cnn(collection, pictures, splits, architecture=architecture, **training)
    return _named(architecture, learn, filters, list(splits), resamples)


def _named(
    learner: str, learn: Learn, filters: Sequence[str], seeds: Sequence[int], resamples: int
) -> tuple[pd.DataFrame, Predictions]:
    table, arms = filter_effects(learn, filters, seeds, resamples=resamples)
    table.insert(0, "learner", learner)
    return table, arms[OFF].predictions[0]
