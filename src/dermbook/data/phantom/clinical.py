"""The clinical phantom: synthetic photographs in the manner of Fitzpatrick17k, with their truth."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.phantom.clinical_evidence import STRUCTURES, TRAITS
from dermbook.data.phantom.clinical_metadata import (
    NULL_URL_SHARE,
    WRONG_SHARE,
    annotate,
    draw_subject,
    plain_address,
    review,
    web_address,
)
from dermbook.data.phantom.clinical_render import (
    CLINICAL_VERSION,
    ClinicalRendering,
    ClinicalShot,
    natural_size,
)
from dermbook.data.phantom.clinical_taxonomy import BY_NAME, Label, label_sizes, taxonomy
from dermbook.data.phantom.collection import whole_lesions
from dermbook.data.phantom.metadata import minimum_lesions
from dermbook.data.phantom.source import RenderedSource, check_shares, check_whole
from dermbook.errors import DataError, ParameterError

LICENCE = "CC-BY-4.0 (synthetic)"
CITATION = "The clinical phantom collection of Dermbook (synthetic clinical photographs)"
COLUMNS = (
    "label", "group", "nine_partition_label", "three_partition_label", "fitzpatrick_scale",
    "fitzpatrick_centaur", "qc", "site", "url", "url_alphanum", "width", "height",
    "true_label", "label_is_corrupted", "duplicate_of", "near_duplicate_of", "copy_transform",
    "fitzpatrick_type",
)  # fmt: skip
_SUBJECT, _ANNOTATORS, _ORDER, _LABELS, _COPIES, _QC, _URLS = range(220, 227)


def phantom_clinical(
    images: int = 700,
    *,
    height: int = 96,
    width: int = 128,
    seed: int = 0,
    classes: int = 24,
    wrongly_labelled: float = WRONG_SHARE,
    null_urls: float = NULL_URL_SHARE,
    exact_duplicates: int = 0,
    near_duplicates: int = 0,
    rotated_copies: int = 0,
    sizes: str = "same",
) -> Collection:
    """A collection of synthetic clinical photographs whose truth is known.

    Parameters
    ----------
    images : number of photographs, copies included; besides these at least three a class.
    height, width : pixels of every photograph, 32..1024; with ``sizes="mixed"`` of a middling one.
    seed : 0..2**32-1; another seed gives other lesions.
    classes : how many of 114 labels, 9..114; all nine partitions occur, class sizes have
        Fitzpatrick17k's long tail.
    wrongly_labelled : share of images with a wrong label, 0..1, whole lesions where possible; two
        in three are taken for another label of their partition. By default the share that
        Fitzpatrick17k's reviewers found (17 of 504).
    null_urls : share of images without address, 0..1; by default 41 of 16,577.
    exact_duplicates, near_duplicates, rotated_copies : how many images are byte-identical, slightly
        re-framed, or rotated, mirrored or magnified copies, filed under another lesion (R0's
        Figure 2 shows such copies in the real collection).
    sizes : "same", or "mixed" for natural sizes that differ from image to image.

    Returns
    -------
    A Collection named "phantom-clinical" with Fitzpatrick17k's columns, and the truth:
    ``true_label``, ``label_is_corrupted``, ``duplicate_of``, ``near_duplicate_of`` (re-framed and
    rotated copies), ``copy_transform`` (text) and ``fitzpatrick_type`` (1..6).
    ``fitzpatrick_scale`` and ``fitzpatrick_centaur`` are two annotators' opinions, missing now and
    then. A photograph's content depends only on the seed, its lesion (class and number), which
    photograph of it it is, and the size.

    Raises ParameterError naming the parameter that is out of range.
    """
    labels = taxonomy(classes)
    copies = {"exact": exact_duplicates, "reframed": near_duplicates, "moved": rotated_copies}
    shares = {"wrongly_labelled": wrongly_labelled, "null_urls": null_urls}
    _check(images, height, width, seed, len(labels), copies, shares, sizes)
    counts = label_sizes(images - sum(copies.values()), labels)
    records = [
        record
        for label in labels
        for record in _photographs(label, counts[label.name], seed, height, width, sizes)
    ]
    order = _rng(seed, _ORDER).permutation(len(records))
    table = pd.DataFrame([records[k] for k in order])
    numbers = {key: number for number, key in enumerate(dict.fromkeys(table["group"]))}
    table["group"] = [f"PCL_{numbers[key]:07d}" for key in table["group"]]
    table = _add_copies(table, copies, seed)
    table.insert(0, "image_id", [f"PCI_{number:07d}" for number in range(len(table))])
    for column in ("duplicate_of", "near_duplicate_of"):
        known = table[column].notna()
        rows = table.loc[known, column].astype(int)
        table.loc[known, column] = table["image_id"].to_numpy()[rows]
    table = _annotated(table, seed)
    table["true_label"] = table["label"]
    _mislabel(table, wrongly_labelled, labels, seed)
    table["nine_partition_label"] = [BY_NAME[name].nine for name in table["label"]]
    table["three_partition_label"] = [BY_NAME[name].three for name in table["label"]]
    wrong = table["label_is_corrupted"].to_numpy()
    table["qc"] = pd.Series(review(wrong, _rng(seed, _QC)), index=table.index)
    _publish(table, null_urls, seed)
    shots = dict(zip(table["image_id"], table["shot"], strict=True))
    table = table.set_index("image_id")[list(COLUMNS)]
    text = [name for name in COLUMNS if table[name].dtype == object]
    table = table.astype(dict.fromkeys(text, "str"))
    return Collection(
        name="phantom-clinical",
        table=table,
        classes=tuple(label.name for label in labels),
        source=ClinicalPhantomSource(shots),
        phantom=True,
        licence=LICENCE,
        citation=CITATION,
    )


class ClinicalPhantomSource(RenderedSource):
    """Renders clinical photographs on demand."""

    title = "The clinical phantom has"
    recipe = f"phantom-clinical {CLINICAL_VERSION}"
    render = ClinicalRendering


def clinical_latents(collection: Collection) -> pd.DataFrame:
    """The true attributes of each photograph's lesion: what an ideal observer would read off.

    One row an image (same index); one column a structure (level names) and one a trait (float64).
    Raises DataError for a collection that is not the clinical phantom.
    """
    if not isinstance(collection.source, ClinicalPhantomSource):
        raise DataError(f"Only the clinical phantom has clinical latents, not {collection.name!r}.")
    lesions = [collection.source.shot(image_id).lesion for image_id in collection.ids]
    rows = [{**lesion.structures, **lesion.traits} for lesion in lesions]
    return pd.DataFrame(rows, index=collection.table.index, columns=[*STRUCTURES, *TRAITS])


def _check(
    images: int,
    height: int,
    width: int,
    seed: int,
    classes: int,
    copies: dict[str, int],
    shares: dict[str, float],
    sizes: str,
) -> None:
    whole = {"images": (images, 3 * classes, 1_000_000), "height": (height, 32, 1024)}
    whole |= {"width": (width, 32, 1024), "seed": (seed, 0, 2**32 - 1)}
    names = ("exact_duplicates", "near_duplicates", "rotated_copies")
    whole |= {n: (k, 0, images) for n, k in zip(names, copies.values(), strict=True)}
    check_whole(whole)
    check_shares(shares)
    if sizes not in ("same", "mixed"):
        raise ParameterError(f'sizes={sizes!r} is unknown; give "same" or "mixed".')
    total = sum(copies.values())
    if total > images - 3 * classes or total > images // 2:
        raise ParameterError(
            f"{' + '.join(names)} = {total} leaves too few originals of images={images}: at most "
            f"half may be copies, and {3 * classes} originals are needed for {classes} classes."
        )


def _rng(*key: int) -> np.random.Generator:
    return np.random.default_rng(list(key))


def _photographs(
    label: Label, size: int, seed: int, height: int, width: int, sizes: str
) -> list[dict[str, Any]]:
    """One record a photograph, ``size`` photographs of lesions 0, 1, … of one label."""
    records: list[dict[str, Any]] = []
    number, needed = 0, minimum_lesions(size)
    while len(records) < size:
        subject = draw_subject(_rng(seed, _SUBJECT, label.number, number), label)
        # leave room for the lesions that a small class must still have
        room = size - len(records) - max(0, needed - number - 1)
        for take in range(min(subject.photographs, max(1, room))):
            shot = ClinicalShot(
                seed,
                label.name,
                number,
                take,
                subject.fitzpatrick_type,
                subject.site,
                height,
                width,
            )
            if sizes == "mixed":
                shot = natural_size(shot)
            records.append({"label": label.name, "group": (label.name, number), "shot": shot})
        number += 1
    return records


def _add_copies(table: pd.DataFrame, copies: dict[str, int], seed: int) -> pd.DataFrame:
    """Append copies of randomly chosen images under new lesion ids; originals by position."""
    originals, lesions = len(table), table["group"].nunique()
    kinds = [kind for kind, count in copies.items() for _ in range(count)]
    chosen = _rng(seed, _COPIES).permutation(originals)[: len(kinds)].tolist()
    rows = []
    for rank, (kind, row) in enumerate(zip(kinds, chosen, strict=True)):
        shot = table["shot"].iloc[row]
        if kind != "exact":
            shot = replace(shot, copy=1, copy_kind=kind)
        rows.append(
            {
                "label": table["label"].iloc[row],
                "group": f"PCL_{lesions + rank:07d}",
                "shot": shot,
                "duplicate_of" if kind == "exact" else "near_duplicate_of": row,
                "copy_transform": shot.transform.name if shot.transform else None,
            }
        )
    columns = ["duplicate_of", "near_duplicate_of", "copy_transform"]
    table = table.assign(**dict.fromkeys(columns)).astype(dict.fromkeys(columns, object))
    if rows:
        extra = (
            pd.DataFrame(rows).reindex(columns=table.columns).astype(dict.fromkeys(columns, object))
        )
        table = pd.concat([table, extra], ignore_index=True)
    return table


def _annotated(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Skin type, the two annotators' opinions of it, and the size, from each photograph's shot."""
    rows = []
    for shot, exact in zip(table["shot"], table["duplicate_of"].notna(), strict=True):
        key = (seed, _ANNOTATORS, shot.taxon.number, shot.number, shot.view, shot.copy, int(exact))
        scale, centaur = annotate(_rng(*key), shot.fitzpatrick_type)
        rows.append((shot.fitzpatrick_type, scale, centaur, shot.width, shot.height))
    names = ["fitzpatrick_type", "fitzpatrick_scale", "fitzpatrick_centaur", "width", "height"]
    opinions = pd.DataFrame(rows, columns=names)
    opinions = opinions.astype(dict.fromkeys(names[1:3], "Int64"))
    return pd.concat([table, opinions], axis=1)


