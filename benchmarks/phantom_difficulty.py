"""How hard is the phantom collection? Balanced accuracy of three observers, with intervals.

1. a linear model on each picture's mean colour: three numbers, no structure;
2. a small convolutional network trained on the pictures;
3. the oracle: Bayes' rule on the attributes that each lesion was really drawn from.

Training pictures have HAM10000's class imbalance, test pictures come from other lesions (another
seed) and are balanced. Writes ``book/appendix/phantom-difficulty.json`` and the table
``phantom-difficulty.inc`` that the datasheet includes. About three minutes on two cores::

    python benchmarks/phantom_difficulty.py
"""

import argparse
import json
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dermbook.data.collection import Collection
from dermbook.data.phantom import VERSION, latents, oracle, phantom
from dermbook.files import write_text

APPENDIX = Path(__file__).resolve().parents[1] / "book" / "appendix"
OBSERVERS = {
    "mean_colour": "linear model on the mean colour",
    "texture": "linear model on colour and texture statistics",
    "cnn": "small convolutional network",
    "oracle": "oracle (Bayes' rule on the true attributes)",
}


def pictures(collection: Collection) -> np.ndarray:
    """All pictures of a collection, uint8 (n, height, width, 3)."""
    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(collection.image, collection.ids)))


def mean_colours(images: np.ndarray) -> np.ndarray:
    """Mean red, green and blue of each picture, float64 (n, 3)."""
    return images.mean(axis=(1, 2))


def texture_statistics(images: np.ndarray) -> np.ndarray:
    """Colour and texture statistics of each picture, float32 (n, 99).

    In CIELAB: mean of the whole; mean, deviation and percentiles of the middle; deviation and
    percentiles of what two scales of blur remove; and the colours of a coarse grid, sorted.
    """
    return np.stack([_statistics(image) for image in images])


