"""From a chapter's ``collection`` parameter to the collection and its split."""

from dermbook.data.collection import Collection
from dermbook.data.importing import open_collection
from dermbook.data.phantom import phantom
from dermbook.data.splits import Split, canonical_split, grouped_split
from dermbook.errors import ParameterError

KNOWN = ("phantom", "ham10000", "isic2018-test")


def load_collection(
    name: str, *, images: int = 0, height: int = 96, width: int = 128, seed: int = 0
) -> Collection:
    """The collection a chapter asks for by name.

    ``phantom`` is generated: ``images`` pictures of ``height`` x ``width`` pixels from ``seed``.
    Imported collections come whole (``images=0``) or as the whole lesions, chosen by ``seed``,
    that first reach ``images`` pictures. Raises ParameterError for an unknown name or a negative
    number, DataError when a collection was not imported.
    """
    if name not in KNOWN:
        raise ParameterError(f"collection: {name!r} is unknown; known are {', '.join(KNOWN)}.")
    if images < 0:
        raise ParameterError(f"images: must be 0 (all) or positive, not {images}.")
    if name == "phantom":
        return phantom(images or 700, height=height, width=width, seed=seed)
    collection = open_collection(name)
    return collection if images in (0, len(collection)) else _some_lesions(collection, images, seed)


def load_split(collection: Collection, *, seed: int = 0) -> Split:
    """The canonical split of a whole published collection, else a fresh lesion-grouped one.

    The canonical HAM10000 split is used whenever the collection is all of HAM10000; a part of it
    or the phantom is split anew by ``seed`` (70/15/15, stratified by class, lesions kept whole).
    """
    if collection.name == "ham10000":
        canonical = canonical_split("ham10000")
        if {*collection.ids} == {i for ids in canonical.parts.values() for i in ids}:
            return canonical
    return grouped_split(collection, seed=seed)


def _some_lesions(collection: Collection, images: int, seed: int) -> Collection:
    table = collection.table
    order = table["group"].drop_duplicates().sample(frac=1, random_state=seed)
    sizes = table["group"].value_counts().reindex(order)
    keep = set(order[: int((sizes.cumsum() < images).sum()) + 1])
    return collection.where(table["group"].isin(keep))
