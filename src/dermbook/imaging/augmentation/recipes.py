"""The reports' augmentation recipes, on uint8 batches: the same pixels for every Keras backend.

A recipe is called with a batch (n, height, width, 3) and a NumPy Generator and gives a new batch;
that is what ``dermbook.data.Batches(augment=…)`` wants, and ``Batches`` derives the generator from
seed, epoch and batch, so a training that is repeated sees the same copies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.imaging import geometric
from dermbook.imaging.augmentation import operations as op
from dermbook.imaging.checks import checked_images

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]

#: R1's malignant classes, as row 1.1's notes reckon them
MALIGNANT = ("mel", "bcc", "akiec")


@dataclass(frozen=True)
class Ranges:
    """Bounds of a random change of one picture; with the defaults nothing changes.

    flip_horizontal, flip_vertical: each with probability ½. rotation, shear: degrees, drawn from
    −bound … bound. shift: shares of height and width. zoom: the part seen is 1 − zoom … 1 + zoom of
    the picture, drawn for each axis by itself. brightness, contrast: factors 1 − bound …
    1 + bound. hue: share of a turn of the colour wheel. Colours change first, in random order, then
    one warp does all of the geometry. border: see ``operations``.

    Raises ParameterError for a bound out of range: 0 to below 1, hue to .5, shear below 90.
    """

    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    hue: float = 0.0
    border: str = "mirror"

    def __post_init__(self) -> None:
        limits = {"rotation": 180, "shift": 0.999, "zoom": 0.999, "shear": 89.0}
        limits |= {"brightness": 1.0, "contrast": 1.0, "hue": 0.5}
        for name, limit in limits.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ParameterError(
                    f"{name}: must lie between 0 and {limit:g}, not {getattr(self, name)}."
                )
        if self.border not in op.BORDERS:
            raise ParameterError(
                f"border: {self.border!r} is unknown; known are {', '.join(op.BORDERS)}."
            )

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A changed copy of uint8 (height, width, 3); the picture itself stays as it is."""
        result = self._coloured(image, rng)
        if self.flip_horizontal and rng.random() < 0.5:
            result = geometric.flip_horizontal(result)
        if self.flip_vertical and rng.random() < 0.5:
            result = geometric.flip_vertical(result)
        return op.warp(result, self._matrix(image.shape[:2], rng), border=self.border)

    def _coloured(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        amounts = {
            op.brightness: (1, self.brightness),
            op.contrast: (1, self.contrast),
            op.hue: (0, self.hue),
        }
        used = [(change, *amount) for change, amount in amounts.items() if amount[1]]
        for position in rng.permutation(len(used)) if used else ():
            change, middle, bound = used[position]
            image = change(image, float(rng.uniform(middle - bound, middle + bound)))
        return image

    def _matrix(self, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        matrix = op.NO_CHANGE
        if self.rotation:
            matrix = matrix @ op.rotation(rng.uniform(-self.rotation, self.rotation))
        if self.shift:
            down, right = rng.uniform(-self.shift, self.shift, 2) * size
            matrix = matrix @ op.shift(right, down)
        if self.shear:
            matrix = matrix @ op.shear(rng.uniform(-self.shear, self.shear))
        if self.zoom:
            matrix = matrix @ op.zoom(*rng.uniform(1 - self.zoom, 1 + self.zoom, 2))
        return matrix


@dataclass(frozen=True)
class Recipe:
    """One way to augment, and where it comes from.

    change: of one picture. row: of the reports' inventory ("" for ours). stated, chosen: what the
    report says, and what it leaves open and we chose. only, exempt: the classes that the report
    augmented, or did not; empty for all (``by_class`` obeys them, calling the recipe does not).
    """

    name: str
    row: str
    change: Change
    stated: str
    chosen: str = ""
    only: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()

    def __call__(self, batch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A new uint8 batch (n, height, width, 3); each picture draws its own change."""
        checked_images(batch)
        if batch.ndim != 4:
            raise ParameterError(f"A recipe takes batches (n, h, w, 3), not {batch.shape}.")
        return np.stack([self.change(image, rng) for image in batch])

    def augments(self, label: str) -> bool:
        """Whether the report changes pictures of this class."""
        return label not in self.exempt and (not self.only or label in self.only)


def recipe(name: str) -> Recipe:
    """The recipe of this name; ParameterError names the known ones."""
    if name not in RECIPES:
        raise ParameterError(f"recipe: {name!r} is unknown; known are {', '.join(RECIPES)}.")
    return RECIPES[name]


def recipe_table() -> pd.DataFrame:
    """One row a recipe: recipe, row, classes, stated, chosen."""
    rows = []
    for each in RECIPES.values():
        classes = "all"
        if each.only:
            classes = "only " + ", ".join(each.only)
        if each.exempt:
            classes = "all but " + ", ".join(each.exempt)
        rows.append((each.name, each.row or "–", classes, each.stated, each.chosen or "–"))
    return pd.DataFrame(rows, columns=["recipe", "row", "classes", "stated", "chosen by us"])


_R3 = Ranges(
    flip_horizontal=True, flip_vertical=True, rotation=20, brightness=0.1, contrast=0.1, hue=0.1,
    border="black",
)  # fmt: skip

#: name → recipe. "r3-mirror" is R3's without the black corners, "flips" a control that cannot be
#: told from an original by anything but content.
RECIPES: dict[str, Recipe] = {
    each.name: each
    for each in (
        Recipe("none", "", Ranges(), "nothing"),
        Recipe(
            "flips",
            "",
            Ranges(flip_horizontal=True, flip_vertical=True),
            "–",
            "horizontal and vertical flip, each with probability ½: no pixel changes its value",
        ),
        Recipe(
            "r1",
            "1.2",
            geometric.malignant_copy,
            "flips, rotation by 180°, scaling, cropping, translation; malignant class only",
            "one of the six a copy; scale .8 to 1.2, crop to .8, shift by .1; border mirrored",
            only=MALIGNANT,
        ),
        Recipe(
            "r2",
            "2.3",
            Ranges(
                flip_horizontal=True,
                flip_vertical=True,
                rotation=20,
                shift=0.1,
                zoom=0.1,
                border="edge",
            ),
            "ImageDataGenerator",
            "flips, rotation by 20°, shift and zoom of .1; border repeated (Keras' default)",
        ),
        Recipe(
            "r3",
            "3.5",
            _R3,
            "flips, rotation by 20°, brightness, contrast and hue .1; all classes but nv",
            "border black (torchvision's default); bilinear",
            exempt=("nv",),
        ),
        Recipe(
            "r3-mirror",
            "3.5",
            replace(_R3, border="mirror"),
            "as r3",
            "border mirrored, so that no corner is black",
            exempt=("nv",),
        ),
        Recipe(
            "r4",
            "4.4",
            Ranges(zoom=0.2, shear=0.2, border="edge"),
            "zoom .2, shear .2",
            "shear in degrees, as Keras reads it; border repeated (Keras' default)",
        ),
    )
}


def corner_moves(names: Sequence[str], *, height: int = 224, width: int = 224) -> pd.DataFrame:
    """How far a recipe can move the corner of a picture: recipe, operation, bound, pixels.

    One row for each geometric range that is in use, at its bound, others at rest; pixels of a
    picture of ``height`` × ``width``. Recipes that are not given as ``Ranges`` are left out.
    """
    corner = np.array([(width - 1) / 2, (height - 1) / 2, 1.0])
    rows = []
    for name in names:
        ranges = recipe(name).change
        if not isinstance(ranges, Ranges):
            continue
        moves = {
            "rotation": ("°", op.rotation(ranges.rotation)),
            "shift": ("", op.shift(ranges.shift * width, ranges.shift * height)),
            "zoom": ("", op.zoom(1 - ranges.zoom, 1 - ranges.zoom)),
            "shear": ("°", op.shear(ranges.shear)),
        }
        for operation, (unit, matrix) in moves.items():
            bound = getattr(ranges, operation)
            if bound:
                # where the corner of the picture is seen in the result: the inverse of "taken from"
                seen = np.linalg.inv(matrix) @ corner
                pixels = float(np.hypot(*(seen - corner)[:2]))
                rows.append((name, operation, f"{bound:g}{unit}", pixels))
    return pd.DataFrame(rows, columns=["recipe", "operation", "bound", "pixels"])
