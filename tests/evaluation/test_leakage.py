"""Audits against collections made by hand, formulas against counting, effects against plants."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from dermbook.data import phantom
from dermbook.data.collection import Collection
from dermbook.data.splits import Split
from dermbook.data.strategies import STRATEGIES, make_split, split_table
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import score
from dermbook.evaluation.leakage import (
    Arm,
    arm_table,
    augmentation_order,
    copies_needed,
    effect_table,
    expected_overlap,
    expected_sibling_share,
    kinship,
    leak_shares,
    leak_table,
    learn_and_predict,
    over_seeds,
    overlapping_draws,
    plan_injection,
    sibling_injection,
    split_scores,
)
from dermbook.evaluation.predictions import Predictions


class Named:
    """A source whose files have the content that a table says."""

    def __init__(self, contents: dict[str, str]) -> None:
        self.contents = contents

    def image(self, image_id):
        raise AssertionError("no picture is needed here")

    mask = encoded = image

    def signature(self, image_id: str) -> str:
        return self.contents.get(image_id, image_id)


def collection_of(rows: list[tuple], classes=("a", "b"), contents=None) -> Collection:
    """rows: (image id, label, lesion)."""
    table = pd.DataFrame(rows, columns=["image_id", "label", "group"]).set_index("image_id")
    return Collection("tiny", table, classes, Named(contents or {}), phantom=True)


@pytest.fixture(scope="module")
def photographs():
    """A phantom with a dozen images of the rarest class, so that each part can have one."""
    return phantom(400, height=32, width=48, seed=0)


@pytest.fixture(scope="module")
def many():
    """600 images of two classes; lesions of one to four photographs; vectors that tell lesions."""
    rng = np.random.default_rng(0)
    rows, lesion = [], 0
    while len(rows) < 600:
        label = "b" if rng.random() < 0.3 else "a"
        for _ in range(rng.choice([1, 1, 2, 3, 4])):
            rows.append((f"I{len(rows):04d}", label, f"L{lesion:04d}"))
        lesion += 1
    return collection_of(rows)


def lesion_vectors(collection: Collection, *, signal: float, noise: float = 0.05, seed: int = 0):
    """A random direction a lesion, its photographs close to it, and ``signal`` of the class."""
    rng = np.random.default_rng(seed)
    table = collection.table
    centre = {group: rng.normal(size=12) for group in sorted(table["group"].unique())}
    codes = collection.codes()
    values = np.array([centre[group] for group in table["group"]])
    values += noise * rng.normal(size=values.shape)
    values[:, 0] += signal * codes
    return pd.DataFrame(values.astype("float32"), index=table.index)


# ---- audits


def hand_made():
    rows = [
        ("t1", "a", "L1"), ("t2", "a", "L2"), ("t3", "b", "L3"), ("t4", "b", None),
        ("s1", "a", "L1"), ("s2", "a", "L9"), ("s3", "b", "L8"), ("s4", "b", None),
        ("s5", "b", "L7"),
    ]  # fmt: skip
    collection = collection_of(rows, contents={"t2": "same", "s2": "same"})
    test = ("s1", "s2", "s3", "s4", "s5", "t3")
    return collection, Split("x", "by hand", 0, {"train": ("t1", "t2", "t3", "t4"), "test": test})


def test_each_kind_of_kinship_is_found_where_it_was_planted():
    collection, split = hand_made()
    pairs = pd.DataFrame({"image_id": ["t4", "s4"], "other": ["s3", "s5"]})
    kin = kinship(split, collection, pairs=pairs)
    assert kin.index[kin["sibling"]].tolist() == ["s1"]
    assert kin.index[kin["identical_content"]].tolist() == ["s2"]
    assert kin.index[kin["near_duplicate"]].tolist() == ["s3"]  # s5's twin is not in train
    assert kin.index[kin["same_image"]].tolist() == ["t3"]  # and is no sibling of itself
    assert kin.index[kin["clean"]].tolist() == ["s4", "s5"]  # no lesion is no shared lesion


def test_near_duplicates_count_in_either_order():
    collection, split = hand_made()
    for names in (("image_id", "other"), ("other", "image_id")):
        pairs = pd.DataFrame({names[0]: ["t4"], names[1]: ["s3"]})
        assert kinship(split, collection, pairs=pairs)["near_duplicate"].sum() == 1
    with pytest.raises(DataError, match="'other'"):
        kinship(split, collection, pairs=pd.DataFrame({"image_id": ["t4"]}))


def test_tables_count_the_kinship_and_leave_out_what_was_not_looked_for():
    collection, split = hand_made()
    row = leak_table({"x": split}, collection).iloc[0]
    assert (row["images"], row["sibling"], row["identical_content"], row["clean"]) == (6, 1, 1, 3)
    assert row["shared_lesions"] == 2  # L1 and, by the image itself, L3
    assert row["percent_leaking"] == pytest.approx(50)
    assert "near_duplicate" not in row
    shares = leak_shares({"x": split}, collection, contents=False)
    assert shares["kind"].tolist() == ["same_image", "sibling", "clean"]
    assert shares["images"].tolist() == [1, 1, 4]
    assert shares["percent"].sum() == pytest.approx(100)


@pytest.mark.parametrize("name", STRATEGIES)
def test_sibling_counts_agree_with_a_search_over_all_pairs(photographs, name):
    split = make_split(name, photographs, seed=1)
    groups = photographs.table["group"]
    expected = {
        image_id
        for image_id in split.parts["test"]
        for other in split.parts["train"]
        if other != image_id and groups[other] == groups[image_id]
    }
    kin = kinship(split, photographs)
    assert set(kin.index[kin["sibling"]]) == expected
    assert bool(expected) == bool(STRATEGIES[name].row)


def test_identical_files_across_parts_are_found_in_the_phantom():
    collection = phantom(240, height=32, width=48, exact_duplicates=20, seed=3)
    split = make_split("lesion-grouped", collection)
    twin = collection.table["duplicate_of"].dropna()
    links = [*twin.items(), *((there, here) for here, there in twin.items())]
    train = set(split.parts["train"])
    expected = {a for a, b in links if a in split.parts["test"] and b in train}
    kin = kinship(split, collection)
    assert expected <= set(kin.index[kin["identical_content"]])
    assert len(expected) > 0
    assert not kin["sibling"].any()


def test_the_parts_of_an_audit_must_exist():
    collection, split = hand_made()
    with pytest.raises(DataError, match="validation"):
        kinship(split, collection, part="validation")
    with pytest.raises(DataError, match="not in the collection"):
        kinship(Split("y", "", 0, {"train": ("t1",), "test": ("zz",)}), collection)


# ---- what chance predicts


def test_r4s_overlap_is_four_fifths():
    train = {"akiec": 261, "bcc": 411, "bkl": 879, "df": 92, "mel": 890, "nv": 5364, "vasc": 113}
    test = {"akiec": 32, "bcc": 51, "bkl": 109, "df": 11, "mel": 111, "nv": 670, "vasc": 14}
    sizes = {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}
    mean, deviation = expected_overlap(train, test, sizes)
    assert mean / 998 == pytest.approx(0.7998, abs=5e-5)  # book/reported.yaml, R4.counts
    rng = np.random.default_rng(0)
    drawn = sum(rng.hypergeometric(train[c], sizes[c] - train[c], test[c], 20_000) for c in test)
    assert mean == pytest.approx(drawn.mean(), abs=0.5)
    assert deviation == pytest.approx(drawn.std(), rel=0.03)
    with pytest.raises(DataError, match="only 5"):
        expected_overlap({"a": 1}, {"a": 6}, {"a": 5})


def test_the_sibling_formula_is_exact_where_all_splits_can_be_listed():
    """Seven images of one class, three to train and two to test: every division counted."""
    sizes = [3, 2, 1, 1]
    groups = [f"L{i}" for i, size in enumerate(sizes) for _ in range(size)]
    table = pd.DataFrame({"label": "a", "group": groups}, index=[f"I{i}" for i in range(7)])
    caught = total = 0
    for train in combinations(range(7), 3):
        for test in combinations(sorted({*range(7)} - {*train}), 2):
            total += 2
            caught += sum(groups[i] in {groups[j] for j in train} for i in test)
    assert expected_sibling_share(table, {"a": 3}, {"a": 2}) == pytest.approx(caught / total)
    caught = total = 0
    for train in combinations(range(7), 3):
        for i in range(7):  # an independent draw of the test
            total += 1
            caught += groups[i] in {groups[j] for j in train if j != i}
    found = expected_sibling_share(table, {"a": 3}, {"a": 2}, independent=True)
    assert found == pytest.approx(caught / total)


@pytest.mark.parametrize("name", ["r0", "r3", "r4"])
def test_formulas_agree_with_counting_over_seeds(many, name):
    splits = [make_split(name, many, seed=seed) for seed in range(30)]
    found = over_seeds(splits, many)
    counts = split_table({name: splits[0]}, many).set_index(["part", "class"])["images"]
    train, test = counts["train"].to_dict(), counts["test"].to_dict()
    independent = STRATEGIES[name].independent
    expected = expected_sibling_share(many.table, train, test, independent=independent)
    error = found["sibling"].std() / len(found) ** 0.5
    assert abs(found["sibling"].mean() - expected) < 4 * error
    if independent:
        mean, _ = expected_overlap(train, test, many.class_counts().to_dict())
        error = found["same_image"].std() / len(found) ** 0.5
        assert abs(found["same_image"].mean() - mean / sum(test.values())) < 4 * error
    else:
        assert not found["same_image"].any()


def test_a_collection_without_siblings_leaks_none():
    table = pd.DataFrame({"label": "a", "group": list("pqrs")}, index=list("1234"))
    assert expected_sibling_share(table, {"a": 2}, {"a": 1}) == 0


# ---- learners


def test_the_nearest_neighbour_knows_what_it_has_seen():
    rng = np.random.default_rng(0)
    vectors, codes = rng.normal(size=(50, 6)), rng.integers(0, 3, 50)
    (found,) = learn_and_predict(vectors, codes, vectors, classes=3, learner="nearest")
    assert np.array_equal(found.argmax(axis=1), codes)


def test_the_logistic_regression_separates_what_can_be_separated_and_knows_absent_classes():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 2], 40)
    vectors = (rng.normal(size=(80, 4)) + 6 * codes[:, None]).astype("float32")
    (found,) = learn_and_predict(vectors, codes, vectors, classes=3)
    assert (found.argmax(axis=1) == codes).mean() > 0.95
    assert np.allclose(found.sum(axis=1), 1)
    assert not found[:, 1].any()


def test_learners_fit_their_scaling_on_train_only():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 2, 60)
    train = rng.normal(size=(60, 3)) + codes[:, None]
    first, strange = rng.normal(size=(5, 3)), 1e6 * np.ones((5, 3))
    (alone,) = learn_and_predict(train, codes, first, classes=2)
    beside, _ = learn_and_predict(train, codes, first, strange, classes=2)
    assert np.array_equal(alone, beside)


def test_learners_refuse_what_cannot_be_learnt():
    vectors = np.zeros((4, 2))
    with pytest.raises(ParameterError, match="one class"):
        learn_and_predict(vectors, np.zeros(4, dtype=int), vectors, classes=2)
    with pytest.raises(ParameterError, match="forest"):
        learn_and_predict(vectors, np.array([0, 1, 0, 1]), vectors, classes=2, learner="forest")


# ---- effects


def predictions_of(collection: Collection, right: np.ndarray) -> Predictions:
    codes = collection.codes()
    chosen = np.where(right, codes, 1 - codes)
    return Predictions.from_probabilities(
        collection.ids, np.eye(2)[chosen] * 0.8 + 0.1, collection, model="m", part="test"
    )


def test_an_arm_of_one_seed_scores_as_the_book_does(many):
    right = np.random.default_rng(0).random(len(many)) < 0.7
    predictions = predictions_of(many, right)
    found = arm_table({"x": Arm((0,), (predictions,))}, resamples=20).set_index("metric")
    expected = score(predictions, resamples=0)
    expected = expected[expected["class"] == ""].set_index("metric")["value"]
    for metric in found.index:
        assert found.loc[metric, "value"] == pytest.approx(expected[metric])
    assert found["n"].iloc[0] == len(many)
    assert found["lesions"].iloc[0] == many.table["group"].nunique()


def test_an_effect_is_the_planted_one_and_its_interval_holds_it(many):
    rng = np.random.default_rng(0)
    arms = {name: [] for name in ("worse", "better", "same")}
    for _ in range(6):
        luck = rng.random(len(many))
        for name, share in (("worse", 0.6), ("better", 0.8), ("same", 0.6)):
            arms[name].append(predictions_of(many, luck < share))
    arms = {name: Arm(tuple(range(6)), tuple(found)) for name, found in arms.items()}
    pairs = {"up": ("worse", "better"), "none": ("worse", "same")}
    effects = effect_table(arms, pairs, metrics=["accuracy"], resamples=400).set_index("comparison")
    assert effects.loc["up", "low"] < 0.2 < effects.loc["up", "high"]
    assert effects.loc["up", "low"] > 0.1
    assert effects.loc["up", "value"] == pytest.approx(
        effects.loc["up", "second"] - effects.loc["up", "first"]
    )
    assert tuple(effects.loc["none", ["value", "low", "high"]]) == (0, 0, 0)


def test_the_interval_does_not_narrow_when_a_seed_is_told_twice(many):
    """Ten copies of one seed's result are still one test of these lesions."""
    rng = np.random.default_rng(2)
    small = many.where(ids=many.ids[:150])
    pair = [predictions_of(small, rng.random(150) < share) for share in (0.6, 0.75)]

    def width(times: int) -> float:
        arms = {
            name: Arm(tuple(range(times)), (found,) * times)
            for name, found in zip(("a", "b"), pair, strict=True)
        }
        row = effect_table(arms, {"x": ("a", "b")}, metrics=["accuracy"], resamples=600).iloc[0]
        return row["high"] - row["low"]

    assert width(10) == pytest.approx(width(1), rel=0.15)


