"""Cross-entropy with smoothed labels, for integer labels (Szegedy et al. 2016)."""

import keras
from keras import ops

from dermbook.models.parts import check_rate


@keras.saving.register_keras_serializable("dermbook")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy against labels of which a share is spread evenly over all classes.

    smoothing: the share, 0 to below 1. For probabilities (n, k), or (n, 1) of a sigmoid; integer
    labels (n,). ``keras`` offers label smoothing for one-hot labels only.
    """

    def __init__(self, smoothing: float = 0.0, name: str = "smoothed_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        check_rate("smoothing", smoothing)
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        """Loss of each image, (n,)."""
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        if y_pred.shape[-1] == 1:
            target = ops.cast(ops.reshape(labels, (-1, 1)), y_pred.dtype)
            return keras.losses.binary_crossentropy(target, y_pred, label_smoothing=self.smoothing)
        target = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
        return keras.losses.categorical_crossentropy(target, y_pred, label_smoothing=self.smoothing)

    def get_config(self) -> dict:
        return {**super().get_config(), "smoothing": self.smoothing}
