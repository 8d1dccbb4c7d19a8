"""Convolutional networks trained from random weights, as the source reports describe them.

``small``: R1's baseline and R2's network. ``deep``: R0's twenty-two layers. ``alexnet``: the
network that R0 would have tried next. Importing this package registers them all.
"""

from dermbook.models.scratch.alexnet import LocalResponseNormalization, alexnet
from dermbook.models.scratch.deep import r0_cnn
from dermbook.models.scratch.small import one_conv, r2_cnn

__all__ = ["LocalResponseNormalization", "alexnet", "one_conv", "r0_cnn", "r2_cnn"]
