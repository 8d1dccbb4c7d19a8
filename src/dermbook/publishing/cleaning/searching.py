"""Proposing pairs of images that may be copies, in four ways, and checking every proposal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.data import Collection, cached_images, load_collection, resize
from dermbook.data import cleaning as tools
from dermbook.data.phantom import phantom_clinical

#: bits in which two perceptual hashes of a candidate may differ; gradient hashes in half as many
WITHIN = 10
#: size at which a pair is matched again, and the matches that it must then have
SMALLER, AGAIN = 0.75, 7
#: correlation of the fine structure in all of the common frame that a pair must have
DETAIL = 0.5
#: the embedding that needs no network
PLAIN = "plain"


@dataclass(frozen=True, eq=False)
class Search:
    """Every pair that was proposed by one of four searches.

    ``pairs`` are described and have the columns distance, gradient (bits), cosine, words (each
    missing where that search did not propose the pair), matches, mirrored, detail (missing below
    the least matches) and confirmed. ``vectors``: the embedding, float32 (n, d); ``origin``: what
    it is.
    """

    collection: Collection
    pairs: pd.DataFrame
    vectors: np.ndarray
    origin: str


def search(
    collection: Collection,
    *,
    backbone: str = PLAIN,
    weights: str = "imagenet",
    height: int,
    width: int,
    seed: int = 0,
    mirrored: bool = False,
    least: int = 10,
) -> Search:
    """Propose pairs in four ways and count the matching keypoints of every proposal.

    Hashes under the eight turns and mirrorings, an embedding (of ``backbone``, or thumbnails when
    it is "plain"), shared visual words. height, width: pixels at which pictures are compared and
    the backbone sees them. mirrored: try the mirror image too when matching keypoints.

    A pair is confirmed when three things hold: it has ``least`` matches; with pictures of three
    quarters the size, and so with other keypoints, still seven; and the fine structure of the
    whole common frame correlates (.5). What matches by chance fails the second, a watermark or a
    ruler the third.
    """
    images = np.asarray(cached_images(collection, height=height, width=width).images)
    ids = collection.ids
    proposals = {
        "distance": tools.hash_pairs(tools.dihedral_hashes(images), ids, within=WITHIN),
        "gradient": tools.hash_pairs(tools.difference_hash(images), ids, within=WITHIN // 2),
    }
    thumbnails = tools.thumbnail_vectors(images)
    if backbone == PLAIN:
        vectors, origin = tools.colour_vectors(images), "colour and texture, thumbnails"
        proposals["cosine"] = tools.cosine_pairs(thumbnails[0], ids, others=thumbnails[1:])
    else:
        vectors, origin = _network(collection, backbone, weights, height, width, seed)
        proposals["cosine"] = tools.cosine_pairs(vectors, ids, neighbours=10)
    features = tools.local_features(images, ids)
    keypoints = sum(len(found.points) for found in features.values())
    words = int(np.clip(keypoints // 60, 64, 4096))
    shared = tools.word_pairs(features, words=words, seed=seed)
    proposals["words"] = shared.rename(columns={"cosine": "words"})
    pairs = _joined(proposals, ids)
    mirrors = tools.local_features(images, ids, mirrored=True) if mirrored else None
    counted = tools.count_matches(pairs, features, mirrors)
    strong = counted[counted["matches"] >= least]
    pictures = dict(zip(ids, images, strict=True))
    counted["detail"] = pd.Series(
        tools.detail_agreement(strong, pictures, features, mirrors), index=strong.index
    )
    counted["confirmed"] = _again(counted, images, ids, least) & (counted["detail"] >= DETAIL)
    return Search(collection, tools.describe_pairs(collection, counted), vectors, origin)


def real_collection(name: str, *, images: int, seed: int) -> Collection | None:
    """The imported collection that the chapter is about; None where that is the phantom."""
    return None if name == "phantom" else load_collection(name, images=images, seed=seed)


def subject(collection: Collection | None, known: Search, **options) -> Search:
    """The search of a collection, or ``known`` where there is none but the phantom."""
    return known if collection is None else search(collection, **options)


def clinical_photographs(name: str, *, images: int, height: int, width: int, seed: int):
    """The clinical photographs that are searched for turned and zoomed copies: Fitzpatrick17k's
    (as many as are imported), or ``images`` of a clinical phantom, one in ten a planted copy."""
    if name == "fitzpatrick17k":
        return load_collection(name)
    copies = {"exact_duplicates": images // 50, "near_duplicates": images // 50}
    return phantom_clinical(
        images,
        height=height,
        width=width,
        seed=seed,
        rotated_copies=images // 16,
        **copies,
    )


def _joined(proposals: dict[str, pd.DataFrame], ids: Sequence[str]) -> pd.DataFrame:
    """One row a pair that any search proposed, with every search's own value."""
    joined = None
    for column, pairs in proposals.items():
        own = pairs.rename(columns={"distance": column})
        own = own[["image_id", "other", column]].set_index(["image_id", "other"])
        joined = own if joined is None else joined.join(own, how="outer")
    position = pd.Series(range(len(ids)), index=list(ids))
    frame = joined.reset_index()
    order = frame[["image_id", "other"]].apply(lambda names: names.map(position))
    return frame.loc[order.sort_values(["image_id", "other"]).index].reset_index(drop=True)


def _network(
    collection: Collection, backbone: str, weights: str, height: int, width: int, seed: int
) -> tuple[np.ndarray, str]:
    from dermbook.models.features import frozen_features  # starts Keras

    found = frozen_features(
        collection, backbone, height=height, width=width, weights=weights, seed=seed
    )
    return np.asarray(found.values), f"{backbone}, {found.origin}"


def _again(counted: pd.DataFrame, images: np.ndarray, ids: Sequence[str], least: int) -> pd.Series:
    """Whether each pair has ``least`` matches and is matched again in smaller pictures, bool."""
    strong = counted[counted["matches"] >= least]
    names = list(dict.fromkeys([*strong["image_id"], *strong["other"]]))
    height, width = (round(side * SMALLER) for side in images.shape[1:3])
    rows = pd.Index(ids).get_indexer(names)
    smaller = [resize(images[row], height, width) for row in rows]
    features = tools.local_features(smaller, names)
    mirrors = None
    if strong["mirrored"].any():
        mirrors = tools.local_features(smaller, names, mirrored=True)
    again = tools.count_matches(strong[["image_id", "other"]], features, mirrors)["matches"]
    return (again >= AGAIN).reindex(counted.index, fill_value=False)
