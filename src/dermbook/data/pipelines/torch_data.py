"""PyTorch's ``Dataset`` and ``DataLoader``, as R3's CustomImageDataset (row 3.6).

PyTorch is no dependency of the book. Where it is not installed, this pipeline is skipped and the
tables say so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermbook.data.pipelines.job import Batch, Job, Pipeline


@dataclass(frozen=True)
class TorchLoader(Pipeline):
    """Rows of a table as items: the image of a path, decoded by Pillow, its label and its id.

    workers: processes that decode; 0, PyTorch's default, decodes in the reading process.
    """

    workers: int = 0
    name = "torch-loader"
    engine = "torch"
    how = "Dataset and DataLoader, decodes every epoch"
    rows = ("3.6",)

    def open(self, job: Job) -> "_LoaderReader":
        self._check_engine()
        from torch.utils.data import DataLoader

        loader = DataLoader(
            _dataset(job),
            batch_size=job.batch_size,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
        )
        return _LoaderReader(loader, job)


def _dataset(job: Job) -> Any:
    from torch.utils.data import Dataset

    class ImageTable(Dataset):
        def __init__(self) -> None:
            self._rows = list(zip(job.paths, job.codes.tolist(), job.ids, strict=True))

        def __len__(self) -> int:
            return len(self._rows)

        def __getitem__(self, place: int) -> tuple:
            from PIL import Image

            path, code, image_id = self._rows[place]
            with Image.open(path) as picture:
                # bilinear with averaging, as torchvision resizes Pillow images
                image = picture.convert("RGB").resize(
                    (job.width, job.height), Image.Resampling.BILINEAR
                )
            return np.array(image), code, image_id

    return ImageTable()


class _LoaderReader:
    def __init__(self, loader: Any, job: Job) -> None:
        self._loader = loader
        self.classes = job.classes

    def __iter__(self) -> Iterator[Batch]:
        for x, y, ids in self._loader:
            yield x.numpy(), y.numpy().astype("int32"), list(ids)
