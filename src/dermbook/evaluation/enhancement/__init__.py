"""What filters do: to pictures whose hair-free truth is known, and to a classifier's scores."""

from dermbook.evaluation.enhancement.effects import (
    cnn_effects,
    filter_effects,
    head_effects,
    verdict,
)
from dermbook.evaluation.enhancement.hair import (
    METHODS,
    harm_by_structure,
    judge_removal,
    pick_by_hair,
    pick_by_structure,
    removal_by_hair,
    removal_scores,
    threshold_study,
)
from dermbook.evaluation.enhancement.learners import (
    OFF,
    TEXTURE,
    filtered_images,
    filtered_vectors,
    held_in_memory,
    lean,
    lesions_to_filter,
    train_cnn,
    train_head,
)
from dermbook.evaluation.enhancement.similarity import psnr, ssim
from dermbook.evaluation.enhancement.throughput import throughput
from dermbook.evaluation.paired import seed_splits

__all__ = [
    "METHODS",
    "OFF",
    "TEXTURE",
    "cnn_effects",
    "filter_effects",
    "filtered_images",
    "filtered_vectors",
    "harm_by_structure",
    "head_effects",
    "held_in_memory",
    "judge_removal",
    "lean",
    "lesions_to_filter",
    "pick_by_hair",
    "pick_by_structure",
    "psnr",
    "removal_by_hair",
    "removal_scores",
    "seed_splits",
    "ssim",
    "threshold_study",
    "throughput",
    "train_cnn",
    "train_head",
    "verdict",
]
