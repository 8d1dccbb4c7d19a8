"""Remedies for unequal classes: what is known of them by construction, and paired intervals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score

from dermbook.data import cached_images
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import augmentation as au
from dermbook.evaluation import imbalance as im
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.paired import arm_differences, arm_scores, seed_splits
from dermbook.evaluation.predictions import Predictions
from dermbook.publishing import augmentation as chapter7
from dermbook.publishing import imbalance as chapter8
from dermbook.publishing.no_gain import r0_differences

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def splits(small_phantom):
    return seed_splits(small_phantom, SEEDS)


@pytest.fixture(scope="module")
def vectors(small_phantom):
    """Vectors that hold the class, weakly, in noise: unequal classes decide what is predicted."""
    rng = np.random.default_rng(0)
    codes = small_phantom.codes()
    values = rng.normal(0, 1, (len(codes), 8))
    values[:, :7] += 1.3 * np.eye(7)[codes]
    return pd.DataFrame(values, index=pd.Index(small_phantom.ids))


@pytest.fixture(scope="module")
def arms(vectors, small_phantom, splits):
    learn = im.vector_learner(vectors, small_phantom, splits, copies=[vectors])
    return im.compare_imbalance(learn, list(im.STRATEGIES), SEEDS)


def test_every_strategy_is_there_and_predicts_the_same_test_images(arms, splits):
    assert list(arms) == list(im.STRATEGIES)
    for arm in arms.values():
        for seed, predictions in zip(SEEDS, arm.predictions, strict=True):
            assert predictions.ids == splits[seed].parts["test"]


def test_repeating_images_is_weighting_them(arms):
    """Oversampling draws its rest at random, so it equals balanced weights up to that rest."""
    ours, theirs = (
        np.concatenate([each.probabilities for each in arms[name].predictions])
        for name in ("balanced weights", "oversampling")
    )
    plain = np.concatenate([each.probabilities for each in arms["none"].predictions])
    assert np.abs(ours - theirs).mean() < 0.05 * np.abs(ours - plain).mean() + 0.005
    # copies that are the very pictures change nothing either
    copied = np.concatenate([e.probabilities for e in arms["augmented oversampling"].predictions])
    assert np.abs(copied - theirs).max() < 1e-3


def test_the_trade_is_seen(arms):
    effects = im.strategy_effects(arms, resamples=200).set_index(["comparison", "metric"])
    assert effects.loc[("balanced weights", "balanced_accuracy"), "value"] > 0.05
    assert effects.loc[("balanced weights", "f1_micro"), "value"] < 0
    gentle = effects.loc[("square-root weights", "f1_micro"), "value"]
    assert gentle > effects.loc[("balanced weights", "f1_micro"), "value"]


def test_values_are_scikit_learns_and_differences_are_of_them(arms):
    scores = im.strategy_scores(arms, resamples=50).set_index(["model", "metric"])
    truth = np.concatenate([each.truth_codes for each in arms["combined"].predictions])
    found = np.concatenate([each.predicted_codes for each in arms["combined"].predictions])
    row = scores.loc["combined"]["value"]
    assert row["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, found))
    for average in ("macro", "weighted", "micro"):
        expected = f1_score(truth, found, average=average, zero_division=0)
        assert row[f"f1_{average}"] == pytest.approx(expected)
    effects = im.strategy_effects(arms, resamples=50).set_index(["comparison", "metric"])
    difference = row["f1_macro"] - scores.loc[("none", "f1_macro"), "value"]
    assert effects.loc[("combined", "f1_macro"), "value"] == pytest.approx(difference)


def test_the_interval_of_no_difference_is_zero(arms):
    same = {"a": arms["none"], "b": arms["none"]}
    table = arm_differences(same, {"b − a": ("a", "b")}, [("f1_macro", "")], resamples=50)
    assert table[["value", "low", "high"]].to_numpy().tolist() == [[0, 0, 0]]
    precision = arm_scores(same, [("precision", "nv")], resamples=50).iloc[0]
    truth = np.concatenate([each.truth_codes for each in arms["none"].predictions])
    found = np.concatenate([each.predicted_codes for each in arms["none"].predictions])
    nv = [arms["none"].predictions[0].classes.index("nv")]
    expected = precision_score(truth, found, labels=nv, average="macro")
    assert precision["value"] == pytest.approx(expected)
    assert precision["low"] < expected < precision["high"]
    for keys, chosen in (([("recall", "wart")], same), ([("f1_macro", "")], {})):
        with pytest.raises(ParameterError):
            arm_scores(chosen, keys, resamples=50)


def test_class_scores_and_zero_classes(small_phantom, splits, vectors):
    """Predictions made by hand: one class never predicted, one predicted and never right."""
    split = splits[0]
    ids = split.parts["test"]
    codes = small_phantom.codes(ids)
    never, wrong = 5, 6
    answers = np.where(codes == never, 0, codes)
    answers = np.where(codes == wrong, 1, answers)
    answers[np.flatnonzero(codes == 1)[0]] = wrong
    predictions = Predictions.from_probabilities(
        ids, np.eye(7)[answers], small_phantom, model="hand", part="test"
    )
    hand = {"none": Arm((0,), (predictions,))}
    scores = im.class_scores(hand, small_phantom, {0: split}).set_index("class")
    names = small_phantom.classes
    train = small_phantom.table["label"].loc[list(split.parts["train"])].value_counts()
    assert (scores["train"] == train.reindex(scores.index)).all()
    assert scores.loc[names[2], ["recall", "precision", "f1"]].tolist() == [1, 1, 1]
    assert scores.loc[names[never], "predicted"] == 0
    spreads = im.spread(vectors, small_phantom, split.parts["train"])
    why = im.why_zero(scores.reset_index(), spreads).set_index("class")["why"]
    assert why.to_dict() == {
        names[never]: "never predicted",
        names[wrong]: "predicted, never right",
    }
    counts = chapter8.zero_counts(scores.reset_index()).iloc[0]
    assert (counts["classes"], counts["never_predicted"]) == (2, 1)


def test_spread_is_one_for_random_labels_and_less_for_tight_classes(small_phantom):
    rng = np.random.default_rng(1)
    codes = small_phantom.codes()
    noise = pd.DataFrame(rng.normal(size=(len(codes), 400)), index=pd.Index(small_phantom.ids))
    spreads = im.spread(noise, small_phantom, small_phantom.ids)
    assert spreads.to_numpy() == pytest.approx(1, abs=0.12)
    tight = noise + 30 * rng.normal(size=(7, 400))[codes]
    assert (im.spread(tight, small_phantom, small_phantom.ids) < 0.2).all()


def test_f1_that_follows_the_size_is_found():
    rows = [("none", f"c{k}", 10.0 * k, 0.1 * k) for k in range(1, 9)]
    scores = pd.DataFrame(rows, columns=["strategy", "class", "train", "f1"])
    spreads = pd.Series([3, 1, 4, 1.5, 9, 2, 6, 5], index=scores["class"])
    table = im.f1_and_size(scores, spreads).set_index("with")
    assert table.loc["train", "value"] == pytest.approx(1)
    assert abs(table.loc["spread", "value"]) < 0.7
    flat = im.f1_and_size(scores.assign(f1=0.5), spreads)
    assert flat["value"].isna().all()


def test_bad_input_is_refused(vectors, small_phantom, splits):
    learn = im.vector_learner(vectors, small_phantom, splits)
    with pytest.raises(ParameterError, match="augmented copies"):
        learn("augmented oversampling", 0)
    with pytest.raises(ParameterError, match="smote"):
        learn("smote", 0)
    with pytest.raises(ParameterError, match="seeds"):
        seed_splits(small_phantom, [])


# ---- the reports' own arithmetic -----------------------------------------------------------------


def test_r4s_weights_and_r3s_rows_and_r0s_differences():
    assert chapter8.r4_weights()["equal"].all()
    factors = chapter8.r3_factors()
    assert (factors["images"].sum(), factors["rows"].sum()) == (8012, 36_625)
    table = r0_differences().set_index(["model", "metric"])["difference"]
    assert table["Multi-input simple"].round(3).tolist() == [-0.076, -0.014, -0.067]
    assert table["EfficientNetB3"].round(3).tolist() == [-0.004, 0.022, 0.007]


def test_r3s_rows_from_ham10000s_own_table(shared_data):
    from dermbook.data import Collection

    table = pd.read_csv(shared_data / "HAM10000_metadata.csv").set_index("image_id")
    table = table.rename(columns={"dx": "label", "lesion_id": "group"})
    classes = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
    collection = Collection("ham10000", table, classes, source=None)
    assert chapter8.r3_rows(collection) == {"r3_train": 8012, "r3_resampled": 36_625}


def test_only_r3s_own_train_part_answers_its_claim(small_phantom):
    class Chapter:
        def add_counts(self, counts, *, of, claims):
            self.counts, self.claims = counts, claims

    from dermbook.data.phantom import phantom

    chapter = Chapter()
    chapter8.add_r3_rows(chapter, phantom(700, height=32, width=32))
    assert chapter.claims is None
    assert chapter.counts["r3_train"] == 560
    assert chapter8.r3_rows(small_phantom) == {}  # one class is too small to be divided


# ---- lesson M11 ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(vectors, small_phantom):
    """Copies whose vectors say that they are copies, in a direction of their own."""
    marked = vectors.copy()
    marked[7] += 20
    return au.VectorLab(small_phantom, vectors, {"r3": [marked], "flips": [vectors]})


def test_a_mark_on_copies_is_learned_where_only_some_classes_have_it(lab, splits):
    conditions = ["none", "r3 by class", "r3"]
    found = au.arms(lab, conditions, conditions, splits)
    scores = chapter7.treatment_scores(found, resamples=50)
    scores = scores.set_index(["train", "test", "metric", "class"])["value"]
    trapped = scores["r3 by class", "r3 by class", "precision", "nv"]
    assert trapped > 0.99
    assert scores["r3 by class", "none", "precision", "nv"] < trapped - 0.1
    # where all pictures are treated alike the mark says nothing
    honest = scores["none", "none", "balanced_accuracy", ""]
    assert scores["r3", "r3", "balanced_accuracy", ""] == pytest.approx(honest, abs=0.02)
    effects = chapter7.treatment_effects(found, learner="x", resamples=100)
    assert len(effects["comparison"].unique()) == 4
    leak = effects[(effects["class"] == "nv") & (effects["metric"] == "precision")].iloc[0]
    assert leak["low"] > 0


def test_the_detector_sees_marked_copies_and_not_equal_ones(lab, splits):
    table = au.telltale(lab, ["r3", "flips"], splits[0], resamples=100).set_index("recipe")
    assert table.loc["r3", "value"] > 0.99
    assert table.loc["flips", "value"] == pytest.approx(0.5)
    assert table.loc["r3", "n"] == 2 * len(splits[0].parts["test"])


def test_by_class_replaces_vectors_of_those_classes_only(lab, small_phantom, vectors):
    ids = list(small_phantom.ids)
    treated = lab.vectors("r3 by class", ids)
    is_nv = (small_phantom.table["label"] == "nv").to_numpy()
    assert np.array_equal(treated[is_nv], vectors.to_numpy()[is_nv])
    assert treated[~is_nv, 7] - vectors.to_numpy()[~is_nv, 7] == pytest.approx(20)


def test_conditions_that_cannot_be_are_refused(lab, splits):
    with pytest.raises(ParameterError, match="all classes alike"):
        au.Condition.named("r2 by class", lab.collection.classes)
    with pytest.raises(ParameterError, match="unknown"):
        au.Condition.named("r9", lab.collection.classes)
    with pytest.raises(DataError, match="no vectors"):
        lab.vectors("r4", lab.collection.ids)
    with pytest.raises(ParameterError, match="network_seeds"):
        chapter7.network_arms(lab, ["r3"], ["none"], splits, [9])
    assert chapter7.recipe_effects({}, learner="x").empty


def test_offline_sets_of_two_kinds(lab, splits):
    kept = chapter7.with_originals(lab)
    assert kept.originals
    found = au.arms(kept, ["none", "flips"], ["none"], splits)
    # copies that equal their pictures add nothing
    for ours, theirs in zip(found["none", "none"].predictions, found["flips", "none"].predictions,
                            strict=True):  # fmt: skip
        assert np.abs(ours.probabilities - theirs.probabilities).max() < 1e-4


def test_a_network_meets_every_test(small_phantom, splits):
    from dermbook.evaluation.networks import Setting

    images = cached_images(small_phantom, height=48, width=64, progress=False)
    setting = Setting(epochs=1, options={"filters": [2, 2, 2], "dense": [4]})
    lab = au.NetworkLab(small_phantom, images, setting)
    tests = ["none", "r3 by class"]
    found = lab.trial("r3 by class", tests, splits[0], 0)
    assert list(found) == tests
    assert found["none"].ids == splits[0].parts["test"]
    treated = lab.pictures("r3 by class", small_phantom.ids).images
    same = (treated == np.asarray(images.images)).all(axis=(1, 2, 3))
    assert np.array_equal(same, (small_phantom.table["label"] == "nv").to_numpy())
    again = lab.trial("r3 by class", tests, splits[0], 0)
    assert np.array_equal(again["none"].probabilities, found["none"].probabilities)


# ---- figures -------------------------------------------------------------------------------------


def test_figures_draw_and_refuse(arms, lab, splits, small_phantom):
    from dataclasses import replace

    from dermbook import plots

    effects = im.strategy_effects(arms, resamples=50)
    figure = plots.remedy_effects(effects, phantom=True)
    assert len(figure.axes) == len(im.METRICS)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == list(im.STRATEGIES)[1:]
    scores = im.class_scores(arms, small_phantom, splits)
    assert plots.recall_by_strategy(scores, strategies=["none", "combined"]).axes
    assert plots.f1_by_size(scores, strategies=["none", "combined"]).axes
    found = au.arms(lab, ["none", "r3"], ["none", "r3"], {0: splits[0]})
    table = chapter7.treatment_scores(found, resamples=50)
    drawn = plots.treatment_scores(table, scores=["balanced_accuracy", "precision nv"])
    assert [axes.get_title(loc="left") for axes in drawn.axes] == [
        "balanced accuracy",
        "precision, nv",
    ]
    told = au.telltale(lab, ["r3"], splits[0], resamples=50)
    assert plots.telltale_intervals(told).axes
    assert plots.recipe_grid(small_phantom, ["r1", "r3"], copies=2).axes
    assert plots.copies_grid(small_phantom, "r2").axes
    real = replace(small_phantom, phantom=False)
    for draw in (lambda: plots.recipe_grid(real, ["r1"]), lambda: plots.copies_grid(real, "r2")):
        with pytest.raises(DataError, match="only phantom"):
            draw()
    for draw in (plots.remedy_effects, plots.f1_by_size, plots.telltale_intervals):
        with pytest.raises(DataError, match="lacks"):
            draw(pd.DataFrame({"x": [1]}))
    with pytest.raises(DataError, match="no row of"):
        plots.treatment_scores(table, scores=["precision mel"])
