"""Choosing members, mixtures by class and what choosing flatters: against trying all by hand."""

import numpy as np
import pandas as pd
import pytest
from ensemble_members import THREE, library, predictions
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from dermbook.errors import ParameterError
from dermbook.evaluation import Predictions
from dermbook.evaluation.ensembles import (
    EnsembleError,
    accuracies,
    best_three,
    by_class,
    by_decision,
    chosen_weights,
    doublings,
    greedily,
    greedily_bagged,
    greedy_selection,
    large_classes,
    mean_probability,
    optimism,
    part_score,
    top_weights,
)

# ---- choosing -------------------------------------------------------------------------------


def test_scores_are_scikit_learns():
    for member in library(4, 90):
        truth, said = member.truth_codes, member.predicted_codes
        assert part_score(member) == pytest.approx(balanced_accuracy_score(truth, said))
        assert part_score(member, "accuracy") == pytest.approx(accuracy_score(truth, said))
    with pytest.raises(ParameterError, match="f1_macro"):
        part_score(library(1, 20)[0], "f1_macro")


def test_greedy_does_what_trying_all_additions_by_hand_does():
    members = library(5, 120)
    found = greedy_selection(members, rounds=6)
    truth = members[0].truth_codes
    stack = np.stack([member.probabilities for member in members])
    path = []
    for _ in range(6):
        tried = [
            balanced_accuracy_score(truth, stack[[*path, each]].mean(axis=0).argmax(axis=1))
            for each in range(5)
        ]
        path.append(int(np.argmax(np.round(tried, 12))))
    assert list(found.path) == path
    assert found.best == int(np.argmax(found.steps["score"])) + 1
    counts = np.bincount(path[: found.best], minlength=5)
    np.testing.assert_allclose(found.weights, counts / found.best)
    chosen = mean_probability(members, found.weights)
    assert part_score(chosen) == pytest.approx(found.steps["score"].max())
    assert part_score(chosen) >= max(part_score(member) for member in members)


def test_greedy_finds_two_that_complete_each_other_and_leaves_a_guesser():
    truth = np.array([0, 1, 2] * 20)
    half = np.arange(60) < 30
    sure, vague = np.eye(3)[truth] * 0.8 + 0.2 / 3, np.full((60, 3), 1 / 3)
    off = np.eye(3)[(truth + 1) % 3] * 0.4 + 0.2
    members = [
        predictions(np.where(half[:, None], sure, off), truth, "front"),
        predictions(np.where(half[:, None], off, sure), truth, "back"),
        predictions(vague, truth, "guess"),
    ]
    found = greedy_selection(members, rounds=4)
    np.testing.assert_allclose(found.weights, [0.5, 0.5, 0])
    assert found.steps["score"].iloc[1] == pytest.approx(1)
    with pytest.raises(ParameterError, match="rounds"):
        greedy_selection(members, rounds=0)


def test_weights_of_r1_and_of_the_best_few():
    members = library(6, 150)
    scores = np.array([part_score(member, "accuracy") for member in members])
    np.testing.assert_allclose(accuracies(members), scores)
    best = np.argsort(-scores, kind="stable")[:3]
    expected = np.zeros(6)
    expected[best] = scores[best]
    found = chosen_weights(members, best_three, "accuracy")
    np.testing.assert_allclose(found, expected / expected.sum())
    assert set(np.flatnonzero(top_weights(members, 3, "accuracy"))) == set(best)
    # members that are never right weigh alike, not 0 / 0
    wrong = [predictions([[0, 1, 0]] * 4, [0] * 4, name) for name in "ab"]
    np.testing.assert_allclose(chosen_weights(wrong, best_three, "accuracy"), [0.5, 0.5])


def test_bagging_spreads_what_luck_gave_to_few():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90)
    guessers = [predictions(rng.dirichlet(np.ones(3), 90), truth, f"g{n}") for n in range(12)]
    alone = chosen_weights(guessers, greedily(4))
    bagged = chosen_weights(guessers, greedily_bagged(4, 20))
    assert bagged.sum() == pytest.approx(1)
    assert (bagged > 0).sum() > (alone > 0).sum()
    assert bagged.max() < alone.max()
    np.testing.assert_array_equal(bagged, chosen_weights(guessers, greedily_bagged(4, 20)))
    one = guessers[:1]
    np.testing.assert_array_equal(chosen_weights(one, greedily_bagged(4, 3)), [1])


# ---- mixtures and optimism ------------------------------------------------------------------


