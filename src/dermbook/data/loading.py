"""From a chapter's ``collection`` parameter to the collection and its split."""

import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.fitzpatrick import published_table
from dermbook.data.importing import open_collection
from dermbook.data.phantom import phantom, phantom_clinical, phantom_composites
from dermbook.data.splits import Split, canonical_split, grouped_split
from dermbook.errors import DataError, ParameterError

KNOWN = (
    "phantom",
    "phantom-clinical",
    "phantom-composites",
    "ham10000",
    "isic2018-test",
    "fitzpatrick17k",
)


def load_collection(
    name: str, *, images: int = 0, height: int = 96, width: int = 128, seed: int = 0
) -> Collection:
    """The collection a chapter asks for by name.

    ``phantom`` is generated: ``images`` pictures of ``height`` x ``width`` pixels from ``seed``;
    ``phantom-clinical`` likewise, each picture of a size of its own around that one;
    ``phantom-composites`` likewise, pictures of one to four panels.
    Imported collections come whole (``images=0``) or as the whole lesions, chosen by ``seed``,
    that first reach ``images`` pictures. ``fitzpatrick17k`` knows no lesions: there, that many
    photographs drawn at random. Raises ParameterError for an unknown name or a negative
    number, DataError when a collection was not imported.
    """
    if name not in KNOWN:
        raise ParameterError(f"collection: {name!r} is unknown; known are {', '.join(KNOWN)}.")
    if images < 0:
        raise ParameterError(f"images: must be 0 (all) or positive, not {images}.")
    if name == "phantom":
        return phantom(images or 700, height=height, width=width, seed=seed)
    if name == "phantom-clinical":
        return phantom_clinical(images or 700, height=height, width=width, seed=seed, sizes="mixed")
    if name == "phantom-composites":
        return phantom_composites(images or 400, height=height, width=width, seed=seed)
    collection = open_collection(name)
    return collection if images in (0, len(collection)) else _some_lesions(collection, images, seed)


def whole_table(collection: Collection) -> pd.DataFrame:
    """The table that a collection was published with: also the rows whose image is not at hand.

    That is more than ``collection.table`` for Fitzpatrick17k only.
    """
    published = collection.name == "fitzpatrick17k"
    return published_table(collection.name) if published else collection.table


def load_split(collection: Collection, *, seed: int = 0) -> Split:
    """The canonical split of a whole published collection, else a fresh lesion-grouped one.

    The canonical HAM10000 split is used whenever the collection is all of HAM10000; a part of it
    or the phantom is split anew by ``seed`` (70/15/15, stratified by class, lesions kept whole).
    Of Fitzpatrick17k, whose readers have different images, there is no canonical split: its images
    are split by ``seed``, identical ones kept together; images of classes with fewer than three
    are in no part, so that every class is in every part.
    """
    if collection.name == "ham10000":
        canonical = canonical_split("ham10000")
        if {*collection.ids} == {i for ids in canonical.parts.values() for i in ids}:
            return canonical
    if collection.name == "fitzpatrick17k":
        several = present_classes(collection, at_least=3)
        return grouped_split(several, seed=seed, name="image-grouped")
    return grouped_split(collection, seed=seed)


def present_classes(collection: Collection, *, at_least: int = 1) -> Collection:
    """The collection with those classes only that have ``at_least`` groups, and their images.

    Classes keep their order. For collections like Fitzpatrick17k, whose ``classes`` are all 114
    labels whatever images there are. DataError when no class is left, ParameterError for
    ``at_least`` below 1.
    """
    if at_least < 1:
        raise ParameterError(f"at_least: must be 1 or more, not {at_least}.")
    groups = collection.table.groupby("label")["group"].nunique()
    classes = [name for name in collection.classes if groups.get(name, 0) >= at_least]
    if not classes:
        raise DataError(f"{collection.name}: no class has {at_least} groups of images or more.")
    kept = collection.where(collection.table["label"].isin(classes))
    return kept.relabel({name: name for name in classes}, classes)


def _some_lesions(collection: Collection, images: int, seed: int) -> Collection:
    table = collection.table
    order = table["group"].drop_duplicates().sample(frac=1, random_state=seed)
    sizes = table["group"].value_counts().reindex(order)
    keep = set(order[: int((sizes.cumsum() < images).sum()) + 1])
    return collection.where(table["group"].isin(keep))
