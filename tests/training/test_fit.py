"""What ``fit`` trains, in which order, what it restores and what it says."""

import re
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from training_trial import (
    CLASSES,
    flip_some,
    predictions,
    tiny_batches,
    tiny_images,
    tiny_model,
    train,
)

from dermbook import models
from dermbook.data.batches import Batches
from dermbook.errors import DataError, ParameterError
from dermbook.training import EarlyStopping, Plateau, fit, predict_probabilities


class Recording(Batches):
    """Batches that remember which ids were read in each epoch."""

    def __init__(self, *arguments, **options):
        self.read = {}
        super().__init__(*arguments, **options)

    def start_epoch(self, epoch):
        super().start_epoch(epoch)
        self.read[epoch] = []

    def batch(self, i):
        self.read[self.epoch].extend(self.batch_ids(i))
        return super().batch(i)


class Poisoned(Batches):
    """Batches whose weights become NaN in the third epoch."""

    def start_epoch(self, epoch):
        super().start_epoch(epoch)
        self.sample_weight = np.full(len(self.ids), np.nan if epoch >= 2 else 1.0, np.float32)


def linear_model():
    image = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    return keras.Model(image, keras.layers.Dense(CLASSES, "softmax", kernel_initializer="zeros")(x))


def test_the_weights_are_those_of_the_textbook():
    """Softmax regression by hand: same order, same weights, same steps."""
    images, codes = tiny_images()
    sample_weight = np.linspace(0.5, 1.5, 48).astype(np.float32)
    class_weight = {0: 1.0, 1: 2.0, 2: 0.5}
    batches = Batches(
        images, images.ids, codes, batch_size=7, shuffle=True, seed=9, sample_weight=sample_weight
    )
    model = linear_model()
    options = {"optimizer": "sgd", "learning_rate": 0.01, "verbose": "none"}
    result = fit(model, batches, epochs=3, class_weight=class_weight, **options)

    x = images.images.reshape(48, -1) / 255
    kernel, bias = np.zeros((x.shape[1], CLASSES)), np.zeros(CLASSES)
    weight = sample_weight * np.array([class_weight[c] for c in codes])
    for epoch in range(3):
        losses = []
        for start in range(0, 48, 7):
            rows = batches.order(epoch)[start : start + 7]
            scores = np.exp(x[rows] @ kernel + bias)
            p = scores / scores.sum(axis=1, keepdims=True)
            losses.extend(-np.log(p[np.arange(len(rows)), codes[rows]]) * weight[rows])
            error = (p - np.eye(CLASSES)[codes[rows]]) * weight[rows, None] / len(rows)
            kernel -= 0.01 * x[rows].T @ error
            bias -= 0.01 * error.sum(axis=0)
        assert result.history["loss"][epoch] == pytest.approx(np.mean(losses), rel=1e-4)
    np.testing.assert_allclose(model.get_weights()[0], kernel, atol=2e-6)
    np.testing.assert_allclose(model.get_weights()[1], bias, atol=2e-6)


def test_the_same_seed_gives_the_same_bits_in_the_same_order():
    one, two, other = tiny_model(), tiny_model(), tiny_model()
    batches = tiny_batches(augment=flip_some, kind=Recording)
    first = train(one, batches, epochs=2)
    for epoch in range(2):
        order = batches[0].order(epoch)
        # before the first epoch Keras looks at the first batches for their shapes
        assert batches[0].read[epoch][-len(order) :] == list(batches[0].ids[order])
    assert list(batches[0].order(0)) != list(batches[0].order(1))
    # a second model in the same process, after other draws
    keras.random.normal((3,))
    second = train(two, batches, epochs=2)
    columns = first.history.columns.drop("seconds")
    assert first.history[columns].equals(second.history[columns])
    np.testing.assert_array_equal(predictions(one), predictions(two))
    # the seed of fit is the seed of dropout
    train(other, batches, epochs=2, seed=6)
    assert not np.array_equal(predictions(one), predictions(other))


