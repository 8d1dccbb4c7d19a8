"""The tables of the chapter *Fine-tuning*.

Each function returns a tidy table for ``Chapter.add_series``. What the reports say comes from
``book/reported.yaml``, but for R4's curve, which is kept here.
"""

from collections.abc import Mapping, Sequence
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
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.evaluation import Trial

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
#: R1's optimizers: name in Keras → in the report
R1_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamax": "Adamax", "nadam": "Nadam"}
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
        for key in R1_OPTIMIZERS
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
    pairs = {pair_name(a, b): (a, b) for a, b in combinations(names, 2)}
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


def pair_name(first: str, second: str) -> str:
    return f"{second.removeprefix('ft-')} − {first.removeprefix('ft-')}"


def _agrees(row, theirs: float) -> str:
    if np.isnan(theirs) or not (row.low > 0 or row.high < 0) or theirs == 0:
        return "open"
    return "yes" if (row.low > 0) == (theirs > 0) else "no"
