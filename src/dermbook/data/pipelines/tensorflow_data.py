"""TensorFlow's ``tf.data``: files decoded in parallel and ahead of time, kept in memory if asked.

Files and labels come from the table, not from folder names, so order and labels are the table's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dermbook.data.pipelines.job import Batch, Job, Pipeline


@dataclass(frozen=True)
class TensorFlowData(Pipeline):
    """A ``tf.data.Dataset`` of files, labels and ids. cache: keep decoded images in memory."""

    cache: bool = False
    engine = "tensorflow"

    @property
    def name(self) -> str:
        """Its key in ``PIPELINES``."""
        return "tf-data-cached" if self.cache else "tf-data"

    @property
    def how(self) -> str:
        """In a few words."""
        where = "first epoch fills memory" if self.cache else "decodes every epoch"
        return f"tf.data, parallel, prefetching; {where}"

    def open(self, job: Job) -> "_DataReader":
        self._check_engine()
        import tensorflow as tf

        def decode(path: Any, code: Any, image_id: Any) -> tuple:
            # the accurate transform is what other decoders use; TensorFlow's default is faster
            image = tf.io.decode_jpeg(
                tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE"
            )
            image = tf.image.resize(image, (job.height, job.width), method="area")
            return tf.cast(tf.round(image), tf.uint8), code, image_id

        dataset = tf.data.Dataset.from_tensor_slices((job.paths, job.codes, job.ids))
        dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        dataset = dataset.cache() if self.cache else dataset
        dataset = dataset.batch(job.batch_size).prefetch(tf.data.AUTOTUNE)
        return _DataReader(dataset, job)


class _DataReader:
    def __init__(self, dataset: Any, job: Job) -> None:
        self._dataset = dataset
        self.classes = job.classes

    def __iter__(self) -> Iterator[Batch]:
        for x, y, ids in self._dataset.as_numpy_iterator():
            yield x, y, [name.decode() for name in ids]
