"""What fine-tuning adds to a frozen backbone, for the seven classes and for R1's two."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from dermbook.data import MALIGNANT
from dermbook.evaluation import Predictions
from dermbook.publishing.fine_tuning import tuning_gains


def trial(collection, sure, seed):
    """Predictions that give the true class so much beside noise."""
    ids = list(collection.ids)
    codes = collection.codes(ids)
    found = np.random.default_rng(seed).random((len(ids), len(collection.classes)))
    found[np.arange(len(ids)), codes] += sure
    found /= found.sum(axis=1, keepdims=True)
    predictions = Predictions.from_probabilities(
        ids, found, collection, model=f"model-{seed}", part="test"
    )
    return SimpleNamespace(predictions={"test": predictions}), codes, found


def test_both_tasks_are_scored_as_scikit_learn_does(small_phantom):
    frozen, codes, before = trial(small_phantom, 0.2, 1)
    tuned, _, after = trial(small_phantom, 0.9, 2)
    gains = tuning_gains(frozen, tuned, MALIGNANT).set_index(["task", "metric"])
    seven = gains.loc[(f"{len(small_phantom.classes)} classes", "balanced_accuracy")]
    by_sklearn = [balanced_accuracy_score(codes, each.argmax(1)) for each in (before, after)]
    assert [seven["first"], seven["second"]] == pytest.approx(by_sklearn, abs=1e-6)
    bad = [small_phantom.classes.index(each) for each in MALIGNANT]
    truth = np.isin(codes, bad)
    by_sklearn = [
        balanced_accuracy_score(truth, each[:, bad].sum(1) > 0.5) for each in (before, after)
    ]
    two = gains.loc[("malignant or benign", "balanced_accuracy")]
    assert [two["first"], two["second"]] == pytest.approx(by_sklearn, abs=1e-6)
    assert two["value"] == pytest.approx(by_sklearn[1] - by_sklearn[0], abs=1e-6)
    assert 0 < seven["low"] < seven["value"] < seven["high"]


def test_the_same_predictions_gain_nothing(small_phantom):
    same, *_ = trial(small_phantom, 0.3, 1)
    gains = tuning_gains(same, same, MALIGNANT)
    assert (gains[["value", "low", "high"]] == 0).all(axis=None)
