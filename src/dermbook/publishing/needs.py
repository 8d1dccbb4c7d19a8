"""What a chapter takes from the chapters that it needs: Predictions, networks, Records."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dermbook.errors import ChapterError
from dermbook.evaluation import Predictions
from dermbook.paths import build_dir, results_dir
from dermbook.publishing.header import Header
from dermbook.publishing.record import DataUsed, Record

if TYPE_CHECKING:
    import keras


class Needs:
    """The part of ``Gathering`` that reads what other chapters left."""

    name: str
    edition: str
    header: Header
    output: Path
    _data: dict[str, DataUsed]
    _inherited_phantom: list[bool]

    def needed_predictions(self, chapter: str, model: str, part: str) -> Predictions:
        """Predictions that a needed chapter saved, from this output folder, the build or the book.

        Raises ChapterError if the chapter is not among this one's needs, or has not run.
        """
        if chapter not in self.header.needs:
            raise ChapterError(f"{self.name} does not declare {chapter!r} in its header's needs.")
        name = f"{model}--{part}.parquet"
        folders = [
            self.output / "predictions" / chapter,
            build_dir(self.edition) / "predictions" / chapter,
            results_dir() / self.edition / "predictions" / chapter,
        ]
        for folder in folders:
            if (folder / name).is_file():
                predictions = Predictions.load(folder / name)
                self._note_predictions(predictions, chapter)
                return predictions
        raise ChapterError(
            f"{self.name} needs the predictions of {model!r} on {part!r} from {chapter}, and they "
            f"are not there. Run it first: dermbook run {chapter} --edition {self.edition}"
        )

    def needed_model(self, chapter: str, model: str) -> "keras.Model":
        """A network that a needed chapter kept in this output folder or the build.

        Raises ChapterError if the chapter is not among this one's needs, or has not run here.
        """
        if chapter not in self.header.needs:
            raise ChapterError(f"{self.name} does not declare {chapter!r} in its header's needs.")
        for folder in (self.output, build_dir(self.edition)):
            path = folder / "models" / chapter / f"{model}.keras"
            if path.is_file():
                return _loaded_model(path)
        raise ChapterError(
            f"{self.name} needs the network {model!r} of {chapter}, and it is not there. Networks "
            f"are not published. Run it first: dermbook run {chapter} --edition {self.edition}"
        )

    def needed_record(self, chapter: str) -> Record:
        """The Record of a needed chapter, from this output folder, the build or the book."""
        record = self._record_of(chapter)
        if record is None:
            raise ChapterError(
                f"{self.name} needs the Record of {chapter}, which has not run. "
                f"Run it first: dermbook run {chapter} --edition {self.edition}"
            )
        self._inherited_phantom.append(record.phantom)
        return record

    def _record_of(self, chapter: str) -> Record | None:
        for folder in (
            self.output / "records",
            build_dir(self.edition) / "records",
            results_dir() / self.edition,
        ):
            path = folder / f"{chapter}.json"
            if path.is_file():
                return _read(path, path.stat().st_mtime_ns)
        return None

    def _note_predictions(self, predictions: Predictions, chapter: str) -> None:
        """Note the data that a needed chapter's Predictions are of, and how they were split."""
        known = self._data.get(predictions.collection)
        self._data[predictions.collection] = DataUsed(
            collection=predictions.collection,
            fingerprint=known.fingerprint if known else predictions.data_fingerprint,
            images=len(predictions),
            groups=int(predictions.table["group"].nunique()),
            phantom=predictions.phantom,
            split=known.split if known else self._split_of(chapter, predictions.collection),
            parts=(known.parts if known else {}) | {predictions.part: len(predictions)},
        )

    def _split_of(self, chapter: str, collection: str) -> str | None:
        """How a needed chapter says that it split a collection; None where it does not say."""
        record = self._record_of(chapter)
        used = record.data if record is not None else []
        return next((data.split for data in used if data.collection == collection), None)


@lru_cache(maxsize=32)
def _read(path: Path, modified: int) -> Record:
    """A Record, read once; ``modified`` makes a changed file another one."""
    return Record.load(path)


def _loaded_model(path: Path) -> "keras.Model":
    import keras

    # layers of the book's own are known by name once their modules are there
    from dermbook.models import backbones, bilinear, center_loss, gan, scratch  # noqa: F401

    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ChapterError(
            f"{path} cannot be read as a network ({error}). Delete it and run its chapter again."
        ) from error
