"""What each chapter found, in sentences computed from a Record.

One function a chapter: it takes a Record and returns sentences. The page prints them for the
published run and for this run, so no figure in a conclusion is typed by hand.
"""

from dermbook.publishing.summaries.augmentation import augmentation
from dermbook.publishing.summaries.center_loss import center_loss
from dermbook.publishing.summaries.class_imbalance import class_imbalance
from dermbook.publishing.summaries.class_scores import CLASS_SCORES, class_scores
from dermbook.publishing.summaries.cnn_from_scratch import cnn_from_scratch
from dermbook.publishing.summaries.composite_images import composite_images
from dermbook.publishing.summaries.data_acquisition import (
    address_finding,
    data_acquisition,
    folder_finding,
)
from dermbook.publishing.summaries.data_cleaning import data_cleaning
from dermbook.publishing.summaries.decisions import decisions
from dermbook.publishing.summaries.enhancement import (
    effect_rows,
    enhancement,
    filter_finding,
    removal_rows,
)
from dermbook.publishing.summaries.ensembles import ensembles
from dermbook.publishing.summaries.exploration import exploration, size_finding
from dermbook.publishing.summaries.fairness_and_shift import fairness_and_shift
from dermbook.publishing.summaries.fine_tuning import fine_tuning
from dermbook.publishing.summaries.generation import generation
from dermbook.publishing.summaries.input_pipelines import input_pipelines
from dermbook.publishing.summaries.leaderboard import leaderboard
from dermbook.publishing.summaries.looking_inside import looking_inside
from dermbook.publishing.summaries.multi_input import multi_input
from dermbook.publishing.summaries.random_search import random_search
from dermbook.publishing.summaries.residual_networks import residual_networks
from dermbook.publishing.summaries.segmentation import segmentation
from dermbook.publishing.summaries.splits_and_leakage import splits_and_leakage
from dermbook.publishing.summaries.transfer_learning import transfer_learning

__all__ = [
    "CLASS_SCORES",
    "address_finding",
    "augmentation",
    "center_loss",
    "class_imbalance",
    "class_scores",
    "cnn_from_scratch",
    "composite_images",
    "data_acquisition",
    "data_cleaning",
    "decisions",
    "effect_rows",
    "enhancement",
    "ensembles",
    "exploration",
    "fairness_and_shift",
    "filter_finding",
    "fine_tuning",
    "folder_finding",
    "generation",
    "input_pipelines",
    "leaderboard",
    "looking_inside",
    "multi_input",
    "random_search",
    "removal_rows",
    "residual_networks",
    "segmentation",
    "size_finding",
    "splits_and_leakage",
    "transfer_learning",
]
