"""The phantom in its publisher's layout, whole and broken."""

import io
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermbook.data.phantom import FAULTS, phantom, write_phantom
from dermbook.data.phantom.publish import published_ids
from dermbook.errors import DataError, ParameterError

PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
MASKS = "HAM10000_segmentations_lesion_tschandl"
TEST = "ISIC2018_Task3_Test_Images"


@pytest.fixture(scope="module")
def collection():
    return phantom(24, seed=2, height=48, width=64, missing_ages=0.1)


@pytest.fixture(scope="module")
def local_faults(tmp_path_factory, collection):
    """All faults that sit on single images, in one folder."""
    folder = tmp_path_factory.mktemp("faults")
    whole = ("missing-column", "missing-part", "truncated-zip")
    return write_phantom(folder, collection, faults=[f for f in FAULTS if f not in whole])


def members(folder, *archives):
    contents = {}
    for archive in archives:
        with zipfile.ZipFile(folder / f"{archive}.zip") as opened:
            contents |= {name: opened.read(name) for name in opened.namelist()}
    return contents


def carrier(folder, fault):
    mapping = pd.read_csv(folder / "PHANTOM.csv", keep_default_na=False)
    return mapping.loc[mapping["fault"] == fault, "image_id"].item()


def test_ham10000_layout(tmp_path, collection):
    assert write_phantom(tmp_path / "new", collection) == tmp_path / "new"
    folder = tmp_path / "new"
    images = members(folder, *PARTS)
    ids = published_ids(collection)
    assert list(images) == [f"{image_id}.jpg" for image_id in ids]
    assert ids.iloc[0] == "ISIC_0024306"
    for phantom_id, image_id in ids.items():
        assert images[f"{image_id}.jpg"] == collection.source.encoded(phantom_id)
    masks = members(folder, MASKS)
    for phantom_id, image_id in ids.items():
        mask = Image.open(io.BytesIO(masks[f"{MASKS}/{image_id}_segmentation.png"]))
        assert mask.mode == "1"
        assert np.array_equal(np.asarray(mask), collection.mask(phantom_id))
    table = pd.read_csv(folder / "HAM10000_metadata.csv")
    columns = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    assert list(table.columns) == columns
    assert list(table["dx"]) == list(collection.table["label"])
    assert table["age"].isna().sum() == collection.table["age"].isna().sum() == 2
    assert table["lesion_id"].str.fullmatch(r"HAM_\d{7}").all()
    same = table.groupby("lesion_id").size().sort_values().tolist()
    assert same == collection.table.groupby("group").size().sort_values().tolist()


