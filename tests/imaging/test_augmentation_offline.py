"""Augmented sets: the same pixels made, cached, written and read; provenance; no leaks."""

import numpy as np
import pytest

from dermbook.data import Batches, cached_images, grouped_split
from dermbook.data.strategies import make_split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.leakage.audit import kinship
from dermbook.imaging.augmentation import (
    as_transform,
    augmented,
    by_class,
    copy_of,
    disk_bytes,
    read_augmented,
    recipe,
    write_augmented,
)


@pytest.fixture(scope="module")
def few(small_phantom):
    return small_phantom.where(ids=small_phantom.ids[:12])


def test_copies_carry_their_parents_row_and_lesion(few):
    made = augmented(few, "r3", copies=2, seed=4)
    assert len(made) == 36
    table = made.table
    for column in ("label", "group", "age"):
        parents = few.table[column].loc[table["parent"]].tolist()
        assert table[column].astype("object").where(table[column].notna(), None).tolist() == [
            None if value != value or value is None else value for value in parents
        ]
    assert table["copy"].tolist() == [0] * 12 + [1] * 12 + [2] * 12
    assert (table["recipe"] == ["" if k == 0 else "r3" for k in table["copy"]]).all()
    assert made.ids[12] == f"{few.ids[0]}+r3+1"
    assert np.array_equal(made.image(few.ids[0]), few.image(few.ids[0]))
    assert made.mask(few.ids[0]) is not None
    assert made.mask(made.ids[12]) is None
    signatures = {made.source.signature(i) for i in made.ids}
    assert len(signatures) == 36


def test_only_some_classes_and_only_copies(few):
    only = augmented(few, "flips", only=("nv",), originals=False)
    assert len(only) == (few.table["label"] == "nv").sum() > 0
    assert set(only.table["label"]) == {"nv"}


def test_one_copy_four_ways_to_it(few, tmp_path):
    made = augmented(few, "r3", copies=2, seed=7)
    read = read_augmented(write_augmented(few, tmp_path / "set", "r3", copies=2, seed=7))
    size = few.image(few.ids[0]).shape[:2]
    cached = cached_images(
        few, height=size[0], width=size[1], transform=as_transform("r3", seed=7, copy=2)
    )
    for parent in few.ids:
        expected = copy_of(few.image(parent), recipe("r3"), seed=7, copy=2)
        copy = f"{parent}+r3+2"
        assert np.array_equal(made.image(copy), expected)
        assert np.array_equal(read.image(copy), expected)
        assert np.array_equal(cached.take([parent])[0], expected)
        assert np.array_equal(read.image(parent), few.image(parent))
    assert read.ids == made.ids
    assert read.classes == few.classes
    assert read.phantom
    assert read.table[["label", "group", "parent", "copy"]].equals(
        made.table[["label", "group", "parent", "copy"]]
    )
    assert disk_bytes(tmp_path / "set") > 0


def test_another_seed_number_or_recipe_is_another_copy(few):
    image = few.image(few.ids[0])
    made = [
        copy_of(image, recipe(name), seed=seed, copy=copy).tobytes()
        for name, seed, copy in [("r3", 0, 1), ("r3", 1, 1), ("r3", 0, 2), ("r3-mirror", 0, 1)]
    ]
    assert len(set(made)) == 4
    assert np.array_equal(copy_of(image, recipe("r3"), copy=0), image)


def test_a_killed_run_goes_on_and_a_foreign_folder_is_refused(few, tmp_path):
    folder = write_augmented(few, tmp_path, "r4", seed=1)
    first, second = sorted((folder / "images").glob("*.png"))[:2]
    stays = second.stat().st_mtime_ns
    content = first.read_bytes()
    first.unlink()
    (folder / "table.csv").unlink()
    with pytest.raises(DataError, match="no finished augmented set"):
        read_augmented(folder)
    write_augmented(few, folder, "r4", seed=1)
    assert first.read_bytes() == content
    assert second.stat().st_mtime_ns == stays
    assert not list(folder.rglob("*.part*"))
    with pytest.raises(DataError, match="another augmented set"):
        write_augmented(few, folder, "r4", seed=2)
    first.write_bytes(b"not a picture")
    with pytest.raises(DataError, match="does not decode"):
        read_augmented(folder).image(first.stem)
    first.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read_augmented(folder).image(first.stem)


def test_a_split_by_lesion_cannot_leak_and_one_by_image_does(small_phantom):
    made = augmented(small_phantom, "flips")
    honest = grouped_split(made, seed=0)
    parents = made.table["parent"]
    train = set(parents.loc[list(honest.parts["train"])])
    for part in ("validation", "test"):
        assert not train & set(parents.loc[list(honest.parts[part])])
    leaky = make_split("r3", made, seed=0)
    assert kinship(leaky, made, contents=False)["sibling"].mean() > 0.7


def test_batches_hand_the_labels_over(small_phantom):
    images = cached_images(small_phantom, height=48, width=64)
    codes = small_phantom.codes()
    augment = by_class(recipe("r3"), small_phantom.classes)
    given = {"batch_size": 50, "shuffle": True, "seed": 2}
    plain = Batches(images, small_phantom.ids, codes, **given)
    treated = Batches(images, small_phantom.ids, codes, augment=augment, **given)
    again = Batches(images, small_phantom.ids, codes, augment=augment, **given)
    exempt = small_phantom.classes.index("nv")
    for i in range(len(plain)):
        (x, y), (changed, same_y), (repeated, _) = (b.batch(i) for b in (plain, treated, again))
        assert np.array_equal(y, same_y)
        assert np.array_equal(changed, repeated)
        same = (x == changed).all(axis=(1, 2, 3))
        assert np.array_equal(same, y == exempt)
    treated.start_epoch(1)
    assert not np.array_equal(treated.batch(0)[0], changed)


def test_bad_input_is_refused(few):
    with pytest.raises(ParameterError, match="recipe"):
        augmented(few, "r9")
    with pytest.raises(ParameterError, match="copies"):
        augmented(few, "r3", copies=0)
    with pytest.raises(ParameterError, match="seed"):
        as_transform("r3", seed=-1)
    with pytest.raises(ParameterError, match="only"):
        augmented(few, "r3", only=("wart",))
    with pytest.raises(DataError, match="augmented already"):
        augmented(augmented(few, "r3"), "r3")
    with pytest.raises(DataError, match="no image"):
        augmented(few, "r3").source.image("nobody")
