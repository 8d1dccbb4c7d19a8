"""Optimizers that record the norm of the gradient, and the epoch's scores beside them."""

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import balanced_accuracy_score, f1_score

from dermbook.errors import ParameterError
from dermbook.training.class_scores import BalancedAccuracy, MacroF1
from dermbook.training.gradients import gradient_norms, recording
from dermbook.training.smoothing import SmoothedCrossEntropy

RATE = 0.1
X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0], [-2.0, 1.0]], np.float32)
Y = np.array([[1.0], [2.0], [-1.0], [0.0]], np.float32)


def by_hand(weights, steps, clip=None):
    """Gradient descent of mean squared error of a linear model, in NumPy: norms and weights."""
    norms, w = [], weights.astype("float64").copy()
    for _ in range(steps):
        gradient = 2 * X.T.astype("float64") @ (X @ w - Y) / len(X)
        norm = np.linalg.norm(gradient)
        norms.append(norm)
        w -= RATE * gradient * (min(1, clip / norm) if clip else 1)
    return norms, w


def linear(optimizer):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[0.5], [-1.5]], np.float32)])
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_norms_are_those_of_a_linear_model_before_clipping(clip):
    model = linear(recording("sgd", learning_rate=RATE, steps=10, clip=clip))
    norms, weights = by_hand(model.get_weights()[0], 5, clip or None)
    for _ in range(5):
        model.train_on_batch(X, Y)
    assert gradient_norms(model.optimizer) == pytest.approx(norms, rel=1e-5)
    assert model.get_weights()[0] == pytest.approx(weights, rel=1e-4)
    if clip:
        assert max(norms) > clip


def test_only_the_first_steps_are_recorded_and_a_copy_starts_anew():
    model = linear(recording("adam", learning_rate=RATE, steps=3))
    model.fit(X, Y, batch_size=4, epochs=5, verbose=0)
    assert len(gradient_norms(model.optimizer)) == 3
    copy = type(model.optimizer).from_config(model.optimizer.get_config())
    assert copy.steps == 3
    with pytest.raises(ParameterError, match="sgd, adam"):
        recording("lion", learning_rate=1, steps=1)
    with pytest.raises(ParameterError, match="steps"):
        recording("sgd", learning_rate=1, steps=0)


@pytest.mark.parametrize("classes", [2, 4])
def test_epoch_scores_are_those_of_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    truth = rng.integers(classes, size=90)
    truth[truth == 0] = 1  # a class that never occurs
    columns = 1 if classes == 2 else classes
    answers = rng.random((90, columns)).astype("float32")
    codes = (answers[:, 0] > 0.5).astype(int) if columns == 1 else answers.argmax(1)
    balanced, macro = BalancedAccuracy(columns), MacroF1(columns)
    for start in range(0, 90, 30):  # in batches of unlike classes, not averaged
        for metric in (balanced, macro):
            metric.update_state(truth[start : start + 30], answers[start : start + 30])
    recalls = [np.mean(codes[truth == c] == c) for c in range(classes) if (truth == c).any()]
    assert float(balanced.result()) == pytest.approx(np.mean(recalls), abs=1e-6)
    expected = f1_score(truth, codes, average="macro", labels=range(classes), zero_division=0)
    assert float(macro.result()) == pytest.approx(expected, abs=1e-6)
    balanced.reset_state()
    assert float(balanced.result()) == 0
    full = rng.integers(classes, size=60)
    some = rng.random((60, columns)).astype("float32")
    found = (some[:, 0] > 0.5).astype(int) if columns == 1 else some.argmax(1)
    balanced.update_state(full, some)
    assert float(balanced.result()) == pytest.approx(balanced_accuracy_score(full, found), abs=1e-6)


def test_smoothing_spreads_a_share_of_the_label():
    p = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], np.float32)
    labels = np.array([0, 2])
    target = np.eye(3)[labels] * 0.9 + 0.1 / 3
    expected = -(target * np.log(p)).sum(1).mean()
    loss = SmoothedCrossEntropy(0.1)
    assert float(loss(labels, ops.convert_to_tensor(p))) == pytest.approx(expected, rel=1e-5)
    q = np.array([[0.8], [0.3]], np.float32)
    wanted = np.array([[1.0], [0.0]]) * 0.9 + 0.05
    expected = -(wanted * np.log(q) + (1 - wanted) * np.log(1 - q)).mean()
    found = float(loss(np.array([1, 0]), ops.convert_to_tensor(q)))
    assert found == pytest.approx(expected, rel=1e-5)
    assert SmoothedCrossEntropy.from_config(loss.get_config()).smoothing == 0.1
    with pytest.raises(ParameterError):
        SmoothedCrossEntropy(1.0)
