import hashlib
import zipfile
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from tiny_collection import TinySource, from_table, tiny

from dermbook.data.collection import Collection
from dermbook.data.splits import (
    Split,
    audit,
    canonical_split,
    check,
    class_counts,
    grouped_split,
    leaks,
    make_canonical,
)
from dermbook.errors import DataError, ParameterError
from dermbook.paths import book_root

HAM_CLASSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")


def random_collection(seed: int, images: int = 400) -> Collection:
    """Imbalanced classes, lesions of 1 to 5 images, one lesion in twenty with mixed labels."""
    rng = np.random.default_rng(seed)
    rows = []
    lesion = 0
    while len(rows) < images:
        label = ["a", "b", "c"][min(lesion, rng.choice([0, 1, 2], p=[0.8, 0.15, 0.05]))]
        if lesion < 15:  # so that the rarest class has lesions enough
            label = "abc"[lesion % 3]
        for _ in range(rng.choice([1, 1, 1, 2, 3, 5])):
            other = rng.random() < 0.05
            rows.append(("a" if other else label, f"L{lesion:03d}"))
        lesion += 1
    index = pd.Index([f"I{i:05d}" for i in rng.permutation(len(rows))], name="image_id")
    table = pd.DataFrame(rows, columns=["label", "group"], index=index)
    return from_table(table, ("a", "b", "c"))


def of_sizes(**classes: list[int]) -> Collection:
    """Classes with lesions of the given numbers of images."""
    rows = [
        (label, f"{label}{i}")
        for label, sizes in classes.items()
        for i, size in enumerate(sizes)
        for _ in range(size)
    ]
    index = [f"I{i:03d}" for i in range(len(rows))]
    return from_table(pd.DataFrame(rows, columns=["label", "group"], index=index), tuple(classes))


def labels_in(split: Split, collection: Collection, part: str) -> pd.Series:
    return collection.table.loc[list(split.parts[part]), "label"].value_counts()


# grouped_split


@pytest.mark.parametrize("seed", range(25))
def test_no_lesion_is_in_two_parts_and_no_image_is_lost(seed):
    collection = random_collection(seed)
    split = grouped_split(collection, seed=seed, validation=0.1 + seed / 100, test=0.2)
    groups = {p: set(collection.table.loc[list(ids), "group"]) for p, ids in split.parts.items()}
    for part, other in combinations(groups, 2):
        assert not groups[part] & groups[other]
    everything = [image_id for ids in split.parts.values() for image_id in ids]
    assert sorted(everything) == sorted(collection.ids)


@pytest.mark.parametrize("seed", range(10))
def test_each_part_has_its_share_of_each_class(seed):
    collection = random_collection(seed, images=1500)
    split = grouped_split(collection, seed=seed)
    totals = collection.class_counts()
    for part, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        off = labels_in(split, collection, part) - share * totals
        # lesions of mixed label move up to a few of their images with them
        assert off.abs().max() <= 6
        assert len(split.parts[part]) == pytest.approx(share * len(collection), abs=8)


def test_shares_are_exact_when_they_can_be():
    collection = of_sizes(a=[1] * 80, b=[2] * 20)
    split = grouped_split(collection, validation=0.1, test=0.2)
    assert labels_in(split, collection, "train").to_dict() == {"a": 56, "b": 28}
    assert labels_in(split, collection, "validation").to_dict() == {"a": 8, "b": 4}
    assert labels_in(split, collection, "test").to_dict() == {"a": 16, "b": 8}


def test_lesions_with_many_images_are_shared_out_too():
    """All large lesions in training would make the test part another population."""
    collection = of_sizes(a=[1] * 300 + [2] * 100 + [5] * 40)
    split = grouped_split(collection)
    sizes = collection.table.groupby("group").size()
    means = [
        sizes[collection.table.loc[list(ids), "group"].unique()].mean()
        for ids in split.parts.values()
    ]
    assert max(means) / min(means) < 1.1


