"""What diverges, what collapses and what it gains: on vectors whose answer is known."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from dermbook.data import CachedImages, Collection, Split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.center_loss import (
    ATTEMPTS,
    EXPLODED,
    R1,
    Study,
    chosen_strength,
    compactness,
    compare_arms,
    embedding_points,
    follow,
    largest_strength,
    outcomes,
    sweep_table,
    train_center,
    with_test,
)
from dermbook.models.center_loss import CenterLoss


def task(n=120, d=6, gap=3.0, seed=0, scale=1.0):
    """Two clouds of vectors, a split of them, and the collection that they belong to."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 2
    vectors = rng.normal(0, 1, (n, d)) + gap * np.eye(d)[0] * codes[:, None]
    ids = pd.Index([f"I{row:03d}" for row in range(n)])
    names = np.array(["benign", "malignant"])[codes]
    table = pd.DataFrame({"label": names, "group": ids}, index=ids)
    # no picture is read, so its signature may be anything
    source = SimpleNamespace(signature=lambda image_id: image_id)
    collection = Collection("made-up", table, ("benign", "malignant"), source, phantom=True)
    parts = {
        "train": tuple(ids[: n // 2]),
        "validation": tuple(ids[n // 2 : 3 * n // 4]),
        "test": tuple(ids[3 * n // 4 :]),
    }
    split = Split("made-up", "lesion-grouped", seed, parts)
    images = CachedImages((scale * vectors).astype("float32"), ids, Path())
    return images, collection, split


def test_compactness_by_hand():
    points = np.array([[0.0], [2.0], [10.0], [14.0]])
    # class means 1 and 12; mean squared distances 1 and 4; squared gap 121
    assert compactness(points, np.array([0, 0, 1, 1])) == pytest.approx(2.5 / 121)
    assert np.isnan(compactness(points, np.zeros(4, int)))
    assert compactness(np.array([[1.0], [3.0], [1.0], [3.0]]), np.array([0, 0, 1, 1])) == np.inf


def test_the_limit_is_exact_for_one_class_in_full_batches():
    """The layer itself, with gradient descent written out in NumPy around it."""
    rng = np.random.default_rng(0)
    x = rng.normal(0.5, 1, (40, 3))
    limit = largest_strength(x, learning_rate=0.1, rate=0.5)
    with_bias = np.column_stack([x, np.ones(40)])
    second = np.linalg.eigvalsh(with_bias.T @ with_bias / 40)[-1]
    assert limit == pytest.approx(1.5 / (0.1 * second))
    # all vectors alike: one direction, one class, and n / (1 + n) nearly 1
    alike = np.tile([[1.0, 2.0]], (400, 1))
    limit = largest_strength(alike, 0.1, 0.5)

    def gap_after(strength, steps=150):
        weight, layer, center = np.array([1.0, 1.0, 1.0]), CenterLoss(2, rate=0.5), 0.0
        vector, codes = np.array([1.0, 2.0, 1.0]), np.zeros(400, "int32")
        for _ in range(steps):
            z = np.full((400, 1), weight @ vector, "float32")
            loss = layer(z, codes, training=True)
            # the loss is half the squared gap to the center before it moved
            side = np.sign(z[0, 0] - center)
            gap = float(side * np.sqrt(2 * float(loss)))
            center = float(keras.ops.convert_to_numpy(layer.centers)[0, 0])
            weight -= 0.1 * strength * gap * vector
        return abs(gap)

    assert gap_after(0.95 * limit) < 1e-3
    assert gap_after(1.05 * limit) > 1e3


def test_outcomes_of_known_courses():
    def course(name, totals, auc):
        return pd.DataFrame(
            {"formulation": name, "seed": 0, "step": range(len(totals)), "total": totals,
             "norm": 1.0, "auc": auc}
        )  # fmt: skip

    steps = pd.concat(
        [
            course("infinite", [1.0, 5.0, np.inf], 0.5),
            course("undefined", [1.0, 5.0, np.nan], 0.5),
            course("came back", [1.0, 2 * EXPLODED, 0.1], 0.9),
            course("flat", [1.0, 0.5, 0.5], 0.5),
            course("good", [1.0, 3.0, 0.2], 0.9),
            course("one point", [1.0, 0.5, 0.5], 0.7).assign(norm=[1.0, 0.1, 0.009]),
        ]
    )
    found = outcomes(steps).set_index("formulation")
    assert found["outcome"].to_dict() == {
        "infinite": "diverged",
        "undefined": "diverged",
        "came back": "diverged",
        "flat": "collapsed",
        "good": "trains",
        "one point": "collapsed",
    }
    assert found.loc["undefined", "largest"] == np.inf
    assert found.loc["good", "steps"] == 2


def test_r1s_reading_diverges_on_long_vectors_and_trains_on_short_ones():
    images, collection, split = task(scale=12.0)
    steps = follow(ATTEMPTS[R1], images, collection, split, steps=60)
    assert outcomes(steps)["outcome"].tolist() == ["diverged"]
    limit = largest_strength(images.take(split.parts["train"]), 0.01)
    assert limit < 1
    images, collection, split = task(scale=1.0)
    assert largest_strength(images.take(split.parts["train"]), 0.01) > 1
    steps = follow(ATTEMPTS[R1], images, collection, split, steps=60)
    assert outcomes(steps)["outcome"].tolist() == ["trains"]
    assert steps["step"].tolist() == [*range(31), 35, 40, 45, 50, 55, 60]
    np.testing.assert_allclose(
        steps["total"], steps["cross_entropy"] + steps["center_loss"], rtol=1e-6
    )


def test_following_needs_two_classes():
    images, collection, split = task()
    three = collection.relabel({"benign": "a", "malignant": "b"}, ("a", "b", "c"))
    with pytest.raises(DataError, match="two classes"):
        follow(ATTEMPTS[R1], images, three, split, steps=1)


def test_a_study_from_training_to_the_paired_difference(tmp_path):
    images, collection, split = task()
    study = Study(epochs=4, batch_size=15, learning_rate=0.01, checkpoints=tmp_path)
    trials = [
        train_center("cl-binary", strength, images, collection, split, study, seed=0)
        for strength in (0.0, 1.0)
    ]
    assert all(set(trial.predictions) == {"validation"} for trial in trials)
    table = sweep_table(trials, "binary")
    assert table["strength"].tolist() == [0.0, 1.0]
    assert (table["roc_auc"] > 0.8).all()
    assert table["ratio"][1] < table["ratio"][0]
    tested = [
        [with_test(trial, f"m{trial.strength:g}", images, collection, split)] for trial in trials
    ]
    assert tested[0][0].predictions["test"].ids == split.parts["test"]
    scores, gains = compare_arms(*tested, resamples=50)
    first, second = (
        float(scores[scores["arm"] == arm]["value"].iloc[0]) for arm in ("without", "with")
    )
    row = gains.set_index("metric").loc["balanced_accuracy"]
    assert (row["first"], row["second"]) == (first, second)
    assert row["value"] == pytest.approx(second - first)
    assert row["low"] <= row["value"] <= row["high"]
    points = embedding_points({"a": trials[0], "b": trials[1]}, points=20)
    assert points.groupby("model").size().to_dict() == {"a": 20, "b": 20}
    assert not list(tmp_path.iterdir())


def test_the_strength_is_chosen_on_validation_and_above_zero():
    table = pd.DataFrame(
        {"strength": [0, 0, 0.1, 0.1, 1, 1], "balanced_accuracy": [0.9, 0.9, 0.6, 0.8, 0.65, 0.7]}
    )
    assert chosen_strength(table) == 0.1
    with pytest.raises(ParameterError, match="above 0"):
        chosen_strength(table[table["strength"] == 0])
