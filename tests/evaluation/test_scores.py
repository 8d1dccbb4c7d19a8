import warnings

import numpy as np
import pytest
import sklearn.metrics as sk

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import score, wilson
from dermbook.evaluation.metrics import BY_CLASS, COLUMNS, OVERALL

SEVEN = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")


def test_the_table_has_one_row_a_metric_and_class(make_random):
    found = score(make_random(200), resamples=20)
    assert tuple(found.columns) == COLUMNS
    expected = [(metric, "") for metric in OVERALL]
    expected += [(metric, name) for name in SEVEN for metric in BY_CLASS]
    assert list(zip(found["metric"], found["class"], strict=True)) == expected
    assert found["n"].dtype == "Int64"
    assert found["value"].dtype == "float64"


def test_values_are_scikit_learns(make_random, value_of):
    predictions = make_random(400, seed=3)
    found = score(predictions, resamples=0)
    truth = predictions.table["truth"].to_numpy(dtype=object)
    predicted = predictions.predicted.to_numpy(dtype=object)
    p = predictions.probabilities
    options = {"average": "macro", "zero_division": 0}
    order = np.argsort(SEVEN)  # scikit-learn's own order of names
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
        "f1_micro": sk.f1_score(truth, predicted, average="micro"),
        "f1_macro": sk.f1_score(truth, predicted, **options),
        "f1_weighted": sk.f1_score(truth, predicted, average="weighted"),
        "precision_macro": sk.precision_score(truth, predicted, **options),
        "recall_macro": sk.recall_score(truth, predicted, **options),
        "roc_auc": sk.roc_auc_score(truth, p[:, order], multi_class="ovr"),
        "average_precision": sk.average_precision_score(np.array(SEVEN) == truth[:, None], p),
        "brier": sk.brier_score_loss(truth, p[:, order]),
        "log_loss": sk.log_loss(truth, p[:, order]),
        "cohen_kappa": sk.cohen_kappa_score(truth, predicted),
        "mcc": sk.matthews_corrcoef(truth, predicted),
    }
    for metric, value in expected.items():
        assert value_of(found, metric) == pytest.approx(value, abs=1e-12), metric
    for name in SEVEN:
        is_truth, is_predicted = truth == name, predicted == name
        assert value_of(found, "recall", name) == sk.recall_score(is_truth, is_predicted)
        assert value_of(found, "specificity", name) == pytest.approx(
            sk.recall_score(~is_truth, ~is_predicted)
        )
        assert value_of(found, "support", name) == is_truth.sum()
        assert value_of(found, "recall", name, "n") == is_truth.sum()
        assert value_of(found, "precision", name, "n") == is_predicted.sum()
        assert value_of(found, "specificity", name, "n") == (~is_truth).sum()


def test_binary_positive_is_the_second_class(make_random, value_of):
    predictions = make_random(200, ("benign", "malignant"))
    found = score(predictions, resamples=50)
    truth = predictions.truth_codes
    p = predictions.probabilities[:, 1]
    assert value_of(found, "roc_auc") == pytest.approx(sk.roc_auc_score(truth, p))
    assert value_of(found, "average_precision") == sk.average_precision_score(truth, p)
    assert value_of(found, "brier") == pytest.approx(np.mean((p - truth) ** 2))
    assert value_of(found, "brier", "", "low") < value_of(found, "brier")


def test_r1_table_by_hand(make_certain, value_of):
    # R1, row 1.14 and lesson M10: TN 682, FP 48, FN 72, TP 200
    truth = ["benign"] * 730 + ["malignant"] * 272
    predicted = ["benign"] * 682 + ["malignant"] * 48 + ["benign"] * 72 + ["malignant"] * 200
    found = score(make_certain(truth, predicted, ("benign", "malignant")), resamples=0)
    assert value_of(found, "accuracy") == pytest.approx(0.880239520958083)
    assert value_of(found, "balanced_accuracy") == pytest.approx((682 / 730 + 200 / 272) / 2)
    assert value_of(found, "precision", "malignant") == pytest.approx(200 / 248)
    assert value_of(found, "recall", "malignant") == pytest.approx(200 / 272)
    assert value_of(found, "specificity", "malignant") == pytest.approx(682 / 730)
    assert value_of(found, "f1", "malignant") == pytest.approx(400 / 520)