@pytest.mark.parametrize("sizes", [[1, 1, 1], [9, 1, 1], [4, 4, 4], [1, 2, 30, 1]])
def test_a_class_of_few_lesions_is_in_every_part(sizes):
    collection = of_sizes(common=[1] * 50, rare=sizes)
    split = grouped_split(collection)
    for part in split.parts:
        assert labels_in(split, collection, part)["rare"] >= 1
    # the part that should be largest is, whatever the sizes of the lesions
    assert labels_in(split, collection, "train")["rare"] >= max(sizes)


def test_a_class_of_too_few_lesions_is_refused():
    with pytest.raises(DataError, match=r"'rare' has only 2 lesions for 3 parts"):
        grouped_split(of_sizes(common=[1] * 50, rare=[4, 4]))
    split = grouped_split(of_sizes(common=[1] * 50, rare=[4, 4]), test=0)
    assert list(split.parts) == ["train", "validation"]


def test_a_class_without_images_is_no_obstacle():
    table = tiny().table.assign(label="nv")
    assert grouped_split(from_table(table, ("mel", "nv"))).parts["train"]


def test_the_split_depends_on_seed_and_content_not_on_row_order():
    collection = random_collection(1)
    split = grouped_split(collection, seed=5)
    shuffled = from_table(collection.table.sample(frac=1, random_state=0), collection.classes)
    assert grouped_split(shuffled, seed=5) == split
    assert len({grouped_split(collection, seed=s).fingerprint for s in range(10)}) == 10


def test_a_lesion_with_two_labels_counts_as_its_majority():
    """Thirty lesions are two thirds a; the three that are b alone must still reach every part."""
    rows = [(label, f"mixed{i}") for i in range(30) for label in "aab"]
    rows += [("b", f"pure{i}") for i in range(3)]
    table = pd.DataFrame(rows, columns=["label", "group"], index=[f"I{i}" for i in range(93)])
    split = grouped_split(from_table(table, ("a", "b")))
    for ids in split.parts.values():
        assert table.loc[list(ids), "group"].str.startswith("pure").sum() == 1


def test_a_lesion_labelled_half_and_half_counts_as_the_rarer_class():
    rows = [("a", f"a{i}") for i in range(30)] + [(x, f"tie{i}") for i in range(3) for x in "ab"]
    table = pd.DataFrame(rows, columns=["label", "group"], index=[f"I{i}" for i in range(36)])
    collection = from_table(table, ("a", "b"))
    split = grouped_split(collection)
    assert [labels_in(split, collection, part)["b"] for part in split.parts] == [1, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"validation": 0},
        {"validation": 1},
        {"test": -0.1},
        {"validation": 0.5, "test": 0.5},
        {"validation": float("nan")},
        {"seed": -1},
    ],
)
def test_impossible_shares_are_refused(wrong):
    with pytest.raises(ParameterError, match="|".join(wrong)):
        grouped_split(tiny(), **wrong)


@pytest.mark.parametrize("column", ["label", "group"])
def test_missing_labels_and_groups_are_refused(column):
    table = tiny().table
    table.iloc[4, table.columns.get_loc(column)] = None
    with pytest.raises(DataError, match=f"1 images have no '{column}', first '{table.index[4]}'"):
        grouped_split(from_table(table, ("mel", "nv")))


# audit


def planted(source: TinySource | None = None) -> tuple[Split, Collection]:
    """Ten images, two a lesion; the parts share what the name of each test says."""
    collection = tiny(10, source=source)
    ids = collection.ids
    parts = {"train": ids[:5], "validation": ids[5:8], "test": ids[8:]}
    return Split("planted", "by hand", 0, parts), collection


def test_audit_counts_shared_lesions():
    audited = audit(*planted())
    # images 4 and 5 are one lesion
    assert audited["part"].tolist() == ["train", "train", "validation"]
    assert audited["other"].tolist() == ["validation", "test", "test"]
    assert audited["shared_lesions"].tolist() == [1, 0, 0]
    assert audited["shared_images"].tolist() == [0, 0, 0]
    assert audited["identical_contents"].tolist() == [0, 0, 0]
    assert leaks(audited) == ["train and validation share 1 lesions"]


def test_audit_finds_identical_pictures_under_other_ids():
    ids = tiny(10).ids
    source = TinySource(twins={ids[0]: ids[9], ids[1]: ids[9], ids[7]: ids[8]})
    audited = audit(*planted(source))
    # ids 0, 1 and 9 are one picture, in train and test; 7 and 8 another, in validation and test
    assert audited["identical_contents"].tolist() == [0, 1, 1]


