"""What validation and test share with train: the same image, its lesion's siblings, its twins.

Counted image by image, beside what chance predicts for a split that does not look at lesions.
"""

from collections.abc import Mapping, Sequence
from math import lgamma

import numpy as np
import pandas as pd

from dermbook.data import Collection, Split, check
from dermbook.errors import DataError

#: what an image of a part may share with train, worst first
KINDS = ("same_image", "identical_content", "near_duplicate", "sibling")


def kinship(
    split: Split,
    collection: Collection,
    *,
    part: str = "test",
    pairs: pd.DataFrame | None = None,
    contents: bool = True,
) -> pd.DataFrame:
    """What each image of a part shares with train: one row an image, index ``image_id``.

    Bool columns: ``same_image`` (the id itself is in train), ``identical_content`` (another id
    with the same bytes), ``near_duplicate`` (another id that ``pairs`` names beside it),
    ``sibling`` (another photograph of its lesion) and ``clean`` (none of them). pairs: columns
    image_id and other, each pair in either order, ids of the collection or not. ``contents=False``
    leaves the files unread and ``identical_content`` False.

    Raises DataError for a part that the split does not have, a table of pairs without its columns,
    or if ``check`` fails.
    """
    check(split, collection)
    if part not in split.parts:
        raise DataError(f"Split {split.name!r} has no part {part!r}.")
    ids, train = pd.Index(split.parts[part]), pd.Index(split.parts["train"])
    frame = pd.DataFrame(index=ids.rename("image_id"))
    frame["same_image"] = ids.isin(train)
    frame["identical_content"] = False
    if contents:
        signature = {i: collection.source.signature(i) for i in {*ids, *train}}
        frame["identical_content"] = _others(ids, train, signature)
    frame["near_duplicate"] = _paired(ids, train, pairs)
    groups = collection.table["group"].dropna().to_dict()
    frame["sibling"] = _others(ids, train, groups)
    frame["clean"] = ~frame[list(KINDS)].any(axis=1)
    return frame


def leak_table(
    splits: Mapping[str, Split],
    collection: Collection,
    *,
    pairs: pd.DataFrame | None = None,
    contents: bool = True,
) -> pd.DataFrame:
    """The audits of several splits side by side: one row a strategy and part other than train.

    Columns strategy, part; int64 images, same_image, identical_content, near_duplicate, sibling,
    clean (images of the part, as in ``kinship``), shared_lesions (lesions with photographs in the
    part and in train); float64 percent_leaking (images that are not clean). What was not looked
    for (without ``pairs``, with ``contents=False``) has no column.
    """
    rows = []
    groups = collection.table["group"]
    looked = _looked_for(pairs, contents)
    for name, split in splits.items():
        in_train = set(groups.loc[list(split.parts["train"])].dropna())
        for part in split.parts:
            if part == "train":
                continue
            kin = kinship(split, collection, part=part, pairs=pairs, contents=contents)
            lesions = set(groups.loc[list(split.parts[part])].dropna())
            counts = {column: int(kin[column].sum()) for column in (*looked, "clean")}
            rows.append(
                {"strategy": name, "part": part, "images": len(kin)}
                | counts
                | {
                    "shared_lesions": len(lesions & in_train),
                    "percent_leaking": 100 * float((~kin["clean"]).mean()),
                }
            )
    return pd.DataFrame(rows)


def leak_shares(
    splits: Mapping[str, Split],
    collection: Collection,
    *,
    pairs: pd.DataFrame | None = None,
    contents: bool = True,
) -> pd.DataFrame:
    """The test part of each split divided by the worst that each image shares with train.

    Columns strategy, kind (those of ``KINDS`` that were looked for, then ``clean``), images,
    percent. An image in train counts as ``same_image`` even if it has siblings there, too; the
    percentages of a strategy add up to 100.
    """
    rows = []
    looked = _looked_for(pairs, contents)
    for name, split in splits.items():
        kin = kinship(split, collection, pairs=pairs, contents=contents)
        left = pd.Series(True, index=kin.index)
        for kind in (*looked, "clean"):
            found = kin[kind] & left
            left &= ~found
            rows.append((name, kind, int(found.sum()), 100 * float(found.mean())))
    return pd.DataFrame(rows, columns=["strategy", "kind", "images", "percent"])


