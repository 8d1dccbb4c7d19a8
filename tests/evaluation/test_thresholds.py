import numpy as np
import pytest
import sklearn.metrics as sk

from dermbook.errors import ParameterError
from dermbook.evaluation import choose_threshold, threshold_table

TWO = ("benign", "malignant")


@pytest.fixture
def ten(make):
    # malignant at .9 .8 .7 .35, benign at .75 .5 .4 .3 .2 .1
    score = np.array([0.9, 0.8, 0.7, 0.35, 0.75, 0.5, 0.4, 0.3, 0.2, 0.1])
    truth = ["malignant"] * 4 + ["benign"] * 6
    return make(truth, np.column_stack([1 - score, score]), TWO, part="validation")


def test_counts_by_hand(ten):
    row = threshold_table(ten, "malignant", [0.5], false_negative_cost=3).iloc[0]
    assert row[["tp", "fp", "fn", "tn"]].tolist() == [3, 2, 1, 4]
    assert row["sensitivity"] == 0.75
    assert row["specificity"] == pytest.approx(4 / 6)
    assert row["precision"] == 0.6
    assert row["f1"] == pytest.approx(6 / 9)
    assert row["cost"] == pytest.approx((3 * 1 + 2) / 10)


def test_the_ends(ten):
    found = threshold_table(ten, "malignant", [0, 1]).set_index("threshold")
    assert found.loc[0, ["tp", "fp", "fn", "tn"]].tolist() == [4, 6, 0, 0]
    assert found.loc[1, ["tp", "fp", "fn", "tn"]].tolist() == [0, 0, 4, 6]
    assert np.isnan(found.loc[1, "precision"])
    assert found.loc[1, "f1"] == 0


def test_default_thresholds_agree_with_scikit_learn(make_random):
    predictions = make_random(300, TWO, skill=0.3)
    found = threshold_table(predictions, "malignant")
    assert len(found) == 101
    for row in found.iloc[::20].itertuples():
        called = predictions.probabilities[:, 1] >= row.threshold
        truth = predictions.truth_codes == 1
        assert row.sensitivity == sk.recall_score(truth, called, zero_division=0)
        assert row.f1 == pytest.approx(sk.f1_score(truth, called, zero_division=0))


def test_probabilities_of_several_classes_add_up(make):
    predictions = make(["a", "b", "c"], [[0.3, 0.3, 0.4]] * 3, ("a", "b", "c"))
    row = threshold_table(predictions, ["a", "b"], [0.5]).iloc[0]
    assert row[["tp", "fp"]].tolist() == [2, 1]


def test_the_cheapest_threshold(ten):
    # a missed case at one alarm: .7 (fp 1, fn 1: 2) and .8 (fn 2: 2) tie; the lower misses less
    assert choose_threshold(ten, "malignant", false_negative_cost=1) == pytest.approx(0.7)
    # at ten alarms, missing none is best
    assert choose_threshold(ten, "malignant", false_negative_cost=10) == pytest.approx(0.35)
    # at almost nothing, no alarm is: .8 alarms falsely never
    assert choose_threshold(ten, "malignant", false_negative_cost=0.01) == pytest.approx(0.8)


def test_the_highest_threshold_that_is_sensitive_enough(ten):
    for wanted, expected in ((0.5, 0.8), (0.51, 0.7), (0.75, 0.7), (1, 0.35)):
        found = choose_threshold(ten, "malignant", sensitivity=wanted)
        assert found == pytest.approx(expected)
        reached = threshold_table(ten, "malignant", [found])["sensitivity"][0]
        assert reached >= wanted


def test_cheapest_is_cheapest_of_all(make_random):
    predictions = make_random(200, TWO, skill=0.2)
    validation = type(predictions)(predictions.table, TWO, "m", "validation", "x", "f", True)
    chosen = choose_threshold(validation, "malignant", false_negative_cost=4)
    fine = threshold_table(validation, "malignant", np.linspace(0, 1, 5001), false_negative_cost=4)
    at = threshold_table(validation, "malignant", [chosen], false_negative_cost=4)
    assert at["cost"][0] <= fine["cost"].min() + 1e-12


def test_choosing_on_the_test_part_must_be_meant(make_random):
    predictions = make_random(50, TWO)
    with pytest.raises(ParameterError, match="choose on the validation part"):
        choose_threshold(predictions, "malignant", sensitivity=0.5)
    assert 0 <= choose_threshold(predictions, "malignant", sensitivity=0.5, on_test=True) <= 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sensitivity": 0.5, "false_negative_cost": 1},
        {"sensitivity": 0},
        {"sensitivity": 1.1},
        {"false_negative_cost": 0},
    ],
)
def test_bad_choices_are_refused(ten, options):
    with pytest.raises(ParameterError, match="choose_threshold"):
        choose_threshold(ten, "malignant", **options)


@pytest.mark.parametrize("positive", ["mole", [], ["benign", "malignant"]])
def test_bad_positives_are_refused(ten, positive):
    with pytest.raises(ParameterError, match="positive"):
        threshold_table(ten, positive)


@pytest.mark.parametrize("thresholds", [[], [1.2], [np.nan], [[0.5]]])
def test_bad_thresholds_are_refused(ten, thresholds):
    with pytest.raises(ParameterError, match="thresholds"):
        threshold_table(ten, "malignant", thresholds)


def test_no_positive_image_is_refused(make):
    alone = make(["benign"], [[0.5, 0.5]], TWO, part="validation")
    assert np.isnan(threshold_table(alone, "malignant", [0.5])["sensitivity"][0])
    with pytest.raises(ParameterError, match="no image of validation"):
        choose_threshold(alone, "malignant", sensitivity=0.5)
