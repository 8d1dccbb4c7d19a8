"""Resampling the train part: counts by hand, R3's total to the row, and nothing but train."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from dermbook.data import Collection, Split, grouped_split
from dermbook.errors import DataError, ParameterError
from dermbook.training.sampling import (
    R3_FACTORS,
    SAMPLERS,
    by_factor,
    combined,
    factors_towards,
    oversample,
    sampled,
    sampled_counts,
    square_root,
    undersample,
)

#: R3's training images (row 3.1)
R3_TRAIN = {"nv": 5364, "mel": 890, "bkl": 879, "bcc": 411, "akiec": 262, "vasc": 114, "df": 92}


def collection_of(counts: dict[str, int], rest: int = 2) -> tuple[Collection, Split]:
    """A table with these train counts, and ``rest`` images a class in validation and in test."""
    rows = {
        part: [(f"{name}-{part}-{k}", name) for name, n in sizes.items() for k in range(n)]
        for part, sizes in {
            "train": counts,
            "validation": dict.fromkeys(counts, rest),
            "test": dict.fromkeys(counts, rest),
        }.items()
    }
    every = [row for of in rows.values() for row in of]
    table = pd.DataFrame(every, columns=["image_id", "label"]).set_index("image_id")
    made = Collection("table", table.assign(group=table.index), tuple(counts), source=None)
    parts = {part: tuple(i for i, _ in of) for part, of in rows.items()}
    return made, Split("hand-made", "by hand", 0, parts)


def counts_of(ids, collection) -> dict[str, int]:
    return dict(Counter(collection.table["label"].loc[list(ids)]))


def test_r3s_factors_give_its_total_to_the_row():
    collection, split = collection_of(R3_TRAIN)
    ids = by_factor(split, collection, R3_FACTORS)
    assert len(split.parts["train"]) == 8012
    assert len(ids) == 36_625
    assert set(Counter(ids).values()) == set(R3_FACTORS.values())
    by_class = counts_of(ids, collection)
    assert max(abs(n / 5364 - 1) for n in by_class.values()) < 0.08


def test_over_and_undersampling_meet_the_largest_and_the_smallest_class():
    collection, split = collection_of({"a": 10, "b": 3, "c": 7})
    over = oversample(split, collection, seed=1)
    assert counts_of(over, collection) == {"a": 10, "b": 10, "c": 10}
    assert set(over) == set(split.parts["train"])
    assert sorted(set(Counter(i for i in over if i.startswith("b")).values())) == [3, 4]
    under = undersample(split, collection, seed=1)
    assert counts_of(under, collection) == {"a": 3, "b": 3, "c": 3}
    assert len(set(under)) == 9
    assert undersample(split, collection, seed=2) != under
    assert oversample(split, collection, seed=1) == over


def test_combined_keeps_the_total_and_makes_classes_equal():
    collection, split = collection_of({"a": 90, "b": 8, "c": 3})
    ids = combined(split, collection)
    assert len(ids) == 101
    assert sorted(counts_of(ids, collection).values()) == [33, 34, 34]


def test_square_root_sampling_is_in_the_ratio_of_the_roots():
    collection, split = collection_of({"a": 900, "b": 100, "c": 25})
    found = counts_of(square_root(split, collection), collection)
    assert sum(found.values()) == 1025
    assert found["a"] / found["b"] == pytest.approx(3, rel=0.02)
    assert found["b"] / found["c"] == pytest.approx(2, rel=0.02)


def test_factors_towards_the_largest_class():
    assert factors_towards({"a": 100, "b": 26, "c": 99}) == {"a": 1, "b": 4, "c": 1}
    nearest = factors_towards(R3_TRAIN)
    agree = [name for name in R3_FACTORS if R3_FACTORS[name] == nearest[name]]
    assert agree == ["nv", "mel", "bkl", "bcc", "vasc"]


@pytest.mark.parametrize("name", ["none", *SAMPLERS])
def test_only_train_is_ever_sampled(name, small_phantom):
    split = grouped_split(small_phantom, seed=0)
    ids = sampled(name, split, small_phantom, seed=3)
    assert set(ids) <= set(split.parts["train"])
    assert not set(ids) & (set(split.parts["validation"]) | set(split.parts["test"]))
    groups = small_phantom.table["group"]
    assert not set(groups.loc[list(ids)]) & set(groups.loc[list(split.parts["test"])])
    for part in ("validation", "test", "all"):
        with pytest.raises(ParameterError, match="only 'train'"):
            sampled(name, split, small_phantom, part=part)


def test_the_order_of_the_split_and_other_classes_do_not_matter():
    collection, split = collection_of({"a": 9, "b": 4})
    turned = Split("turned", "", 0, {p: ids[::-1] for p, ids in split.parts.items()})
    for name in SAMPLERS:
        assert sampled(name, split, collection) == sampled(name, turned, collection)


def test_an_absent_class_is_left_out_and_bad_input_refused():
    collection, split = collection_of({"a": 4, "b": 2})
    more = Collection("more", collection.table, ("a", "b", "c"), source=None)
    assert counts_of(oversample(split, more), more) == {"a": 4, "b": 4}
    with pytest.raises(ParameterError, match="unknown"):
        sampled("smote", split, collection)
    with pytest.raises(ParameterError, match="'b'"):
        by_factor(split, collection, {"a": 1})
    with pytest.raises(ParameterError, match="'a'"):
        by_factor(split, collection, {"a": 0, "b": 1})
    with pytest.raises(ParameterError, match="seed"):
        undersample(split, collection, seed=-1)
    unlabelled = collection.table.assign(label=None)
    with pytest.raises(DataError, match="no label"):
        oversample(split, Collection("u", unlabelled, ("a", "b"), source=None))
    with pytest.raises(DataError, match="not in the collection"):
        oversample(split, collection.where(collection.table["label"] == "a"))


def test_the_table_counts_ids_and_images():
    collection, split = collection_of({"a": 10, "b": 2})
    table = sampled_counts(split, collection).set_index(["sampler", "class"])
    assert table.loc[("oversampling", "b")].tolist() == [10, 2]
    assert table.loc[("undersampling", "a")].tolist() == [2, 2]
    assert table.loc[("none", "a")].tolist() == [10, 10]
    assert np.all(table["count"] >= table["images"])
