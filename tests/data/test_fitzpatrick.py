"""Fitzpatrick17k: the whole published table, and a collection of whatever images there are."""

import os

import pandas as pd
import pytest
from clinical_publisher import (
    ROWS,
    alphanumeric,
    cells,
    image_id,
    picture,
    table,
    write_clinical,
)
from publisher import state, write_source

from dermbook.data import (
    audit,
    collection_status,
    import_collection,
    leaks,
    load_collection,
    load_split,
    open_collection,
    present_classes,
    published_table,
    verify_collection,
)
from dermbook.data.fitzpatrick import read_table
from dermbook.errors import DataError, ParameterError
from dermbook.paths import data_dir

NAME = "fitzpatrick17k"
CLASSES = ("acne", "dermatofibroma", "melanoma", "psoriasis", "syringoma")


def imported(tmp_path, **options):
    return import_collection(NAME, write_clinical(tmp_path / "source", **options))


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("fitzpatrick17k_images.zip", "md5"),
        ("finalfitz17k.zip", "md5"),
        ("images", "md5"),
        ("images", "address"),
        (".", "md5"),
        ("data/finalfitz17k", "md5"),
    ],
)
def test_every_layout_gives_the_same_collection(tmp_path, where, named):
    source = write_clinical(tmp_path / "source", where=where, named=named)
    before = state(source)
    report = import_collection(NAME, source)
    assert state(source) == before
    assert (report.images, report.rows, report.masks) == (30, 30, 0)
    collection = open_collection(NAME)
    assert collection.ids == tuple(sorted(image_id(k) for k in range(ROWS)))
    assert collection.classes == CLASSES
    assert collection.licence == "CC BY-NC-SA 3.0"
    for k in range(ROWS):
        assert collection.source.encoded(image_id(k)) == picture(k)
        assert collection.mask(image_id(k)) is None
    row = collection.table.loc[image_id(5)]
    assert row["label"] == "melanoma"
    assert row["group"] == image_id(5)
    assert row["three_partition_label"] == "malignant"
    assert row["site"] == "atlasdermatologico"
    assert pd.isna(row["fitzpatrick_scale"])
    assert row["fitzpatrick_centaur"] == 6
    assert (row["width"], row["height"]) == (21, 16)
    assert verify_collection(NAME).images == 30


def test_types_of_the_columns_survive_the_disk(tmp_path):
    imported(tmp_path, images=range(3))  # no qc, no missing skin type among these
    opened = open_collection(NAME).table
    assert [str(opened[c].dtype) for c in ("fitzpatrick_scale", "fitzpatrick_centaur")] == [
        "Int64", "Int64",
    ]  # fmt: skip
    assert opened["qc"].isna().all()
    assert "url_alphanum" not in opened.columns


def test_rows_without_an_image_are_one_warning(tmp_path):
    report = imported(tmp_path, images=range(12))
    assert report.images == 12
    said = [text for text in report.warnings if "no copy that the registry knows" not in text]
    assert len(said) == 1
    assert said[0].startswith("18 of 30 rows have no image")
    assert "12 images, 30 rows in the published table" in str(report)
    assert "lesions" not in str(report)
    status = collection_status()[-1]
    assert (status.name, status.imported, status.images) == (NAME, True, 12)


def test_the_published_table_is_kept_whole_and_unchanged(tmp_path):
    imported(tmp_path, images=range(12))
    assert (data_dir() / NAME / "published.csv").read_text() == table()
    published = published_table(NAME)
    assert list(published.index) == [image_id(k) for k in range(ROWS)]
    assert published["url"].isna().sum() == 3
    assert published["site"].value_counts().to_dict() == {
        "dermaamin": 15, "atlasdermatologico": 15,
    }  # fmt: skip
    assert published["fitzpatrick_scale"].isna().sum() == 5
    assert published["qc"].value_counts().to_dict() == {"3 Wrongly labelled": 1, "1 Diagnostic": 1}
    published["label"] = "changed"
    assert set(published_table(NAME)["label"]) == set(CLASSES)


def test_the_table_alone_serves_chapters_on_the_table(tmp_path):
    source = write_clinical(tmp_path / "source", images=range(0), where="images")
    report = import_collection(NAME, source)
    assert report.images == 0
    assert not any("rows have no image" in text for text in report.warnings)
    assert "none of its images" in str(report)
    assert len(published_table(NAME)) == 30
    with pytest.raises(DataError, match=r"none of its images.*dermbook data get fitzpatrick17k"):
        load_collection(NAME)
    assert verify_collection(NAME).rows == 30
    status = collection_status()[-1]
    assert not status.imported
    assert "none of its images" in status.remedy
    # and images may come later
    import_collection(NAME, write_clinical(source, where="images"))
    assert len(open_collection(NAME)) == 30


