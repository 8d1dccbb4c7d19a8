import numpy as np
import pytest
from sklearn.metrics import log_loss

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import expected_calibration_error, score
from dermbook.evaluation.temperature import COLDEST, HOTTEST, at_temperature, fit_temperature

THREE = ("a", "b", "c")


@pytest.fixture
def calibrated(make):
    """A model whose probabilities are true, seen through logits that were multiplied."""

    def build(n=4000, heat=1.0, seed=0, part="validation", groups=None):
        rng = np.random.default_rng(seed)
        logits = 1.5 * rng.normal(size=(n, 3))
        true = np.exp(logits)
        true /= true.sum(axis=1, keepdims=True)
        codes = (true.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
        shown = np.exp(logits * heat)
        shown /= shown.sum(axis=1, keepdims=True)
        return make(np.array(THREE)[codes], shown, THREE, groups, part=part)

    return build


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(calibrated, heat):
    found = fit_temperature(calibrated(heat=heat))
    assert found.value == pytest.approx(heat, rel=0.06)
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_it_is_the_least_log_loss_on_a_fine_grid(calibrated):
    validation = calibrated(n=300, heat=1.7)
    best = fit_temperature(validation).value

    def loss(temperature):
        values = validation.probabilities ** (1 / temperature)
        values /= values.sum(axis=1, keepdims=True)
        return log_loss(validation.truth_codes, values, labels=[0, 1, 2])

    grid = np.linspace(0.8, 3, 2201)
    assert best == pytest.approx(grid[np.argmin([loss(each) for each in grid])], abs=2e-3)
    scaled = at_temperature(validation, best)
    assert log_loss(scaled.truth_codes, scaled.probabilities) == pytest.approx(loss(best))


def test_scaling_by_a_known_temperature(make):
    predictions = make(["a", "b"], [[0.8, 0.2], [0.1, 0.9]], ("a", "b"))
    scaled = at_temperature(predictions, 2)
    # odds of 4 to 1 and 1 to 9 become their square roots
    assert scaled.probabilities == pytest.approx(np.array([[2 / 3, 1 / 3], [1 / 4, 3 / 4]]))
    assert scaled.model == "m+temperature"
    assert at_temperature(predictions, 1).probabilities == pytest.approx(predictions.probabilities)


def test_scaling_back_gives_the_same(calibrated):
    predictions = calibrated(n=100)
    there = at_temperature(predictions, 3.0)
    assert at_temperature(there, 1 / 3).probabilities == pytest.approx(predictions.probabilities)


def test_decisions_stay_and_calibration_improves_on_other_images(calibrated, value_of):
    test = calibrated(n=2000, heat=2.5, seed=7, part="test")
    scaled = at_temperature(test, fit_temperature(calibrated(heat=2.5)).value)
    assert (scaled.predicted_codes == test.predicted_codes).all()
    before, after = (score(each, resamples=0) for each in (test, scaled))
    for metric in ("accuracy", "f1_macro", "cohen_kappa"):
        assert value_of(before, metric) == value_of(after, metric)
    for metric in ("log_loss", "brier"):
        assert value_of(after, metric) < value_of(before, metric)
    assert expected_calibration_error(scaled) < 0.03 < expected_calibration_error(test)


def test_a_true_model_is_left_alone_and_the_interval_says_so(calibrated):
    found = fit_temperature(calibrated(n=600), resamples=100)
    assert found.low < 1 < found.high
    assert found.low < found.value < found.high


def test_the_interval_grows_where_lesions_have_many_images(calibrated, make):
    once = calibrated(n=400, seed=2)
    fourfold = make(
        np.tile(once.table["truth"], 4), np.tile(once.probabilities, (4, 1)), THREE,
        np.tile(np.arange(400), 4), part="validation",
    )  # fmt: skip
    one, four = (fit_temperature(each, resamples=100) for each in (once, fourfold))
    assert four.value == pytest.approx(one.value, rel=1e-4)
    # four copies of a lesion tell no more than one
    assert four.high - four.low == pytest.approx(one.high - one.low, rel=1e-3)


def test_all_right_is_as_cold_and_noise_as_hot_as_can_be(make):
    right = make(["a", "b"] * 20, [[0.7, 0.3], [0.4, 0.6]] * 20, ("a", "b"), part="validation")
    assert fit_temperature(right).value == pytest.approx(COLDEST)
    wrong = make(["b", "a"] * 20, [[0.7, 0.3], [0.4, 0.6]] * 20, ("a", "b"), part="validation")
    assert fit_temperature(wrong).value == pytest.approx(HOTTEST)
    uniform = make(["a", "b"], [[0.5, 0.5]] * 2, ("a", "b"), part="validation")
    assert fit_temperature(uniform).value == 1


def test_a_probability_of_zero_for_the_truth_is_survived(make):
    values = [[1.0, 0.0], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]]
    found = fit_temperature(make(list("baba"), values, ("a", "b"), part="validation"))
    assert COLDEST <= found.value <= HOTTEST
    scaled = at_temperature(make(list("baba"), values, ("a", "b")), found.value)
    assert np.isfinite(scaled.probabilities).all()
    assert scaled.predicted_codes.tolist() == [0, 0, 1, 1]


def test_ties_stay_ties(make):
    tied = make(["b"], [[0.4, 0.4, 0.2]], THREE)
    for temperature in (0.1, 0.7, 5):
        assert at_temperature(tied, temperature).predicted_codes.tolist() == [0]


def test_what_is_refused(make, calibrated):
    with pytest.raises(ParameterError, match="validation part"):
        fit_temperature(calibrated(n=50, part="test"))
    for temperature in (0, -1, np.nan, np.inf):
        with pytest.raises(ParameterError, match="above 0"):
            at_temperature(calibrated(n=5), temperature)
    unknown = make(["a", None], [[0.8, 0.2], [0.1, 0.9]], ("a", "b"), part="validation")
    with pytest.raises(DataError, match="unknown"):
        fit_temperature(unknown)