def test_arms_must_match(many):
    one = predictions_of(many, np.ones(len(many), dtype=bool))
    arms = {"a": Arm((0,), (one,)), "b": Arm((1,), (one,))}
    with pytest.raises(ParameterError, match="different seeds"):
        effect_table(arms, {"x": ("a", "b")})
    with pytest.raises(ParameterError, match="no arm 'c'"):
        effect_table({"a": arms["a"]}, {"x": ("a", "c")})
    with pytest.raises(ParameterError, match="one Predictions a seed"):
        Arm((0, 1), (one,))


# ---- the three experiments


def effect_of(arms, pair, metric="balanced_accuracy"):
    return effect_table(arms, {"x": pair}, metrics=[metric], resamples=200).iloc[0]


def test_overlapping_draws_divide_the_test_and_show_memory(many):
    vectors = lesion_vectors(many, signal=0.0)
    arms = overlapping_draws(vectors, many, seeds=range(3), learner="nearest")
    for whole, seen, unseen in zip(*(arm.predictions for arm in arms.values()), strict=True):
        assert {*seen.ids} | {*unseen.ids} == {*whole.ids}
        assert not {*seen.ids} & {*unseen.ids}
    seen = arm_table({"x": arms["in train"]}, metrics=["accuracy"], resamples=0).iloc[0]
    assert seen["value"] == 1  # the image itself is the nearest one


