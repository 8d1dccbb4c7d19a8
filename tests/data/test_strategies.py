"""The reports' divisions, against their own printed tables and against arithmetic."""

import random

import numpy as np
import pandas as pd
import pytest
from tiny_collection import from_table, tiny

from dermbook.data import phantom
from dermbook.data.splits import Split
from dermbook.data.strategies import (
    STRATEGIES,
    compare_counts,
    counts_vary,
    independent_draws,
    make_split,
    r4_counts,
    split_table,
    stratified_parts,
)
from dermbook.errors import DataError, ParameterError
from dermbook.publishing.reported import load_reported

HAM = {"mel": 1113, "nv": 6705, "bcc": 514, "akiec": 327, "bkl": 1099, "df": 115, "vasc": 142}


@pytest.fixture(scope="module")
def ham_like():
    """HAM10000's class counts in a shuffled order; lesions of two photographs within a class."""
    labels = np.repeat(list(HAM), list(HAM.values()))
    groups = [f"{label}-{position // 2}" for position, label in enumerate(labels)]
    table = pd.DataFrame({"label": labels, "group": groups})
    table.index = pd.Index([f"H{i:05d}" for i in range(len(table))], name="image_id")
    return from_table(table.sample(frac=1, random_state=7), tuple(HAM))


@pytest.fixture(scope="module")
def photographs():
    """A phantom with a dozen images of the rarest class, so that each part can have one."""
    return phantom(400, height=32, width=48, seed=0)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 17, 42, 2024])
def test_r3_gives_its_printed_table_under_every_seed(ham_like, seed):
    split = make_split("r3", ham_like, seed=seed)
    cells = compare_counts(
        split_table({"r3": split}, ham_like), {"r3": load_reported().table("R3.counts")}
    )
    assert len(cells) == 21
    assert cells["equal"].all(), cells[~cells["equal"]]
    assert {part: len(ids) for part, ids in split.parts.items()} == {
        "train": 8012,
        "validation": 1001,
        "test": 1002,
    }


@pytest.mark.parametrize("seed", [0, 5, 99])
def test_r4_gives_its_printed_counts(ham_like, seed):
    split = make_split("r4", ham_like, seed=seed)
    reported = load_reported().table("R4.counts")
    cells = compare_counts(split_table({"r4": split}, ham_like), {"r4": reported})
    assert cells["equal"].all(), cells[~cells["equal"]]
    assert [len(split.parts[part]) for part in ("train", "validation", "test")] == [8010, 998, 998]


def test_r4_counts_are_r4s_arithmetic(ham_like):
    counts = r4_counts(ham_like)
    total = sum(HAM.values())
    for part, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        planned = int(total * share)  # R4: math.floor(len(files) * share)
        for label, size in HAM.items():
            assert counts[part][label] == int(size / total * planned + 1e-9)


def test_r4_draws_as_random_sample_does_and_overlaps(ham_like):
    split = make_split("r4", ham_like, seed=3)
    generator = random.Random(3)
    drawn = []
    for label in sorted(HAM):
        table = ham_like.table
        files = sorted(table.index[table["label"] == label])
        drawn += generator.sample(files, r4_counts(ham_like)["train"][label])
    assert sorted(drawn) == list(split.parts["train"])
    assert len({*split.parts["train"]} & {*split.parts["test"]}) > 700
    with pytest.raises(DataError, match="leaks"):
        split.save("never-written.csv")


def test_other_orders_of_the_two_calls_do_not_give_r3s_table(ham_like):
    reported = {"r3": load_reported().table("R3.counts")}
    parts = stratified_parts(ham_like, held_out=0.2, test_of_held_out=0.5, seed=0)
    swapped = {**parts, "validation": parts["test"], "test": parts["validation"]}
    split = Split("r3", "swapped", 0, swapped)
    cells = compare_counts(split_table({"r3": split}, ham_like), reported)
    assert not cells["equal"].all()


