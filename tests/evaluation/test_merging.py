import pytest

from dermbook.errors import ParameterError
from dermbook.evaluation.merging import in_two

THREE = ("mel", "nv", "bcc")


@pytest.fixture
def predictions(make):
    values = [[0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]]
    return make(["mel", "nv", "bcc"], values, THREE, ["x", "x", "y"], part="validation")


def test_probabilities_add_up_and_labels_follow(predictions):
    two = in_two(predictions, ["mel", "bcc"])
    assert two.classes == ("benign", "malignant")
    assert two.probabilities[:, 1] == pytest.approx([0.6, 0.2, 0.5])
    assert two.table["truth"].tolist() == ["malignant", "benign", "malignant"]
    assert two.table["group"].tolist() == ["x", "x", "y"]
    assert (two.model, two.part, two.ids) == ("m", "validation", predictions.ids)
    # the most probable class of three was nv each time; two of the three are rather malignant
    assert two.predicted_codes.tolist() == [1, 0, 0]


def test_what_has_the_two_classes_stays(predictions):
    two = in_two(predictions, ["mel", "bcc"])
    assert in_two(two, ["mel", "bcc"]) is two


def test_an_unknown_truth_stays_unknown(make):
    two = in_two(make(["mel", None], [[0.5, 0.3, 0.2]] * 2, THREE), ["mel"])
    assert not two.has_truth
    assert two.table["truth"].iloc[0] == "malignant"


@pytest.mark.parametrize("positive", [[], ["mel", "nv", "bcc"], ["melanoma"]])
def test_some_not_all_classes(predictions, positive):
    with pytest.raises(ParameterError, match="some, not all"):
        in_two(predictions, positive)
