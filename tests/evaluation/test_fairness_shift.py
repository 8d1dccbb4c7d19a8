"""Heads out of fold, another source, recognised sources, remedies: constructions whose truth is
known, and ugly cases."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from dermbook.data import Collection
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.fairness import (
    Outcomes,
    Rule,
    chosen_thresholds,
    group_weights,
    in_folds,
    label_from_source,
    largest_shared,
    out_of_fold,
    remedy_effects,
    shared_classes,
    shift_arms,
    source_recognition,
)
from dermbook.evaluation.fairness import shift as shift_module
from dermbook.evaluation.fairness.heads import reduced
from dermbook.evaluation.fairness.remedies import reaching
from dermbook.evaluation.fairness.shift import BOTH, OTHER, OWN, halves


class NoPictures:
    """A source that knows ids only."""

    def signature(self, image_id):
        return image_id


def collection(labels, groups=None) -> Collection:
    ids = [f"I{row}" for row in range(len(labels))]
    table = pd.DataFrame({"label": list(labels)}, index=pd.Index(ids, name="image_id"))
    table["group"] = ids if groups is None else [f"L{group}" for group in groups]
    return Collection("made-up", table, tuple(sorted(set(labels))), NoPictures(), True)


@pytest.fixture
def two_sources():
    """240 images of two classes and two sources; the first column shows the class, the other way
    round in the second source; the second shows the source."""
    rng = np.random.default_rng(0)
    label, source = rng.integers(0, 2, (2, 240))
    of = collection(np.array(["ill", "well"])[label])
    values = rng.normal(0, 0.3, (240, 6))
    values[:, 0] += np.where(source == 0, label, 1 - label) * 2
    values[:, 1] += source
    vectors = pd.DataFrame(values.astype(np.float32), index=of.ids)
    return of, vectors, pd.Series(np.array(["here", "there"])[source], index=list(of.ids))


def test_components_are_those_of_the_training_images():
    rng = np.random.default_rng(0)
    train, other = rng.normal(size=(40, 8)), rng.normal(size=(5, 8))
    first, (second,) = reduced(train, [other], 3)
    model = PCA(3, svd_solver="full").fit(train)
    np.testing.assert_allclose(np.abs(first), np.abs(model.transform(train)), atol=1e-4)
    np.testing.assert_allclose(np.abs(second), np.abs(model.transform(other)), atol=1e-4)
    assert reduced(train, [other], 8)[0] is train
    assert reduced(train[:4], [other], 8)[0].shape == (4, 3)
    with pytest.raises(DataError, match="two training images"):
        reduced(train[:1], [other], 3)


def test_no_lesion_is_on_both_sides_of_a_fold():
    """A vector that names the lesion helps only where another photograph of it is trained on."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(60), 4)
    label = np.array(["ill", "well"])[rng.integers(0, 2, 60)][group]
    of = collection(label, group)
    vectors = pd.DataFrame(np.eye(60, dtype=np.float32)[group], index=of.ids)
    folds = in_folds(of, vectors, folds=4, components=99, seed=0)
    assert pd.Series(group, index=folds.number.index).groupby(folds.number).nunique().sum() == 60
    found = out_of_fold(folds, model="head")
    assert found.ids == of.ids
    assert found.part == "out-of-fold"
    assert (found.predicted == found.table["truth"]).mean() < 0.7
    with pytest.raises(DataError, match="'I0' has no vector"):
        in_folds(of, vectors.iloc[1:], folds=4, components=9)
    with pytest.raises(ParameterError, match="weights"):
        out_of_fold(folds, model="head", weights=pd.Series(1.0, index=of.ids[:5]))


def test_halves_keep_lesions_whole_and_every_class():
    rng = np.random.default_rng(1)
    group = rng.integers(0, 30, 90)
    table = collection(np.array(["ill", "well", "odd"])[group % 3], group).table
    first, second = halves(table, np.random.default_rng(0))
    assert not set(table.loc[first, "group"]) & set(table.loc[second, "group"])
    assert len(first) + len(second) == 90
    assert set(table.loc[first, "label"]) == set(table.loc[second, "label"]) == {*table["label"]}
    with pytest.raises(DataError, match="'ill' has one lesion"):
        halves(table[table["group"] == "L3"].assign(label="ill"), rng)


def test_a_source_that_shows_classes_the_other_way_round_costs_everything(two_sources):
    of, vectors, sources = two_sources
    arms = shift_arms(of, vectors, sources, seeds=(0, 1), at_least=10, components=6)
    assert list(arms) == ["here", "there"]
    for of_source in arms.values():
        right = {
            way: np.mean([(p.predicted == p.table["truth"]).mean() for p in arm.predictions])
            for way, arm in of_source.items()
        }
        assert right[OWN] > 0.95
        assert right[OTHER] < 0.25 < right[BOTH] < 0.9
        for own, other in zip(
            of_source[OWN].predictions, of_source[OTHER].predictions, strict=True
        ):
            assert own.ids == other.ids
            assert set(sources[list(own.ids)]) == {sources[own.ids[0]]}


def test_every_way_trains_on_as_many_images_of_each_class(two_sources, monkeypatch):
    of, vectors, sources = two_sources
    seen = []
    real = shift_module.logistic_head

    def spy(train, codes, others, **options):
        seen.append((len(train), tuple(np.bincount(codes))))
        return real(train, codes, others, **options)

    monkeypatch.setattr(shift_module, "logistic_head", spy)
    shift_arms(of, vectors, sources, seeds=(0,), at_least=10, components=3)
    assert len(seen) == 6
    assert seen[0] == seen[1] == seen[2]
    assert seen[3] == seen[4] == seen[5]