def test_r0_and_r1_have_their_shares(ham_like):
    total = len(ham_like)
    r0 = make_split("r0", ham_like).parts
    for part, share in (("train", 0.75), ("validation", 0.15), ("test", 0.1)):
        assert abs(len(r0[part]) - share * total) <= 1
        shares = ham_like.table.loc[list(r0[part]), "label"].value_counts() / len(r0[part])
        for label, size in HAM.items():
            assert abs(shares[label] - size / total) < 0.002
    r1 = make_split("r1", ham_like).parts
    assert list(r1) == ["train", "test"]
    assert len(r1["test"]) == int(load_reported().quantities().loc["R1.test-images", "value"])


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "r4"])
@pytest.mark.parametrize("seed", [0, 1, 8])
def test_the_others_place_each_image_once(photographs, name, seed):
    parts = make_split(name, photographs, seed=seed).parts
    placed = [image_id for ids in parts.values() for image_id in ids]
    assert sorted(placed) == sorted(photographs.ids)


@pytest.mark.parametrize("name", ["lesion-grouped", "group-k-fold"])
def test_the_grouped_ones_keep_lesions_whole(small_phantom, name):
    split = make_split(name, small_phantom, seed=2)
    groups = small_phantom.table["group"]
    lesions = [set(groups.loc[list(ids)]) for ids in split.parts.values()]
    assert sum(map(len, lesions)) == len(set.union(*lesions)) == groups.nunique()


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_seed_decides_and_the_parts_are_sorted(photographs, name):
    first, again = (make_split(name, photographs, seed=4) for _ in range(2))
    assert first.fingerprint == again.fingerprint
    assert make_split(name, photographs, seed=5).fingerprint != first.fingerprint
    assert all(list(ids) == sorted(ids) for ids in first.parts.values())


def test_counts_of_stratified_draws_do_not_hang_on_the_seed(ham_like):
    varies = {name: counts_vary(name, ham_like, [0, 1, 2]) for name in ("r0", "r1", "r3", "r4")}
    assert varies == {"r0": False, "r1": True, "r3": False, "r4": False}


def test_split_table_counts_what_is_there():
    collection = tiny(20)
    ids = list(collection.ids)
    split = Split("a", "by hand", 0, {"train": ids[:12], "test": ids[12:]})
    table = split_table({"a": split}, collection).set_index(["class", "part"])["images"]
    for label in collection.classes:
        expected = (collection.table.loc[ids[:12], "label"] == label).sum()
        assert table[label, "train"] == expected
        assert table[label, "validation"] == 0
    assert table.sum() == 20


def test_compare_counts_finds_a_wrong_cell(photographs):
    table = split_table({"r3": make_split("r3", photographs)}, photographs)
    right = table.pivot(index="class", columns="part", values="images")
    assert compare_counts(table, {"r3": right})["equal"].all()
    wrong = right.copy()
    wrong.loc["nv", "test"] += 1
    cells = compare_counts(table, {"r3": wrong})
    assert list(cells.loc[~cells["equal"], ["class", "part"]].iloc[0]) == ["nv", "test"]
    assert (~cells["equal"]).sum() == 1
    with pytest.raises(DataError, match="r9"):
        compare_counts(table, {"r9": right})


def test_bad_input_is_refused(small_phantom):
    with pytest.raises(ParameterError, match="is unknown"):
        make_split("r2", small_phantom)
    with pytest.raises(ParameterError, match="seed"):
        make_split("r3", small_phantom, seed=-1)
    few = small_phantom.where(ids=small_phantom.ids[:5])
    for name in ("r0", "r3"):
        with pytest.raises(DataError, match="too few"):
            make_split(name, few)
    with pytest.raises(DataError, match="wants 10000"):
        independent_draws(small_phantom, {"train": {"nv": 10_000}}, seed=0)
    table = small_phantom.table.assign(label=pd.NA)
    with pytest.raises(DataError, match="no label"):
        make_split("r1", from_table(table, small_phantom.classes))


def test_real_counts_are_the_reported_ones(shared_data):
    frame = pd.read_csv(shared_data / "HAM10000_metadata.csv").set_index("image_id")
    table = frame.rename(columns={"dx": "label", "lesion_id": "group"})
    collection = from_table(table, tuple(HAM))
    reported = load_reported()
    splits = {name: make_split(name, collection, seed=11) for name in ("r3", "r4")}
    tables = {"r3": reported.table("R3.counts"), "r4": reported.table("R4.counts")}
    cells = compare_counts(split_table(splits, collection), tables)
    assert len(cells) == 42
    assert cells["equal"].all()
