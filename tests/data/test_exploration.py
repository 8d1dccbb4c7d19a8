"""The exploration tables against counts done by hand and by pandas."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data import Collection, exploration, load_collection, load_split
from dermbook.errors import DataError, ParameterError


class Squares:
    """Images of 4 x 6 pixels with a lesion of known area; no masks for ids that end in ``x``."""

    def image(self, image_id):
        return np.zeros((4, 6, 3), dtype="uint8")

    def mask(self, image_id):
        if image_id.endswith("x"):
            return None
        mask = np.zeros((4, 6), dtype=bool)
        mask[:2, :3] = True
        return mask

    def encoded(self, image_id):
        return image_id.encode()

    def signature(self, image_id):
        return image_id


@pytest.fixture
def lesions():
    """Five images of three lesions in two of three classes; one age and one sex missing."""
    table = pd.DataFrame(
        {
            "label": ["nv", "nv", "nv", "nv", "mel"],
            "group": ["l1", "l1", "l1", "l2", "l3"],
            "age": [50.0, 50.0, np.nan, 10.0, 80.0],
            "sex": ["male", "male", "male", "unknown", None],
        },
        index=["a", "b", "c", "d", "e"],
    )
    return Collection("tiny", table, ("mel", "nv", "df"), Squares())


def test_class_table_counts_images_and_lesions(lesions):
    frame = exploration.class_table(lesions).set_index("class")
    assert list(frame.index) == ["nv", "mel", "df"]
    assert frame.loc["nv"].to_dict() == {
        "count": 4,
        "lesions": 2,
        "percent": 80.0,
        "images_per_lesion": 2.0,
    }
    assert frame.loc["df", "count"] == 0
    assert np.isnan(frame.loc["df", "images_per_lesion"])


def test_categories_are_percentages_of_the_class_with_missing_as_unknown(lesions):
    frame = exploration.category_table(lesions, "sex")
    found = {(row["class"], row["category"]): row["percent"] for row in frame.to_dict("records")}
    assert found == {("nv", "male"): 75.0, ("nv", "unknown"): 25.0, ("mel", "unknown"): 100.0}
    with pytest.raises(DataError, match=r"'site'.*age"):
        exploration.category_table(lesions, "site")


def test_ages_fall_in_right_open_bands(lesions):
    frame = exploration.age_table(lesions, width=10)
    filled = frame[frame["count"] > 0]
    assert set(filled.itertuples(index=False, name=None)) == {
        ("nv", 50, 60, 2),
        ("nv", 10, 20, 1),
        ("mel", 80, 90, 1),
    }
    with pytest.raises(DataError, match="width"):
        exploration.age_table(lesions, width=0)


def test_age_summary_agrees_with_numpy(lesions):
    frame = exploration.age_summary(lesions).set_index("class")
    ages = [50, 50, 10]
    assert frame.loc["nv", "n"] == 3
    assert frame.loc["nv", "missing"] == 1
    assert frame.loc["nv", "mean"] == pytest.approx(np.mean(ages))
    assert frame.loc["nv", "q1"] == np.quantile(ages, 0.25)
    assert frame.loc["df", "n"] == 0
    assert frame.loc["all", "n"] == 4


def test_photographs_per_lesion(lesions):
    frame = exploration.photographs_table(lesions)
    assert frame.to_dict("list") == {
        "photographs": [1, 3],
        "lesions": [2, 1],
        "images": [2, 3],
    }


def test_missing_counts_empty_and_unknown(lesions):
    frame = exploration.missing_table(lesions, ["age", "sex"]).set_index("column")
    assert frame["missing"].to_dict() == {"age": 1, "sex": 2}
    assert frame.loc["sex", "percent"] == 40.0


def test_sizes_are_read_from_images_or_from_the_table(lesions):
    decoded = exploration.size_table(lesions)
    assert decoded.loc[0, ["width", "height", "count"]].tolist() == [6, 4, 5]
    told = Collection(
        "tiny",
        lesions.table.assign(width=[8, 8, 8, 6, 6], height=4),
        lesions.classes,
        lesions.source,
    )
    frame = exploration.size_table(told)
    assert frame[["width", "count", "percent"]].to_numpy().tolist() == [[8, 3, 60], [6, 2, 40]]


def test_lesion_area_is_that_of_the_mask(lesions):
    frame = exploration.lesion_area_table(lesions).set_index("class")
    assert frame.loc["nv", "median"] == 0.25
    assert frame.loc["nv", "n"] == 4
    assert exploration.lesion_area_table(lesions, sample=2).set_index("class").loc["nv", "n"] == 2
    unmasked = Collection(
        "tiny", lesions.table.rename(index={"a": "ax"}), lesions.classes, lesions.source
    )
    with pytest.raises(DataError, match="no lesion masks"):
        exploration.lesion_area_table(unmasked)


def test_key_counts_are_those_that_reports_quote(lesions):
    counts = exploration.key_counts(lesions)
    assert counts["images"] == 5
    assert counts["lesions"] == 3
    assert counts["missing_ages"] == 1
    assert counts["mean_age"] == pytest.approx(47.5)
    assert counts["age_deviation"] == pytest.approx(np.std([50, 50, 10, 80], ddof=1))
    assert (counts["malignant"], counts["benign"]) == (1, 4)


def test_key_counts_of_the_real_collection(shared_data):
    """R4's quoted numbers (row 4.1), from the publisher's own table."""
    table = pd.read_csv(shared_data / "HAM10000_metadata.csv", index_col="image_id")
    table = table.rename(columns={"dx": "label", "lesion_id": "group"})
    classes = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
    counts = exploration.key_counts(Collection("ham10000", table, classes, Squares()))
    assert (counts["images"], counts["lesions"], counts["missing_ages"]) == (10015, 7470, 57)
    assert counts["mean_age"] == pytest.approx(51.863828, abs=5e-7)
    assert counts["malignant"] == 1954


def test_examples_are_of_every_class_and_of_different_lesions(small_phantom):
    ids = exploration.example_ids(small_phantom, 3, seed=1)
    table = small_phantom.table.loc[ids]
    assert (table["label"].value_counts() == 3).all()
    assert table["group"].is_unique
    assert ids == exploration.example_ids(small_phantom, 3, seed=1)


def test_a_phantom_is_loaded_by_name_and_split_by_lesion():
    phantom = load_collection("phantom", images=120, height=32, width=32, seed=5)
    assert len(phantom) == 120
    split = load_split(phantom, seed=5)
    assert sorted(i for ids in split.parts.values() for i in ids) == sorted(phantom.ids)
    with pytest.raises(ParameterError, match="known are"):
        load_collection("fantom")
    with pytest.raises(ParameterError, match="images"):
        load_collection("phantom", images=-1)
    with pytest.raises(DataError, match="dermbook data import"):
        load_collection("ham10000")
