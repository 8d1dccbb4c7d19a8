"""How hard is the clinical phantom? Balanced accuracy over the nine partitions, with intervals.

1. a linear model on each picture's mean colour;
2. a linear model on colour and texture statistics (those of ``phantom_difficulty.py``);
3. with ``--network``: a small convolutional network trained on the pictures;
4. the oracle: Bayes' rule on the attributes that each lesion was really drawn from.

The partitions are learnt from right labels (``wrongly_labelled=0``) in the long-tailed training
collection; test pictures come from other lesions (another seed). Prints a table, and writes it to
``book/appendix/phantom-clinical-difficulty.inc`` with ``--write``. One to three minutes on two
cores::

    python benchmarks/phantom_clinical_difficulty.py --network --write
"""

import argparse
from pathlib import Path

import numpy as np
from phantom_difficulty import linear_model, mean_colours, pictures, texture_statistics
from sklearn.metrics import balanced_accuracy_score

from dermbook.data.collection import Collection
from dermbook.data.phantom import (
    CLINICAL_VERSION,
    clinical_latents,
    clinical_oracle,
    phantom_clinical,
)
from dermbook.data.phantom.clinical_taxonomy import BY_NAME, PARTITIONS
from dermbook.files import write_text

APPENDIX = Path(__file__).resolve().parents[1] / "book" / "appendix"
OBSERVERS = {
    "mean_colour": "linear model on the mean colour",
    "texture": "linear model on colour and texture statistics",
    "cnn": "small convolutional network",
    "oracle": "oracle (Bayes' rule on the true attributes)",
}


def partition_codes(collection: Collection) -> np.ndarray:
    """Position of each image's true partition in PARTITIONS, int64 (n,)."""
    return np.array([PARTITIONS.index(BY_NAME[n].nine) for n in collection.table["true_label"]])


def oracle_codes(collection: Collection) -> np.ndarray:
    """The partition an ideal observer names, all partitions being equally probable beforehand."""
    home = np.array([PARTITIONS.index(BY_NAME[name].nine) for name in collection.classes])
    prior = 1 / np.bincount(home, minlength=len(PARTITIONS))[home]
    posterior = clinical_oracle(clinical_latents(collection), collection.classes, prior)
    sums = [posterior[:, home == k].sum(1) for k in range(len(PARTITIONS))]
    return np.stack(sums, 1).argmax(1)


def train_cnn(images: np.ndarray, codes: np.ndarray, *, epochs: int, seed: int = 0):
    """A network of four convolutions, balanced class weights, flips; a keras.Model."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    inputs = keras.Input(images.shape[1:])
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for filters, pool in ((16, False), (32, True), (64, True), (96, False)):
        strides = 2 if filters == 16 else 1
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D()(x) if pool else x
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    outputs = layers.Dense(len(PARTITIONS), activation="softmax")(layers.Dropout(0.3)(x))
    model = keras.Model(inputs, outputs)
    batches = len(codes) // 32
    rate = keras.optimizers.schedules.CosineDecay(2e-3, batches * epochs)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    counts = np.bincount(codes, minlength=len(PARTITIONS))
    weights = (len(codes) / (len(PARTITIONS) * np.maximum(counts, 1))) ** 0.5
    for _ in range(epochs):
        order = rng.permutation(len(codes))
        for start in range(0, batches * 32, 32):
            rows = order[start : start + 32]
            batch = images[rows][:, :: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
            model.train_on_batch(
                batch.astype("float32"), codes[rows], sample_weight=weights[codes[rows]]
            )
    return model


def interval(truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of balanced accuracy, resampling whole lesions 1,000 times."""
    rng = np.random.default_rng(0)
    lesions, member = np.unique(groups, return_inverse=True)
    table = np.zeros((len(lesions), len(PARTITIONS), 2))
    np.add.at(table, (member, truth, 0), truth == predicted)
    np.add.at(table, (member, truth, 1), 1)
    draws = rng.multinomial(len(lesions), np.full(len(lesions), 1 / len(lesions)), 1000)
    right, images = np.moveaxis(np.tensordot(draws, table, 1), -1, 0)
    scores = (right / np.maximum(images, 1)).mean(axis=1)
    return tuple(np.quantile(scores, (0.025, 0.975)).tolist())


def measure(train_images: int, test_images: int, *, classes: int = 24, epochs: int = 0) -> dict:
    """Scores of every observer: balanced accuracy and its interval."""
    train = phantom_clinical(train_images, seed=0, classes=classes, wrongly_labelled=0)
    test = phantom_clinical(test_images, seed=1, classes=classes, wrongly_labelled=0)
    seen, unseen = pictures(train), pictures(test)
    codes, truth = partition_codes(train), partition_codes(test)
    answers = {
        "mean_colour": linear_model().fit(mean_colours(seen), codes).predict(mean_colours(unseen)),
        "texture": linear_model(0.05)
        .fit(texture_statistics(seen), codes)
        .predict(texture_statistics(unseen)),
    }
    if epochs:
        model = train_cnn(seen, codes, epochs=epochs)
        chances = model.predict(unseen.astype("float32"), batch_size=64, verbose=0)
        answers["cnn"] = chances.argmax(1)
    answers["oracle"] = oracle_codes(test)
    groups = test.table["group"].to_numpy()
    return {
        name: (float(balanced_accuracy_score(truth, found)), *interval(truth, found, groups))
        for name, found in answers.items()
    }


def table(scores: dict, train_images: int, test_images: int, classes: int, epochs: int) -> str:
    """The datasheet's table in Markdown."""
    lines = [
        "| observer of the clinical phantom | balanced accuracy | 95 % interval |",
        "|---|---|---|",
    ]
    lines += [
        f"| {OBSERVERS[name]} | {score:.3f} | {low:.3f} – {high:.3f} |"
        for name, (score, low, high) in scores.items()
    ]
    note = f"; network {epochs} epochs" if epochs else ""
    lines += [
        "",
        f"Clinical phantom version {CLINICAL_VERSION}, 96 × 128 pixels, nine partitions of "
        f"{classes} labels. Trained on {train_images:,} long-tailed phantom images (seed 0{note}), "
        f"tested on {test_images:,} of other lesions (seed 1). Intervals: 95 % percentile "
        f"bootstrap over lesions, 1000 resamples. Guessing scores {1 / len(PARTITIONS):.3f}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", type=int, default=2000, help="training images")
    parser.add_argument("--test", type=int, default=2000, help="test images")
    parser.add_argument("--classes", type=int, default=24, help="labels")
    parser.add_argument("--network", action="store_true", help="train the network too")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of the network")
    parser.add_argument("--write", action="store_true", help="write the datasheet's table")
    asked = parser.parse_args()
    epochs = asked.epochs if asked.network else 0
    scores = measure(asked.train, asked.test, classes=asked.classes, epochs=epochs)
    text = table(scores, asked.train, asked.test, asked.classes, epochs)
    print(text)
    if asked.write:
        write_text(APPENDIX / "phantom-clinical-difficulty.inc", text)


if __name__ == "__main__":
    main()
