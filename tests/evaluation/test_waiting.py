"""Early stopping replayed on curves whose end is known, and against Keras's own callback."""

import keras
import numpy as np
import pandas as pd
import pytest

from dermbook.errors import ParameterError
from dermbook.evaluation.waiting import patience_table, stopped_at

CURVE = (1.0, 0.8, 0.9, 0.7, 0.75, 0.76, 0.5, 0.6)


@pytest.mark.parametrize(
    ("patience", "expected"), [(1, (3, 2)), (2, (6, 4)), (3, (8, 7)), (9, (8, 7))]
)
def test_curves_by_hand(patience, expected):
    assert stopped_at(CURVE, patience) == expected


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("patience", [1, 2, 4])
def test_as_keras_stops(seed, patience):
    losses = np.random.default_rng(seed).random(20)
    callback = keras.callbacks.EarlyStopping("val_loss", patience=patience, mode="min")
    callback.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    callback.model.stop_training = False
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if callback.model.stop_training:
            break
    assert stopped_at(losses, patience) == (epoch + 1, callback.best_epoch + 1)


def test_the_table_says_what_is_lost():
    history = pd.DataFrame({"val_loss": CURVE})
    table = patience_table({"net": history}, [2, 3]).set_index("patience")
    assert table.loc[2, "lost"] == pytest.approx(0.2)
    assert table.loc[3, "lost"] == 0
    assert (table["epochs"] == len(CURVE)).all()
    with pytest.raises(ParameterError, match="patience"):
        patience_table({"net": history}, [0])


def test_a_loss_that_is_never_a_number():
    assert stopped_at([float("nan")] * 4, 2) == (2, 2)
