"""What the chapter that looks inside counts among errors, and a picture that it must never show."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from dermbook.errors import DataError
from dermbook.publishing import looking_inside
from dermbook.publishing.chapter import Chapter


def test_mistakes_are_those_of_the_confusion_matrix(predictions):
    table = looking_inside.mistakes(predictions)
    matrix = confusion_matrix(predictions.truth_codes, predictions.predicted_codes, labels=range(7))
    assert list(table["images"]) == list(matrix.sum(axis=1))
    np.fill_diagonal(matrix, 0)
    assert list(table["wrong"]) == list(matrix.sum(axis=1))
    for row, counts in zip(table.to_dict("records"), matrix, strict=True):
        if row["wrong"]:
            assert counts[predictions.classes.index(row["mistaken_for"])] == counts.max()
            assert row["share"] == pytest.approx(counts.max() / counts.sum())
    assert set(table[table["malignant"]]["class"]) == {"mel", "bcc", "akiec"}


def test_mistakes_of_a_network_without_any(predictions):
    table = predictions.table.copy()
    table[list(predictions.classes)] = np.eye(7)[predictions.truth_codes]
    perfect = replace(predictions, table=table)
    frame = looking_inside.mistakes(perfect)
    assert (frame["wrong"] == 0).all()
    assert set(frame["mistaken_for"]) == {"–"}
    assert looking_inside.missed_malignant(frame) == "No malignant lesion was named wrongly."


def test_the_chapter_itself_refuses_a_picture_of_patients(small_phantom):
    header = SimpleNamespace(chapter="looking-inside", path=__file__, needs=[], title="")
    chapter = Chapter.__new__(Chapter)
    chapter.name, chapter.header = "looking-inside", header
    patients = replace(small_phantom, phantom=False)
    with pytest.raises(DataError, match="Real images are never rendered"):
        chapter.picture("gallery", None, collection=patients, caption="c", alt="a")
