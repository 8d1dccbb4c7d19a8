"""Measure pipelines of one engine, each in a process of its own.

    python -m dermbook.data.pipelines.measure JOB.json RESULT.json --repeats 3 NAME …

``race`` runs this. The engine (TensorFlow takes seconds) is imported once; then each pipeline is
prepared in one child process and measured in another, so neither one's memory counts for the next.
"""

import argparse
import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dermbook.data.pipelines import PIPELINES
from dermbook.data.pipelines.job import Job, Pipeline, Reader
from dermbook.files import write_text

MB = 1024 * 1024
#: what is imported before the clock starts
_MODULES = {
    "numpy": ("pandas", "cv2"),
    "tensorflow": ("tensorflow", "keras", "PIL.Image"),
    "torch": ("torch", "torch.utils.data", "PIL.Image"),
}


def measure(pipeline: Pipeline, job: Job, repeats: int) -> dict[str, Any]:
    """Open a prepared pipeline and read two epochs, ``repeats`` times.

    startup_s, first and second are lists, one value a repeat: seconds to open, and images a second
    of the two epochs. base_mb is this process's memory before, peak_mb its most up to the end of
    the first repeat. Then what ``compare`` finds of one more epoch.
    """
    base = _memory_mb("VmRSS")
    result: dict[str, Any] = {"startup_s": [], "first": [], "second": []}
    for repeat in range(repeats):
        started = time.perf_counter()
        reader = pipeline.open(job)
        result["startup_s"].append(time.perf_counter() - started)
        result["first"].append(_speed(reader))
        result["second"].append(_speed(reader))
        if repeat == 0:
            # the accounts of the kernel at the highest point, before the next opening adds to it
            result |= {"base_mb": base, "peak_mb": _memory_mb("VmHWM")}
        if repeat < repeats - 1:
            del reader
            gc.collect()
    size = sum(path.stat().st_size for path in pipeline.files(job))
    return result | {"disk_mb": size / MB} | compare(reader, job)


def compare(reader: Reader, job: Job, pictures: int = 200) -> dict[str, Any]:
    """What one epoch of a reader gives, beside what the job asked for.

    same_images: every image once. same_order: in the job's order. labels_right: share of images
    whose integer label is the job's. label_order: "as asked", "alphabetical" or "other".
    max_difference, mean_difference: to ``Job.image``, in grey levels of 0..255, over the first
    ``pictures`` images given.
    """
    ids, labels, differences = [], [], []
    for x, y, names in reader:
        for image, image_id in zip(x[: max(0, pictures - len(ids))], names, strict=False):
            wanted = job.image(image_id).astype("float32")
            differences.append(np.abs(image.astype("float32") - wanted))
        ids += names
        labels += y.tolist()
    known = dict(zip(job.ids, job.codes.tolist(), strict=True))
    right = [known.get(image_id) == label for image_id, label in zip(ids, labels, strict=True)]
    classes = tuple(reader.classes)
    alphabetical = "alphabetical" if classes == tuple(sorted(classes)) else "other"
    return {
        "images": len(ids),
        "same_images": sorted(ids) == sorted(job.ids),
        "same_order": ids == job.ids,
        "labels_right": float(np.mean(right)),
        "label_order": "as asked" if classes == job.classes else alphabetical,
        "max_difference": float(np.max(differences)),
        "mean_difference": float(np.mean(differences)),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure the pipelines named on the command line and write one JSON object by name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("job", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("names", nargs="+", choices=list(PIPELINES))
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args(arguments)
    job = Job.load(options.job)
    for module in _MODULES[PIPELINES[options.names[0]].engine]:
        importlib.import_module(module)
    results = {}
    for name in options.names:
        pipeline = PIPELINES[name]
        prepared = _apart(lambda pipeline=pipeline: _prepare(pipeline, job), options.result)
        if "error" in prepared:
            results[name] = prepared
            continue
        measured = _apart(
            lambda pipeline=pipeline: measure(pipeline, job, options.repeats), options.result
        )
        results[name] = prepared | measured
    write_text(options.result, json.dumps(results))


def _prepare(pipeline: Pipeline, job: Job) -> dict[str, float]:
    started = time.perf_counter()
    pipeline.prepare(job)
    return {"prepare_s": time.perf_counter() - started, "prepare_peak_mb": _memory_mb("VmHWM")}


def _speed(reader: Reader) -> float:
    """Images a second of one epoch."""
    started = time.perf_counter()
    images = sum(len(ids) for _, _, ids in reader)
    return images / (time.perf_counter() - started)


def _apart(work: Callable[[], dict[str, Any]], beside: Path) -> dict[str, Any]:
    """Run ``work`` in a child process if the system can fork safely, else here.

    A child made by fork starts with the engine imported and with memory accounts of its own.
    """
    if sys.platform != "linux":
        return _caught(work)
    path = beside.with_suffix(".child.json")
    path.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            write_text(path, json.dumps(_caught(work)))
        finally:
            os._exit(0)  # skip the engine's own clean-up, which belongs to the parent
    _, status = os.waitpid(child, 0)
    if not path.is_file():
        return {"error": f"its process ended with status {status} and left no result"}
    result = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    return result


def _caught(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except Exception as error:  # one broken pipeline must not end the others
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def _memory_mb(what: str) -> float:
    """This process's memory: ``VmRSS`` now, ``VmHWM`` at its highest; MB.

    ``getrusage`` is the fallback only: after an ``exec`` it still counts the parent's memory.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) / 1024
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / MB if sys.platform == "darwin" else used / 1024


if __name__ == "__main__":
    main()
