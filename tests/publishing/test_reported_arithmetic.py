"""The arithmetic of the reports' tables, recomputed.

The truth here is arithmetic (precision from counts, parameters from layers), scikit-learn's own
definitions, or the published composition of HAM10000; nothing is compared with itself.
"""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    precision_recall_fscore_support,
)
from sklearn.utils.class_weight import compute_class_weight

from dermbook.publishing.reported import load_reported

FILE = Path(__file__).parents[2] / "book" / "reported.yaml"
#: images a class of HAM10000 (Tschandl et al. 2018)
HAM10000 = {"mel": 1113, "nv": 6705, "bcc": 514, "akiec": 327, "bkl": 1099, "df": 115, "vasc": 142}
CONFUSIONS = ["R1.confusion", "R4.vgg16.confusion", "R4.resnet50v2.confusion"]


@pytest.fixture(scope="module")
def reported():
    return load_reported(FILE)


def value(reported, identifier):
    return reported.claim(identifier)["value"]


def labels(matrix):
    """A confusion matrix as (truth, prediction), one entry an image."""
    truth = [
        row for row in matrix.index for column in matrix for _ in range(matrix.at[row, column])
    ]
    predicted = [
        column for row in matrix.index for column in matrix for _ in range(matrix.at[row, column])
    ]
    return truth, predicted


def wilson(successes, n, z=1.959963984540054):
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


# ---- R0


def test_r0_repeats_its_own_numbers_alike(reported):
    def line(start):
        claims = reported.claims()
        return claims[claims["id"].str.startswith(start)]["value"].tolist()

    assert line("R0.T1:efficientnetb3:") == line("R0.T3:efficientnetb3:")
    simple = line("R0.T2:multi-input-simple:")
    assert len(simple) == 4
    for other in (
        "R0.T3:multi-input-simple:",
        "R0.T4:multi-input-simple-without-class-weights:",
        "R0.T5:multi-input-simple-third-row:",
    ):
        assert line(other) == simple


def test_r0_models_near_a_uniform_guess(reported):
    """The loss of guessing 114 classes alike is ln 114; four models stay near it."""
    claims = reported.claims(report="R0")
    losses = claims[claims["metric"] == "loss"].set_index("id")["value"]
    near = losses[(losses - math.log(114)).abs() < 0.25]
    assert sorted(name.split(":")[1] for name in near.index) == [
        "multi-input-simple-second-row",
        "multi-input-with-xgboost",
        "resnet50v2",
        "vgg19",
    ]
    for name in near.index:
        assert value(reported, name.replace("validation-loss", "test-f1_micro")) < 0.06
    assert math.log(114) == pytest.approx(4.736, abs=5e-4)


def test_r0_cnn_parameters_and_layers(reported):
    height, width, channels, parameters = 290, 192, 3, 0
    for filters in (32, 64, 128, 256, 512, 1024, 2048):
        parameters += 3 * 3 * channels * filters + filters
        height, width, channels = height // 2, width // 2, filters
    features = height * width * channels
    parameters += features * 512 + 512 + 512 * 114 + 114
    numbers = reported.quantities()
    assert features == 4096
    assert numbers.loc["R0.parameters", "recomputed"] == parameters
    # convolutions, poolings, dropouts, flatten, dense
    assert numbers.loc["R0.layers", "value"] == 7 + 7 + 5 + 1 + 2


def test_r0_rows_against_the_published_table(reported, shared_data):
    table = pd.read_csv(shared_data / "fitzpatrick17k.csv")
    numbers = reported.quantities()["value"]
    assert numbers["R0.images"] == len(table)
    assert numbers["R0.columns"] == table.shape[1]
    assert numbers["R0.classes"] == table["label"].nunique()
    usable = table[(table["qc"] != "3 Wrongly labelled") & table["url"].notna()]
    assert len(usable) == 16519  # row 0.1's note
    assert len(usable) - numbers["R0.images-kept"] == 13
    assert table["qc"].notna().sum() == 504  # M16
    pair = table.groupby(["nine_partition_label", "three_partition_label"])["label"]
    best_of_pair = pair.agg(lambda names: names.value_counts().iloc[0]).sum() / len(table)
    assert f"{best_of_pair:.3f}" == "0.146"  # M14
    assert f"{table['label'].value_counts(normalize=True).iloc[0]:.3f}" == "0.039"


