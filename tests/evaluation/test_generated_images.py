"""Copies, Fréchet distances and the use of generated images, against formulas and by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm
from scipy.stats import mannwhitneyu

from dermbook.data import Collection, Split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.generation import (
    ARMS,
    added_differences,
    added_scores,
    check_unseen,
    compare_added,
    frechet_bias,
    frechet_distance,
    frechet_table,
    likeness,
    likeness_summary,
    main_axes,
    nearest,
    predict_added,
    variety,
    with_flips,
)
from dermbook.training.heads import logistic_head


def with_moments(mean, covariance, n=50, seed=0):
    """n vectors whose mean and covariance (over n − 1) are exactly these."""
    noise = np.random.default_rng(seed).normal(size=(n, len(mean)))
    noise -= noise.mean(axis=0)
    noise = noise @ np.linalg.inv(np.linalg.cholesky(np.cov(noise, rowvar=False))).T
    return noise @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_known_normal_clouds():
    # equal axes: |μ₁ − μ₂|² + Σ (σ₁ − σ₂)²
    one = with_moments([0, 0, 1], np.diag([1.0, 4.0, 9.0]))
    two = with_moments([3, 0, 1], np.diag([4.0, 4.0, 1.0]), n=70, seed=1)
    assert frechet_distance(one, two) == pytest.approx(9 + 1 + 0 + 4)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(two, one) == pytest.approx(frechet_distance(one, two))


def test_frechet_distance_against_scipy():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(40, 5)), rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)) + 1
    c1, c2 = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    gap = one.mean(axis=0) - two.mean(axis=0)
    expected = gap @ gap + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)
    assert frechet_distance(one, two) == pytest.approx(expected)


def test_frechet_distance_of_fewer_images_than_features():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(5, 20)), rng.normal(size=(4, 20))
    assert np.isfinite(frechet_distance(one, two))
    assert frechet_distance(one, one + 2) == pytest.approx(80)
    with pytest.raises(DataError, match="two rows"):
        frechet_distance(one[:1], two)
    with pytest.raises(DataError, match="width"):
        frechet_distance(one, two[:, :3])


def test_the_distance_of_one_set_to_itself_falls_with_its_size():
    vectors = np.random.default_rng(0).normal(size=(2000, 8))
    found = frechet_bias(vectors, [1, 10, 100, 1000, 5000])
    assert list(found["images"]) == [10, 100, 1000]
    assert (found["median"].diff()[1:] < 0).all()
    assert found["median"].iloc[-1] < 0.1 < 1 < found["median"].iloc[0]
    with pytest.raises(ParameterError, match="no size"):
        frechet_bias(vectors, [1500])


def test_halves_share_no_lesion_and_sizes_are_equal():
    rng = np.random.default_rng(0)
    lesions = [f"L{row // 2}" for row in range(40)]
    real = rng.normal(size=(40, 3))
    sets = {
        "copies": (real + 1e-6, lesions),
        "far": (rng.normal(size=(90, 3)) + 10, None),
        "few": (rng.normal(size=(7, 3)), None),
    }
    found = frechet_table(real, lesions, sets, repeats=5)
    assert (found["images"] == 7).all()
    medians = found.groupby("set")["distance"].median()
    assert medians["far"] > 50 * medians["real images"]
    # copies of the other half are no nearer than that half itself: none of its own half is taken
    assert medians["copies"] > 0.05
    with pytest.raises(DataError, match="each half"):
        frechet_table(real[:2], ["a", "b"], {})


def test_nearest_by_hand():
    references, lesions = np.array([[0.0, 0], [0, 1], [4, 0]]), ["a", "a", "b"]
    found = nearest(np.array([[0.0, 0], [2, 0]]), references, lesions)
    # the root mean square over two values is the length over √2
    np.testing.assert_allclose(found["distance"], [0, 2 / np.sqrt(2)])
    np.testing.assert_allclose(found["ratio"], [0, 1])
    assert found["row"].iloc[0] == 0
    others = nearest(references[:1], np.vstack([references, [[8, 0]]]), [*lesions, "c"], own=["a"])
    np.testing.assert_allclose(others["distance"], [4 / np.sqrt(2)])
    np.testing.assert_allclose(others["ratio"], [0.5])
    with pytest.raises(DataError, match="two lesions"):
        nearest(references, references, lesions, own=["a", "a", "b"])
    with pytest.raises(DataError, match="one lesion"):
        nearest(references, references, ["a"])


def test_copies_are_found_and_new_images_are_not():
    rng = np.random.default_rng(0)
    training, held_out, new = (rng.normal(size=(n, 6)) for n in (60, 40, 80))
    lesions = [f"L{row}" for row in range(60)]
    sets = {
        "copies": (training[:30] + 0.01 * rng.normal(size=(30, 6)), range(30)),
        "held out": (held_out, [f"H{row // 2}" for row in range(40)]),
        "new": (new, range(80)),
        "training": (training, lesions),
    }
    frame = likeness(sets, training, lesions, leave_out=["training"])
    found = likeness_summary(frame, resamples=200).set_index("set")
    assert found.loc["copies", "nearer"] == 1
    assert found.loc["copies", "ratio"] < 0.05
    for name in ("new", "training"):
        assert found.loc[name, "low"] < 0.5 < found.loc[name, "high"]
    assert found.loc["held out", "nearer"] == 0.5
    distances = {name: of["distance"] for name, of in frame.groupby("set")}
    u = mannwhitneyu(distances["held out"], distances["new"]).statistic
    assert found.loc["new", "nearer"] == pytest.approx(u / (40 * 80))
    with pytest.raises(DataError, match="held out"):
        likeness_summary(frame[frame["set"] == "new"])


def test_variety_is_the_mean_distance_of_pairs():
    # pairs: 0–3, 0–3, 3–3 on one axis of one
    assert variety(np.array([[0.0], [3], [3]])) == pytest.approx(2)
    assert variety(np.ones((5, 4))) == 0
    assert np.isnan(variety(np.ones((1, 4))))


def test_flips_are_all_four():
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(1, 2, 3, 3)
    found = with_flips(image)
    expected = [image[0], np.fliplr(image[0]), np.flipud(image[0]), np.flipud(np.fliplr(image[0]))]
    np.testing.assert_array_equal(found, expected)


# ---- are they of use? -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def task():
    """Two classes of vectors, the second rare and not where its training images are."""
    rng = np.random.default_rng(0)
    codes = np.r_[np.zeros(160, int), np.ones(40, int)]
    values = rng.normal(size=(200, 4)) + 1.2 * codes[:, None]
    ids = pd.Index([f"I{row:03d}" for row in range(200)])
    labels = np.array(["common", "rare"])[codes]
    table = pd.DataFrame({"label": labels, "group": [f"L{row // 2}" for row in range(200)]}, ids)
    source = SimpleNamespace(signature=lambda image_id: image_id)
    collection = Collection("made-up", table, ("common", "rare"), source, phantom=True)
    rows = np.arange(200)
    train = (rows < 100) | ((rows >= 160) & (rows < 170))
    test = ~train & (rows % 2 == 0)
    parts = {
        name: tuple(ids[mask])
        for name, mask in (("train", train), ("validation", ~train & ~test), ("test", test))
    }
    split = Split("made-up", "lesion-grouped", 0, parts)
    return pd.DataFrame(values, index=ids), collection, split


def learned(task, arm, copies, generated):
    vectors, collection, split = task
    options = {"copies": copies, "generated": generated, "parts": ("validation", "test")}
    return predict_added(arm, vectors, collection, split, "rare", **options)


def test_repeating_is_the_same_as_copies_that_change_nothing(task):
    vectors, _, split = task
    own = vectors.loc[[i for i in split.parts["train"] if i >= "I160"]].to_numpy()
    copies = np.repeat(own, 3, axis=0)
    found = {arm: learned(task, arm, copies, copies)["test"].probabilities for arm in ARMS}
    np.testing.assert_allclose(found["oversampling"], found["augmented oversampling"], atol=1e-4)
    np.testing.assert_allclose(found["oversampling"], found["generated"], atol=1e-4)
    # in place of the class's own, with the same total weight: again the same vectors
    np.testing.assert_allclose(found["oversampling"], found["generated alone"], atol=1e-4)
    assert found["oversampling"][:, 1].mean() > found["nothing"][:, 1].mean() + 0.05


def test_nothing_is_the_plain_classifier(task):
    vectors, collection, split = task
    ids = list(split.parts["train"])
    (expected,) = logistic_head(
        vectors.loc[ids].to_numpy(), collection.codes(ids),
        [vectors.loc[list(split.parts["test"])].to_numpy()], classes=2,
    )  # fmt: skip
    found = learned(task, "nothing", np.ones((3, 4)), np.ones((3, 4)))
    np.testing.assert_allclose(found["test"].probabilities, expected)
    assert set(found) == {"validation", "test"}
    assert found["test"].model == "gan-nothing"


def test_good_generated_images_show_and_bad_ones_do(task):
    rng = np.random.default_rng(1)
    good, bad = rng.normal(size=(60, 4)) + 1.2, rng.normal(size=(60, 4)) - 2.0

    def recalls(generated):
        arms = compare_added(
            lambda arm, seed: learned(task, arm, good, generated)["test"], [0],
            ["nothing", "generated alone"],
        )  # fmt: skip
        return added_scores(arms, "rare", resamples=20).set_index(["arm", "metric"])["value"]

    assert recalls(good)["generated alone", "recall"] > recalls(good)["nothing", "recall"] + 0.2
    assert recalls(bad)["generated alone", "recall"] < 0.2


def test_all_comparisons_are_made(task):
    same = np.ones((4, 4))
    arms = compare_added(lambda arm, seed: learned(task, arm, same, same)["test"], [0, 1])
    found = added_differences(arms, "rare", resamples=50)
    assert found["comparison"].nunique() == 6
    assert list(found["metric"].unique()) == [
        "recall", "precision", "f1", "balanced_accuracy", "f1_macro",
    ]  # fmt: skip
    scores = added_scores(arms, "rare", resamples=0).set_index(["arm", "metric"])["value"]
    row = found.iloc[0]
    assert row["value"] == pytest.approx(
        scores["oversampling", "recall"] - scores["nothing", "recall"]
    )


def test_bad_arms(task):
    with pytest.raises(ParameterError, match="unknown"):
        learned(task, "magic", np.ones((2, 4)), np.ones((2, 4)))
    with pytest.raises(ParameterError, match="as many"):
        learned(task, "generated", np.ones((2, 4)), np.ones((3, 4)))
    with pytest.raises(ParameterError, match="as many"):
        learned(task, "generated", np.ones((0, 4)), np.ones((0, 4)))


def test_a_generator_must_not_have_seen_other_parts(task):
    _, collection, split = task
    check_unseen(split.parts["train"], split, collection)
    with pytest.raises(DataError, match="not in train"):
        check_unseen([*split.parts["train"], split.parts["test"][0]], split, collection)
    # the same lesion, photographed twice, on both sides of the split
    first, second = "I000", "I001"
    parts = {"train": (first,), "validation": ("I002",), "test": (second,)}
    with pytest.raises(DataError, match="L0"):
        check_unseen([first], Split("made-up", "image", 0, parts), collection)


def test_main_axes_keep_the_variance_of_the_train_part(task):
    vectors, _, split = task
    # no value is three deviations off, and neighbouring columns go together
    even = np.random.default_rng(0).uniform(-1, 1, (len(vectors), 5))
    vectors = pd.DataFrame(even[:, 1:] + even[:, :-1], index=vectors.index)
    axes = main_axes(vectors, split, 4)
    found = axes(vectors.loc[list(split.parts["train"])].to_numpy())
    # a rotation of standardised vectors: uncorrelated, the largest variance first, all of it kept
    covariance = np.cov(found, rowvar=False, bias=True)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9)
    assert (np.diff(np.diag(covariance)) <= 1e-9).all()
    assert np.trace(covariance) == pytest.approx(4)
    # an odd picture is far off, but not without bound: three deviations in each of four columns
    assert np.linalg.norm(axes(np.full((1, 4), 1e6))) == pytest.approx(3 * np.sqrt(4))
    with pytest.raises(ParameterError, match="components"):
        main_axes(vectors, split, 5)