def test_steps_taken_at_once_give_the_same_numbers_up_to_rounding():
    one, two = tiny_model(), tiny_model()
    batches = tiny_batches(augment=flip_some, kind=Recording)
    first = train(one, batches, epochs=2)
    assert len(batches[0]) % 4  # the last group of steps is not full
    second = train(two, batches, epochs=2, steps_per_execution=4)
    columns = first.history.columns.drop("seconds")
    # in float32, and with operations in another order
    pd.testing.assert_frame_equal(first.history[columns], second.history[columns], rtol=1e-5)
    np.testing.assert_allclose(predictions(one), predictions(two), atol=1e-5)


def test_it_learns_and_tells_its_history():
    _, codes = tiny_images()
    model = models.build("one-conv", (16, 16, 3), CLASSES, filters=4, dense=16, dropout=0.0)
    training, validation = tiny_batches()
    result = fit(model, training, validation, epochs=6, learning_rate=3e-3, verbose="none")
    assert list(result.history.columns) == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    ]  # fmt: skip
    assert list(result.history["epoch"]) == list(range(1, 7))
    assert result.history["epoch"].dtype == int
    assert result.history["accuracy"].iloc[-1] > 0.75
    assert (predictions(model).argmax(axis=1) == codes).mean() > 0.75
    assert result.seconds == pytest.approx(result.history["seconds"].sum())
    assert (result.epochs, result.resumed_from, result.diverged) == (6, 0, False)


def test_two_classes_by_one_unit():
    images, codes = tiny_images()
    pick = codes != 1
    batches = Batches(images, images.ids[pick], codes[pick] // 2, batch_size=8, shuffle=True)
    model = models.build("one-conv", (16, 16, 3), 1, filters=4, dense=8, dropout=0.0)
    result = fit(model, batches, epochs=4, learning_rate=3e-3, verbose="none")
    assert result.history["loss"].iloc[-1] < result.history["loss"].iloc[0]
    truth = codes[pick] // 2
    found = predictions(model)[pick].argmax(axis=1) == truth
    assert found.mean() > 0.7
    # no validation: its columns are empty, and the last epoch is the best
    assert result.history["val_loss"].isna().all()
    assert result.best_epoch == 4


def test_the_best_epoch_is_restored():
    model, weights = tiny_model(), []
    # a rate so high that the validation loss jumps about
    result = train(
        model,
        epochs=12,
        learning_rate=0.03,
        restore_best=True,
        plateau=None,
        early_stopping=EarlyStopping(monitor="val_loss", mode="min", patience=2, min_delta=0.5),
        on_epoch=lambda row: weights.append(model.get_weights()),
    )
    losses = result.history["val_loss"]
    assert result.stopped_early
    assert result.best_epoch == losses.idxmin() + 1
    assert result.best_epoch < result.epochs < 12
    for now, then in zip(model.get_weights(), weights[result.best_epoch - 1], strict=True):
        np.testing.assert_array_equal(now, then)
    _, validation = tiny_batches()
    p = predictions(model)[-len(validation.codes) :]
    loss = -np.log(p[np.arange(len(p)), validation.codes]).mean()
    assert loss == pytest.approx(losses.min(), rel=1e-4)


def test_the_plateau_lowers_the_rate_of_a_copy_of_the_optimizer():
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9, clipnorm=1.0)
    # no epoch after the first is better by as much as 100
    plateau = Plateau(patience=1, factor=0.1, mode="min", min_delta=100.0, min_learning_rate=5e-5)
    model = tiny_model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Keras's own habit under NumPy 2
        warnings.filterwarnings("ignore", message="__array__ implementation")
        result = train(model, epochs=4, optimizer=optimizer, plateau=plateau)
    assert list(result.history["learning_rate"]) == pytest.approx([1e-3, 1e-3, 1e-4, 5e-5])
    assert model.optimizer is not optimizer
    assert model.optimizer.clipnorm == 1.0
    assert not optimizer.built
    assert float(optimizer.learning_rate.numpy()) == pytest.approx(1e-3)


