"""How TensorFlow prepares the graphs of a training."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def graphs_as_written(when: bool = True) -> Iterator[None]:
    """Within it, TensorFlow runs graphs as they were traced; other backends do so anyway.

    Its optimizer, Grappler, takes seconds for the loop that holds several steps of a training, a
    third of a small head's whole time, and wins nothing there. Whole networks on two cores do
    without it no worse (``benchmarks/graphs.py``); they keep it, for the published runs had it, and
    on a GPU it may be worth more.

    when: False changes nothing.
    """
    if not when or keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    name = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(name, False)
    tf.config.optimizer.set_experimental_options({name: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({name: before})
