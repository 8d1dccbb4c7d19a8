"""The linear head: weights are repetitions, and Keras' softmax head agrees."""

import numpy as np
import pytest

from dermbook.errors import DataError, ParameterError
from dermbook.training.heads import logistic_head


def clusters(seed=0, sizes=(120, 40, 12)):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(0, 1.2, (len(sizes), 4))
    return (centres[codes] + rng.normal(0, 1, (len(codes), 4))).astype("float32"), codes


def test_a_weight_is_a_number_of_repetitions_up_to_the_scale():
    vectors, codes = clusters()
    times = 1 + np.arange(len(codes)) % 3
    (weighted,) = logistic_head(vectors, codes, [vectors], classes=3, sample_weight=times)
    rows = np.repeat(np.arange(len(codes)), times)
    (repeated,) = logistic_head(vectors[rows], codes[rows], [vectors], classes=3, images=len(codes))
    assert np.abs(weighted - repeated).max() < 1e-3
    (doubled,) = logistic_head(vectors, codes, [vectors], classes=3, sample_weight=7 * times)
    assert np.abs(weighted - doubled).max() < 1e-9


def test_a_softmax_head_of_keras_gives_the_same():
    import keras

    vectors, codes = clusters()
    weights = np.array([0.5, 1.5, 4.0])[codes]
    weights *= len(codes) / weights.sum()
    (ours,) = logistic_head(
        vectors, codes, [vectors], classes=3, sample_weight=weights, penalty=0.1
    )
    mean = np.average(vectors, axis=0, weights=weights)
    spread = np.sqrt(np.average((vectors - mean) ** 2, axis=0, weights=weights))
    standard = (vectors - mean) / spread
    keras.utils.set_random_seed(0)
    # scikit-learn: C · Σ loss + ½ ‖w‖²; Keras: mean loss + λ ‖w‖², so λ = 1 / (2 C n)
    penalty = keras.regularizers.L2(1 / (2 * 0.1 * len(codes)))
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, "softmax", kernel_regularizer=penalty)]
    )
    model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    model.fit(standard, codes, sample_weight=weights, batch_size=len(codes), epochs=150, verbose=0)
    theirs = model.predict(standard, verbose=0)
    assert np.abs(ours - theirs).max() < 0.01


def test_absent_classes_get_nothing_and_weightless_images_count_nothing():
    vectors, codes = clusters()
    (found,) = logistic_head(vectors, codes, [vectors[:5]], classes=5)
    assert found.shape == (5, 5)
    assert np.allclose(found.sum(axis=1), 1)
    assert not found[:, 3:].any()
    kept = codes != 2
    (without,) = logistic_head(
        vectors, codes, [vectors], classes=3, sample_weight=kept.astype(float)
    )
    assert not without[:, 2].any()
    constant = np.hstack([vectors, np.full((len(vectors), 1), 3.0, dtype="float32")])
    (same,) = logistic_head(constant, codes, [constant], classes=3)
    assert np.isfinite(same).all()


def test_bad_input_is_refused():
    vectors, codes = clusters()
    for wrong in (np.ones(3), -np.ones(len(codes)), np.full(len(codes), np.nan)):
        with pytest.raises(ParameterError):
            logistic_head(vectors, codes, [vectors], classes=3, sample_weight=wrong)
    with pytest.raises(DataError):
        logistic_head(vectors[:10], codes[:10], [vectors], classes=3)
