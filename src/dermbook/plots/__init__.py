"""Every figure of the book: tidy tables in, Matplotlib figures out, in one style.

Each function takes the table that a Record keeps as a series, so the published run and this run
are drawn by the same code. ``phantom=True`` writes *phantom data* into the figure.
"""

from dermbook.plots.acquisition import harvest_kills, harvest_outcomes
from dermbook.plots.augmentation import (
    copies_grid,
    recipe_grid,
    telltale_intervals,
    treatment_scores,
)
from dermbook.plots.center_loss import (
    embedding_points,
    loss_parts,
    strength_limit,
    strength_sweep,
)
from dermbook.plots.cleaning import (
    copy_thresholds,
    encoding_scores,
    filling_shifts,
    flagged_shares,
    match_counts,
    review_order,
)
from dermbook.plots.data import (
    age_histogram,
    category_bars,
    class_bars,
    class_grid,
    image_grid,
    image_sizes,
    missing_bars,
    photographs_per_lesion,
    quantile_ranges,
)
from dermbook.plots.decisions import (
    coverage_curves,
    paired_tests,
    rare_class_intervals,
    reliability_pair,
)
from dermbook.plots.enhancement import (
    equalisation,
    filter_effects,
    filter_gallery,
    filter_speed,
    hair_gallery,
    method_groups,
    removal_scores,
    threshold_curves,
)
from dermbook.plots.ensembles import member_curves, optimism_curves
from dermbook.plots.fairness import (
    gap_by_chance,
    gaps_and_chance,
    group_scores,
    remedy_changes,
    shift_scores,
    source_recognition,
)
from dermbook.plots.fine_tuning import (
    depth_scores,
    gradient_steps,
    optimizer_scores,
    plateau_rates,
)
from dermbook.plots.generation import (
    added_effects,
    adversarial_curves,
    frechet_floor,
    likeness_curves,
    set_distances,
)
from dermbook.plots.imbalance import f1_by_size, recall_by_strategy, remedy_effects
from dermbook.plots.intervals import metric_intervals, recall_intervals
from dermbook.plots.leaderboard import leaderboard_dots
from dermbook.plots.leakage import effect_intervals, leak_bars
from dermbook.plots.looking_inside import (
    activation_grid,
    depth_activity,
    heat_by_group,
    heat_overlays,
)
from dermbook.plots.metadata import (
    age_boxes,
    age_density,
    associations,
    class_tail,
    scale_matrix,
    size_scatter,
    skin_types,
)
from dermbook.plots.multi_input import input_gains, input_scores, stack_ways
from dermbook.plots.panels import detector_scores, kind_recalls, panel_boxes, setting_curves
from dermbook.plots.pipelines import (
    confusion_pair,
    kappa_by_way,
    pipeline_speed,
    statistics_by_side,
    swap_heatmap,
)
from dermbook.plots.residual import gradient_depths
from dermbook.plots.scores import (
    confusion_heatmap,
    kappa_histogram,
    pr_curves,
    reliability_diagram,
    roc_curves,
    threshold_tradeoff,
)
from dermbook.plots.search import (
    search_course,
    search_curves,
    search_importances,
    search_slices,
    selection_flattery,
)
from dermbook.plots.segmentation import (
    decision_curves,
    dice_against_iou,
    dice_curves,
    mask_outlines,
    size_and_dice,
)
from dermbook.plots.style import png, svg, use_style
from dermbook.plots.training import learning_curve_spread, learning_curves
from dermbook.plots.transfer import frozen_cost, head_curves, head_ranking, seed_ranges

__all__ = [
    "activation_grid",
    "added_effects",
    "adversarial_curves",
    "age_boxes",
    "age_density",
    "age_histogram",
    "associations",
    "category_bars",
    "class_bars",
    "class_grid",
    "class_tail",
    "confusion_heatmap",
    "confusion_pair",
    "copies_grid",
    "copy_thresholds",
    "coverage_curves",
    "decision_curves",
    "depth_activity",
    "depth_scores",
    "detector_scores",
    "dice_against_iou",
    "dice_curves",
    "effect_intervals",
    "embedding_points",
    "encoding_scores",
    "equalisation",
    "f1_by_size",
    "filling_shifts",
    "filter_effects",
    "filter_gallery",
    "filter_speed",
    "flagged_shares",
    "frechet_floor",
    "frozen_cost",
    "gap_by_chance",
    "gaps_and_chance",
    "gradient_depths",
    "gradient_steps",
    "group_scores",
    "hair_gallery",
    "harvest_kills",
    "harvest_outcomes",
    "head_curves",
    "head_ranking",
    "heat_by_group",
    "heat_overlays",
    "image_grid",
    "image_sizes",
    "input_gains",
    "input_scores",
    "kappa_by_way",
    "kappa_histogram",
    "kind_recalls",
    "leaderboard_dots",
    "leak_bars",
    "learning_curve_spread",
    "learning_curves",
    "likeness_curves",
    "loss_parts",
    "mask_outlines",
    "match_counts",
    "member_curves",
    "method_groups",
    "metric_intervals",
    "missing_bars",
    "optimism_curves",
    "optimizer_scores",
    "paired_tests",
    "panel_boxes",
    "photographs_per_lesion",
    "pipeline_speed",
    "plateau_rates",
    "png",
    "pr_curves",
    "quantile_ranges",
    "rare_class_intervals",
    "recall_by_strategy",
    "recall_intervals",
    "recipe_grid",
    "reliability_diagram",
    "reliability_pair",
    "remedy_changes",
    "remedy_effects",
    "removal_scores",
    "review_order",
    "roc_curves",
    "scale_matrix",
    "search_course",
    "search_curves",
    "search_importances",
    "search_slices",
    "seed_ranges",
    "selection_flattery",
    "set_distances",
    "setting_curves",
    "shift_scores",
    "size_and_dice",
    "size_scatter",
    "skin_types",
    "source_recognition",
    "stack_ways",
    "statistics_by_side",
    "strength_limit",
    "strength_sweep",
    "svg",
    "swap_heatmap",
    "telltale_intervals",
    "threshold_curves",
    "threshold_tradeoff",
    "treatment_scores",
    "use_style",
]