def test_a_class_that_only_one_heap_has_is_left_out_of_all():
    rows = [(f"I{i:03d}", "a", f"A{i}") for i in range(60)]
    rows += [(f"J{i:03d}", "b", f"B{i}") for i in range(60)]
    rows += [(f"K{i:03d}", "c", f"C{i}") for i in range(10)]  # one of them is tested
    collection = collection_of(rows, classes=("a", "b", "c"))
    vectors = lesion_vectors(collection, signal=1.0)
    arms = overlapping_draws(vectors, collection, seeds=[0])
    truths = {name: set(arm.predictions[0].table["truth"]) for name, arm in arms.items()}
    assert truths["all"] == truths["in train"] == truths["not in train"] == {"a", "b"}


@pytest.mark.parametrize("seed", range(6))
def test_a_plan_changes_nothing_but_the_siblings(small_phantom, seed):
    plan = plan_injection(small_phantom, seed=seed)
    table = small_phantom.table
    without, siblings = set(plan.without), set(plan.with_siblings)
    assert len(plan.without) == len(without) == len(plan.with_siblings) == len(siblings)
    counts = [table.loc[list(ids), "label"].value_counts().to_dict() for ids in (without, siblings)]
    assert counts[0] == counts[1]
    tested = table.loc[list(plan.tested), "group"]
    assert tested.is_unique
    assert not {*plan.tested} & (without | siblings)
    assert not {*tested} & {*table.loc[list(without), "group"]}
    arrived = table.loc[list(siblings - without), "group"]
    assert {*arrived} == {*table.loc[list(plan.injected), "group"]}
    assert 0 < len(plan.injected) < len(plan.tested)
    assert plan == plan_injection(small_phantom, seed=seed)
    assert plan != plan_injection(small_phantom, seed=seed + 100)


