"""Suspicious labels: how many planted errors a review meets, and where suspicion gathers."""

import numpy as np
import pandas as pd

from dermbook.data import Collection
from dermbook.data import cleaning as tools
from dermbook.data.phantom import latents, oracle
from dermbook.evaluation import wilson
from dermbook.publishing.cleaning.bounds import bounds
from dermbook.publishing.cleaning.searching import Search


def doubt(found: Search, *, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """``suspicions`` of a searched collection's labels, by its embedding, out of fold by lesion."""
    collection = found.collection
    groups = collection.table["group"].astype(str).to_numpy()
    codes = collection.codes()
    values = tools.out_of_fold(found.vectors, codes, groups, folds=folds, seed=seed)
    return tools.suspicions(values, codes, collection.ids, collection.classes)


def review_curve(collection: Collection, suspected: pd.DataFrame) -> pd.DataFrame:
    """How many planted label errors are met when the most suspicious images are reviewed first.

    Three orders: the model's, the oracle's (it knows what each lesion looks like, so it is the
    best any model could do), and chance (its expectation). Columns: order, reviewed (share of the
    images, 0..1), found (share of the planted errors).
    """
    wrong = collection.table["label_is_corrupted"].astype(bool)
    codes = collection.codes()
    prior = np.bincount(codes, minlength=len(collection.classes)) / len(codes)
    posterior = oracle(latents(collection), prior)
    best = tools.suspicions(posterior, codes, collection.ids, collection.classes)
    steps = np.unique(np.linspace(0, len(codes), 101).round().astype(int))
    frames = []
    for name, order in (("model", suspected), ("oracle", best)):
        met = np.concatenate([[0], np.cumsum(wrong.loc[order["image_id"]].to_numpy())])
        found = met[steps] / max(int(wrong.sum()), 1)
        frames.append(pd.DataFrame({"order": name, "reviewed": steps / len(codes), "found": found}))
    share = steps / len(codes)
    frames.append(pd.DataFrame({"order": "chance", "reviewed": share, "found": share}))
    return pd.concat(frames, ignore_index=True)


def review_scores(collection: Collection, suspected: pd.DataFrame) -> pd.DataFrame:
    """The search for planted label errors in numbers, with Wilson bounds.

    Columns: what, right, n, value, low, high: precision of the first k (k = number planted), of
    the flagged ones, recall of the flagged ones, and the share of errors (what chance gives).
    """
    wrong = collection.table["label_is_corrupted"].astype(bool)
    hit = wrong.loc[suspected["image_id"]].to_numpy()
    flagged = suspected["flagged"].to_numpy()
    planted = int(wrong.sum())
    rows = [
        ("precision of the first " + str(planted), int(hit[:planted].sum()), planted),
        ("precision of the flagged", int((hit & flagged).sum()), int(flagged.sum())),
        ("recall of the flagged", int((hit & flagged).sum()), planted),
        ("errors among all images (chance)", planted, len(hit)),
    ]
    return pd.DataFrame([{"what": w, "right": k, "n": n, **bounds(k, n)} for w, k, n in rows])


def flagged_table(collection: Collection, suspected: pd.DataFrame) -> pd.DataFrame:
    """Share of flagged labels by class and by how the diagnosis was made, with Wilson bounds.

    Columns: by, category, images, flagged, value, low, high.
    """
    frames = []
    for column, by in (("label", "class"), ("dx_type", "diagnosis by")):
        if column not in collection.table.columns:
            continue
        counts = tools.suspicion_counts(collection.table, suspected, column)
        low, high = wilson(counts["flagged"].to_numpy(), counts["images"].to_numpy())
        counts = counts.rename(columns={"share": "value"}).assign(low=low, high=high)
        frames.append(counts.assign(by=by))
    columns = ["by", "category", "images", "flagged", "value", "low", "high"]
    return pd.concat(frames, ignore_index=True)[columns]