# ---- R1


def test_r1_matrix_gives_the_recomputed_scores(reported):
    matrix = reported.table("R1.confusion")
    true_negatives, false_positives = matrix.loc["benign"]
    false_negatives, true_positives = matrix.loc["malignant"]
    ours = reported.recomputed().set_index(["source", "what"])["value"].loc["R1.confusion"]
    exact = {
        "accuracy": Fraction(882, 1002),
        "precision malignant": Fraction(int(true_positives), int(true_positives + false_positives)),
        "recall malignant": Fraction(int(true_positives), int(true_positives + false_negatives)),
        "recall benign": Fraction(int(true_negatives), int(true_negatives + false_positives)),
        "f1 malignant": Fraction(400, 520),
        "prevalence malignant": Fraction(272, 1002),
    }
    assert set(ours.index) == set(exact)
    for name, fraction in exact.items():
        assert ours[name] == pytest.approx(float(fraction), abs=5e-5), name
    assert matrix.loc["benign"].sum() == 730
    assert matrix.to_numpy().sum() == reported.quantities().loc["R1.test-images", "value"]
    low, high = wilson(200, 272)
    assert (round(low, 3), round(high, 3)) == (0.680, 0.784)  # M10


def test_r1_states_a_precision_that_does_not_follow(reported):
    model = "R1.decision:inceptionv3-150-layers"
    assert value(reported, f"{model}:test-accuracy") == pytest.approx(882 / 1002, abs=1e-12)
    assert value(reported, f"{model}:test-recall") == pytest.approx(200 / 272, abs=1e-7)
    # 80.64253 % is printed, 80.64516 % follows
    slip = value(reported, f"{model}:test-precision") - 200 / 248
    assert slip == pytest.approx(-2.63e-5, abs=1e-7)


def test_r1_own_comparison_is_not_its_matrix(reported):
    claims = reported.claims(row="1.16", model="R1, final model").set_index("metric")
    matrix = reported.table("R1.confusion")
    truth, predicted = labels(matrix)
    precision, recall, _, _ = precision_recall_fscore_support(
        truth, predicted, average="binary", pos_label="malignant"
    )
    ours = {"recall": recall, "precision": precision, "accuracy": accuracy_score(truth, predicted)}
    for metric, score in ours.items():
        assert claims.at[metric, "recomputed"] == pytest.approx(score, abs=5e-5)
    # sensitivity .82 is claimed beside .7866 of another work; the matrix gives .735
    assert claims.at["recall", "value"] - recall > 0.08
    assert recall < value(reported, "R1.romero:romero-lópez-m3:test-recall")


def test_r1_test_accuracies_are_whole_numbers_of_1002_images(reported):
    """Cut off (not rounded) after four digits, every one but the last is k / 1002: M8."""
    claims = reported.claims(row=["1.9", "1.10"])
    for stated in claims[claims["part"] == "test"]["value"]:
        images = math.ceil(stated * 1002 - 1e-9)
        assert math.floor(images / 1002 * 1e4) == round(stated * 1e4)
    log = reported.claims(row="1.11")
    for stated in log[(log["part"] == "validation") & (log["metric"] == "accuracy")]["value"]:
        assert round(round(stated * 1002) / 1002, 4) == stated
    unfrozen = reported.claim("R1.unfrozen:inceptionv3-150-layers:test-accuracy")
    assert unfrozen["recomputed"] == pytest.approx(887 / 1002, abs=5e-6)
    assert unfrozen["value"] == pytest.approx(0.8853)


