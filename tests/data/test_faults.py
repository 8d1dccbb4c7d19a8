"""Every fault of a source is an error or a warning that names the file and what to do."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from publisher import (
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

from dermbook.data import collection_status, import_collection, open_collection, verify_collection
from dermbook.errors import DataError
from dermbook.paths import data_dir

PART_1, PART_2 = "HAM10000_images_part_1", "HAM10000_images_part_2"


def refused(source: Path) -> str:
    """The message of an import that must fail, change no source and leave nothing to open."""
    before = state(source)
    with pytest.raises(DataError) as caught:
        import_collection("ham10000", source)
    assert state(source) == before
    with pytest.raises(DataError, match="not imported"):
        open_collection("ham10000")
    return str(caught.value)


def test_truncated_zip(tmp_path):
    source = write_source(tmp_path / "source")
    archive = source / f"{PART_1}.zip"
    archive.write_bytes(archive.read_bytes()[:-400])
    said = refused(source)
    assert f"{PART_1}.zip is truncated" in said
    assert "Download it again" in said
    assert "rows have no image" not in said


def test_damaged_member_of_a_zip(tmp_path):
    source = write_source(tmp_path / "source")
    archive = source / f"{PART_2}.zip"
    content = bytearray(archive.read_bytes())
    content[content.index(jpeg(IDS[7])) + 300] ^= 0xFF
    archive.write_bytes(content)
    said = refused(source)
    assert f"{PART_2}.zip/{IDS[7]}.jpg" in said
    assert "cannot be read" in said


@pytest.mark.parametrize("zipped", [True, False])
def test_missing_part(tmp_path, zipped):
    archives = contents()
    del archives[PART_2]
    said = refused(write_source(tmp_path / "source", archives=archives, zipped=zipped))
    assert f"{PART_2}.zip is missing: 6 of 12 rows have no image" in said
    assert "https://dataverse.harvard.edu/api/access/datafile/3172584" in said


def test_no_images_at_all(tmp_path):
    said = refused(write_source(tmp_path / "source", archives={}))
    assert f"{PART_1}.zip from https" in said


def test_no_table(tmp_path):
    source = write_source(tmp_path / "source")
    (source / "HAM10000_metadata.csv").unlink()
    said = refused(source)
    assert "no table of labels" in said
    assert "datafile/4338392" in said


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", jpeg(IDS[2])[:-150], png(mask_of(IDS[2]))[:-20]]
)
@pytest.mark.parametrize("zipped", [True, False])
def test_image_that_does_not_decode(tmp_path, content, zipped):
    archives = contents()
    archives[PART_1][f"{IDS[2]}.jpg"] = content
    said = refused(write_source(tmp_path / "source", archives=archives, zipped=zipped))
    assert f"{IDS[2]}.jpg" in said
    assert "1 of 12 images" in said
    assert " do not " not in said
    assert "Replace it" in said


def test_mask_that_does_not_decode(tmp_path):
    archives = contents()
    archives[MASKS][f"{MASKS}/{IDS[5]}_segmentation.png"] = b"nothing"
    said = refused(write_source(tmp_path / "source", archives=archives))
    assert f"{IDS[5]}_segmentation.png" in said


def test_mask_of_other_proportions(tmp_path):
    archives = contents()
    archives[MASKS][f"{MASKS}/{IDS[5]}_segmentation.png"] = png(mask_of(IDS[5], 24, 24))
    said = refused(write_source(tmp_path / "source", archives=archives))
    assert f"{IDS[5]}_segmentation.png, 24×24 for 24×18" in said


@pytest.mark.parametrize("column", ["image_id", "dx", "lesion_id", "age"])
def test_missing_column(tmp_path, column):
    names = ["other" if name == column else name for name in HEADER.split(",")]
    text = table().replace(HEADER, ",".join(names))
    said = refused(write_source(tmp_path / "source", metadata=text))
    assert f"HAM10000_metadata.csv has no column {column}" in said
    assert "Download the table again" in said


def test_row_without_image(tmp_path):
    archives = contents()
    del archives[PART_2][f"{IDS[8]}.jpg"]
    said = refused(write_source(tmp_path / "source", archives=archives))
    assert f"HAM10000_metadata.csv: 1 of 12 rows have no image: {IDS[8]}" in said


def test_image_without_row_is_left_out_with_a_warning(tmp_path):
    text = table().replace(row(4) + "\n", "")
    report = import_collection("ham10000", write_source(tmp_path / "source", metadata=text))
    assert report.images == 11
    assert (
        f"images without a row in HAM10000_metadata.csv are left out: {IDS[4]}" in report.warnings
    )
    assert not (data_dir() / "ham10000" / "images" / f"{IDS[4]}.jpg").exists()


def test_table_cut_off_in_the_middle(tmp_path):
    text = "\n".join(table().splitlines()[:7])
    said = refused(write_source(tmp_path / "source", metadata=text))
    assert "HAM10000_metadata.csv has no row for 6 of 12 images" in said


def test_duplicated_id(tmp_path):
    said = refused(write_source(tmp_path / "source", metadata=table() + row(3) + "\n"))
    assert f"{IDS[3]} stands in the table more than once" in said


def test_one_id_with_two_contents(tmp_path):
    archives = contents()
    archives[PART_2][f"{IDS[0]}.jpg"] = jpeg(IDS[9])
    said = refused(write_source(tmp_path / "source", archives=archives))
    assert f"{IDS[0]} is there twice with different content: {PART_1}.zip/" in said


def test_one_image_in_both_parts_is_no_fault(tmp_path):
    archives = contents()
    archives[PART_2][f"{IDS[0]}.jpg"] = jpeg(IDS[0])
    assert (
        import_collection("ham10000", write_source(tmp_path / "s", archives=archives)).images == 12
    )


def test_unknown_class(tmp_path):
    text = table().replace(",bcc,", ",scc,")
    said = refused(write_source(tmp_path / "source", metadata=text))
    assert f"dx 'scc' of {IDS[4]}, {IDS[5]} is none of the classes" in said


@pytest.mark.parametrize(("column", "position"), [("dx", 2), ("lesion_id", 0)])
def test_row_without_class_or_lesion(tmp_path, column, position):
    cells = row(6).split(",")
    cells[position] = ""
    text = table().replace(row(6), ",".join(cells))
    said = refused(write_source(tmp_path / "source", metadata=text))
    assert f"{column} is empty for {IDS[6]}" in said


def test_one_hot_row_with_two_classes(tmp_path):
    source = write_source(tmp_path / "source")
    (source / "HAM10000_metadata.csv").unlink()
    lines = ["image,MEL,NV,BCC,AKIEC,BKL,DF,VASC", *(f"{i},1,0,0,0,0,0,0" for i in IDS)]
    lines[3] = f"{IDS[2]},1,1,0,0,0,0,0"
    (source / "ISIC2018_Task3_Training_GroundTruth.csv").write_text("\n".join(lines))
    assert f"{IDS[2]} must have a 1 for exactly one class" in refused(source)


def test_empty_mask_is_kept_with_a_warning(tmp_path):
    archives = contents()
    archives[MASKS][f"{MASKS}/{IDS[5]}_segmentation.png"] = png(np.zeros((18, 24), dtype=bool))
    report = import_collection("ham10000", write_source(tmp_path / "source", archives=archives))
    assert any("empty" in text and IDS[5] in text for text in report.warnings)
    assert open_collection("ham10000").mask(IDS[5]).sum() == 0
    assert any("empty" in text for text in verify_collection("ham10000").warnings)


def test_all_problems_are_told_together(tmp_path):
    archives = contents()
    archives[PART_1][f"{IDS[2]}.jpg"] = b"no picture"
    del archives[PART_2][f"{IDS[8]}.jpg"]
    text = table().replace(",bcc,", ",scc,") + row(3) + "\n"
    said = refused(write_source(tmp_path / "source", archives=archives, metadata=text))
    assert said.count("\n- ") == 4
    for image_id in (IDS[2], IDS[3], IDS[4], IDS[8]):
        assert image_id in said


def test_too_little_room_is_seen_before_anything_is_unpacked(tmp_path, monkeypatch):
    source = write_source(tmp_path / "source")
    few = shutil.disk_usage(tmp_path)._replace(free=5000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: few)
    with pytest.raises(DataError, match=r"MiB are free.*DERMBOOK_DATA"):
        import_collection("ham10000", source)
    assert not list(data_dir().rglob("*.jpg"))


def test_disk_that_fills_up_and_going_on_afterwards(tmp_path, monkeypatch):
    source = write_source(tmp_path / "source")
    write, written = Path.write_bytes, []

    def fill(path, content):
        if data_dir() in path.parents:
            if len(written) >= 7:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            written.append(path)
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(DataError, match=r"is full.*DERMBOOK_DATA"):
        import_collection("ham10000", source)
    with pytest.raises(DataError, match="not imported"):
        open_collection("ham10000")
    assert "not finished" in collection_status()[0].remedy

    monkeypatch.setattr(Path, "write_bytes", lambda p, c: written.append(p) or write(p, c))
    written.clear()
    assert import_collection("ham10000", source).images == 12
    assert len(written) == 24 - 7


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DERMBOOK_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(DataError, match="DERMBOOK_DATA"):
        import_collection("ham10000", write_source(tmp_path / "source"))


def test_a_failed_import_leaves_the_earlier_collection_whole(tmp_path):
    import_collection("ham10000", write_source(tmp_path / "good"))
    fingerprint = open_collection("ham10000").fingerprint
    bad = {PART_1: {f"{i}.jpg": jpeg(i, 30, 40) for i in IDS[:6]},
           PART_2: {f"{i}.jpg": b"" for i in IDS[6:]}}  # fmt: skip
    with pytest.raises(DataError):
        import_collection("ham10000", write_source(tmp_path / "bad", archives=bad))
    assert open_collection("ham10000").fingerprint == fingerprint
    assert verify_collection("ham10000").images == 12


def test_verify_names_what_is_missing_and_what_has_changed(tmp_path):
    source = write_source(tmp_path / "source")
    import_collection("ham10000", source)
    images = data_dir() / "ham10000" / "images"
    (images / f"{IDS[0]}.jpg").unlink()
    (images / f"{IDS[1]}.jpg").write_bytes(jpeg(IDS[2]))
    with pytest.raises(DataError) as caught:
        verify_collection("ham10000")
    assert f"images/{IDS[0]}.jpg is missing" in str(caught.value)
    assert f"images/{IDS[1]}.jpg has changed" in str(caught.value)
    assert "dermbook data import ham10000 --from" in str(caught.value)
    import_collection("ham10000", source)
    assert verify_collection("ham10000").images == 12


@pytest.mark.parametrize("name", ["table.csv", "manifest.csv"])
def test_a_damaged_table_is_not_opened(tmp_path, name):
    import_collection("ham10000", write_source(tmp_path / "source"))
    path = data_dir() / "ham10000" / name
    path.write_text("\n".join(path.read_text().splitlines()[:5]))
    os.utime(data_dir() / "ham10000" / "manifest.csv", ns=(1, 1))
    with pytest.raises(DataError, match=r"damaged.*Import the collection again"):
        open_collection("ham10000")
    assert not collection_status()[0].imported


@pytest.mark.parametrize("where", ["", "images"])
@pytest.mark.parametrize("imported", [True, False])
def test_a_readers_own_files_are_not_replaced(tmp_path, imported, where):
    source = write_source(tmp_path / "source")
    if imported:
        import_collection("ham10000", source)
    own = data_dir() / "ham10000" / where / "notes.jpg"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("mine")
    with pytest.raises(DataError, match=r"holds what no import put there: .*Move it away"):
        import_collection("ham10000", source)
    assert own.read_text() == "mine"
    own.rename(tmp_path / "notes.jpg")
    if imported:
        (data_dir() / "ham10000" / ".DS_Store").write_text("no reader's own")
        assert import_collection("ham10000", source).images == 12


def test_a_source_that_lies_where_the_collection_goes_is_not_lost(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMBOOK_DATA", str(tmp_path / "data"))
    source = write_source(tmp_path / "data" / "ham10000")
    before = state(source)
    for folder in (source, source.parent):
        with pytest.raises(DataError):
            import_collection("ham10000", folder)
    assert state(source) == before


def test_a_link_in_the_collections_place_is_refused(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    data_dir().mkdir()
    (data_dir() / "ham10000").symlink_to(elsewhere)
    with pytest.raises(DataError, match=r"is a link.*DERMBOOK_DATA"):
        import_collection("ham10000", write_source(tmp_path / "source"))
    assert (data_dir() / "ham10000").is_symlink()


@pytest.mark.parametrize("name", ["table.csv", "manifest.csv"])
def test_a_changed_label_or_size_is_noticed(tmp_path, name):
    import_collection("ham10000", write_source(tmp_path / "source"))
    path = data_dir() / "ham10000" / name
    path.write_text(path.read_text().replace("nv", "df").replace(",24,", ",48,"))
    for ask in (open_collection, verify_collection):
        with pytest.raises(DataError, match=rf"damaged \({name} was changed since the import"):
            ask("ham10000")
    assert not collection_status()[0].imported


@pytest.mark.parametrize("age", ["-5.0", "inf", "400", "old"])
def test_an_age_that_is_none(tmp_path, age):
    text = table().replace(row(3), row(3).replace(",35.0,", f",{age},"))
    said = refused(write_source(tmp_path / "source", metadata=text))
    assert f"age of {IDS[3]} is no age in years" in said


def test_training_images_are_not_taken_for_the_test_set(tmp_path):
    source = write_source(tmp_path / "source", zipped=False)
    with pytest.raises(DataError, match=r"no images. Get ISIC2018_Task3_Test_Input.zip"):
        import_collection("isic2018-test", source)


def test_many_damaged_files_read_as_one_sentence(tmp_path):
    archives = contents()
    archives[PART_1] = {f"{i}.jpg": b"" for i in IDS[:6]}
    said = refused(write_source(tmp_path / "source", archives=archives))
    assert "6 of 12 images are empty: " in said
    assert "Replace them by the publisher's files" in said


# stops before the n-th file is put in place, says so, and waits to be killed
KILLED = """
import sys, time
from pathlib import Path
from dermbook.data import import_collection

