"""What is published is real, complete, and can be computed again from the published predictions."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermbook.data.splits import Split
from dermbook.evaluation import Predictions, score
from dermbook.publishing.header import read_headers
from dermbook.publishing.parameters import check_parameters
from dermbook.publishing.record import Record

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "book" / "results"
RECORDS = sorted(RESULTS.glob("*/*.json"))
PREDICTIONS = sorted(RESULTS.glob("*/predictions/*/*.parquet"))
#: chapters that predict other images than those of a part of the canonical split
OWN_SPLITS = {
    "enhancement": "repeats its experiment over splits of its own",
    "random-search": "searches on some of the images of a part",
}
SUBMISSIONS = sorted((RESULTS / "submissions").glob("*.csv"))


def names(paths):
    return ["/".join(path.relative_to(RESULTS).parts) for path in paths]


def test_something_is_published():
    assert {path.stem for path in RECORDS} >= {"exploration", "cnn-from-scratch"}
    assert PREDICTIONS
    assert SUBMISSIONS


@pytest.mark.parametrize("path", RECORDS, ids=names(RECORDS))
def test_a_published_record_is_real_and_of_a_chapter_that_exists(path):
    record = Record.load(path)
    assert not record.phantom
    assert record.edition == path.parent.name
    assert record.chapter == path.stem
    assert record.chapter in read_headers()
    # the parameters are still the chapter's own; it may have gained some since
    assert check_parameters(record.chapter, record.parameters).items() >= record.parameters.items()
    assert record.code.commit
    assert all(len(data.fingerprint) == 64 for data in record.data)
    # small enough to commit, and too small for pixels: a chapter of fifty models has thousands of
    # scores, of some 250 bytes each
    assert path.stat().st_size < 150_000 + 300 * len(record.metrics)


@pytest.mark.parametrize("path", PREDICTIONS, ids=names(PREDICTIONS))
def test_published_scores_follow_from_published_predictions(path):
    predictions = Predictions.load(path)
    record = Record.load(path.parents[2] / f"{path.parent.name}.json")
    assert not predictions.phantom
    assert predictions.data_fingerprint in {data.fingerprint for data in record.data} or (
        # another labelling of the same images has a fingerprint of its own
        len(predictions.classes) != 7
    )
    split = Split.load(ROOT / "data" / "splits" / "ham10000.csv")
    if predictions.collection != "ham10000":
        # no split is committed of what every reader has other images of; its parts share no group
        siblings = path.parent.glob(f"{predictions.model}--*.parquet")
        others = [Predictions.load(each) for each in siblings if each != path]
        groups = set(predictions.table["group"])
        assert all(groups.isdisjoint(other.table["group"]) for other in others)
    elif path.parent.name in OWN_SPLITS or predictions.part == "out-of-fold":
        assert set(predictions.ids) <= {name for part in split.parts.values() for name in part}
    else:
        assert set(predictions.ids) == set(split.parts[predictions.part])
    again = score(predictions)
    for row in again.to_dict("records"):
        published = record.metric(
            predictions.model, predictions.part, row["metric"], row["class"] or ""
        )
        assert published is not None, row["metric"]
        for bound in ("value", "low", "high"):
            ours, theirs = row[bound], getattr(published, bound)
            if pd.isna(ours):
                assert theirs is None
            else:
                assert ours == pytest.approx(theirs, abs=1e-9), (row["metric"], bound)


@pytest.mark.parametrize("path", SUBMISSIONS, ids=names(SUBMISSIONS))
def test_a_submission_has_the_format_of_the_challenge(path):
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    ids = [row[0] for row in rows[1:]]
    assert len(ids) == len(set(ids)) == 1510
    assert all(name.startswith("ISIC_00") for name in ids)
    values = np.array([row[1:] for row in rows[1:]], dtype="float64")
    assert values.min() >= 0
    assert np.allclose(values.sum(axis=1), 1, atol=1e-4)


def test_results_hold_no_pictures():
    kinds = {path.suffix for path in RESULTS.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".parquet", ".csv", ".md"}
