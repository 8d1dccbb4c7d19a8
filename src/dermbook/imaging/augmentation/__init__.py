"""Augmentation: the reports' recipes, for all classes or for some, on the fly or in advance."""

from dermbook.imaging.augmentation.conditional import ByClass, by_class
from dermbook.imaging.augmentation.keras_layers import keras_layers
from dermbook.imaging.augmentation.offline import (
    as_transform,
    augmented,
    copy_of,
    disk_bytes,
    read_augmented,
    write_augmented,
)
from dermbook.imaging.augmentation.recipes import (
    RECIPES,
    Ranges,
    Recipe,
    corner_moves,
    recipe,
    recipe_table,
)

__all__ = [
    "RECIPES",
    "ByClass",
    "Ranges",
    "Recipe",
    "as_transform",
    "augmented",
    "by_class",
    "copy_of",
    "corner_moves",
    "disk_bytes",
    "keras_layers",
    "read_augmented",
    "recipe",
    "recipe_table",
    "write_augmented",
]
