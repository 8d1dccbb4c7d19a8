"""What each answer to unequal classes is worth: the same model, splits and seeds for all of them.

Rows 0.3, 3.2, 3.3, 2.1 and 4.5 of the reports, and why some classes end with an F1 of zero (0.15).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.networks import Setting, train_network
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.evaluation.predictions import Predictions
from dermbook.training.heads import logistic_head
from dermbook.training.imbalance import balanced_class_weights, prior_correction
from dermbook.training.sampling import SAMPLERS, sampled

NONE = "none"
#: name → report rows it is of
STRATEGIES: Mapping[str, str] = {
    NONE: "3.3, 4.7",
    "balanced weights": "0.3, 3.3, 4.5",
    "square-root weights": "",
    "oversampling": "0.3",
    "undersampling": "0.3",
    "combined": "2.1",
    "per-class factors": "3.2",
    "square-root sampling": "",
    "augmented oversampling": "0.3, 1.2",
    "prior correction": "",
}
METRICS = ("f1_macro", "f1_weighted", "f1_micro", "balanced_accuracy")
_KEYS = [(metric, "") for metric in METRICS]

#: (strategy, seed) → Predictions of the test part
Learn = Callable[[str, int], Predictions]


@dataclass(frozen=True)
class Plan:
    """Training ids, some perhaps several times, and the weight of each."""

    ids: tuple[str, ...]
    weights: np.ndarray


def plan(strategy: str, split: Split, collection: Collection, *, seed: int = 0) -> Plan:
    """What a strategy trains on: ids of the train part, and weights.

    ``prior correction`` trains on the images as they are. ParameterError for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ParameterError(
            f"strategy: {strategy!r} is unknown; known are {', '.join(STRATEGIES)}."
        )
    name = "oversampling" if strategy == "augmented oversampling" else strategy
    ids = sampled(name if name in SAMPLERS else NONE, split, collection, seed=seed)
    weights = np.ones(len(ids))
    if strategy in ("balanced weights", "square-root weights"):
        codes = collection.codes(ids)
        by_code = balanced_class_weights(
            codes, collection.classes, square_root=strategy.startswith("square")
        )
        weights = np.array([by_code[code] for code in codes])
    return Plan(ids, weights)


def vector_learner(
    vectors: pd.DataFrame,
    collection: Collection,
    splits: Mapping[int, Split],
    *,
    copies: Sequence[pd.DataFrame] = (),
) -> Learn:
    """A logistic head on vectors (indexed by image id), under any strategy.

    copies: vectors of augmented copies of every picture, for ``augmented oversampling``: a
    picture's first repetition is itself, the next ones are its copies in turn.
    """

    def learn(strategy: str, seed: int) -> Predictions:
        split = splits[seed]
        train, codes, weights = _training(vectors, copies, strategy, split, collection, seed)
        tested = split.parts["test"]
        (probabilities,) = logistic_head(
            train,
            codes,
            [vectors.loc[list(tested)].to_numpy()],
            classes=len(collection.classes),
            sample_weight=weights,
            images=len(split.parts["train"]),
        )
        return _predicted(strategy, split, collection, probabilities)

    return learn


def network_learner(
    images: CachedImages, collection: Collection, splits: Mapping[int, Split], setting: Setting
) -> Learn:
    """A small network trained from scratch, under any strategy that needs no copies."""

    def learn(strategy: str, seed: int) -> Predictions:
        from dermbook.training import predict_probabilities

        if strategy == "augmented oversampling":
            raise ParameterError("network_learner: augmented oversampling is not for networks yet.")
        split = splits[seed]
        chosen = plan(strategy, split, collection, seed=seed)
        model = train_network(
            setting, collection, split, images, arm=strategy, seed=seed, ids=chosen.ids,
            sample_weight=chosen.weights,
        )  # fmt: skip
        tested = split.parts["test"]
        probabilities = predict_probabilities(model, images, tested, progress=False)
        return _predicted(strategy, split, collection, probabilities)

    return learn


def compare_imbalance(
    learn: Learn, strategies: Sequence[str], seeds: Sequence[int]
) -> dict[str, Arm]:
    """Test Predictions of each strategy under every seed; ``none`` always comes first."""
    names = dict.fromkeys([NONE, *strategies])
    return {name: Arm(tuple(seeds), tuple(learn(name, seed) for seed in seeds)) for name in names}


def strategy_scores(arms: Mapping[str, Arm], **options) -> pd.DataFrame:
    """Macro, weighted and micro F1 and balanced accuracy: see ``paired.arm_scores``."""
    return arm_scores(arms, _KEYS, **options).rename(columns={"arm": "model"})


def strategy_effects(arms: Mapping[str, Arm], **options) -> pd.DataFrame:
    """Each strategy minus ``none``, same seeds and resamples: see ``paired.arm_differences``."""
    pairs = {name: (NONE, name) for name in arms if name != NONE}
    return arm_differences(arms, pairs, _KEYS, **options)


