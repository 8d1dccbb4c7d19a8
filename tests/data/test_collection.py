"""The Collection: what it accepts, what it refuses, and what changes its fingerprint."""

import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pytest

from dermbook.data import Collection, ImageSource, phantom
from dermbook.errors import DataError


class Source:
    """Pictures of one colour; the signature is the id and a version."""

    def __init__(self, version: str = ""):
        self.version = version

    def image(self, image_id):
        return np.full((2, 3, 3), int(image_id), dtype="uint8")

    def mask(self, image_id):
        return None

    def encoded(self, image_id):
        return image_id.encode()

    def signature(self, image_id):
        return image_id + self.version


TABLE = pd.DataFrame(
    {
        "label": ["b", "a", None, "b"],
        "group": ["x", "x", "y", "z"],
        "age": [30.0, 40.0, None, 50.0],
    },
    index=pd.Index(["1", "2", "3", "4"], name="image_id"),
)


def collection(table=TABLE, *, classes=("a", "b", "c"), source=None, name="tiny") -> Collection:
    return Collection(name, table, classes, source or Source())


def test_codes_follow_the_order_of_the_classes():
    known = collection(TABLE.drop("3"))
    np.testing.assert_array_equal(known.codes(), [1, 0, 1])
    assert known.codes().dtype == np.int32
    np.testing.assert_array_equal(known.codes(["2", "4", "2"]), [0, 1, 0])
    np.testing.assert_array_equal(
        collection(TABLE.drop("3"), classes=("b", "a")).codes(), [0, 1, 0]
    )


def test_a_missing_label_is_named():
    with pytest.raises(DataError, match="image 3 has no label"):
        collection().codes()
    np.testing.assert_array_equal(collection().codes(["1"]), [1])


def test_class_counts_include_absent_classes():
    assert collection().class_counts().to_dict() == {"a": 1, "b": 2, "c": 0}


@pytest.mark.parametrize("column", ["label", "group"])
def test_a_table_without_a_needed_column(column):
    with pytest.raises(DataError, match=f"tiny.*{column}"):
        collection(TABLE.drop(columns=column))


def test_repeated_ids_and_unknown_labels_are_refused():
    with pytest.raises(DataError, match="'2'"):
        collection(pd.concat([TABLE, TABLE.loc[["2"]]]))
    with pytest.raises(DataError, match="none of the classes"):
        collection(classes=("a",))


def test_unknown_ids_are_named():
    for ask in (
        lambda c: c.image("9"),
        lambda c: c.mask("9"),
        lambda c: c.codes(["1", "9"]),
        lambda c: c.where(ids=["9"]),
    ):
        with pytest.raises(DataError, match="tiny has no image '9'"):
            ask(collection())


def test_where_takes_conditions_and_ids_in_order():
    whole = collection()
    assert whole.where(lambda table: table["age"] > 35).ids == ("2", "4")
    assert whole.where(ids=["4", "1"]).ids == ("4", "1")
    assert whole.where(whole.table["label"] == "b", ids=["4", "2", "1"]).ids == ("4", "1")
    assert len(whole) == 4


def test_a_condition_that_is_missing_counts_as_false():
    condition = pd.Series([True, None], index=["1", "2"], dtype="boolean")
    assert collection().where(condition).ids == ("1",)


def test_relabel():
    binary = collection().relabel({"a": "benign", "b": "malignant"}, ["benign", "malignant"])
    np.testing.assert_array_equal(binary.codes(["1", "2", "4"]), [1, 0, 1])
    assert pd.isna(binary.table.loc["3", "label"])
    with pytest.raises(DataError, match="no new label for b"):
        collection().relabel({"a": "benign"}, ["benign"])


def test_changing_the_given_table_changes_nothing():
    table = TABLE.copy()
    made = collection(table)
    before = made.fingerprint
    table.loc["1", "label"] = "a"
    assert made.table.loc["1", "label"] == "b"
    assert collection(made.table).fingerprint == before


def test_changing_what_the_table_gave_changes_nothing():
    made = collection()
    before = made.fingerprint
    seen = made.table
    seen.loc["1", "label"] = "a"
    seen["age"] = 0.0
    seen.index = ["5", "6", "7", "8"]
    assert made.ids == ("1", "2", "3", "4")
    assert made.table.loc["1", "label"] == "b"
    assert made.table["age"].tolist()[:2] == [30.0, 40.0]
    assert collection(made.table).fingerprint == before
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.table = seen


def test_the_fingerprint_is_what_its_definition_says():
    """Published Records and caches hang on it: it must be the same on every machine."""
    content = b"image_id,label,group,age\n1,b,x,0.3\n3,,y,\n"
    expected = hashlib.sha256(b"tiny\0a\0b\0c\0label\0group\0age" + content + b"13").hexdigest()
    assert collection(TABLE.loc[["1", "3"]].assign(age=[0.1 + 0.2, None])).fingerprint == expected


def test_the_fingerprint_tells_every_difference():
    variants = [
        collection(),
        collection(name="other"),
        collection(classes=("b", "a", "c")),
        collection(source=Source("2")),
        collection(TABLE.iloc[::-1]),
        collection(TABLE.drop("3")),
        collection(TABLE.rename(columns={"age": "years"})),
        collection(TABLE.assign(age=[30.0, 40.0, None, 50.5])),
    ]
    assert len({variant.fingerprint for variant in variants}) == len(variants)
    assert collection().fingerprint == collection().fingerprint


def test_sources_keep_the_protocol():
    assert isinstance(Source(), ImageSource)
    assert isinstance(phantom(21, height=32, width=32).source, ImageSource)
