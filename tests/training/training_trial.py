"""Tiny images, batches and a training that the tests share.

Run as a script it is a training in a process of its own, on the backend of KERAS_BACKEND:
``training_trial.py kill CHECKPOINT`` kills itself after two epochs; ``training_trial.py backend
FOLDER`` tries both networks and prints what it found as JSON.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook import models
from dermbook.data.batches import Batches
from dermbook.data.cache import CachedImages
from dermbook.training import EarlyStopping, Plateau, fit, predict_probabilities

CLASSES = 3


def tiny_images(count=48, side=16, seed=1):
    """Noise, brighter in the colour channel of the class. Codes 0, 1, 2, 0, …"""
    rng = np.random.default_rng(seed)
    codes = np.arange(count) % CLASSES
    means = 100 + 60 * np.eye(CLASSES)[codes]
    pixels = rng.normal(means[:, None, None, :], 50, (count, side, side, 3))
    pixels = pixels.clip(0, 255).astype(np.uint8)
    ids = pd.Index([f"I{i:04d}" for i in range(count)])
    return CachedImages(images=pixels, ids=ids, path=Path("tiny.npy")), codes


def tiny_batches(batch_size=12, seed=3, train=36, augment=None, kind=Batches):
    """Training batches of the first images (shuffled), validation batches of the rest."""
    images, codes = tiny_images()
    part = slice(0, train)
    options = {"batch_size": batch_size, "shuffle": True, "seed": seed, "augment": augment}
    return (
        kind(images, images.ids[part], codes[part], **options),
        Batches(images, images.ids[train:], codes[train:], batch_size=batch_size),
    )


def tiny_model(seed=0, **options):
    options = {"filters": (4,), "pool_after": (1,), "dense": (8,), "dropout": 0.3, **options}
    return models.build("r2-cnn", (16, 16, 3), CLASSES, seed=seed, **options)


def train(model, batches=None, epochs=4, **settings):
    """The training that is killed and resumed: dropout, plateau, early stopping, shuffling."""
    training, validation = batches or tiny_batches()
    defaults = {
        "learning_rate": 3e-3,
        "early_stopping": EarlyStopping(patience=4, mode="min"),
        "plateau": Plateau(patience=1, factor=0.5, mode="min", min_delta=0.02),
        "verbose": "none",
        "seed": 5,
        # the last weights: those of an early best epoch would hide what went wrong later
        "restore_best": False,
    }
    return fit(model, training, validation, epochs=epochs, **{**defaults, **settings})


def predictions(model):
    images, _ = tiny_images()
    return predict_probabilities(model, images, images.ids, progress=False)


def flip_some(batch, rng):
    """An augmentation that draws: each image flipped or not."""
    chosen = rng.random(len(batch)) < 0.5
    batch[chosen] = batch[chosen, :, ::-1]
    return batch


class Killed(BaseException):
    """What a test raises in place of a kill."""


def killed_after(epoch, with_what=Killed):
    def on_epoch(row):
        if row["epoch"] == epoch:
            raise with_what

    return on_epoch


def kill_myself(row):
    if row["epoch"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)


def try_backend(folder):
    import keras

    found = {"backend": keras.backend.backend()}
    one = models.build("one-conv", (16, 16, 3), 1, filters=4, dense=8)
    found["one-conv layers"] = [type(layer).__name__ for layer in one.layers]
    straight, again, resumed = tiny_model(), tiny_model(), tiny_model()
    batches = tiny_batches(augment=flip_some)
    first = train(straight, batches, epochs=3)
    train(again, batches, epochs=3)
    checkpoint = Path(folder) / "training.npz"
    try:
        train(resumed, batches, epochs=3, checkpoint=checkpoint, on_epoch=killed_after(1))
    except Killed:
        second = train(tiny := tiny_model(), batches, epochs=3, checkpoint=checkpoint)
    found["resumed from"] = second.resumed_from
    columns = first.history.columns.drop("seconds")
    found["same history"] = first.history[columns].equals(second.history[columns])
    found["deterministic"] = bool((predictions(straight) == predictions(again)).all())
    found["same after resuming"] = bool((predictions(straight) == predictions(tiny)).all())
    found["learned"] = bool(first.history["loss"].iloc[-1] < first.history["loss"].iloc[0])
    found["row sums"] = predictions(straight).sum(axis=1).tolist()
    return found


if __name__ == "__main__":
    if sys.argv[1] == "kill":
        train(tiny_model(), checkpoint=Path(sys.argv[2]), on_epoch=kill_myself)
    else:
        print(json.dumps(try_backend(sys.argv[2])))