# ---- the edges ---------------------------------------------------------------------------------


def test_an_absent_class_is_undefined_and_the_means_leave_it_out(make_certain, value_of):
    found = score(
        make_certain(["a", "a", "b", "b"], ["a", "b", "b", "b"], ("a", "b", "c")), resamples=30
    )
    for metric in ("recall", "f1", "roc_auc", "average_precision"):
        assert np.isnan(value_of(found, metric, "c")), metric
        assert np.isnan(value_of(found, metric, "c", "low")), metric
    assert value_of(found, "precision", "c") == 0
    assert value_of(found, "specificity", "c") == 1
    assert value_of(found, "support", "c") == 0
    assert value_of(found, "balanced_accuracy") == 0.75
    # a: P 1, R 1/2, F 2/3; b: P 2/3, R 1, F 4/5; c does not occur
    assert value_of(found, "f1_macro") == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert value_of(found, "precision_macro") == pytest.approx((1 + 2 / 3) / 2)


def test_a_class_predicted_but_absent_counts_zero_in_the_macro_means(make_certain, value_of):
    found = score(make_certain(["a", "b", "b"], ["a", "b", "c"], ("a", "b", "c")), resamples=0)
    assert value_of(found, "balanced_accuracy") == 0.75  # of a and b
    assert value_of(found, "recall_macro") == pytest.approx((1 + 0.5 + 0) / 3)
    assert value_of(found, "f1_macro") == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert np.isnan(value_of(found, "recall", "c"))
    assert value_of(found, "f1", "c") == 0
    assert value_of(found, "precision", "c") == 0


@pytest.mark.parametrize("predicted", [["a", "a", "a"], ["a", "b", "a"]])
def test_one_class_only(make_certain, value_of, predicted):
    predictions = make_certain(["a"] * 3, predicted, ("a", "b"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score(predictions, resamples=30)
    right = predicted.count("a") / 3
    assert value_of(found, "accuracy") == value_of(found, "balanced_accuracy") == right
    assert np.isnan(value_of(found, "roc_auc"))
    assert np.isnan(value_of(found, "specificity", "a"))
    assert value_of(found, "mcc") == 0
    assert np.isnan(value_of(found, "cohen_kappa")) == (right == 1)


def test_a_single_image(make_certain, value_of):
    found = score(make_certain(["a"], ["a"], ("a", "b", "c")), resamples=10)
    assert value_of(found, "accuracy") == 1
    assert value_of(found, "accuracy", "", "interval") == "Wilson, 1 lesions"


def test_all_probabilities_tied_is_chance(make, value_of):
    found = score(make(["a", "b", "b", "c"], np.full((4, 3), 1 / 3), ("a", "b", "c")), resamples=0)
    assert value_of(found, "accuracy") == 0.25  # ties go to the first class
    for name, share in (("a", 0.25), ("b", 0.5), ("c", 0.25)):
        assert value_of(found, "roc_auc", name) == 0.5
        assert value_of(found, "average_precision", name) == share


def test_certainly_wrong_has_a_finite_log_loss(make, value_of):
    found = score(make(["a"], [[0.0, 1.0]], ("a", "b")), resamples=0)
    assert value_of(found, "log_loss") == pytest.approx(-np.log(np.finfo(float).eps))


def test_unknown_truth_is_refused(make):
    predictions = make(["a", None], [[0.5, 0.5]] * 2, ("a", "b"))
    with pytest.raises(DataError, match="cannot be scored: the truth of 1 of its 2 images"):
        score(predictions)


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 0}, {"resamples": -1}])
def test_bad_options_are_refused(make, options):
    with pytest.raises(ParameterError):
        score(make(["a", "b"], [[0.6, 0.4]] * 2, ("a", "b")), **options)


