import numpy as np
import pytest

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import mcnemar, paired_bootstrap, score
from dermbook.evaluation.comparison import exact_binomial


def test_mcnemar_counts(make_certain):
    truth = list("aaaabbbb")
    first = make_certain(truth, list("aaabbbaa"), ("a", "b"))
    second = make_certain(truth, list("abaabbbb"), ("a", "b"))
    found = mcnemar(first, second)
    assert found[:4] == (4, 1, 3, 0)
    assert found.p_value == pytest.approx(2 * (1 + 4) / 16)


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    # two-sided sign test, by hand: 2·(1+10)/2^10, 2·1/2^6, ties and nothing
    [(1, 9, 22 / 1024), (0, 6, 2 / 64), (6, 0, 2 / 64), (5, 5, 1), (0, 0, 1)],
)
def test_exact_binomial(first, second, p_value):
    assert exact_binomial(first, second) == pytest.approx(p_value)


def test_exact_binomial_is_exact_when_large():
    from scipy.stats import binomtest

    assert exact_binomial(480, 560) == pytest.approx(binomtest(480, 1040).pvalue, rel=1e-9)


def test_a_model_does_not_differ_from_itself(make_random):
    predictions = make_random(150)
    found = paired_bootstrap(
        predictions, predictions, ["accuracy", "roc_auc", "brier"], resamples=50
    )
    assert (found[["difference", "low", "high"]] == 0).all().all()
    assert mcnemar(predictions, predictions).p_value == 1


def test_rows_in_another_order_are_joined(make_random):
    first, second = make_random(100, seed=1), make_random(100, seed=1)
    shuffled = second.subset(list(np.random.default_rng(0).permutation(second.ids)))
    assert paired_bootstrap(first, shuffled, resamples=20)["difference"].iloc[0] == 0


def test_pairing_makes_the_interval_narrow(make, make_random):
    # the second model differs from the first on four of 300 images
    first = make_random(300, ("a", "b", "c"), skill=0.2)
    values = first.probabilities
    wrong = np.flatnonzero(first.predicted_codes != first.truth_codes)[:4]
    values[wrong] = np.eye(3)[first.truth_codes[wrong]]
    second = make(first.table["truth"], values, ("a", "b", "c"), first.table["group"])
    found = paired_bootstrap(first, second, ["accuracy"], resamples=400).iloc[0]
    assert found["difference"] == pytest.approx(4 / 300)
    assert found["first"] + found["difference"] == pytest.approx(found["second"])
    assert 0 <= found["low"] < 4 / 300 < found["high"]
    alone = score(first, resamples=400).iloc[0]
    assert found["high"] - found["low"] < 0.5 * (alone["high"] - alone["low"])
    assert found["n"] == 300


def test_a_metric_of_one_class(make_random):
    first, second = make_random(200, seed=1), make_random(200, seed=1)
    found = paired_bootstrap(first, second, ["recall"], class_name="nv", resamples=0)
    assert found["class"].tolist() == ["nv"]
    assert found[["low", "high"]].isna().all().all()


def test_what_does_not_match_is_refused(make_random):
    first, other = make_random(50, seed=1), make_random(50, seed=2)
    with pytest.raises(DataError, match="disagree"):
        mcnemar(first, other)
    with pytest.raises(ParameterError, match="'nonsense' of class '' is not a score"):
        paired_bootstrap(first, first, ["nonsense"])
    with pytest.raises(ParameterError, match="support"):
        paired_bootstrap(first, first, ["support"], class_name="nv")
