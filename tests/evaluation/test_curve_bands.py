import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.evaluation import pr_points
from dermbook.evaluation.uncertainty import lesion_weights

TWO = ("benign", "malignant")


def test_the_band_of_precision_is_that_of_resamples_scored_one_by_one(make_random):
    predictions = make_random(120, TWO, skill=0.4, lesions=60, decimals=2)
    found = pr_points(predictions, resamples=60, seed=3)
    truth, score = predictions.truth_codes == 1, predictions.probabilities[:, 1]
    at = found["recall"].to_numpy()
    rows = []
    for chunk in lesion_weights(predictions.group_codes, 60, 3):
        for weights in chunk:
            every = np.repeat(np.arange(120), weights.astype(int))
            positive, values = truth[every], score[every]
            if not positive.any() or positive.all():
                continue
            best = []
            for recall in at:
                # the fewest images, by threshold, that hold this share of the positives
                for threshold in np.unique(values)[::-1]:
                    called = values >= threshold
                    share = positive[called].sum() / positive.sum()
                    if share >= recall - 1e-12 and share > 0:
                        best.append(positive[called].mean())
                        break
            rows.append(best)
    low, high = np.quantile(rows, [0.025, 0.975], axis=0)
    assert found["low"].to_numpy() == pytest.approx(low)
    assert found["high"].to_numpy() == pytest.approx(high)


def test_the_curve_lies_in_its_band(make_random):
    found = pr_points(make_random(400, TWO, skill=0.5), resamples=200)
    inside = (found["low"] - 1e-9 <= found["precision"]) & (
        found["precision"] <= found["high"] + 1e-9
    )
    assert inside.mean() > 0.9
    assert (found["low"] <= found["high"]).all()


def test_no_band_unless_asked_for_and_for_two_classes_only(make_random):
    assert "low" not in pr_points(make_random(50, TWO))
    with pytest.raises(ParameterError, match="pr_points"):
        pr_points(make_random(50), resamples=10)
