"""Collections, splits and batches: from a publisher's files, or the phantom, to arrays of bytes."""

from dermbook.data import exploration
from dermbook.data.batches import Batches
from dermbook.data.cache import CachedImages, Transform, cached_images, cached_masks, resize
from dermbook.data.collection import Collection, ImageSource
from dermbook.data.fitzpatrick import published_table
from dermbook.data.importing import (
    CollectionStatus,
    ImportReport,
    collection_status,
    import_collection,
    open_collection,
    verify_collection,
)
from dermbook.data.loading import load_collection, load_split, present_classes, whole_table
from dermbook.data.mask_batches import MaskBatches, Moves
from dermbook.data.phantom import (
    latents,
    oracle,
    phantom,
    phantom_clinical,
    phantom_composites,
    write_phantom,
    write_phantom_clinical,
)
from dermbook.data.splits import (
    Split,
    audit,
    canonical_split,
    check,
    class_counts,
    grouped_split,
    leaks,
    make_canonical,
)
from dermbook.data.two_classes import MALIGNANT, malignant_or_benign

__all__ = [
    "MALIGNANT",
    "Batches",
    "CachedImages",
    "Collection",
    "CollectionStatus",
    "ImageSource",
    "ImportReport",
    "MaskBatches",
    "Moves",
    "Split",
    "Transform",
    "audit",
    "cached_images",
    "cached_masks",
    "canonical_split",
    "check",
    "class_counts",
    "collection_status",
    "exploration",
    "grouped_split",
    "import_collection",
    "latents",
    "leaks",
    "load_collection",
    "load_split",
    "make_canonical",
    "malignant_or_benign",
    "open_collection",
    "oracle",
    "phantom",
    "phantom_clinical",
    "phantom_composites",
    "present_classes",
    "published_table",
    "resize",
    "verify_collection",
    "whole_table",
    "write_phantom",
    "write_phantom_clinical",
]
