"""A killed training that goes on ends with the numbers of one that was not killed."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from training_trial import (
    flip_some,
    predictions,
    tiny_batches,
    tiny_model,
    train,
)

from dermbook.training import EarlyStopping

# Keras's own habit under NumPy 2; pytest.warns undoes the project's filter
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TRIAL = Path(__file__).with_name("training_trial.py")


@pytest.fixture(scope="module", autouse=True)
def killed_process(tmp_path_factory):
    """A training in a process of its own, started early because TensorFlow takes seconds to."""
    checkpoint = tmp_path_factory.mktemp("killed") / "training.npz"
    command = [sys.executable, str(TRIAL), "kill", str(checkpoint)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process, checkpoint
    process.kill()
    process.communicate()


class Keeping:
    """Keeps the checkpoint as it was after each epoch: what a kill then would have left."""

    def __init__(self, path):
        self.path, self.after = path, {}

    def __call__(self, row):
        self.after[row["epoch"]] = self.path.read_bytes()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return Keeping(tmp_path_factory.mktemp("straight") / "training.npz")


@pytest.fixture(scope="module")
def straight(kept):
    model = tiny_model()
    result = train(model, checkpoint=kept.path, on_epoch=kept)
    return result, predictions(model), model.get_weights()


def assert_same(model, result, straight):
    first, probabilities, weights = straight
    columns = first.history.columns.drop("seconds")
    assert first.history[columns].equals(result.history[columns])
    for one, two in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(predictions(model), probabilities)


def failing_after(calls):
    """An augmentation that changes nothing, until the machine goes away."""
    count = 0

    def augment(batch, rng):
        nonlocal count
        count += 1
        if count > calls:
            raise RuntimeError("the machine went away")
        return batch

    return augment


def test_two_epochs_a_kill_and_two_more(straight, tmp_path, capsys):
    checkpoint = tmp_path / "deep" / "training.npz"
    # before the first epoch the signature reads one batch and Keras two; then three an epoch
    batches = tiny_batches(augment=failing_after(3 + 3 * 2 + 1))
    with pytest.raises(Exception, match="went away"):
        train(tiny_model(), batches, checkpoint=checkpoint)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["training.npz"]
    model = tiny_model()
    result = train(model, tiny_batches(), checkpoint=checkpoint, verbose="line")
    assert result.resumed_from == 2
    assert_same(model, result, straight)
    assert "going on after epoch 2 of 4" in capsys.readouterr().out
    # finished: nothing to go on from
    assert not any(checkpoint.parent.iterdir())


def test_best_weights_and_counters_survive(tmp_path):
    keeping = Keeping(tmp_path / "training.npz")
    settings = {
        "epochs": 9,
        "restore_best": True,
        # with such a rate an early epoch stays the best one
        "learning_rate": 0.03,
        "early_stopping": EarlyStopping(mode="min", patience=2, min_delta=0.5),
        "checkpoint": keeping.path,
    }
    batches = tiny_batches(augment=flip_some)
    straight, resumed = tiny_model(), tiny_model()
    first = train(straight, batches, on_epoch=keeping, **settings)
    keeping.path.write_bytes(keeping.after[2])
    second = train(resumed, batches, **settings)
    assert second.resumed_from == 2
    assert first.best_epoch == second.best_epoch < first.epochs
    assert first.stopped_early
    assert second.stopped_early
    assert first.epochs == second.epochs < 9
    np.testing.assert_array_equal(predictions(straight), predictions(resumed))


def test_a_kill_after_the_last_epoch_trains_no_more(straight, kept, tmp_path):
    checkpoint = tmp_path / "training.npz"
    checkpoint.write_bytes(kept.after[4])
    model = tiny_model()
    model.fit = None
    result = train(model, checkpoint=checkpoint)
    assert result.resumed_from == 4
    assert_same(model, result, straight)


@pytest.fixture
def unfinished(straight, kept):
    """The checkpoint of a training that was killed after one epoch."""
    return kept.after[1]


def resumed_from(checkpoint, model=None, **settings):
    """After how many epochs the training would go on; without training."""
    model = model or tiny_model()
    model.fit = lambda *arguments, **options: None
    return train(model, checkpoint=checkpoint, **settings).resumed_from


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 1e-3}, "optimizer"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"seed": 6}, "initial weights, seed"),
        ({"epochs": 5}, "epochs"),
        ({"class_weight": {0: 1.0, 1: 1.0, 2: 2.0}}, "class weights"),
        ({"early_stopping": None}, "early stopping"),
        ({"batches": tiny_batches(seed=4)}, "training images"),
        ({"batches": tiny_batches(batch_size=11)}, "training images, validation images"),
        ({"batches": tiny_batches(augment=flip_some)}, "training images"),
        ({"model": tiny_model(seed=1)}, "initial weights"),
        ({"model": tiny_model(dropout=0.2)}, "model"),
    ],
)
def test_another_training_starts_anew_and_says_what_differs(change, named, tmp_path, unfinished):
    checkpoint = tmp_path / "training.npz"
    checkpoint.write_bytes(unfinished)
    assert resumed_from(checkpoint) == 1
    checkpoint.write_bytes(unfinished)
    with pytest.warns(UserWarning, match=rf"\(different: {named}\).*starts anew"):
        assert resumed_from(checkpoint, **change) == 0


def test_a_damaged_checkpoint_starts_anew(tmp_path, unfinished):
    checkpoint = tmp_path / "training.npz"
    for damaged in (b"", b"no zip", unfinished[: len(unfinished) // 2]):
        checkpoint.write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"cannot be read.*starts anew"):
            assert resumed_from(checkpoint) == 0


def test_resume_can_be_declined(tmp_path, unfinished):
    checkpoint = tmp_path / "training.npz"
    checkpoint.write_bytes(unfinished)
    assert resumed_from(checkpoint, resume=False) == 0


@pytest.mark.slow
def test_a_real_kill_in_another_process(straight, killed_process):
    """SIGKILL after two epochs there, the last two here: also the same bits in two processes."""
    process, checkpoint = killed_process
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors
    model = tiny_model()
    result = train(model, checkpoint=checkpoint)
    assert result.resumed_from == 2
    assert_same(model, result, straight)
