"""Fine-tuning: one solid way to do it, and experiments on each of its parts.

Rows 0.14, 1.7 to 1.11 and 4.11; lessons M5 and M7.
"""

from dermbook.evaluation.fine_tuning.exploding import (
    GradientArm,
    exploding_gradients,
    explosions,
)
from dermbook.evaluation.fine_tuning.heads import (
    R1_HEAD,
    R4_HEAD,
    HeadSetting,
    arms_of,
    head_trial,
    head_trials,
    histories,
    last_epoch_settings,
    optimizer_settings,
    plateau_setting,
    rate_settings,
    size_trials,
    vectors_of,
)
from dermbook.evaluation.fine_tuning.plateaus import (
    MODES,
    curves_with_halvings,
    halvings,
    r4_plateau,
    replayed,
)
from dermbook.evaluation.fine_tuning.settings import FineTuning
from dermbook.evaluation.fine_tuning.speed import precision, speeds
from dermbook.evaluation.fine_tuning.tuning import fine_tune
from dermbook.evaluation.fine_tuning.unfreezing import (
    Depth,
    fewer_to_train,
    unfreezing,
    unfreezing_table,
)

__all__ = [
    "MODES",
    "R1_HEAD",
    "R4_HEAD",
    "Depth",
    "FineTuning",
    "GradientArm",
    "HeadSetting",
    "arms_of",
    "curves_with_halvings",
    "exploding_gradients",
    "explosions",
    "fewer_to_train",
    "fine_tune",
    "halvings",
    "head_trial",
    "head_trials",
    "histories",
    "last_epoch_settings",
    "optimizer_settings",
    "plateau_setting",
    "precision",
    "r4_plateau",
    "rate_settings",
    "replayed",
    "size_trials",
    "speeds",
    "unfreezing",
    "unfreezing_table",
    "vectors_of",
]
