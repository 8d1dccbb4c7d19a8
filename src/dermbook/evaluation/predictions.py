"""Predictions: one model's probabilities on one part of a collection, joined with the truth.

The only thing a score is computed from. Rows are joined on ``image_id``, never on their order, so
probabilities cannot slide against labels (lessons M1 and M15).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from dermbook.errors import DataError, RecordError
from dermbook.files import replacing

if TYPE_CHECKING:
    from dermbook.data import Collection

#: how far a row's sum may be from 1 before it is refused (float32 softmax is within 1e-6)
SUM_TOLERANCE = 1e-4
#: how far outside [0, 1] rounding may carry one probability; clipped
ROUNDING = 1e-6
#: column order of the ISIC 2018 task 3 submission format
CHALLENGE_CLASSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")

_SCHEMA = 1
_METADATA_KEY = b"dermbook.predictions"
_LEADING = ("truth", "group")


@dataclass(frozen=True)
class Predictions:
    """Probabilities, truth and lesion of each image of a part. Build with ``from_probabilities``.

    table: index ``image_id`` (str, unique); columns ``truth`` (str, NA when unknown), ``group``
        (str, the lesion; an image of unknown lesion is a group of its own), then one float64
        column a class, in the order of ``classes``; each row in [0, 1] and summing to 1.
    classes: at least two names. Where two, the second is the positive one.
    model, part, collection: names. data_fingerprint: the collection's. phantom: True if the
        images are generated.

    Raises DataError when the table breaks one of these rules.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    model: str
    part: str
    collection: str
    data_fingerprint: str
    phantom: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        _check_classes(self.classes)
        object.__setattr__(self, "table", _checked_table(self.table, self.classes))

    @classmethod
    def from_probabilities(
        cls,
        ids: Sequence[str],
        probabilities: np.ndarray,
        collection: "Collection",
        *,
        model: str,
        part: str,
    ) -> Self:
        """Join a model's output with the truth and lesion of a collection, on ``image_id``.

        ids: n image ids, unique, all in the collection; row i of ``probabilities`` is ids[i].
        probabilities: float (n, k) in [0, 1] for the k ``collection.classes`` in their order, rows
            summing to 1 within 1e-4 (then renormalised in float64). With two classes also (n, 1)
            or (n,): the probability of the second class, as a sigmoid gives it.
        model, part: names to keep ("r2-cnn", "test").

        Raises DataError for repeated or unknown ids, another shape, NaN, or values or sums out of
        range; the message names the first image concerned.
        """
        ids = [str(image_id) for image_id in ids]
        _check_ids(ids, collection)
        values = _two_columns(np.asarray(probabilities, dtype="float64"), collection.classes)
        if values.shape != (len(ids), len(collection.classes)):
            raise DataError(
                f"{model} on {part}: probabilities have the shape {values.shape}; "
                f"{len(ids)} images × {len(collection.classes)} classes "
                f"({', '.join(collection.classes)}) were expected."
            )
        rows = collection.table.loc[ids]
        table = pd.DataFrame(values, index=pd.Index(ids, dtype="str"), columns=collection.classes)
        table.insert(0, "truth", rows["label"].astype("str"))
        table.insert(1, "group", rows["group"].astype("str"))
        return cls(
            table=table,
            classes=tuple(collection.classes),
            model=model,
            part=part,
            collection=collection.name,
            data_fingerprint=collection.fingerprint,
            phantom=collection.phantom,
        )

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ids(self) -> tuple[str, ...]:
        """Image ids in row order."""
        return tuple(self.table.index)

    @property
    def has_truth(self) -> bool:
        """True if every image's label is known (False for an official test set)."""
        return not self.table["truth"].isna().any()

    @property
    def probabilities(self) -> np.ndarray:
        """float64 (n, k), columns in the order of ``classes``."""
        return self.table[list(self.classes)].to_numpy(dtype="float64", copy=True)

    @property
    def truth_codes(self) -> np.ndarray:
        """int64 (n,), positions in ``classes``. DataError when a label is unknown."""
        if not self.has_truth:
            missing = int(self.table["truth"].isna().sum())
            raise DataError(
                f"{self.model} on {self.part} of {self.collection} cannot be scored: the truth of "
                f"{missing:,} of its {len(self):,} images is unknown."
            )
        return pd.Index(self.classes).get_indexer(self.table["truth"])

    @property
    def predicted_codes(self) -> np.ndarray:
        """int64 (n,): the most probable class; of tied classes the first in ``classes``."""
        return self.probabilities.argmax(axis=1)

    @property
    def predicted(self) -> pd.Series:
        """Label of the most probable class by image id; of tied classes the first."""
        labels = np.array(self.classes, dtype=object)[self.predicted_codes]
        return pd.Series(labels, index=self.table.index, name="predicted", dtype="str")

    @property
    def group_codes(self) -> np.ndarray:
        """int64 (n,): the lesion of each image, numbered in order of appearance."""
        return pd.factorize(self.table["group"])[0]

    def subset(self, ids: Sequence[str], *, part: str | None = None) -> Self:
        """These images only, in the order given, under another part name if one is given.

        Raises DataError for ids that are repeated or not among the Predictions.
        """
        unknown = [image_id for image_id in ids if image_id not in self.table.index]
        if unknown:
            raise DataError(f"{self.model} on {self.part} has no image {unknown[0]!r}.")
        return type(self)(
            table=self.table.loc[list(ids)],
            classes=self.classes,
            model=self.model,
            part=part or self.part,
            collection=self.collection,
            data_fingerprint=self.data_fingerprint,
            phantom=self.phantom,
        )

    def save(self, path: Path | str) -> Path:
        """Write a Parquet file, atomically; the names and the fingerprint go into its metadata."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = pa.Table.from_pandas(self.table.reset_index(), preserve_index=False)
        metadata = {
            "schema": _SCHEMA,
            "classes": self.classes,
            "model": self.model,
            "part": self.part,
            "collection": self.collection,
            "data_fingerprint": self.data_fingerprint,
            "phantom": self.phantom,
        }
        # only our own key: pandas' one repeats the columns and changes with its version
        encoded = json.dumps(metadata, ensure_ascii=False).encode()
        with replacing(path) as temporary:
            pq.write_table(columns.replace_schema_metadata({_METADATA_KEY: encoded}), temporary)
        return Path(path)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read and validate what ``save`` wrote. RecordError names the file and what is wrong."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        again = "Delete it and run the chapter that makes it again."
        try:
            # a plain file: a folder name like part=test must not become a column
            columns = pq.ParquetFile(path).read()
            metadata = json.loads((columns.schema.metadata or {})[_METADATA_KEY])
            if metadata.pop("schema") != _SCHEMA:
                raise RecordError(f"{path}: Predictions of another schema. {again}")
            table = columns.to_pandas().set_index("image_id")
            return cls(table=table, **metadata)
        except FileNotFoundError:
            raise RecordError(
                f"{path}: no Predictions here. Run the chapter that makes them."
            ) from None
        except KeyError as error:
            raise RecordError(f"{path}: not Predictions ({error} is missing). {again}") from None
        except (DataError, TypeError, ValueError, OSError, pa.ArrowException) as error:
            raise RecordError(f"{path}: not Predictions, or damaged ({error}). {again}") from None

    def to_challenge_csv(self, path: Path | str) -> Path:
        """Write the ISIC 2018 task 3 submission: image,MEL,NV,BCC,AKIEC,BKL,DF,VASC in id order.

        Order is that of the Predictions' rows; values are probabilities, nine digits.
        Raises DataError when the classes are not those seven.
        """
        if set(self.classes) != set(CHALLENGE_CLASSES):
            raise DataError(
                f"{self.model}: a challenge file holds the seven classes "
                f"{', '.join(CHALLENGE_CLASSES)}, not {', '.join(self.classes)}."
            )
        frame = self.table[list(CHALLENGE_CLASSES)].rename(columns=str.upper)
        with replacing(path) as temporary:
            frame.to_csv(temporary, index_label="image", float_format="%.9g", lineterminator="\n")
        return Path(path)


def aligned(predictions: Sequence[Predictions]) -> list[Predictions]:
    """The same Predictions, all in the row order of the first one, ready to be combined.

    Raises DataError unless all hold the same images, truth, classes, part and collection
    (by fingerprint); the message names the two models and the difference.
    """
    if not predictions:
        raise DataError("aligned: no Predictions were given.")
    first = predictions[0]
    result = [first]
    for other in predictions[1:]:
        pair = f"{first.model} and {other.model} do not match"
        for name in ("part", "classes", "collection", "data_fingerprint"):
            ours, theirs = getattr(first, name), getattr(other, name)
            if ours != theirs:
                raise DataError(f"{pair}: {name} is {ours!r} for one and {theirs!r} for the other.")
        only_one = first.table.index.symmetric_difference(other.table.index)
        if len(only_one):
            raise DataError(
                f"{pair}: {len(only_one):,} images are in one only, the first is {only_one[0]!r}."
            )
        other = other.subset(first.ids)
        if not first.table[list(_LEADING)].equals(other.table[list(_LEADING)]):
            raise DataError(f"{pair}: they disagree on the truth or the lesion of an image.")
        result.append(other)
    return result


def _check_classes(classes: tuple[str, ...]) -> None:
    if len(classes) < 2 or len(set(classes)) != len(classes):
        raise DataError(f"Predictions need two or more different classes, not {classes}.")
    reserved = {"truth", "group", "image_id"} & set(classes)
    if reserved:
        raise DataError(f"A class may not be called {reserved.pop()!r}: that is a column's name.")


def _check_ids(ids: Sequence[str], collection: "Collection") -> None:
    _check_unique(pd.Index(ids))
    known = collection.table.index
    unknown = [image_id for image_id in ids if image_id not in known]
    if unknown:
        raise DataError(
            f"{len(unknown):,} of {len(ids):,} ids are not in {collection.name}; "
            f"the first is {unknown[0]!r}."
        )


def _check_unique(ids: pd.Index) -> None:
    if not len(ids):
        raise DataError("Predictions need at least one image.")
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise DataError(
            f"{len(repeated):,} image ids are repeated; the first is {repeated[0]!r}. "
            "An image is predicted once a part."
        )


def _two_columns(values: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """A sigmoid's (n,) or (n, 1) as (n, 2); everything else unchanged."""
    if len(classes) == 2 and (values.ndim == 1 or values.shape[1:] == (1,)):
        positive = values.reshape(-1)
        return np.column_stack([1 - positive, positive])
    return values


