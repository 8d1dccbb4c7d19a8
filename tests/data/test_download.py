"""Downloading from mirrors and publishers that break off, lie, or have nothing."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from clinical_publisher import ROWS, cells, image_id, picture, table, write_clinical
from file_server import FileServer
from publisher import contents, write_source
from typer.testing import CliRunner

from dermbook.cli import app
from dermbook.data import open_collection, phantom, published_table, write_phantom
from dermbook.data.download import get_collection
from dermbook.data.fetching import mirrors
from dermbook.data.harvest import Limits
from dermbook.errors import DataError, ParameterError
from dermbook.paths import data_dir

PART_1, PART_2 = "HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip"
MASKS, METADATA = "HAM10000_segmentations_lesion_tschandl.zip", "HAM10000_metadata.csv"
FILES = (PART_1, PART_2, METADATA, MASKS)
CSV, ARCHIVE = "fitzpatrick17k.csv", "fitzpatrick17k_images.zip"
QUICK = Limits(attempts=2, backoff=0.01, read=5, max_bytes=2**30)


@pytest.fixture
def server():
    with FileServer() as running:
        yield running


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    """The publisher's own files; one archive is so large that it comes in several pieces."""
    archives = contents()
    archives["HAM10000_images_part_2"]["padding.txt"] = np.random.default_rng(0).bytes(500_000)
    return write_source(tmp_path_factory.mktemp("release"), archives=archives)


@pytest.fixture
def book(tmp_path, monkeypatch, server, release):
    """A checkout whose registry knows the release, its checksums and its server."""
    root = tmp_path / "book"
    (root / "notebooks").mkdir(parents=True)
    (root / "_toc.yml").write_text("")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    monkeypatch.delenv("DERMBOOK_MIRROR", raising=False)
    files = [
        {
            "name": name,
            "address": f"{server.url}/publisher/{number}",
            "md5": hashlib.md5((release / name).read_bytes()).hexdigest(),
        }
        for number, name in enumerate(FILES)
    ]
    about = {"title": "t", "home": "https://example.org/home", "licence": "CC 1", "citation": "c"}
    ham = {
        **about, "expected": {"images": 12, "lesions": 6, "masks": 12}, "files": files,
        "download": [[name] for name in FILES],
    }  # fmt: skip
    clinical = {
        **about, "expected": {"images": 30}, "download": [[CSV]], "licence_note": "rights unclear",
        "files": [{"name": CSV, "address": f"{server.url}/publisher/{CSV}"}, {"name": ARCHIVE}],
    }  # fmt: skip
    challenge = {
        **about, "expected": {"images": 24}, "download": [["ISIC2018_Task3_Test_Input.zip",
        "ISIC2018_Task3_Test_Images.zip"]],
        "files": [{"name": "ISIC2018_Task3_Test_Input.zip"}],
    }  # fmt: skip
    write_registry(root, ham10000=ham, fitzpatrick17k=clinical, **{"isic2018-test": challenge})
    for number, name in enumerate(FILES):
        server.files[f"/publisher/{number}"] = (release / name).read_bytes()
    return root


def write_registry(root: Path, **collections: dict) -> None:
    (root / "data").mkdir(exist_ok=True)
    text = yaml.safe_dump({"collections": collections})
    (root / "data" / "registry.yaml").write_text(text)


def get(name: str = "ham10000", **options):
    return get_collection(name, **{"allow_private": True, "limits": QUICK, **options})


def states(report) -> dict[str, str]:
    return {got.name: got.state for got in report.files}


def downloads(name: str = "ham10000") -> Path:
    return data_dir() / "downloads" / name


def test_from_the_publisher_to_an_open_collection(book, server):
    report = get()
    assert report.complete
    assert states(report) == dict.fromkeys(FILES, "got")
    assert report.imported.images == 12
    assert len(open_collection("ham10000")) == 12
    for said in ("Licence: CC 1.", "Cite: c", str(downloads())):
        assert said in str(report)
    assert not list(downloads().glob("*.part*"))


def test_what_is_there_and_right_is_not_downloaded_again(book, server):
    get()
    server.asked.clear()
    (downloads() / METADATA).write_text("damaged")
    report = get()
    assert server.paths() == ["/publisher/2"]
    assert states(report) == {**dict.fromkeys(FILES, "kept"), METADATA: "got"}
    assert report.complete


def test_a_server_that_dies_midway_is_gone_on_with(book, server, release):
    server.dies_after["/publisher/0"] = len((release / PART_1).read_bytes()) // 3 + 1
    report = get()
    assert report.complete
    ranges = [asked for path, asked in server.asked if path == "/publisher/0"]
    assert ranges[0] is None
    assert all(asked.startswith("bytes=") for asked in ranges[1:])
    assert len(ranges) == 3
    assert (downloads() / PART_1).read_bytes() == (release / PART_1).read_bytes()


