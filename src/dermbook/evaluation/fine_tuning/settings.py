"""How a pretrained network is fine-tuned: every setting in one place, checked before training."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from dermbook.data.batches import Augment
from dermbook.errors import ParameterError
from dermbook.imaging.augmentation import RECIPES, Ranges, Recipe, recipe
from dermbook.models.parts import check_choice, check_rate
from dermbook.training.sampling import SHARES

SCHEDULES = ("constant", "cosine", "plateau")
MONITORS = {"val_loss": "min", "val_accuracy": "max", "val_balanced_accuracy": "max"}

#: A lesion has no up or down: every turn and mirroring of it is a picture that could have been
#: taken. Light and distance vary, too. No report has this recipe; it is ours.
TURNS = Recipe(
    "turns",
    "",
    Ranges(
        flip_horizontal=True,
        flip_vertical=True,
        rotation=180,
        shift=0.05,
        zoom=0.15,
        brightness=0.1,
        contrast=0.1,
        border="mirror",
    ),
    "–",
    "flips, any rotation, shift .05, zoom .15, brightness and contrast .1; border mirrored",
)


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """Settings of ``fine_tune``.

    Args:
        last: layers of the backbone that learn, from its end; 0 none, None all.
        batch_norm: see ``models.transfer.unfreeze``.
        epochs: of the whole network, at most.
        minutes: of training, at most; 0 for no limit. Another epoch is begun only if the longest
            one so far still fits, and the first one always is. Choose ``epochs`` so that they fit:
            a rate that follows a cosine comes down by the last of ``epochs``.
        learning_rate: the highest one.
        schedule: "cosine" rises over the first half epoch and then falls to nothing along a
            cosine; "plateau" halves the rate after 2 epochs that are no better; or "constant".
        optimizer: a name of Keras.
        weight_decay, clip: decoupled decay of the weights; bound of the norm of all gradients
            together. 0 for none.
        batch_size: images a step.
        sampling: see ``training.sampling.SHARES``: none, square-root or balanced.
        augment: the name of a recipe of ``imaging.augmentation``, "turns" (``TURNS``), a recipe or
            anything that ``Batches`` takes; None for nothing.
        warm_up: epochs, at most, in which the new head learns first, on the features of the frozen
            backbone, so that its random weights do not spoil what the backbone knows. 0 for none.
        smoothing: share of each label that is spread over all classes.
        ema: momentum of a running mean of the weights that takes their place at the end of every
            epoch; 0 for none.
        monitor, patience: what the best epoch is the best in, and how many epochs without a better
            one end the training; 0 for all epochs.
        restore_best: keep the weights of the best epoch; else those of the last.
        flips: predict every picture four times, mirrored both ways, and take the mean.
        dense, dropout, penalty: the head, see ``models.heads.add_head``.
        weights, scaling: of the backbone, see ``models.backbones.build_backbone``.

    Raises:
        ParameterError: a value out of range.
    """

    last: int | None = None
    batch_norm: str = "inference"
    epochs: int = 10
    minutes: float = 0.0
    learning_rate: float = 1e-4
    schedule: str = "cosine"
    optimizer: str = "adam"
    weight_decay: float = 0.0
    clip: float = 0.0
    batch_size: int = 32
    sampling: str = "none"
    augment: str | Augment | None = "none"
    warm_up: int = 20
    smoothing: float = 0.0
    ema: float = 0.0
    monitor: str = "val_loss"
    patience: int = 0
    restore_best: bool = True
    flips: bool = False
    dense: Sequence[int] = ()
    dropout: float = 0.0
    penalty: float = 0.0
    weights: str = "imagenet"
    scaling: str = "own"

    def __post_init__(self) -> None:
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("monitor", self.monitor, tuple(MONITORS))
        check_choice("sampling", self.sampling, tuple(SHARES))
        check_rate("smoothing", self.smoothing)
        check_rate("ema", self.ema)
        for name in ("minutes", "weight_decay", "clip", "warm_up", "patience"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ParameterError(f"{name}: must be 0 or more, not {getattr(self, name)!r}.")
        if self.epochs < 1 or not self.learning_rate > 0:
            raise ParameterError(
                "epochs must be 1 or more and learning_rate above 0, not "
                f"{self.epochs!r} and {self.learning_rate!r}."
            )
        self.augmentation()

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "FineTuning":
        """From keyword arguments; ParameterError names one that there is not."""
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise ParameterError(
                    f"fine_tune has no setting {name!r}; it has {', '.join(known)}."
                )
        return cls(**settings)

    def augmentation(self) -> Augment | None:
        """What ``Batches`` is to be given; None where nothing changes."""
        if self.augment is None or self.augment == "none":
            return None
        if self.augment == TURNS.name:
            return TURNS
        if not isinstance(self.augment, str):
            return self.augment
        if self.augment not in RECIPES:
            raise ParameterError(
                f"augment: {self.augment!r} is unknown; known are {', '.join(RECIPES)}, "
                f"{TURNS.name}."
            )
        return recipe(self.augment)
