"""What the chapter *Fine-tuning* keeps, answers and finds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.publishing.decisions import prevalence_differs
from dermbook.publishing.effects import with_interval
from dermbook.publishing.fine_tuning.tables import (
    R1_OPTIMIZERS,
    R4_CURVE,
    R4_HALVED,
    kendall,
    pair_name,
)

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict


def add_trials(chapter: "Chapter", trials: "Mapping[str, Sequence[Trial]]") -> None:
    """Keep the first trial of each setting: Predictions and scores of validation and test part."""
    for first, *_ in trials.values():
        for part in ("validation", "test"):
            chapter.add_predictions(first.predictions[part], weights=first.parameters)


def add_answers(chapter: "Chapter", trials: "Iterable[Trial]") -> None:
    """Put R1's test accuracies beside those of the trials that took its steps."""
    claims = {f"ft-{key}": f"R1.optimizers:inceptionv3-{key}" for key in R1_OPTIMIZERS} | {
        "ft-nadam-longer": "R1.nadam:inceptionv3-nadam-15-epochs",
        "ft-vgg16-last-all": "R1.vgg16:vgg16",
    }
    for trial in trials:
        claim = claims.get(trial.name)
        if trial.name.endswith("-last-150"):
            claim = "R1.unfrozen:inceptionv3-150-layers"
        if claim is None:
            continue
        chapter.answer(
            f"{claim}:test-accuracy",
            model=trial.name,
            part="test",
            metric="accuracy",
            not_comparable=prevalence_differs(trial.predictions["test"]),
        )


def add_findings(chapter: "Chapter") -> None:
    """State what this run says of rows 0.14, 1.8, 1.9, 1.11, 4.11 and lessons M5 and M7."""
    _optimizers_found(chapter)
    _gradients_found(chapter)
    _plateau_found(chapter)
    _last_epoch_found(chapter)
    _depth_found(chapter)
    _settings_found(chapter)


def _optimizers_found(chapter: "Chapter") -> None:
    pairs = chapter.series("optimizer-pairs")
    both = pairs[pairs["reported"].notna()]
    tau, number = kendall(pairs)
    counts = both["agrees"].value_counts()
    against_sgd = both[both["comparison"].str.contains("sgd")]
    if (against_sgd["agrees"] == "yes").all() and len(against_sgd):
        verdict, because = "confirmed", "every adaptive optimizer beats SGD, as R1 says"
    elif (against_sgd["agrees"] == "no").any():
        verdict, because = "not confirmed", "an adaptive optimizer is worse than SGD here"
    else:
        verdict, because = "cannot be compared", "some differences to SGD may be none"
    _state(
        chapter, "1.9", verdict,
        f"of {number} pairs the difference goes R1's way in {counts.get('yes', 0)}, the other way "
        f"in {counts.get('no', 0)} and is open in {counts.get('open', 0)}; Kendall's τ {tau:+.2f}",
        because,
    )  # fmt: skip


def _gradients_found(chapter: "Chapter") -> None:
    arms = chapter.series("explosions").set_index("arm")
    raw, cured = arms.loc["unscaled pixels"], arms.loc["unscaled, clipped, L2"]
    happened = bool(raw["exploded"]) and not cured["exploded"]
    _state(
        chapter, "1.8", "confirmed" if happened else "not confirmed",
        f"unscaled: {_fate(raw)}; clipped and regularised: {_fate(cured)}; with scaled pixels and "
        f"no remedy: {_fate(arms.loc['scaled pixels'])}",
        "R1's loss became infinite, and clipping at 1.0 with a penalty cured it",
    )  # fmt: skip


