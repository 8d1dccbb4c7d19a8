"""The race: every pipeline on the same files, in one run, one tidy table."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.pipelines.job import Job
from dermbook.errors import DataError, ParameterError

#: seconds after which a group of pipelines is given up
TIME_LIMIT = 3600
COLUMNS = (
    "pipeline", "images", "repeats",
    "images_per_second_first", "first_low", "first_high",
    "images_per_second_second", "second_low", "second_high",
    "prepare_s", "startup_s", "ten_epochs_s", "base_mb", "peak_mb", "prepare_peak_mb", "disk_mb",
    "same_images", "same_order", "label_order", "labels_right",
    "max_difference", "mean_difference", "note",
)  # fmt: skip


def race(
    collection: Collection,
    *,
    height: int,
    width: int,
    batch_size: int = 32,
    repeats: int = 3,
    pipelines: Sequence[str] | None = None,
    images: int = 0,
    work: Path | str | None = None,
) -> pd.DataFrame:
    """Race pipelines over a collection's images, each in a process of its own.

    images: how many, spread evenly over the collection's order; 0 takes all. height, width: pixels
    of the batches. repeats: how often each is opened and read twice; a column is the median,
    ``_low`` and ``_high`` are the least and the most. pipelines: names of ``PIPELINES``, all if
    None. work: where the files go; a temporary folder if None.

    One row a pipeline, columns ``COLUMNS``. ``first`` is the epoch after opening; the image files
    are in the system's file cache by then, for they were just written. ``prepare_s`` is spent once
    ever, ``startup_s`` at every start (imports of packages not counted); ``ten_epochs_s`` is what
    a training of ten epochs waits for images: preparing, starting, one first epoch and nine like
    the second. ``base_mb`` is memory before opening, ``peak_mb`` the most until the end of the
    second epoch. What the rest means says ``measure.compare``. A pipeline whose engine is not
    installed has a ``note`` and no numbers.

    ParameterError for unknown names or a bad number; DataError when a pipeline fails.
    """
    from dermbook.data.pipelines import PIPELINES

    names = list(PIPELINES) if pipelines is None else list(pipelines)
    if unknown := [name for name in names if name not in PIPELINES]:
        raise ParameterError(
            f"pipelines: {unknown[0]!r} is unknown; known are {', '.join(PIPELINES)}."
        )
    if not names or repeats < 1 or images < 0:
        raise ParameterError("race: needs a pipeline, a repeat, and images of 0 (all) or more.")
    step = len(collection) / (min(images, len(collection)) or len(collection))
    ids = [collection.ids[int(place * step)] for place in range(round(len(collection) / step))]
    with tempfile.TemporaryDirectory(prefix="dermbook-race-") as temporary:
        folder = Path(work or temporary)
        job = Job.of(collection, folder, height=height, width=width, batch_size=batch_size, ids=ids)
        results = {}
        for group in _groups([name for name in names if PIPELINES[name].available]):
            results |= _measured(group, job, repeats)
    rows = [_row(name, results.get(name), repeats) for name in names]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _groups(names: Sequence[str]) -> list[list[str]]:
    """Pipelines that may share an interpreter: those of one engine, where it can fork."""
    from dermbook.data.pipelines import PIPELINES

    if sys.platform != "linux":
        return [[name] for name in names]
    engines = dict.fromkeys(PIPELINES[name].engine for name in names)
    return [[name for name in names if PIPELINES[name].engine == engine] for engine in engines]


def _measured(names: Sequence[str], job: Job, repeats: int) -> dict[str, dict[str, Any]]:
    """Run the measuring module for pipelines of one engine and read what it wrote."""
    path, result = job.save(job.work / "job.json"), job.work / "result.json"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DERMBOOK_CACHE": str(job.work / "cache"),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",  # input pipelines are the processor's work
    }
    module = "dermbook.data.pipelines.measure"
    command = [sys.executable, "-m", module, str(path), str(result), *names]
    finished = subprocess.run(
        [*command, "--repeats", str(repeats)],
        env=environment, capture_output=True, text=True, timeout=TIME_LIMIT, check=False,
    )  # fmt: skip
    if finished.returncode or not result.is_file():
        raise DataError(
            f"race: measuring {', '.join(names)} failed with status {finished.returncode}: "
            f"{finished.stderr[-800:]}"
        )
    results = json.loads(result.read_text(encoding="utf-8"))
    result.unlink()
    for name, values in results.items():
        if "error" in values:
            raise DataError(f"race: pipeline {name} failed: {values['error']}")
    return results


def _row(name: str, values: dict[str, Any] | None, repeats: int) -> dict[str, Any]:
    from dermbook.data.pipelines import PIPELINES

    if values is None:
        engine = PIPELINES[name].engine
        return {"pipeline": name, "note": f"not run: {engine} is not installed"}
    row = {"pipeline": name, "repeats": repeats, "note": PIPELINES[name].how} | values
    for epoch in ("first", "second"):
        speeds = row.pop(epoch)
        row[f"images_per_second_{epoch}"] = float(np.median(speeds))
        row[f"{epoch}_low"], row[f"{epoch}_high"] = min(speeds), max(speeds)
    row["startup_s"] = float(np.median(row["startup_s"]))
    first, second = row["images_per_second_first"], row["images_per_second_second"]
    waiting = row["images"] / first + 9 * row["images"] / second
    return row | {"ten_epochs_s": row["prepare_s"] + row["startup_s"] + waiting}
