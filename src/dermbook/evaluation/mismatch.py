"""Two silent mistakes between a pipeline and a model: labels in another order, pixels in another
scale.

Neither raises an error. R4 compared the predictions of a *shuffling* generator with labels in
folder order (lesson M1), and tested VGG16 on images scaled unlike those it was trained on (lesson
M4). Here both are done on purpose, beside the right way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score

from dermbook.data import CachedImages, Collection, Split
from dermbook.data.pipelines import DirectoryGenerator, Job
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.confusion import confusion, confusion_frame, permutation_test
from dermbook.evaluation.predictions import Predictions
from dermbook.models.backbones import scaled
from dermbook.training import balanced_class_weights, seed_everything

#: the four ways of comparing a generator's predictions with labels
KEPT = "order kept"
SHUFFLED = "shuffled"
JOINED = "shuffled, joined on image_id"
BY_FOLDER = "order kept, codes by folder name"


def generator_orders(
    model: keras.Model,
    collection: Collection,
    job: Job,
    *,
    seeds: Sequence[int] = (0,),
    permutations: int = 1000,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge one model by Keras' directory generator in four ways (lesson M1).

    model: trained on ``collection``'s codes, taking images of 0..255 of the job's size. job: the
    images to judge on, of this collection.

    ``KEPT`` and ``SHUFFLED`` do what R4 did: ``model.predict(generator)`` beside
    ``generator.classes``; only the second lets the generator shuffle, its default. ``JOINED`` takes
    the batches of the same generator with the ids that are in them. ``BY_FOLDER`` keeps the order,
    but the generator numbers the classes by the alphabet.

    Returns two tables. Runs, one row a way and seed: way, seed, evaluated (accuracy that
    ``model.evaluate`` gives), accuracy, by_chance, kappa, p_value (one-sided permutation test),
    images. Confusion matrices of the first seed: way, truth, predicted, count.

    ParameterError when no seed is given.
    """
    if not seeds:
        raise ParameterError("generator_orders: give at least one seed.")
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    kept, folder = (
        DirectoryGenerator(classes=classes, interpolation="box")
        for classes in (collection.classes, None)
    )
    judged = [
        (KEPT, seeds[0], *_by_position(model, kept, job)),
        (BY_FOLDER, seeds[0], *_by_position(model, folder, job)),
    ]
    for seed in seeds:
        shuffled = replace(kept, shuffle=True, seed=seed)
        evaluated, matrix = _by_position(model, shuffled, job)
        judged.append((SHUFFLED, seed, evaluated, matrix))
        judged.append((JOINED, seed, evaluated, _joined(model, shuffled, job, collection)))
    rows, matrices = [], []
    for way, seed, evaluated, matrix in judged:
        agreement = permutation_test(matrix, permutations=permutations, seed=seed)
        rows.append(
            {
                "way": way,
                "seed": seed,
                "evaluated": evaluated,
                "accuracy": agreement.observed,
                "by_chance": agreement.by_chance,
                "kappa": agreement.kappa,
                "p_value": agreement.p_value,
                "images": int(matrix.to_numpy().sum()),
            }
        )
        if seed == seeds[0]:
            cells = confusion_frame(matrix)
            cells.insert(0, "way", way)
            matrices.append(cells)
    order = [KEPT, SHUFFLED, JOINED, BY_FOLDER]
    runs = pd.DataFrame(rows)
    runs = runs.sort_values("way", key=lambda way: way.map(order.index), kind="stable")
    cells = pd.concat(sorted(matrices, key=lambda frame: order.index(frame["way"].iloc[0])))
    return runs.reset_index(drop=True), cells.reset_index(drop=True)


