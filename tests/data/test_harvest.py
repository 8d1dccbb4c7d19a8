"""A table of addresses becomes a folder of images; every row is accounted for, none twice."""

import errno
import hashlib
import io
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermbook.data.harvest import harvest, normal_form
from dermbook.data.harvest import journal as journal_module
from dermbook.data.harvest.demonstration import (
    demonstration,
    kill_demonstration,
    plain_download,
)
from dermbook.data.harvest.faults import ADDRESSES, KINDS, picture
from dermbook.data.harvest.misbehaving import MisbehavingServer, client_for, table_of
from dermbook.data.harvest.report import COLUMNS
from dermbook.errors import DataError, ParameterError


@pytest.fixture
def server():
    with MisbehavingServer() as running:
        yield running


def run(server, rows, folder, **options):
    """rows: (id, kind, number), or (id, address)."""
    table = pd.DataFrame(
        [(row[0], server.url(*row[1:]) if len(row) == 3 else row[1]) for row in rows],
        columns=["image_id", "url"],
    )
    with client_for(server.host, workers=4) as client:
        return harvest(table, folder, client=client, workers=4, **options)


def names(folder):
    return sorted(path.name for path in (folder / "images").iterdir())


def asked(server):
    return sum(server.requests.values())


# ---- every kind of fault -------------------------------------------------------------------


@pytest.mark.slow
def test_every_kind_is_classified_rightly(tmp_path):
    """60 rows of every kind; the second run asks for what may pass, the third for nothing."""
    shown = demonstration(tmp_path / "out", urls=60, seed=3)
    outcomes = shown.outcomes.set_index("kind")
    assert len(outcomes) == len(KINDS) + len(ADDRESSES) >= 50
    wrong = outcomes[outcomes["right"] < outcomes["n"]]
    assert wrong.empty, wrong[["expected", "got"]]
    for kind in KINDS:
        expected = KINDS[kind].expected.requests
        if expected is not None and kind != "redirect":  # its second request is for /ok/
            assert outcomes.loc[kind, "requests"] == expected, kind
    first, second, third = shown.runs.to_dict("records")
    assert second["asked"] == first["retriable"] > 0
    assert second["images"] == first["images"] + first["retriable"]
    assert (third["asked"], third["requests"]) == (0, 0)
    assert names(tmp_path / "out") == sorted(
        f"{image_id}.jpg" for image_id in shown.report.table.query("status == 'ok'")["image_id"]
    )
    # the plain loop does fail where it should, or the comparison says nothing
    assert outcomes.loc["ok", "plain"] == "picture"
    assert outcomes.loc["web-page", "plain"] == "no picture"
    assert outcomes.loc["jpeg-cut-closed", "plain"] == "cut picture"
    assert outcomes.loc["png-named-jpg", "plain"] == "other format"
    assert outcomes.loc["needs-headers", "plain"] == "error"


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost():
    runs, checks = kill_demonstration(urls=60, seed=1, kills=2, workers=8)
    assert runs["ended"].tolist() == ["killed", "killed", "finished"]
    count = checks.set_index("check")["count"]
    assert count["images of the undisturbed harvest"] > 20
    wrong = ["images lost", "images too many", "images that differ"]
    wrong += ["rows of the report that differ", "half-written files left"]
    assert count[wrong].sum() == 0
    assert count["addresses asked again, besides failures that may pass"] <= 2 * 8
    assert runs["requests"].iloc[-1] < runs["requests"].sum()


def test_every_form_of_picture_ends_as_rgb_jpeg(server, tmp_path):
    kinds = [kind for kind in KINDS if KINDS[kind].expected.found and kind != "jpeg-turned"]
    report = run(server, [(kind, kind, 5) for kind in kinds], tmp_path)
    reference = np.asarray(Image.open(io.BytesIO(picture(5))).convert("RGB")).astype(int)
    assert report.images == len(kinds) > 15
    for row in report.table.itertuples():
        content = (tmp_path / "images" / f"{row.image_id}.jpg").read_bytes()
        image = Image.open(io.BytesIO(content))
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (96, 72))
        assert hashlib.sha256(content).hexdigest() == row.sha256
        assert (row.bytes, row.width, row.height) == (len(content), 96, 72)
        if row.image_id not in ("jpeg-grey", "png-alpha", "png-palette"):
            assert np.abs(np.asarray(image).astype(int) - reference).mean() < 12, row.image_id