def test_injected_siblings_lift_the_score_of_memory_and_leave_the_control(many):
    vectors = lesion_vectors(many, signal=0.0)
    arms = sibling_injection(vectors, many, seeds=range(4), learner="nearest")
    injected = effect_of(arms, ("injected, without", "injected, with"))
    control = effect_of(arms, ("others, without", "others, with"))
    assert injected["second"] == 1  # a sibling is the nearest image, and has the same label
    assert injected["low"] > 0.3
    assert control["low"] <= 0 <= control["high"]


def test_injected_siblings_do_nothing_where_photographs_do_not_resemble(many):
    vectors = lesion_vectors(many, signal=0.0, noise=20.0)
    arms = sibling_injection(vectors, many, seeds=range(4), learner="nearest")
    effect = effect_of(arms, ("injected, without", "injected, with"))
    assert effect["low"] < 0 < effect["high"]


def test_what_would_have_been_reported_is_inflated_by_siblings(many):
    vectors = lesion_vectors(many, signal=0.0)
    arms = split_scores(vectors, many, seeds=range(4), learner="nearest")
    assert effect_of(arms, ("lesion-grouped", "r3"))["low"] > 0.1


def test_plans_refuse_what_cannot_be_planned(small_phantom):
    with pytest.raises(ParameterError, match="tested"):
        plan_injection(small_phantom, seed=0, tested=0)
    alone = collection_of([(f"I{i}", "ab"[i % 2], f"L{i}") for i in range(20)])
    with pytest.raises(DataError, match="two photographs"):
        plan_injection(alone, seed=0)


