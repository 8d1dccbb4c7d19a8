"""Training a generator: it learns something, is killed and goes on, and refuses bad input."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data import CachedImages
from dermbook.errors import DataError, ParameterError
from dermbook.training import adversarial
from dermbook.training.adversarial import (
    Play,
    as_bytes,
    as_floats,
    drawn_moves,
    train_gan,
    untrained,
)

PLAY = Play(steps=3, batch=4, width=8, latent=4, every=1, rate=0.002, average=0.5)


@pytest.fixture
def uncompiled(monkeypatch):
    """A few steps are over sooner than a compiler is."""
    compiled = adversarial.new_model

    def new_model(*arguments, **options):
        model = compiled(*arguments, **options)
        model.run_eagerly = True
        return model

    monkeypatch.setattr(adversarial, "new_model", new_model)


def red_images(n=12):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 30, (n, 8, 8, 3)).astype(np.uint8)
    pixels[..., 0] += 200
    ids = pd.Index([f"I{row:02d}" for row in range(n)])
    return CachedImages(pixels, ids, None), list(ids)


def test_bytes_and_floats():
    every = np.arange(256, dtype=np.uint8)
    floats = as_floats(every)
    assert (floats.min(), floats.max()) == (-1, 1)
    np.testing.assert_array_equal(as_bytes(floats), every)


def test_moves_stay_within_their_bounds():
    play = Play(shift=0.25, light=0.1)
    moves = drawn_moves(np.random.default_rng(0), 500, (16, 8, 3), play)
    assert moves.shape == (500, 2, 6)
    assert set(np.unique(moves[..., :2])) == {0, 1}
    assert (np.abs(moves[..., 2]).max(), np.abs(moves[..., 3]).max()) == (4, 2)
    assert np.abs(moves[..., 4]).max() <= 0.1
    assert 0.9 <= moves[..., 5].min() <= moves[..., 5].max() <= 1.1


def test_a_killed_training_goes_on_exactly(tmp_path, monkeypatch, uncompiled):
    images, ids = red_images()
    options = {"held_out": ids[8:], "play": PLAY, "seed": 3}
    whole = train_gan("gan", images, ids[:8], **options)
    path = tmp_path / "gan.npz"
    real_round, made = adversarial._round, []

    def dying_round(*arguments):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(1)
        return real_round(*arguments)

    monkeypatch.setattr(adversarial, "_round", dying_round)
    with pytest.raises(KeyboardInterrupt):
        train_gan("gan", images, ids[:8], checkpoint=path, **options)
    made.clear()
    again = train_gan("gan", images, ids[:8], checkpoint=path, **options)
    assert len(made) == 1
    pd.testing.assert_frame_equal(again.history, whole.history)
    np.testing.assert_array_equal(again.sample(5, seed=1), whole.sample(5, seed=1))
    assert list(whole.history["step"]) == [1, 2, 3]
    assert whole.ids == tuple(ids[:8])
    # what was finished is not trained again, and another class's file is not taken
    made.clear()
    train_gan("gan", images, ids[:8], checkpoint=path, **options)
    assert not made
    with pytest.raises(KeyboardInterrupt):
        train_gan("gan", images, ids[:7], checkpoint=path, **options)


def test_it_learns_the_colour_of_its_images():
    images, ids = red_images()
    play = Play(steps=40, batch=8, width=8, latent=4, every=20, rate=0.005, average=0.5)
    gan = train_gan("gan", images, ids[:10], held_out=ids[10:], play=play)

    def redness(made):
        return made[..., 0].mean() - made[..., 1:].mean()

    first = redness(untrained(gan, play).sample(16))
    assert redness(gan.sample(16)) > first + 20
    assert gan.sample(3).dtype == np.uint8
    np.testing.assert_array_equal(gan.sample(4, seed=5), gan.sample(4, seed=5))
    assert (gan.sample(4, seed=5) != gan.sample(4, seed=6)).any()


def test_bad_input():
    images, ids = red_images()
    with pytest.raises(DataError, match="two training images"):
        train_gan("gan", images, ids[:1], held_out=ids[8:], play=PLAY)
    with pytest.raises(DataError, match="one held out"):
        train_gan("gan", images, ids[:4], held_out=[], play=PLAY)
    with pytest.raises(DataError, match="I03"):
        train_gan("gan", images, ids[:4], held_out=ids[3:], play=PLAY)
    for wrong in ({"steps": 0}, {"batch": 0}, {"rate": 0}, {"shift": 1}, {"light": -1}):
        with pytest.raises(ParameterError):
            Play(**wrong)
