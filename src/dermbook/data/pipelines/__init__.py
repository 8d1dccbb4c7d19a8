"""Eight ways from image files to batches, alike in use, so that they can be raced and compared.

The reports fed their networks in four ways: Keras' directory generator (R1, R2, R4), a column of
arrays in a pickled table (R0), an own serializer (R0) and a PyTorch ``Dataset`` (R3). Here they
stand beside the book's memory map and TensorFlow's ``tf.data``::

    job = Job.of(collection, work, height=96, width=128)
    pipeline = PIPELINES["memory-map"]
    pipeline.prepare(job)
    for x, y, ids in pipeline.open(job): ...

``race`` measures them, each in a process of its own.
"""

from dermbook.data.pipelines.columns import PickledColumn, TextColumn
from dermbook.data.pipelines.directory import DirectoryDataset, DirectoryGenerator
from dermbook.data.pipelines.job import Job, Pipeline, Reader
from dermbook.data.pipelines.memory_map import MemoryMap
from dermbook.data.pipelines.tensorflow_data import TensorFlowData
from dermbook.data.pipelines.torch_data import TorchLoader

#: every pipeline by its name, in the order in which tables show them
PIPELINES: dict[str, Pipeline] = {
    pipeline.name: pipeline
    for pipeline in (
        DirectoryGenerator(),
        DirectoryDataset(),
        TextColumn(),
        PickledColumn(),
        MemoryMap(),
        TensorFlowData(),
        TensorFlowData(cache=True),
        TorchLoader(),
    )
}

# race.py names pipelines by this table
from dermbook.data.pipelines.race import race  # noqa: E402  isort: skip

__all__ = [
    "PIPELINES",
    "DirectoryDataset",
    "DirectoryGenerator",
    "Job",
    "MemoryMap",
    "PickledColumn",
    "Pipeline",
    "Reader",
    "TensorFlowData",
    "TextColumn",
    "TorchLoader",
    "race",
]
