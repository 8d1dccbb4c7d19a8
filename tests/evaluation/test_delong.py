"""DeLong's test against its definition, written out in loops, and against a bootstrap."""

from statistics import NormalDist

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import paired_bootstrap
from dermbook.evaluation.delong import components, delong, roc_area

TWO = ("benign", "malignant")


@pytest.fixture
def pair(make):
    """Two models of one test part, correlated, one better; with ``decimals`` full of ties."""

    def build(n=120, lesions=None, seed=0, decimals=None, gains=(0.9, 1.5)):
        rng = np.random.default_rng(seed)
        groups = np.arange(n) if lesions is None else rng.integers(0, lesions, n)
        _, groups = np.unique(groups, return_inverse=True)
        of_lesion = rng.random(groups.max() + 1) < 0.3
        truth, shared = of_lesion[groups], rng.normal(size=groups.max() + 1)[groups]
        models = []
        for position, gain in enumerate(gains):
            logit = gain * truth + 0.8 * shared + 0.6 * rng.normal(size=n)
            p = 1 / (1 + np.exp(-logit))
            p = p if decimals is None else np.round(p, decimals)
            names = np.where(truth, *reversed(TWO))
            models.append(
                make(names, np.column_stack([1 - p, p]), TWO, groups, model=f"m{position}")
            )
        return models

    return build


def psi(positive: float, negative: float) -> float:
    return 1.0 if positive > negative else 0.5 if positive == negative else 0.0


def by_definition(models):
    """Areas and covariance as DeLong et al. (1988) define them, pair by pair."""
    truth = models[0].truth_codes == 1
    m, n = truth.sum(), (~truth).sum()
    v10, v01 = [], []
    for each in models:
        score = each.probabilities[:, 1]
        table = np.array([[psi(x, y) for y in score[~truth]] for x in score[truth]])
        v10.append(table.mean(axis=1))
        v01.append(table.mean(axis=0))
    areas = np.array([each.mean() for each in v10])
    return areas, np.cov(v10) / m + np.cov(v01) / n


@pytest.mark.parametrize("decimals", [None, 1])
def test_areas_error_and_p_follow_the_definition(pair, decimals):
    models = pair(decimals=decimals)
    areas, covariance = by_definition(models)
    error = np.sqrt(np.array([-1, 1]) @ covariance @ np.array([-1, 1]))
    found = delong(*models)
    assert (found.first, found.second) == pytest.approx(tuple(areas), abs=1e-12)
    assert found.error == pytest.approx(error, rel=1e-10)
    z = (areas[1] - areas[0]) / error
    assert found.p_value == pytest.approx(2 * (1 - NormalDist().cdf(abs(z))), abs=1e-12)
    assert found.high - found.difference == pytest.approx(1.959964 * error, rel=1e-6)
    assert roc_area(models[0]).error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-10)
    for area, model in zip(areas, models, strict=True):
        assert area == pytest.approx(
            roc_auc_score(model.truth_codes, model.probabilities[:, 1]), abs=1e-12
        )


def test_components_of_a_case_by_hand():
    # positives .9 and .4, negatives .4 and .1: .9 beats both, .4 ties with one and beats one
    found = components(np.array([True, False, True, False]), np.array([0.9, 0.4, 0.4, 0.1]))
    assert found.tolist() == [1.0, 0.75, 0.75, 1.0]


def test_by_lesion_is_obuchowskis_formula_in_loops(pair):
    models = pair(n=150, lesions=60, seed=4)
    truth, groups = models[0].truth_codes == 1, models[0].group_codes
    m, n = truth.sum(), (~truth).sum()
    areas, sums = [], []
    for each in models:
        score = each.probabilities[:, 1]
        table = np.array([[psi(x, y) for y in score[~truth]] for x in score[truth]])
        areas.append(table.mean())
        v10, v01 = table.mean(axis=1), table.mean(axis=0)
        of_positive, of_negative = groups[truth], groups[~truth]
        sums.append(
            [
                (
                    sum(
                        v - areas[-1] for v, g in zip(v10, of_positive, strict=True) if g == lesion
                    ),
                    sum(
                        v - areas[-1] for v, g in zip(v01, of_negative, strict=True) if g == lesion
                    ),
                )
                for lesion in range(groups.max() + 1)
            ]
        )
    change = np.array(sums[1]) - np.array(sums[0])
    i10, i01, i = len(set(groups[truth])), len(set(groups[~truth])), groups.max() + 1
    variance = (
        i10 / (i10 - 1) * (change[:, 0] ** 2).sum() / m**2
        + i01 / (i01 - 1) * (change[:, 1] ** 2).sum() / n**2
        + 2 * i / (i - 1) * (change[:, 0] * change[:, 1]).sum() / (m * n)
    )
    found = delong(*models, by_lesion=True)
    assert found.error == pytest.approx(np.sqrt(variance), rel=1e-10)
    assert found.difference == pytest.approx(areas[1] - areas[0])


