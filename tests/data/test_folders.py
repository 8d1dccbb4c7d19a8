import zipfile
from dataclasses import replace

import pandas as pd
import pytest

from dermbook.data.folders import class_folders, zip_folder
from dermbook.errors import DataError


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_image_once_in_its_class(small_phantom, tmp_path):
    folder = class_folders(small_phantom, tmp_path / "out")
    labels = small_phantom.table["label"]
    assert files(folder) == {f"{label}/{image_id}.jpg" for image_id, label in labels.items()}
    some = small_phantom.ids[17]
    content = (folder / labels[some] / f"{some}.jpg").read_bytes()
    assert content == small_phantom.source.encoded(some)


def test_some_ids_and_a_folder_for_every_class(small_phantom, tmp_path):
    ids = small_phantom.ids[:3]
    folder = class_folders(small_phantom, tmp_path, ids=ids)
    assert {path.rpartition("/")[2][:-4] for path in files(folder)} == set(ids)
    assert {path.name for path in folder.iterdir()} == set(small_phantom.classes)


def test_again_mends_and_leaves_the_rest_alone(small_phantom, tmp_path):
    ids = small_phantom.ids[:4]
    folder = class_folders(small_phantom, tmp_path, ids=ids)
    paths = sorted(folder.rglob("*.jpg"))
    before = paths[0].stat().st_mtime_ns
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[:20])
    paths[2].unlink()
    class_folders(small_phantom, tmp_path, ids=ids)
    assert paths[0].stat().st_mtime_ns == before
    assert paths[1].read_bytes() == whole
    assert paths[2].is_file()


@pytest.mark.parametrize("foreign", ["notes.txt", "nv/other.jpg", "scc/a.jpg", "nv/deep/a.jpg"])
def test_foreign_files_are_refused(foreign, small_phantom, tmp_path):
    path = tmp_path / foreign
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(DataError, match=r"none of these images.*Name an empty folder"):
        class_folders(small_phantom, tmp_path, ids=small_phantom.ids[:2])
    assert path.read_text() == "mine"


def test_another_choice_of_ids_is_not_mixed_in(small_phantom, tmp_path):
    class_folders(small_phantom, tmp_path, ids=small_phantom.ids[:3])
    with pytest.raises(DataError, match="holds 3 files"):
        class_folders(small_phantom, tmp_path, ids=small_phantom.ids[3:5])


def test_what_cannot_be_a_folder(small_phantom, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file"):
        class_folders(small_phantom, tmp_path / "file")
    table = small_phantom.table
    table.iloc[2, table.columns.get_loc("label")] = None
    with pytest.raises(DataError, match="has no label"):
        class_folders(replace(small_phantom, table=table), tmp_path / "a")
    up = small_phantom.table.assign(label="../up")
    with pytest.raises(DataError, match="cannot be the name"):
        class_folders(replace(small_phantom, table=up, classes=("../up",)), tmp_path / "b")
    assert files(tmp_path) == {"file"}


def test_zip_holds_the_same_and_always_the_same_bytes(small_phantom, tmp_path):
    folder = class_folders(small_phantom, tmp_path / "out", ids=small_phantom.ids[:9])
    (folder / ".DS_Store").write_text("x")
    first = zip_folder(folder, tmp_path / "a.zip").read_bytes()
    assert zip_folder(folder, tmp_path / "b.zip").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        assert packed.testzip() is None
        assert set(packed.namelist()) == files(folder) - {".DS_Store"}
        for name in packed.namelist():
            assert packed.read(name) == (folder / name).read_bytes()


def test_nothing_to_zip(tmp_path):
    with pytest.raises(DataError, match="holds no files"):
        zip_folder(tmp_path, tmp_path / "a.zip")
    assert pd.Series(list(tmp_path.iterdir())).empty
