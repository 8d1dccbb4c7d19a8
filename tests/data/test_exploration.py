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


def test_boxes_are_tukeys(lesions):
    boxes = exploration.age_boxes(lesions).set_index("class")
    ages = pd.Series([50.0, 50.0, 10.0, 80.0])
    assert boxes.loc["all", ["q1", "median", "q3"]].tolist() == [*ages.quantile([0.25, 0.5, 0.75])]
    assert "df" not in boxes.index  # no image of it, so no box
    many = lesions.table.loc[["a"] * 12].assign(age=[*range(40, 51), 200.0])
    many.index = [f"m{i}" for i in range(12)]
    crowd = Collection("crowd", many, ("nv",), Squares())
    box = exploration.age_boxes(crowd).set_index("class").loc["nv"]
    assert (box["low"], box["high"], box["outliers"]) == (40, 50, 1)


def test_densities_have_area_one_and_leave_out_single_ages(lesions):
    frame = exploration.age_density(load_collection("phantom", images=210), step=1)
    areas = frame.groupby("class")["density"].sum()
    assert areas.between(0.9, 1.01).all()
    assert "mel" not in set(exploration.age_density(lesions)["class"])  # one age only
    with pytest.raises(DataError, match="no class has two different ages"):
        exploration.age_density(lesions.where(lesions.table["label"] == "mel"))