def test_a_table_alone_does_not_do_away_with_images(tmp_path):
    imported(tmp_path)
    bare = write_clinical(tmp_path / "bare", images=range(0), where="images")
    with pytest.raises(DataError, match=r"no images of fitzpatrick17k, of which 30 are imported"):
        import_collection(NAME, bare)
    assert len(open_collection(NAME)) == 30


def test_nothing_imported(tmp_path):
    with pytest.raises(DataError, match=r"dermbook data get fitzpatrick17k.*No photograph is"):
        published_table(NAME)
    with pytest.raises(DataError, match="not imported"):
        load_collection(NAME)
    with pytest.raises(DataError, match="keeps no published table"):
        published_table("ham10000")


def test_importing_again_changes_nothing(tmp_path):
    imported(tmp_path)
    before = state(data_dir() / NAME)
    import_collection(NAME, tmp_path / "source")
    assert state(data_dir() / NAME) == before


@pytest.mark.parametrize("name", ["published.csv", "table.csv"])
def test_a_changed_table_is_noticed(tmp_path, name):
    imported(tmp_path)
    path = data_dir() / NAME / name
    path.write_text(path.read_text().replace("psoriasis", "acne"))
    os.utime(data_dir() / NAME / "manifest.csv", ns=(1, 1))
    with pytest.raises(DataError, match="was changed since the import"):
        open_collection(NAME)
    if name == "published.csv":
        with pytest.raises(DataError, match="was changed since the import"):
            published_table(NAME)


def test_images_of_one_content_share_a_group_and_a_part(tmp_path):
    source = write_clinical(tmp_path / "source", where="images")
    first, second = sorted([image_id(0), image_id(4)])
    (source / "images" / f"{second}.jpg").write_bytes(
        (source / "images" / f"{first}.jpg").read_bytes()
    )
    report = import_collection(NAME, source)
    assert any("share its group" in text and second in text for text in report.warnings)
    groups = open_collection(NAME).table["group"]
    assert groups[second] == groups[first] == first
    assert groups.nunique() == 29
    collection = load_collection(NAME)
    assert not leaks(audit(load_split(collection, seed=3), collection))


def test_an_image_under_both_its_names(tmp_path):
    source = write_clinical(tmp_path / "source", where="images")
    double = source / "images" / alphanumeric(2)
    double.write_bytes(picture(2))
    assert import_collection(NAME, source).images == 30
    double.write_bytes(picture(3))
    with pytest.raises(DataError, match=f"{image_id(2)} is there twice with different content"):
        import_collection(NAME, source)


def test_an_image_without_a_row_is_left_out_with_a_warning(tmp_path):
    source = write_clinical(tmp_path / "source", text=table([cells(k) for k in range(28)]))
    report = import_collection(NAME, source)
    assert report.images == 28
    assert any(image_id(29) in text and "without a row" in text for text in report.warnings)
    (source / "fitzpatrick17k.csv").write_text(table([cells(k) for k in range(20)]))
    with pytest.raises(DataError, match="no row for 10 of 30 images"):
        import_collection(NAME, source)


