"""How the reports trained the heads that they put on frozen networks."""

from dataclasses import dataclass
from typing import Any

from dermbook.errors import ParameterError
from dermbook.models.registry import nearest
from dermbook.training import EarlyStopping, Plateau
from dermbook.training.micro_f1 import MicroF1


@dataclass(frozen=True)
class Recipe:
    """One report's settings for a head: how long, in what steps, and when to stop.

    head: a key of ``dermbook.models.HEADS``. binary: R1's task, malignant or benign. train_part:
    whether the training part is predicted too, for a claim about it. ``chosen`` says what the
    report leaves open. Adam at 0.001 throughout.
    """

    head: str
    epochs: int
    batch_size: int
    early_stopping: EarlyStopping | None
    plateau: Plateau | None = None
    binary: bool = False
    train_part: bool = False
    chosen: str = ""

    def fit_options(self, epochs: int | None = None) -> dict[str, Any]:
        """Arguments of ``fit``, the metrics new for each call. epochs: at most so many."""
        return {
            "epochs": min(self.epochs, epochs or self.epochs),
            "learning_rate": 1e-3,
            "metrics": ["accuracy", MicroF1()],
            "early_stopping": self.early_stopping,
            "plateau": self.plateau,
        }


#: the reports' heads by name; the names are those of ``dermbook.models.HEADS``
RECIPES: dict[str, Recipe] = {
    "r4-vgg16": Recipe(
        "r4-vgg16",
        epochs=50,
        batch_size=16,
        early_stopping=EarlyStopping("val_accuracy", patience=5, min_delta=0.01, mode="max"),
    ),
    "r4-resnet50v2": Recipe(
        "r4-resnet50v2",
        epochs=50,
        batch_size=16,
        early_stopping=EarlyStopping("val_f1", patience=5, min_delta=0.01, mode="max"),
        plateau=Plateau("val_f1", factor=0.5, patience=5, min_learning_rate=1e-5, mode="max"),
        chosen="F1 over the whole epoch, and mode max: what R4's did is in the next chapter",
    ),
    "r2-mobilenetv2": Recipe(
        "r2-mobilenetv2",
        epochs=30,
        batch_size=32,
        early_stopping=EarlyStopping("val_loss", patience=8, mode="min"),
        train_part=True,
        chosen="epochs and patience are those of R2's own network",
    ),
    "r0": Recipe(
        "r0",
        epochs=50,
        batch_size=32,
        early_stopping=EarlyStopping("val_loss", patience=2, mode="min"),
        chosen="at most 50 epochs; the report gives no number",
    ),
    "r1-vgg": Recipe(
        "r1-vgg",
        epochs=20,
        batch_size=32,
        early_stopping=EarlyStopping("val_loss", patience=5, mode="min"),
        binary=True,
        chosen="the best of R1's 20 epochs by validation loss; batches of 32",
    ),
    "r1-inception": Recipe(
        "r1-inception",
        epochs=10,
        batch_size=32,
        early_stopping=EarlyStopping("val_loss", patience=5, mode="min"),
        binary=True,
        chosen="the best of R1's 10 epochs by validation loss; batches of 32",
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of that name; ParameterError naming the nearest if there is none."""
    if name not in RECIPES:
        raise ParameterError(
            f"recipe: there is no {name!r}.{nearest(name, RECIPES)} Recipes: {', '.join(RECIPES)}."
        )
    return RECIPES[name]