def test_cramers_v_is_one_for_a_copy_and_near_zero_for_noise():
    rng = np.random.default_rng(0)
    first = pd.Series(rng.integers(0, 4, 4000)).astype(str)
    assert exploration.cramers_v(first, first) == pytest.approx(1, abs=1e-6)
    noise = pd.Series(rng.integers(0, 30, 4000)).astype(str)
    # without the correction it would be about √(87 / 4000 / 3) = .085
    assert exploration.cramers_v(first, noise) < 0.05
    assert np.isnan(exploration.cramers_v(first, pd.Series(["x"] * 4000)))
    # a published 2 × 2 example is φ: (ad − bc) / √((a+b)(c+d)(a+c)(b+d)), before the correction
    a, b, c, d = 300, 100, 100, 500
    phi = (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    rows = pd.Series(["p"] * (a + b) + ["q"] * (c + d))
    columns = pd.Series(["x"] * a + ["y"] * b + ["x"] * c + ["y"] * d)
    assert exploration.cramers_v(rows, columns) == pytest.approx(phi, abs=0.002)


def test_a_column_that_is_the_label_gives_it_away_and_noise_does_not():
    collection = load_collection("phantom", images=350, seed=1)
    rng = np.random.default_rng(0)
    table = collection.table.assign(
        copy=lambda t: t["label"], noise=rng.choice(list("abcd"), len(collection))
    )
    marked = Collection("marked", table, collection.classes, collection.source, phantom=True)
    split = load_split(collection)
    ties = exploration.association_table(marked, ["noise", "copy", "age"], split)
    ties = ties.set_index("column")
    assert ties.index[0] == "copy"
    assert ties.loc["copy", "balanced_accuracy"] == 1
    assert ties.loc["noise", "balanced_accuracy"] < 0.35
    assert ties.loc["noise", "chance"] == pytest.approx(1 / 7)
    assert ties.loc["age", "values"] <= 11  # bands, not single years
    with pytest.raises(DataError, match="no column 'height'"):
        exploration.association_table(marked, ["height"], split)


def test_excess_is_count_over_expectation(lesions):
    frame = exploration.excess_table(lesions, "sex")
    row = frame[(frame["class"] == "nv") & (frame["category"] == "male")].iloc[0]
    assert row["count"] == 3
    assert row["expected"] == pytest.approx(4 * 3 / 5)
    assert frame["count"].sum() == 5
    assert frame["expected"].sum() == pytest.approx(5)
    assert exploration.largest_excess(frame, least=3)["class"].tolist() == ["nv"]


@pytest.fixture
def sizes():
    """A hundred images from 101×51 to 200×150, and their order is that of both sides."""
    steps = np.arange(1, 101)
    return pd.DataFrame({"width": 100 + steps, "height": 50 + steps})


def test_three_readings_of_the_smallest_share(sizes):
    rules = exploration.size_rules(sizes, share=0.05).set_index("reading")
    width, height = (int(np.quantile(sizes[side], 0.05)) for side in ("width", "height"))
    assert tuple(rules.loc["each side", ["width", "height"]]) == (width, height)
    assert tuple(rules.loc["area", ["width", "height"]]) == (105, 55)
    shorter = rules.loc["shorter side"]
    assert shorter["height"] == height
    ratio = (sizes["width"] / sizes["height"]).median()
    assert shorter["width"] == pytest.approx(ratio * height, abs=2)
    assert rules.loc["area", "enlarged"] == 0.04
    for share in (0, 1, -0.1):
        with pytest.raises(ParameterError, match="share"):
            exploration.size_rules(sizes, share=share)
    with pytest.raises(DataError, match="no images"):
        exploration.size_rules(sizes.head(0))


def test_a_portrait_collection_gets_a_portrait_size(sizes):
    turned = sizes.rename(columns={"width": "height", "height": "width"})
    rules = exploration.size_rules(turned).set_index("reading")
    assert rules.loc["shorter side", "height"] > rules.loc["shorter side", "width"]
    shapes = exploration.shape_table(turned).set_index("orientation")
    assert shapes.loc["portrait", "percent"] == 100
    assert shapes.loc["landscape", "count"] == 0


def test_the_cost_of_a_size(sizes):
    assert exploration.size_cost(sizes, 1, 1) == {
        "width": 1, "height": 1, "enlarged": 0.0, "both": 0.0,
    }  # fmt: skip
    assert exploration.size_cost(sizes, 10_000, 1)["enlarged"] == 1.0
    assert exploration.size_cost(sizes, 10_000, 1)["both"] == 0.0
    with pytest.raises(ParameterError, match="0×5"):
        exploration.size_cost(sizes, 0, 5)
    table = exploration.size_figure_table(sizes, step=25)
    assert table.loc[table["reading"] == "", "count"].sum() == len(sizes)
    assert (table["reading"] != "").sum() == 3


def test_scales_agree_as_scikit_learn_says():
    from sklearn.metrics import cohen_kappa_score

    table = pd.DataFrame(
        {"fitzpatrick_scale": [1, 2, 3, 4, pd.NA, 6], "fitzpatrick_centaur": [1, 3, 3, 2, 5, pd.NA]}
    ).astype("Int64")
    found = exploration.scale_agreement(table)
    assert (found["both"], found["same"], found["within_one"]) == (4, 0.5, 0.75)
    expected = cohen_kappa_score([1, 2, 3, 4], [1, 3, 3, 2], weights="quadratic")
    assert found["weighted_kappa"] == pytest.approx(expected)
    counts = exploration.skin_type_table(table).set_index(["scale", "type"])["count"]
    assert counts["fitzpatrick_scale", "unknown"] == 1
    assert counts.groupby("scale").sum().tolist() == [6, 6]
    pairs = exploration.confusion_of_scales(table)
    assert pairs["count"].sum() == 6
    assert len(pairs) == 49
    empty = exploration.scale_agreement(table.head(0))
    assert empty["both"] == 0
    assert np.isnan(empty["weighted_kappa"])


def test_the_tail_adds_up():
    labels = pd.Series(["b"] * 5 + ["a"] * 5 + ["c"] + [None])
    frame = exploration.rank_table(labels)
    assert frame["class"].tolist() == ["a", "b", "c"]  # ties by name
    assert frame["cumulative"].iloc[-1] == pytest.approx(100)
    assert frame["percent"].iloc[0] == pytest.approx(500 / 11)
    with pytest.raises(DataError, match="no labels"):
        exploration.rank_table(pd.Series([None, None]))


def test_the_published_table_of_fitzpatrick17k(shared_data):
    """Facts that its authors state, from the table itself."""
    table = pd.read_csv(shared_data / "fitzpatrick17k.csv").replace(-1, pd.NA)
    counts = exploration.clinical_counts(table)
    assert (counts["images"], counts["classes"]) == (16577, 114)
    tail = exploration.rank_table(table["label"])
    assert (tail["class"][0], tail["count"].iloc[[0, -1]].tolist()) == ("psoriasis", [653, 53])
    assert 0.1 < counts["dark"] < 0.2
