"""Class weights against the figures printed in report R4."""

import numpy as np
import pytest

from dermbook.errors import DataError, ParameterError
from dermbook.training import balanced_class_weights

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
COUNTS = (261, 411, 879, 92, 890, 5364, 113)
CODES = np.repeat(np.arange(7), COUNTS)


def test_the_weights_of_r4():
    weights = balanced_class_weights(CODES, CLASSES)
    printed = (4.384, 2.784, 1.302, 12.438, 1.286, 0.2133, 10.126)
    assert list(weights) == list(range(7))
    for weight, figure in zip(weights.values(), printed, strict=True):
        assert weight == pytest.approx(figure, abs=6e-4)
    assert len(CODES) == 8010


def test_both_rules_keep_the_scale_of_the_loss():
    for square_root in (False, True):
        weights = balanced_class_weights(CODES, CLASSES, square_root=square_root)
        assert np.mean([weights[c] for c in CODES]) == pytest.approx(1)


def test_square_root_weights_are_in_the_ratio_of_the_roots():
    weights = balanced_class_weights(CODES, 7, square_root=True)
    assert weights[3] / weights[5] == pytest.approx(np.sqrt(5364 / 92))


def test_a_class_without_images_cannot_be_balanced():
    with pytest.raises(DataError, match="class bkl"):
        balanced_class_weights(np.array([0, 1, 0]), ("akiec", "bcc", "bkl"))
    with pytest.raises(DataError, match="no training images"):
        balanced_class_weights(np.array([], dtype=int), 2)
    with pytest.raises(ParameterError, match="there are 2 classes"):
        balanced_class_weights(np.array([0, 1, 2]), 2)
