"""Looking inside a network: maps by depth, Grad-CAM, and whether the heat falls on the lesion.

``activations`` and ``gradcam`` need Keras, so they are not imported here.
"""

from dermbook.evaluation.looking.means import lesion_differences, lesion_means
from dermbook.evaluation.looking.pointing import (
    area_shares,
    center_heat,
    coarse_masks,
    heat_shares,
    pointing_hits,
    rank_correlation,
)

__all__ = [
    "area_shares",
    "center_heat",
    "coarse_masks",
    "heat_shares",
    "lesion_differences",
    "lesion_means",
    "pointing_hits",
    "rank_correlation",
]