def test_r1_class_sizes(reported):
    numbers = reported.quantities()["recomputed"]
    malignant = sum(HAM10000[name] for name in ("mel", "bcc", "akiec"))
    assert numbers["R1.malignant"] == malignant
    assert numbers["R1.benign"] == sum(HAM10000.values()) - malignant
    # M9: 27.1 % of the test images, 19.5 % of the data; more batches than images
    assert round(malignant / 10015, 3) == 0.195
    assert reported.quantities().loc["R1.batches", "value"] * 32 == 12576 > 10015
    # SGD stays below always answering benign
    assert value(reported, "R1.optimizers:inceptionv3-sgd:test-accuracy") < 730 / 1002


# ---- R3


def test_r3_split_sums_to_ham10000(reported):
    counts = reported.table("R3.counts")
    assert counts.sum(axis=1).to_dict() == HAM10000
    assert counts.sum().tolist() == [8012, 1001, 1002]
    assert reported.quantities().loc["R3.train-images", "value"] == 8012


def test_r3_resampled_size_is_reached_by_whole_factors(reported):
    train = reported.table("R3.counts")["train"]
    factors = {"nv": 1, "mel": 6, "bkl": 6, "bcc": 13, "akiec": 19, "vasc": 47, "df": 54}
    sizes = train * [factors[name] for name in train.index]
    assert sizes.sum() == reported.quantities().loc["R3.resampled", "value"]
    assert (sizes / train["nv"]).between(0.92, 1.08).all()
    named = reported.inventory["3.2"].notes
    assert all(f"{name} {factor}" in named for name, factor in factors.items() if factor > 1)


@pytest.mark.parametrize(
    ("network", "correct", "accuracy", "macros"),
    [("resnet18", 882, 0.8802, [0.71, 0.71, 0.70]), ("resnet50", 856, 0.8543, [0.71, 0.77, 0.70])],
)
def test_r3_class_scores_follow_from_the_counts(reported, network, correct, accuracy, macros):
    table = reported.table(f"R3.{network}")
    support = reported.table("R3.counts")["test"]
    precision, recall = table["precision"], table["recall"]
    np.testing.assert_array_equal(table["total"], support[table.index])
    np.testing.assert_allclose(recall, table["correct"] / table["total"], atol=5e-7)
    harmonic = 2 * precision * recall / (precision + recall)
    # printed with six digits, so three errors of half a millionth add up
    np.testing.assert_allclose(table["f1"], harmonic, atol=2e-6)
    # whole numbers of predictions, one for every test image
    predicted = table["correct"] / precision
    np.testing.assert_allclose(predicted, predicted.round(), atol=1e-3)
    assert predicted.round().sum() == support.sum() == 1002
    assert table["correct"].sum() == correct
    assert f"{correct / 1002:.4f}" == f"{accuracy:.4f}"
    assert value(reported, f"R3.{network}.fit:{network}:test-accuracy") == accuracy
    averages = [round(table[name].mean(), 2) for name in ("precision", "recall", "f1")]
    assert averages == macros
    for name, macro in zip(("precision", "recall", "f1"), macros, strict=True):
        assert value(reported, f"R3.{network}.fit:{network}:test-{name}_macro") == macro


@pytest.mark.parametrize(("network", "images"), [("resnet18", 872), ("resnet50", 895)])
def test_r3_validation_accuracy_is_a_whole_number_of_1001_images(reported, network, images):
    stated = value(reported, f"R3.{network}.fit:{network}:validation-accuracy")
    assert f"{images / 1001:.4f}" == f"{stated:.4f}"


def test_r3_nv_is_easy_and_the_rest_is_not(reported):
    """M11's evidence, and M12's interval."""
    correct = reported.table("R3.resnet18")["correct"]
    assert round((882 - correct["nv"]) / (1002 - 671), 3) == 0.674
    low, high = wilson(correct["df"], 11)
    assert (round(low, 2), round(high, 2)) == (0.28, 0.79)