def _statistics(image: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    height, width = lab.shape[:2]
    middle = lab[height // 4 : -height // 4, width // 4 : -width // 4]
    percentiles = np.percentile(middle, [2, 25, 75, 98], axis=(0, 1))
    found = [lab.mean((0, 1)), middle.mean((0, 1)), middle.std((0, 1)), percentiles]
    for sigma in (height / 96, height / 32):
        detail = (lab - cv2.GaussianBlur(lab, (0, 0), sigma))[height // 8 : -height // 8]
        found += [detail.std((0, 1)), np.percentile(detail, [1, 5, 95, 99], axis=(0, 1))]
    grid = cv2.resize(lab, (6, 4), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    found.append(np.sort(grid[:, :2], axis=0))
    return np.concatenate([np.ravel(part) for part in found]).astype(np.float32)


def linear_model(strength: float = 1.0):
    """Standardised logistic regression with balanced class weights."""
    regression = LogisticRegression(C=strength, max_iter=2000, class_weight="balanced")
    return make_pipeline(StandardScaler(), regression)


def train_cnn(images: np.ndarray, codes: np.ndarray, *, epochs: int, seed: int = 0):
    """A network of four convolutions (81,000 weights), balanced weights, flips; a keras.Model."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)

    def convolve(x, filters, strides=1):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    inputs = keras.Input(images.shape[1:])
    x = convolve(layers.Rescaling(1 / 127.5, -1)(inputs), 16, strides=2)
    x = layers.MaxPooling2D()(convolve(x, 32))
    x = layers.MaxPooling2D()(convolve(x, 64))
    x = convolve(x, 96)
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    outputs = layers.Dense(7, activation="softmax")(layers.Dropout(0.3)(x))
    model = keras.Model(inputs, outputs)
    batches = len(codes) // 32
    rate = keras.optimizers.schedules.CosineDecay(2e-3, batches * epochs)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    weights = len(codes) / (7 * np.bincount(codes, minlength=7))
    for _ in range(epochs):
        order = rng.permutation(len(codes))
        for start in range(0, batches * 32, 32):
            rows = order[start : start + 32]
            batch = images[rows][:, :: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
            model.train_on_batch(
                batch.astype("float32"), codes[rows], sample_weight=weights[codes[rows]]
            )
    return model


def interval(
    truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray, resamples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of balanced accuracy, resampling whole lesions."""
    rng = np.random.default_rng(0)
    lesions, member = np.unique(groups, return_inverse=True)
    table = np.zeros((len(lesions), 7, 2))  # right answers and images, by lesion and class
    np.add.at(table, (member, truth, 0), truth == predicted)
    np.add.at(table, (member, truth, 1), 1)
    draws = rng.multinomial(len(lesions), np.full(len(lesions), 1 / len(lesions)), resamples)
    right, images = np.moveaxis(np.tensordot(draws, table, 1), -1, 0)
    scores = (right / images).mean(axis=1)
    return tuple(np.quantile(scores, (0.025, 0.975)).tolist())


def measure(
    train_images: int,
    test_images: int,
    epochs: int,
    *,
    size: tuple[int, int] = (96, 128),
    balance: str = "ham10000",
) -> dict:
    """Train and score every observer."""
    start = time.perf_counter()
    height, width = size
    train = phantom(train_images, height=height, width=width, seed=0, balance=balance)
    test = phantom(test_images, height=height, width=width, seed=1, balance="equal")
    seen, unseen, codes, truth = pictures(train), pictures(test), train.codes(), test.codes()
    model = train_cnn(seen, codes, epochs=epochs)
    colours = linear_model().fit(mean_colours(seen), codes)
    textures = linear_model(0.05).fit(texture_statistics(seen), codes)
    answers = {
        "mean_colour": colours.predict(mean_colours(unseen)),
        "texture": textures.predict(texture_statistics(unseen)),
        "cnn": model.predict(unseen.astype("float32"), batch_size=128, verbose=0).argmax(1),
        "oracle": oracle(latents(test)).argmax(1),
    }
    groups = test.table["group"].to_numpy()
    scores = {}
    for name, predicted in answers.items():
        low, high = interval(truth, predicted, groups)
        recalls = recall_score(truth, predicted, average=None)
        scores[name] = {
            "balanced_accuracy": round(float(balanced_accuracy_score(truth, predicted)), 4),
            "low": round(low, 4),
            "high": round(high, 4),
            "recall": dict(zip(test.classes, np.round(recalls, 4).tolist(), strict=True)),
        }
    return {
        "collection": "phantom",
        "version": VERSION,
        "train": {"images": train_images, "seed": 0, "balance": balance},
        "test": {
            "images": test_images,
            "lesions": len(np.unique(groups)),
            "seed": 1,
            "balance": "equal",
        },
        "size": list(size),
        "epochs": epochs,
        "interval": "95 % percentile bootstrap over lesions, 1000 resamples",
        "machine": f"{platform.machine()}, CPU",
        "seconds": round(time.perf_counter() - start),
        "scores": scores,
    }


def table(result: dict) -> str:
    """The datasheet's table in Markdown."""
    classes = list(result["scores"]["oracle"]["recall"])
    lines = [
        "| observer of the phantom | balanced accuracy | 95 % interval | "
        + " | ".join(f"recall {name}" for name in classes)
        + " |",
        "|---|---|---|" + "---|" * len(classes),
    ]
    for name, label in OBSERVERS.items():
        score = result["scores"][name]
        recalls = " | ".join(f"{score['recall'][c]:.2f}" for c in classes)
        lines.append(
            f"| {label} | {score['balanced_accuracy']:.3f} "
            f"| {score['low']:.3f} – {score['high']:.3f} | {recalls} |"
        )
    train, test = result["train"], result["test"]
    lines += [
        "",
        f"Phantom version {result['version']}, {result['size'][0]} × {result['size'][1]} pixels. "
        f"Trained on {train['images']:,} phantom images with HAM10000's class imbalance "
        f"(seed {train['seed']}; class weights balanced; network {result['epochs']} epochs), "
        f"tested on {test['images']:,} balanced images of {test['lesions']:,} other lesions "
        f"(seed {test['seed']}). Intervals: {result['interval']}. "
        f"Guessing scores {1 / len(classes):.3f}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", type=int, default=2000, help="training images")
    parser.add_argument("--test", type=int, default=1400, help="test images")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of the network")
    parser.add_argument("--dry-run", action="store_true", help="print only, write nothing")
    arguments = parser.parse_args()
    result = measure(arguments.train, arguments.test, arguments.epochs)
    print(table(result))
    if not arguments.dry_run:
        text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
        write_text(APPENDIX / "phantom-difficulty.json", text)
        write_text(APPENDIX / "phantom-difficulty.inc", table(result))


if __name__ == "__main__":
    main()
