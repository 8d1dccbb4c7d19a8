"""Center loss, followed step by step and judged: what diverges, what collapses, what it gains.

R1 (row 1.13) joined center loss (Wen et al. 2016) to one sigmoid output and saw the loss reach
infinity. It names neither the weight of the term, nor where it was measured, nor the optimizer; so
several readings are trained here, each differing from the plainest one in what its name says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from dermbook.data import Batches, CachedImages, Collection, Split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.arms import Arm, differences, drawn_scores
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.trial import Trial
from dermbook.evaluation.uncertainty import percentile_interval

#: a loss that is this many times its first value has diverged, whatever it does afterwards
EXPLODED = 1000.0
#: an area under the curve of no use: a model below it has collapsed (or learned nothing)
GUESSING = 0.6
METRICS = ("balanced_accuracy", "roc_auc")
#: embeddings that have shrunk to less than this share of their first length are one point
SHRUNK = 0.01
#: images that the parts of the loss are measured on
PROBE = 256
#: so many steps are looked at one by one, and then every fifth: what explodes does so at once
EVERY_STEP, AND_THEN = 30, 5


@dataclass(frozen=True)
class Formulation:
    """One way to write center loss down: ``options`` are those of ``center_loss_network``.

    standardise: whether the vectors are standardised first (``standardised``).
    """

    name: str
    strength: float
    options: Mapping[str, Any] = field(default_factory=dict)
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    standardise: bool = False


# one dense layer on a pretrained network is R1's own head (row 1.7); its output is the embedding
_PLAIN = {"hidden": (), "dimensions": 64, "normalise": False}
_SIGMOID = {**_PLAIN, "head": "sigmoid"}

#: malignant or benign, in R1's and other formulations
ATTEMPTS: Mapping[str, Formulation] = {
    each.name: each
    for each in (
        Formulation("sigmoid, no center loss", 0.0, _SIGMOID),
        Formulation("sigmoid, λ = 1", 1.0, _SIGMOID),
        Formulation("sigmoid, λ = 1, summed", 1.0, {**_SIGMOID, "reduction": "sum"}),
        Formulation("sigmoid, λ = 1, ReLU", 1.0, {**_SIGMOID, "activation": "relu"}),
        Formulation("sigmoid, λ = 1, logit", 1.0, {**_SIGMOID, "place": "logit"}),
        Formulation("sigmoid, λ = 1, probability", 1.0, {**_SIGMOID, "place": "probability"}),
        Formulation("sigmoid, λ = 1, Adam", 1.0, _SIGMOID, "adam", 0.001),
        Formulation("softmax, λ = 1", 1.0, _PLAIN),
        Formulation("sigmoid, λ = 0.01", 0.01, _SIGMOID),
        Formulation("sigmoid, λ = 1, standardised", 1.0, _SIGMOID, standardise=True),
        Formulation("sigmoid, λ = 1, unit length", 1.0, {**_SIGMOID, "normalise": True}),
        Formulation("softmax, λ = 0.01, unit length", 0.01, {**_PLAIN, "normalise": True}),
    )
}
#: what R1 describes, as we read it, and the same with the head that R1 thought was needed
R1, R1_WITH_SOFTMAX = "sigmoid, λ = 1", "softmax, λ = 1"


def follow(
    formulation: Formulation,
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    *,
    steps: int,
    batch_size: int = 32,
    seed: int = 0,
) -> pd.DataFrame:
    """Train a formulation for some steps and look at the parts of its loss on the way.

    collection: in two classes. Columns formulation, seed, step (from 0: before training),
    cross_entropy, center_loss (half the mean squared distance, unweighted, whatever the
    formulation minimises), total (what it minimises), norm (mean length of the embeddings) on some
    training images, and auc on the validation part. Ends at the first value that is not finite.
    """
    import keras

    from dermbook.models.center_loss import center_loss_network
    from dermbook.training import seed_everything

    if len(collection.classes) != 2:
        raise DataError("follow: R1's task has two classes; relabel the collection first.")
    train, held_out = split.parts["train"], split.parts["validation"]
    if formulation.standardise:
        vectors = standardised(vectors, split)
    seed_everything(seed)
    model = center_loss_network(
        vectors.images.shape[1], 2, strength=formulation.strength, seed=seed, **formulation.options
    )
    optimizer = keras.optimizers.get(formulation.optimizer)
    optimizer.learning_rate = formulation.learning_rate
    one = model.output_shape[-1] == 1
    model.compile(optimizer, "binary_crossentropy" if one else "sparse_categorical_crossentropy")
    probe = train[:PROBE]
    seen = (vectors.take(probe), collection.codes(probe))
    unseen = (vectors.take(held_out), collection.codes(held_out))
    batches = Batches(
        vectors, train, collection.codes(train), batch_size=batch_size, shuffle=True, seed=seed
    )
    rows = [{"step": 0, **_parts(model, seen, unseen, batch_size)}]
    for step in range(1, steps + 1):
        epoch, position = divmod(step - 1, len(batches))
        if position == 0:
            batches.start_epoch(epoch)
        model.train_on_batch(*batches.batch(position))
        if step > EVERY_STEP and step % AND_THEN and step < steps:
            continue
        rows.append({"step": step, **_parts(model, seen, unseen, batch_size)})
        if not np.isfinite(rows[-1]["total"]):
            break
    frame = pd.DataFrame(rows)
    frame.insert(0, "formulation", formulation.name)
    frame.insert(1, "seed", seed)
    return frame


def standardised(vectors: CachedImages, split: Split) -> CachedImages:
    """Vectors minus the mean of the train part, divided by its standard deviation; float32."""
    train = vectors.take(split.parts["train"]).astype("float64")
    centre, spread = train.mean(axis=0), train.std(axis=0)
    values = (vectors.images - centre) / np.where(spread > 1e-6, spread, 1)
    return CachedImages(values.astype("float32"), vectors.ids, vectors.path)


def outcomes(steps: pd.DataFrame) -> pd.DataFrame:
    """How each training of ``follow`` ended, one row a formulation and seed.

    Columns formulation, seed, steps, first, largest, last (of what it minimises), norm and auc at
    the end, outcome: ``diverged`` if the loss was once not finite or over ``EXPLODED`` times its
    first value; else ``collapsed`` if the area under the curve ends below ``GUESSING`` or the
    embeddings have shrunk to under ``SHRUNK`` of their first length; else ``trains``.
    """
    rows = []
    for (name, seed), of in steps.groupby(["formulation", "seed"], sort=False):
        total = of["total"].to_numpy(dtype="float64", na_value=np.nan)
        first, last = total[0], total[-1]
        finite = np.isfinite(total)
        largest = np.max(total[finite]) if finite.all() else np.inf
        auc = float(of["auc"].iloc[-1])
        at_first, norm = float(of["norm"].iloc[0]), float(of["norm"].iloc[-1])
        outcome = "trains"
        if largest > EXPLODED * first:
            outcome = "diverged"
        elif not auc >= GUESSING or norm < SHRUNK * at_first:
            outcome = "collapsed"
        rows.append(
            (name, seed, int(of["step"].iloc[-1]), first, largest, last, norm, auc, outcome)
        )
    columns = ["formulation", "seed", "steps", "first", "largest", "last", "norm", "auc"]
    return pd.DataFrame(rows, columns=[*columns, "outcome"])


def largest_strength(vectors: np.ndarray, learning_rate: float, rate: float = 0.5) -> float:
    """The weight λ above which plain gradient descent on center loss diverges, about.

    For a linear embedding of vectors (n, d), a bias included, and the mean over images. The gap
    between embeddings and centers shrinks in each step by a share of η · λ · s, where s is the
    largest eigenvalue of the mean of x xᵀ, and by ``rate`` because the centers follow. Past a
    shrinkage of 2 it changes sign and grows: λ < (2 − rate) / (η s). Exact for a single class in
    full batches; cross-entropy, whose gradient is bounded, cannot hold it.
    """
    with_bias = np.column_stack([vectors, np.ones(len(vectors))]).astype("float64")
    eigenvalue = float(np.linalg.eigvalsh(with_bias.T @ with_bias / len(vectors))[-1])
    return (2.0 - rate) / (learning_rate * eigenvalue)


def compactness(embeddings: np.ndarray, codes: np.ndarray) -> float:
    """Mean squared distance to the own class's mean, relative to that between class means.

    embeddings: float (n, d); codes: int (n,). Classes count alike. 0: every class a point; large:
    the classes lie on top of each other. NaN for fewer than two classes, infinite where all class
    means are equal.
    """
    embeddings = np.asarray(embeddings, dtype="float64")
    present = np.unique(codes)
    if len(present) < 2:
        return float("nan")
    means = np.stack([embeddings[codes == code].mean(axis=0) for code in present])
    within = np.mean(
        [
            np.square(embeddings[codes == code] - mean).sum(axis=1).mean()
            for code, mean in zip(present, means, strict=True)
        ]
    )
    pairs = np.square(means[:, None] - means[None]).sum(axis=-1)
    between = pairs[np.triu_indices(len(present), 1)].mean()
    return float(within / between) if between > 0 else float("inf")


@dataclass(frozen=True)
class Study:
    """How the networks of the sweep are trained: two or more logits, softmax, unit length."""

    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.001
    patience: int = 5
    hidden: tuple[int, ...] = (64,)
    dimensions: int = 8
    checkpoints: Path | None = None


@dataclass(frozen=True)
class CenterTrial(Trial):
    """A ``Trial`` that also keeps its weight λ, its seed and the embedding of its validation part.

    ``embedding`` is float32 (n, d), row i that of the i-th validation image.
    """

    strength: float
    seed: int
    embedding: np.ndarray


def train_center(
    name: str,
    strength: float,
    vectors: CachedImages,
    collection: Collection,
    split: Split,
    study: Study,
    *,
    seed: int,
) -> CenterTrial:
    """Train one network on vectors and predict the validation part only (``with_test`` the test).

    Images are weighted so that classes count alike. The best epoch is that of the lowest
    validation *cross-entropy*, so that every λ is judged by the same rule.
    """
    import keras

    from dermbook.models.center_loss import center_loss_network, embed
    from dermbook.training import EarlyStopping, balanced_class_weights, fit

    model = center_loss_network(
        vectors.images.shape[1], len(collection.classes), strength=strength,
        hidden=study.hidden, dimensions=study.dimensions, seed=seed,
    )  # fmt: skip
    parts = {}
    for part in ("train", "validation"):
        ids = split.parts[part]
        parts[part] = Batches(
            vectors, ids, collection.codes(ids), shuffle=part == "train", seed=seed,
            batch_size=study.batch_size if part == "train" else len(ids),
        )  # fmt: skip
    entropy = keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy")
    result = fit(
        model,
        parts["train"],
        parts["validation"],
        epochs=study.epochs,
        learning_rate=study.learning_rate,
        metrics=("accuracy", entropy),
        class_weight=balanced_class_weights(parts["train"].codes, collection.classes),
        early_stopping=EarlyStopping("val_cross_entropy", patience=study.patience, mode="min"),
        checkpoint=study.checkpoints / f"{name}-{strength:g}-{seed}.npz"
        if study.checkpoints
        else None,
        seed=seed,
        verbose="none",
    )
    held_out = split.parts["validation"]
    predictions = {"validation": _predict(model, name, vectors, collection, held_out, "validation")}
    return CenterTrial(
        name, model.count_params(), model, result, predictions,
        strength=strength, seed=seed, embedding=embed(model, vectors.take(held_out)),
    )  # fmt: skip


def with_test(
    trial: CenterTrial, name: str, vectors: CachedImages, collection: Collection, split: Split
) -> CenterTrial:
    """The same trial under a name of its own, its test part predicted too: once, at the end."""
    parts = {
        part: _predict(trial.model, name, vectors, collection, split.parts[part], part)
        for part in ("validation", "test")
    }
    return CenterTrial(
        name, trial.parameters, trial.model, trial.fit, parts,
        strength=trial.strength, seed=trial.seed, embedding=trial.embedding,
    )  # fmt: skip


def sweep_table(trials: Sequence[CenterTrial], task: str) -> pd.DataFrame:
    """Validation scores of every trial: task, strength, seed, balanced_accuracy, roc_auc, ratio
    (``compactness``), best_epoch, diverged."""
    rows = []
    for trial in trials:
        found = trial.predictions["validation"]
        codes = found.truth_codes
        scores = balanced_accuracy_score(codes, found.predicted_codes), _auc(found)
        ratio = compactness(trial.embedding, codes)
        ending = trial.fit.best_epoch, trial.fit.diverged
        rows.append((task, trial.strength, trial.seed, *scores, ratio, *ending))
    columns = ["task", "strength", "seed", *METRICS, "ratio", "best_epoch", "diverged"]
    return pd.DataFrame(rows, columns=columns)


def chosen_strength(sweep: pd.DataFrame) -> float:
    """The λ above 0 with the best mean balanced accuracy on validation; of equals the smallest.

    sweep: of one task. ParameterError if it holds no λ above 0.
    """
    above = sweep[sweep["strength"] > 0]
    if above.empty:
        raise ParameterError("strengths: name at least one λ above 0.")
    means = above.groupby("strength", sort=True)["balanced_accuracy"].mean()
    return float(means.idxmax())


def compare_arms(
    without: Sequence[CenterTrial],
    with_center: Sequence[CenterTrial],
    *,
    resamples: int = 500,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test scores of both arms, and the second minus the first, over lesions and seeds.

    Scores: arm, metric, value, low, high, n, seeds. Differences: metric, first, second, value,
    low, high. Both arms meet the same resamples; they must be of the same seeds and hold the test
    part's Predictions.
    """
    arms = {"without": _arm(without), "with": _arm(with_center)}
    keys = [(metric, "") for metric in METRICS]
    draws = drawn_scores(arms, keys, lambda arm: arm.scores(), resamples=resamples, seed=seed)
    rows = []
    for name, found in draws.items():
        for key in keys:
            low, high, _ = percentile_interval(found[key][1:], 0.95)
            arm = arms[name]
            rows.append((name, key[0], found[key][0], low, high, len(arm), len(arm.seeds)))
    columns = ["arm", "metric", "value", "low", "high", "n", "seeds"]
    pairs = differences(draws, {"center loss": ("without", "with")}, keys)
    gained = [(key[0], *numbers) for _, key, *numbers in pairs]
    return (
        pd.DataFrame(rows, columns=columns),
        pd.DataFrame(gained, columns=["metric", "first", "second", "value", "low", "high"]),
    )


