"""How much choosing the best flatters it: against constructions whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.evaluation.selection import flattery


def predictions(scores, truth, name="a", groups=None):
    table = pd.DataFrame(
        {
            "truth": np.where(truth, "malignant", "benign"),
            "group": [f"L{g}" for g in (range(len(truth)) if groups is None else groups)],
            "benign": 1 - scores,
            "malignant": scores,
        },
        index=pd.Index([f"I{i:04d}" for i in range(len(truth))], name="image_id"),
    )
    return Predictions(
        table=table,
        classes=("benign", "malignant"),
        model=name,
        part="validation",
        collection="made",
        data_fingerprint="0" * 64,
        phantom=True,
    )


def guessing(models, images=120, skill=0.0, seed=0):
    """Models whose scores are noise, all of the same skill."""
    rng = np.random.default_rng(seed)
    truth = rng.random(images) < 0.3
    return [
        predictions(1 / (1 + np.exp(-rng.normal(skill * truth, 1))), truth, f"m{m}")
        for m in range(models)
    ]


def test_the_best_of_many_guessers_is_flattered_and_one_is_not():
    found = flattery(guessing(25), resamples=300)
    assert list(found["models"]) == list(range(1, 26))
    assert (found["resamples"] == 300).all()
    assert abs(found["flattery"].iloc[0]) < 0.02
    assert found["flattery"].iloc[-1] > 0.08
    assert found["chosen"].is_monotonic_increasing
    # nothing was learned: what is left out says so, near one half
    assert abs(found["held_out"].iloc[-1] - 0.5) < 0.06
    assert (found["low"] <= found["flattery"]).all()
    assert (found["flattery"] <= found["high"]).all()


def test_a_model_that_is_better_by_far_is_found_and_not_flattered():
    candidates = guessing(10)
    truth = candidates[0].truth_codes == 1
    candidates.append(predictions(np.where(truth, 0.9, 0.1), truth, "right"))
    last = flattery(candidates, resamples=200).iloc[-1]
    assert last["chosen"] == last["held_out"] == 1
    assert last["flattery"] == 0


def test_photographs_of_a_lesion_stay_together():
    """Copies of 20 lesions: resampling images would leave a copy of most on both sides."""
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.random(20) < 0.4, 8)
    groups = np.repeat(range(20), 8)
    lucky = [np.repeat(rng.random(20), 8) for _ in range(15)]
    grouped = [predictions(s, truth, f"m{i}", groups) for i, s in enumerate(lucky)]
    alone = [predictions(s, truth, f"m{i}") for i, s in enumerate(lucky)]
    assert (
        flattery(grouped, resamples=60)["flattery"].iloc[-1]
        > flattery(alone, resamples=60)["flattery"].iloc[-1] + 0.05
    )


def test_the_same_seed_gives_the_same_and_any_overall_metric_does():
    candidates = guessing(4)
    pd.testing.assert_frame_equal(
        flattery(candidates, resamples=20, seed=3), flattery(candidates, resamples=20, seed=3)
    )
    assert flattery(candidates, metric="accuracy", resamples=20)["chosen"].between(0, 1).all()


def test_resamples_without_a_class_are_left_out():
    truth = np.array([True] + [False] * 5)
    few = flattery([predictions(np.linspace(0.1, 0.9, 6), truth)], resamples=100)
    # the only malignant image is either in the resample or out of it, never both
    assert few.empty
    assert list(few.columns)[:2] == ["models", "chosen"]


def test_what_is_refused():
    candidates = guessing(2)
    with pytest.raises(ParameterError, match="at least one candidate"):
        flattery([])
    with pytest.raises(ParameterError, match="at least one candidate"):
        flattery(candidates, resamples=0)
    with pytest.raises(ParameterError, match="no score of all classes"):
        flattery(candidates, metric="support", resamples=5)
    with pytest.raises(DataError, match="images are in one only"):
        flattery([candidates[0], candidates[1].subset(candidates[1].ids[:50])], resamples=5)
