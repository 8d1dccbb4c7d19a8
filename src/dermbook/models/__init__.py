"""Networks, each found by its name: ``build("r2-cnn", (96, 128, 3), 7, dropout=0.4)``.

``catalogue()`` lists the names with their source rows and options. ``frozen_features`` computes
what a published backbone says of a collection's images, once.
"""

from dermbook.models.backbones import BACKBONES, SCALINGS, Embedder, build_backbone
from dermbook.models.features import Features, frozen_features
from dermbook.models.heads import HEADS, build_head
from dermbook.models.registry import ModelSpec, build, catalogue, register, spec
from dermbook.models.weights import Weights, find_weights

# importing a module of models registers what it defines
from dermbook.models import residual, scratch, searched, unet  # noqa: F401  isort: skip
from dermbook.models.transfer import TRANSFER, unfreeze  # isort: skip
from dermbook.models.bilinear import BilinearFeatures, bilinear_features  # isort: skip
from dermbook.models.fusion import fusion_head  # isort: skip

__all__ = [
    "BACKBONES",
    "HEADS",
    "SCALINGS",
    "TRANSFER",
    "BilinearFeatures",
    "Embedder",
    "Features",
    "ModelSpec",
    "Weights",
    "bilinear_features",
    "build",
    "build_backbone",
    "build_head",
    "catalogue",
    "find_weights",
    "frozen_features",
    "fusion_head",
    "register",
    "spec",
    "unfreeze",
]