def _checked_table(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """A copy with deliberate dtypes and rows that sum to 1, or DataError."""
    expected = [*_LEADING, *classes]
    if list(table.columns) != expected:
        raise DataError(f"Predictions have columns {list(table.columns)}, not {expected}.")
    _check_unique(table.index)
    ids = table.index.astype("str").rename("image_id")
    truth = table["truth"].astype("str")
    strange = truth[truth.notna() & ~truth.isin(classes)]
    if len(strange):
        raise DataError(
            f"The truth of {strange.index[0]!r} is {strange.iloc[0]!r}, "
            f"which is not one of the classes {', '.join(classes)}."
        )
    group = table["group"].astype("str")
    group = group.where(group.notna(), pd.Series(ids, index=table.index, dtype="str"))
    values = _normalised(table[list(classes)].to_numpy(dtype="float64"), ids)
    checked = pd.DataFrame(values, index=ids, columns=pd.Index(classes))
    checked.insert(0, "truth", truth.to_numpy())
    checked.insert(1, "group", group.to_numpy())
    return checked.astype({"truth": "str", "group": "str"})


def _normalised(values: np.ndarray, ids: pd.Index) -> np.ndarray:
    """Rows divided by their sum, after checking that they were probabilities."""
    finite = np.isfinite(values).all(axis=1)
    _refuse(~finite, ids, "has a probability that is NaN or infinite")
    inside = ((values >= -ROUNDING) & (values <= 1 + ROUNDING)).all(axis=1)
    _refuse(~inside, ids, "has a probability outside 0 to 1 (logits instead of a softmax?)")
    sums = values.sum(axis=1)
    _refuse(
        np.abs(sums - 1) > SUM_TOLERANCE, ids, "has probabilities that do not sum to 1 within 1e-4"
    )
    values = np.clip(values, 0, 1)
    sums = values.sum(axis=1, keepdims=True)
    # dividing what already sums to 1 would change the last bit at every save and load
    return np.where(np.abs(sums - 1) <= 1e-15 * values.shape[1], values, values / sums)


def _refuse(wrong: np.ndarray, ids: pd.Index, what: str) -> None:
    if wrong.any():
        first = ids[int(wrong.argmax())]
        raise DataError(f"Image {first!r} {what}; {int(wrong.sum()):,} of {len(ids):,} do.")