def test_mixtures_by_hand():
    first = predictions([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [1, 0, 2], "small-net")
    second = predictions([[0.6, 0.1, 0.3], [0.1, 0.1, 0.8], [0.9, 0.0, 0.1]], [1, 0, 2], "big-net")
    found = by_decision(first, second, ["nv"])
    np.testing.assert_allclose(
        found.probabilities, [[0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.9, 0.0, 0.1]]
    )
    mixed = by_class(first, second, ["nv"]).probabilities
    np.testing.assert_allclose(mixed[0], np.array([0.6, 0.7, 0.3]) / 1.6)
    with pytest.raises(EnsembleError, match="no class 'df'"):
        by_decision(first, second, ["df"])
    # each gives its own classes nothing: the mean of both, not 0 / 0
    a, b = predictions([[1, 0, 0]], [0], "a"), predictions([[0, 1, 0]], [0], "b")
    np.testing.assert_allclose(by_class(a, b, ["nv", "bcc"]).probabilities[0], [0.5, 0.5, 0])


def test_large_classes_and_what_is_no_division():
    member = predictions(np.full((10, 3), 1 / 3), [1] * 6 + [0] * 3 + [2])
    assert large_classes(member, 0.3) == ("mel", "nv")
    for least in (0.05, 0.7):
        with pytest.raises(ParameterError, match="large_share"):
            large_classes(member, least)


def test_choosing_flatters_and_choosing_nothing_does_not():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 150)
    guessers = [predictions(rng.dirichlet(np.ones(3), 150), truth, f"g{n}") for n in range(16)]
    found = optimism(guessers, resamples=60).set_index(["way", "models"])
    assert abs(found.loc[("mean of all", 16), "optimism"]) < 0.02
    for way in ("best one", "best three, weighted", "greedy ensemble"):
        assert found.loc[(way, 16), "optimism"] > 0.05
        assert abs(found.loc[(way, 1), "optimism"]) < 0.02
        assert abs(found.loc[(way, 16), "held_out"] - 1 / 3) < 0.05
    greedy, best = (found.loc[(way, 16)] for way in ("greedy ensemble", "best one"))
    assert greedy["optimism"] > best["optimism"]
    assert (found["low"] <= found["optimism"]).all()
    assert (found["optimism"] <= found["high"]).all()


def test_a_class_of_few_lesions_does_not_move_the_control():
    """Its lesions are often all drawn or all left out; what is left must be compared alike."""
    truth = np.array([0] * 40 + [1] * 40 + [2] * 2)
    values = np.eye(3)[np.where(truth == 2, 0, truth)] * 0.8 + 0.2 / 3  # right but for the rare one
    found = optimism([predictions(values, truth)], resamples=80).set_index("way")
    assert abs(found.loc["mean of all", "optimism"]) < 1e-12
    assert 2 / 3 < found.loc["mean of all", "held_out"] < 1


def test_optimism_is_zero_for_one_that_is_always_right_and_repeats_by_seed():
    members = library(3, 60)
    truth = members[0].truth_codes
    right = Predictions(
        members[0].table.assign(**dict(zip(THREE, np.eye(3)[truth].T, strict=True))), THREE,
        "right", "validation", "made", "0" * 64, True,
    )  # fmt: skip
    found = optimism([*members, right], [4, 99], resamples=10)
    assert set(found["models"]) == {4}
    assert found.set_index("way").loc["best one", "optimism"] == pytest.approx(0, abs=1e-12)
    again = optimism([*members, right], [4], resamples=10)
    pd.testing.assert_frame_equal(found, again)
    assert doublings(1) == [1]
    assert doublings(33) == [1, 2, 4, 8, 16, 33]
    with pytest.raises(ParameterError, match="resamples"):
        optimism(members, resamples=0)
    one_lesion = [predictions(np.full((4, 3), 1 / 3), [0] * 4, groups=[1] * 4)]
    assert optimism(one_lesion, resamples=3).empty


def test_a_dummy_is_worth_a_third():
    """The control of the control: a constant has the balanced accuracy of scikit-learn's dummy."""
    truth = np.repeat([0, 1, 2], [5, 40, 5])
    dummy = DummyClassifier().fit(np.zeros((50, 1)), truth).predict(np.zeros((50, 1)))
    constant = predictions(np.tile([0.1, 0.8, 0.1], (50, 1)), truth)
    assert part_score(constant) == pytest.approx(balanced_accuracy_score(truth, dummy))
