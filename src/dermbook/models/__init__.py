"""Networks, each found by its name: ``build("r2-cnn", (96, 128, 3), 7, dropout=0.4)``.

``catalogue()`` lists the names with their source rows and options.
"""

from dermbook.models.registry import ModelSpec, build, catalogue, register, spec

# importing a module of models registers what it defines
from dermbook.models import scratch  # noqa: F401  isort: skip

__all__ = ["ModelSpec", "build", "catalogue", "register", "spec"]
