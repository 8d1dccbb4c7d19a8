import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.evaluation import brier, expected_calibration_error, reliability_bins, wilson
from dermbook.evaluation.calibration import bin_index


def test_brier_by_hand(make):
    three = make(["a", "c"], [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]], ("a", "b", "c"))
    assert brier(three) == pytest.approx((0.09 + 0.04 + 0.01 + 0.25 + 0.09 + 0.64) / 2)
    two = make(["a", "b"], [[0.7, 0.3], [0.6, 0.4]], ("a", "b"))
    assert brier(two) == pytest.approx((0.3**2 + 0.6**2) / 2)


def test_brier_ends(make):
    assert brier(make(["a"], [[1.0, 0, 0]], ("a", "b", "c"))) == 0
    assert brier(make(["a"], [[0.0, 1, 0]], ("a", "b", "c"))) == 2
    assert brier(make(["a"], [[0.0, 1]], ("a", "b"))) == 1


def test_a_value_on_an_edge_belongs_to_the_lower_bin():
    assert bin_index(np.array([0.0, 0.1, 0.2, 0.5, 0.50001, 1.0]), 10).tolist() == [
        0, 0, 1, 4, 5, 9,
    ]  # fmt: skip


def test_reliability_bins_by_hand(make):
    values = [[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.45, 0.55]]
    found = reliability_bins(make(["a", "b", "a", "b"], values, ("a", "b")), bins=5)
    assert found["count"].tolist() == [0, 0, 1, 1, 2]
    assert found["confidence"].tolist()[2:] == pytest.approx([0.55, 0.8, 0.9])
    assert found["accuracy"].tolist()[2:] == [1, 1, 0.5]
    assert np.isnan(found["accuracy"][0])
    assert (found["low"][4], found["high"][4]) == pytest.approx(wilson(1, 2))
    assert found["upper"].iloc[-1] == 1


def test_calibration_error_by_hand(make):
    # 15 bins: .9 twice (accuracy ½, gap .4), .8 once (right, .2), .55 once (right, .45)
    values = [[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.45, 0.55]]
    found = expected_calibration_error(make(["a", "b", "a", "b"], values, ("a", "b")))
    assert found == pytest.approx((2 * 0.4 + 0.2 + 0.45) / 4)


def test_honest_probabilities_have_a_small_error_and_bold_ones_a_large(make):
    generator = np.random.default_rng(0)
    honest = generator.uniform(0.02, 0.98, 20_000)
    truth = np.where(generator.random(20_000) < honest, "b", "a")
    columns = np.column_stack([1 - honest, honest])
    assert expected_calibration_error(make(truth, columns, ("a", "b"))) < 0.015
    bold = np.where(columns > 0.5, 0.99, 0.01)
    assert expected_calibration_error(make(truth, bold, ("a", "b"))) > 0.2


def test_no_bins_is_refused(make):
    with pytest.raises(ParameterError):
        reliability_bins(make(["a"], [[0.5, 0.5]], ("a", "b")), bins=0)
