"""Networks, each found by its name: ``build("r2-cnn", (96, 128, 3), 7, dropout=0.4)``.

``catalogue()`` lists the names with their source rows and options. ``frozen_features`` computes
what a published backbone says of a collection's images, once.
"""

from dermbook.models.backbones import BACKBONES, SCALINGS, Embedder, build_backbone
from dermbook.models.features import Features, frozen_features
from dermbook.models.registry import ModelSpec, build, catalogue, register, spec
from dermbook.models.weights import Weights, find_weights

# importing a module of models registers what it defines
from dermbook.models import scratch  # noqa: F401  isort: skip

__all__ = [
    "BACKBONES",
    "SCALINGS",
    "Embedder",
    "Features",
    "ModelSpec",
    "Weights",
    "build",
    "build_backbone",
    "catalogue",
    "find_weights",
    "frozen_features",
    "register",
    "spec",
]
