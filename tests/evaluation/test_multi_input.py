"""Images and metadata: planted signals, XGBoost against itself, stacks in and out of step."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from dermbook.data import CachedImages, load_split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.folds import grouped_folds
from dermbook.evaluation.multi_input.arms import Inputs, Recipe, as_arms, train_arm, train_arms
from dermbook.evaluation.multi_input.boosting import Boosting, grid_search
from dermbook.evaluation.multi_input.majority import (
    label_entropy,
    majority_rule,
    majority_table,
)
from dermbook.evaluation.multi_input.stacking import (
    BOTH_SHIFTED,
    CNN,
    IN_FOLD,
    JOINED,
    WAYS,
    XGBOOST,
    Base,
    chosen_ways,
    cnn_base,
    cross_fitted,
    stacked,
    train_stack,
    xgboost_base,
)
from dermbook.evaluation.paired import arm_differences

RECIPE = Recipe(epochs=15, batch_size=16, learning_rate=0.01, patience=15, dropout=0.0)


@pytest.fixture(scope="module")
def split(small_phantom):
    return load_split(small_phantom)


@pytest.fixture(scope="module")
def half(small_phantom):
    """Vectors that tell the classes apart, but the first two from each other not at all."""
    codes = np.maximum(small_phantom.codes(), 1)
    values = np.eye(7, 12)[codes] * 3 + np.random.default_rng(0).normal(0, 0.2, (len(codes), 12))
    return CachedImages(values.astype(np.float32), pd.Index(small_phantom.ids), None)


@pytest.fixture(scope="module")
def planted(small_phantom):
    """The same collection with a column that is the first class or not."""
    table = small_phantom.table
    table["first"] = np.where(small_phantom.codes() == 0, "yes", "no")
    from dataclasses import replace

    return replace(small_phantom, table=table)


def accuracy(trial, part="test"):
    found = trial.predictions[part]
    return np.mean(found.predicted_codes == found.truth_codes)


def test_two_inputs_solve_together_what_neither_solves_alone(half, planted, split):
    arms = {"image": Inputs(), "alone": Inputs(False, ("first",)), "both": Inputs(True, ("first",))}
    names = {name: f"x-{name}" for name in arms}
    trials = train_arms(arms, half, planted, {0: split}, RECIPE, names=names, train_part=("both",))
    scores = {name: accuracy(of[0]) for name, of in trials.items()}
    truth = trials["both"][0].predictions["test"].truth_codes
    assert scores["both"] > 0.95
    # no rule on the vectors is right for both of two classes that look alike
    assert scores["image"] <= 1 - min((truth == 0).mean(), (truth == 1).mean()) + 1e-9
    assert scores["alone"] < scores["both"]
    assert set(trials["both"][0].predictions) == {"train", "validation", "test"}
    keys = [("f1_micro", "")]
    gain = arm_differences(as_arms(trials), {"gain": ("image", "both")}, keys, resamples=50)
    assert gain["value"].iloc[0] == pytest.approx(scores["both"] - scores["image"])


def test_an_arm_repeats_itself_and_needs_an_input(half, planted, split):
    one, same = (
        train_arm("x", Inputs(True, ("sex",)), half, planted, split, RECIPE, seed=3)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.predictions["test"].table, same.predictions["test"].table)
    with pytest.raises(ParameterError, match="image, columns, or both"):
        Inputs(False)


def test_the_majority_rule_counts_the_largest_label_of_each_category():
    table = pd.DataFrame(
        {"label": list("aabbbc"), "x": ["u", "u", "u", "v", "v", None], "y": ["p"] * 6}
    )
    assert majority_rule(table, []) == 3 / 6
    assert majority_rule(table, ["x"]) == (2 + 2 + 1) / 6  # a gap is a category
    assert majority_rule(table, ["y", "x"]) == 5 / 6
    found = majority_table(table, [(), ("x",)], rows="made up")
    assert found["columns"].tolist() == ["nothing", "x"]
    assert found["categories"].tolist() == [1, 3]
    with pytest.raises(DataError, match="no column 'z'"):
        majority_rule(table, ["z"])
    with pytest.raises(DataError, match="no rows"):
        majority_rule(table.iloc[:0], [])


def test_entropy_is_the_cross_entropy_of_the_shares():
    labels = pd.Series(list("aabbbc"))
    shares = labels.value_counts(normalize=True)
    expected = log_loss(labels, np.tile(shares[list("abc")].to_numpy(), (6, 1)))
    assert label_entropy(labels) == pytest.approx(expected)
    assert label_entropy(pd.Series(["a"] * 4)) == 0


def test_the_published_table_gives_the_figures_of_lesson_m14(shared_data):
    from dermbook.data.fitzpatrick import read_table

    table = read_table(shared_data / "fitzpatrick17k.csv")
    pair = ["nine_partition_label", "three_partition_label"]
    assert round(100 * majority_rule(table, pair), 1) == 14.6
    assert round(100 * majority_rule(table, []), 1) == 3.9


def test_boosting_gives_xgboosts_own_probabilities_and_copes_without_a_class():
    import xgboost

    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 90)
    features = (np.eye(3)[codes] + rng.normal(0, 0.5, (90, 3))).astype(np.float32)
    model = Boosting(classes=3, rounds=5, max_depth=2, learning_rate=0.3).fit(features, codes)
    theirs = xgboost.XGBClassifier(
        n_estimators=5, max_depth=2, learning_rate=0.3, tree_method="hist", n_jobs=1
    ).fit(features, codes)
    np.testing.assert_allclose(
        model.predict_proba(features), theirs.predict_proba(features), atol=1e-6
    )
    fewer = Boosting(classes=4, rounds=5).fit(features[codes != 1], codes[codes != 1])
    assert fewer.predict_proba(features).shape == (90, 4)
    assert not np.isin(fewer.predict(features), [1, 3]).any()
    with pytest.raises(DataError, match="0 to 1"):
        Boosting(classes=2).fit(features, codes)


def test_the_grid_search_keeps_lesions_whole_and_names_the_least_loss():
    rng = np.random.default_rng(1)
    groups = [f"L{row // 3}" for row in range(120)]
    codes = np.repeat(rng.integers(0, 3, 40), 3)
    features = pd.DataFrame(np.eye(3)[codes] + rng.normal(0, 0.3, (120, 3)))
    numbers = grouped_folds(codes, groups, 4)
    assert pd.Series(numbers).groupby(groups).nunique().max() == 1
    assert set(numbers) == {0, 1, 2, 3}
    grid = {"rounds": [1, 20], "max_depth": [2]}
    best, table = grid_search(features, codes, groups, classes=3, grid=grid, folds=3)
    assert best == {"rounds": 20, "max_depth": 2}
    assert table.loc[table["best"], "log_loss"].item() == table["log_loss"].min()
    with pytest.raises(DataError, match="2 lesions"):
        grouped_folds(codes[:6], groups[:6], 3)
    with pytest.raises(ParameterError, match="folds"):
        grouped_folds(codes, groups, 1)


def test_out_of_fold_predictions_never_saw_the_lesion(small_phantom, split):
    group = small_phantom.table["group"]
    asked_of = []

    def fit_predict(train, ids):
        if set(ids) <= set(split.parts["train"]):
            assert not set(group[list(train)]) & set(group[list(ids)])
            asked_of.extend(ids)
        return np.full((len(ids), 7), 1 / 7)

    base = cross_fitted(fit_predict, small_phantom, split, folds=3)
    assert sorted(asked_of) == sorted(split.parts["train"])
    assert list(base.out_of_fold.index) == list(split.parts["train"])
    assert len(base.whole) == len(small_phantom)


def marked(collection, split):
    """Base models that say which image a row is of: the number of the image in the last class."""
    ids = list(collection.ids)
    values = np.zeros((len(ids), 7))
    values[:, 6] = np.arange(len(ids)) / len(ids)
    values[:, 0] = 1 - values[:, 6]
    whole = pd.DataFrame(values, index=pd.Index(ids), columns=list(collection.classes))
    return Base(whole.loc[list(split.parts["train"])] + 0.0, whole)


def test_only_what_is_shifted_is_out_of_step(small_phantom, split):
    bases = {CNN: marked(small_phantom, split), XGBOOST: marked(small_phantom, split)}
    number = pd.Series(range(len(small_phantom)), index=list(small_phantom.ids))
    for name, way in WAYS.items():
        found = stacked(bases, small_phantom, split, way)
        truth = number[found.index].to_numpy() / len(small_phantom)
        for position, model in ((6, CNN), (13, XGBOOST)):
            for part in ("train", "test"):
                rows = found.index.isin(split.parts[part])
                right = np.isclose(found.loc[rows, position], truth[rows]).mean()
                if model in way.shifted and part in way.parts:
                    assert right < 0.3, (name, model, part)
                    # nothing is lost: the same rows in the order of folders
                    assert np.allclose(sorted(found.loc[rows, position]), sorted(truth[rows]))
                else:
                    assert right == 1, (name, model, part)
    with pytest.raises(DataError, match="no base model 'xgboost'"):
        stacked({CNN: bases[CNN]}, small_phantom, split, WAYS[BOTH_SHIFTED])


def test_in_fold_rows_are_what_the_base_says_of_its_own_training_images(small_phantom, split):
    base = marked(small_phantom, split)
    honest = Base(base.out_of_fold * 0.5, base.whole)
    ids = list(split.parts["train"])
    for name, factor in ((JOINED, 0.5), (IN_FOLD, 1.0)):
        found = stacked({CNN: honest}, small_phantom, split, WAYS[name])
        np.testing.assert_allclose(found.loc[ids], base.whole.loc[ids] * factor)


def test_a_stack_collapses_only_when_nothing_belongs_to_its_labels(half, planted, split):
    cnn = cnn_base(half, planted, split, RECIPE, folds=2)
    grid = {"rounds": [10]}
    trees, searched = xgboost_base(["first"], planted, split, grid=grid, search_folds=2, folds=2)
    assert len(searched) == 1
    bases = {CNN: cnn, XGBOOST: trees}
    found = {
        name: accuracy(train_stack("x", bases, planted, split, WAYS[name], RECIPE))
        for name in (JOINED, "XGBoost out of step", BOTH_SHIFTED)
    }
    codes = planted.codes(split.parts["test"])
    largest = np.bincount(codes).max() / len(codes)
    assert found[JOINED] > 0.9
    assert largest < found["XGBoost out of step"] < found[JOINED]
    assert found[BOTH_SHIFTED] <= largest + 0.1


def test_ways_are_named_and_the_needed_ones_must_be_there():
    assert list(chosen_ways(["all"])) == list(WAYS)
    with pytest.raises(ParameterError, match="'upside down' is unknown"):
        chosen_ways(["upside down"])
    with pytest.raises(ParameterError, match=f"name '{BOTH_SHIFTED}'"):
        chosen_ways([JOINED])
