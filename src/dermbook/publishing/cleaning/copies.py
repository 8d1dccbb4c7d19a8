"""What the searches for copies find: against planted truth, and in a collection."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.data import Collection, audit, load_split
from dermbook.data import cleaning as tools
from dermbook.publishing.cleaning.bounds import bounds
from dermbook.publishing.cleaning.searching import WITHIN, Search

#: column of the candidates, name, whether a larger value is closer
METHODS = (
    ("distance", "perceptual hash, bits", False),
    ("gradient", "gradient hash, bits", False),
    ("cosine", "embedding, cosine", True),
    ("matches", "matching keypoints", True),
)


def exact_table(*collections: Collection) -> pd.DataFrame:
    """Byte-identical files: collection, images, pairs, other_lesion (pairs under different lesion
    ids), conflicting (pairs with different labels)."""
    rows = []
    for collection in collections:
        pairs = tools.exact_duplicates(collection)
        rows.append(
            {
                "collection": collection.name,
                "images": len(collection),
                "pairs": len(pairs),
                "other_lesion": int((~pairs["same_group"]).sum()),
                "conflicting": int((~pairs["same_label"]).sum()),
            }
        )
    return pd.DataFrame(rows)


def threshold_curves(found: Search) -> pd.DataFrame:
    """Precision and recall of each method at every threshold, against the planted copies.

    A copy that is proposed counts as found, an unrelated pair as a false alarm; other photographs
    of the same lesion are neither, and are counted apart. Columns: method, threshold, found,
    planted, false_alarms, same_lesion, and precision, recall, f1 with Wilson bounds (_low, _high).
    """
    kind = tools.planted_kind(found.collection, found.pairs)
    planted = tools.planted_copies(found.collection)
    rows = []
    for column, method, larger in METHODS:
        values = found.pairs[column].to_numpy(dtype=np.float64)
        for threshold in _grid(column):
            near = values >= threshold if larger else values <= threshold
            right, siblings, wrong = (int((near & (kind == k)).sum()) for k in tools.KINDS)
            rows.append(
                {
                    "method": method,
                    "threshold": threshold,
                    "found": right,
                    "planted": planted,
                    "false_alarms": wrong,
                    "same_lesion": siblings,
                    **_rate("precision", right, right + wrong),
                    **_rate("recall", right, planted),
                    "f1": 2 * right / (right + wrong + planted),
                }
            )
    return pd.DataFrame(rows)


def chosen_thresholds(tuning: pd.DataFrame, judging: pd.DataFrame) -> pd.DataFrame:
    """For each method the threshold that is best on one phantom, judged on another.

    Best is the highest F1, among equals the middle one. Columns: method, threshold, f1_chosen (on
    the phantom it was chosen on), and the judging row's counts and rates.
    """
    rows = []
    for method, curve in tuning.groupby("method", sort=False):
        best = curve[curve["f1"] == curve["f1"].max()]
        chosen = best.iloc[len(best) // 2]
        judged = judging[
            (judging["method"] == method) & (judging["threshold"] == chosen["threshold"])
        ].iloc[0]
        rows.append({**judged.to_dict(), "f1_chosen": chosen["f1"]})
    chosen = pd.DataFrame(rows)
    return chosen[["method", "f1_chosen", *judging.columns.drop("method")]]


def marked(curves: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """The curves with each method's chosen threshold in the column ``chosen``."""
    return curves.assign(chosen=curves["method"].map(chosen.set_index("method")["threshold"]))


def matches_table(found: Search) -> pd.DataFrame:
    """How many proposed pairs have so many matching keypoints, by whether the lesion is the same.

    Columns: matches, lesion ("same lesion id", "different lesion ids"), count, same_label (share
    of them whose labels agree, 0..1). Pairs without a common transform (0) are left out.
    """
    pairs = found.pairs[found.pairs["matches"] > 0]
    names = pairs["same_group"].map({True: "same lesion id", False: "different lesion ids"})
    grouped = pairs.groupby(["matches", names.rename("lesion")])["same_label"]
    return grouped.agg(count="size", same_label="mean").reset_index()


