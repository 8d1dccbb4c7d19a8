"""Combining models and fitting rules: against scikit-learn, formulas and cases made by hand."""

import numpy as np
import pandas as pd
import pytest
from ensemble_members import THREE, library, predictions
from scipy.stats import gmean, rankdata
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import Predictions
from dermbook.evaluation.ensembles import (
    SINGLE,
    EnsembleError,
    apply_rule,
    fit_stack,
    geometric_mean,
    lesion_folds,
    majority_vote,
    matched,
    mean_probability,
    out_of_fold,
    part_score,
    rank_mean,
    rules,
)

# ---- rules ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def voting():
    """scikit-learn's own ensemble, fitted once, and its members' Predictions."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (300, 4))
    y = (x[:, 0] + rng.normal(0, 0.7, 300) > 0.4).astype(int) + (x[:, 1] > 1)
    estimators = [
        ("a", LogisticRegression()),
        ("b", GaussianNB()),
        ("c", DecisionTreeClassifier(max_depth=4, random_state=0)),
    ]
    members, fitted = [], {}
    for kind in ("soft", "hard"):
        weights = [3, 1, 2] if kind == "soft" else None
        fitted[kind] = VotingClassifier(estimators, voting=kind, weights=weights).fit(x, y)
    for name, estimator in estimators:
        members.append(predictions(estimator.fit(x, y).predict_proba(x), y, name))
    return x, members, fitted


def test_the_weighted_mean_is_scikit_learns_soft_vote(voting):
    x, members, fitted = voting
    ours = mean_probability(members, [3, 1, 2])
    np.testing.assert_allclose(ours.probabilities, fitted["soft"].predict_proba(x), atol=1e-12)
    np.testing.assert_array_equal(ours.predicted_codes, fitted["soft"].predict(x))


def test_the_vote_is_scikit_learns_hard_vote_where_there_is_no_tie(voting):
    x, members, fitted = voting
    decisions = np.stack([member.predicted_codes for member in members])
    counts = np.stack([(decisions == code).sum(axis=0) for code in range(3)])
    clear = np.sort(counts, axis=0)[-1] > np.sort(counts, axis=0)[-2]
    assert clear.sum() > 250
    ours = majority_vote(members).predicted_codes
    np.testing.assert_array_equal(ours[clear], fitted["hard"].predict(x)[clear])


def test_a_tie_goes_to_the_higher_mean_and_a_majority_always_wins():
    # two against two: nv has the surer friends; then three barely against one very sure
    first = [[0.6, 0.4, 0.0], [0.51, 0.49, 0.0]]
    second = [[0.55, 0.45, 0.0], [0.51, 0.49, 0.0]]
    third = [[0.1, 0.9, 0.0], [0.51, 0.49, 0.0]]
    fourth = [[0.2, 0.8, 0.0], [0.0, 1.0, 0.0]]
    members = [
        predictions(values, [0, 0], name)
        for name, values in zip("abcd", (first, second, third, fourth), strict=True)
    ]
    assert list(majority_vote(members).predicted) == ["nv", "mel"]
    assert list(mean_probability(members).predicted) == ["nv", "nv"]
    # equal votes and equal means: the first class, as everywhere
    even = [predictions([[0.5, 0.5, 0]], [0], "a"), predictions([[0.5, 0.5, 0]], [0], "b")]
    assert list(majority_vote(even).predicted) == ["mel"]


def test_three_way_tie_and_shares_of_votes():
    members = [
        predictions([row], [0], name)
        for name, row in zip(
            "abc", ([0.9, 0.1, 0.0], [0.0, 0.5, 0.5 - 1e-9], [0.2, 0.0, 0.8]), strict=True
        )
    ]
    found = majority_vote(members)
    mean = np.mean([[0.9, 0.1, 0.0], [0.0, 0.5, 0.5], [0.2, 0.0, 0.8]], axis=0)
    np.testing.assert_allclose(found.probabilities[0], (1 + 0.5 * mean) / 3.5, atol=1e-8)
    assert found.predicted.iloc[0] == THREE[int(mean.argmax())]


def test_geometric_mean_is_scipys_and_survives_zeros():
    members = library(3, 50)
    stack = np.stack([member.probabilities for member in members])
    expected = gmean(stack, axis=0, weights=np.array([1.0, 2.0, 3.0])[:, None, None])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(geometric_mean(members, [1, 2, 3]).probabilities, expected)
    veto = [predictions([[1, 0, 0]], [0], "a"), predictions([[0, 0.4, 0.6]], [0], "b")]
    found = geometric_mean(veto).probabilities
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(), 1)
    # each class is impossible for one of them: mel keeps 1 * 1e-6, bcc 1e-6 * .6
    assert found[0].argmax() == 0


def test_ranks_order_as_scipy_says_however_members_are_scaled():
    members = library(3, 80, classes=("benign", "malignant"))
    squeezed = members[:2] + [
        predictions(
            np.column_stack([1 - p, p]), members[2].truth_codes, "squeezed",
            classes=members[2].classes, groups=members[2].group_codes,
        )
        for p in [0.5 + members[2].probabilities[:, 1] / 1000]
    ]  # fmt: skip
    squeezed[2] = Predictions(
        members[2].table.assign(
            benign=squeezed[2].probabilities[:, 0], malignant=squeezed[2].probabilities[:, 1]
        ),
        members[2].classes, "squeezed", "validation", "made", "0" * 64, True,
    )  # fmt: skip
    mean = np.mean([rankdata(each.probabilities[:, 1]) for each in members], axis=0)
    truth = members[0].truth_codes
    for found in (rank_mean(members), rank_mean(squeezed)):
        assert roc_auc_score(truth, found.probabilities[:, 1]) == pytest.approx(
            roc_auc_score(truth, mean)
        )


@pytest.mark.parametrize("rule", [majority_vote, mean_probability, geometric_mean, rank_mean])
def test_one_member_decides_alone_and_rows_keep_their_images(rule):
    member = library(1, 60)[0]
    np.testing.assert_array_equal(rule([member]).predicted_codes, member.predicted_codes)
    members = library(3, 60)
    order = np.random.default_rng(0).permutation(60)
    shuffled = [
        members[0],
        members[1].subset([members[1].ids[row] for row in order]),
        members[2].subset([members[2].ids[row] for row in order[::-1]]),
    ]
    pd.testing.assert_frame_equal(rule(shuffled).table, rule(members).table)


def test_members_that_do_not_fit_are_named():
    a, b = library(2, 20)
    with pytest.raises(EnsembleError, match="at least one member"):
        matched([])
    with pytest.raises(EnsembleError, match="m0 is a member twice"):
        matched([a, b, a])
    with pytest.raises(EnsembleError, match=r"m0 and m1 .*1 images are in one only.*'I007'"):
        matched([a, b.subset([i for i in b.ids if i != "I007"])])
    other = Predictions(
        b.table[["truth", "group", "nv", "mel", "bcc"]], ("nv", "mel", "bcc"), "m1", "validation",
        "made", "0" * 64, True,
    )  # fmt: skip
    with pytest.raises(EnsembleError, match="another order, mel, nv, bcc and nv, mel, bcc"):
        mean_probability([a, other])
    renamed = predictions(b.probabilities, b.truth_codes, "m1", classes=("mel", "nv", "df"))
    with pytest.raises(EnsembleError, match="class 'bcc' is in one only"):
        matched([a, renamed])
    with pytest.raises(EnsembleError, match="part is 'validation' for one and 'test'"):
        matched([a, b.subset(b.ids, part="test")])
    wrong = b.table.copy()
    wrong.loc["I003", "truth"] = "bcc" if wrong.loc["I003", "truth"] != "bcc" else "nv"
    wrong = Predictions(wrong, THREE, "m1", "validation", "made", "0" * 64, True)
    with pytest.raises(EnsembleError, match="truth of 'I003'"):
        matched([a, wrong])
    # it is a DataError, so the command line prints it without a traceback
    assert issubclass(EnsembleError, DataError)


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, np.nan], [1, np.inf]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(EnsembleError, match="eights"):
        mean_probability(library(2, 20), weights)


# ---- fitted rules ---------------------------------------------------------------------------


def test_folds_keep_lesions_whole_and_classes_even():
    member = library(1, 300)[0]
    fold = lesion_folds(member.truth_codes, member.group_codes, 5, seed=1)
    frame = pd.DataFrame({"fold": fold, "group": member.group_codes, "truth": member.truth_codes})
    assert (frame.groupby("group")["fold"].nunique() == 1).all()
    lesions = frame.drop_duplicates("group")
    counts = pd.crosstab(lesions["truth"], lesions["fold"])
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
    with pytest.raises(ParameterError, match="folds"):
        lesion_folds(member.truth_codes, member.group_codes, 1)


def test_a_stack_learns_whom_to_believe():
    truth = np.random.default_rng(0).integers(0, 3, 240)
    right = np.eye(3)[truth] * 0.7 + 0.1
    crossed = right[:, [1, 2, 0]]  # always wrong, in the same way: as informative as being right
    noise = np.random.default_rng(1).dirichlet(np.ones(3), 240)
    members = [predictions(crossed, truth, "crossed"), predictions(noise, truth, "noise")]
    stack = fit_stack(members, penalties=(0.1, 1.0))
    assert part_score(stack.combine(members)) == pytest.approx(1)
    assert part_score(mean_probability(members)) < 0.5
    only = fit_stack(members, most=1)
    assert len(only.members) == 1
    with pytest.raises(EnsembleError, match="crossed is missing"):
        stack.combine(members[1:])
    backwards = stack.combine(members[::-1])
    np.testing.assert_allclose(backwards.probabilities, stack.combine(members).probabilities)


def test_a_stack_of_a_part_without_a_class_gives_it_nothing():
    rng = np.random.default_rng(0)
    truth = np.array([0, 1] * 30)
    members = [predictions(rng.dirichlet(np.ones(3), 60), truth, name) for name in "ab"]
    found = fit_stack(members).combine(members)
    assert (found.probabilities[:, 2] == 0).all()
    same = [predictions(rng.dirichlet(np.ones(3), 9), [1] * 9, name) for name in "ab"]
    assert (fit_stack(same).combine(same).probabilities[:, 1] == 1).all()
    with pytest.raises(ParameterError, match="penalty"):
        fit_stack(members, penalties=())


def test_every_rule_is_applied_by_name_and_scored_out_of_fold():
    validation, test = library(5, 150), library(5, 100, seed=9, part="test")
    shuffled = [test[3], test[0], test[4], test[2], test[1]]
    for name, fit in rules(top=2, rounds=4, bags=3, most=3).items():
        found = apply_rule(fit, validation, test, model="x")
        assert found.ids == test[0].ids, name
        again = apply_rule(fit, validation, shuffled, model="x").subset(found.ids)
        np.testing.assert_allclose(again.probabilities, found.probabilities, atol=1e-12)
        nested = out_of_fold(fit, validation, model="x", folds=3)
        assert nested.ids == validation[0].ids
        assert nested.part == "validation"
    with pytest.raises(EnsembleError, match="m4 is a member on one part only"):
        apply_rule(rules()["mean"], validation, test[:4], model="x")


def test_the_best_single_model_out_of_fold_is_chosen_without_the_fold():
    """One is right on the first lesions only: chosen elsewhere, it fails where it is wrong."""
    validation = library(4, 160)
    nested = out_of_fold(rules()[SINGLE], validation, model="x", folds=4, seed=2)
    fold = lesion_folds(validation[0].truth_codes, validation[0].group_codes, 4, seed=2)
    truth = validation[0].truth_codes
    for number in range(4):
        scores = [
            balanced_accuracy_score(truth[fold != number], member.predicted_codes[fold != number])
            for member in validation
        ]
        best = validation[int(np.argmax(np.round(scores, 12)))]
        np.testing.assert_allclose(
            nested.probabilities[fold == number], best.probabilities[fold == number]
        )


def test_out_of_fold_tells_luck_from_skill():
    """Fitted on its own noise a stack of guessers looks good; out of fold it does not."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 120)
    guessers = [predictions(rng.dirichlet(np.ones(3), 120), truth, f"g{n}") for n in range(12)]
    fit = rules(folds=2)["stacking"]
    fitted = part_score(apply_rule(fit, guessers, guessers, model="x"))
    assert fitted > 0.45
    assert part_score(out_of_fold(fit, guessers, model="x")) < fitted - 0.05
    one = predictions([[1, 0, 0]] * 3, [0, 0, 0], groups=[1, 1, 1])
    with pytest.raises(EnsembleError, match="two lesions"):
        out_of_fold(fit, [one], model="x")


def test_correcting_finds_the_rare_classes():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [10, 180, 10])
    likelihood = np.exp(1.5 * np.eye(3)[truth] + rng.normal(0, 0.3, (200, 3)))
    values = likelihood * np.array([0.05, 0.9, 0.05])  # what training on these shares teaches
    fair = likelihood / likelihood.sum(axis=1, keepdims=True)  # and what weights would teach
    # one member is corrected and the other let alone: together they are as good as one
    members = [
        predictions(values / values.sum(axis=1, keepdims=True), truth, "a"),
        predictions(fair, truth, "b"),
    ]
    scores = {
        name: part_score(apply_rule(rules()[name], members, members, model="x"))
        for name in ("mean", "mean, corrected")
    }
    assert scores["mean"] < 0.9
    assert scores["mean, corrected"] >= max(0.95, part_score(members[1]) - 0.02)
