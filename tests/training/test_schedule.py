"""Early stopping and plateau against Keras's callbacks on sequences of scores."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from dermbook.errors import ParameterError
from dermbook.training import EarlyStopping, Plateau
from dermbook.training.schedule import Best, Progress

# walks with steps of .01, so that many changes lie at, below and above min_delta
WALKS = [np.random.default_rng(seed).integers(-4, 5, 25).cumsum() / 100 for seed in range(6)]


def keras_stops_after(scores, settings):
    model = SimpleNamespace(stop_training=False)
    callback = keras.callbacks.EarlyStopping(
        settings.monitor, settings.min_delta, settings.patience, mode=settings.mode
    )
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, score in enumerate(scores):
        callback.on_epoch_end(epoch, {settings.monitor: score})
        if model.stop_training:
            return epoch + 1
    return None


def ours_stops_after(scores, settings):
    progress = Progress(best=None, stopping=settings, plateau=None)
    epochs = enumerate(scores, start=1)
    return next((e for e, s in epochs if progress.should_stop(e, {settings.monitor: s})), None)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (2, 0.015), (4, 0.0)])
def test_early_stopping_stops_where_keras_does(mode, patience, min_delta):
    settings = EarlyStopping(mode=mode, patience=patience, min_delta=min_delta)
    ours = [ours_stops_after(walk, settings) for walk in WALKS]
    assert ours == [keras_stops_after(walk, settings) for walk in WALKS]
    assert any(ours)


def keras_rates(scores, settings, mode):
    optimizer = keras.optimizers.SGD(0.1)
    callback = keras.callbacks.ReduceLROnPlateau(
        settings.monitor,
        factor=settings.factor,
        patience=settings.patience,
        mode=mode,
        min_delta=settings.min_delta,
        cooldown=settings.cooldown,
        min_lr=settings.min_learning_rate,
    )
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    rates = []
    for epoch, score in enumerate(scores):
        callback.on_epoch_end(epoch, {settings.monitor: score})
        rates.append(float(keras.ops.convert_to_numpy(optimizer.learning_rate)))
    return rates


def our_rates(scores, settings):
    progress = Progress(best=None, stopping=None, plateau=settings)
    rates = []
    rate = float(np.float32(0.1))
    for epoch, score in enumerate(scores, start=1):
        new = progress.next_learning_rate(epoch, {settings.monitor: score, "learning_rate": rate})
        rate = rate if new is None else float(np.float32(new))
        rates.append(rate)
    return rates


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1, "factor": 0.5},
        {"patience": 2, "factor": 0.5, "cooldown": 2, "min_delta": 0.015},
        {"patience": 1, "factor": 0.1, "cooldown": 1, "min_learning_rate": 0.001},
    ],
)
def test_plateau_lowers_where_keras_does(mode, options):
    settings = Plateau(mode=mode, **options)
    for walk in WALKS[:3]:
        np.testing.assert_allclose(our_rates(walk, settings), keras_rates(walk, settings, mode))
    assert our_rates(WALKS[0], settings)[-1] < 0.1


def test_auto_is_the_wrong_way_round_for_f1():
    rising = [0.1 * i for i in range(8)]
    guessed = Plateau(monitor="val_f1", patience=2, factor=0.5, mode="auto")
    told = Plateau(monitor="val_f1", patience=2, factor=0.5, mode="max")
    assert our_rates(rising, told)[-1] == pytest.approx(0.1)
    # the first is the best of all; then halved every second epoch, as every fifth in R4's log
    assert our_rates(rising, guessed)[-1] == pytest.approx(0.1 / 2**3)
    assert Plateau(monitor="val_accuracy", patience=2, mode="auto").direction == "max"


def test_the_first_of_equal_bests_counts_and_nan_never_does():
    best = Best("max")
    seen = [best.update(e, v) for e, v in enumerate([math.nan, 0.5, 0.7, 0.7, math.nan], start=1)]
    assert seen == [False, True, True, False, False]
    assert (best.epoch, best.value) == (3, 0.7)


def test_progress_goes_on_from_its_state():
    settings = {
        "stopping": EarlyStopping(patience=5, mode="min"),
        "plateau": Plateau(patience=2, cooldown=1, mode="min"),
    }
    straight = Progress(best=Best("min"), **settings)
    resumed = Progress(best=Best("min"), **settings)
    for epoch, score in enumerate(WALKS[1][:12], start=1):
        row = {"val_loss": score, "learning_rate": 0.1}
        if epoch == 6:
            renewed = Progress(best=Best("min"), **settings)
            renewed.restore(resumed.state())
            resumed = renewed
        for progress in (straight, resumed):
            progress.best.update(epoch, score)
            progress.next_learning_rate(epoch, row)
            progress.should_stop(epoch, row)
    assert resumed.state() == straight.state()
    assert straight.stop_wait > 0


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        (EarlyStopping, {"patience": 0, "mode": "min"}, "patience must be at least 1"),
        (EarlyStopping, {"patience": 1, "mode": "auto"}, "mode must be one of min, max"),
        (EarlyStopping, {"patience": 1, "mode": "min", "min_delta": -1}, "min_delta"),
        (Plateau, {"patience": 1, "mode": "min", "factor": 1.0}, "factor must be"),
        (Plateau, {"patience": 1, "mode": "up"}, "mode must be"),
        (Plateau, {"patience": 1, "mode": "min", "cooldown": -1}, "cooldown"),
    ],
)
def test_what_is_refused(settings, options, message):
    with pytest.raises(ParameterError, match=message):
        settings(**options)


def test_the_mode_has_to_be_given():
    with pytest.raises(TypeError, match="mode"):
        EarlyStopping(patience=3)
