import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dermbook.data.collection import Collection
from dermbook.errors import DataError, RecordError
from dermbook.evaluation import Predictions, aligned

SEVEN = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")


class NoImages:
    """A source of nothing: Predictions never read pixels."""

    def image(self, image_id):
        raise AssertionError("Predictions must not read images")

    mask = encoded = image

    def signature(self, image_id):
        return image_id


def collection(labels, classes, groups=None):
    ids = pd.Index([f"I{row}" for row in range(len(labels))], name="image_id")
    groups = groups or [f"L{row}" for row in range(len(labels))]
    table = pd.DataFrame({"label": labels, "group": groups}, index=ids)
    return Collection("made-up", table, classes, NoImages(), phantom=True)


@pytest.fixture
def three():
    return collection(["a", "b", "c", "a"], ("a", "b", "c"), ["L1", "L2", "L3", "L1"])


def predict(three, ids, values):
    return Predictions.from_probabilities(ids, np.array(values), three, model="m", part="test")


def test_truth_and_lesion_are_joined_on_the_id_not_on_the_order(three):
    found = predict(three, ["I3", "I1"], [[0.2, 0.5, 0.3], [0.1, 0.8, 0.1]])
    assert list(found.table["truth"]) == ["a", "b"]
    assert list(found.table["group"]) == ["L1", "L2"]
    assert found.ids == ("I3", "I1")
    assert list(found.predicted) == ["b", "b"]
    assert found.truth_codes.tolist() == [0, 1]
    assert (found.collection, found.data_fingerprint) == ("made-up", three.fingerprint)
    assert found.phantom is True


def test_dtypes_are_deliberate(three):
    found = predict(three, ["I0"], np.float32([[0.2, 0.5, 0.3]]))
    assert found.table.dtypes.astype(str).to_dict() == {
        "truth": "str",
        "group": "str",
        "a": "float64",
        "b": "float64",
        "c": "float64",
    }
    assert found.table.index.name == "image_id"


def test_tied_classes_go_to_the_first(three):
    found = predict(three, ["I0", "I1"], [[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]])
    assert list(found.predicted) == ["a", "b"]


def test_rows_are_renormalised_in_float64(three):
    found = predict(three, ["I0"], np.float32([[0.33337, 0.33337, 0.33335]]))
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        (["I0", "I0"], [[0.2, 0.5, 0.3]] * 2, r"repeated; the first is 'I0'"),
        (["I0", "I9"], [[0.2, 0.5, 0.3]] * 2, r"not in made-up; the first is 'I9'"),
        ([], np.zeros((0, 3)), "at least one image"),
        (["I0"], [[0.2, 0.5, 0.3]] * 2, r"shape \(2, 3\)"),
        (["I0"], [[0.5, 0.5]], r"shape \(1, 2\)"),
        (["I0"], [0.2], r"shape \(1,\)"),
        (["I0", "I1"], [[0.2, 0.5, 0.3], [np.nan, 0.5, 0.5]], "'I1'.*NaN"),
        (["I0"], [[np.inf, 0, 0]], "NaN or infinite"),
        (["I0"], [[-0.1, 0.6, 0.5]], "outside 0 to 1"),
        (["I0"], [[2.0, -3.0, 1.0]], "outside 0 to 1.*logits"),
        (["I0"], [[0.2, 0.5, 0.2998]], "do not sum to 1"),
    ],
)
def test_bad_input_is_refused_by_name(three, ids, values, message):
    with pytest.raises(DataError, match=message):
        predict(three, ids, values)


@pytest.mark.parametrize("values", [[0.8, 0.3], [[0.8], [0.3]]])
def test_one_sigmoid_column_becomes_two(values):
    two = collection(["benign", "malignant"], ("benign", "malignant"))
    found = predict(two, ["I1", "I0"], values)
    np.testing.assert_allclose(found.probabilities, [[0.2, 0.8], [0.7, 0.3]])
    assert list(found.predicted) == ["malignant", "benign"]


def test_sigmoid_out_of_range_is_refused():
    two = collection(["benign", "malignant"], ("benign", "malignant"))
    with pytest.raises(DataError, match="outside 0 to 1"):
        predict(two, ["I0"], [1.2])


def test_truth_may_be_unknown_but_is_then_not_scored(three):
    untold = collection([None, None], ("a", "b", "c"))
    found = predict(untold, ["I0", "I1"], [[0.2, 0.5, 0.3]] * 2)
    assert not found.has_truth
    assert found.table["truth"].isna().all()
    with pytest.raises(DataError, match="the truth of 2 of its 2 images is unknown"):
        _ = found.truth_codes


def test_an_image_of_unknown_lesion_is_a_lesion_of_its_own(make):
    found = make(["a", "b", "b"], [[0.5, 0.5]] * 3, ("a", "b"))
    table = found.table.assign(group=[None, "L1", None])
    again = Predictions(table, ("a", "b"), "m", "test", "x", "f", True)
    assert list(again.table["group"]) == ["I0", "L1", "I2"]
    assert again.group_codes.tolist() == [0, 1, 2]


def test_unknown_class_in_truth_is_refused(make):
    with pytest.raises(DataError, match="truth of 'I0' is 'z'"):
        make(["z"], [[0.5, 0.5]], ("a", "b"))


@pytest.mark.parametrize("classes", [("a",), ("a", "a"), ("a", "truth")])
def test_bad_classes_are_refused(make, classes):
    table = make(["a"], [[0.5, 0.5]], ("a", "b")).table
    with pytest.raises(DataError, match=r"[Cc]lass"):
        Predictions(table, classes, "m", "test", "x", "f", True)


