"""Trains the networks of ``models.gan`` on the images of one class, and keeps where it was.

Everything drawn (which images, which numbers, which changes) follows from the seed and the number
of the round, so a killed training goes on exactly where it stood.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from dermbook.data import CachedImages
from dermbook.errors import DataError, ParameterError
from dermbook.models.gan import LOSSES, Adversarial, discriminator, generator
from dermbook.training.checkpointing import Checkpoint, copied, load_checkpoint
from dermbook.training.seeds import seed_everything

#: images of each kind that are scored after a round
_SCORED = 64


@dataclass(frozen=True)
class Play:
    """How the two networks train. Raises ParameterError for numbers out of range.

    steps: of each network. batch: real images a step. rate: of Adam, both networks. width, latent:
    see ``models.gan.generator``. average: see ``Adversarial``. shift: share of a side that images
    move by at most before they are scored; light: how much brighter or darker (of −1..1), and how
    much more or less contrast. every: steps in a round, after which the losses are written down.
    """

    steps: int = 2000
    batch: int = 16
    rate: float = 0.0004
    width: int = 32
    latent: int = 64
    average: float = 0.99
    shift: float = 0.125
    light: float = 0.2
    every: int = 50

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "every"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name}: must be 1 or more, not {getattr(self, name)}.")
        if self.rate <= 0:
            raise ParameterError(f"rate: must be above 0, not {self.rate}.")
        if not 0 <= self.shift < 1 or not 0 <= self.light < 1:
            raise ParameterError("shift, light: must be at least 0 and below 1.")


@dataclass(frozen=True, eq=False)
class Gan:
    """A trained pair. ``ids``: the images it was trained on. ``history``: one row a round: model,
    step, discriminator_loss, generator_loss, and the discriminator's mean score of training,
    held-out and generated images, unchanged."""

    name: str
    model: Adversarial
    ids: tuple[str, ...]
    history: pd.DataFrame
    latent: int

    def sample(self, count: int, *, seed: int = 0) -> np.ndarray:
        """Pictures by the averaged generator, uint8 (count, height, width, 3)."""
        numbers = np.random.default_rng([seed, 1]).normal(size=(count, self.latent))
        return as_bytes(_predict(self.model.average, numbers.astype(np.float32)))


def train_gan(
    name: str,
    images: CachedImages,
    ids: Sequence[str],
    *,
    held_out: Sequence[str],
    play: Play,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> Gan:
    """Train on the images ``ids``; ``held_out`` ones are scored as it goes and never trained on.

    checkpoint: a file that keeps every round, so that a killed training goes on. DataError for
    fewer than two training images, none held out, or images that are in both.
    """
    if len(ids) < 2 or not len(held_out):
        raise DataError(f"{name}: two training images and one held out are needed at least.")
    if both := set(ids) & set(held_out):
        raise DataError(f"{name}: {sorted(both)[0]!r} is among the training and held-out images.")
    real, unseen = as_floats(images.take(ids)), as_floats(images.take(held_out))
    model = new_model(real.shape[1:], play, seed=seed)
    signature = _signature(model, real, unseen, play, seed)
    rows = _restored(model, checkpoint, signature)
    for number in range(len(rows), -(-play.steps // play.every)):
        steps = min(play.every, play.steps - number * play.every)
        losses = _round(model, real, play, steps, np.random.default_rng([seed, number]))
        row = {"step": number * play.every + steps} | losses
        rows.append(row | _scores(model, real, unseen, play, seed))
        if not np.isfinite(list(row.values())).all():
            raise DataError(f"{name}: the loss is not finite after step {row['step']}; lower rate.")
        if checkpoint:
            state = Checkpoint.of(model, best_weights=None, rows=rows, progress={}, ended="")
            state.save(checkpoint, signature)
    history = pd.DataFrame(rows)
    history["step"] = history["step"].astype(int)
    history.insert(0, "model", name)
    return Gan(name, model, tuple(ids), history, play.latent)


def untrained(gan: Gan, play: Play, *, seed: int = 0) -> Gan:
    """The pair before its first step: what its pictures must at least be better than."""
    model = new_model(tuple(gan.model.average.output_shape[1:]), play, seed=seed)
    return Gan(f"{gan.name}-untrained", model, (), gan.history.head(0), play.latent)


def new_model(shape: tuple[int, int, int], play: Play, *, seed: int = 0) -> Adversarial:
    """An untrained, compiled pair for images of this shape."""
    seed_everything(seed)
    model = Adversarial(
        generator(tuple(shape), width=play.width, latent=play.latent),
        discriminator(tuple(shape), width=play.width),
        average=play.average,
    )
    optimizer = keras.optimizers.Adam(play.rate, beta_1=0.0, beta_2=0.9)
    model.compile(optimizer, jit_compile=keras.backend.backend() == "jax")
    return model


def as_floats(images: np.ndarray) -> np.ndarray:
    """uint8 as float32, −1..1."""
    return images.astype(np.float32) / 127.5 - 1


def as_bytes(images: np.ndarray) -> np.ndarray:
    """float, −1..1, as uint8, rounded."""
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def drawn_moves(rng: np.random.Generator, count: int, shape: tuple, play: Play) -> np.ndarray:
    """How ``count`` pairs of images are changed: float32 (count, 2, 6), see ``gan.moved``."""
    size = (count, 2)
    reach = [int(side * play.shift) for side in shape[:2]]
    columns = [
        *(rng.integers(0, 2, size) for _ in range(2)),
        *(rng.integers(-pixels, pixels + 1, size) for pixels in reach),
        rng.uniform(-play.light, play.light, size),
        1 + rng.uniform(-play.light, play.light, size),
    ]
    return np.stack(columns, axis=-1).astype(np.float32)


def _round(
    model: Adversarial, real: np.ndarray, play: Play, steps: int, rng: np.random.Generator
) -> dict[str, float]:
    """So many steps; the mean of both losses."""
    wanted = steps * play.batch
    orders = [rng.permutation(len(real)) for _ in range(-(-wanted // len(real)))]
    order = np.concatenate(orders)[:wanted].reshape(steps, play.batch)
    found = []
    for chosen in order:
        inputs = {
            "real": real[chosen],
            "numbers": rng.normal(size=(play.batch, play.latent)).astype(np.float32),
            "moves": drawn_moves(rng, play.batch, real.shape[1:], play),
        }
        logs = model.train_on_batch(inputs, return_dict=True)
        found.append([float(logs[f"{who}_loss"]) for who in LOSSES])
    return dict(
        zip([f"{who}_loss" for who in LOSSES], np.mean(found, axis=0).tolist(), strict=True)
    )


def _scores(
    model: Adversarial, real: np.ndarray, unseen: np.ndarray, play: Play, seed: int
) -> dict[str, float]:
    """Mean score of training, held-out and generated images."""
    rng = np.random.default_rng([seed, 2])
    numbers = rng.normal(size=(_SCORED, play.latent)).astype(np.float32)
    kinds = {
        "training": real[rng.permutation(len(real))[:_SCORED]],
        "held_out": unseen[:_SCORED],
        "generated": _predict(model.average, numbers),
    }
    return {
        f"score_{kind}": float(_predict(model.discriminator, images).mean())
        for kind, images in kinds.items()
    }


def _predict(network: keras.Model, values: np.ndarray) -> np.ndarray:
    """Without a compiled function, which takes longer to make than these few calls; in batches of
    one size, because some backends compile each operation for each size."""
    parts = []
    for start in range(0, len(values), _SCORED):
        batch = values[start : start + _SCORED]
        padded = np.resize(batch, (_SCORED, *batch.shape[1:]))
        scores = keras.ops.convert_to_numpy(network(padded, training=False))
        parts.append(scores[: len(batch)])
    return np.concatenate(parts)


def _restored(
    model: Adversarial, path: Path | None, signature: dict[str, str]
) -> list[dict[str, float]]:
    """The rounds that an earlier, killed training finished, its state put into the model."""
    state = load_checkpoint(path, signature)[0] if path else None
    if state is None:
        return []
    state.put_into(model)
    return list(state.rows)


def _signature(
    model: Adversarial, real: np.ndarray, unseen: np.ndarray, play: Play, seed: int
) -> dict[str, str]:
    """What two trainings must have in common to be the same one."""
    return {
        "images": _digest(real),
        "held out": _digest(unseen),
        "initial weights": _digest(*copied(model.variables)),
        "settings": repr(asdict(play)),
        "seed": repr(seed),
        "backend": f"{keras.backend.backend()} {keras.__version__}",
    }


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]