def test_audit_counts_shared_images():
    collection = tiny(10)
    ids = collection.ids
    split = Split("leaky", "by hand", 0, {"train": ids[:6], "validation": ids[4:]})
    audited = audit(split, collection).iloc[0]
    assert audited[["shared_images", "shared_lesions", "identical_contents"]].tolist() == [2, 1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_a_grouped_split_is_clean(seed):
    collection = random_collection(seed)
    assert leaks(audit(grouped_split(collection, seed=seed), collection)) == []


def test_images_without_a_group_are_not_one_lesion():
    collection = from_table(tiny(10).table.assign(group=None), ("mel", "nv"))
    audited = audit(planted()[0], collection)
    assert audited["shared_lesions"].tolist() == [0, 0, 0]


def test_class_counts():
    split, collection = planted()
    # labels by pairs: mel mel nv nv mel | mel nv nv | mel mel; lesions 0 0 1 1 2 | 2 3 3 | 4 4
    counts = class_counts(split, collection)
    assert counts[["part", "class", "images", "lesions"]].to_numpy().tolist() == [
        ["train", "mel", 3, 2],
        ["train", "nv", 2, 1],
        ["validation", "mel", 1, 1],
        ["validation", "nv", 2, 1],
        ["test", "mel", 2, 1],
        ["test", "nv", 0, 0],
    ]
    assert counts["share"].tolist() == pytest.approx([0.6, 0.4, 1 / 3, 2 / 3, 1, 0])


def test_a_split_of_another_collection_is_refused():
    split, _ = planted()
    for function in (check, audit, class_counts):
        with pytest.raises(DataError, match="part 'test': 2 image ids are not in the collection"):
            function(split, tiny(8))


# Split, its file


def test_a_saved_split_comes_back(tmp_path):
    collection = random_collection(2)
    split = grouped_split(collection, seed=3)
    path = split.save(tmp_path / "deep" / "split.csv")
    loaded = Split.load(path)
    assert loaded == split
    assert loaded.fingerprint == split.fingerprint
    lines = path.read_text().splitlines()
    assert lines[0] == "# name: lesion-grouped"
    assert lines[1].startswith("# strategy: lesion-grouped, stratified")
    assert lines[2:5] == ["# seed: 3", "# collection: tiny", "image_id,part"]
    assert pd.read_csv(path, comment="#").shape == (len(collection), 2)


def test_odd_image_ids_survive_the_file(tmp_path):
    ids = ("a,b", 'c"d', "#e", "NA", "0012", "é")
    split = Split("odd", "by hand", 0, {"train": ids[:3], "validation": ids[3:]})
    loaded = Split.load(split.save(tmp_path / "split.csv"))
    assert {part: set(i) for part, i in loaded.parts.items()} == {
        "train": {*ids[:3]},
        "validation": {*ids[3:]},
    }
    assert loaded.fingerprint == split.fingerprint


def test_a_split_edited_in_a_spreadsheet_is_read(tmp_path):
    """Byte order mark, Windows line ends, columns swapped, one more column, parts unsorted."""
    text = "# name: n\n# strategy: s\n# seed: 1\n# collection: c\npart,note,image_id\n"
    text += "test,,I3\ntrain,x,I2\nvalidation,,I4\ntrain,,I1\n"
    path = tmp_path / "split.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert Split.load(path).parts == {"train": ("I1", "I2"), "validation": ("I4",), "test": ("I3",)}


HEAD = "# name: n\n# strategy: s\n# seed: 1\n# collection: c\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "image_id,part\nI1,train\nI1,train\n", r"line 7: image id 'I1' .* line 6"),
        (HEAD + "image_id,part\nI1,train\nI1,test\n", r"line 7: image id 'I1' .* line 6"),
        (HEAD + "image_id,part\nI1,training\n", "line 6: unknown part 'training'"),
        (HEAD + "image_id,part\nI1\n", "line 6: unknown part ''"),
        (HEAD + "image_id,partition\nI1,train\n", "line 5: the column 'part' is missing"),
        (HEAD + "image_id,part\nI1,test\n", "no image is in the part 'train'"),
        (HEAD, "the column 'image_id' is missing"),
        ("", "'# name: …' is missing"),
        (HEAD.replace("# seed: 1\n", "") + "image_id,part\nI1,train\n", "'# seed: …' is missing"),
        (HEAD.replace("1", "one") + "image_id,part\nI1,train\n", "'# seed: …' is missing or wrong"),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, message):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as error:
        Split.load(path)
    assert str(path) in str(error.value)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv"):
        Split.load(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"train": ["a"], "holdout": ["b"]}, ParameterError, "unknown part 'holdout'"),
        ({"validation": ["a"]}, ParameterError, "no part 'train'"),
        ({"train": ["a"], "test": []}, DataError, "'test' is empty"),
        ({"train": ["a", "b", "a"]}, DataError, "holds 'a' twice"),
    ],
)
def test_impossible_parts_are_refused(parts, error, message):
    with pytest.raises(error, match=message):
        Split("wrong", "by hand", 0, parts)