def test_vectors_must_be_there_for_all_images(many):
    vectors = lesion_vectors(many, signal=0.0).iloc[:-1]
    with pytest.raises(DataError, match="no vector"):
        split_scores(vectors, many, seeds=[0])


def test_copies_needed_for_r1s_test_share():
    assert copies_needed(8061, 1954, 272 / 1002) == 1050
    assert copies_needed(50, 50, 0.5) == 0
    with pytest.raises(ParameterError, match="cannot lower"):
        copies_needed(50, 51, 0.5)
    with pytest.raises(ParameterError, match="prevalence"):
        copies_needed(50, 1, 1.0)


def test_copies_before_the_split_inflate_and_copies_after_it_do_not(many):
    vectors = lesion_vectors(many, signal=0.0)
    malignant = many.table.index[many.table["label"] == "b"]
    copies = vectors.loc[malignant] + 0.01
    arms, facts = augmentation_order(
        vectors, copies, many, seeds=range(4), prevalence=0.4, learner="nearest"
    )
    protocols = ("copy, then split", "split by image", "split, then copy")
    effects = {
        name: effect_of(arms, (f"{name}: honest test", f"{name}: own test")) for name in protocols
    }
    assert effects["copy, then split"]["low"] > 0.2
    assert effects["split, then copy"]["low"] <= 0 <= effects["split, then copy"]["high"]
    means = facts.groupby("protocol").mean()
    share = (many.table["label"] == "b").mean()
    assert means.loc["copy, then split", "malignant"] == pytest.approx(0.4, abs=0.01)
    assert means.loc["split, then copy", "malignant"] == pytest.approx(share, abs=0.02)
    assert means.loc["split, then copy", "kin"] == 0
    assert means.loc["copy, then split", "kin"] > means.loc["split by image", "kin"] > 0.3
    for name in protocols:  # the honest test is the same for all, and nobody trained on it
        arm = arms[f"{name}: honest test"]
        first = arms["copy, then split: honest test"]
        for ours, theirs in zip(arm.predictions, first.predictions, strict=True):
            assert ours.ids == theirs.ids
            assert not any(image_id.endswith("-copy") for image_id in ours.ids)
        own = arms[f"{name}: own test"].predictions
        for mine, honest in zip(own, arm.predictions, strict=True):
            assert not {*mine.table["group"]} & {*honest.table["group"]}


def test_too_few_copies_and_too_many_classes_are_refused(many, small_phantom):
    vectors = lesion_vectors(many, signal=0.0)
    few = vectors.loc[many.table.index[many.table["label"] == "b"][:3]]
    with pytest.raises(DataError, match="copies are wanted"):
        augmentation_order(vectors, few, many, seeds=[0], prevalence=0.5)
    with pytest.raises(ParameterError, match="two classes"):
        augmentation_order(vectors, few, small_phantom, seeds=[0], prevalence=0.5)