def test_a_lesion_of_both_kinds_is_allowed(make):
    rng = np.random.default_rng(1)
    truth = np.array([*TWO] * 30)
    groups = np.repeat(np.arange(20), 3)
    models = []
    for _ in range(2):
        p = np.clip(0.3 * (truth == "malignant") + 0.7 * rng.random(60), 0, 1)
        models.append(make(truth, np.column_stack([1 - p, p]), TWO, groups))
    assert 0 < delong(*models, by_lesion=True).p_value < 1


def test_one_image_a_lesion_is_delong_itself(pair):
    models = pair(seed=3)
    assert delong(*models, by_lesion=True) == pytest.approx(delong(*models))


def test_intervals_agree_with_the_bootstrap_of_the_same_unit(pair):
    alone = pair(n=500, seed=5)
    clustered = pair(n=500, lesions=170, seed=5)
    for models, by_lesion in ((alone, False), (clustered, True)):
        found = delong(*models, by_lesion=by_lesion)
        row = paired_bootstrap(*models, ["roc_auc"], resamples=1500, seed=2).iloc[0]
        assert found.difference == pytest.approx(row["difference"], abs=1e-12)
        assert found.high - found.low == pytest.approx(row["high"] - row["low"], rel=0.1)
    # images of a lesion share their luck, so counting them apart makes the interval too narrow
    narrow = delong(*clustered)
    assert narrow.error < 0.95 * delong(*clustered, by_lesion=True).error


def test_under_the_null_five_in_a_hundred_are_below_a_twentieth(pair):
    values = [delong(*pair(n=150, seed=seed, gains=(1, 1))).p_value for seed in range(300)]
    assert 0.02 <= np.mean(np.array(values) < 0.05) <= 0.085


def test_a_model_does_not_differ_from_itself_nor_from_a_monotone_copy(pair, make):
    first, _ = pair()
    p = first.probabilities[:, 1] ** 3
    copy = make(first.table["truth"], np.column_stack([1 - p, p]), TWO, first.table["group"])
    for second in (first, copy):
        found = delong(first, second)
        assert (found.difference, found.error, found.p_value) == (0, 0, 1)


def test_two_perfect_models(make):
    truth = ["malignant"] * 3 + ["benign"] * 3
    p = np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1])
    perfect = make(truth, np.column_stack([1 - p, p]), TWO)
    found = delong(perfect, perfect)
    assert (found.first, found.p_value) == (1, 1)
    assert roc_area(perfect) == (1, 0, 1, 1)


def test_what_cannot_be_tested_is_refused(pair, make, make_random):
    first, second = pair()
    with pytest.raises(ParameterError, match="7 classes"):
        delong(make_random(50), make_random(50))
    with pytest.raises(ParameterError, match="level"):
        delong(first, second, level=95)
    with pytest.raises(DataError, match="do not match"):
        delong(first, pair(n=119)[0])
    lonely = make(["malignant", "benign", "benign"], [[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]], TWO)
    with pytest.raises(DataError, match=r"1 positive image"):
        delong(lonely, lonely)
    twice = make(
        ["malignant"] * 2 + ["benign"] * 2, [[0.1, 0.9], [0.2, 0.8]] * 2, TWO, [1, 1, 2, 3]
    )
    delong(twice, twice)
    with pytest.raises(DataError, match=r"1 positive lesion"):
        delong(twice, twice, by_lesion=True)