def test_few_damaged_images_are_left_out_and_many_are_refused(tmp_path):
    source = write_clinical(tmp_path / "source", where="images")
    for k in range(3):
        (source / "images" / f"{image_id(k)}.jpg").write_bytes(b"no picture")
    report = import_collection(NAME, source)
    assert report.images == 27
    assert any(
        "3 of 30 images do not decode as an image; left out" in text for text in report.warnings
    )
    for k in range(4):
        (source / "images" / f"{image_id(k)}.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="4 of 30 images are empty"):
        import_collection(NAME, source)
    assert len(open_collection(NAME)) == 27


def test_other_collections_beside_it_are_left_alone(tmp_path):
    source = write_source(tmp_path / "source")
    write_clinical(source, where="images")
    assert import_collection(NAME, source).images == 30
    assert import_collection("ham10000", source).images == 12


FAULTS = {
    "scale": (1, "0", r"column fitzpatrick_scale must be -1 .* is '0' in line 9"),
    "centaur": (2, "V", r"column fitzpatrick_centaur must be .* is 'V' in line 9"),
    "fraction": (1, "2.5", r"column fitzpatrick_scale must be .* is '2.5' in line 9"),
    "hash": (0, "abc", r"column md5hash must be 32 hexadecimal digits, but is 'abc' in line 9"),
    "twice": (0, image_id(3), r"column md5hash must be another in every row.* in line 9"),
    "no hash": (0, "", r"column md5hash must be 32 hexadecimal digits.*'empty' in line 9"),
    "label": (3, "", r"column label must be filled in, but is 'empty' in line 9"),
    "nine": (4, "benign dermal", r"column nine_partition_label must be the same .* in line 9"),
    "three": (5, "malignant", r"column three_partition_label must be the same .* in line 9"),
    "qc": (6, "6 Fine", r"column qc must be empty, or 1 Diagnostic.* is '6 Fine' in line 9"),
    "site": (7, "https://example.org/7.jpg", r"column url must be an address .* in line 9"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_row_names_its_line_and_column(tmp_path, fault):
    column, value, message = FAULTS[fault]
    rows = [cells(k) for k in range(ROWS)]
    rows[7][column] = value
    source = write_clinical(tmp_path / "source", text=table(rows))
    with pytest.raises(DataError, match=message):
        import_collection(NAME, source)
    with pytest.raises(DataError, match=message):
        read_table(source / "fitzpatrick17k.csv")
    assert not (data_dir() / NAME).exists()


@pytest.mark.parametrize("column", ["md5hash", "fitzpatrick_centaur", "qc", "url_alphanum"])
def test_a_missing_column(tmp_path, column):
    text = table().replace(column, "other", 1)
    with pytest.raises(DataError, match=f"fitzpatrick17k.csv has no column {column}"):
        imported(tmp_path, text=text)


def test_no_table(tmp_path):
    source = write_clinical(tmp_path / "source")
    (source / "fitzpatrick17k.csv").unlink()
    with pytest.raises(DataError, match=r"no table of labels. Get fitzpatrick17k.csv from"):
        import_collection(NAME, source)


def test_classes_that_are_present(tmp_path):
    imported(tmp_path, images=range(0, 30, 4))  # positions 0, 4 … 28: psoriasis, one syringoma
    collection = load_collection(NAME)
    assert collection.classes == CLASSES
    few = present_classes(collection)
    assert few.classes == ("psoriasis", "syringoma")
    assert len(few) == 8
    several = present_classes(collection, at_least=3)
    assert several.classes == ("psoriasis",)
    assert len(several) == 7
    with pytest.raises(DataError, match="no class has 9 groups"):
        present_classes(collection, at_least=9)
    with pytest.raises(ParameterError, match="at_least"):
        present_classes(collection, at_least=0)


def test_a_split_has_every_class_in_every_part_and_leaves_rare_ones_out(tmp_path):
    imported(tmp_path)
    collection = load_collection(NAME)
    split = load_split(collection, seed=1)
    labels = collection.table["label"]
    for ids in split.parts.values():
        assert set(labels[list(ids)]) == set(CLASSES) - {"syringoma"}
    assert sum(map(len, split.parts.values())) == 28
    assert split.parts == load_split(collection, seed=1).parts
    assert split.parts != load_split(collection, seed=2).parts


def test_some_images_are_chosen_by_seed(tmp_path):
    imported(tmp_path)
    first, again, other = (load_collection(NAME, images=10, seed=s).ids for s in (0, 0, 1))
    assert first == again != other
    assert len(first) == len(other) == 10


def test_the_real_table(shared_data):
    published = read_table(shared_data / "fitzpatrick17k.csv")
    assert len(published) == 16_577
    assert published["label"].nunique() == 114
    assert published["url"].isna().sum() == 41
    assert published["qc"].notna().sum() == 504
    assert (published["qc"] == "3 Wrongly labelled").sum() == 17
    hosts = published["url"].str.extract("//([^/]+)/", expand=False).value_counts().to_dict()
    assert hosts == {"www.dermaamin.com": 12_631, "atlasdermatologico.com.br": 3_905}
    # the 41 without address are all of the first atlas
    assert published["site"].value_counts().to_dict() == {
        "dermaamin": 12_672, "atlasdermatologico": 3_905,
    }  # fmt: skip
    assert published["fitzpatrick_scale"].isna().sum() == 565
    assert published["fitzpatrick_centaur"].isna().sum() == 1_073
    assert published["nine_partition_label"].nunique() == 9
    assert published["three_partition_label"].value_counts().to_dict() == {
        "non-neoplastic": 12_080, "malignant": 2_263, "benign": 2_234,
    }  # fmt: skip


@pytest.mark.slow
def test_the_real_images(shared_data):
    report = import_collection(NAME, shared_data)
    assert (report.images, report.lesions, report.rows) == (3_901, 3_900, 16_577)
    assert report.warnings[0].startswith("12,676 of 16,577 rows have no image")
    collection = load_collection(NAME)
    assert len(collection.classes) == 114
    assert len(present_classes(collection).classes) == 21
    sizes = collection.table[["width", "height"]].min(axis=1)
    assert (sizes == 128).all()
    split = load_split(collection)
    assert sum(map(len, split.parts.values())) == 3_901
    assert not leaks(audit(split, collection))
