"""The same network again: what other seeds of one recipe bring, alone and together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.ensembles import mean_probability, part_score
from dermbook.evaluation.paired import arm_scores
from dermbook.evaluation.predictions import Predictions
from dermbook.publishing.ensembles.tables import RESAMPLES, gain_table, single_arms
from dermbook.publishing.ensembles.views import SOURCE, collection_of
from dermbook.publishing.fine_tuning.best import best_name, train_best

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter


def train_again(chapter: "Chapter", seeds: Sequence[int], *, minutes: float) -> "list[Trial]":
    """Train fine-tuning's best network anew from other seeds, by its own recipe; keep them all.

    Data, split and recipe are the parameters of fine-tuning's Record, so nothing but the seed of
    head, dropout, draws and augmentation differs. Predictions of validation and test part are kept.
    A killed run goes on from its checkpoints.

    Args:
        seeds: none of them fine-tuning's own; no two the same.
        minutes: of training, at most, for each network.

    Raises ParameterError for such seeds, ChapterError where fine-tuning has not run.
    """
    if not seeds:
        return []
    from dermbook.data import cached_images, load_split

    ran = chapter.needed_record(SOURCE).parameters
    _check_seeds(seeds, ran)
    lesions = collection_of(ran)
    split = load_split(lesions, seed=ran["seed"])
    chapter.uses(lesions, split)
    images = cached_images(lesions, height=ran["best_height"], width=ran["best_width"])
    trials = []
    for seed in seeds:
        trial = train_best(
            ran, lesions, split, images, name=f"{best_name(ran)}-seed-{seed}", seed=seed,
            minutes=minutes, checkpoints=chapter.output / "checkpoints" / chapter.name,
        )  # fmt: skip
        chapter.add_trial(trial)
        trials.append(trial)
    return trials


def seeds_table(
    chapter: "Chapter", trials: "Sequence[Trial]", metric: str, *, resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Scores of each network of one recipe, and of the means of the first two, three, ….

    Columns: model, networks (how many are averaged), validation, test, low, high (of test),
    accuracy (of test), gain, gain_low, gain_high: the test score minus that of the network of
    *Fine-tuning*, over the same lesions; NaN for that network itself.

    Raises ChapterError where fine-tuning has not run.
    """
    first = best_name(chapter.needed_record(SOURCE).parameters)
    validation, test = (
        _alone_and_together(
            [
                chapter.needed_predictions(SOURCE, first, part),
                *(trial.predictions[part] for trial in trials),
            ]
        )
        for part in ("validation", "test")
    )
    how = {"resamples": resamples, "seed": seed}
    scores = arm_scores(single_arms(test), [(metric, ""), ("accuracy", "")], **how)
    scores = scores.drop_duplicates(["arm", "metric"]).set_index(["arm", "metric"])
    table = pd.DataFrame(
        {
            "model": list(test),
            # the members alone, then the means of two and more
            "networks": [1] * (len(trials) + 1) + list(range(2, len(trials) + 2)),
            "validation": [part_score(each, metric) for each in validation.values()],
            "test": [scores.loc[(name, metric), "value"] for name in test],
            "low": [scores.loc[(name, metric), "low"] for name in test],
            "high": [scores.loc[(name, metric), "high"] for name in test],
            "accuracy": [scores.loc[(name, "accuracy"), "value"] for name in test],
        }
    )
    later = {name: each for name, each in test.items() if name != first}
    columns = {"value": "gain", "low": "gain_low", "high": "gain_high"}
    if not later:
        return table.assign(**dict.fromkeys(columns.values(), np.nan))
    gains = gain_table(
        dict.fromkeys(later, test[first]), later, metric=metric, what="minus the first", **how
    )
    gains = gains[gains["metric"] == metric].set_index("learner")[list(columns)]
    return table.join(gains.rename(columns=columns), on="model")


def _alone_and_together(members: Sequence[Predictions]) -> dict[str, Predictions]:
    """Each member, and the means of the first two, three, …, by name."""
    named = {member.model: member for member in members}
    for number in range(2, len(members) + 1):
        name = f"mean of {number}"
        named[name] = mean_probability(members[:number], model=name)
    return named


def _check_seeds(seeds: Sequence[int], ran: dict[str, Any]) -> None:
    if len(set(seeds)) < len(seeds) or ran["seed"] in seeds:
        raise ParameterError(
            f"again: {list(seeds)} must be different seeds, and none of them {ran['seed']}, the "
            f"one that {SOURCE} trained its network with."
        )


def predict_official(
    chapter: "Chapter", trials: "Sequence[Trial]", unlabelled: str
) -> dict[str, Predictions]:
    """What these networks say of a collection without answers, by model."""
    if not trials or not unlabelled:
        return {}
    from dermbook.data import load_collection
    from dermbook.evaluation import predict_unlabelled

    ran = chapter.needed_record(SOURCE).parameters
    size = {"height": ran["best_height"], "width": ran["best_width"]}
    images = load_collection(unlabelled)
    return {
        trial.name: predict_unlabelled(trial, images, flips=ran["best_flips"], **size)
        for trial in trials
    }
