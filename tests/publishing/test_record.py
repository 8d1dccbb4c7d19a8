"""A Record survives writing and reading, refuses damage, and holds no bulk."""

import json

import numpy as np
import pandas as pd
import pytest
from records import make_record

from dermbook.errors import RecordError
from dermbook.publishing.record import Record, series_columns


def test_reads_back_what_was_written(tmp_path):
    record = make_record()
    path = record.save(tmp_path / "deep" / "record.json")
    assert Record.load(path) == record


def test_is_plain_json_with_a_line_a_metric_and_a_line_a_column(tmp_path):
    path = make_record().save(tmp_path / "record.json")
    content = json.loads(path.read_text())
    assert content["metrics"][0]["class"] == ""
    lines = path.read_text().splitlines()
    assert sum('"metric": ' in line and '"value": ' in line for line in lines) == 2
    assert sum(line.strip().startswith('"epoch": [1, 2]') for line in lines) == 1


def test_an_empty_record_is_json_too(tmp_path):
    bare = make_record(metrics=[], series={}, answers=[], models={}, data=[], phantom=True)
    assert Record.load(bare.save(tmp_path / "bare.json")) == bare


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[: len(text) // 2], "cut short"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 9'), "schema 9"),
        (lambda text: text.replace('"phantom": false', '"phantom": "perhaps"'), "phantom"),
        (lambda text: text.replace('"edition"', '"edtion"'), "edition|edtion"),
        (lambda text: "[]", "not a Record"),
    ],
)
def test_a_damaged_record_is_refused_by_name(tmp_path, damage, told):
    path = make_record().save(tmp_path / "record.json")
    path.write_text(damage(path.read_text()))
    with pytest.raises(RecordError, match=told) as error:
        Record.load(path)
    assert str(path) in str(error.value)


def test_a_missing_record_says_what_to_do(tmp_path):
    with pytest.raises(RecordError, match="Run the chapter"):
        Record.load(tmp_path / "none.json")


def test_writing_leaves_no_other_file(tmp_path):
    make_record().save(tmp_path / "record.json")
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_series_round_floats_and_turn_missing_values_to_none():
    frame = pd.DataFrame(
        {
            "x": [1 / 3, np.nan, np.inf],
            "n": np.array([1, 2, 3], dtype="int64"),
            "who": ["a", None, pd.NA],
            "yes": [True, False, True],
        }
    )
    columns = series_columns(frame, "s")
    assert columns["x"] == [0.333333, None, None]
    assert columns["n"] == [1, 2, 3]
    assert columns["who"] == ["a", None, None]
    assert columns["yes"] == [True, False, True]
    json.dumps(columns, allow_nan=False)


def test_pixels_do_not_fit_in_a_record():
    picture = pd.DataFrame(np.zeros((256, 256 * 3)))
    with pytest.raises(RecordError, match="at most"):
        series_columns(picture, "picture")
    with pytest.raises(RecordError, match="ndarray"):
        series_columns(pd.DataFrame({"image": [np.zeros((2, 2))]}), "picture")


def test_label_names_edition_and_data():
    assert make_record().label == "laptop · HAM10000"


def test_metrics_frame_and_series_frame():
    record = make_record()
    frame = record.metrics_frame()
    assert list(frame["metric"]) == ["accuracy", "lesions"]
    assert frame["low"].dtype == "float64"
    assert record.metric("r2-cnn", "test", "accuracy").value == 0.72
    assert record.metric("r2-cnn", "train", "accuracy") is None
    with pytest.raises(RecordError, match="curve"):
        record.series_frame("curves")
