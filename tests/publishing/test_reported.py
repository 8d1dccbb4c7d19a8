"""book/reported.yaml: complete, well-formed, and its mistakes named."""

from pathlib import Path

import numpy as np
import pytest

from dermbook.errors import DataError
from dermbook.publishing.header import read_headers
from dermbook.publishing.ledger import undeclared_lessons, undeclared_rows
from dermbook.publishing.reported import load_reported
from dermbook.publishing.reported_schema import Score, slug

FILE = Path(__file__).parents[2] / "book" / "reported.yaml"


@pytest.fixture(scope="module")
def reported():
    return load_reported(FILE)


# ---- complete and well-formed


def test_every_row_and_lesson_of_the_inventory_is_there(reported):
    last = {"0": 17, "1": 17, "2": 5, "3": 10, "4": 11}
    rows = [f"{report}.{n}" for report, end in last.items() for n in range(1, end + 1)]
    assert list(reported.rows().index) == rows
    assert list(reported.lessons().index) == [f"M{n}" for n in range(1, 18)]
    assert len(reported.chapters) == len(set(reported.chapters)) == 24


def test_rows_of_the_tables_t1_to_t5_are_there(reported):
    """The numbers of R0 as the inventory lists them, so that no line is lost or shifted."""
    expected = {
        "R0.T1": """.038/.002/.007/4.512 .011/.007/.007/4.718 .296/.216/.265/3.275
                    .300/.231/.277/3.358 .362/.321/.340/2.872""",
        "R0.T2": ".416/.340/.393/2.390 .053/.006/.016/4.683",
        "R0.T3": ".362/.321/.340/2.872 .416/.340/.393/2.390 .190/.149/.170/3.570",
        "R0.T4": ".358/.343/.347/3.045 .340/.326/.326/2.720 .416/.340/.393/2.390",
        "R0.T5": ".446/.384/.425/2.242 .027/.008/.020/4.659 .416/.340/.393/2.390",
    }
    claims = reported.claims(report="R0")
    for table, lines in expected.items():
        given = claims[claims["group"] == table]["value"].to_numpy().reshape(-1, 4)
        wanted = [[float(number) for number in line.split("/")] for line in lines.split()]
        np.testing.assert_array_equal(given, wanted, err_msg=table)


def test_claims_can_be_narrowed(reported):
    one = reported.claims(row="1.9", model="InceptionV3 Adam")
    assert one[["part", "metric", "value"]].to_numpy().tolist() == [
        ["train", "accuracy", 0.8399],
        ["test", "accuracy", 0.7724],
    ]
    assert set(reported.claims(chapter="residual-networks")["row"]) == {"3.7", "3.8"}
    assert set(reported.claims(row=["3.10", "2.3"])["metric"]) == {"dice", "iou", "accuracy"}
    assert set(reported.claims(report="R2")["qualifier"]) == {"", "about"}


@pytest.mark.parametrize(
    ("narrow", "name"),
    [({"row": "5.1"}, "5.1"), ({"chapter": "cnn"}, "cnn"), ({"model": "GPT"}, "GPT")],
)
def test_claims_of_an_unknown_thing_are_refused(reported, narrow, name):
    with pytest.raises(DataError, match=f"'{name}'"):
        reported.claims(**narrow)


def test_frames_are_fresh(reported):
    claims, counts = reported.claims(), reported.table("R3.counts")
    claims["value"] = -1.0
    counts.loc[:, :] = 0
    assert (reported.claims()["value"].dropna() >= 0).all()
    assert reported.table("R3.counts").to_numpy().sum() == 10015


def test_every_claim_leads_to_its_row(reported):
    claims = reported.claims()
    assert [reported.entry_of(name) for name in claims["id"]] == list(claims["row"])
    assert reported.entry_of("R0.T2:multi-input-with-xgboost") == "0.13"
    assert reported.entry_of("R0.T2") == "0.12"
    assert reported.entry_of("R3.counts") == "3.1"
    assert reported.entry_of("R4.mean-age") == "4.1"
    assert reported.entry_of("M9") == "M9"
    with pytest.raises(DataError, match=r"'9\.9'"):
        reported.entry_of("9.9")