def test_a_wrong_checksum_is_set_aside_and_named(book, server, release):
    wrong = (release / PART_2).read_bytes()
    server.files["/publisher/0"] = wrong
    report = get()
    assert not report.complete
    assert states(report) == {**dict.fromkeys(FILES, "got"), PART_1: "failed"}
    reason = report.files[0].reason
    expected = hashlib.md5((release / PART_1).read_bytes()).hexdigest()
    assert f"expected MD5 {expected}, found {hashlib.md5(wrong).hexdigest()}" in reason
    assert (downloads() / f"{PART_1}.bad").read_bytes() == wrong
    assert not (downloads() / PART_1).exists()
    assert f"{PART_1}: FAILED" in str(report)
    assert report.imported is None


def test_a_mirror_on_the_web_comes_first_and_a_wrong_one_is_passed(book, server, release):
    server.files[f"/mirror/{PART_1}"] = (release / PART_1).read_bytes()
    server.files[f"/mirror/ham10000/{PART_2}"] = (release / PART_2).read_bytes()
    server.files[f"/mirror/{METADATA}"] = b"not this"
    report = get(mirror=[f"{server.url}/mirror/"], allow_private=False)
    # only the mirror may lie in a private network, and here the publisher does on the same host
    places = {got.name: got.place for got in report.files}
    assert places[PART_1] == f"{server.url}/mirror/{PART_1}"
    assert places[PART_2] == f"{server.url}/mirror/ham10000/{PART_2}"
    assert places[METADATA] == f"{server.url}/publisher/2"
    assert places[MASKS] == f"{server.url}/publisher/3"
    assert (downloads() / f"{METADATA}.bad").read_bytes() == b"not this"
    assert report.complete


def test_mirrors_of_the_environment_are_asked_in_order(book, server, release, monkeypatch):
    empty = book / "empty; no"
    monkeypatch.setenv("DERMBOOK_MIRROR", f"{server.url}/nothing; {release}")
    server.files.clear()
    report = get()
    assert report.complete
    assert all(got.place.startswith(str(release)) for got in report.files)
    with pytest.raises(ParameterError, match="there is no folder"):
        get(mirror=[str(empty)])
    with pytest.raises(ParameterError, match="neither a folder nor"):
        get(mirror=["ftp://example.org/data"])
    assert mirrors([""]) == []


def test_without_any_place_each_file_says_why(book, server, release, tmp_path):
    (tmp_path / "mirror").mkdir()
    server.files = {f"/publisher/{METADATA}": b"x", "/publisher/2": server.files["/publisher/2"]}
    report = get(mirror=[str(tmp_path / "mirror")])
    assert states(report) == {**dict.fromkeys(FILES, "failed"), METADATA: "got"}
    assert "not on the mirror" in report.files[0].reason
    assert "answered 404" in report.files[0].reason
    assert (downloads() / METADATA).is_file()
    result = CliRunner().invoke(
        app, ["data", "get", "ham10000", "--mirror", str(release), "--no-import"]
    )
    assert result.exit_code == 0


def test_a_folder_with_other_copies_serves_and_the_import_checks_them(book, server, tmp_path):
    mirror = tmp_path / "mirror"
    write_phantom(mirror, phantom(24, height=32, width=40))
    server.files.clear()
    report = get(mirror=[str(mirror)])
    assert report.complete
    assert report.imported.images == 24
    assert all("the import checks its content" in got.note for got in report.files)
    (mirror / PART_1).write_bytes((mirror / PART_1).read_bytes()[:500])
    report = get(mirror=[str(mirror)])
    assert "no whole zip archive" in report.files[0].reason
    assert len(open_collection("ham10000")) == 24


def test_a_web_page_in_place_of_a_file(book, server):
    server.files[f"/publisher/{CSV}"] = b"\n<!DOCTYPE html><p>Please sign in"
    report = get("fitzpatrick17k")
    assert "this is a web page" in report.files[0].reason
    assert report.harvest is None


def test_a_file_without_an_address_says_where_to_get_it(book):
    report = get("isic2018")
    assert report.collection == "isic2018-test"
    reason = report.files[0].reason
    assert "no direct address; get it at https://example.org/home and put it in" in reason


def test_any_of_the_names_from_a_mirror(book, tmp_path):
    write_phantom(tmp_path / "mirror", phantom(24, height=32, width=40), layout="isic2018-test")
    report = get("isic2018", mirror=[str(tmp_path / "mirror")])
    assert report.complete
    assert states(report) == {"ISIC2018_Task3_Test_Images.zip": "got"}
    assert len(open_collection("isic2018-test")) == 24


def test_bad_arguments(book):
    with pytest.raises(DataError, match="no collection"):
        get("ham1000")
    with pytest.raises(ParameterError, match="comes whole"):
        get("ham10000", limit=3)
    with pytest.raises(ParameterError, match="retry"):
        get("fitzpatrick17k", retry="always")
    with pytest.raises(DataError, match="give another folder"):
        get(to=data_dir() / "ham10000")


# ---- Fitzpatrick17k: the photographs come one by one


@pytest.fixture
def atlases(book, server):
    """The table at the publisher, its photographs at two sites of this server; two are amiss."""
    sites = (f"{server.url}/dermaamin", f"{server.url}/atlasdermatologico")
    rows = [cells(k, sites) for k in range(ROWS)]
    server.files[f"/publisher/{CSV}"] = table(rows).encode()
    for position, row in enumerate(rows):
        if row[7]:
            server.files[row[7].removeprefix(server.url)] = picture(position)
    addresses = [row[7].removeprefix(server.url) for row in rows]
    del server.files[addresses[4]]
    server.files[addresses[6]] = picture(100)  # another picture under the same address
    return addresses


