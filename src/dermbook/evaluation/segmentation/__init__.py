"""Lesion masks: scores, baselines, decisions, and U-Nets that are trained and judged.

``networks`` needs Keras, so it is not imported here.
"""

from dermbook.evaluation.segmentation.baselines import (
    ColourMaps,
    colour_features,
    mean_mask_maps,
    otsu_maps,
)
from dermbook.evaluation.segmentation.choosing import (
    THRESHOLDS,
    Decision,
    best_decision,
    decision_table,
    largest_patch,
)
from dermbook.evaluation.segmentation.overlap import (
    JACCARD_BAR,
    border,
    border_distances,
    dice,
    iou,
    iou_of_dice,
    judge_masks,
    pixel_counts,
    pooled_in_batches,
    threshold_jaccard,
)
from dermbook.evaluation.segmentation.scores import (
    METRICS,
    compare_masks,
    largest_spread,
    mask_scores,
    ways_of_averaging,
)

__all__ = [
    "JACCARD_BAR",
    "METRICS",
    "THRESHOLDS",
    "ColourMaps",
    "Decision",
    "best_decision",
    "border",
    "border_distances",
    "colour_features",
    "compare_masks",
    "decision_table",
    "dice",
    "iou",
    "iou_of_dice",
    "judge_masks",
    "largest_patch",
    "largest_spread",
    "mask_scores",
    "mean_mask_maps",
    "otsu_maps",
    "pixel_counts",
    "pooled_in_batches",
    "threshold_jaccard",
    "ways_of_averaging",
]