def across_counts(found: Search) -> pd.DataFrame:
    """What each search contributed to the pairs that keypoints confirm.

    Columns: search, proposed (pairs), across (confirmed pairs of different lesion ids), alone (of
    these, proposed by no other), conflicting (with different labels), same_lesion (confirmed pairs
    of one lesion id) and known (all pairs of one lesion id that there are).
    """
    pairs, strong = found.pairs, found.pairs["confirmed"]
    searches = {"perceptual hash": "distance", "gradient hash": "gradient"}
    searches |= {"embedding": "cosine", "visual words": "words"}
    there = pd.DataFrame({name: pairs[column].notna() for name, column in searches.items()})
    sizes = found.collection.table["group"].value_counts()
    known = int((sizes * (sizes - 1) // 2).sum())
    rows = []
    for name in [*searches, "all together"]:
        mine = there[name] if name in searches else pd.Series(True, index=pairs.index)
        across = mine & strong & ~pairs["same_group"]
        rows.append(
            {
                "search": name,
                "proposed": int(mine.sum()),
                "across": int(across.sum()),
                "alone": int((across & (there.sum(axis=1) == 1)).sum()) if name in searches else 0,
                "conflicting": int((across & ~pairs["same_label"]).sum()),
                "same_lesion": int((mine & strong & pairs["same_group"]).sum()),
                "known": known,
            }
        )
    return pd.DataFrame(rows)


def across_table(found: Search, *, most_rows: int = 200) -> pd.DataFrame:
    """The confirmed pairs under different lesion ids, with their evidence.

    Numbers and ids only, the most matches first. Columns: image_id, other, group, other_group,
    label, other_label, matches, turn, zoom, overlap, correlation, difference, ssim, distance,
    cosine (missing where the hash or the embedding did not propose the pair).
    """
    pairs = tools.across_groups(found.pairs)
    pairs = pairs[pairs["confirmed"]]
    pairs = pairs.sort_values(["matches", "image_id", "other"], ascending=[False, True, True])
    pairs = pairs.drop(columns="detail").head(most_rows).reset_index(drop=True)
    measured = tools.evidence(found.collection, pairs)
    columns = ["image_id", "other", "group", "other_group", "label", "other_label", "matches"]
    columns += ["mirrored", "turn", "zoom", "overlap", "correlation", "detail", "difference"]
    return measured[[*columns, "ssim", "distance", "cosine"]]


def copy_kinds(found: Search) -> pd.DataFrame:
    """How confirmed copies differ from their partners (R0's figure 2): kind, pairs, conflicting.

    A pair is *identical* (same bytes), else *mirrored*, *turned* (more than 5°), *zoomed* (more
    than 5 %), or *as it is*; ``conflicting`` counts pairs with different labels.
    """
    same = tools.exact_duplicates(found.collection)
    key = pd.MultiIndex.from_frame(same[["image_id", "other"]])
    pairs = tools.across_groups(found.pairs)
    pairs = pairs[pairs["confirmed"]].reset_index(drop=True)
    pairs = pairs[~pd.MultiIndex.from_frame(pairs[["image_id", "other"]]).isin(key)]
    rows = [("identical", len(same), int((~same["same_label"]).sum()))]
    measured = tools.evidence(found.collection, pairs.drop(columns="detail"))
    turned, zoomed = measured["turn"].abs() > 5, (measured["zoom"] - 1).abs() > 0.05
    mirrored = measured["mirrored"].astype(bool)
    kinds = np.select([mirrored, turned, zoomed], ["mirrored", "turned", "zoomed"], "as it is")
    for kind in ("as it is", "zoomed", "turned", "mirrored"):
        chosen = measured[kinds == kind]
        rows.append((kind, len(chosen), int((~chosen["same_label"]).sum())))
    return pd.DataFrame(rows, columns=["kind", "pairs", "conflicting"])


def report(found: Search, *, unreadable: Sequence[str] = ()) -> pd.DataFrame:
    """The rules of this chapter applied one after the other, and what each dropped.

    Columns: rule, before, dropped, kept. Copies are dropped only where keypoints confirm them and
    the lesion ids differ; suspicious labels are not dropped.
    """
    confirmed = tools.across_groups(found.pairs)
    confirmed = confirmed[confirmed["confirmed"]]
    rules = [
        tools.ids_rule("unreadable files", list(unreadable)),
        tools.copies_rule("byte-identical files", tools.exact_duplicates(found.collection)),
        tools.copies_rule("near duplicates, other lesion id", confirmed),
    ]
    return tools.clean(found.collection, rules).report


def merged(found: Search) -> pd.DataFrame:
    """Lesions before and after the lesion ids of confirmed pairs were merged, as a one-row table:
    lesions, lesions_merged, pairs, lesion_pairs (pairs of lesion ids)."""
    confirmed = tools.across_groups(found.pairs)
    confirmed = confirmed[confirmed["confirmed"]]
    linked = {frozenset(p) for p in zip(confirmed["group"], confirmed["other_group"], strict=True)}
    together = tools.group_by_pairs(found.collection, confirmed)
    row = {
        "lesions": found.collection.table["group"].nunique(),
        "lesions_merged": together.table["group"].nunique(),
        "pairs": len(confirmed),
        "lesion_pairs": len(linked),
    }
    return pd.DataFrame([row])


def split_table(found: Search, *, seed: int = 0) -> pd.DataFrame:
    """What the parts of the collection's split share, by the ids and once confirmed ids are merged.

    Columns: part, other, shared_lesions (by lesion id), shared_merged (lesions that turn out to
    stand in both parts). The split is the committed one of a whole published collection.
    """
    split = load_split(found.collection, seed=seed)
    confirmed = tools.across_groups(found.pairs)
    together = tools.group_by_pairs(found.collection, confirmed[confirmed["confirmed"]])
    table = audit(split, found.collection)[["part", "other", "shared_lesions"]]
    return table.assign(shared_merged=audit(split, together)["shared_lesions"])


def _grid(column: str) -> np.ndarray:
    if column == "cosine":
        return np.round(np.arange(0.30, 1.0, 0.02), 2)
    if column == "matches":
        return np.arange(5, 31)
    return np.arange(0, WITHIN + 1) if column == "distance" else np.arange(0, WITHIN // 2 + 1)


def _rate(name: str, successes: int, n: int) -> dict[str, float]:
    share = bounds(successes, n)
    return {name: share["value"], f"{name}_low": share["low"], f"{name}_high": share["high"]}