def test_photographs_are_gathered_imported_and_accounted_for(atlases, server):
    report = get("fitzpatrick17k")
    assert not report.complete
    assert report.failures == 1
    assert report.harvest.images == 26  # 30 rows, 3 without address, one gone
    assert report.imported.images == 25
    assert len(published_table("fitzpatrick17k")) == 30
    assert image_id(6) not in open_collection("fitzpatrick17k").ids
    assert any(image_id(6) in note and "another MD5" in note for note in report.notes)
    assert "rights unclear" in str(report)
    assert "http-404: 1" in str(report)
    account = (downloads("fitzpatrick17k") / "harvest.csv").read_text()
    assert account.count("\n") == 31
    assert account.count("null-url") == 3

    # a second call asks for nothing that came; a third one for what failed for good, if told to
    server.asked.clear()
    again = get("fitzpatrick17k")
    assert server.asked == []
    assert again.imported.images == 25
    server.files[atlases[4]] = picture(4)
    report = get("fitzpatrick17k", retry="all")
    assert server.paths() == [atlases[4]]
    assert report.complete
    assert report.imported.images == 26
    assert get("fitzpatrick17k", accept_changed=True).imported.images == 27


def test_the_first_rows_only_and_never_fewer_images_than_before(atlases, server):
    report = get("fitzpatrick17k", limit=3)
    assert report.complete
    assert report.imported.images == 3
    assert report.imported.rows == 30
    assert get("fitzpatrick17k").imported.images == 25
    few = get("fitzpatrick17k", limit=3)
    assert few.imported is None
    assert any("22 images fewer than are imported now" in note for note in few.notes)
    assert len(open_collection("fitzpatrick17k")) == 25


def test_a_mirror_with_an_archive_replaces_the_gathering(book, server, tmp_path):
    write_clinical(tmp_path / "mirror", images=range(10))
    report = get("fitzpatrick17k", mirror=[str(tmp_path / "mirror")])
    assert report.complete
    assert report.harvest is None
    assert report.imported.images == 10
    assert server.asked == []


def test_when_no_photograph_comes_the_table_is_imported_alone(atlases, server):
    server.files = {f"/publisher/{CSV}": server.files[f"/publisher/{CSV}"]}
    report = get("fitzpatrick17k")
    assert report.failures == 27
    assert report.imported.images == 0
    assert len(published_table("fitzpatrick17k")) == 30


# ---- the command


def test_the_command_end_to_end(book, release, monkeypatch):
    monkeypatch.setenv("DERMBOOK_MIRROR", str(release))
    result = CliRunner().invoke(app, ["data", "get", "ham10000"])
    assert result.exit_code == 0, result.output
    assert "12 images of 6 lesions" in result.output
    assert "Licence: CC 1." in result.output
    (release_gap := book / "gap").mkdir()
    (release_gap / METADATA).write_bytes((release / METADATA).read_bytes())
    result = CliRunner().invoke(
        app, ["data", "get", "ham10000", "--mirror", str(release_gap), "--to", str(book / "files")]
    )
    assert result.exit_code == 2
    assert result.output.count("FAILED") == 3
    assert (book / "files" / METADATA).is_file()
    assert len(open_collection("ham10000")) == 12


# a process started in the background by a shell ignores SIGINT, and so would its children
GETTING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from dermbook.data.download import get_collection
get_collection("ham10000", allow_private=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_and_gone_on_with(book, server, release, how):
    server.slow.add("/publisher/1")
    part = downloads() / f"{PART_2}.part"
    with subprocess.Popen(
        [sys.executable, "-c", GETTING], env=os.environ, stderr=subprocess.DEVNULL
    ) as process:
        limit = time.monotonic() + 30
        while not (part.is_file() and part.stat().st_size) and time.monotonic() < limit:
            time.sleep(0.02)
        process.send_signal(how)
        process.wait(15)
    assert (downloads() / PART_1).is_file()
    assert not (downloads() / PART_2).exists()
    assert not (data_dir() / "ham10000").exists()
    server.slow.clear()
    server.asked.clear()
    assert get().complete
    assert (downloads() / PART_2).read_bytes() == (release / PART_2).read_bytes()
    assert "/publisher/0" not in server.paths()
    ((_, asked),) = [item for item in server.asked if item[0] == "/publisher/1"]
    assert asked.startswith("bytes=")
    assert asked != "bytes=0-"


@pytest.mark.slow
def test_the_real_files_from_a_folder(shared_data, monkeypatch):
    monkeypatch.setenv("DERMBOOK_MIRROR", str(shared_data))
    result = CliRunner().invoke(app, ["data", "get", "ham10000"])
    assert result.exit_code == 0, result.output
    assert "10,015 images of 7,470 lesions, 10,015 masks" in result.output
    assert result.output.count("the reduced copy that the registry knows") == 4