def test_a_leaky_split_exists_but_is_not_saved(tmp_path):
    split = Split("leaky", "by hand", 0, {"train": ["a", "b"], "test": ["b"]})
    with pytest.raises(DataError, match="'b' is in two parts"):
        split.save(tmp_path / "split.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_is_that_of_the_partition():
    split = Split("one", "by hand", 0, {"train": ["a", "b"], "test": ["c"]})
    same = Split("two", "otherwise", 9, {"test": ["c"], "train": ["b", "a"]})
    other = Split("one", "by hand", 0, {"train": ["a", "c"], "test": ["b"]})
    assert split.fingerprint == same.fingerprint != other.fingerprint
    lines = "test\tc\ntrain\ta\ntrain\tb\n"
    assert split.fingerprint == hashlib.sha256(lines.encode()).hexdigest()


# the committed split of HAM10000


def ham10000(metadata) -> Collection:
    table = pd.read_csv(metadata).rename(columns={"dx": "label", "lesion_id": "group"})
    table = table.set_index("image_id")
    return Collection(name="ham10000", table=table, classes=HAM_CLASSES, source=TinySource())


def test_the_canonical_split_is_complete():
    split = canonical_split("ham10000")
    assert (split.name, split.seed, split.collection) == ("ham10000-canonical", 0, "ham10000")
    assert {part: len(ids) for part, ids in split.parts.items()} == {
        "train": 7013,
        "validation": 1502,
        "test": 1500,
    }
    assert len({image_id for ids in split.parts.values() for image_id in ids}) == 10_015


def test_the_canonical_split_is_what_make_canonical_makes(shared_data, tmp_path):
    collection = ham10000(shared_data / "HAM10000_metadata.csv")
    path = tmp_path / "ham10000.csv"
    make_canonical(collection, path)
    committed = book_root() / "data" / "splits" / "ham10000.csv"
    assert path.read_bytes() == committed.read_bytes()

    split = canonical_split("ham10000")
    counts = class_counts(split, collection).set_index(["part", "class"])["images"]
    totals = collection.class_counts()
    for part, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        assert (counts[part] - share * totals).abs().max() < 1


def test_the_canonical_split_shares_no_lesion_or_file(shared_data):
    class Zipped(TinySource):
        """Signatures of the real files; two pairs are byte-identical, each within a lesion."""

        def __init__(self):
            self.files = {}
            for number in (1, 2):
                path = shared_data / f"HAM10000_images_part_{number}.zip"
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        digest = hashlib.sha256(archive.read(name)).hexdigest()
                        self.files[name.rsplit("/")[-1].removesuffix(".jpg")] = digest

        def signature(self, image_id):
            return self.files[image_id]

    plain = ham10000(shared_data / "HAM10000_metadata.csv")
    collection = Collection("ham10000", plain.table, HAM_CLASSES, Zipped())
    assert leaks(audit(canonical_split("ham10000"), collection)) == []


def test_a_collection_without_a_committed_split_is_named():
    with pytest.raises(DataError, match=r"no committed split of 'phantom'.*ham10000"):
        canonical_split("phantom")
