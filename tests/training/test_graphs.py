"""Graphs as they were written."""

import keras
import pytest

from dermbook.training.graphs import graphs_as_written

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="is about TensorFlow's graphs"
)


def disabled():
    import tensorflow as tf

    options = tf.config.optimizer.get_experimental_options()
    return options.get("disable_meta_optimizer", False)


@tensorflow_only
def test_the_optimizer_is_off_within_and_as_before_after():
    assert not disabled()
    with graphs_as_written():
        assert disabled()
        with graphs_as_written():
            assert disabled()
        assert disabled()
    assert not disabled()
    with graphs_as_written(False):
        assert not disabled()


@tensorflow_only
def test_it_is_as_before_after_an_error():
    with pytest.raises(KeyError), graphs_as_written():
        raise KeyError
    assert not disabled()
