"""R4's own F1, counted over a whole epoch."""

import keras
from keras import ops

from dermbook.errors import ParameterError


@keras.saving.register_keras_serializable("dermbook")
class MicroF1(keras.metrics.Metric):
    """Micro F1 of the answers that are given a probability above ``threshold`` (R4, row 4.8).

    A class counts as predicted where its probability is above the threshold; an image whose best
    class stays below it has no answer. R4 took the mean of this over batches; here the counts of
    all batches are added up first (lesson M6). 0 where nothing is predicted.
    """

    def __init__(self, name: str = "f1", threshold: float = 0.5, **kwargs) -> None:
        super().__init__(name=name, **kwargs)
        if not 0 < threshold < 1:
            raise ParameterError(f"threshold: must lie between 0 and 1, not {threshold!r}.")
        self.threshold = threshold
        self.hits = self.add_weight(shape=(), initializer="zeros", name="hits")
        self.both = self.add_weight(shape=(), initializer="zeros", name="predicted_and_true")

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """y_true: int (n,) or (n, 1). y_pred: (n, classes), or (n, 1) of a sigmoid."""
        codes = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        if y_pred.shape[-1] == 1:
            y_pred = ops.concatenate([1 - y_pred, y_pred], axis=-1)
        truth = ops.one_hot(codes, y_pred.shape[-1], dtype="float32")
        chosen = ops.cast(y_pred > self.threshold, "float32")
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
            truth, chosen = truth * weight, chosen * weight
            hits = ops.sum(ops.minimum(truth, chosen))
        else:
            hits = ops.sum(truth * chosen)
        self.hits.assign_add(hits)
        self.both.assign_add(ops.sum(truth) + ops.sum(chosen))

    def result(self):
        return 2.0 * self.hits / ops.maximum(self.both, 1e-7)

    def reset_state(self) -> None:
        self.hits.assign(0.0)
        self.both.assign(0.0)

    def get_config(self) -> dict:
        return {**super().get_config(), "threshold": self.threshold}
