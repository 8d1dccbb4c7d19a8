import numpy as np
import pytest
from scipy.stats import binomtest

from dermbook.errors import ParameterError
from dermbook.evaluation.coverage import INTERVALS, bootstrap_proportion, coverage, wald
from dermbook.evaluation.uncertainty import wilson


def test_six_of_eleven():
    # by hand: 6/11 ± 1.96 √(6/11 · 5/11 / 11); quantiles of Binomial(11, 6/11) are 3 and 9
    assert wald(6, 11) == pytest.approx((0.2512, 0.8397), abs=1e-4)
    assert bootstrap_proportion(6, 11) == pytest.approx((3 / 11, 9 / 11))
    scipys = binomtest(6, 11).proportion_ci(method="wilson")
    assert wilson(6, 11) == pytest.approx((scipys.low, scipys.high))


def test_nothing_and_everything_right_are_points_but_for_wilson():
    for interval in (wald, bootstrap_proportion):
        assert interval(0, 11) == pytest.approx((0, 0))
        assert interval(11, 11) == pytest.approx((1, 1))
    low, high = wilson(0, 11)
    assert low == 0 < high


def test_the_bootstrap_is_that_of_drawn_resamples():
    rng = np.random.default_rng(0)
    images = np.array([1] * 6 + [0] * 5)
    drawn = images[rng.integers(0, 11, (20_000, 11))].mean(axis=1)
    assert bootstrap_proportion(6, 11) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


@pytest.mark.parametrize("share", [0.1, 0.55, 0.9])
def test_coverage_is_what_a_simulation_finds(share):
    rng = np.random.default_rng(1)
    right = rng.binomial(11, share, 40_000)
    table = coverage(11, [share]).set_index("method")
    for method, interval in INTERVALS.items():
        low, high = interval(right, 11, 0.95)
        found = np.mean((low <= share) & (share <= high))
        assert table.loc[method, "coverage"] == pytest.approx(found, abs=0.007), method
        assert table.loc[method, "width"] == pytest.approx(np.mean(high - low), abs=0.005), method


def test_wilson_keeps_its_promise_better_than_the_others():
    table = coverage(11).groupby("method")["coverage"]
    assert table.mean()["Wilson"] == pytest.approx(0.95, abs=0.01)
    assert table.mean()["Wald"] < 0.90
    assert table.mean()["percentile bootstrap"] < 0.90
    assert table.min()["Wald"] < 0.2


def test_many_images_make_them_alike():
    table = coverage(2000, [0.3, 0.5])
    assert table["coverage"].between(0.94, 0.96).all()
    assert table.groupby("share")["width"].agg(np.ptp).max() < 0.001


def test_the_ends_of_the_scale():
    table = coverage(11, [0.0, 1.0])
    assert (table["coverage"] == 1).all()


@pytest.mark.parametrize(
    ("n", "shares", "level"),
    [(0, None, 0.95), (11, [], 0.95), (11, [1.2], 0.95), (11, [0.5], 95)],
)
def test_what_is_refused(n, shares, level):
    with pytest.raises(ParameterError):
        coverage(n, shares, level=level)
