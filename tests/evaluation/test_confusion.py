import numpy as np
import pandas as pd
import pytest

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import (
    chance_agreement,
    cohen_kappa,
    confusion,
    confusion_frame,
    counts_from_table,
    permutation_test,
    score,
    scores_from_confusion,
    scores_from_counts,
)

# R4's matrices (inventory, rows and columns akiec bcc bkl df mel nv vasc)
R4_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
R4_VGG16 = """0 3 6 6 7 10 0 | 2 0 10 6 4 28 1 | 0 0 18 22 16 49 4 | 0 1 0 4 4 2 0 |
3 2 16 21 15 51 3 | 28 15 117 113 80 300 17 | 1 1 3 1 1 7 0"""
R4_RESNET50V2 = """1 1 3 0 5 20 2 | 3 4 7 2 9 26 0 | 5 3 15 0 12 73 1 | 0 1 0 0 4 6 0 |
4 8 24 0 13 61 1 | 24 39 77 10 110 395 15 | 1 0 1 0 2 10 0"""
# R3: precision, recall, F1, correct (rows 3.7 and 3.8)
R3_RESNET18 = {
    "akiec": (0.384615, 0.625, 0.47619, 20),
    "bcc": (0.72, 0.692308, 0.705882, 36),
    "bkl": (0.678899, 0.672727, 0.675799, 74),
    "df": (0.6, 0.545455, 0.571429, 6),
    "mel": (0.71028, 0.678571, 0.694064, 76),
    "nv": (0.996974, 0.982116, 0.989489, 659),
    "vasc": (0.846154, 0.785714, 0.814815, 11),
}
R3_RESNET50 = {
    "akiec": (0.302083, 0.90625, 0.453125, 29),
    "bcc": (0.810811, 0.576923, 0.674157, 30),
    "bkl": (0.584615, 0.690909, 0.633333, 76),
    "df": (0.727273, 0.727273, 0.727273, 8),
    "mel": (0.861538, 0.5, 0.632768, 56),
    "nv": (1, 0.958271, 0.978691, 643),
    "vasc": (0.7, 1, 0.823529, 14),
}
R3_SUPPORT = {"akiec": 32, "bcc": 52, "bkl": 110, "df": 11, "mel": 112, "nv": 671, "vasc": 14}


def matrix_of(text, classes=R4_CLASSES):
    counts = [[int(cell) for cell in row.split()] for row in text.split("|")]
    return pd.DataFrame(counts, index=classes, columns=classes)


def columns_of(table):
    return [{name: row[position] for name, row in table.items()} for position in (0, 1, 3)]


def test_confusion_has_truth_in_rows(make_certain):
    found = confusion(make_certain(["a", "a", "b"], ["a", "c", "b"], ("a", "b", "c")))
    assert found.to_numpy().tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert (found.index.name, found.columns.name) == ("truth", "predicted")
    assert found.loc["a", "c"] == 1


def test_confusion_frame_keeps_every_cell(make_certain):
    frame = confusion_frame(confusion(make_certain(["a", "a"], ["a", "b"], ("a", "b"))))
    assert frame.to_dict("list") == {
        "truth": ["a", "a", "b", "b"],
        "predicted": ["a", "b", "a", "b"],
        "count": [1, 1, 0, 0],
    }


def test_r1_table(value_of):
    # R1, row 1.14, rows benign and malignant; lesson M10's recomputed figures
    found = scores_from_confusion(np.array([[682, 48], [72, 200]]), ("benign", "malignant"))
    assert value_of(found, "accuracy") == pytest.approx(0.8802, abs=5e-5)
    assert value_of(found, "balanced_accuracy") == pytest.approx((682 / 730 + 200 / 272) / 2)
    assert value_of(found, "precision", "malignant") == pytest.approx(0.8065, abs=5e-5)
    assert value_of(found, "recall", "malignant") == pytest.approx(0.7353, abs=5e-5)
    assert value_of(found, "recall", "malignant", "low") == pytest.approx(0.680, abs=5e-4)
    assert value_of(found, "recall", "malignant", "high") == pytest.approx(0.784, abs=5e-4)
    assert value_of(found, "specificity", "malignant") == pytest.approx(0.934, abs=5e-4)
    assert value_of(found, "f1", "malignant") == pytest.approx(0.769, abs=5e-4)
    assert value_of(found, "recall", "malignant", "n") == 272
    assert value_of(found, "accuracy", "", "interval") == "Wilson"
    assert np.isnan(value_of(found, "f1_macro", "", "low"))


@pytest.mark.parametrize(
    ("table", "accuracy", "precision", "recall", "f1"),
    [(R3_RESNET18, 0.8802, 0.71, 0.71, 0.70), (R3_RESNET50, 0.8543, 0.71, 0.77, 0.70)],
)
def test_r3_tables(table, accuracy, precision, recall, f1, value_of):
    # the counts rebuilt from three printed columns give back R3's supports and all its averages
    counts = counts_from_table(*columns_of(table))
    assert dict(zip(counts["class"], counts["support"], strict=True)) == R3_SUPPORT
    assert counts["predicted"].sum() == counts["support"].sum() == 1002
    found = scores_from_counts(counts)
    assert value_of(found, "accuracy") == pytest.approx(accuracy, abs=5e-5)
    assert value_of(found, "precision_macro") == pytest.approx(precision, abs=6e-3)
    assert value_of(found, "recall_macro") == pytest.approx(recall, abs=6e-3)
    assert value_of(found, "f1_macro") == pytest.approx(f1, abs=6e-3)
    hand = sum(row[1] for row in table.values()) / 7
    assert value_of(found, "balanced_accuracy") == pytest.approx(hand, abs=1e-6)
    for name, (_, _, printed, _) in table.items():
        assert value_of(found, "f1", name) == pytest.approx(printed, abs=1e-6)