def _plateau_found(chapter: "Chapter") -> None:
    counts = chapter.series("halvings").set_index(["curve", "mode"])
    replay = chapter.series("plateaus")
    replay = replay[(replay["curve"] == R4_CURVE) & (replay["mode"] == "auto")]
    halved = tuple(replay.loc[replay["halved"], "epoch"].astype(int))
    ours = counts.drop(R4_CURVE, level="curve").droplevel("curve")
    chapter.finding(
        "M5",
        "confirmed" if halved == R4_HALVED else "not confirmed",
        measured=f"R4's own val_f1 under mode auto: halved after epochs "
        f"{', '.join(map(str, halved))}; {_times(counts.loc[(R4_CURVE, 'auto')])}; under mode max: "
        f"{_times(counts.loc[(R4_CURVE, 'max')])}. Our training"
        f"{' (phantom)' * chapter.phantom}: auto {_times(ours.loc['auto'])}, max "
        f"{_times(ours.loc['max'])}",
        because="the rule looked for a minimum of a score that ought to rise",
    )


def _last_epoch_found(chapter: "Chapter") -> None:
    effects = chapter.series("best-last").set_index("metric")
    row = effects.loc["balanced_accuracy"]
    if row["low"] > 0:
        verdict, because = "confirmed", "the last epoch is worse than the best one"
    elif row["high"] < 0:
        verdict, because = "not confirmed", "the last epoch is better than the best one"
    else:
        verdict, because = "cannot be compared", "the interval holds no difference"
    texts = [f"{name.replace('_', ' ')} {with_interval(each)}" for name, each in effects.iterrows()]
    _state(
        chapter, "M7", verdict,
        f"best epoch minus last, {int(row['seeds'])} seeds: " + ", ".join(texts), because,
    )  # fmt: skip


def _depth_found(chapter: "Chapter") -> None:
    effects = chapter.series("depth-effects")
    of = effects[effects["metric"] == "balanced_accuracy"]
    texts = [f"{row['comparison']} {with_interval(row)}" for _, row in of.iterrows()]
    gains = chapter.series("tuning-gains")
    gains = gains[gains["metric"] == "balanced_accuracy"]
    long = [f"{row['task']} {with_interval(row)}" for _, row in gains.iterrows()]
    measured = (
        "balanced accuracy, the whole network after its long training minus its frozen backbone: "
        f"{', '.join(long)}; after a short one on few images, layers that learn: {'; '.join(texts)}"
    )
    # R1's row is on malignant or benign, R4's on the seven classes
    binary = gains["task"] == "malignant or benign"
    for about, task in (("1.11", gains[binary].iloc[0]), ("4.11", gains[~binary].iloc[0])):
        if task["low"] > 0:
            verdict, because = "confirmed", "the deeper training is better than the frozen backbone"
        elif task["high"] < 0:
            verdict, because = "not confirmed", "the deeper training is worse"
        else:
            verdict, because = "cannot be compared", "the interval holds no difference"
        _state(chapter, about, verdict, measured, because)


def _settings_found(chapter: "Chapter") -> None:
    rates = chapter.series("rates")
    best = rates.loc[rates["value"].idxmax()]
    pairs = chapter.series("optimizer-pairs")
    adam = pairs[
        pairs["comparison"].isin([pair_name("adam", "rmsprop"), pair_name("adam", "adagrad")])
    ]
    texts = [f"{row['comparison']} {with_interval(row)}" for _, row in adam.iterrows()]
    chapter.finding(
        "0.14",
        "cannot be compared",
        measured=f"best on validation: rate {best['learning_rate']:g}, batch "
        f"{int(best['batch_size'])}; test accuracy: " + ("; ".join(texts) or "not both trained"),
        because="R0 has another collection and network, and the row labels of its table are lost",
    )


def _state(chapter: "Chapter", about: str, verdict: "Verdict", measured: str, because: str) -> None:
    """A finding; what the phantom shows says nothing of the reports' data."""
    if chapter.phantom:
        verdict, because = "cannot be compared", f"the phantom is not the reports' data; {because}"
    chapter.finding(about, verdict, measured=measured, because=because)


def _fate(row: pd.Series) -> str:
    """What became of an arm, in words."""
    if row["exploded"]:
        return f"not finite at step {int(row['steps'])}"
    return f"finite for {int(row['steps'])} steps, loss {row['last_loss']:.3g}"


def _times(row: pd.Series) -> str:
    return f"halvings {int(row['halved'])}, of them without a plateau {int(row['wrong'])}"
