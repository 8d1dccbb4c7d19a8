"""The same network again: what other seeds of one recipe bring, alone and together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.ensembles import mean_probability, part_score
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.evaluation.predictions import Predictions
from dermbook.publishing.ensembles.tables import RESAMPLES
from dermbook.publishing.ensembles.views import SOURCE, collection_of
from dermbook.publishing.fine_tuning.best import best_name, train_best

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter


def again_name(name: str, seed: int) -> str:
    """How the network ``name`` is called that was trained again from another seed."""
    return f"{name}-seed-{seed}"


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
            ran, lesions, split, images, name=again_name(best_name(ran), seed), seed=seed,
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
    name = best_name(chapter.needed_record(SOURCE).parameters)
    single = {
        part: [
            chapter.needed_predictions(SOURCE, name, part),
            *(trial.predictions[part] for trial in trials),
        ]
        for part in ("validation", "test")
    }
    validation, test = (_alone_and_together(single[part]) for part in ("validation", "test"))
    keys = [(name, "") for name in dict.fromkeys((metric, "accuracy"))]
    arms = {model: Arm((0,), (each,)) for model, each in test.items()}
    scores = arm_scores(arms, keys, resamples=resamples, seed=seed).set_index(["arm", "metric"])
    pairs = {model: (name, model) for model in arms if model != name}
    gains = pd.DataFrame(columns=["value", "low", "high"])
    if pairs:
        found = arm_differences(arms, pairs, keys[:1], resamples=resamples, seed=seed)
        gains = found.set_index("comparison")
    alone = [member.model for member in single["test"]]
    rows = []
    for model in test:
        score = scores.loc[(model, metric)]
        gain = gains.loc[model] if model in pairs else {}
        rows.append(
            {
                "model": model,
                "networks": 1 if model in alone else int(model.split()[-1]),
                "validation": part_score(validation[model], metric),
                **{"test": score["value"], "low": score["low"], "high": score["high"]},
                "accuracy": scores.loc[(model, "accuracy"), "value"],
                "gain": gain.get("value"),
                "gain_low": gain.get("low"),
                "gain_high": gain.get("high"),
            }
        )
    return pd.DataFrame(rows).astype({"gain": float, "gain_low": float, "gain_high": float})


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
