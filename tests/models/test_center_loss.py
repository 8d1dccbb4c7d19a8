"""Center loss against the paper's formulas in NumPy, on whatever backend Keras has."""

import keras
import numpy as np
import pytest
from keras import ops

from dermbook.errors import ParameterError
from dermbook.models.center_loss import (
    CenterLoss,
    center_loss,
    center_loss_network,
    embed,
    moved_centers,
)


def cloud(seed=0, n=12, classes=4, d=3):
    """Embeddings, codes without class 2, centers; float32, so that every backend computes alike."""
    rng = np.random.default_rng(seed)
    codes = rng.choice([0, 1, 3], n)
    return (
        rng.normal(0, 1, (n, d)).astype("float32"),
        codes.astype("int32"),
        rng.normal(0, 1, (classes, d)).astype("float32"),
    )


def numpy_loss(x, codes, centers, reduction):
    total = 0.0
    for row, code in zip(x, codes, strict=True):
        total += 0.5 * sum((a - b) ** 2 for a, b in zip(row, centers[code], strict=True))
    return total / len(x) if reduction == "mean" else total


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_is_half_the_squared_distance(reduction):
    x, codes, centers = cloud()
    found = float(center_loss(x, codes, centers, reduction=reduction))
    assert found == pytest.approx(numpy_loss(x, codes, centers, reduction), rel=1e-5)


def test_the_centers_move_by_equation_4_and_absent_classes_stay():
    x, codes, centers = cloud()
    found = ops.convert_to_numpy(moved_centers(x, codes, centers, 0.5))
    for code, center in enumerate(centers):
        own = x[codes == code]
        delta = sum((center - row for row in own), np.zeros(3)) / (1 + len(own))
        np.testing.assert_allclose(found[code], center - 0.5 * delta, rtol=1e-5, atol=1e-6)
    assert 2 not in codes
    np.testing.assert_array_equal(found[2], centers[2])


def test_the_layer_moves_its_centers_after_the_loss_and_in_training_only():
    x, codes, _ = cloud()
    layer = CenterLoss(4, rate=0.5)
    at_zero = numpy_loss(x, codes, np.zeros((4, 3)), "mean")
    assert float(layer(x, codes)) == pytest.approx(at_zero, rel=1e-5)
    assert not ops.convert_to_numpy(layer.centers).any()
    assert float(layer(x, codes[:, None], training=True)) == pytest.approx(at_zero, rel=1e-5)
    expected = ops.convert_to_numpy(moved_centers(x, codes, np.zeros((4, 3), "float32"), 0.5))
    np.testing.assert_allclose(ops.convert_to_numpy(layer.centers), expected, rtol=1e-5)
    assert layer.trainable_weights == []
    by_gradient = CenterLoss(4, update="gradient")
    by_gradient(x, codes, training=True)
    assert [each.name for each in by_gradient.trainable_weights] == ["centers"]
    assert not ops.convert_to_numpy(by_gradient.centers).any()
    again = CenterLoss.from_config(by_gradient.get_config())
    assert (again.update, again.classes, again.rate) == ("gradient", 4, 0.5)


@pytest.mark.parametrize("update", ["rule", "gradient"])
def test_one_step_is_the_gradient_of_the_whole_loss(update):
    """Plain gradient descent with rate 1 moves each weight by minus its gradient, which finite
    differences of the loss give, too; centers by the rule pass no gradient on."""
    rng = np.random.default_rng(1)
    x, codes = rng.normal(0, 1, (10, 5)).astype("float32"), rng.integers(0, 3, 10)
    model = center_loss_network(
        5, 3, strength=0.7, hidden=(), dimensions=2, normalise=False, update=update, seed=3
    )
    model.center.centers.assign(rng.normal(0, 1, (3, 2)).astype("float32"))
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    names = [each.path.split("/")[-2:] for each in model.trainable_variables]
    before = [ops.convert_to_numpy(each).astype("float64") for each in model.trainable_variables]
    fixed = ops.convert_to_numpy(model.center.centers).astype("float64")

    def whole(values):
        weight, bias, head, head_bias, *centers = values
        z = x @ weight + bias
        logits = z @ head + head_bias
        logits -= logits.max(axis=1, keepdims=True)
        entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(10), codes]
        own = (centers[0] if centers else fixed)[codes]
        return entropy.mean() + 0.7 * 0.5 * np.square(z - own).sum(axis=1).mean()

    loss = float(model.train_on_batch(x, codes))
    assert loss == pytest.approx(whole(before), rel=1e-4)
    assert len(before) == (5 if update == "gradient" else 4), names
    for position, variable in enumerate(model.trainable_variables):
        numeric = np.zeros_like(before[position])
        for index in np.ndindex(*numeric.shape):
            values = [each.copy() for each in before]
            values[position][index] += 1e-5
            up = whole(values)
            values[position][index] -= 2e-5
            numeric[index] = (up - whole(values)) / 2e-5
        moved = before[position] - ops.convert_to_numpy(variable)
        np.testing.assert_allclose(moved, numeric, rtol=2e-3, atol=2e-4)


def test_in_training_the_rule_moves_the_centers_once_a_batch():
    rng = np.random.default_rng(2)
    x, codes = rng.normal(0, 1, (8, 5)).astype("float32"), np.array([0, 0, 1, 1, 0, 1, 0, 0])
    # without hidden units: a ReLU that is silent for an image gives it an embedding of length 0
    model = center_loss_network(5, 3, strength=0.5, hidden=(), dimensions=2, seed=0)
    before = embed(model, x)
    np.testing.assert_allclose(np.linalg.norm(before, axis=1), 1, rtol=1e-5)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.train_on_batch(x, codes)
    expected = ops.convert_to_numpy(moved_centers(before, codes, np.zeros((3, 2), "float32"), 0.5))
    centers = ops.convert_to_numpy(model.center.centers)
    np.testing.assert_allclose(centers, expected, rtol=1e-4, atol=1e-6)
    assert not centers[2].any()
    model.test_on_batch(x, codes)
    np.testing.assert_array_equal(ops.convert_to_numpy(model.center.centers), centers)


def test_no_strength_is_the_plain_network_with_the_same_first_weights():
    x = np.random.default_rng(0).normal(0, 1, (4, 6)).astype("float32")
    plain = center_loss_network(6, 2, strength=0, seed=5)
    pulled = center_loss_network(6, 2, strength=1, seed=5)
    one, two = (ops.convert_to_numpy(model(x)) for model in (plain, pulled))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one.sum(axis=1), 1, rtol=1e-5)
    sigmoid = center_loss_network(6, 2, strength=1, head="sigmoid", place="probability")
    answers = ops.convert_to_numpy(sigmoid(x))
    assert answers.shape == (4, 1)
    np.testing.assert_allclose(embed(sigmoid, x), answers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": -1}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"classes": 3, "head": "sigmoid"}, "sigmoid head is not for 3"),
        ({"classes": 1}, "1 classes"),
        ({"place": "logit"}, "place 'logit'"),
        ({"place": "nowhere"}, "place"),
        ({"dimensions": 0}, "dimensions"),
        ({"hidden": (0,)}, "hidden"),
        ({"rate": 1.5}, "rate"),
        ({"update": "never"}, "update"),
        ({"reduction": "max"}, "reduction"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        center_loss_network(**{"width": 4, "classes": 2, "strength": 0.1, **options})
