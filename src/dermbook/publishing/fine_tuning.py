"""The tables and findings of the chapter *Fine-tuning*.

Each function returns a tidy table for ``Chapter.add_series`` or adds results to a chapter. What the
reports say comes from ``book/reported.yaml``, but for R4's curve, which is kept here.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split, cached_images
from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.comparison import paired_bootstrap
from dermbook.evaluation.merging import in_two
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.publishing.decisions import prevalence_differs
from dermbook.publishing.effects import with_interval
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict

#: val_f1 of R4's ResNet50V2, epochs 1 to 22, as its training log prints it (row 4.8)
R4_VAL_F1 = (
    0.4747, 0.5196, 0.5601, 0.5147, 0.6832, 0.6988, 0.7528, 0.7520, 0.7672, 0.7987, 0.7882,
    0.8199, 0.7951, 0.8307, 0.8200, 0.8161, 0.8587, 0.8416, 0.8484, 0.8543, 0.8452, 0.8575,
)  # fmt: skip
#: the epochs after which that log says that the rate was reduced
R4_HALVED = (6, 11, 16, 21)
R4_CURVE = "R4's log"
#: R1 names two cancers in its introduction; its count of malignant images, "2,000", needs the third
MALIGNANT_LISTS: Mapping[str, tuple[str, ...]] = {
    "R1's introduction": ("mel", "bcc"),
    "HAM10000's authors": ("mel", "bcc", "akiec"),
}
_R1_NAMES = {"sgd": "SGD", "adam": "Adam", "adamax": "Adamax", "nadam": "Nadam"}
_PAIRED = ("balanced_accuracy", "accuracy", "f1_macro")


def prevalences(collection: Collection) -> pd.DataFrame:
    """Malignant images by who says what is malignant: list, classes, images, share."""
    counts = collection.class_counts()
    rows = []
    for name, classes in MALIGNANT_LISTS.items():
        there = [each for each in classes if each in counts.index]
        images = int(counts[there].sum())
        rows.append((name, ", ".join(there), images, images / len(collection)))
    matrix = load_reported().table("R1.confusion")
    tested = matrix.loc["malignant"].sum()
    rows.append(("R1's test part", "as reported", int(tested), tested / matrix.to_numpy().sum()))
    return pd.DataFrame(rows, columns=["list", "classes", "images", "share"])


def r1_optimizers() -> pd.DataFrame:
    """R1's accuracies by optimizer (row 1.9): train, test; index the name in lower case."""
    claims = load_reported()
    rows = {
        key: [
            claims.claim(f"R1.optimizers:inceptionv3-{key}:{part}-accuracy")["value"]
            for part in ("train", "test")
        ]
        for key in _R1_NAMES
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["train", "test"]).astype(float)


