"""The chapter *Looking inside*: maps by depth, heat against lesion masks, errors, and findings.

On photographs everything is a number; what gives pixels back refuses a real collection.
"""

from dermbook.publishing.looking_inside.findings import add_findings, add_scores, missed_malignant
from dermbook.publishing.looking_inside.heat import (
    CENTER,
    EVEN,
    MEASURES,
    OTHER,
    Looks,
    error_table,
    grid_name,
    group_table,
    look,
    mask_name,
    method_name,
    pointing_gains,
    pointing_scores,
    right_and_wrong,
    sanity_table,
    view_table,
)
from dermbook.publishing.looking_inside.pictures import (
    activation_pictures,
    heat_pictures,
    unseen_phantoms,
)
from dermbook.publishing.looking_inside.subject import (
    HEAD,
    RANDOM,
    TRAINED,
    Subject,
    depth_table,
    layer_table,
    mistakes,
    subject,
)

__all__ = [
    "CENTER",
    "EVEN",
    "HEAD",
    "MEASURES",
    "OTHER",
    "RANDOM",
    "TRAINED",
    "Looks",
    "Subject",
    "activation_pictures",
    "add_findings",
    "add_scores",
    "depth_table",
    "error_table",
    "grid_name",
    "group_table",
    "heat_pictures",
    "layer_table",
    "look",
    "mask_name",
    "method_name",
    "missed_malignant",
    "mistakes",
    "pointing_gains",
    "pointing_scores",
    "right_and_wrong",
    "sanity_table",
    "subject",
    "unseen_phantoms",
    "view_table",
]
