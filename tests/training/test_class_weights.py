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


def test_the_weights_of_r4_to_the_last_digit():
    from dermbook.publishing.reported import load_reported

    printed = load_reported().table("R4.weights")["weight"]
    counts = load_reported().table("R4.counts")["train"]
    classes = list(printed.index)
    codes = np.repeat(np.arange(len(classes)), [int(counts[name]) for name in classes])
    weights = balanced_class_weights(codes, classes)
    assert sorted(classes) == sorted(CLASSES)
    assert list(weights.values()) == pytest.approx([float(printed[c]) for c in classes], rel=1e-14)


def test_prior_correction_is_bayes_rule():
    from dermbook.training.imbalance import prior_correction

    codes = np.repeat([0, 1], [80, 20])
    given = np.array([[0.8, 0.2], [0.5, 0.5], [1.0, 0.0]])
    corrected = prior_correction(given, codes)
    assert corrected[0] == pytest.approx([0.5, 0.5])  # as frequent as its class: no evidence
    assert corrected[1] == pytest.approx([0.2, 0.8])
    assert corrected[2] == pytest.approx([1, 0])
    assert prior_correction(given, codes, strength=0) == pytest.approx(given)
    three = np.array([[0.5, 0.25, 0.25]])  # a class without training images
    assert prior_correction(three, np.array([0, 1])).sum() == pytest.approx(1)
    for codes, strength in ((np.array([]), 1), (np.array([2]), 1), (np.array([0]), 2)):
        with pytest.raises(ParameterError):
            prior_correction(given, codes, strength=strength)