replace, left = Path.replace, [int(sys.argv[2])]
def slow(path, target):
    left[0] -= 1
    if left[0] == 0:
        print("now", flush=True)
        time.sleep(60)
    return replace(path, target)
Path.replace = Path.rename = slow
import_collection("ham10000", Path(sys.argv[1]))
"""


@pytest.mark.parametrize("position", [1, 9, 20, 25, 26, 27, 28])
def test_kill_in_the_middle(tmp_path, position):
    """Killed at the first image, among images, among masks, at the table, the manifest, the
    checksums, and at the rename that makes it the collection."""
    source = write_source(tmp_path / "source")
    command = [sys.executable, "-c", KILLED, str(source), str(position)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    with pytest.raises(DataError, match="not imported"):
        open_collection("ham10000")
    assert "not finished" in collection_status()[0].remedy
    assert import_collection("ham10000", source).images == 12
    assert verify_collection("ham10000").masks == 12
    found = [p for p in (data_dir() / "ham10000").rglob("*") if p.is_file()]
    assert len(found) == 12 + 12 + 3
    assert not (data_dir() / ".ham10000.importing").exists()


def test_a_half_written_file_of_the_right_size_is_written_again(tmp_path):
    source = write_source(tmp_path / "source")
    waiting = data_dir() / ".ham10000.importing" / "images" / f"{IDS[0]}.jpg"
    waiting.parent.mkdir(parents=True)
    content = jpeg(IDS[0])
    waiting.write_bytes(content[:300] + bytes(len(content) - 300))
    import_collection("ham10000", source)
    assert open_collection("ham10000").source.encoded(IDS[0]) == content


def test_two_imports_at_once(tmp_path):
    pytest.importorskip("fcntl")
    source = write_source(tmp_path / "source")
    command = [sys.executable, "-c", KILLED, str(source), "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"now\n"
        started = time.monotonic()
        with pytest.raises(DataError, match="imported by another process"):
            import_collection("ham10000", source)
        assert time.monotonic() - started < 10
        process.kill()
