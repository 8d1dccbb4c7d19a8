"""The book's own way: decoded once into a memory-mapped array, then copied batch by batch."""

from collections.abc import Iterator
from pathlib import Path

from dermbook.data.batches import Batches
from dermbook.data.cache import CachedImages, cached_images
from dermbook.data.pipelines.job import Batch, Job, Pipeline


class MemoryMap(Pipeline):
    """``cached_images`` and ``Batches``."""

    name = "memory-map"
    how = "the book's: decoded once, one array of bytes, memory-mapped"

    def prepare(self, job: Job) -> None:
        """Build the cache in the cache folder (``DERMBOOK_CACHE``)."""
        _cached(job)

    def files(self, job: Job) -> list[Path]:
        return [_cached(job).path]

    def open(self, job: Job) -> "_MapReader":
        return _MapReader(Batches(_cached(job), job.ids, job.codes, batch_size=job.batch_size), job)


def _cached(job: Job) -> CachedImages:
    return cached_images(job.collection(), height=job.height, width=job.width, progress=False)


class _MapReader:
    def __init__(self, batches: Batches, job: Job) -> None:
        self._batches = batches
        self.classes = job.classes

    def __iter__(self) -> Iterator[Batch]:
        for i in range(len(self._batches)):
            x, y = self._batches.batch(i)
            yield x, y, list(self._batches.batch_ids(i))