def residual_parameters(blocks, bottleneck, classes=7):
    """Parameters of a ResNet (He et al. 2016), by the formula of each layer."""

    def conv(size, before, after):
        return size * size * before * after + 2 * after  # and its batch normalisation

    total, channels = conv(7, 3, 64), 64
    for width, repeats in zip((64, 128, 256, 512), blocks, strict=True):
        out = 4 * width if bottleneck else width
        for block in range(repeats):
            if bottleneck:
                total += conv(1, channels, width) + conv(3, width, width) + conv(1, width, out)
            else:
                total += conv(3, channels, width) + conv(3, width, width)
            if block == 0 and channels != out:
                total += conv(1, channels, out)
            channels = out
    return total + channels * classes + classes


def test_r3_parameter_counts(reported):
    numbers = reported.quantities()["value"]
    assert numbers["R3.resnet18-parameters"] == residual_parameters((2, 2, 2, 2), False)
    assert numbers["R3.resnet50-parameters"] == residual_parameters((3, 4, 6, 3), True)


def test_r3_iou_is_that_of_pooled_pixels(reported):
    dice, iou = (value(reported, f"R3.unet:u-net:unknown-{name}") for name in ("dice", "iou"))
    assert round(dice / (2 - dice), 4) == iou


def test_r3_channel_statistics_are_those_of_pinkish_skin(reported):
    table = reported.table("R3.normalisation")
    assert table.index.tolist() == ["red", "green", "blue"]
    mean, deviation = table["mean"], table["standard deviation"]
    assert mean.between(0, 1).all()
    assert mean["red"] > mean["blue"] > mean["green"]
    # a channel in 0…1 cannot vary more than this
    assert (deviation**2 < mean * (1 - mean)).all()


# ---- R4


def test_r4_class_shares(reported):
    table = reported.table("R4.classes")
    assert table["images"].to_dict() == HAM10000
    np.testing.assert_allclose(table["percentage"], table["images"] / 100.15, atol=5e-7)