def expected_overlap(
    train: Mapping[str, int], test: Mapping[str, int], sizes: Mapping[str, int]
) -> tuple[float, float]:
    """Test images expected inside train when both are drawn from the same pool, and the deviation.

    train, test, sizes: images by class in the two draws and in the pool. By class the overlap is
    hypergeometric: mean t·n/N, variance t·(n/N)·(1 − n/N)·(N − t)/(N − 1). R4's counts give 798.2
    of 998 images. DataError when a draw is larger than its pool.
    """
    mean = variance = 0.0
    for label, drawn in test.items():
        pool, kept = sizes.get(label, 0), train.get(label, 0)
        if drawn > pool or kept > pool:
            raise DataError(f"expected_overlap: class {label!r} has only {pool} images.")
        if pool:
            share = kept / pool
            mean += drawn * share
            variance += drawn * share * (1 - share) * (pool - drawn) / max(pool - 1, 1)
    return mean, variance**0.5


def expected_sibling_share(
    table: pd.DataFrame,
    train: Mapping[str, int],
    test: Mapping[str, int],
    *,
    independent: bool = False,
) -> float:
    """Share of test images expected to have a sibling in train, for a split that draws images.

    table: a collection's table (``label``, ``group``). train, test: images by class in the parts.
    An image whose lesion has s other photographs, of a class with N images of which n go to train,
    escapes with probability C(N − 1 − s, n) / C(N − 1, n): all n come from the images that are
    neither it nor its siblings. With ``independent`` draws its own place in the test says nothing
    of train, and N replaces N − 1. A lesion with two labels meets each class's draw in turn.
    """
    known = table.dropna(subset=["label"])
    sizes = known["label"].value_counts()
    lesions = pd.crosstab(known["group"], known["label"])
    photographs = lesions.reindex(known["group"]).fillna(0).to_numpy().astype(int)
    labels = known["label"].to_numpy()
    log_escape = np.zeros(len(known))
    for column, label in enumerate(lesions.columns):
        own = (labels == label).astype(int)
        siblings = photographs[:, column] - own
        size, drawn = int(sizes[label]), int(train.get(label, 0))
        for row in np.flatnonzero(siblings > 0):
            pool = size if independent else size - int(own[row])
            log_escape[row] += _log_choose(pool - siblings[row], drawn) - _log_choose(pool, drawn)
    caught = pd.Series(1 - np.exp(log_escape)).groupby(labels).mean()
    total = sum(test.values())
    return float(sum(count * caught.get(label, 0.0) for label, count in test.items()) / total)


def over_seeds(splits: Sequence[Split], collection: Collection) -> pd.DataFrame:
    """Overlap and siblings of the test part in several splits: seed, same_image, sibling (shares).

    Reads no file. One row a split.
    """
    rows = []
    for split in splits:
        kin = kinship(split, collection, contents=False)
        rows.append(
            {
                "seed": split.seed,
                "same_image": float(kin["same_image"].mean()),
                "sibling": float(kin["sibling"].mean()),
            }
        )
    return pd.DataFrame(rows)


def _looked_for(pairs: pd.DataFrame | None, contents: bool) -> list[str]:
    looked = {"identical_content": contents, "near_duplicate": pairs is not None}
    return [kind for kind in KINDS if looked.get(kind, True)]


def _others(ids: pd.Index, train: pd.Index, key_of: Mapping[str, str]) -> np.ndarray:
    """Is there, for each id, an image in train under another id with the same key?"""
    keys = pd.Series([key_of.get(image_id) for image_id in train])
    counts = keys.value_counts()
    own = ids.isin(train)
    found = [
        counts.get(key_of.get(image_id), 0) - itself > 0 if image_id in key_of else False
        for image_id, itself in zip(ids, own, strict=True)
    ]
    return np.array(found, dtype=bool)


def _paired(ids: pd.Index, train: pd.Index, pairs: pd.DataFrame | None) -> np.ndarray:
    if pairs is None or pairs.empty:
        return np.zeros(len(ids), dtype=bool)
    for column in ("image_id", "other"):
        if column not in pairs.columns:
            raise DataError(f"pairs of near-duplicates: the table has no column {column!r}.")
    one_way = pairs[["image_id", "other"]]
    other_way = one_way.rename(columns={"image_id": "other", "other": "image_id"})
    both = pd.concat([one_way, other_way])
    both = both[both["other"].isin(train) & (both["image_id"] != both["other"])]
    return ids.isin(both["image_id"])


def _log_choose(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return -np.inf
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