def class_scores(
    arms: Mapping[str, Arm], collection: Collection, splits: Mapping[int, Split]
) -> pd.DataFrame:
    """Each class under each strategy: strategy, class, train (images, mean over seeds), test,
    predicted (counts over all seeds), right, recall, precision, f1."""
    trained = {
        name: np.mean([np.sum(collection.codes(s.parts["train"]) == code) for s in splits.values()])
        for code, name in enumerate(collection.classes)
    }
    rows = []
    for strategy, arm in arms.items():
        truth = np.concatenate([each.truth_codes for each in arm.predictions])
        found = np.concatenate([each.predicted_codes for each in arm.predictions])
        for code, name in enumerate(collection.classes):
            test, predicted = int((truth == code).sum()), int((found == code).sum())
            right = int(((truth == code) & (found == code)).sum())
            scores = (
                _ratio(right, test),
                _ratio(right, predicted),
                _ratio(2 * right, test + predicted),
            )
            rows.append((strategy, name, trained[name], test, predicted, right, *scores))
    columns = ["strategy", "class", "train", "test", "predicted", "right"]
    return pd.DataFrame(rows, columns=[*columns, "recall", "precision", "f1"])


def spread(vectors: pd.DataFrame, collection: Collection, ids: Sequence[str]) -> pd.Series:
    """How unlike each other the images of a class are: mean squared distance to the class's mean,
    relative to that of all images to their mean (about 1: no more alike than any images).

    NaN for classes with fewer than two of ``ids``.
    """
    values = vectors.loc[list(ids)].to_numpy(dtype="float64")
    scale = values.std(axis=0)
    values = (values - values.mean(axis=0)) / np.where(scale > 0, scale, 1)
    codes = collection.codes(ids)
    whole = (values**2).sum(axis=1).mean()
    result = {}
    for code, name in enumerate(collection.classes):
        own = values[codes == code]
        # n − 1: a mean of few images lies too close to them
        result[name] = (
            ((own - own.mean(axis=0)) ** 2).sum() / (len(own) - 1) / whole
            if len(own) > 1
            else np.nan
        )
    return pd.Series(result, name="spread")


def why_zero(scores: pd.DataFrame, spreads: pd.Series) -> pd.DataFrame:
    """The classes with an F1 of zero, and what is known of them: strategy, class, train, test,
    predicted, spread, why. ``scores``: from ``class_scores``; spreads: from ``spread``."""
    zero = scores[scores["f1"] == 0].copy()
    zero["spread"] = zero["class"].map(spreads)
    zero["why"] = np.where(zero["predicted"] == 0, "never predicted", "predicted, never right")
    return zero[["strategy", "class", "train", "test", "predicted", "spread", "why"]].reset_index(
        drop=True
    )


def f1_and_size(scores: pd.DataFrame, spreads: pd.Series, *, seed: int = 0) -> pd.DataFrame:
    """Does a class's F1 go with its number of images, or with how unlike they are?

    Spearman's correlation over classes, by strategy: strategy, with, value, low, high (bootstrap of
    classes), classes. NaN where all F1 are equal.
    """
    rows = []
    for strategy, of in scores.groupby("strategy", sort=False):
        of = of.assign(spread=of["class"].map(spreads)).dropna(subset=["f1", "spread"])
        for name in ("train", "spread"):
            value, low, high = _correlation(of[name], of["f1"], seed)
            rows.append((strategy, name, value, low, high, len(of)))
    return pd.DataFrame(rows, columns=["strategy", "with", "value", "low", "high", "classes"])


def _training(
    vectors: pd.DataFrame,
    copies: Sequence[pd.DataFrame],
    strategy: str,
    split: Split,
    collection: Collection,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct training vectors, their codes, and weights that count the repetitions."""
    chosen = plan(strategy, split, collection, seed=seed)
    table = pd.DataFrame({"id": chosen.ids, "weight": chosen.weights})
    table["frame"] = 0
    frames = [vectors]
    if strategy == "augmented oversampling":
        if not copies:
            raise ParameterError("augmented oversampling needs the vectors of augmented copies.")
        frames += copies
        table["frame"] = table.groupby("id").cumcount() % len(frames)
    table = table.groupby(["frame", "id"], sort=True)["weight"].sum().reset_index()
    parts = [
        frames[number].loc[of["id"].tolist()].to_numpy() for number, of in table.groupby("frame")
    ]
    codes = collection.codes(table["id"].tolist())
    return np.concatenate(parts), codes, table["weight"].to_numpy()


def _predicted(
    strategy: str, split: Split, collection: Collection, probabilities: np.ndarray
) -> Predictions:
    if strategy == "prior correction":
        codes = collection.codes(split.parts["train"])
        probabilities = prior_correction(np.asarray(probabilities, dtype="float64"), codes)
    name = strategy.replace(" ", "-")
    return Predictions.from_probabilities(
        split.parts["test"], probabilities, collection, model=name, part="test"
    )


def _correlation(first: pd.Series, second: pd.Series, seed: int) -> tuple[float, float, float]:
    from scipy.stats import rankdata

    def spearman(a: np.ndarray, b: np.ndarray) -> float:
        a, b = rankdata(a), rankdata(b)
        return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else np.nan

    a, b = first.to_numpy(), second.to_numpy()
    if len(a) < 3 or not np.ptp(a) or not np.ptp(b):
        return np.nan, np.nan, np.nan
    rng = np.random.default_rng(seed)
    draws = [spearman(a[rows], b[rows]) for rows in rng.integers(0, len(a), (500, len(a)))]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return spearman(a, b), float(low), float(high)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
