"""Making a run the published one: its Record and Predictions move into ``book/results``.

Only real data may be published: a phantom Record is refused. Predictions are numbers by image id
(no pixels), so that anybody can recompute every published score.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from dermbook.errors import RecordError
from dermbook.files import replacing
from dermbook.paths import build_dir, results_dir
from dermbook.publishing.record import Record


def publish(chapters: Sequence[str], edition: str) -> list[Path]:
    """Copy the Records and Predictions of ``chapters`` from the build to ``book/results/EDITION``.

    Returns the written files. RecordError when a chapter has not run in that edition or its
    Record is of the phantom; then nothing at all is written.
    """
    built = build_dir(edition)
    records = {name: Record.load(built / "records" / f"{name}.json") for name in chapters}
    for name, record in records.items():
        if record.phantom:
            raise RecordError(
                f"{name}: its {edition} Record is of the phantom, and only runs on real data are "
                "published. Import the data and run the laptop or gpu edition."
            )
    written = []
    for name, record in records.items():
        target = results_dir() / edition / "predictions" / name
        for source in sorted((built / "predictions" / name).glob("*.parquet")):
            # the build may still hold what an earlier run, with other models, left there
            if source.name.rpartition("--")[0] in record.models:
                written.append(_copy(source, target / source.name))
        written.append(record.save(results_dir() / edition / f"{name}.json"))
        _forget_older(target, written)
    for source in sorted((built / "submissions").glob("*.csv")):
        written.append(_copy(source, results_dir() / "submissions" / source.name))
    return written


def _forget_older(folder: Path, written: list[Path]) -> None:
    """Predictions of an earlier run, of models that this one has not."""
    for path in folder.glob("*.parquet"):
        if path not in written:
            path.unlink()


def _copy(source: Path, target: Path) -> Path:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
    return target