def test_r4_split_is_each_class_rounded_down(reported):
    counts = reported.table("R4.counts")
    numbers = reported.quantities()["value"]
    for part, planned in (("train", 8012), ("validation", 1001), ("test", 1001)):
        floors = [HAM10000[name] * planned // 10015 for name in counts.index]
        assert counts[part].tolist() == floors
    assert counts.sum().tolist() == [8010, 998, 998]
    assert [numbers[f"R4.{part}-images"] for part in counts] == counts.sum().tolist()


def test_r4_share_of_test_expected_inside_train(reported):
    counts = reported.table("R4.counts")
    shared = sum(row["test"] * row["train"] / HAM10000[name] for name, row in counts.iterrows())
    ours = reported.recomputed().set_index(["source", "what"])["value"]
    assert ours["R4.counts", "test inside train"] == pytest.approx(shared / 998, abs=5e-5)


def test_r4_class_weights_are_balanced(reported):
    counts = reported.table("R4.counts")["train"]
    truth = np.repeat(counts.index.to_numpy(dtype=object), counts)
    weights = compute_class_weight("balanced", classes=counts.index.to_numpy(dtype=object), y=truth)
    np.testing.assert_allclose(reported.table("R4.weights")["weight"], weights, rtol=1e-14)


def test_r4_parameters_of_vgg16(reported):
    numbers = reported.quantities()["value"]
    stages = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
    stages += [(256, 512)] + 5 * [(512, 512)]
    frozen = sum(9 * before * after + after for before, after in stages)
    assert numbers["R4.vgg16-frozen"] == frozen
    assert numbers["R4.vgg16-trainable"] == 512 * 7 + 7
    assert numbers["R4.vgg16-parameters"] == frozen + 512 * 7 + 7


@pytest.mark.parametrize("network", ["vgg16", "resnet50v2"])
def test_r4_reports_and_agreement_follow_from_the_matrices(reported, network):
    matrix = reported.table(f"R4.{network}.confusion")
    truth, predicted = labels(matrix)
    classes = matrix.index.tolist()
    np.testing.assert_array_equal(matrix.sum(axis=1), reported.table("R4.counts")["test"])
    scores = precision_recall_fscore_support(truth, predicted, labels=classes, zero_division=0)
    table = reported.table(f"R4.{network}.report")
    for name, column in zip(("precision", "recall", "f1", "total"), scores, strict=True):
        np.testing.assert_allclose(table[name], column.round(2), atol=1e-9, err_msg=name)
    # the two columns of the class F1 grid without augmentation are these matrices'
    grid = reported.table("R4.f1")[{"vgg16": "VGG16", "resnet50v2": "ResNet50V2"}[network]]
    np.testing.assert_allclose(grid, scores[2].round(2), atol=1e-9)
    # averages of the printed report
    for average in ("macro", "weighted"):
        averages = precision_recall_fscore_support(
            truth, predicted, labels=classes, average=average, zero_division=0
        )
        for name, score in zip(("precision", "recall", "f1"), averages, strict=False):
            stated = value(reported, f"R4.reports:{network}:test-{name}_{average}")
            assert stated == pytest.approx(score, abs=0.005 + 1e-9), (name, average)
    # our own: agreement, chance and κ
    ours = reported.recomputed().set_index(["source", "what"])["value"].loc[matrix_id(network)]
    kappa, accuracy = cohen_kappa_score(truth, predicted), accuracy_score(truth, predicted)
    exact = {
        "accuracy": accuracy,
        "chance_agreement": (accuracy - kappa) / (1 - kappa),
        "kappa": kappa,
        "precision_macro": scores[0].mean(),
        "recall_macro": scores[1].mean(),
        "f1_macro": f1_score(truth, predicted, average="macro", zero_division=0),
    }
    assert set(ours.index) == set(exact)
    for name, score in exact.items():
        assert ours[name] == pytest.approx(score, abs=5e-5), name


def matrix_id(network):
    return f"R4.{network}.confusion"


def test_r4_evaluate_and_matrix_contradict_each_other(reported):
    """M1: the same model on the same 998 images, twice."""
    for name, images, network in (("VGG16", 630, "vgg16"), ("ResNet50V2", 868, "resnet50v2")):
        stated = value(reported, f"R4.{network}:{name.lower()}:test-accuracy")
        assert stated == pytest.approx(images / 998, abs=1e-6)
        matrix = reported.table(f"R4.{network}.confusion").to_numpy()
        assert stated - np.trace(matrix) / matrix.sum() > 0.29


def test_r4_ages_and_lesions_against_the_published_table(reported, shared_data):
    table = pd.read_csv(shared_data / "HAM10000_metadata.csv")
    numbers = reported.quantities()["value"]
    assert table["dx"].value_counts().to_dict() == HAM10000
    assert numbers["R4.images"] == len(table) == reported.quantities()["recomputed"]["R2.images"]
    assert numbers["R4.lesions"] == table["lesion_id"].nunique()
    assert numbers["R4.missing-ages"] == table["age"].isna().sum()
    assert numbers["R4.mean-age"] == round(table["age"].mean(), 6)
    assert numbers["R4.age-deviation"] == round(table["age"].std(), 6)


def test_every_recomputed_value_is_checked_here(reported):
    """A new `recomputed` entry needs its arithmetic in this file."""
    checked = {"R1.unfrozen", "R1.comparison", "R4.counts", "R0.parameters", "R1.benign"}
    checked |= {"R1.malignant", "R2.images", *CONFUSIONS}
    sources = {source.split(":")[0] for source in reported.recomputed()["source"]}
    assert sources == checked
