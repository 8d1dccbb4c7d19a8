"""Heads on vectors: against whole networks, chosen on validation, refused where they must be."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data import load_split, malignant_or_benign
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.frozen_cost import frozen_cost
from dermbook.evaluation.recipes import RECIPES, recipe
from dermbook.evaluation.transfer import (
    balanced_accuracy,
    best_head,
    head_name,
    logistic_heads,
    seed_spread,
    train_heads,
)
from dermbook.models import HEADS
from dermbook.publishing.transfer_learning import (
    Shelf,
    jobs,
    last_layers,
    open_shelf,
    pair_table,
    sizes_of,
)
from dermbook.training.micro_f1 import MicroF1
from dermbook.training.vectors import VectorBatches, Vectors, concatenated


@pytest.fixture(scope="module")
def split(small_phantom):
    return load_split(small_phantom)


@pytest.fixture(scope="module")
def easy(small_phantom):
    """Vectors that tell the class, with a little noise: a head must find it."""
    rng = np.random.default_rng(0)
    codes = small_phantom.codes(small_phantom.ids)
    values = np.eye(7, 12)[codes] * 3 + rng.normal(0, 0.3, (len(codes), 12))
    return Vectors(values.astype("float32"), pd.Index(small_phantom.ids), "easy", "made up")


@pytest.fixture(scope="module")
def noise(small_phantom):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(len(small_phantom), 9)).astype("float32")
    return Vectors(values, pd.Index(small_phantom.ids), "noise", "made up")


def test_batches_hold_the_vectors_of_their_ids(easy, small_phantom, split):
    ids = split.parts["train"]
    batches = VectorBatches(easy, ids, small_phantom.codes(ids), batch_size=16, shuffle=True)
    batches.start_epoch(3)
    x, y = batches.batch(1)
    chosen = batches.batch_ids(1)
    assert np.array_equal(x, easy.take(chosen))
    assert np.array_equal(y, small_phantom.codes(chosen))
    assert sorted(batches.order(3)) == list(range(len(ids)))


def test_vectors_that_do_not_fit_are_refused(easy, small_phantom, split):
    ids = split.parts["train"]
    broken = easy.values.copy()
    broken[easy.ids.get_loc(ids[2])] = np.nan
    with pytest.raises(DataError, match=f"{ids[2]}.*infinite or NaN"):
        VectorBatches(Vectors(broken, easy.ids, "b", ""), ids, small_phantom.codes(ids))
    with pytest.raises(DataError, match="does not fit"):
        Vectors(easy.values[:5], easy.ids, "short", "")
    with pytest.raises(DataError, match="no image 'nobody'"):
        easy.take(["nobody"])
    with pytest.raises(DataError, match="at least one"):
        concatenated([])


def test_vectors_side_by_side_are_joined_on_the_id(easy, noise):
    order = np.random.default_rng(2).permutation(len(noise.ids))
    mixed = Vectors(noise.values[order], noise.ids[order], "noise", "made up")
    both = concatenated([easy, mixed])
    assert both.backbone == "easy+noise"
    assert np.array_equal(both.take([easy.ids[7]])[0, 12:], noise.take([easy.ids[7]])[0])


def test_micro_f1_is_scikit_learn_s_on_answers_above_one_half():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    truth, given = rng.integers(0, 4, 90), rng.dirichlet(np.full(4, 0.4), 90).astype("float32")
    metric = MicroF1()
    for start in range(0, 90, 17):  # batches of unlike sizes must not matter
        metric.update_state(truth[start : start + 17], given[start : start + 17])
    expected = f1_score(np.eye(4)[truth], given > 0.5, average="micro")
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0
    metric.update_state(np.array([0, 1]), np.array([[0.9], [0.2]], "float32"))
    assert float(metric.result()) == 0
    with pytest.raises(ParameterError, match="threshold"):
        MicroF1(threshold=1)


def test_heads_find_what_is_there_and_nothing_in_noise(easy, noise, small_phantom, split, tmp_path):
    vectors = {"easy": easy, "noise": noise}
    trials = train_heads(
        [("easy", "r2-mobilenetv2"), ("noise", "r0")],
        vectors,
        small_phantom,
        split,
        weightings=["balanced"],
        epochs=20,
        checkpoints=tmp_path,
    )
    found, lost = trials
    assert [each.name for each in trials] == [
        "tl-easy-r2-mobilenetv2-balanced",
        "tl-noise-r0-balanced",
    ]
    assert set(found.predictions) == {"train", "validation", "test"}
    assert list(found.predictions["test"].ids) == list(split.parts["test"])
    assert balanced_accuracy(found, "test") > 0.9
    assert balanced_accuracy(lost, "test") < 0.5
    assert best_head(trials) is found
    assert found.trial.fit.history["val_f1"].between(0, 1).all()
    assert list(tmp_path.iterdir()) == []  # a finished training leaves no checkpoint
    classical = logistic_heads(vectors, small_phantom, split)
    assert balanced_accuracy(classical[0], "test") > 0.9
    assert classical[0].parameters == 13 * 7
    spread = seed_spread([found, *classical])
    assert spread["model"].tolist()[1] == "tl-easy-logistic"


def test_the_choice_looks_at_validation_only(easy, noise, small_phantom, split):
    """A head that is better on the test and worse on validation is not chosen."""
    from dataclasses import replace

    good, poor = logistic_heads({"easy": easy, "noise": noise}, small_phantom, split)
    swapped = replace(poor, predictions={**poor.predictions, "test": good.predictions["test"]})
    damaged = replace(good, predictions={**good.predictions, "test": poor.predictions["test"]})
    assert best_head([swapped, damaged]) is damaged


def test_r1_s_heads_answer_malignant_or_benign(easy, small_phantom, split):
    (trial,) = train_heads(
        [("easy", "r1-vgg")], {"easy": easy}, small_phantom, split,
        weightings=["balanced"], seeds=[2], epochs=10,
    )  # fmt: skip
    assert trial.name == "tl-easy-r1-vgg-balanced-s2"
    assert trial.binary
    assert trial.predictions["test"].classes == ("benign", "malignant")
    assert balanced_accuracy(trial, "test") > 0.9
    with pytest.raises(ParameterError, match="more than two classes"):
        best_head([trial])
    with pytest.raises(ParameterError, match="malignant"):
        malignant_or_benign(small_phantom, ["melanoma"])


def test_recipes_are_those_of_the_reports():
    r4, resnet = recipe("r4-vgg16"), recipe("r4-resnet50v2")
    assert (r4.early_stopping.monitor, r4.early_stopping.min_delta) == ("val_accuracy", 0.01)
    assert (r4.early_stopping.patience, r4.epochs, r4.batch_size) == (5, 50, 16)
    assert resnet.early_stopping.monitor == resnet.plateau.monitor == "val_f1"
    assert (resnet.plateau.factor, resnet.plateau.min_learning_rate) == (0.5, 1e-5)
    assert recipe("r0").early_stopping.patience == 2
    assert set(RECIPES) == {each.head for each in RECIPES.values()} <= set(HEADS)
    with pytest.raises(ParameterError, match='Did you mean "r4-vgg16"'):
        recipe("r4-vgg")


def test_names_and_jobs_that_are_not_there_are_refused(easy, small_phantom, split):
    assert head_name("vgg16", "r0") == "tl-vgg16-r0"
    assert head_name("vgg16", "logistic", "balanced") == "tl-vgg16-logistic"
    for job, options, message in [
        (("hard", "r0"), {}, "none of 'hard'"),
        (("easy", "r9"), {}, "no 'r9'"),
        (("easy", "r0"), {"weightings": ["some"]}, "weightings"),
    ]:
        with pytest.raises(ParameterError, match=message):
            train_heads([job], {"easy": easy}, small_phantom, split, **options)


def test_features_once_and_a_frozen_backbone_give_the_same_head(small_phantom, split):
    cost = frozen_cost(
        small_phantom, split.parts["train"][:48], height=32, width=40, weights="random", epochs=4
    )
    assert cost.difference < 1e-3
    assert cost.agreement == 1
    # else equal probabilities would only say that nothing was learned
    assert cost.moved > 1e-4
    table = cost.table.set_index("way")
    again, once = table.loc["backbone in every epoch"], table.loc["features once"]
    assert again["seconds"] == pytest.approx(4 * again["epoch"])
    assert once["seconds"] == pytest.approx(once["once"] + 4 * once["epoch"])
    assert again["epoch"] > once["epoch"]
    with pytest.raises(ParameterError, match="measured"):
        frozen_cost(small_phantom, split.parts["train"], height=32, width=40, measured=1)


def test_what_the_last_two_layers_are():
    table = last_layers(["mobilenetv2", "vgg19"]).set_index("backbone")
    mobile, vgg = table.loc["mobilenetv2"], table.loc["vgg19"]
    assert mobile["last two layers"] == "BatchNormalization and ReLU"
    # gamma, beta, and two statistics that no gradient changes, for 1,280 channels
    assert (mobile["weights"], mobile["with batch statistics"]) == (4 * 1280, 2 * 1280)
    assert mobile["learning"] == 0
    assert vgg["last two layers"] == "Conv2D and MaxPooling2D"
    assert vgg["learning"] == 3 * 3 * 512 * 512 + 512


def test_backbones_without_weights_are_left_out_and_named(small_phantom, monkeypatch, tmp_path):
    monkeypatch.setenv("DERMBOOK_WEIGHTS", str(tmp_path))
    with pytest.raises(DataError, match="No weights of any backbone"):
        open_shelf(small_phantom, ["efficientnetb3@32x40"])
    random = open_shelf(small_phantom, ["vgg16@32x40"], weights="random", pair=["vgg16", "vgg19"])
    assert random.pairs == ""
    assert random.about.iloc[0]["weights"].startswith("random initial weights")
    for wrong in (["vgg16"], ["vgg16@32x40", "vgg16@64x80"], ["vgg16@32"]):
        with pytest.raises(ParameterError, match="NAME@HEIGHTxWIDTH"):
            sizes_of(wrong)


def test_a_stand_in_is_named_as_what_it_is(easy):
    about = pd.DataFrame({"backbone": ["resnet50", "resnet50v2"], "used": [True, False]})
    shelf = Shelf({"resnet50": easy}, about, order=("resnet50",))
    assert jobs(shelf) == [("resnet50", "r0"), ("resnet50", "r4-resnet50v2")]
    assert jobs(shelf, ["r0"]) == [("resnet50", "r0")]
    table = pair_table(shelf).set_index(["row", "backbone"])["ours"]
    assert table["4.8", "resnet50v2"] == "resnet50"
    assert table["4.7", "vgg16"] == "not asked for"
    with pytest.raises(ParameterError, match="none of r1-vgg"):
        jobs(shelf, ["r1-vgg"])