def test_other_columns_are_refused(make):
    table = make(["a"], [[0.5, 0.5]], ("a", "b")).table
    with pytest.raises(DataError, match="Predictions have columns"):
        Predictions(table.drop(columns="group"), ("a", "b"), "m", "test", "x", "f", True)


def test_the_table_is_a_copy(make):
    found = make(["a"], [[0.5, 0.5]], ("a", "b"))
    found.probabilities[:] = 7
    assert found.probabilities.max() == 0.5


def test_subset_keeps_the_order_asked_for(make):
    found = make(["a", "b", "a"], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], ("a", "b"))
    part = found.subset(["I2", "I0"], part="overlapping")
    assert (part.ids, part.part) == (("I2", "I0"), "overlapping")
    assert part.probabilities[0, 0] == 0.6
    with pytest.raises(DataError, match="no image 'I7'"):
        found.subset(["I7"])


# ---- files -------------------------------------------------------------------------------------


def test_saved_and_loaded_are_the_same(make_random, tmp_path):
    found = make_random(50)
    path = found.save(tmp_path / "part=test" / "m.parquet")
    again = Predictions.load(path)
    pd.testing.assert_frame_equal(again.table, found.table, check_exact=True)
    for name in ("classes", "model", "part", "collection", "data_fingerprint", "phantom"):
        assert getattr(again, name) == getattr(found, name)
    assert isinstance(again.classes, tuple)


def test_saving_twice_gives_the_same_bytes_and_leaves_nothing_else(make_random, tmp_path):
    found = make_random(50)
    first = found.save(tmp_path / "m.parquet").read_bytes()
    assert Predictions.load(tmp_path / "m.parquet").save(tmp_path / "m.parquet").read_bytes() == (
        first
    )
    assert [path.name for path in tmp_path.iterdir()] == ["m.parquet"]


def test_unknown_truth_survives_the_file(make, tmp_path):
    found = make([None, "b"], [[0.5, 0.5]] * 2, ("a", "b"))
    again = Predictions.load(found.save(tmp_path / "m.parquet"))
    assert again.table["truth"].isna().tolist() == [True, False]
    assert not again.has_truth


def test_metadata_travel_in_the_file(make, tmp_path):
    path = make(["a"], [[0.5, 0.5]], ("a", "b"), model="r2-cnn").save(tmp_path / "x.parquet")
    metadata = json.loads(pq.read_schema(path).metadata[b"dermbook.predictions"])
    assert metadata["model"] == "r2-cnn"
    assert metadata["phantom"] is True


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"gone\.parquet: no Predictions here"):
        Predictions.load(tmp_path / "gone.parquet")


def test_damaged_files_are_named(make, tmp_path):
    path = make(["a"], [[0.5, 0.5]], ("a", "b")).save(tmp_path / "m.parquet")
    whole = path.read_bytes()
    for content in (b"", b"not parquet", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(RecordError, match=r"m\.parquet"):
            Predictions.load(path)


def test_another_parquet_file_is_not_predictions(tmp_path):
    path = tmp_path / "other.parquet"
    pd.DataFrame({"x": [1]}).to_parquet(path)
    with pytest.raises(RecordError, match=r"other\.parquet: not Predictions"):
        Predictions.load(path)


def test_a_file_with_impossible_probabilities_is_refused(make, tmp_path):
    path = make(["a"], [[0.5, 0.5]], ("a", "b")).save(tmp_path / "m.parquet")
    columns = pq.read_table(path)
    position = columns.schema.get_field_index("a")
    pq.write_table(columns.set_column(position, "a", [[0.9]]), path)
    with pytest.raises(RecordError, match=r"m\.parquet.*do not sum to 1"):
        Predictions.load(path)


def test_challenge_file(make, tmp_path):
    shuffled = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    found = make(["mel", "nv"], [[0.01, 0.02, 0.03, 0.04, 0.5, 0.3, 0.1]] * 2, shuffled)
    path = found.subset(["I1", "I0"]).to_challenge_csv(tmp_path / "answer.csv")
    lines = path.read_text().splitlines()
    assert lines[0] == "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"
    assert lines[1] == "I1,0.5,0.3,0.02,0.01,0.03,0.04,0.1"
    assert lines[2].startswith("I0,")


def test_challenge_file_of_other_classes_is_refused(make, tmp_path):
    with pytest.raises(DataError, match="seven classes"):
        make(["a"], [[0.5, 0.5]], ("a", "b")).to_challenge_csv(tmp_path / "answer.csv")
    assert not (tmp_path / "answer.csv").exists()


# ---- several at once ---------------------------------------------------------------------------


def test_aligned_takes_the_order_of_the_first(make):
    first = make(["a", "b"], [[0.9, 0.1], [0.2, 0.8]], ("a", "b"))
    second = first.subset(["I1", "I0"])
    assert [p.ids for p in aligned([first, second])] == [("I0", "I1")] * 2
    np.testing.assert_array_equal(aligned([first, second])[1].probabilities, first.probabilities)


def test_aligned_refuses_what_differs(make):
    first = make(["a", "b"], [[0.9, 0.1], [0.2, 0.8]], ("a", "b"))
    values = [[0.9, 0.1], [0.2, 0.8]]
    for other, message in [
        (first.subset(["I0"]), "1 images are in one only, the first is 'I1'"),
        (make(["a", "b"], values, ("a", "b"), part="validation"), "part is 'test'"),
        (make(["a", "b"], values, ("b", "a")), "classes is"),
        (make(["a", "a"], values, ("a", "b")), "disagree on the truth"),
        (make(["a", "b"], values, ("a", "b"), groups=[1, 1]), "disagree on the truth or"),
    ]:
        with pytest.raises(DataError, match=message):
            aligned([first, other])
    with pytest.raises(DataError, match="no Predictions"):
        aligned([])
