"""What is in a collection, as small tables that a Record can keep; nothing here draws or prints."""

from dermbook.data.exploration.associations import (
    association_table,
    cramers_v,
    excess_table,
    largest_excess,
)
from dermbook.data.exploration.columns import UNKNOWN
from dermbook.data.exploration.confounding import confounder_table, site_finding
from dermbook.data.exploration.counts import (
    age_boxes,
    age_density,
    age_summary,
    age_table,
    category_table,
    class_table,
    example_ids,
    key_counts,
    lesion_area_table,
    missing_table,
    photographs_table,
)
from dermbook.data.exploration.sizes import (
    shape_table,
    size_cost,
    size_figure_table,
    size_rules,
    size_table,
    stored_sizes,
)
from dermbook.data.exploration.skin import (
    confusion_of_scales,
    scale_agreement,
    skin_by_group,
    skin_type_table,
)
from dermbook.data.exploration.tail import clinical_counts, published_columns, rank_table

__all__ = [
    "UNKNOWN",
    "age_boxes",
    "age_density",
    "age_summary",
    "age_table",
    "association_table",
    "category_table",
    "class_table",
    "clinical_counts",
    "confounder_table",
    "confusion_of_scales",
    "cramers_v",
    "example_ids",
    "excess_table",
    "key_counts",
    "largest_excess",
    "lesion_area_table",
    "missing_table",
    "photographs_table",
    "published_columns",
    "rank_table",
    "scale_agreement",
    "shape_table",
    "site_finding",
    "size_cost",
    "size_figure_table",
    "size_rules",
    "size_table",
    "skin_by_group",
    "skin_type_table",
    "stored_sizes",
]
