"""The chapter *Segmentation*: methods that find lesions, their tables, and the findings.

Nothing is typed here that a run could measure.
"""

from dermbook.publishing.segmentation.findings import (
    add_findings,
    averages,
    gap_of_rounding,
    reported_scores,
)
from dermbook.publishing.segmentation.methods import (
    BASELINES,
    FINAL,
    Material,
    Method,
    baselines,
    best,
    course_of,
    decided,
    material,
    networks,
    train_all,
    trained,
    try_recipes,
)
from dermbook.publishing.segmentation.tables import (
    class_quantiles,
    gain_table,
    judge_all,
    overlays,
    picture_table,
    unseen_phantoms,
    validation_table,
    wide_scores,
)

__all__ = [
    "BASELINES",
    "FINAL",
    "Material",
    "Method",
    "add_findings",
    "averages",
    "baselines",
    "best",
    "class_quantiles",
    "course_of",
    "decided",
    "gain_table",
    "gap_of_rounding",
    "judge_all",
    "material",
    "networks",
    "overlays",
    "picture_table",
    "reported_scores",
    "train_all",
    "trained",
    "try_recipes",
    "unseen_phantoms",
    "validation_table",
    "wide_scores",
]