def test_a_diverging_training_ends_and_says_so(capsys):
    images, codes = tiny_images()
    batches = Poisoned(images, images.ids, codes, sample_weight=np.ones(48))
    model = tiny_model()
    result = fit(model, batches, Batches(images, images.ids, codes), epochs=12, verbose="auto")
    assert result.diverged
    assert not result.stopped_early
    assert result.epochs == 3
    assert np.isnan(result.history["loss"].iloc[-1])
    assert result.best_epoch in (1, 2)
    assert np.isfinite(predictions(model)).all()
    # no terminal here: one line an epoch
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"epoch  1/12  loss \d?\.\d{3}  accuracy \d?\.\d{3}  val_loss \d?\.\d{3}  "
        r"val_accuracy \d?\.\d{3}  rate 0\.001  \d+\.\d s",
        lines[0],
    )
    assert lines[2].startswith("epoch  3/12  loss nan")
    assert lines[3] == "diverged in epoch 3: the loss is nan"
    assert lines[4].startswith(f"weights of epoch {result.best_epoch} restored (val_loss ")


def test_a_second_input_comes_with_its_image():
    images, codes = tiny_images()
    # only the second input tells the class
    told = pd.DataFrame(np.eye(CLASSES)[codes], index=images.ids).sample(frac=1, random_state=2)
    batches = Batches(images, images.ids, codes, batch_size=8, shuffle=True, features=told)
    picture, features = keras.Input((16, 16, 3)), keras.Input((CLASSES,))
    output = keras.layers.Dense(CLASSES, "softmax", kernel_initializer="zeros")(features)
    model = keras.Model((picture, features), output)
    result = fit(model, batches, epochs=2, learning_rate=1.0, optimizer="sgd", verbose="none")
    assert result.history["accuracy"].iloc[-1] == 1
    found = predict_probabilities(model, images, images.ids, features=told).argmax(axis=1)
    np.testing.assert_array_equal(found, codes)


class Empty(Batches):
    def __len__(self):
        return 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be"),
        ({"learning_rate": 0.0}, "learning_rate must be"),
        ({"optimizer": "adamm"}, 'no optimizer "adamm"'),
        ({"class_weight": {0: 1.0, 1: 1.0}}, "no weight for class 2"),
        ({"class_weight": {0: 1.0, 1: 1.0, 2: -1.0}}, "weight of class 2"),
        ({"class_weight": {"mel": 1.0}}, "class codes"),
        ({"early_stopping": EarlyStopping(monitor="val_f1", mode="max", patience=1)}, "val_f1"),
        ({"plateau": Plateau(monitor="vall_loss", mode="min", patience=1)}, "vall_loss"),
        ({"verbose": "loud"}, "verbose must be"),
        ({"seed": -1}, "seed must be"),
        (
            {"optimizer": keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10))},
            "schedule",
        ),
    ],
)
def test_what_is_refused_before_it_starts(settings, message):
    with pytest.raises(ParameterError, match=message):
        train(tiny_model(), **settings)


def test_batches_that_do_not_fit_the_model():
    with pytest.raises(ParameterError, match="class code 2, but the model has 2 classes"):
        train(models.build("one-conv", (16, 16, 3), 2, filters=2, dense=2))
    with pytest.raises(DataError, match="train holds no images"):
        train(tiny_model(), tiny_batches(kind=Empty))


def test_tensorboard_without_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ParameterError, match="pip install tensorboard"):
        train(tiny_model(), tensorboard=tmp_path)


def test_tensorboard_writes_its_logs(tmp_path):
    pytest.importorskip("tensorboard")
    train(tiny_model(), tensorboard=tmp_path)
    assert list(tmp_path.rglob("events.out.tfevents*"))