def test_shift_wants_sources_and_classes(two_sources):
    of, vectors, sources = two_sources
    assert shared_classes(of.table, sources, at_least=10)
    assert not shared_classes(of.table, sources, at_least=1000)
    with pytest.raises(DataError, match="2 sources share 0 classes of 1000"):
        shift_arms(of, vectors, sources, at_least=1000)
    with pytest.raises(DataError, match="1 sources"):
        shift_arms(of, vectors, sources.where(sources == "here"), at_least=10)
    with pytest.raises(ParameterError, match="seeds"):
        shift_arms(of, vectors, sources, seeds=())


def test_shared_classes_count_lesions_not_images():
    of = collection(["ill"] * 6 + ["well"] * 6, [0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7])
    sources = pd.Series(["x", "x", "x", "y", "y", "y"] * 2, index=list(of.ids))
    assert shared_classes(of.table, sources, at_least=2) == ["well"]
    assert largest_shared(of.table, sources, at_least=1, most=1) == ["well"]


def test_a_source_is_recognised_where_pictures_show_it_and_not_else(two_sources):
    of, vectors, sources = two_sources
    options = {"within": ["ill"], "folds": 4, "components": 6, "resamples": 100}
    shown = source_recognition(of, vectors, sources, **options)
    assert list(shown["within"]) == ["all classes", "ill"]
    assert (shown["low"] > 0.7).all()
    hidden = vectors.drop(columns=[0, 1])
    blind = source_recognition(of, hidden, sources, **options)
    assert ((blind["low"] < 0.5) & (blind["value"] < 0.65)).all()
    assert list(blind["n"]) == [240, (of.table["label"] == "ill").sum()]
    with pytest.raises(DataError, match="'ill' comes from one source"):
        source_recognition(of, vectors, sources.where(of.table["label"] != "ill", "x"), **options)


def test_the_label_from_the_source_is_the_counting_rule():
    """60 of 80 are ill here, 5 of 20 there: the most frequent is right for 75 of 100; in
    proportion, 'there' is richest in 'well'."""
    labels = ["ill"] * 60 + ["well"] * 20 + ["ill"] * 5 + ["well"] * 15
    of = collection(labels)
    sources = pd.Series(["here"] * 80 + ["there"] * 20, index=list(of.ids))
    found = label_from_source(of, sources, folds=5, resamples=50).set_index("metric")
    assert found.at["accuracy", "value"] == pytest.approx(0.75)
    assert found.at["accuracy", "chance"] == pytest.approx(0.65)
    expected = (60 / 65 + 15 / 35) / 2
    assert found.at["balanced_accuracy", "value"] == pytest.approx(expected)
    assert found.at["balanced_accuracy", "chance"] == 0.5


def test_weights_make_groups_alike():
    groups = pd.Series(["a"] * 6 + ["b"] * 2 + [None])
    weights = group_weights(groups)
    assert weights[:6].sum() == pytest.approx(weights[6:8].sum()) == pytest.approx(4)
    assert weights.iloc[8] == 1
    with pytest.raises(DataError):
        group_weights(pd.Series([None, None]))


def test_a_threshold_is_the_highest_that_reaches_the_sensitivity():
    scores = np.array([0.1, 0.4, 0.4, 0.8, 0.9])
    assert [reaching(scores, share) for share in (0.2, 0.4, 0.41, 0.8, 1)] == [
        0.9, 0.8, 0.4, 0.4, 0.1,
    ]  # fmt: skip


def test_thresholds_come_from_the_other_folds_and_from_the_group(make):
    rng = np.random.default_rng(0)
    bad = np.tile([True, False], 60)
    group = pd.Series(np.repeat(["a", "b"], 60), index=[f"I{row}" for row in range(120)])
    score = np.clip(0.3 * bad + np.where(group == "a", 0.5, 0.2) + rng.normal(0, 0.02, 120), 0, 1)
    made = make(np.where(bad, "ill", "well"), np.column_stack([score, 1 - score]), ("ill", "well"))
    folds = pd.Series(np.arange(120) % 3, index=group.index)
    own = chosen_thresholds(made, ["ill"], folds, sensitivity=0.8, groups=group)
    for fold in range(3):
        for name in "ab":
            rows = ((folds != fold) & (group == name)).to_numpy() & bad
            expected = np.quantile(score[rows], 0.2, method="inverted_cdf")
            found = own[(folds == fold) & (group == name)].unique()
            assert len(found) == 1
            assert abs(found[0] - expected) < 0.02
    before = Outcomes.of(made, ["ill"], threshold=0.7)
    after = {"own": Outcomes.of(made, ["ill"], threshold=own), "none": before}
    effects = remedy_effects(before, after, group, ["sensitivity"], resamples=60).set_index(
        "remedy"
    )
    assert effects.at["own", "gap_before"] == 1
    assert effects.at["own", "gap_after"] < 0.15
    assert effects.at["own", "high"] < 0
    assert (effects.loc["none", ["change", "low", "high", "overall_change"]] == 0).all()
    with pytest.raises(ParameterError, match="sensitivity"):
        chosen_thresholds(made, ["ill"], folds, sensitivity=0)
    few = Rule(lesions=1000)
    assert remedy_effects(before, after, group, ["sensitivity"], rule=few, resamples=5).empty
    other = {"fewer": Outcomes(before.table.iloc[1:], before.classes, before.malignant)}
    with pytest.raises(DataError, match="'fewer' is not of the same images"):
        remedy_effects(before, other, group, ["sensitivity"], resamples=5)
    with pytest.raises(DataError, match="threshold"):
        Outcomes.of(made, ["ill"], threshold=own.iloc[1:])
