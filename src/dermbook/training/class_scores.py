"""Scores of a whole epoch as Keras metrics, from the counts of every class against every other.

A score such as F1 cannot be averaged over batches (lesson M6), so these keep a confusion matrix and
compute the score from all of it. They work on every Keras backend.
"""

import keras
from keras import ops

from dermbook.models.parts import check_count


class _FromConfusion(keras.metrics.Metric):
    """Counts truth (rows) against answers (columns); subclasses compute the score."""

    def __init__(self, classes: int, name: str, **kwargs) -> None:
        super().__init__(name=name, **kwargs)
        check_count("classes", classes)
        self.classes = max(2, classes)
        self.counts = self.add_weight(
            shape=(self.classes, self.classes), initializer="zeros", name="counts"
        )

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """y_true: int (n,) or (n, 1). y_pred: (n, classes), or (n, 1) of a sigmoid."""
        truth = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), self.classes)
        if y_pred.shape[-1] == 1:
            answer = ops.cast(ops.reshape(y_pred, (-1,)) > 0.5, "int32")
        else:
            answer = ops.argmax(y_pred, axis=-1)
        if sample_weight is not None:
            truth = truth * ops.reshape(ops.cast(sample_weight, truth.dtype), (-1, 1))
        found = ops.matmul(ops.transpose(truth), ops.one_hot(answer, self.classes))
        self.counts.assign_add(ops.cast(found, self.counts.dtype))

    def reset_state(self) -> None:
        self.counts.assign(ops.zeros_like(ops.convert_to_tensor(self.counts)))

    def get_config(self) -> dict:
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable("dermbook")
class BalancedAccuracy(_FromConfusion):
    """Mean recall of the classes that occur in the epoch's truth."""

    def __init__(self, classes: int, name: str = "balanced_accuracy", **kwargs) -> None:
        super().__init__(classes, name, **kwargs)

    def result(self):
        counts = ops.convert_to_tensor(self.counts)
        hits, truth = ops.diagonal(counts), ops.sum(counts, axis=1)
        there = ops.cast(truth > 0, hits.dtype)
        recall = hits / ops.maximum(truth, 1e-7)
        return ops.sum(recall * there) / ops.maximum(ops.sum(there), 1.0)


@keras.saving.register_keras_serializable("dermbook")
class MacroF1(_FromConfusion):
    """Mean F1 of all classes; one that neither occurs nor is predicted counts as zero."""

    def __init__(self, classes: int, name: str = "f1", **kwargs) -> None:
        super().__init__(classes, name, **kwargs)

    def result(self):
        counts = ops.convert_to_tensor(self.counts)
        hits = ops.diagonal(counts)
        both = ops.sum(counts, axis=0) + ops.sum(counts, axis=1)
        return ops.mean(2.0 * hits / ops.maximum(both, 1e-7))
