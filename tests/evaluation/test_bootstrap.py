import time

import numpy as np
import pytest
import sklearn.metrics as sk

from dermbook.errors import ParameterError
from dermbook.evaluation import score, uncertainty, wilson
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval
from dermbook.evaluation.weighted import WeightedScores, resampled_scores

SEVEN = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")


def scores_of(predictions):
    return WeightedScores(predictions.truth_codes, predictions.probabilities, predictions.classes)


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("classes", [SEVEN, ("a", "b"), ("a", "b", "c")])
def test_with_weights_of_one_it_is_score(make_random, classes, decimals):
    predictions = make_random(250, classes, decimals=decimals, seed=5)
    values = score(predictions, resamples=0).set_index(["metric", "class"])["value"]
    found = scores_of(predictions)(np.ones((1, 250)))
    assert set(found) == {key for key in values.index if key[0] != "support"}
    for key, value in found.items():
        np.testing.assert_allclose(value[0], values[key], rtol=0, atol=1e-12, err_msg=str(key))


@pytest.mark.parametrize("decimals", [None, 1])
def test_each_resample_is_scored_as_the_rows_it_stands_for(make, make_random, decimals):
    # the naive way: repeat the rows, score them as any sample, in a loop
    predictions = make_random(120, seed=2, decimals=decimals)
    weights = next(lesion_weights(predictions.group_codes, 6, seed=4))
    found = scores_of(predictions)(weights)
    truth = predictions.table["truth"].to_numpy(dtype=object)
    for row, weight in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(120), weight)
        sample = make(truth[rows], predictions.probabilities[rows])
        values = score(sample, resamples=0).set_index(["metric", "class"])["value"]
        for key, value in found.items():
            np.testing.assert_allclose(
                value[row], values[key], rtol=0, atol=1e-12, err_msg=f"{row} {key}"
            )


def test_against_scikit_learns_sample_weight(make_random):
    predictions = make_random(700, decimals=1, seed=8)
    truth, p = predictions.truth_codes, predictions.probabilities
    predicted = predictions.predicted_codes
    weights = np.random.default_rng(0).random((4, 700))  # any weights, not only whole ones
    found = scores_of(predictions)(weights)
    for row, w in enumerate(weights):
        expected = {
            ("accuracy", ""): sk.accuracy_score(truth, predicted, sample_weight=w),
            ("balanced_accuracy", ""): sk.balanced_accuracy_score(
                truth, predicted, sample_weight=w
            ),
            ("f1_macro", ""): sk.f1_score(truth, predicted, average="macro", sample_weight=w),
            ("mcc", ""): sk.matthews_corrcoef(truth, predicted, sample_weight=w),
            ("cohen_kappa", ""): sk.cohen_kappa_score(truth, predicted, sample_weight=w),
            ("log_loss", ""): sk.log_loss(truth, p, sample_weight=w),
            ("brier", ""): sk.brier_score_loss(truth, p, sample_weight=w),
        }
        for code, name in enumerate(SEVEN):
            is_truth = truth == code
            expected["roc_auc", name] = sk.roc_auc_score(is_truth, p[:, code], sample_weight=w)
            expected["average_precision", name] = sk.average_precision_score(
                is_truth, p[:, code], sample_weight=w
            )
        for key, value in expected.items():
            assert found[key][row] == pytest.approx(value, abs=1e-12), key


def test_auc_by_counting_pairs():
    score_of = np.array([0.1, 0.4, 0.4, 0.4, 0.8])
    truth = np.array([0, 1, 0, 1, 1])
    weights = np.array([[1.0, 2.0, 3.0, 0.0, 1.0]])
    found = WeightedScores(truth, np.column_stack([1 - score_of, score_of]), ("n", "p"))(weights)
    # positives .4 (×2) and .8; negatives .1 and .4 (×3): 2·(1 + 3/2) + 1·4 of 3·4 pairs
    assert found["roc_auc", "p"][0] == pytest.approx(9 / 12)


def test_weights_are_whole_lesions():
    groups = np.array([0, 1, 1, 2, 2, 2])
    weights = next(lesion_weights(groups, 200, seed=0))
    assert weights.shape == (200, 6)
    assert (weights[:, 1] == weights[:, 2]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights[:, 0].mean() == pytest.approx(1, abs=0.2)
    # multinomial: variance of one count is 1 − 1/G
    assert weights[:, 0].var() == pytest.approx(2 / 3, abs=0.2)


def test_the_chunks_do_not_matter(make_random, monkeypatch):
    predictions = make_random(80)
    whole = resampled_scores(predictions, 60, seed=3)
    monkeypatch.setattr(uncertainty, "_CHUNK_CELLS", 500)
    pieces = resampled_scores(predictions, 60, seed=3)
    for key, value in whole.items():
        np.testing.assert_allclose(pieces[key], value, rtol=0, atol=1e-12)
    assert resampled_scores(predictions, 0, seed=3) == {}


def test_memory_of_a_chunk_is_bounded():
    chunks = list(lesion_weights(np.arange(10_000), 450, seed=0))
    assert [len(chunk) for chunk in chunks] == [200, 200, 50]


def test_a_thousand_resamples_of_2000_by_7_take_under_two_seconds(make_random):
    predictions = make_random(2000)
    score(predictions, resamples=2)  # imports
    seconds = []
    for _ in range(3):  # about 0.25 s on an idle core; other work on the machine takes its share
        start = time.perf_counter()
        score(predictions, resamples=1000)
        seconds.append(time.perf_counter() - start)
        if seconds[-1] < 2.0:
            break
    assert min(seconds) < 2.0


def test_coverage_of_the_accuracy_interval(make):
    # truth known: each lesion right with probability .8, its three photographs alike
    generator = np.random.default_rng(1)
    inside = 0
    for seed in range(80):
        right = np.repeat(generator.random(60) < 0.8, 3)
        values = np.where(right[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
        predictions = make(["a"] * 180, values, ("a", "b"), np.repeat(np.arange(60), 3))
        draws = resampled_scores(predictions, 200, seed)["accuracy", ""]
        low, high, _ = percentile_interval(draws, 0.95)
        inside += low <= 0.8 <= high
    assert 0.88 <= inside / 80 <= 0.99


# ---- Wilson ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (6, 11, 0.2801, 0.7873),  # R3's DF recall, lesson M12
        (200, 272, 0.6799, 0.7842),  # R1's recall, lesson M10
        (0, 10, 0, 0.2775),
        (10, 10, 0.7225, 1),
    ],
)
def test_wilson_by_hand(successes, n, low, high):
    found = wilson(successes, n)
    assert found == pytest.approx((low, high), abs=1e-4)


def test_wilson_solves_its_equation():
    # the bounds are where the score statistic is exactly z
    for bound in wilson(6, 11, 0.9):
        assert abs(6 / 11 - bound) / np.sqrt(bound * (1 - bound) / 11) == pytest.approx(
            1.6448536269514722
        )


def test_wilson_edges():
    low, high = wilson(np.array([0.0, 3, 5]), np.array([0, 5, 5]))
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert high[2] == 1.0
    for arguments in ((6, 5), (-1, 5), (1, 5, 1.0), (1, 5, 0.0)):
        with pytest.raises(ParameterError):
            wilson(*arguments)
