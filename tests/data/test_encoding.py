"""Metadata as numbers: learned from training rows, and not stopped by what they did not have."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data.encoding import MetadataEncoder, encoded_metadata
from dermbook.errors import DataError, ParameterError


def table(**columns):
    frame = pd.DataFrame(columns)
    return frame.set_index(pd.Index([f"I{row}" for row in range(len(frame))], name="image_id"))


TRAIN = table(age=[20.0, None, 40.0, 90.0], sex=["male", "female", None, "male"])


def test_numbers_are_filled_with_the_median_and_standardised_by_the_training_rows():
    found = MetadataEncoder(["age"]).fit(TRAIN).transform(table(age=[None, 40.0, 140.0]))
    filled = np.array([20, 40, 40, 90.0])  # the median of 20, 40, 90 in the gap
    expected = (np.array([40, 40, 140]) - filled.mean()) / filled.std()
    np.testing.assert_allclose(found["age"], expected)
    assert found["age missing"].tolist() == [1, 0, 0]
    assert list(found.index) == ["I0", "I1", "I2"]


def test_a_gap_is_a_category_and_an_unknown_category_is_zero_everywhere():
    encoder = MetadataEncoder(["sex"]).fit(TRAIN)
    found = encoder.transform(table(sex=["female", None, "unknown", "male"]))
    assert encoder.names == ["sex=female", "sex=male", "sex=missing"]
    assert found.to_numpy().tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_a_gap_that_training_never_had_gets_no_column_of_its_own():
    whole = table(age=[20.0, 40.0], sex=["male", "female"])
    found = MetadataEncoder(["age", "sex"]).fit(whole).transform(table(age=[None], sex=[None]))
    assert list(found.columns) == ["age", "sex=female", "sex=male"]
    assert found.iloc[0].tolist() == [0, 0, 0]


def test_digits_are_the_same_category_however_they_are_stored():
    whole = table(scale=pd.array([1, 3, None], dtype="Int64"))
    encoder = MetadataEncoder(["scale"]).fit(whole)
    assert encoder.names == ["scale=1", "scale=3", "scale=missing"]
    for stored in ([3.0, None], ["3", None], pd.array([3, None], dtype="Int64")):
        found = encoder.transform(table(scale=stored))
        assert found.to_numpy().tolist() == [[0, 1, 0], [0, 0, 1]]


def test_a_column_without_a_single_value_stays_a_column():
    empty = table(age=[None, None], sex=["male", "male"])
    encoder = MetadataEncoder(["sex", "age"]).fit(empty)
    assert encoder.names == ["age", "age missing", "sex=male"]
    found = encoder.transform(table(age=[50.0], sex=["male"]))
    assert np.isfinite(found.to_numpy()).all()


def test_nothing_is_learned_from_rows_outside_train(small_phantom):
    train = small_phantom.ids[:60]
    columns = ["age", "sex", "localization"]
    found = encoded_metadata(small_phantom, columns, train)
    kept = small_phantom.where(ids=train)
    alone = encoded_metadata(kept, columns, train)
    pd.testing.assert_frame_equal(found.loc[list(train)], alone)
    assert list(found.index) == list(small_phantom.ids)
    np.testing.assert_allclose(alone["age"].mean(), 0, atol=1e-9)


def test_errors_name_the_column_and_the_image():
    with pytest.raises(DataError, match="no column 'site'"):
        MetadataEncoder(["site"]).fit(TRAIN)
    with pytest.raises(DataError, match=r"'age'.*'I1' has 'old'"):
        MetadataEncoder(["age"]).fit(table(age=["3", "old"]))
    with pytest.raises(DataError, match=r"'age'.*'I0' has 'inf'"):
        MetadataEncoder(["age"]).fit(table(age=[np.inf]))
    with pytest.raises(DataError, match="fit the encoder"):
        MetadataEncoder(["age"]).transform(TRAIN)
    with pytest.raises(DataError, match="no training rows"):
        MetadataEncoder(["age"]).fit(TRAIN.iloc[:0])
    with pytest.raises(ParameterError, match="'label' is the answer"):
        MetadataEncoder(["age", "label"])
    with pytest.raises(ParameterError, match="each once"):
        MetadataEncoder(["age", "age"])
    with pytest.raises(ParameterError, match="at least one"):
        MetadataEncoder([])


def test_an_unknown_image_is_named(small_phantom):
    with pytest.raises(DataError, match="no image 'nobody'"):
        encoded_metadata(small_phantom, ["sex"], ["nobody"])
