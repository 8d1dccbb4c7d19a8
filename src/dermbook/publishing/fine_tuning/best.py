"""The best network of *Fine-tuning*, for its own chapter and for others to train again."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dermbook.data import CachedImages, Collection, Split

if TYPE_CHECKING:
    from dermbook.evaluation import Trial

#: what the score of the best epoch is called
MONITOR = "val_balanced_accuracy"


def best_name(parameters: Mapping[str, Any]) -> str:
    """How the best network of a run of *Fine-tuning* is called."""
    return f"{parameters['best_backbone']}-fine-tuned"


def train_best(
    parameters: Mapping[str, Any],
    lesions: Collection,
    split: Split,
    images: CachedImages,
    *,
    checkpoints: Path,
    name: str | None = None,
    seed: int | None = None,
    minutes: float | None = None,
    frozen: bool = False,
) -> "Trial":
    """Train the best network by the recipe that a run of *Fine-tuning* has as its parameters.

    Args:
        parameters: that run's, all of them.
        lesions, split: its collection and its split.
        images: uint8, of ``best_height`` by ``best_width`` pixels.
        checkpoints: a folder; a killed training goes on from it.
        name: of the model, in place of ``best_name``.
        seed: of the head, the draws, the order and the turning of images, in place of the run's.
        minutes: of training, at most, in place of ``best_minutes``.
        frozen: train the head alone, and for one epoch more on turned pictures.
    """
    from dermbook.evaluation.fine_tuning import fine_tune

    last = None if parameters["best_last"] < 0 else parameters["best_last"]
    length = {
        "last": last,
        "epochs": parameters["best_epochs"],
        "minutes": parameters["best_minutes"] if minutes is None else minutes,
        "learning_rate": parameters["best_rate"],
        "ema": parameters["best_ema"],
    }
    return fine_tune(
        parameters["best_backbone"],
        lesions,
        split,
        images,
        name=name or best_name(parameters),
        seed=parameters["seed"] if seed is None else seed,
        checkpoints=checkpoints,
        sampling=parameters["best_sampling"],
        augment=parameters["best_augment"],
        smoothing=parameters["best_smoothing"],
        flips=parameters["best_flips"],
        warm_up=parameters["warm_up"],
        weights=parameters["weights"],
        monitor=MONITOR,
        **({"last": 0, "epochs": 1} if frozen else length),
    )