def test_no_resamples_no_intervals(make_random):
    found = score(make_random(60), resamples=0)
    assert found[["low", "high"]].isna().all().all()
    assert (found["interval"] == "").all()


# ---- intervals ---------------------------------------------------------------------------------


def test_intervals_hold_the_value_and_narrow_with_more_lesions(make_random, value_of):
    few, many = (score(make_random(n, seed=1), resamples=300) for n in (100, 1600))
    for found in (few, many):
        inside = found[(found["metric"] == "accuracy") | (found["metric"] == "f1_weighted")]
        assert (inside["low"] < inside["value"]).all()
        assert (inside["value"] < inside["high"]).all()
    widths = [
        value_of(f, "accuracy", "", "high") - value_of(f, "accuracy", "", "low")
        for f in (few, many)
    ]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.35)


def test_lesions_not_images_are_resampled(make, value_of):
    # ten identical photographs a lesion say no more than one: n is 40, not 400
    generator = np.random.default_rng(0)
    right = generator.random(40) < 0.7
    values = np.repeat(np.where(right[:, None], [[0.9, 0.1]], [[0.1, 0.9]]), 10, axis=0)
    truth = ["a"] * 400
    lesion = np.repeat(np.arange(40), 10)
    clustered = score(make(truth, values, ("a", "b"), lesion), resamples=800)
    alone = score(make(truth, values, ("a", "b")), resamples=800)
    width = {
        name: value_of(found, "accuracy", "", "high") - value_of(found, "accuracy", "", "low")
        for name, found in (("clustered", clustered), ("alone", alone))
    }
    assert width["clustered"] / width["alone"] == pytest.approx(np.sqrt(10), rel=0.15)


def test_few_failures_get_wilson_over_lesions(make_certain, value_of):
    # 12 images of class a of 6 lesions, all right: the bootstrap would say exactly 1
    truth = ["a"] * 12 + ["b"] * 40
    lesions = [f"a{i // 2}" for i in range(12)] + [f"b{i}" for i in range(40)]
    predicted = ["a"] * 12 + ["b"] * 20 + ["a"] * 20
    found = score(make_certain(truth, predicted, ("a", "b"), lesions), resamples=100)
    assert value_of(found, "recall", "a") == 1
    assert value_of(found, "recall", "a", "interval") == "Wilson, 6 lesions"
    assert value_of(found, "recall", "a", "low") == pytest.approx(wilson(6, 6)[0])
    assert value_of(found, "recall", "b", "interval").startswith("bootstrap by lesion")


def test_undefined_resamples_are_counted_and_too_many_withhold_the_interval(make, value_of):
    # one lesion of class a among 60: a resample misses it with probability 1/e
    values = np.linspace(0.01, 0.99, 60)
    truth = ["a"] + ["b"] * 59
    found = score(make(truth, np.column_stack([values, 1 - values]), ("a", "b")), resamples=400)
    text = value_of(found, "roc_auc", "", "interval")
    missing = int(text.split("undefined in ")[1])
    assert missing == pytest.approx(400 / np.e, abs=40)
    assert np.isnan(value_of(found, "roc_auc", "", "low"))
    # four lesions: e^-4, under 5 %
    truth = ["a"] * 4 + ["b"] * 56
    found = score(make(truth, np.column_stack([values, 1 - values]), ("a", "b")), resamples=400)
    assert "undefined left out" in value_of(found, "roc_auc", "", "interval")
    assert value_of(found, "roc_auc", "", "low") <= value_of(found, "roc_auc")


def test_same_seed_same_intervals(make_random):
    predictions = make_random(150)
    first, second, other = (score(predictions, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first.equals(second)
    assert not first["low"].equals(other["low"])