def test_unpacked_layout_and_one_hot(tmp_path, collection):
    write_phantom(tmp_path, collection, zipped=False, one_hot=True)
    found = sorted(path.name for part in PARTS for path in (tmp_path / part).iterdir())
    assert found == [f"{image_id}.jpg" for image_id in published_ids(collection)]
    assert len(list((tmp_path / MASKS).glob("ISIC_*_segmentation.png"))) == 24
    truth = pd.read_csv(tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv", index_col="image")
    assert list(truth.columns) == ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    assert list(truth.idxmax(axis=1).str.lower()) == list(collection.table["label"])
    assert (truth.sum(axis=1) == 1).all()


def test_test_set_layout_has_no_labels(tmp_path, collection):
    write_phantom(tmp_path, collection, layout="isic2018-test")
    names = list(members(tmp_path, TEST))
    assert names[0] == f"{TEST}/ISIC_0034524.jpg"
    assert len(names) == 24
    assert not (tmp_path / "HAM10000_metadata.csv").exists()


def test_archives_are_the_same_bytes_every_time(tmp_path, collection):
    for name in ("a", "b"):
        write_phantom(tmp_path / name, collection)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_every_fault_is_explained_and_has_its_own_image(local_faults):
    mapping = pd.read_csv(local_faults / "PHANTOM.csv", keep_default_na=False)
    assert sorted(mapping["fault"][mapping["fault"] != ""]) == sorted(
        set(FAULTS) - {"missing-column", "missing-part", "truncated-zip"}
    )
    assert all(FAULTS.values())


def test_undecodable_image(local_faults):
    content = members(local_faults, *PARTS)[f"{carrier(local_faults, 'undecodable-image')}.jpg"]
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is None


def test_rows_and_images_that_do_not_match(local_faults):
    images = {name.removesuffix(".jpg") for name in members(local_faults, *PARTS)}
    table = pd.read_csv(local_faults / "HAM10000_metadata.csv")
    assert set(table["image_id"]) - images == {carrier(local_faults, "row-without-image")}
    assert images - set(table["image_id"]) == {carrier(local_faults, "image-without-row")}
    twice = table["image_id"][table["image_id"].duplicated()]
    assert list(twice) == [carrier(local_faults, "duplicated-id")]
    strange = table[table["dx"] == "scc"]
    assert list(strange["image_id"]) == [carrier(local_faults, "unknown-class")]


def test_odd_masks(local_faults):
    masks = members(local_faults, MASKS)

    def mask(fault):
        name = f"{MASKS}/{carrier(local_faults, fault)}_segmentation.png"
        return np.asarray(Image.open(io.BytesIO(masks[name])))

    assert not mask("empty-mask").any()
    assert mask("mask-size").shape == (24, 32)
    assert mask("odd-size").shape == (37, 59)


@pytest.mark.parametrize(
    ("fault", "kind", "mode", "size"),
    [
        ("png-named-jpg", "PNG", "RGB", (64, 48)),
        ("grayscale", "JPEG", "L", (64, 48)),
        ("cmyk", "JPEG", "CMYK", (64, 48)),
        ("odd-size", "JPEG", "RGB", (59, 37)),
    ],
)
def test_odd_images(local_faults, fault, kind, mode, size):
    content = members(local_faults, *PARTS)[f"{carrier(local_faults, fault)}.jpg"]
    picture = Image.open(io.BytesIO(content))
    assert (picture.format, picture.mode, picture.size) == (kind, mode, size)
    picture.load()


def test_faults_of_whole_files(tmp_path, collection):
    write_phantom(tmp_path / "column", collection, faults=["missing-column", "missing-part"])
    assert "dx" not in pd.read_csv(tmp_path / "column" / "HAM10000_metadata.csv").columns
    assert (tmp_path / "column" / "HAM10000_images_part_1.zip").is_file()
    assert not (tmp_path / "column" / "HAM10000_images_part_2.zip").exists()
    write_phantom(tmp_path / "cut", collection, faults=["truncated-zip"])
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(tmp_path / "cut" / "HAM10000_images_part_1.zip")


@pytest.mark.parametrize(
    "bad",
    [
        {"layout": "isic2019"},
        {"faults": ["gremlin"]},
        {"faults": ["empty-mask"], "layout": "isic2018-test"},
        {"faults": ["truncated-zip"], "zipped": False},
        {"one_hot": True, "layout": "isic2018-test"},
    ],
)
def test_refusals_write_nothing(tmp_path, collection, bad):
    name = next(key for key in ("faults", "one_hot", "layout") if key in bad)
    with pytest.raises(ParameterError, match=name):
        write_phantom(tmp_path / "x", collection, **bad)
    assert not (tmp_path / "x").exists()


def test_relabelled_and_real_collections_are_refused(tmp_path, collection):
    benign = collection.relabel(dict.fromkeys(collection.classes, "lesion"), ["lesion"])
    with pytest.raises(ParameterError, match="relabel"):
        write_phantom(tmp_path / "x", benign)
    with pytest.raises(ParameterError, match="not a phantom"):
        write_phantom(tmp_path / "x", replace(collection, name="ham10000", phantom=False))
    assert not (tmp_path / "x").exists()


def test_files_already_there_are_not_overwritten(tmp_path, collection):
    (tmp_path / "HAM10000_metadata.csv").write_text("mine")
    with pytest.raises(DataError, match=r"HAM10000_metadata\.csv"):
        write_phantom(tmp_path, collection)
    assert [path.name for path in tmp_path.iterdir()] == ["HAM10000_metadata.csv"]