def test_r3_small_class_is_uncertain(value_of):
    found = scores_from_counts(counts_from_table(*columns_of(R3_RESNET18)))
    assert value_of(found, "recall", "df", "low") == pytest.approx(0.28, abs=0.005)
    assert value_of(found, "recall", "df", "high") == pytest.approx(0.79, abs=0.005)


@pytest.mark.parametrize(
    ("text", "accuracy", "chance", "kappa"),
    [(R4_VGG16, 0.3377, 0.3379, 0.000), (R4_RESNET50V2, 0.4289, 0.4332, -0.008)],
)
def test_r4_agrees_as_by_chance(text, accuracy, chance, kappa):
    # lesson M1
    matrix = matrix_of(text)
    found = permutation_test(matrix, permutations=400)
    assert found.observed == pytest.approx(accuracy, abs=5e-5)
    assert chance_agreement(matrix) == pytest.approx(chance, abs=5e-5)
    assert cohen_kappa(matrix) == pytest.approx(kappa, abs=5e-4)
    assert found.p_value > 0.2


def test_a_matrix_and_its_predictions_score_alike(make_random, value_of):
    predictions = make_random(300)
    whole = score(predictions, resamples=0).set_index(["metric", "class"])["value"]
    found = scores_from_confusion(confusion(predictions))
    assert len(found) == 10 + 7 * 5
    for row in found.itertuples():
        assert row.value == pytest.approx(whole[row.metric, row[2]], nan_ok=True), row


def test_absent_classes_as_in_score(value_of):
    found = scores_from_confusion(np.array([[2, 0, 0], [1, 1, 0], [0, 0, 0]]), "abc")
    assert np.isnan(value_of(found, "recall", "c"))
    assert np.isnan(value_of(found, "f1", "c"))
    assert value_of(found, "precision", "c") == 0
    assert value_of(found, "precision", "c", "interval") == ""
    assert value_of(found, "balanced_accuracy") == 0.75


def test_kappa_of_one_cell_is_undefined():
    assert np.isnan(cohen_kappa(np.array([[5, 0], [0, 0]])))
    assert chance_agreement(np.array([[5, 0], [0, 0]])) == 1


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((2, 2)), "not all of them 0"),
        (np.array([[1, -1], [0, 1]]), "counts of 0 or more"),
        (np.ones((2, 3)), "square"),
        (pd.DataFrame([[1, 0], [0, 1]], index=["a", "b"], columns=["b", "a"]), "same classes"),
    ],
)
def test_bad_matrices_are_refused(matrix, message):
    with pytest.raises(DataError, match=message):
        scores_from_confusion(matrix)


def test_bad_tables_are_refused():
    with pytest.raises(DataError, match="a has no correct image"):
        counts_from_table({"a": 0}, {"a": 0}, {"a": 0})
    with pytest.raises(DataError, match="printed recall make 12"):
        counts_from_table({"a": 0.5}, {"a": 0.4}, {"a": 5})
    with pytest.raises(DataError, match="name other classes"):
        counts_from_table({"a": 0.5}, {"b": 0.4}, {"a": 5})
    counts = pd.DataFrame({"class": ["a"], "correct": [1], "support": [2], "predicted": [3]})
    with pytest.raises(DataError, match="2 images have a class and 3 a prediction"):
        scores_from_counts(counts)
    with pytest.raises(DataError, match="lacks support"):
        scores_from_counts(counts.drop(columns="support"))


def test_permutation_test_finds_agreement(make_random):
    good = permutation_test(make_random(100), permutations=199)
    assert good.p_value == pytest.approx(1 / 200)
    assert good.observed > good.by_chance
    with pytest.raises(ParameterError):
        permutation_test(make_random(10), permutations=0)


def test_permutation_p_values_are_uniform_under_the_null():
    generator = np.random.default_rng(0)
    p_values = []
    for seed in range(60):
        pairs = np.column_stack([generator.integers(0, 3, 80), generator.integers(0, 3, 80)])
        matrix = np.zeros((3, 3), int)
        np.add.at(matrix, tuple(pairs.T), 1)
        frame = pd.DataFrame(matrix, index=list("abc"), columns=list("abc"))
        p_values.append(permutation_test(frame, permutations=99, seed=seed).p_value)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.15)
    assert np.mean(np.array(p_values) <= 0.1) < 0.25


def test_exact_permutation_probability(make_certain):
    # 3 + 3 images, all right: 1 of the 20 ways to deal three labels among six agrees as often
    predictions = make_certain(list("aaabbb"), list("aaabbb"), ("a", "b"))
    assert permutation_test(predictions, permutations=4000).p_value == pytest.approx(
        1 / 20, abs=0.012
    )