def optimizer_scores(
    train: Mapping[str, Arm], test: Mapping[str, Arm], *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Each optimizer's scores in training and test, beside R1's accuracies.

    Columns: optimizer, part, metric, value, low, high, reported (NaN for none), seeds.
    """
    reported, frames = r1_optimizers(), []
    keys = [("accuracy", ""), ("balanced_accuracy", "")]
    for part, arms in (("train", train), ("test", test)):
        found = arm_scores(arms, keys, resamples=resamples, seed=seed)
        found = found.assign(optimizer=found["arm"].str.removeprefix("ft-"), part=part)
        found["reported"] = [
            reported.loc[row.optimizer, part]
            if row.metric == "accuracy" and row.optimizer in reported.index
            else np.nan
            for row in found.itertuples()
        ]
        frames.append(found)
    columns = ["optimizer", "part", "metric", "value", "low", "high", "reported", "seeds"]
    return pd.concat(frames, ignore_index=True)[columns]


def optimizer_pairs(
    test: Mapping[str, Arm], *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Second minus first optimizer in test accuracy, for every pair, with R1's difference.

    Columns: comparison, value, low, high, reported (NaN where R1 has not both), agrees: "yes" where
    the interval is on R1's side of zero, "no" on the other, "open" where it holds zero.
    """
    reported = r1_optimizers()["test"]
    names = list(test)
    pairs = {_pair(a, b): (a, b) for a, b in combinations(names, 2)}
    if not pairs:
        raise ParameterError("optimizers: give at least two.")
    found = arm_differences(test, pairs, [("accuracy", "")], resamples=resamples, seed=seed)
    rows = []
    for row in found.itertuples():
        first, second = (each.removeprefix("ft-") for each in pairs[row.comparison])
        theirs = reported.get(second, np.nan) - reported.get(first, np.nan)
        rows.append((row.comparison, row.value, row.low, row.high, theirs, _agrees(row, theirs)))
    columns = ["comparison", "value", "low", "high", "reported", "agrees"]
    return pd.DataFrame(rows, columns=columns)


def kendall(pairs: pd.DataFrame) -> tuple[float, int]:
    """Kendall's τ-b between our ranking and R1's by test accuracy, and of how many pairs."""
    both = pairs.dropna(subset=["reported"])
    ours, theirs = np.sign(both["value"].to_numpy()), np.sign(both["reported"].to_numpy())
    untied = np.sqrt(np.count_nonzero(ours) * np.count_nonzero(theirs))
    return (float((ours * theirs).sum() / untied) if untied else np.nan), len(both)


def r0_optimizers() -> pd.DataFrame:
    """R0's table 5 (row 0.14), as far as its rows can be told: row, f1_weighted, loss."""
    claims = load_reported()
    rows = []
    for key in ("adam", "second-row", "third-row"):
        group = f"R0.T5:multi-input-simple-{key}:"
        rows.append(
            (
                key.replace("-", " "),
                float(claims.claim(f"{group}test-f1_weighted")["value"]),
                float(claims.claim(f"{group}validation-loss")["value"]),
            )
        )
    return pd.DataFrame(rows, columns=["row of R0's table 5", "test f1_weighted", "loss"])


def rate_table(
    validation: Mapping[str, Arm], rates: Sequence[float], batch_sizes: Sequence[int], **options
) -> pd.DataFrame:
    """Validation scores of each rate and batch size: learning_rate, batch_size, value, low, high.

    value is balanced accuracy. Nothing of the test part is looked at.
    """
    found = arm_scores(validation, [("balanced_accuracy", "")], **options).set_index("arm")
    rows = []
    for rate in rates:
        for size in batch_sizes:
            row = found.loc[f"ft-rate{rate:g}-batch{size}"]
            rows.append((rate, size, row["value"], row["low"], row["high"]))
    return pd.DataFrame(rows, columns=["learning_rate", "batch_size", "value", "low", "high"])


def size_table(validation: Mapping[str, Arm], **options) -> pd.DataFrame:
    """Validation scores by image size: size, value, low, high (balanced accuracy)."""
    if not validation:
        columns = ["size", "value", "low", "high"]
        return pd.DataFrame([["none was tried", *[np.nan] * 3]], columns=columns)
    found = arm_scores(validation, [("balanced_accuracy", "")], **options)
    found = found.assign(size=found["arm"].str.removeprefix("ft-size-"))
    return found[["size", "value", "low", "high"]]


def best_and_last(test: Mapping[str, Arm], **options) -> pd.DataFrame:
    """Test scores of the best epoch minus those of the last: metric, last, best, value, low, high,
    seeds."""
    keys = [(metric, "") for metric in _PAIRED]
    found = arm_differences(test, {"best − last": ("ft-last", "ft-best")}, keys, **options)
    found = found.rename(columns={"first": "last", "second": "best"})
    return found[["metric", "last", "best", "value", "low", "high", "seeds"]]


def depth_effects(trials: "Mapping[str, Trial]", *, seed: int = 0) -> pd.DataFrame:
    """Test scores of each depth minus the first one's: comparison, metric, value, low, high."""
    (first, reference), *others = trials.items()
    frames = []
    for depth, trial in others:
        found = paired_bootstrap(
            reference.predictions["test"], trial.predictions["test"], _PAIRED, seed=seed
        )
        found = found.rename(columns={"difference": "value"})
        found.insert(0, "comparison", f"{depth} − {first}")
        frames.append(found[["comparison", "metric", "value", "low", "high"]])
    if not frames:
        raise ParameterError("depths: give at least two.")
    return pd.concat(frames, ignore_index=True)


def tuning_gains(
    frozen: "Trial", tuned: "Trial", malignant: Sequence[str], *, seed: int = 0
) -> pd.DataFrame:
    """The whole network after fine-tuning minus the head on its frozen backbone, on the test part.

    Columns: task ("7 classes" or R1's), metric, first (frozen), second, value, low, high.
    """
    frames = []
    tests = [each.predictions["test"] for each in (frozen, tuned)]
    tasks = {
        f"{len(tests[0].classes)} classes": tests,
        "malignant or benign": [in_two(each, malignant) for each in tests],
    }
    for task, (first, second) in tasks.items():
        found = paired_bootstrap(first, second, _PAIRED, seed=seed)
        found = found.rename(columns={"difference": "value"})
        found.insert(0, "task", task)
        frames.append(found[["task", "metric", "first", "second", "value", "low", "high"]])
    return pd.concat(frames, ignore_index=True)


def retrain(base: str, collection: Collection, split: Split, *, height: int, width: int, **options):
    """A second backbone trained in all its layers, by its depth's name; nothing for no name.

    options: see ``evaluation.fine_tuning.unfreezing``.
    """
    from dermbook.evaluation.fine_tuning import unfreezing

    if not base:
        return {}
    images = cached_images(collection, height=height, width=width, progress=False)
    found = unfreezing(base, collection, split, images, ["all"], **options)
    return {f"{base}, all": trial for trial in found.values()}


def plateau_curves(by_mode: "Mapping[str, Trial]") -> pd.DataFrame:
    """R4's rule on R4's own log and on trainings under each mode.

    Columns: curve, mode, epoch, value, learning_rate, best, halved.
    """
    from dermbook.evaluation.fine_tuning import MODES, curves_with_halvings, r4_plateau, replayed

    log = pd.concat([replayed(R4_VAL_F1, r4_plateau(mode)) for mode in MODES])
    ours = curves_with_halvings(
        {mode: trial.fit.history for mode, trial in by_mode.items()}, monitor="val_f1"
    )
    return pd.concat(
        [log.assign(curve=R4_CURVE), ours.assign(curve="this training")], ignore_index=True
    )


def halving_table(curves: pd.DataFrame) -> pd.DataFrame:
    """``halvings`` of each curve: curve, mode, halved, wrong, epochs."""
    from dermbook.evaluation.fine_tuning import halvings, r4_plateau

    patience = r4_plateau("max").patience
    frames = [
        halvings(of, patience=patience).assign(curve=curve)
        for curve, of in curves.groupby("curve", sort=False)
    ]
    return pd.concat(frames, ignore_index=True)[["curve", "mode", "halved", "wrong", "epochs"]]


def speed_table(
    base: str,
    collection: Collection,
    split: Split,
    images: CachedImages,
    policies: Sequence[str],
    **options,
) -> pd.DataFrame:
    """``speeds`` under each policy, or one row that says that nothing was timed."""
    from dermbook.evaluation.fine_tuning import speeds

    if policies:
        return speeds(base, collection, split, images, policies=policies, **options)
    columns = ["policy", "compiled", "first", "step", "loss", "balanced_accuracy", "error"]
    return pd.DataFrame([["nothing was timed", False, *[np.nan] * 4, ""]], columns=columns)


def add_trials(chapter: "Chapter", trials: "Mapping[str, Sequence[Trial]]") -> None:
    """Keep the first trial of each setting: Predictions and scores of validation and test part."""
    for first, *_ in trials.values():
        for part in ("validation", "test"):
            chapter.add_predictions(first.predictions[part], weights=first.parameters)


def add_answers(chapter: "Chapter", trials: "Iterable[Trial]") -> None:
    """Put R1's test accuracies beside those of the trials that took its steps."""
    claims = {f"ft-{key}": f"R1.optimizers:inceptionv3-{key}" for key in _R1_NAMES} | {
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
    for about, task in (("1.11", gains.iloc[1]), ("4.11", gains.iloc[0])):
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
    adam = pairs[pairs["comparison"].isin([_pair("adam", "rmsprop"), _pair("adam", "adagrad")])]
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


def _pair(first: str, second: str) -> str:
    return f"{second.removeprefix('ft-')} − {first.removeprefix('ft-')}"


def _agrees(row, theirs: float) -> str:
    if np.isnan(theirs) or not (row.low > 0 or row.high < 0) or theirs == 0:
        return "open"
    return "yes" if (row.low > 0) == (theirs > 0) else "no"


def _fate(row: pd.Series) -> str:
    """What became of an arm, in words."""
    if row["exploded"]:
        return f"not finite at step {int(row['steps'])}"
    return f"finite for {int(row['steps'])} steps, loss {row['last_loss']:.3g}"


def _times(row: pd.Series) -> str:
    return f"halvings {int(row['halved'])}, of them without a plateau {int(row['wrong'])}"
