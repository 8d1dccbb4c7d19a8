"""R3's recipe, gradients by depth, and the tables beside R3's."""

import keras
import numpy as np
import pandas as pd
import pytest

from dermbook import models, plots
from dermbook.data import cached_images, load_split
from dermbook.data.statistics import channel_statistics
from dermbook.errors import ParameterError
from dermbook.evaluation import Predictions, mcnemar, score
from dermbook.evaluation.metrics import BY_CLASS, OVERALL
from dermbook.evaluation.residual import (
    R3Recipe,
    gradient_depths,
    standardisation,
    train_residual,
    training_ids,
    weight_gradients,
)
from dermbook.publishing import residual_networks
from dermbook.publishing.reported import load_reported

TINY = {"width": 2, "blocks": (1, 1), "stem": "small"}


@pytest.fixture(scope="module")
def lab(small_phantom, tmp_path_factory):
    """The phantom at 16×16 pixels: collection, split, images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERMBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        split = load_split(small_phantom, seed=0)
        return small_phantom, split, cached_images(small_phantom, height=16, width=16)


def test_gradients_are_those_of_the_loss():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    codes = np.array([0, 1, 2, 0, 1, 2])
    image = keras.Input((4, 4, 3))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(flat))
    before = model.get_weights()
    kernel, bias = weight_gradients(model, pixels, codes)
    x = pixels.reshape(6, -1) / 255
    answers = keras.ops.convert_to_numpy(model(pixels))
    error = (answers - np.eye(3)[codes]) / 6  # of softmax and cross-entropy, by hand
    np.testing.assert_allclose(kernel, x.T @ error, atol=1e-6)
    np.testing.assert_allclose(bias, error.sum(axis=0), atol=1e-6)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_moving_statistics_are_put_back(lab):
    _, split, images = lab
    model = models.build("resnet18", (16, 16, 3), 7, **TINY)
    before = model.get_weights()
    weight_gradients(model, images.take(split.parts["train"][:8]), np.arange(8) % 7)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_gradients_by_depth(lab):
    collection, split, images = lab
    frame = gradient_depths(
        ["resnet18"], images, split, collection, seeds=[0, 1], batch_size=8, options=TINY
    )
    # stem and two blocks of two convolutions; the shortcut is left out
    assert set(frame["layers"]) == {5}
    assert len(frame) == 2 * 2 * 5
    assert (frame["gradient"] > 0).all()
    again = gradient_depths(
        ["resnet18"], images, split, collection, seeds=[1], batch_size=8, options=TINY
    )
    same = frame[frame["seed"] == 1].reset_index(drop=True)
    np.testing.assert_allclose(again["gradient"], same["gradient"], rtol=1e-3)
    summary = residual_networks.gradient_summary(frame).set_index("arm")
    rows = frame[(frame["arm"] == "without") & (frame["depth"] == 1)]
    assert summary.loc["without", "first"] == pytest.approx(rows["gradient"].median())
    np.testing.assert_allclose(summary["ratio"], summary["first"] / summary["last"])
    assert len(plots.gradient_depths(frame).axes) == 1


def test_statistics_are_of_the_training_images_only(lab):
    _, split, images = lab
    found = standardisation(images, split)
    pixels = images.take(split.parts["train"]).reshape(-1, 3) / 255
    np.testing.assert_allclose(found["mean"], pixels.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found["deviation"], pixels.std(axis=0), rtol=1e-6)
    everything = channel_statistics(images).set_index("quantity").loc["mean", "value"]
    assert not np.allclose(found["mean"], everything)


def test_resampling_stays_in_the_training_part(lab):
    collection, split, _ = lab
    train = list(split.parts["train"])
    assert list(training_ids("none", collection, split)) == train
    equal = training_ids("equal", collection, split, seed=1)
    assert len(equal) == len(train)
    counts = collection.table.loc[list(equal), "label"].value_counts()
    assert counts.max() - counts.min() <= 1
    factors = training_ids("factors", collection, split)
    assert set(equal) <= set(train)
    assert set(factors) == set(train)
    repeated = pd.Series(factors).value_counts()
    labels = collection.table["label"]
    assert set(repeated[labels.loc[repeated.index].to_numpy() == "df"]) == {54}
    with pytest.raises(ParameterError, match="resample must be one of"):
        R3Recipe(resample="all")


@pytest.mark.parametrize("augmentation", ["r3", "r3 by class"])
def test_training_by_the_recipe(lab, augmentation):
    collection, split, images = lab
    setting = R3Recipe(epochs=2, augmentation=augmentation, options=TINY, plateau_patience=1)
    trial = train_residual("resnet18", collection, split, images, setting, name="tiny", epochs=1)
    assert len(trial.history) == 1
    assert set(trial.predictions) == {"validation", "test"}
    test = trial.predictions["test"]
    assert set(test.table.index) == set(split.parts["test"])
    assert test.model == "tiny"


def predictions(collection, split, name, right):
    """Right on images where ``right`` is true, one class off elsewhere."""
    ids = split.parts["test"]
    codes = collection.codes(ids)
    answers = np.where(right, codes, (codes + 1) % 7)
    return Predictions.from_probabilities(
        ids, np.eye(7)[answers] * 0.9 + 0.1 / 7, collection, model=name, part="test"
    )


def test_the_tables_beside_r3(lab):
    collection, split, _ = lab
    size = len(split.parts["test"])
    rng = np.random.default_rng(4)
    first = predictions(collection, split, "resnet18", rng.random(size) < 0.6)
    second = predictions(collection, split, "resnet50", rng.random(size) < 0.8)
    scores = []
    for each in (first, second):
        scores.append(score(each, resamples=50).assign(model=each.model))
    by_class = pd.concat(scores)
    by_class = by_class[by_class["class"] != ""]
    beside = residual_networks.beside_r3([first, second], by_class)
    assert list(beside["model"].unique()) == [
        "R3 ResNet18", "R3 ResNet50", "resnet18, ours (phantom)", "resnet50, ours (phantom)",
    ]  # fmt: skip
    cell = beside[(beside["model"] == "R3 ResNet18") & (beside["class"] == "df")]
    recall = cell[cell["metric"] == "recall"].iloc[0]
    table = load_reported().table("R3.resnet18")
    assert recall["value"] == table.loc["df", "recall"]
    # M12's own figure: 6 of 11 has a Wilson interval of .28 to .79
    assert (round(recall["low"], 2), round(recall["high"], 2)) == (0.28, 0.79)
    text = residual_networks.class_table(beside)
    assert len(text) == 4 * 7
    assert text[text["class"] == "df"].iloc[0]["recall"] == ".545 (.280–.787)"
    assert len(residual_networks.recalls(beside)) == 4 * 7
    test = mcnemar(first, second)
    paired = residual_networks.paired(first, second)
    row = paired[paired["metric"] == "accuracy"].iloc[0]
    assert (row["only_first"], row["only_second"]) == (test.only_first, test.only_second)
    assert row["value"] == pytest.approx((test.only_second - test.only_first) / size)


def test_every_figure_of_r3_has_a_metric_of_ours():
    claims = load_reported().claims()
    known = {*OVERALL, *BY_CLASS}
    for row in ("3.7", "3.8"):
        metrics = set(claims[claims["row"] == row]["metric"])
        assert metrics - known == {"loss"}
