"""Dividing a collection into train, validation and test, and proving that nothing leaks.

Photographs of one lesion look alike: a network that saw one in training knows the other in the
test. HAM10000 has 10,015 images of 7,470 lesions, and the reports R1-R4 divided the images, not
the lesions. ``grouped_split`` keeps lesions whole; ``audit`` counts what two parts share.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.errors import DataError, ParameterError
from dermbook.files import write_text
from dermbook.paths import book_root

PARTS = ("train", "validation", "test")
#: how the committed splits under data/splits/ were made
CANONICAL = {"validation": 0.15, "test": 0.15, "seed": 0}
_HEADER = ("name", "strategy", "seed", "collection")


@dataclass(frozen=True)
class Split:
    """Image ids by part, made by a named strategy and a seed.

    ``parts`` maps "train", "validation" and, if there is one, "test" to image ids. An id may stand
    in two parts, so that the leaky splits of the literature can be built and audited, but such a
    split cannot be saved. Raises ParameterError for unknown or absent parts, DataError for an empty
    part or an id that a part holds twice.
    """

    name: str
    strategy: str
    seed: int
    parts: Mapping[str, tuple[str, ...]] = field(hash=False)
    collection: str = ""

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown:
            raise ParameterError(
                f"Split {self.name!r}: unknown part {unknown[0]!r}; parts are {', '.join(PARTS)}."
            )
        if "train" not in self.parts:
            raise ParameterError(f"Split {self.name!r}: there is no part 'train'.")
        ordered = {part: tuple(self.parts[part]) for part in PARTS if part in self.parts}
        for part, ids in ordered.items():
            if not ids:
                raise DataError(f"Split {self.name!r}: part {part!r} is empty.")
            twice = _first_repeated(ids)
            if twice is not None:
                raise DataError(f"Split {self.name!r}: part {part!r} holds {twice!r} twice.")
        object.__setattr__(self, "parts", ordered)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) over which image is in which part, whatever the order."""
        lines = sorted(f"{part}\t{image_id}\n" for part, image_id in self._rows())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def save(self, path: Path | str) -> Path:
        """Write a CSV ``image_id,part`` below ``#`` lines with name, strategy, seed, collection.

        Atomic, sorted by image id. DataError if an image is in two parts.
        """
        rows = sorted((image_id, part) for part, image_id in self._rows())
        twice = _first_repeated([image_id for image_id, _ in rows])
        if twice is not None:
            raise DataError(
                f"Split {self.name!r} leaks, so it is not saved: {twice!r} is in two parts."
            )
        stream = io.StringIO()
        stream.writelines(f"# {key}: {getattr(self, key)}\n" for key in _HEADER)
        csv.writer(stream, lineterminator="\n").writerows([("image_id", "part"), *rows])
        return write_text(path, stream.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> "Split":
        """Read what ``save`` wrote. Parts come back sorted by image id.

        DataError, naming the file and the line, when it is absent, lacks a column or a header
        line, names an unknown part, or holds an image id twice.
        """
        path = Path(path)
        header, rows = _read(path)
        parts: dict[str, list[str]] = {part: [] for part in PARTS}
        seen: dict[str, int] = {}
        for line, image_id, part in rows:
            if part not in parts:
                raise DataError(
                    f"{path}, line {line}: unknown part {part!r}; parts are {', '.join(PARTS)}."
                )
            if image_id in seen:
                raise DataError(
                    f"{path}, line {line}: image id {image_id!r} is already in line "
                    f"{seen[image_id]}. Each image belongs to one part."
                )
            seen[image_id] = line
            parts[part].append(image_id)
        if not parts["train"]:
            raise DataError(f"{path}: no image is in the part 'train'.")
        return cls(
            name=header["name"],
            strategy=header["strategy"],
            seed=int(header["seed"]),
            parts={part: tuple(sorted(ids)) for part, ids in parts.items() if ids},
            collection=header["collection"],
        )

    def _rows(self) -> Iterator[tuple[str, str]]:
        return ((part, image_id) for part, ids in self.parts.items() for image_id in ids)


def grouped_split(
    collection: Collection,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    name: str = "lesion-grouped",
) -> Split:
    """Divide the lesions (``group``) of every class so that each part gets its share of images.

    ``validation`` and ``test`` are shares of the images, each below 1, together too;
    ``test=0`` makes no test part. A lesion whose images have different labels counts as the most
    frequent one (the collection's rarer one when tied). Within a class, lesions go from the one
    with most images to those with fewest, in random order among equals, each to the part that it
    leaves least full; every part gets at least one. The many single-image lesions come last and
    even out the counts: in HAM10000 every part has its share of every class to within one image.
    The result depends on the table's content and ``seed``, not on the order of its rows.

    Raises ParameterError for impossible shares or a negative seed; DataError for missing labels or
    groups, and for a class with fewer lesions than parts.
    """
    shares = _shares(validation, test)
    if seed < 0:
        raise ParameterError(f"seed: must be 0 or more, not {seed}.")
    lesions = _lesions(collection)
    rng = np.random.default_rng(seed)
    part_of: dict[str, str] = {}
    for label in collection.classes:
        of_class = lesions[lesions["label"] == label]
        if of_class.empty:
            continue
        if len(of_class) < len(shares):
            raise DataError(
                f"{collection.name}: class {label!r} has only {len(of_class)} lesions for "
                f"{len(shares)} parts. Merge or drop the class, or ask for fewer parts."
            )
        part_of.update(_divide(of_class["size"], shares, rng))
    table = collection.table
    parts = table["group"].map(part_of)
    return Split(
        name=name,
        strategy=f"lesion-grouped, stratified by class, validation {validation:g}, test {test:g}",
        seed=seed,
        parts={part: tuple(sorted(table.index[parts == part])) for part in shares},
        collection=collection.name,
    )


def audit(split: Split, collection: Collection) -> pd.DataFrame:
    """What each pair of parts shares: one row a pair, all zeros when nothing leaks.

    Columns ``part``, ``other``; int64 ``shared_images`` (ids in both parts), ``shared_lesions``
    (values of ``group``) and ``identical_contents`` (distinct byte-identical pictures, under
    whatever ids). Needs the image files; an image without a group counts as its own lesion.
    DataError if ``check`` fails.
    """
    check(split, collection)
    groups = collection.table["group"]
    rows = []
    contents = {
        part: {collection.source.signature(image_id) for image_id in ids}
        for part, ids in split.parts.items()
    }
    for part, other in combinations(split.parts, 2):
        ids, other_ids = list(split.parts[part]), list(split.parts[other])
        rows.append(
            {
                "part": part,
                "other": other,
                "shared_images": len({*ids} & {*other_ids}),
                "shared_lesions": len({*groups[ids].dropna()} & {*groups[other_ids].dropna()}),
                "identical_contents": len(contents[part] & contents[other]),
            }
        )
    columns = ["part", "other", "shared_images", "shared_lesions", "identical_contents"]
    return pd.DataFrame(rows, columns=columns)


def leaks(audited: pd.DataFrame) -> list[str]:
    """The findings of an ``audit`` as sentences; an empty list for a clean split."""
    kinds = {
        "shared_images": "images",
        "shared_lesions": "lesions",
        "identical_contents": "byte-identical pictures",
    }
    return [
        f"{row['part']} and {row['other']} share {row[column]} {what}"
        for row in audited.to_dict("records")
        for column, what in kinds.items()
        if row[column]
    ]


def class_counts(split: Split, collection: Collection) -> pd.DataFrame:
    """Images and lesions of each class in each part, one row a part and class.

    Columns ``part``, ``class``; int64 ``images``, ``lesions``; float64 ``share``, the class's
    share of the part's images (0..1). Classes in the collection's order. DataError if ``check``
    fails.
    """
    check(split, collection)
    rows = []
    for part, ids in split.parts.items():
        table = collection.table.loc[list(ids)]
        for label in collection.classes:
            of_class = table[table["label"] == label]
            rows.append(
                {
                    "part": part,
                    "class": label,
                    "images": len(of_class),
                    "lesions": of_class["group"].nunique(),
                    "share": len(of_class) / len(table),
                }
            )
    return pd.DataFrame(rows)


def check(split: Split, collection: Collection) -> None:
    """DataError if the split names images that the collection does not have."""
    known = set(collection.ids)
    for part, ids in split.parts.items():
        unknown = [image_id for image_id in ids if image_id not in known]
        if unknown:
            raise DataError(
                f"Split {split.name!r}, part {part!r}: {len(unknown)} image ids are not in the "
                f"collection {collection.name!r}, first {unknown[0]!r}. Was the split made for "
                "another collection, or for more of it?"
            )


def canonical_split(collection_name: str) -> Split:
    """The committed split of a published collection, ``data/splits/NAME.csv`` in the checkout.

    DataError for a collection that has none.
    """
    folder = book_root() / "data" / "splits"
    known = sorted(path.stem for path in folder.glob("*.csv"))
    if collection_name not in known:
        raise DataError(
            f"There is no committed split of {collection_name!r} in {folder}; there are "
            f"{', '.join(known) or 'none'}. Use grouped_split for other collections."
        )
    return Split.load(folder / f"{collection_name}.csv")


def make_canonical(collection: Collection, path: Path | str | None = None) -> Split:
    """Make and save the canonical split of a collection: 70/15/15, lesion-grouped, seed 0.

    How ``data/splits/ham10000.csv`` came about: ``make_canonical(open_collection("ham10000"))``.
    Only the table is used, no image. ``path`` defaults to the committed file, which must not
    change once scores were published with it.
    """
    split = grouped_split(collection, **CANONICAL, name=f"{collection.name}-canonical")
    split.save(path or book_root() / "data" / "splits" / f"{collection.name}.csv")
    return split


def _shares(validation: float, test: float) -> dict[str, float]:
    if not 0 < validation < 1:
        raise ParameterError(f"validation: must lie between 0 and 1, not {validation}.")
    if not 0 <= test < 1:
        raise ParameterError(f"test: must be 0 or more and below 1, not {test}.")
    if validation + test >= 1:
        raise ParameterError(f"validation + test: {validation} + {test} leave nothing to train on.")
    shares = {"train": 1 - validation - test, "validation": validation}
    return {**shares, "test": test} if test else shares


def _lesions(collection: Collection) -> pd.DataFrame:
    """One row a lesion, sorted by id: ``size`` (images) and ``label`` (majority)."""
    table = collection.table[["label", "group"]]
    for column in table:
        missing = table.index[table[column].isna()]
        if len(missing):
            raise DataError(
                f"{collection.name}: {len(missing)} images have no {column!r}, first "
                f"{missing[0]!r}. A lesion-grouped split needs both label and group."
            )
    counts = pd.crosstab(table["group"], table["label"]).sort_index()
    # columns from the rarest class to the most frequent, ties in the order of `classes`: idxmax
    # takes the first of equal counts, so a lesion labelled half and half helps the rarer class
    order = sorted(counts, key=lambda c: (counts[c].sum(), collection.classes.index(c)))
    counts = counts[order]
    return pd.DataFrame({"size": counts.sum(axis=1), "label": counts.idxmax(axis=1)})


def _divide(
    sizes: pd.Series, shares: Mapping[str, float], rng: np.random.Generator
) -> dict[str, str]:
    """The part of each lesion of one class; ``sizes`` has the images of each, by lesion id."""
    shuffled = sizes.iloc[rng.permutation(len(sizes))]
    shuffled = shuffled.sort_values(ascending=False, kind="stable")
    filled = dict.fromkeys(shares, 0)
    result = {}
    for left, (lesion, size) in zip(range(len(shuffled), 0, -1), shuffled.items(), strict=True):
        empty = [part for part in shares if not filled[part]]
        # the last lesions are kept for parts that would otherwise stay without this class
        open_parts = empty if len(empty) == left else list(shares)
        part = min(open_parts, key=lambda p: (filled[p] + size) / shares[p])
        filled[part] += size
        result[lesion] = part
    return result


def _read(path: Path) -> tuple[dict[str, str], list[tuple[int, str, str]]]:
    """Header values and (line number, image id, part) of a split's CSV."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such split.")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    comments = 0
    header: dict[str, str] = {}
    while comments < len(lines) and lines[comments].startswith("#"):
        key, _, value = lines[comments].removeprefix("#").partition(":")
        header[key.strip()] = value.strip()
        comments += 1
    lacking = [key for key in _HEADER if key not in header]
    if lacking or not header["seed"].isdigit():
        raise DataError(f"{path}: the line '# {(lacking or ['seed'])[0]}: …' is missing or wrong.")
    reader = csv.DictReader(lines[comments:])
    columns = reader.fieldnames or []
    for column in ("image_id", "part"):
        if column not in columns:
            raise DataError(f"{path}, line {comments + 1}: the column {column!r} is missing.")
    rows = [
        (comments + reader.line_num, row["image_id"] or "", (row["part"] or "").strip())
        for row in reader
    ]
    return header, rows


def _first_repeated(ids: Iterable[str]) -> str | None:
    index = pd.Index(ids, dtype=object)
    repeated = index[index.duplicated()]
    return repeated[0] if len(repeated) else None
