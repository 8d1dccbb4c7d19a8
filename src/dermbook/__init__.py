"""Dermbook: deep learning for skin-lesion images, experiment by experiment.

The package behind the book's chapters. Imports run one way through its rooms:
``data``, ``imaging`` <- ``models`` <- ``training`` <- ``evaluation`` <- ``publishing`` <- ``cli``.
Nothing heavy is imported here, so that the command line answers at once.
"""

from dermbook.lazy import import_less

__version__ = "0.1.0"

import_less()
