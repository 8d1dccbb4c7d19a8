"""Images as a column of a table, as R0 kept them (row 0.6): first as text, then pickled.

R0 left the directory reader because its images had to stay beside the other columns of their row.
A first serializer of its own made files too large, so it took ``pickle``. The report shows neither;
numbers written as text are the plainest serializer that grows so.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook.data.pipelines.job import Batch, Job, Pipeline
from dermbook.files import replacing


class _Column(Pipeline):
    """A table with columns image_id, code and pixels, read whole when opened."""

    suffix: str
    rows = ("0.6",)

    def files(self, job: Job) -> list[Path]:
        return [job.work / f"{self.name}-{job.height}x{job.width}{self.suffix}"]

    def prepare(self, job: Job) -> None:
        """Decode and resize every image, and write the table; replaces an earlier one."""
        table = pd.DataFrame(
            {
                "image_id": job.ids,
                "code": job.codes,
                "pixels": pd.Series([job.image(i) for i in job.ids], dtype="object"),
            }
        )
        with replacing(self.files(job)[0]) as temporary:
            self._write(table, temporary)

    def open(self, job: Job) -> "_ColumnReader":
        return _ColumnReader(self._read(self.files(job)[0], job), job)

    def _write(self, table: pd.DataFrame, path: Path) -> None:
        raise NotImplementedError

    def _read(self, path: Path, job: Job) -> pd.DataFrame:
        raise NotImplementedError


class PickledColumn(_Column):
    """A DataFrame with one array a row, pickled (R0, row 0.6).

    A pickle runs code when it is loaded: open only files that you wrote yourself.
    """

    name = "pickled-column"
    suffix = ".pickle"
    how = "arrays in a DataFrame, loaded whole into memory"

    def _write(self, table: pd.DataFrame, path: Path) -> None:
        table.to_pickle(path)

    def _read(self, path: Path, job: Job) -> pd.DataFrame:
        return pd.read_pickle(path)  # written by prepare


class TextColumn(_Column):
    """A CSV file with the pixel values of an image as one text, a number each."""

    name = "text-column"
    suffix = ".csv"
    how = "numbers as text in a CSV, parsed whole into memory"

    def _write(self, table: pd.DataFrame, path: Path) -> None:
        text = [" ".join(map(str, image.ravel().tolist())) for image in table["pixels"]]
        table.assign(pixels=text).to_csv(path, index=False)

    def _read(self, path: Path, job: Job) -> pd.DataFrame:
        table = pd.read_csv(path, dtype={"image_id": "str"})
        shape = job.height, job.width, 3
        images = [np.array(text.split(), dtype=np.uint8).reshape(shape) for text in table["pixels"]]
        return table.assign(pixels=pd.Series(images, dtype="object"))


class _ColumnReader:
    def __init__(self, table: pd.DataFrame, job: Job) -> None:
        self._table, self._batch_size = table, job.batch_size
        self.classes = job.classes

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self._table), self._batch_size):
            rows = self._table.iloc[start : start + self._batch_size]
            ids = rows["image_id"].tolist()
            yield np.stack(rows["pixels"].to_list()), rows["code"].to_numpy("int32"), ids