def embedding_points(
    trials: Mapping[str, CenterTrial], *, points: int = 600, seed: int = 0
) -> pd.DataFrame:
    """Embeddings of validation images as points in the plane of their two main directions.

    trials: by the name of a panel. Columns model, class, x, y; a random ``points`` of the images,
    the same ones for every model, without their ids.
    """
    frames = []
    for name, trial in trials.items():
        truth = trial.predictions["validation"].table["truth"].to_numpy(object)
        chosen = np.random.default_rng(seed).permutation(len(truth))[:points]
        flat = _two_directions(trial.embedding)[np.sort(chosen)]
        frames.append(
            pd.DataFrame(
                {"model": name, "class": truth[np.sort(chosen)], "x": flat[:, 0], "y": flat[:, 1]}
            )
        )
    return pd.concat(frames, ignore_index=True)


def _two_directions(embedding: np.ndarray) -> np.ndarray:
    """The two main components, float64 (n, 2), with signs that do not depend on the machine."""
    centred = np.asarray(embedding, dtype="float64") - np.mean(embedding, axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    if len(directions) < 2:
        directions = np.vstack([directions, np.zeros_like(directions)])
    flat = centred @ directions[:2].T
    signs = np.sign(flat[np.abs(flat).argmax(axis=0), range(2)])
    return flat * np.where(signs == 0, 1, signs)


def _parts(model: Any, seen: tuple, unseen: tuple, batch_size: int) -> dict[str, float]:
    """The loss of some training images, part by part, and the AUC of the validation part."""
    from keras import ops

    from dermbook.models.center_loss import center_loss, embed

    vectors, codes = seen
    with np.errstate(all="ignore"):
        answers = np.asarray(ops.convert_to_numpy(model(vectors)), dtype="float64")
        truth = _chance(answers, codes)
        entropy = float(-np.log(np.clip(truth, 1e-7, 1)).mean())
        embedding = embed(model, vectors)
        distance = float(center_loss(embedding, codes, model.center.centers))
        factor = batch_size if model.center.reduction == "sum" else 1
        norm = float(np.linalg.norm(embedding.astype("float64"), axis=1).mean())
        scores = _chance(np.asarray(ops.convert_to_numpy(model(unseen[0]))), np.ones(1, int))
    total = entropy + model.strength * factor * distance if model.strength else entropy
    auc = roc_auc_score(unseen[1], scores) if np.isfinite(scores).all() else 0.5
    values = {"cross_entropy": entropy, "center_loss": distance, "total": total, "norm": norm}
    return {**values, "auc": float(auc)}


def _chance(answers: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Probabilities of ``codes`` (one for all, or one a row), from either kind of output."""
    both = np.hstack([1 - answers, answers]) if answers.shape[1] == 1 else answers
    return both[np.arange(len(both)), np.broadcast_to(codes, len(both))]


def _predict(model, name, vectors, collection, ids, part) -> Predictions:
    from keras import ops

    # so small a network answers for a whole part at once, and nothing is compiled for it
    found = ops.convert_to_numpy(model(vectors.take(ids), training=False))
    return Predictions.from_probabilities(ids, found, collection, model=name, part=part)


def _arm(trials: Sequence[CenterTrial]) -> Arm:
    seeds = tuple(trial.seed for trial in trials)
    return Arm(seeds, tuple(trial.predictions["test"] for trial in trials))


def _auc(predictions: Predictions) -> float:
    """One against the rest, macro; of two classes the second's."""
    codes, values = predictions.truth_codes, predictions.probabilities
    if len(predictions.classes) == 2:
        return float(roc_auc_score(codes, values[:, 1]))
    each = [roc_auc_score(codes == code, values[:, code]) for code in np.unique(codes)]
    return float(np.mean(each))
