"""The phantom collection: a table of photographs and a source that renders them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.phantom.artefacts import decompress
from dermbook.data.phantom.evidence import CLASSES, STRUCTURES, TRAITS
from dermbook.data.phantom.metadata import (
    CONFUSED_WITH,
    class_sizes,
    draw_patient,
    minimum_lesions,
    photographs_a_lesion,
)
from dermbook.data.phantom.render import VERSION, Rendering, Shot
from dermbook.data.phantom.source import RenderedSource, check_shares, check_whole
from dermbook.errors import DataError, ParameterError

LICENCE = "CC-BY-4.0 (synthetic)"
CITATION = "The phantom collection of Dermbook (synthetic dermoscopic images)"
_PATIENT, _ORDER, _LABELS, _DUPLICATES, _AGES = range(100, 105)


def phantom(
    images: int = 700,
    *,
    height: int = 96,
    width: int = 128,
    seed: int = 0,
    label_noise: float = 0.0,
    exact_duplicates: int = 0,
    near_duplicates: int = 0,
    missing_ages: float = 0.006,
    balance: str = "ham10000",
) -> Collection:
    """A collection of synthetic dermoscopic photographs whose truth is known.

    Parameters
    ----------
    images : number of photographs, duplicates included; at least 21 besides the duplicates.
    height, width : size of every photograph in pixels, 32..1024.
    seed : 0..2**32-1; another seed gives other lesions.
    label_noise : share of images with a wrong label, 0..1; ``round(label_noise * images)`` images,
        whole lesions where possible, confused with classes that experts confuse.
    exact_duplicates, near_duplicates : how many images are byte-identical or slightly re-framed and
        re-compressed copies of another image, filed under another lesion.
    missing_ages : share of images without an age, 0..1, whole lesions where possible.
    balance : "ham10000" for its class imbalance, "equal" for equally many images a class.

    Returns
    -------
    A Collection named "phantom" with HAM10000's classes and metadata columns, and the truth:
    ``true_label``, ``label_is_corrupted``, ``duplicate_of``, ``near_duplicate_of`` (image id or
    NA), ``fitzpatrick_type`` (1..6) and ``hair`` (0..1). Its source also offers ``hair_free``,
    ``hair_mask`` and ``rendering``. A photograph's content depends only on the seed, its lesion
    (class and number), which photograph of it it is, and the size.

    Raises ParameterError naming the parameter that is out of range.
    """
    shares = {"label_noise": label_noise, "missing_ages": missing_ages}
    _check(images, height, width, seed, exact_duplicates, near_duplicates, shares)
    originals = images - exact_duplicates - near_duplicates
    sizes = class_sizes(originals, balance)
    records = [
        record for diagnosis, size in sizes.items() for record in _lesions(diagnosis, size, seed)
    ]
    order = _rng(seed, _ORDER)
    records = [records[k] for k in order.permutation(len(records))]
    shots = [Shot(seed, height=height, width=width, **record.pop("shot")) for record in records]
    table = pd.DataFrame(records)
    numbers = {key: number for number, key in enumerate(dict.fromkeys(table["group"]))}
    table["group"] = [f"PHL_{numbers[key]:07d}" for key in table["group"]]
    table.insert(0, "image_id", [f"PHI_{number:07d}" for number in range(len(table))])
    table["duplicate_of"] = pd.Series(pd.NA, index=table.index, dtype="str")
    table["near_duplicate_of"] = pd.Series(pd.NA, index=table.index, dtype="str")
    table, shots = _plant_duplicates(table, shots, seed, exact_duplicates, near_duplicates)
    table["true_label"] = table["label"]
    _corrupt_labels(table, label_noise, seed)
    _remove_ages(table, missing_ages, seed)
    columns = ["image_id", "label", "group", "dx_type", "age", "sex", "localization", "true_label"]
    columns += ["label_is_corrupted", "duplicate_of", "near_duplicate_of"]
    columns += ["fitzpatrick_type", "hair"]
    table = table[columns].set_index("image_id")
    source = PhantomSource(dict(zip(table.index, shots, strict=True)))
    return Collection(
        name="phantom",
        table=table,
        classes=CLASSES,
        source=source,
        phantom=True,
        licence=LICENCE,
        citation=CITATION,
    )


class PhantomSource(RenderedSource):
    """Renders dermoscopic photographs on demand, with and without their hair."""

    title = "The phantom collection has"
    recipe = f"phantom {VERSION}"
    render = Rendering

    def hair_free(self, image_id: str) -> np.ndarray:
        """The same photograph without hair, JPEG-compressed alike, uint8 (height, width, 3).

        Compression spreads each hair over its 16 × 16 block; where exactness matters compare
        ``rendering(image_id).picture`` and ``.hair_free``, which differ in hair pixels only.
        """
        return decompress(self.rendering(image_id).hair_free_encoded)

    def hair_mask(self, image_id: str) -> np.ndarray:
        """Pixels that hair touches, bool (height, width)."""
        return self.rendering(image_id).hair


def latents(collection: Collection) -> pd.DataFrame:
    """The true attributes of each photograph's lesion: what an ideal observer would read off.

    One row an image (same index); one column a structure (level name, "none" where absent) and
    one a trait (float64; logarithms where the name says so). Raises DataError for a collection
    that is not the phantom.
    """
    if not isinstance(collection.source, PhantomSource):
        raise DataError(f"Only the phantom collection has latents, not {collection.name!r}.")
    rows: list[dict[str, Any]] = []
    for image_id in collection.table.index:
        lesion = collection.source.shot(image_id).lesion
        rows.append({**lesion.structures, **lesion.traits})
    columns = [*STRUCTURES, *TRAITS]
    return pd.DataFrame(rows, index=collection.table.index, columns=columns)


def _check(
    images: int,
    height: int,
    width: int,
    seed: int,
    exact_duplicates: int,
    near_duplicates: int,
    shares: dict[str, float],
) -> None:
    whole = {"images": (images, 21, 1_000_000), "height": (height, 32, 1024)}
    whole |= {"width": (width, 32, 1024), "seed": (seed, 0, 2**32 - 1)}
    whole |= {"exact_duplicates": (exact_duplicates, 0, images)}
    whole |= {"near_duplicates": (near_duplicates, 0, images)}
    check_whole(whole)
    check_shares(shares)
    copies = exact_duplicates + near_duplicates
    if copies > images - 21 or copies > images // 2:
        raise ParameterError(
            f"exact_duplicates + near_duplicates = {copies} leaves too few originals of "
            f"images={images}: at most half may be duplicates, and 21 originals are needed."
        )


def _rng(*key: int) -> np.random.Generator:
    return np.random.default_rng(list(key))


def _lesions(diagnosis: str, size: int, seed: int) -> list[dict[str, Any]]:
    """One record a photograph, ``size`` photographs of lesions 0, 1, … of one class."""
    records: list[dict[str, Any]] = []
    number, needed = 0, minimum_lesions(size)
    while len(records) < size:
        rng = _rng(seed, _PATIENT, CLASSES.index(diagnosis), number)
        patient = draw_patient(rng, diagnosis)
        wanted = photographs_a_lesion(rng, diagnosis)
        # leave room for the lesions that a small class must still have
        room = size - len(records) - max(0, needed - number - 1)
        for take in range(min(wanted, max(1, room))):
            skin = {
                "fitzpatrick_type": patient.fitzpatrick_type,
                "sun": patient.sun,
                "hair": patient.hair,
            }
            shot = {"diagnosis": diagnosis, "number": number, "view": take, **skin}
            records.append(
                {
                    "label": diagnosis,
                    "group": (diagnosis, number),
                    "dx_type": patient.dx_type,
                    "age": patient.age,
                    "sex": patient.sex,
                    "localization": patient.localization,
                    "fitzpatrick_type": patient.fitzpatrick_type,
                    "hair": patient.hair,
                    "shot": shot,
                }
            )
        number += 1
    return records


def _plant_duplicates(
    table: pd.DataFrame, shots: list[Shot], seed: int, exact: int, near: int
) -> tuple[pd.DataFrame, list[Shot]]:
    """Append copies of randomly chosen images under new image and lesion ids."""
    originals, lesions = len(table), table["group"].nunique()
    chosen = _rng(seed, _DUPLICATES).permutation(originals)[: exact + near]
    copies = table.iloc[chosen].copy()
    sources = copies["image_id"].tolist()
    copies["image_id"] = [f"PHI_{originals + k:07d}" for k in range(len(copies))]
    copies["group"] = [f"PHL_{lesions + k:07d}" for k in range(len(copies))]
    copies["duplicate_of"] = [*sources[:exact], *[pd.NA] * near]
    copies["near_duplicate_of"] = [*[pd.NA] * exact, *sources[exact:]]
    shots = shots + [
        shots[k] if rank < exact else replace(shots[k], copy=1) for rank, k in enumerate(chosen)
    ]
    if not len(copies):
        return table, shots
    table = pd.concat([table, copies], ignore_index=True)
    for column in ("duplicate_of", "near_duplicate_of"):
        table[column] = table[column].astype("str")
    return table, shots


def whole_lesions(groups: Sequence[str], count: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of exactly ``count`` images that make up whole lesions, as far as possible."""
    if 2 * count > len(groups):  # choosing the complement keeps enough single images to fill up
        rest = whole_lesions(groups, len(groups) - count, rng)
        return np.setdiff1d(np.arange(len(groups)), rest)
    members = pd.Series(np.arange(len(groups))).groupby(np.asarray(groups), sort=True)
    lesions = [positions.to_numpy() for _, positions in members]
    chosen: list[int] = []
    left: list[np.ndarray] = []
    for k in rng.permutation(len(lesions)):
        if len(lesions[k]) <= count - len(chosen):
            chosen += lesions[k].tolist()
        else:
            left.append(lesions[k])
    while len(chosen) < count:  # no lesion is small enough: take part of one
        chosen += left.pop()[: count - len(chosen)].tolist()
    return np.array(sorted(chosen), int)


def _corrupt_labels(table: pd.DataFrame, rate: float, seed: int) -> None:
    rng = _rng(seed, _LABELS)
    count = round(rate * len(table))
    wrong = whole_lesions(table["group"].tolist(), count, rng)
    table["label_is_corrupted"] = False
    table.loc[wrong, "label_is_corrupted"] = True
    for _, rows in table.iloc[wrong].groupby("group", sort=True):
        mixups = CONFUSED_WITH[rows["true_label"].iloc[0]]
        table.loc[rows.index, "label"] = str(rng.choice(list(mixups), p=list(mixups.values())))


def _remove_ages(table: pd.DataFrame, share: float, seed: int) -> None:
    count = round(share * len(table))
    blank = whole_lesions(table["group"].tolist(), count, _rng(seed, _AGES))
    table.loc[blank, "age"] = np.nan