def network_features(
    model: keras.Model, images: CachedImages, ids: Sequence[str], scalings: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """What a trained network's last hidden layer says of images under several pixel scalings.

    model: from ``build``, with its layer ``scaled`` (0..1) after the input: that layer is passed
    over, and pixels scaled as ``dermbook.models.backbones.SCALINGS`` says go in its place. Returns,
    by scaling, a float32 table indexed by image id. Dropout is off.

    ParameterError for an unknown scaling or a model without that layer.
    """
    names = [layer.name for layer in model.layers]
    if "scaled" not in names:
        raise ParameterError(f"network_features: model {model.name} has no layer 'scaled'.")
    network = keras.Model(model.get_layer("scaled").output, model.layers[-2].output)
    pixels = images.take(ids)
    index = pd.Index(ids, name="image_id")
    return {
        name: pd.DataFrame(_embedded(network, lambda x, name=name: scaled(x, name), pixels), index)
        for name in scalings
    }


def backbone_features(
    collection: Collection,
    backbone: str,
    scalings: Sequence[str],
    *,
    height: int,
    width: int,
    weights: str = "imagenet",
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Pooled features of a published backbone under several pixel scalings, as tables by scaling.

    Cached (``dermbook.models.features.frozen_features``, whose parameters and errors these are).
    """
    from dermbook.models.features import frozen_features

    return {
        name: frozen_features(
            collection,
            backbone,
            height=height,
            width=width,
            weights=weights,
            scaling=name,
            seed=seed,
        ).frame()
        for name in scalings
    }


def swap_matrix(
    vectors: Mapping[str, pd.DataFrame],
    codes: pd.Series,
    split: Split,
    *,
    part: str = "test",
    epochs: int = 16,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> pd.DataFrame:
    """Train a softmax head on features under one scaling, test it under every one (lesson M4).

    vectors: by scaling, features indexed by image id, all of one width. codes: integer labels by
    image id. A head is one dense layer, trained on the split's training part with Adam and balanced
    class weights; epochs, batch size and rate are R4's (row 4.7). Nothing is chosen on ``part``.

    Returns one row a pair: train, test (scalings), balanced_accuracy, accuracy, loss (mean
    cross-entropy in nats, from logits and so without a ceiling), cosine (mean over the images of
    the cosine between its two feature vectors), images.

    DataError when tables differ in width or lack images.
    """
    _check_vectors(vectors, codes, split, part)
    train, test = (list(split.parts[name]) for name in ("train", part))
    truth = codes.loc[test].to_numpy()
    outputs = int(codes.max()) + 1
    weights = balanced_class_weights(codes.loc[train].to_numpy(), outputs)
    fit_head = _head_trainer(next(iter(vectors.values())).shape[1], outputs, learning_rate, seed)
    heads = {
        name: fit_head(
            table.loc[train].to_numpy(np.float32),
            codes.loc[train].to_numpy(),
            class_weight=weights,
            epochs=epochs,
            batch_size=batch_size,
        )
        for name, table in vectors.items()
    }
    tested = {name: table.loc[test].to_numpy(np.float64) for name, table in vectors.items()}
    rows = []
    for one, other in product(vectors, repeat=2):
        kernel, bias = heads[one]
        logits = tested[other] @ kernel + bias
        predicted = logits.argmax(axis=1)
        rows.append(
            {
                "train": one,
                "test": other,
                "balanced_accuracy": balanced_accuracy_score(truth, predicted),
                "accuracy": float((truth == predicted).mean()),
                "loss": cross_entropy(logits, truth),
                "cosine": _cosine(tested[one], tested[other]),
                "images": len(test),
            }
        )
    return pd.DataFrame(rows)


def cross_entropy(logits: np.ndarray, truth: np.ndarray) -> float:
    """Mean of −log softmax(logits)[truth], computed from logits: never clipped, never infinite.

    scikit-learn's log loss stops at 36, where a probability meets the smallest float; R4's loss
    of 156.6 lies beyond it, for Keras also computes from logits.
    """
    largest = logits.max(axis=1)
    log_sum = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    return float(np.mean(log_sum - logits[np.arange(len(truth)), truth]))


def _by_position(
    model: keras.Model, pipeline: DirectoryGenerator, job: Job
) -> tuple[float, pd.DataFrame]:
    """R4's lines: evaluate, then predict beside ``classes``. Accuracy and confusion matrix."""
    evaluated = model.evaluate(pipeline.flow(job), verbose=0, return_dict=True)["accuracy"]
    flow = pipeline.flow(job)
    predicted = np.asarray(model.predict(flow, verbose=0)).argmax(axis=1)
    return float(evaluated), _matrix(flow.classes, predicted, list(flow.class_indices))


def _joined(
    model: keras.Model, pipeline: DirectoryGenerator, job: Job, collection: Collection
) -> pd.DataFrame:
    """Batches with their ids: Predictions join the truth, so their order cannot matter."""
    ids, rows = [], []
    for x, _, names in pipeline.open(job):
        rows.append(np.asarray(model.predict_on_batch(x)))
        ids += names
    predictions = Predictions.from_probabilities(
        ids, np.concatenate(rows), collection, model=model.name, part="test"
    )
    return confusion(predictions)


def _matrix(truth: np.ndarray, predicted: np.ndarray, names: list[str]) -> pd.DataFrame:
    k = len(names)
    counts = np.bincount(np.asarray(truth) * k + predicted, minlength=k * k).reshape(k, k)
    return pd.DataFrame(counts, index=names, columns=names)


def _embedded(
    network: keras.Model, scale: Callable[[np.ndarray], Any], pixels: np.ndarray, batch: int = 64
) -> np.ndarray:
    parts = []
    for start in range(0, len(pixels), batch):
        chunk = pixels[start : start + batch]
        padded = np.concatenate([chunk, np.repeat(chunk[-1:], batch - len(chunk), axis=0)])
        values = network.predict_on_batch(np.asarray(scale(padded)))
        parts.append(np.asarray(values, np.float32)[: len(chunk)].reshape(len(chunk), -1))
    return np.concatenate(parts)


def _head_trainer(
    width: int, outputs: int, learning_rate: float, seed: int
) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """A function that trains a dense layer from the same start each time it is called.

    It takes features (n, width), codes (n,) and options of Keras' ``fit``, and returns the kernel
    (width, outputs) and the bias (outputs,), float64.
    """
    layer = keras.layers.Dense(
        outputs, kernel_initializer=keras.initializers.GlorotUniform(seed=seed)
    )
    model = keras.Sequential([keras.Input((width,)), layer])
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # the steps are tiny; calling them one by one would take longer than computing them
    model.compile(optimizer=optimizer, loss=loss, steps_per_execution=16)
    # one compiled model for all heads, put back to its start before each
    variables = [*model.variables, *optimizer.variables]
    start = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]

    def fit_head(features: np.ndarray, codes: np.ndarray, **options: Any) -> tuple:
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        seed_everything(seed)
        model.fit(features, codes, verbose=0, **options)
        kernel, bias = layer.get_weights()
        return kernel.astype(np.float64), bias.astype(np.float64)

    return fit_head


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(np.mean((one * other).sum(axis=1) / np.maximum(norms, 1e-12)))


def _check_vectors(
    vectors: Mapping[str, pd.DataFrame], codes: pd.Series, split: Split, part: str
) -> None:
    if not vectors or part not in split.parts:
        raise ParameterError(f"swap_matrix: needs features, and a split with a part {part!r}.")
    widths = {name: table.shape[1] for name, table in vectors.items()}
    if len(set(widths.values())) > 1:
        raise DataError(f"swap_matrix: features differ in width: {widths}.")
    wanted = [*split.parts["train"], *split.parts[part]]
    for name, table in {**vectors, "codes": codes}.items():
        missing = pd.Index(wanted).difference(table.index)
        if len(missing):
            raise DataError(f"swap_matrix: {name} lacks {len(missing)} images, e.g. {missing[0]}.")