def test_headers_declare_rows_and_the_rest_is_listed(reported):
    """Rows no chapter declares yet: listed while chapters are missing, none but the browser's
    own once the 23 chapters before it exist."""
    headers = read_headers()
    rows, lessons = undeclared_rows(reported, headers), undeclared_lessons(reported, headers)
    print(f"\n{len(rows)} rows without a chapter: {', '.join(rows)}")
    print(f"{len(lessons)} lessons without a chapter: {', '.join(lessons)}")
    declared = {row for header in headers.values() for row in header.rows}
    assert set(rows) == set(reported.inventory) - declared
    missing = set(reported.chapters) - {"browser"} - set(headers)
    if not missing:
        browser = {row for row, entry in reported.inventory.items() if "browser" in entry.chapters}
        assert set(rows) <= browser
        assert lessons == []


# ---- reading: scores as printed, and mistakes in the file


@pytest.mark.parametrize(
    ("text", "number", "qualifier"),
    [
        ("88.02 %", 0.8802, ""),
        ("85%", 0.85, ""),
        ("0.34", 0.34, ""),
        (".038", 0.038, ""),
        ("4.512", 4.512, ""),
        ("almost 72%", 0.72, "about"),
        ("+0.95", 0.95, "at least"),
    ],
)
def test_scores_are_read_as_printed(text, number, qualifier):
    score = Score.model_validate(text)
    assert (score.stated, score.value, score.qualifier) == (text, number, qualifier)


def test_slugs_keep_models_apart(reported):
    assert slug("InceptionV3, 150 layers") == "inceptionv3-150-layers"
    assert slug("Romero López M1") == "romero-lópez-m1"
    assert not reported.claims()["id"].duplicated().any()


def broken(tmp_path, old, new, count=1):
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "reported.yaml"
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    chapters: [fine-tuning]", "    chapters: [fine-tunning]", r"rows 1\.7.*fine-tunning"),
        ('  "0.2":', '  "5.2":', r"rows 5\.2"),
        ('  "0.2":', "  0.2:", r"rows 0\.2.*quotation"),
        ('  "0.2":', '  "0.1":', r"'0\.1' stands twice"),
        ('"0.038", "0.002"', '"0.038"', r"claims R0\.T1.*VGG19: 3 values for 4 columns"),
        ('"0.038", "0.002"', '"3.8", "0.002"', r"R0\.T1.*VGG19, test f1_micro.*outside"),
        ('"0.038", "0.002"', '"so-so", "0.002"', r"R0\.T1.*VGG19.*so-so"),
        ("columns: [test f1_micro,", "columns: [test f1_mikro,", r"R0\.T1.*f1_mikro"),
        ("columns: [test f1_micro,", "columns: [exam f1_micro,", r"R0\.T1.*exam"),
        ("benign: [682, 48]", "benign: [682, 48.5]", r"tables R1\.confusion.*benign.*whole"),
        ("benign: [682, 48]", "benign: [682]", r"tables R1\.confusion.*benign: 1 values"),
        ('rows: ["4.7", "4.8", "4.10"]', 'rows: ["4.7", "4.12"]', r"lessons M1, rows.*4\.12"),
        ("R1.clip: {row:", "R1.confusion: {row:", r"R1\.confusion is used in two"),
        ("lessons:\n", "lesson:\n", "sections"),
        ("    protocol: image", "    protocoll: image", r"claims R0\.T1, protocol"),
        ("reports:\n", "reports: [\n", "not valid YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, old, new, message):
    path = broken(tmp_path, old, new)
    with pytest.raises(DataError, match=message) as error:
        load_reported(path)
    assert str(path) in str(error.value)


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    with pytest.raises(DataError, match="not found"):
        load_reported(tmp_path / "reported.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes("lessons: é".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        load_reported(path)


def test_a_changed_file_is_read_again(tmp_path):
    path = broken(tmp_path, "stated: 16 577, value: 16577", "stated: 16 577, value: 16577 ")
    first = load_reported(path)
    assert load_reported(path) is first
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("dice, unknown iou", "dice, test iou"), encoding="utf-8")
    assert "test" in set(load_reported(path).claims(row="3.10")["part"])
