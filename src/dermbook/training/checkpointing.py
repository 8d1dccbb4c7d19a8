"""The state of a training between two epochs, on disk, so that a killed one can go on exactly."""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from dermbook.files import replacing

if TYPE_CHECKING:
    from dermbook.data.batches import Batches

FORMAT = 1


@dataclass
class Checkpoint:
    """Everything that decides how a training goes on.

    ``variables`` and ``optimizer`` are arrays in the order of ``model.variables`` (weights, moving
    averages, dropout generators) and ``optimizer.variables`` (step count, rate, moments).
    ``best_weights`` are those of the best epoch, in the order of ``model.weights``.
    ``rows`` are the history so far, ``progress`` the counters of stopping and plateau.
    """

    variables: list[np.ndarray]
    optimizer: list[np.ndarray]
    best_weights: list[np.ndarray] | None
    rows: list[dict[str, float]]
    progress: dict[str, Any]
    ended: str  # "" while it goes on, else why it ended: "patience", "diverged"

    @classmethod
    def of(cls, model: keras.Model, **rest: Any) -> "Checkpoint":
        """Take the model's and its optimizer's state; ``rest`` are the other fields."""
        return cls(
            variables=copied(model.variables),
            optimizer=copied(model.optimizer.variables),
            **rest,
        )

    def put_into(self, model: keras.Model) -> None:
        """Give the model and its (compiled) optimizer this state."""
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(model.variables, self.variables, strict=True):
            variable.assign(value)
        for variable, value in zip(model.optimizer.variables, self.optimizer, strict=True):
            variable.assign(value)

    def save(self, path: Path, signature: Mapping[str, str]) -> None:
        """Write all of it to one file, atomically, signed with ``signature``."""
        about = {
            "format": FORMAT,
            "signature": dict(signature),
            "rows": self.rows,
            "progress": self.progress,
            "ended": self.ended,
            "best": self.best_weights is not None,
        }
        groups = {
            "variables": self.variables,
            "optimizer": self.optimizer,
            "best": self.best_weights or [],
        }
        arrays = {
            f"{group}/{i:05d}": array
            for group, members in groups.items()
            for i, array in enumerate(members)
        }
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, about=np.array(json.dumps(about)), **arrays)


def copied(variables: Iterable[keras.Variable]) -> list[np.ndarray]:
    """The variables' values, not views of them, on any backend and device."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def load_checkpoint(
    path: Path, signature: Mapping[str, str]
) -> tuple[Checkpoint | None, str | None]:
    """Read a checkpoint if there is one of exactly this training.

    Returns:
        The checkpoint and None; or None and the reason, in words, why the file there is of no
        use (another setting, another version, damaged); or None and None if there is no file.
    """
    if not path.is_file():
        return None, None
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            names = sorted(file.files)
            if about.get("format") != FORMAT:
                return None, "it was written by another version of this book"
            changed = differences(about["signature"], signature)
            if changed:
                return None, f"it belongs to another training (different: {', '.join(changed)})"
            members = {
                group: [file[name] for name in names if name.startswith(f"{group}/")]
                for group in ("variables", "optimizer", "best")
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        return None, f"it cannot be read ({type(error).__name__}: {error})"
    return Checkpoint(
        variables=members["variables"],
        optimizer=members["optimizer"],
        best_weights=members["best"] if about["best"] else None,
        rows=about["rows"],
        progress=about["progress"],
        ended=about["ended"],
    ), None


def training_signature(
    model: keras.Model,
    train: "Batches",
    validation: "Batches | None",
    settings: Mapping[str, Any],
) -> dict[str, str]:
    """What two trainings must have in common to be the same one: part → its hash or value.

    ``model`` is compiled and about to start: its structure, its weights, its optimizer and loss
    count. Of the batches count the ids, their order and the content of the first batch, so that
    another image size, transform, batch size or label coding is another training.
    """
    return {
        "model": _digest(_structure(model)),
        "initial weights": _digest(*copied(model.variables)),
        "optimizer": _digest(without_names(keras.optimizers.serialize(model.optimizer))),
        "training images": _batches_digest(train),
        "validation images": "" if validation is None else _batches_digest(validation),
        "backend": f"{keras.backend.backend()} {keras.__version__}",
        **{name: repr(value) for name, value in settings.items()},
    }


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Names of the parts in which two signatures differ, sorted."""
    return sorted(k for k in {*one, *other} if one.get(k) != other.get(k))


def _batches_digest(batches: "Batches") -> str:
    batches.start_epoch(0)
    # a batch is a nest of arrays: (x, y[, w]) with x an array or a tuple of them
    first = keras.tree.flatten(batches.batch(0))
    ids = "\n".join(map(str, batches.ids))
    orders = [batches.order(epoch) for epoch in (0, 1)]
    labels = getattr(batches, "codes", None)
    return _digest(ids, len(batches), *first, *orders, labels)


def _structure(model: keras.Model) -> Any:
    """The model's configuration with its layers numbered.

    Keras's automatic names count up through a process ("conv2d_3"), so the same model built a
    second time would look like another one.
    """
    try:
        config = model.get_config()
    except NotImplementedError:  # a class of its own: its shapes and weights must do
        config = type(model).__qualname__
    names = {model.name: "model"}
    layers = list(model.layers)
    for layer in layers:
        names.setdefault(layer.name, f"layer {len(names)}")
        layers.extend(getattr(layer, "layers", []))
    shapes = [[*variable.shape, variable.dtype] for variable in model.variables]
    return [_renamed(config, names), shapes]


def _renamed(config: Any, names: Mapping[str, str]) -> Any:
    if isinstance(config, dict):
        return {str(key): _renamed(value, names) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [_renamed(value, names) for value in config]
    return names.get(config, config) if isinstance(config, str) else config


def without_names(config: Any) -> Any:
    """A serialised Keras object without the names it was given automatically."""
    if isinstance(config, dict):
        return {key: without_names(v) for key, v in config.items() if key != "name"}
    return config


def _digest(*things: Any) -> str:
    """SHA-256, shortened to 16 hexadecimal digits, of arrays and JSON values."""
    digest = hashlib.sha256()
    for thing in things:
        if isinstance(thing, np.ndarray):
            digest.update(f"{thing.dtype} {thing.shape} ".encode())
            digest.update(np.ascontiguousarray(thing))
        else:
            digest.update(json.dumps(thing, sort_keys=True, default=repr).encode())
    return digest.hexdigest()[:16]