# ---- the table -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "image_id",
    ["../x", "a/b", "a\\b", "/etc/passwd", "", ".hidden", "a\nb", "CON", "nul.txt", None],
)
def test_ids_that_would_leave_the_folder(image_id, tmp_path):
    table = pd.DataFrame({"image_id": ["good", image_id], "url": ["http://a/", "http://b/"]})
    with pytest.raises(DataError, match="cannot name a file"):
        harvest(table, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("ids", [["a", "b", "a"], ["a", "b", "A"]])
def test_ids_that_stand_twice(ids, tmp_path):
    table = pd.DataFrame({"image_id": ids, "url": "http://a.example/"})
    with pytest.raises(DataError, match="more than once"):
        harvest(table, tmp_path)


def test_columns_and_arguments_are_checked(tmp_path):
    table = pd.DataFrame({"image_id": ["a"], "address": ["http://a.example/"]})
    with pytest.raises(DataError, match=r"lacks url; it has image_id, address"):
        harvest(table, tmp_path)
    with pytest.raises(ParameterError, match="retry="):
        harvest(table, tmp_path, url_column="address", retry="sometimes")
    with pytest.raises(ParameterError, match="workers"):
        harvest(table, tmp_path, url_column="address", workers=0)


def test_an_empty_table(tmp_path):
    report = harvest(pd.DataFrame({"image_id": [], "url": []}), tmp_path)
    assert (len(report.table), report.images, report.fetched) == (0, 0, 0)
    assert report.reasons().empty
    assert report.hosts().empty
    assert "0 of 0 images" in str(report)


def test_rows_without_an_address(server, tmp_path):
    rows = [(f"n{k}", text) for k, text in enumerate([None, np.nan, "", "  ", "NaN", "null", "-"])]
    report = run(server, rows, tmp_path)
    assert set(report.table["reason"]) == {"null-url"}
    assert set(report.table["status"]) == {"null"}
    assert report.fetched == 0
    # an address that comes later is fetched
    later = run(server, [("n0", "ok", 1)], tmp_path)
    assert later.images == 1


def test_one_address_for_two_images(server, tmp_path):
    same = server.url("ok", 1)
    rows = [("a", same), ("b", f" {same.upper().replace('/OK/', '/ok/')}"), ("c", "ok", 2)]
    report = run(server, rows, tmp_path)
    assert report.images == 3
    assert asked(server) == 2
    content = [(tmp_path / "images" / f"{name}.jpg").read_bytes() for name in "abc"]
    assert content[0] == content[1] == picture(1)
    # one more image of an address that is there: copied, not fetched
    assert run(server, [*rows, ("d", same)], tmp_path).images == 4
    assert asked(server) == 2


def test_checksums_of_the_published_files(server, tmp_path):
    table = pd.DataFrame(
        {
            "image_id": ["same", "other", "converted", "unknown"],
            "url": [server.url(*each) for each in (("ok", 1), ("ok", 2), ("bmp", 3), ("ok", 4))],
            "md5": [hashlib.md5(picture(1)).hexdigest().upper(), "0" * 32, "0" * 32, None],
        }
    )
    with client_for(server.host) as client:
        report = harvest(table, tmp_path, client=client, md5_column="md5")
    assert report.images == 4  # a difference is told, not punished
    assert report.table["md5_matches"].tolist() == [True, False, False, None]
    assert "2 files differ" in str(report)


# ---- again ---------------------------------------------------------------------------------


def test_a_second_run_takes_what_failed_and_may_pass(server, tmp_path):
    rows = [
        ("good", "ok", 1),
        ("gone", "not-found", 2),
        ("page", "web-page", 3),
        ("down", "down", 4),
    ]
    first = run(server, rows, tmp_path)
    assert first.images == 1
    server.heal()
    server.requests.clear()
    second = run(server, rows, tmp_path)
    assert dict(server.requests) == {"/down/4": 1}
    assert second.images == 2
    server.requests.clear()
    assert run(server, rows, tmp_path, retry="all").images == 2
    assert dict(server.requests) == {"/not-found/2": 1, "/web-page/3": 1}


def test_retry_none_asks_for_what_was_never_tried(server, tmp_path):
    run(server, [("down", "down", 4)], tmp_path)
    server.requests.clear()
    run(server, [("down", "down", 4), ("new", "ok", 5)], tmp_path, retry="none")
    assert dict(server.requests) == {"/ok/5": 1}


def test_another_address_is_another_image(server, tmp_path):
    run(server, [("a", "ok", 1), ("b", "not-found", 1)], tmp_path)
    report = run(server, [("a", "ok", 2), ("b", "ok", 3)], tmp_path)
    assert report.images == 2
    assert (tmp_path / "images" / "a.jpg").read_bytes() == picture(2)
    # and one that no longer brings an image takes the old one away
    assert run(server, [("a", "not-found", 2)], tmp_path).images == 0
    assert names(tmp_path) == ["b.jpg"]


@pytest.mark.parametrize("harm", ["removed", "changed", "emptied"])
def test_a_damaged_image_is_fetched_again(harm, server, tmp_path):
    rows = [("a", "ok", 1), ("b", "ok", 2)]
    run(server, rows, tmp_path)
    path = tmp_path / "images" / "a.jpg"
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(b"" if harm == "emptied" else bytes(len(path.read_bytes())))
    server.requests.clear()
    report = run(server, rows, tmp_path)
    assert dict(server.requests) == {"/ok/1": 1}
    assert path.read_bytes() == picture(1)
    assert report.images == 2


@pytest.mark.parametrize("torn", [b'{"image_id": "b", "url": "ht', b"\x00\xff\n", b'[1, 2]\n{"x":'])
def test_a_torn_journal_and_leftovers(torn, server, tmp_path):
    """What a kill may leave: half a line, an image without a line, a half-written file."""
    run(server, [("a", "ok", 1)], tmp_path)
    with (tmp_path / "journal.jsonl").open("ab") as stream:
        stream.write(torn)
    (tmp_path / "images" / "b.jpg").write_bytes(b"whole, but nobody noted it")
    (tmp_path / "images" / ".c.part.jpg").write_bytes(b"half")
    server.requests.clear()
    report = run(server, [("a", "ok", 1), ("b", "not-found", 2), ("c", "ok", 3)], tmp_path)
    assert dict(server.requests) == {"/not-found/2": 1, "/ok/3": 1}
    assert report.images == 2
    assert names(tmp_path) == ["a.jpg", "c.jpg"]
    assert run(server, [("a", "ok", 1), ("c", "ok", 3)], tmp_path).fetched == 0


def test_two_harvests_at_one_folder(server, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    tmp_path.mkdir(exist_ok=True)
    with (tmp_path / ".lock").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="Another process"):
            run(server, [("a", "ok", 1)], tmp_path)


# ---- trouble on the way --------------------------------------------------------------------


def test_a_full_disk(server, tmp_path, monkeypatch):
    written = os.write

    def full(stream, line):
        if b'"b"' in line:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(stream, line)

    monkeypatch.setattr(journal_module.os, "write", full)
    with pytest.raises(DataError, match="is full"):
        run(server, [("a", "ok", 1), ("b", "ok", 2)], tmp_path)
    monkeypatch.undo()
    assert run(server, [("a", "ok", 1), ("b", "ok", 2)], tmp_path).images == 2


def test_stopped_by_hand_what_came_stays(server, tmp_path):
    def stops(content):
        if content == picture(5):
            raise KeyboardInterrupt
        return normal_form(content)

    rows = [(f"p{k}", "ok", k) for k in range(60)]
    with pytest.raises(KeyboardInterrupt):
        run(server, rows, tmp_path, normalise=stops)
    table = pd.read_csv(tmp_path / "harvest.csv")
    assert set(table["status"]) == {"ok", "pending"}
    assert (table["status"] == "ok").sum() == len(names(tmp_path))
    server.requests.clear()
    assert run(server, rows, tmp_path).images == 60
    assert asked(server) == (table["status"] == "pending").sum()


def test_a_host_that_is_down_is_left_alone(server, tmp_path):
    rows = [(f"p{k}", f"http://nowhere.invalid/{k}") for k in range(30)] + [("a", "ok", 1)]
    report = run(server, rows, tmp_path, give_up_after=3)
    reasons = report.table["reason"].value_counts()
    assert reasons["kept"] == 1
    assert 3 <= reasons["no-such-host"] <= 3 + 8  # those on their way when it was given up
    assert reasons["host-down"] == 30 - reasons["no-such-host"]
    assert report.table.set_index("reason").loc["host-down", "retriable"].all()


def test_a_folder_that_is_a_file(server, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="cannot be written"):
        run(server, [("a", "ok", 1)], tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


# ---- the account ---------------------------------------------------------------------------


def test_the_report(server, tmp_path):
    rows = [("a", "ok", 1), ("b", "ok", 2), ("c", "not-found", 3), ("d", ""), ("e", "down", 5)]
    report = run(server, rows, tmp_path)
    assert list(report.table.columns) == list(COLUMNS)
    assert report.table["image_id"].tolist() == list("abcde")
    reasons = report.reasons().set_index("reason")
    assert reasons["count"].to_dict() == {"kept": 2, "http-404": 1, "http-503": 1, "null-url": 1}
    assert reasons["share"].sum() == pytest.approx(1)
    assert reasons["retriable"].to_dict()["http-503"]
    assert reasons.loc["http-404", "example"] == "c"
    (host,) = report.hosts().to_dict("records")
    assert (host["addresses"], host["ok"], host["failed"], host["attempts"]) == (4, 2, 2, 6)
    assert report.failures()["image_id"].tolist() == ["c", "d", "e"]
    saved = pd.read_csv(tmp_path / "harvest.csv")
    assert saved["reason"].tolist() == report.table["reason"].tolist()
    assert "http-404: 1, for example c" in str(report)


# ---- the server itself ---------------------------------------------------------------------


def test_tables_hold_every_kind_and_are_seeded(server):
    table = table_of(server, 400, 0)
    assert set(table["kind"]) == {*KINDS, *ADDRESSES}
    assert (table["kind"] == "ok").sum() == 200
    assert table.equals(table_of(server, 400, 0))
    assert not table["kind"].equals(table_of(server, 400, 1)["kind"])
    assert not set(table_of(server, 200, 0, slow=False)["kind"]) & {"silent", "slow-drip"}


def test_no_two_addresses_serve_the_same_bytes():
    assert len({picture(number) for number in range(100)}) == 100


def test_a_plain_step_on_a_good_address(server):
    assert plain_download(server.url("ok", 1)) == "picture"
    assert plain_download(server.url("gone", 1)) == "error"