def _mislabel(table: pd.DataFrame, rate: float, labels: Sequence[Label], seed: int) -> None:
    rng = _rng(seed, _LABELS)
    wrong = whole_lesions(table["group"].tolist(), round(rate * len(table)), rng)
    table["label_is_corrupted"] = False
    table.loc[wrong, "label_is_corrupted"] = True
    for _, rows in table.iloc[wrong].groupby("group", sort=True):
        true = BY_NAME[rows["true_label"].iloc[0]]
        near = [o.name for o in labels if o.nine == true.nine and o != true]
        far = [o.name for o in labels if o.nine != true.nine]
        at_home = rng.random() < 2 / 3
        table.loc[rows.index, "label"] = str(rng.choice(near if near and at_home else far))


def _publish(table: pd.DataFrame, null_urls: float, seed: int) -> None:
    """Site and address; a lost address stays known without its punctuation, as in life."""
    rng = _rng(seed, _URLS)
    serials = rng.permutation(10 * len(table))[: len(table)].tolist()
    table["site"] = [shot.site for shot in table["shot"]]
    table["url"] = [
        web_address(*row) for row in zip(table["site"], table["label"], serials, strict=True)
    ]
    lost = rng.permutation(len(table))[: round(null_urls * len(table))]
    table["url_alphanum"] = [plain_address(url) for url in table["url"]]
    table.loc[lost, "url"] = None
