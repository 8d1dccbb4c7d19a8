"""Heat and lesions: shares, the pointing game, baselines and intervals, on hand-made maps."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, spearmanr

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.looking import (
    area_shares,
    center_heat,
    coarse_masks,
    heat_shares,
    lesion_differences,
    lesion_means,
    pointing_hits,
    rank_correlation,
)


@pytest.fixture
def square():
    """One mask of 8 x 10: a square of 4 x 5 in the middle, a quarter of the picture."""
    mask = np.zeros((1, 8, 10), bool)
    mask[0, 2:6, 3:8] = True
    return mask


def spot(row, column, height=8, width=10):
    heat = np.zeros((1, height, width))
    heat[0, row, column] = 1
    return heat


def test_even_heat_is_right_as_often_as_chance(square):
    even = np.full(square.shape, 0.3)
    assert area_shares(square) == pytest.approx(20 / 80)
    assert heat_shares(even, square) == pytest.approx(20 / 80)
    assert pointing_hits(even, square) == pytest.approx(20 / 80)


def test_heat_on_the_lesion_and_beside_it(square):
    assert heat_shares(spot(3, 4), square) == 1
    assert heat_shares(spot(0, 0), square) == 0
    both = spot(3, 4) + 3 * spot(0, 0)
    assert heat_shares(both, square) == pytest.approx(1 / 4)
    # the hottest pixel lies outside, however much heat is inside
    assert pointing_hits(both, square) == 0
    assert pointing_hits(3 * spot(3, 4) + spot(0, 0), square) == 1


def test_tolerance_is_a_euclidean_distance(square):
    # (0, 1) is 2 rows and 2 columns away from the corner (2, 3)
    beside = spot(0, 1)
    assert pointing_hits(beside, square, tolerance=2.8) == 0
    assert pointing_hits(beside, square, tolerance=2.9) == 1
    assert pointing_hits(spot(0, 4), square, tolerance=2) == 1
    assert pointing_hits(spot(0, 4), square, tolerance=1.9) == 0
    with pytest.raises(ParameterError, match="tolerance"):
        pointing_hits(beside, square, tolerance=-1)
    with pytest.raises(ParameterError, match="tolerance"):
        pointing_hits(beside, square, tolerance=float("nan"))


def test_ties_count_by_the_share_that_hits(square):
    two = spot(3, 4) + spot(0, 0)
    assert pointing_hits(two, square) == pytest.approx(1 / 2)


def test_no_heat_is_no_answer_and_no_lesion_is_never_hit(square):
    nothing = np.zeros(square.shape)
    assert np.isnan(heat_shares(nothing, square)).all()
    assert np.isnan(pointing_hits(nothing, square)).all()
    empty = np.zeros_like(square)
    assert heat_shares(spot(3, 4), empty) == 0
    assert pointing_hits(spot(3, 4), empty, tolerance=100) == 0
    assert heat_shares(spot(3, 4), ~empty) == 1


def test_unfit_heat_is_refused(square):
    with pytest.raises(DataError, match="0 or more"):
        heat_shares(-spot(3, 4), square)
    with pytest.raises(DataError, match="0 or more"):
        pointing_hits(np.full(square.shape, np.nan), square)
    with pytest.raises(DataError, match="must be"):
        heat_shares(np.zeros((1, 4, 4)), square)


def test_the_center_is_a_gaussian_of_its_spread():
    heat = center_heat(2, 40, 60, spread=0.2)
    assert heat.shape == (2, 40, 60)
    np.testing.assert_array_equal(heat[0], heat[0][::-1, ::-1])
    # heat of the middle rows, 0.2 of a side or one standard deviation each way
    rows = heat[0].sum(axis=1)
    expected = (norm.cdf(1) - norm.cdf(-1)) / (norm.cdf(2.5) - norm.cdf(-2.5))
    assert rows[12:28].sum() / rows.sum() == pytest.approx(expected, abs=0.01)
    with pytest.raises(ParameterError, match="spread"):
        center_heat(1, 4, 4, spread=0)


def test_a_coarse_mask_keeps_what_the_grid_can_tell(square):
    whole = coarse_masks(square, (8, 10))
    np.testing.assert_array_equal(whole, square.astype("float32"))
    coarse = coarse_masks(square, (2, 2))
    assert coarse.shape == square.shape
    # of the four quarters each holds a quarter or so of the lesion: the coarse map is nearly even
    assert heat_shares(coarse, square)[0] < 0.4
    assert heat_shares(coarse_masks(square, (4, 5)), square)[0] > heat_shares(coarse, square)[0]


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(6, 3, 4)), rng.normal(size=(6, 3, 4)).round(0)
    expected = [spearmanr(a.ravel(), b.ravel())[0] for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(rank_correlation(first, second), expected, atol=1e-12)
    np.testing.assert_allclose(rank_correlation(first, np.exp(first)), 1)
    np.testing.assert_allclose(rank_correlation(first, -first), -1)
    assert np.isnan(rank_correlation(first[:1], np.ones((1, 3, 4)))).all()
    with pytest.raises(DataError, match="differ"):
        rank_correlation(first, second[:2])


@pytest.fixture
def numbers():
    rng = np.random.default_rng(1)
    ids = [f"I{row}" for row in range(200)]
    groups = pd.Series([f"L{row // 2}" for row in range(200)], index=ids)
    shared = np.repeat(rng.normal(0, 1, 100), 2)
    values = pd.DataFrame({"a": shared, "b": shared + 0.5, "c": np.nan}, index=ids)
    values.loc[ids[:50], "b"] = np.nan
    return values, groups


def test_means_leave_out_what_is_unknown_and_draw_lesions(numbers):
    values, groups = numbers
    table = lesion_means(values, groups, resamples=2000).set_index("name")
    assert table.loc["a", "value"] == pytest.approx(values["a"].mean())
    assert list(table["n"]) == [200, 150, 0]
    assert np.isnan(table.loc["c", ["value", "low", "high"]].astype(float)).all()
    # both photographs of a lesion are alike, so there are 100 numbers, not 200
    expected = 2 * 1.96 * values["a"].std() / np.sqrt(100)
    width = table.loc["a", "high"] - table.loc["a", "low"]
    assert width == pytest.approx(expected, rel=0.15)
    # in any order of rows
    again = lesion_means(values, groups.iloc[::-1], resamples=2000).set_index("name")
    pd.testing.assert_frame_equal(table, again)


def test_one_lesion_has_no_interval(numbers):
    values, groups = numbers
    table = lesion_means(values[["a"]].iloc[:2], groups).iloc[0]
    assert table["value"] == pytest.approx(values["a"].iloc[0])
    assert table["n"] == 2
    assert np.isnan(table["low"])
    assert np.isnan(table["high"])


def test_a_difference_on_the_same_pictures_is_paired(numbers):
    values, groups = numbers
    values = values.dropna(subset=["b"])
    pairs = {"b − a": ("a", "b"), "nothing": ("a", "a")}
    table = lesion_differences(values, groups, pairs).set_index("comparison")
    # the shared part cancels: half a unit, without any spread
    assert table.loc["b − a", ["value", "low", "high"]].tolist() == pytest.approx([0.5] * 3)
    assert table.loc["nothing", ["value", "low", "high"]].tolist() == [0, 0, 0]


def test_means_of_nothing_and_of_strangers_are_refused(numbers):
    values, groups = numbers
    with pytest.raises(DataError, match="no picture"):
        lesion_means(values.iloc[:0], groups)
    with pytest.raises(DataError, match="'I3'"):
        lesion_means(values, groups.drop("I3"))
