"""Shuffled generators and swapped scalings, on models whose right answers are known."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from dermbook.data import Split, cached_images
from dermbook.data.pipelines import Job
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.mismatch import (
    BY_FOLDER,
    JOINED,
    KEPT,
    SHUFFLED,
    cross_entropy,
    generator_orders,
    network_features,
    swap_matrix,
)
from dermbook.models import build
from dermbook.models.backbones import scaled


@pytest.fixture(scope="module")
def painted(small_phantom, tmp_path_factory):
    """A test folder whose pictures are overwritten: class c is one grey, 30 · c."""
    import cv2

    ids = small_phantom.ids[:60]
    work = tmp_path_factory.mktemp("painted")
    job = Job.of(small_phantom, work, height=4, width=4, batch_size=16, ids=ids)
    for path, code in zip(job.paths, job.codes, strict=True):
        cv2.imwrite(path, np.full((8, 8, 3), 30 * code, dtype=np.uint8))
    return small_phantom, job


@pytest.fixture(scope="module")
def oracle():
    """Reads the class off the grey: the nearest of 0, 30, …, 180 wins; it is always right."""
    image = keras.Input((4, 4, 3))
    grey = keras.layers.GlobalAveragePooling2D()(keras.layers.Lambda(lambda x: x * 1.0)(image))
    head = keras.layers.Dense(7, activation="softmax")
    model = keras.Model(image, head(grey))
    greys = 30.0 * np.arange(7)
    # −(g − m)²/100 up to what is common to all classes, over three equal channels
    head.set_weights([np.tile(2 * greys / 300, (3, 1)), -(greys**2) / 100])
    return model


@pytest.fixture(scope="module")
def judged(painted, oracle):
    collection, job = painted
    return generator_orders(oracle, collection, job, seeds=[0, 1, 2, 3], permutations=200)


def test_a_perfect_model_is_perfect_in_order_and_at_chance_when_shuffled(judged):
    runs, _ = judged
    runs = runs.set_index("way")
    assert (runs.loc[[KEPT], "kappa"] == 1).all()
    assert (runs.loc[[JOINED], "kappa"] == 1).all()
    assert len(runs.loc[[JOINED]]) == 4
    shuffled = runs.loc[[SHUFFLED]]
    assert len(shuffled) == 4
    assert shuffled["accuracy"].nunique() > 1
    assert shuffled["kappa"].abs().max() < 0.3
    assert abs(shuffled["kappa"].mean()) < 0.15
    # margins do not depend on the order, so agreement by chance is the same throughout
    assert shuffled["by_chance"].nunique() == 1
    assert shuffled["by_chance"].iloc[0] == pytest.approx(runs.loc[KEPT, "by_chance"])


def test_evaluate_is_right_whatever_the_order_and_wrong_only_for_folder_codes(judged):
    runs = judged[0].set_index("way")
    for way in (KEPT, SHUFFLED, JOINED):
        assert (runs.loc[[way], "evaluated"] == 1).all()
    assert runs.loc[BY_FOLDER, "evaluated"] < 0.5


def test_folder_codes_permute_the_matrix_and_lose_no_information(judged, painted):
    collection, job = painted
    _, cells = judged
    assert (cells.groupby("way")["count"].sum() == 60).all()
    table = cells[cells["way"] == BY_FOLDER].pivot(
        index="truth", columns="predicted", values="count"
    )
    # every true class goes to one column: the one at its place in the collection's order
    alphabet = sorted(collection.classes)
    for name, count in job.table["label"].value_counts().items():
        assert table.loc[name, alphabet[collection.classes.index(name)]] == count


def test_shuffled_matrices_keep_both_margins(judged):
    _, cells = judged
    tables = {
        way: cells[cells["way"] == way].pivot(index="truth", columns="predicted", values="count")
        for way in (KEPT, SHUFFLED)
    }
    for axis in (0, 1):
        pd.testing.assert_series_equal(tables[KEPT].sum(axis=axis), tables[SHUFFLED].sum(axis=axis))
    assert np.trace(tables[KEPT].loc[:, tables[KEPT].index]) == 60


def test_no_seed_is_refused(painted, oracle):
    with pytest.raises(ParameterError, match="seed"):
        generator_orders(oracle, *painted, seeds=[])


def test_cross_entropy_is_scikit_learns_and_goes_on_where_that_stops():
    rng = np.random.default_rng(0)
    logits, truth = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert cross_entropy(logits, truth) == pytest.approx(log_loss(truth, probabilities))
    assert cross_entropy(np.array([[1000.0, 0.0]]), np.array([1])) == 1000
    assert cross_entropy(np.array([[0.0, 0.0]]), np.array([1])) == pytest.approx(np.log(2))


def test_features_of_the_networks_own_scaling_are_those_it_computes(small_phantom):
    images = cached_images(small_phantom, height=24, width=32, progress=False)
    ids = list(small_phantom.ids[:70])
    model = build("one-conv", (24, 32, 3), 7, filters=4, dense=8)
    features = network_features(model, images, ids, ["unit", "raw", "caffe"])
    whole = keras.Model(model.input, model.layers[-2].output)
    expected = np.asarray(whole.predict_on_batch(images.take(ids)))
    np.testing.assert_allclose(features["unit"].to_numpy(), expected, rtol=1e-4, atol=1e-5)
    # no bias yet and ReLU throughout: 255 times the input is 255 times the output
    np.testing.assert_allclose(features["raw"], 255 * features["unit"], rtol=1e-3, atol=1e-3)
    assert list(features["caffe"].index) == ids
    with pytest.raises(ParameterError, match="scaling"):
        network_features(model, images, ids, ["lab"])
    bare = keras.Sequential([keras.Input((24, 32, 3)), keras.layers.Flatten()])
    with pytest.raises(ParameterError, match="scaled"):
        network_features(bare, images, ids, ["unit"])


@pytest.fixture(scope="module")
def swapped():
    """Three classes on the corners of a triangle; features again, tenfold, and turned round."""
    rng = np.random.default_rng(3)
    ids = [f"i{n}" for n in range(180)]
    codes = pd.Series(np.arange(180) % 3, index=ids)
    corners = np.array([[4.0, 0, 0], [0, 4, 0], [0, 0, 4]])
    base = corners[codes] + rng.normal(scale=0.3, size=(180, 3))
    tables = {"plain": base, "tenfold": 10 * base, "turned": base[:, [1, 2, 0]]}
    vectors = {name: pd.DataFrame(values, index=ids) for name, values in tables.items()}
    split = Split("made", "made", 0, {"train": tuple(ids[:120]), "test": tuple(ids[120:])})
    return vectors, codes, split, swap_matrix(vectors, codes, split, epochs=12, learning_rate=0.1)


def test_heads_are_right_on_their_own_scaling_and_wrong_on_turned_features(swapped):
    *_, table = swapped
    table = table.set_index(["train", "test"])
    assert len(table) == 9
    for name in ("plain", "tenfold", "turned"):
        assert table.loc[(name, name), "balanced_accuracy"] == 1
        assert table.loc[(name, name), "cosine"] == pytest.approx(1)
    # turned by one corner, every image is taken for the next class
    assert table.loc[("plain", "turned"), "balanced_accuracy"] == 0
    # ten times the features: the same answers, the same directions, and another loss
    tenfold = table.loc[("plain", "tenfold")]
    assert tenfold["balanced_accuracy"] == 1
    assert tenfold["cosine"] == pytest.approx(1)
    assert table.loc[("plain", "turned"), "loss"] > 10 * table.loc[("plain", "plain"), "loss"]


def test_a_cosine_is_the_mean_over_the_test_images(swapped):
    vectors, _, split, table = swapped
    one, other = (vectors[name].loc[list(split.parts["test"])] for name in ("plain", "turned"))
    rows = [
        np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)
        for a, b in zip(one.to_numpy(), other.to_numpy(), strict=True)
    ]
    found = table.set_index(["train", "test"]).loc[("plain", "turned"), "cosine"]
    assert found == pytest.approx(np.mean(rows))


def test_a_head_does_not_depend_on_which_heads_are_trained_before_it(swapped):
    vectors, codes, split, table = swapped
    alone = swap_matrix({"turned": vectors["turned"]}, codes, split, epochs=12, learning_rate=0.1)
    wanted = table.set_index(["train", "test"]).loc[("turned", "turned")]
    assert alone["loss"].iloc[0] == pytest.approx(wanted["loss"], rel=1e-5)


def test_the_head_is_close_to_a_converged_softmax_regression(swapped):
    from sklearn.linear_model import LogisticRegression

    vectors, codes, split, table = swapped
    train, test = (list(split.parts[part]) for part in ("train", "test"))
    reference = LogisticRegression().fit(vectors["plain"].loc[train], codes[train])
    expected = balanced_accuracy_score(codes[test], reference.predict(vectors["plain"].loc[test]))
    found = table.set_index(["train", "test"]).loc[("plain", "plain"), "balanced_accuracy"]
    assert found == pytest.approx(expected)


def test_tables_that_do_not_fit_are_refused(swapped):
    vectors, codes, split, _ = swapped
    with pytest.raises(DataError, match="width"):
        swap_matrix({**vectors, "narrow": vectors["plain"].iloc[:, :2]}, codes, split)
    with pytest.raises(DataError, match="plain lacks 60 images"):
        swap_matrix({"plain": vectors["plain"].iloc[:120]}, codes, split)
    with pytest.raises(ParameterError, match="part"):
        swap_matrix(vectors, codes, split, part="validation")


def test_scalings_are_what_their_names_say():
    x = np.full((1, 1, 1, 3), [10, 20, 255], dtype=np.uint8)
    np.testing.assert_allclose(np.asarray(scaled(x, "unit")).ravel()[2], 1)
    reference = keras.applications.vgg16.preprocess_input(x.astype("float32"))
    np.testing.assert_allclose(np.asarray(scaled(x, "caffe")), reference, atol=1e-4)
