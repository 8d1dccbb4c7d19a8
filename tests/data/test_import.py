"""Importing the publishers' layouts: zips and folders give the same, the source is left alone."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from publisher import (
    CLASSES,
    HEADER,
    IDS,
    MASKS,
    contents,
    jpeg,
    mask_of,
    png,
    row,
    state,
    table,
    write_source,
)

from dermbook.data import (
    collection_status,
    import_collection,
    open_collection,
    phantom,
    verify_collection,
    write_phantom,
)
from dermbook.errors import DataError
from dermbook.paths import data_dir


@pytest.mark.parametrize("zipped", [True, False])
def test_an_import_gives_every_row_image_and_mask(tmp_path, zipped):
    source = write_source(tmp_path / "source", zipped=zipped)
    before = state(source)
    report = import_collection("ham10000", source)
    assert (report.images, report.lesions, report.masks) == (12, 6, 12)
    assert report.sizes == "24×18 pixels"
    assert state(source) == before

    collection = open_collection("ham10000")
    assert collection.ids == tuple(IDS)
    assert collection.classes == CLASSES
    first = collection.table.iloc[0]
    assert (first["label"], first["group"], first["age"]) == ("mel", "HAM_0000000", 20.0)
    assert (first["width"], first["height"]) == (24, 18)
    assert collection.table["age"].isna().sum() == 2
    for image_id in IDS:
        assert collection.source.encoded(image_id) == jpeg(image_id)
        assert collection.image(image_id).shape == (18, 24, 3)
        np.testing.assert_array_equal(collection.mask(image_id), mask_of(image_id))
    assert verify_collection("ham10000").images == 12


def test_zips_and_folders_give_the_same_fingerprint(tmp_path, monkeypatch):
    fingerprints = set()
    for zipped in (True, False):
        monkeypatch.setenv("DERMBOOK_DATA", str(tmp_path / f"data-{zipped}"))
        import_collection("ham10000", write_source(tmp_path / f"source-{zipped}", zipped=zipped))
        fingerprints.add(open_collection("ham10000").fingerprint)
    assert len(fingerprints) == 1


def test_colours_are_in_red_green_blue_order(tmp_path):
    import cv2

    red = cv2.imencode(".png", np.full((18, 24, 3), (10, 20, 200), dtype="uint8"))[1].tobytes()
    archives = contents()
    del archives["HAM10000_images_part_1"][f"{IDS[0]}.jpg"]
    archives["HAM10000_images_part_1"][f"{IDS[0]}.png"] = red
    import_collection("ham10000", write_source(tmp_path / "source", archives=archives))
    np.testing.assert_array_equal(
        open_collection("ham10000").image(IDS[0])[0, 0], np.array([200, 20, 10])
    )


def test_unpacked_files_are_linked_not_copied(tmp_path):
    source = write_source(tmp_path / "source", zipped=False)
    import_collection("ham10000", source)
    original = source / "HAM10000_images_part_1" / f"{IDS[0]}.jpg"
    assert (data_dir() / "ham10000" / "images" / f"{IDS[0]}.jpg").samefile(original)


def test_where_hard_links_cannot_be_a_symbolic_link_is_made(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(18, "Invalid cross-device link")

    source = write_source(tmp_path / "source", zipped=False)
    monkeypatch.setattr(os, "link", refuse)
    import_collection("ham10000", source)
    linked = data_dir() / "ham10000" / "images" / f"{IDS[0]}.jpg"
    assert linked.is_symlink()
    assert verify_collection("ham10000").images == 12
    shutil.rmtree(source)
    with pytest.raises(DataError, match=rf"{IDS[0]}.jpg cannot be read.*link to"):
        open_collection("ham10000").image(IDS[0])


@pytest.mark.parametrize(
    "name",
    [
        "HAM10000_metadata",
        "HAM10000_metadata.tab",
        "ham10000_Metadata.csv",
        "HAM10000_metadata (1).csv",
    ],
)
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_metadata_by_other_names_and_separators(tmp_path, name, separator):
    source = write_source(tmp_path / "source")
    import_collection("ham10000", source)
    expected = open_collection("ham10000").fingerprint
    (source / "HAM10000_metadata.csv").unlink()
    (source / name).write_text("\ufeff" + table().replace(",", separator), encoding="utf-8")
    import_collection("ham10000", source)
    assert open_collection("ham10000").fingerprint == expected


def test_names_in_other_letters_and_browsers_copies(tmp_path):
    source = write_source(tmp_path / "source", zipped=False)
    part = source / "HAM10000_images_part_1"
    for path in list(part.iterdir()):
        path.rename(path.with_name(path.name.lower().replace(".jpg", ".JPG")))
    part.rename(source / "ham10000_images_part_1 (2)")
    (source / "HAM10000_metadata.csv").write_text(table().replace(HEADER, HEADER.upper()))
    import_collection("ham10000", source)
    assert open_collection("ham10000").ids == tuple(IDS)


def one_hot(ids=IDS) -> str:
    lines = ["image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"]
    for k, image_id in enumerate(ids):
        marks = [float(name == CLASSES[(k // 2) % 7]) for name in CLASSES]
        lines.append(",".join([image_id, *map(str, marks)]))
    return "\n".join(lines) + "\n"


def test_one_hot_labels_serve_where_metadata_are_absent(tmp_path):
    source = write_source(tmp_path / "source")
    (source / "HAM10000_metadata.csv").unlink()
    (source / "ISIC2018_Task3_Training_GroundTruth.csv").write_text(one_hot())
    report = import_collection("ham10000", source)
    assert any("lesion of its own" in warning for warning in report.warnings)
    unknown = open_collection("ham10000").table
    assert list(unknown["label"][:4]) == ["mel", "mel", "nv", "nv"]
    assert list(unknown["group"]) == IDS
    assert unknown[["age", "sex", "localization", "dx_type"]].isna().all().all()

    groupings = ["image,lesion_id,diagnosis_confirm_type"]
    groupings += [f"{i},HAM_{k // 2:07d},histopathology" for k, i in enumerate(IDS)]
    (source / "ISIC2018_Task3_Training_LesionGroupings.csv").write_text("\n".join(groupings))
    assert import_collection("ham10000", source).lesions == 6
    known = open_collection("ham10000").table
    assert list(known["group"][:3]) == ["HAM_0000000", "HAM_0000000", "HAM_0000001"]
    assert set(known["dx_type"]) == {"histo"}


def test_the_challenge_training_archive_serves_as_well(tmp_path):
    parts = contents()
    whole = parts["HAM10000_images_part_1"] | parts["HAM10000_images_part_2"]
    whole = {f"ISIC2018_Task3_Training_Input/{name}": content for name, content in whole.items()}
    junk = {
        "__MACOSX/._ISIC_0024306.jpg": b"junk",
        "ISIC2018_Task3_Training_Input/LICENSE.txt": b"",
    }
    source = write_source(
        tmp_path / "source", archives={"ISIC2018_Task3_Training_Input": whole | junk}
    )
    report = import_collection("ham10000", source)
    assert (report.images, report.masks) == (12, 0)
    assert any("no lesion masks" in warning for warning in report.warnings)
    assert open_collection("ham10000").mask(IDS[0]) is None


def test_images_lying_loose_in_one_folder(tmp_path):
    source = write_source(tmp_path / "source", archives={})
    for image_id in IDS:
        (source / f"{image_id}.jpg").write_bytes(jpeg(image_id))
        (source / f"{image_id}_segmentation.png").write_bytes(png(mask_of(image_id)))
    test_images = source / "ISIC2018_Task3_Test_Input"
    test_images.mkdir()
    for number in range(34530, 34538):
        (test_images / f"ISIC_00{number}.jpg").write_bytes(jpeg(IDS[0]))
    report = import_collection("ham10000", source)
    assert (report.images, report.masks) == (12, 12)
    assert not any("without a row" in warning for warning in report.warnings)
    assert import_collection("isic2018-test", test_images).images == 8


def test_other_collections_beside_it_are_left_alone(tmp_path):
    source = write_source(tmp_path / "source")
    (source / "fitzpatrick17k_images.zip").write_bytes(b"no archive, and none of our business")
    write_phantom(tmp_path / "test", phantom(24, height=32, width=40), layout="isic2018-test")
    shutil.copy(tmp_path / "test" / "ISIC2018_Task3_Test_Images.zip", source)
    assert import_collection("ham10000", source).images == 12
    assert import_collection("isic2018-test", source).images == 24


def test_the_test_set_has_no_labels_unless_the_answers_are_there(tmp_path):
    source = tmp_path / "source"
    write_phantom(source, phantom(24, height=32, width=40), layout="isic2018-test")
    report = import_collection("isic2018-test", source)
    collection = open_collection("isic2018-test")
    assert collection.table["label"].isna().all()
    assert list(collection.table["group"]) == list(collection.ids)
    assert any("24 images, where the publisher has 1,512" in text for text in report.warnings)
    (source / "ISIC2018_Task3_Test_GroundTruth.csv").write_text(one_hot(collection.ids))
    import_collection("isic2018-test", source)
    labels = open_collection("isic2018-test").table["label"]
    assert list(labels[:3]) == ["mel", "mel", "nv"]


def test_importing_again_changes_nothing(tmp_path):
    source = write_source(tmp_path / "source")
    import_collection("ham10000", source)
    before = state(data_dir() / "ham10000")
    import_collection("ham10000", source)
    assert state(data_dir() / "ham10000") == before


def test_importing_something_else_replaces_it_and_spares_the_linked_source(tmp_path):
    first = write_source(tmp_path / "first", zipped=False)
    before = state(first)
    import_collection("ham10000", first)
    fewer = {
        "HAM10000_images_part_1": {f"{i}.jpg": jpeg(i, 30, 40) for i in IDS[:6]},
        "HAM10000_images_part_2": {f"{i}.jpg": jpeg(i, 30, 40) for i in IDS[6:10]},
    }
    rows = "\n".join(table().splitlines()[:11])
    second = write_source(tmp_path / "second", archives=fewer, metadata=rows)
    import_collection("ham10000", second)
    collection = open_collection("ham10000")
    assert len(collection) == 10
    assert collection.image(IDS[0]).shape == (30, 40, 3)
    assert len(list((data_dir() / "ham10000" / "images").iterdir())) == 10
    assert state(first) == before


def test_a_mask_at_another_scale_is_read_at_its_image_size(tmp_path):
    archives = contents()
    archives[MASKS] = {
        f"{i}_segmentation.png": png(np.kron(mask_of(i), np.ones((3, 3)))) for i in IDS
    }
    report = import_collection("ham10000", write_source(tmp_path / "source", archives=archives))
    assert any("12 masks have another size" in warning for warning in report.warnings)
    np.testing.assert_array_equal(open_collection("ham10000").mask(IDS[3]), mask_of(IDS[3]))


def test_status_before_and_after(tmp_path):
    assert [(s.name, s.imported) for s in collection_status()] == [
        ("ham10000", False),
        ("isic2018-test", False),
        ("fitzpatrick17k", False),
    ]
    assert "dermbook data import ham10000 --from" in collection_status()[0].remedy
    import_collection("ham10000", write_source(tmp_path / "source"))
    status = collection_status()[0]
    assert (status.imported, status.images, status.lesions, status.masks) == (True, 12, 6, 12)


def test_opening_what_was_not_imported_says_where_to_get_it():
    with pytest.raises(DataError) as caught:
        open_collection("ham10000")
    for said in ("dermbook data import ham10000 --from", "datafile/3172585", "CC BY-NC 4.0"):
        assert said in str(caught.value)


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(DataError, match=r"ham1000.*ham10000, isic2018-test, fitzpatrick17k"):
        import_collection("ham1000", tmp_path)


@pytest.mark.parametrize("name", ["absent", "file.zip"])
def test_a_source_that_is_no_folder(tmp_path, name):
    (tmp_path / "file.zip").write_bytes(b"")
    with pytest.raises(DataError, match=name):
        import_collection("ham10000", tmp_path / name)


def test_the_row_order_of_the_metadata_does_not_matter(tmp_path):
    rows = [row(k) for k in range(12)]
    fingerprints = set()
    for lines in (rows, rows[::-1]):
        text = "\n".join([table().splitlines()[0], *lines])
        shutil.rmtree(tmp_path / "source", ignore_errors=True)
        import_collection("ham10000", write_source(tmp_path / "source", metadata=text))
        fingerprints.add(open_collection("ham10000").fingerprint)
    assert len(fingerprints) == 1


@pytest.mark.slow
def test_the_real_ham10000(shared_data):
    started = time.monotonic()
    report = import_collection("ham10000", shared_data)
    assert time.monotonic() - started < 120
    assert (report.images, report.lesions, report.masks) == (10_015, 7_470, 10_015)
    assert not report.warnings
    collection = open_collection("ham10000")
    raw = (
        pd.read_csv(Path(shared_data) / "HAM10000_metadata.csv").set_index("image_id").sort_index()
    )
    assert (collection.table["label"] == raw["dx"]).all()
    assert (collection.table["group"] == raw["lesion_id"]).all()
    assert collection.table["age"].isna().sum() == 57
    assert collection.class_counts().to_dict() == {
        "mel": 1113, "nv": 6705, "bcc": 514, "akiec": 327, "bkl": 1099, "df": 115, "vasc": 142,
    }  # fmt: skip


def test_the_real_test_set(shared_data):
    report = import_collection("isic2018-test", shared_data)
    assert report.images == 1_510
    assert "ISIC_0034524, ISIC_0035068" in " ".join(report.warnings)
