"""Generated images, judged: are they copies, are they like the real ones, and are they of use?

``cases`` trains a generator for each split, ``similarity`` compares sets of images as vectors, and
``benefit`` trains a classifier with and without.
"""

from dermbook.evaluation.generation.benefit import (
    ARMS,
    GENERATED,
    NOTHING,
    added_differences,
    added_scores,
    check_unseen,
    compare_added,
    predict_added,
)
from dermbook.evaluation.generation.cases import Case, Eyes, eyes, main_axes, make_cases, of_class
from dermbook.evaluation.generation.similarity import (
    frechet_bias,
    frechet_distance,
    frechet_table,
    likeness,
    likeness_summary,
    nearest,
    variety,
    with_flips,
)

__all__ = [
    "ARMS",
    "GENERATED",
    "NOTHING",
    "Case",
    "Eyes",
    "added_differences",
    "added_scores",
    "check_unseen",
    "compare_added",
    "eyes",
    "frechet_bias",
    "frechet_distance",
    "frechet_table",
    "likeness",
    "likeness_summary",
    "main_axes",
    "make_cases",
    "nearest",
    "of_class",
    "predict_added",
    "variety",
    "with_flips",
]
