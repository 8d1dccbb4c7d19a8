"""Keras' two readers of class folders: the generator of Keras 2 and what replaced it.

Both find the classes by listing the folder, so labels follow the *alphabet*, whatever order the
rest of a program uses; and images come class by class, not in the order of any table.
"""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dermbook.data.pipelines.job import Batch, Job, Pipeline, Reader


@dataclass(frozen=True)
class DirectoryGenerator(Pipeline):
    """``ImageDataGenerator.flow_from_directory`` as R1, R2 and R4 used it (rows 1.1, 4.4).

    Keras 3 keeps it as deprecated. shuffle: Keras' default is True; here False unless asked for.
    seed: of the shuffling. classes: None lists the folder (alphabetical), else this order.
    interpolation: Keras' default "nearest" drops pixels; "box" averages them.
    """

    shuffle: bool = False
    seed: int = 0
    classes: tuple[str, ...] | None = None
    interpolation: str = "nearest"
    name = "keras-generator"
    engine = "tensorflow"
    how = "reads class folders, one thread, decodes every epoch"
    rows = ("1.1", "4.4")

    def open(self, job: Job) -> "_GeneratorReader":
        self._check_engine()
        return _GeneratorReader(self.flow(job))

    def flow(self, job: Job) -> Any:
        """Keras' own iterator, for ``model.predict`` and ``model.evaluate``: float32, 0..255."""
        # the public place of the deprecated generator; importing it starts no computation
        from tensorflow.keras.preprocessing.image import ImageDataGenerator

        with contextlib.redirect_stdout(io.StringIO()):  # "Found … images belonging to …"
            return ImageDataGenerator().flow_from_directory(
                str(job.folder),
                target_size=(job.height, job.width),
                classes=list(self.classes) if self.classes else None,
                class_mode="sparse",
                batch_size=job.batch_size,
                shuffle=self.shuffle,
                seed=self.seed,
                interpolation=self.interpolation,
            )


class _GeneratorReader:
    """Batches with the ids that really are in them, shuffled or not."""

    def __init__(self, flow: Any) -> None:
        self._flow = flow
        self._ids = np.array([Path(name).stem for name in flow.filenames])
        self.classes = tuple(flow.class_indices)

    def __iter__(self) -> Iterator[Batch]:
        flow = self._flow
        for place in range(len(flow)):
            x, y = flow[place]
            # the order that flow[...] has just drawn or kept; flow.classes does not follow it
            chosen = flow.index_array[place * flow.batch_size : (place + 1) * flow.batch_size]
            yield x, y.astype("int32"), list(self._ids[chosen])
        flow.on_epoch_end()


@dataclass(frozen=True)
class DirectoryDataset(Pipeline):
    """``keras.utils.image_dataset_from_directory``: the generator's successor, on ``tf.data``.

    Its file names are known in the order read only without shuffling, so it never shuffles here.
    classes: as for ``DirectoryGenerator``.
    """

    classes: tuple[str, ...] | None = None
    name = "keras-dataset"
    engine = "tensorflow"
    how = "reads class folders by tf.data, decodes every epoch"

    def open(self, job: Job) -> Reader:
        self._check_engine()
        import keras

        dataset = keras.utils.image_dataset_from_directory(
            str(job.folder),
            image_size=(job.height, job.width),
            batch_size=job.batch_size,
            class_names=list(self.classes) if self.classes else None,
            shuffle=False,
            verbose=False,
        )
        return _DatasetReader(dataset)


class _DatasetReader:
    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._ids = [Path(path).stem for path in dataset.file_paths]
        self.classes = tuple(dataset.class_names)

    def __iter__(self) -> Iterator[Batch]:
        start = 0
        for x, y in self._dataset.as_numpy_iterator():
            yield x, y, self._ids[start : start + len(x)]
            start += len(x)
