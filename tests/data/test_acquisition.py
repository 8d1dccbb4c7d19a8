import os

import pandas as pd
import pytest

from dermbook.data import acquisition
from dermbook.data.phantom import phantom
from dermbook.data.phantom.publish import FAULTS
from dermbook.errors import DataError


@pytest.fixture(scope="module")
def few():
    return phantom(28, height=48, width=64, seed=0)


def test_sources_are_the_registry_s():
    table = acquisition.sources_table().set_index("collection")
    assert table.loc["ham10000", "images"] == 10015
    assert table.loc["ham10000", "with_md5"] >= 3
    assert table["licence"].str.startswith("CC BY-NC").all()


def test_layout(few):
    table = acquisition.layout_table(few).set_index("file")
    assert table.loc["HAM10000_images_part_1.zip", "holds"] == 14
    assert table.loc["HAM10000_metadata.csv", "first"].startswith("lesion_id,image_id,dx")
    assert table.loc["HAM10000_segmentations_lesion_tschandl.zip", "holds"] == 28


def test_planted_faults(few):
    before = os.environ["DERMBOOK_DATA"]
    table = acquisition.fault_table(few).set_index("fault")
    assert os.environ["DERMBOOK_DATA"] == before
    assert set(table.index) == set(FAULTS)
    refused = ["undecodable-image", "unknown-class", "missing-part", "truncated-zip"]
    assert set(table.loc[refused, "answer"]) == {"refused"}
    assert table.loc["empty-mask", "answer"] == "told"
    assert table.loc["cmyk", "answer"] == "taken"
    assert not table["said"].str.contains("/tmp|source/", regex=True).any()
    assert (table.loc[table["answer"] != "taken", "said"].str.len() > 10).all()


def test_folders(small_phantom):
    some = small_phantom.where(ids=small_phantom.ids[:40])
    table = acquisition.folder_table(some).set_index("folder")
    counts = some.class_counts()
    assert table["images"].tolist() == counts.tolist()
    assert table["zipped"].tolist() == counts.tolist()


def test_steps_of_a_table_of_addresses():
    table = pd.DataFrame(
        {
            "label": list("aabbcc"),
            "qc": ["3 Wrongly labelled", None, "1 Diagnostic", None, "3 Wrongly labelled", None],
            "url": [None, None, "http://a/", "nan", "http://b/", "http://c/"],
        }
    )
    steps = acquisition.address_steps(table)
    assert steps["rows"].tolist() == [6, 2, 2, 1]
    assert steps["left"].tolist() == [6, 4, 2, 2]
    assert acquisition.address_counts(table) == {
        "rows": 6,
        "wrongly_labelled": 2,
        "without_address": 3,
        "both": 1,
        "addresses": 2,
        "conditions": 3,
    }
    with pytest.raises(DataError, match="lacks the column url"):
        acquisition.address_steps(table.drop(columns="url"))


def test_r0_s_arithmetic(shared_data):
    """reported.yaml: 16,577 rows, 17 marked, 41 without an address, none in common: 16,519."""
    counts = acquisition.address_counts(pd.read_csv(shared_data / "fitzpatrick17k.csv"))
    assert counts == {
        "rows": 16577,
        "wrongly_labelled": 17,
        "without_address": 41,
        "both": 0,
        "addresses": 16519,
        "conditions": 114,
    }
