"""McNemar's mid-p, and its exact test with the lesion as the unit."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from dermbook.evaluation import mcnemar, paired_bootstrap, score
from dermbook.evaluation.comparison import exact_binomial, mid_p_binomial, swapping_lesions


@pytest.mark.parametrize(("first", "second"), [(1, 9), (9, 1), (0, 6), (5, 5), (12, 30)])
def test_mid_p_is_twice_the_tail_with_half_of_what_was_seen(first, second):
    tosses, fewer = first + second, min(first, second)
    one_sided = binom.cdf(fewer - 1, tosses, 0.5) + 0.5 * binom.pmf(fewer, tosses, 0.5)
    assert mid_p_binomial(first, second) == pytest.approx(2 * one_sided)
    assert mid_p_binomial(first, second) <= exact_binomial(first, second)


def test_no_toss_no_difference():
    assert mid_p_binomial(0, 0) == 1
    assert swapping_lesions(np.zeros(4, dtype=int), np.array([0, 0, 1, 2])) == 1


def test_one_image_a_lesion_is_mcnemars_test():
    advantage = np.array([1] * 9 + [-1] * 3 + [0] * 5)
    found = swapping_lesions(advantage, np.arange(17))
    assert found == pytest.approx(exact_binomial(9, 3))


def test_lesions_of_several_images_by_all_swaps():
    rng = np.random.default_rng(0)
    advantage, groups = rng.integers(-1, 2, 24), np.sort(rng.integers(0, 9, 24))
    _, groups = np.unique(groups, return_inverse=True)
    sums = np.bincount(groups, weights=advantage)
    totals = [abs(np.dot(signs, sums)) for signs in product([-1, 1], repeat=len(sums))]
    expected = np.mean(np.array(totals) >= abs(sums.sum()) - 1e-9)
    assert swapping_lesions(advantage, groups) == pytest.approx(expected)


def test_copies_of_an_image_make_mcnemar_sure_and_the_lesion_test_not(make_certain):
    # six lesions, all better with the second model, each photographed five times; two of another
    truth = list("a" * 40)
    groups = np.repeat(np.arange(8), 5)
    second = make_certain(truth, ["a"] * 30 + ["b"] * 10, ("a", "b"), groups)
    first = make_certain(truth, ["b"] * 30 + ["a"] * 10, ("a", "b"), groups)
    found = mcnemar(first, second)
    assert found.p_value < 0.01
    assert found.p_lesions == pytest.approx(exact_binomial(6, 2))
    assert found.mid_p < found.p_value


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("a", "b", "c")])
def test_the_bootstraps_values_are_the_scores(make_random, value_of, classes):
    first, second = (make_random(90, classes, seed=1, skill=skill) for skill in (0.2, 0.9))
    metrics = ["accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "brier", "log_loss", "ece"]
    found = paired_bootstrap(first, second, metrics, resamples=0).set_index("metric")
    for column, predictions in (("first", first), ("second", second)):
        expected = score(predictions, resamples=0)
        for metric in metrics:
            assert found.loc[metric, column] == pytest.approx(value_of(expected, metric))
