"""R0's variants over several seeds (row 0.10), against scores computed by scikit-learn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from dermbook.data import load_split
from dermbook.evaluation import Predictions
from dermbook.evaluation.waiting import patience_table
from dermbook.publishing.cnn_from_scratch import add_findings, variant_effects, with_further_seeds

BASE, VARIANT = "max pooling and ReLU", "LeakyReLU"


@pytest.fixture(scope="module")
def tested(small_phantom):
    return small_phantom, load_split(small_phantom, seed=0).parts["test"]


def trial(tested, name, wrong, seed):
    """A trial whose test Predictions name the next class for some share of the images."""
    collection, ids = tested
    codes = collection.codes(ids)
    draw = np.random.default_rng(seed).random(len(ids)) < wrong
    named = np.where(draw, (codes + 1) % len(collection.classes), codes)
    found = np.full((len(ids), len(collection.classes)), 0.01)
    found[np.arange(len(ids)), named] = 1 - 0.01 * (len(collection.classes) - 1)
    predictions = Predictions.from_probabilities(ids, found, collection, model=name, part="test")
    return SimpleNamespace(name=name, predictions={"test": predictions})


def f1(trials):
    """Of all seeds' predictions taken together."""
    of = [each.predictions["test"] for each in trials]
    truth = np.concatenate([each.truth_codes for each in of])
    named = np.concatenate([each.predicted_codes for each in of])
    return f1_score(truth, named, average="macro")


def test_the_difference_is_that_of_all_seeds_together(tested):
    trials = {
        BASE: [trial(tested, "r0-cnn", 0.5, seed) for seed in (1, 2)],
        VARIANT: [trial(tested, "r0-cnn-leaky", 0.1, seed) for seed in (3, 4)],
    }
    found = variant_effects(trials, [0, 1])
    row = found[found["metric"] == "f1_macro"].iloc[0]
    scores = [f1(of) for of in trials.values()]
    assert row["comparison"] == f"{VARIANT} minus {BASE}"
    assert [row["first"], row["second"]] == pytest.approx(scores)
    assert row["value"] == pytest.approx(scores[1] - scores[0])
    assert 0 < row["low"] < row["value"] < row["high"]
    assert set(found["learner"]) == {"r0-cnn"}
    assert set(found["seeds"]) == {2}


def test_equal_predictions_differ_by_nothing(tested):
    trials = {BASE: [trial(tested, "r0-cnn", 0.3, 1)], VARIANT: [trial(tested, "other", 0.3, 1)]}
    found = variant_effects(trials, [0])
    assert (found[["value", "low", "high"]] == 0).all(axis=None)


def test_what_a_patience_of_two_would_have_cost(small_phantom):
    curve = pd.DataFrame({"val_loss": [1.0, 0.8, 0.9, 0.85, 0.5]})
    curves = pd.DataFrame({"model": ["net", "net"]})
    series = {
        "patience": patience_table({"net": curve}),
        "learning-curves": curves,
        "learning-curves-deep": curves,
    }
    found = {}
    chapter = SimpleNamespace(
        series=series.__getitem__,
        scores=lambda part: pd.DataFrame(
            {"model": ["r0-cnn"], "metric": ["balanced_accuracy"], "low": [0.9]}
        ),
        measured=lambda model, part, metric: metric,
        finding=lambda about, verdict, **words: found.update({about: words["measured"]}),
    )
    same = [trial((small_phantom, small_phantom.ids), "r0-cnn", 0.5, 1)]
    effects = variant_effects({BASE: same, VARIANT: same}, [0])
    add_findings(chapter, effects, small_phantom)
    assert set(found) == {"0.8", "0.9", "0.10", "0.16", "0.17"}
    assert "net after epoch 4 of 5, validation loss +0.300 above its lowest" in found["0.8"]


def test_further_seeds_train_the_same_network_again(monkeypatch):
    asked = []

    def classify(architecture, *data, **settings):
        asked.append((architecture, data, settings))
        return SimpleNamespace(name=settings["name"])

    monkeypatch.setattr("dermbook.evaluation.classify", classify, raising=False)
    first = SimpleNamespace(name="r0-cnn-leaky")
    options = {"activation": "leaky_relu"}
    found = with_further_seeds({VARIANT: (first, options)}, [5, 6], "lesions", seed=0, epochs=3)
    assert [each.name for each in found[VARIANT]] == [
        "r0-cnn-leaky", "r0-cnn-leaky-seed5", "r0-cnn-leaky-seed6",
    ]  # fmt: skip
    assert [settings["seed"] for *_, settings in asked] == [5, 6]
    for architecture, data, settings in asked:
        assert (architecture, data) == ("r0-cnn", ("lesions",))
        assert settings["options"] == options
        assert settings["epochs"] == 3
        assert settings["parts"] == ("test",)
