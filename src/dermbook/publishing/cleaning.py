"""The tables of the chapter *Data cleaning*: what each search finds, and how far it is right.

Each function returns a tidy table for ``Chapter.add_series``. What is judged against planted truth
is the phantom's; of real collections there are numbers and ids only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import Collection, cached_images, load_collection, published_table
from dermbook.data import cleaning as tools
from dermbook.data.phantom import latents, oracle, phantom_clinical
from dermbook.errors import ParameterError
from dermbook.evaluation import wilson
from dermbook.publishing.compare import plain
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

#: how many bits two hashes of a candidate may differ in; far beyond any useful threshold
WITHIN = 10
#: what is compared: column of the candidates, name, whether a larger value is closer
METHODS = (
    ("distance", "perceptual hash, bits", False),
    ("gradient", "gradient hash, bits", False),
    ("cosine", "embedding, cosine", True),
    ("matches", "matching keypoints", True),
)
PLAIN = "plain"


@dataclass(frozen=True, eq=False)
class Search:
    """Every pair that was proposed: ``pairs`` has the described pairs with distance, gradient
    (bits), cosine, words (each missing where that search did not propose the pair), matches and
    mirrored. ``vectors``: the embedding, float32 (n, d), and ``origin``, what it is."""

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
) -> Search:
    """Propose pairs in four ways and count the matching keypoints of every proposal.

    Hashes under the eight turns and mirrorings, an embedding (of ``backbone``, or thumbnails when
    it is "plain"), shared visual words. height, width: pixels at which pictures are compared and
    the backbone sees them. mirrored: try the mirror image too when matching keypoints.
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
    return Search(collection, tools.describe_pairs(collection, counted), vectors, origin)


def files_table(spoilt: Collection, truth: pd.Series, real: Collection | None) -> pd.DataFrame:
    """Planted file faults and what the scan finds of them, and of a real collection.

    Columns: problem, planted, found (of the planted), false_alarms, real (files; None without).
    """
    scan = tools.scan_files(spoilt)["problem"]
    counts = None
    if real is not None:
        counts = tools.problem_table(tools.scan_files(real)).set_index("problem")["count"]
    rows = []
    for problem in tools.FILE_FAULTS:
        named = scan.map(lambda text, problem=problem: problem in text.split(", "))
        planted = truth == problem
        rows.append(
            {
                "problem": problem,
                "planted": int(planted.sum()),
                "found": int((named & planted).sum()),
                "false_alarms": int((named & ~planted).sum()),
                "real": None if counts is None else int(counts[problem]),
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
            right, siblings, wrong = (int((near & (kind == k)).sum()) for k in _KINDS)
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


def across_table(found: Search, *, least: int, most_rows: int = 200) -> pd.DataFrame:
    """The pairs under different lesion ids with at least ``least`` matches, with their evidence.

    Numbers and ids only, the most matches first. Columns: image_id, other, group, other_group,
    label, other_label, matches, turn, zoom, overlap, correlation, difference, ssim, distance,
    cosine (missing where the hash or the embedding did not propose the pair).
    """
    pairs = tools.across_groups(found.pairs)
    pairs = pairs[pairs["matches"] >= least]
    pairs = pairs.sort_values(["matches", "image_id", "other"], ascending=[False, True, True])
    measured = tools.evidence(found.collection, pairs.head(most_rows).reset_index(drop=True))
    columns = ["image_id", "other", "group", "other_group", "label", "other_label", "matches"]
    columns += ["mirrored", "turn", "zoom", "overlap", "correlation", "detail", "difference"]
    return measured[[*columns, "ssim", "distance", "cosine"]]


def across_counts(found: Search, *, least: int) -> pd.DataFrame:
    """What each search contributed to the pairs that keypoints confirm.

    Columns: search, proposed (pairs), across (confirmed pairs of different lesion ids), alone (of
    these, proposed by no other), conflicting (with different labels), same_lesion (confirmed pairs
    of one lesion id) and known (all pairs of one lesion id that there are).
    """
    pairs, strong = found.pairs, found.pairs["matches"] >= least
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


def copy_kinds(found: Search, *, least: int) -> pd.DataFrame:
    """How confirmed copies differ from their partners (R0's figure 2): kind, pairs, conflicting.

    A pair is *identical* (same bytes), else *mirrored*, *turned* (more than 5°), *zoomed* (more
    than 5 %), or *as it is*; ``conflicting`` counts pairs with different labels.
    """
    same = tools.exact_duplicates(found.collection)
    key = pd.MultiIndex.from_frame(same[["image_id", "other"]])
    pairs = tools.across_groups(found.pairs)
    pairs = pairs[pairs["matches"] >= least].reset_index(drop=True)
    pairs = pairs[~pd.MultiIndex.from_frame(pairs[["image_id", "other"]]).isin(key)]
    rows = [("identical", len(same), int((~same["same_label"]).sum()))]
    measured = tools.evidence(found.collection, pairs.reset_index(drop=True))
    turned, zoomed = measured["turn"].abs() > 5, (measured["zoom"] - 1).abs() > 0.05
    mirrored = measured["mirrored"].astype(bool)
    kinds = np.select([mirrored, turned, zoomed], ["mirrored", "turned", "zoomed"], "as it is")
    for kind in ("as it is", "zoomed", "turned", "mirrored"):
        chosen = measured[kinds == kind]
        rows.append((kind, len(chosen), int((~chosen["same_label"]).sum())))
    return pd.DataFrame(rows, columns=["kind", "pairs", "conflicting"])


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


def real_collection(name: str, *, images: int, seed: int) -> Collection | None:
    """The imported collection that the chapter is about; None where that is the phantom."""
    return None if name == "phantom" else load_collection(name, images=images, seed=seed)


def subject(collection: Collection | None, known: Search, **options) -> Search:
    """The search of a collection, or ``known`` where there is none but the phantom."""
    return known if collection is None else search(collection, **options)


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
    return pd.DataFrame([{"what": w, "right": k, "n": n, **_bounds(k, n)} for w, k, n in rows])


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


def clinical_table(name: str, *, images: int = 700, seed: int = 0) -> tuple[pd.DataFrame, bool]:
    """The table with quality marks: Fitzpatrick17k's whole one, or a clinical phantom's; and
    whether it is a phantom."""
    if name == "fitzpatrick17k":
        return published_table(name), False
    if name != "phantom":
        raise ParameterError(f"clinical: must be phantom or fitzpatrick17k, not {name!r}.")
    return phantom_clinical(images, seed=seed).table, True


def qc_summary(table: pd.DataFrame) -> pd.DataFrame:
    """What the quality marks cover: rows, reviewed, wrong, and the share wrong among the reviewed.

    One row. Columns: rows, reviewed, wrong, value, low, high (share 0..1, Wilson), expected,
    expected_low, expected_high (wrong ones among the unreviewed, if these were like the reviewed),
    dropped (by the rule: those marked wrong), no_url, kept.
    """
    marks = table["qc"]
    reviewed, wrong = int(marks.notna().sum()), int((marks == tools.WRONG).sum())
    rules = [tools.qc_rule(), tools.missing_rule("url")] if wrong else [tools.missing_rule("url")]
    cleaned = tools.clean(table, rules)
    bounds = _bounds(wrong, reviewed)
    left = len(table) - reviewed
    row = {"rows": len(table), "reviewed": reviewed, "wrong": wrong, **bounds}
    row |= {"expected": bounds["value"] * left, "expected_low": bounds["low"] * left}
    row |= {"expected_high": bounds["high"] * left, "dropped": wrong}
    row |= {"no_url": int(table["url"].isna().sum()), "kept": len(cleaned.data)}
    return pd.DataFrame([row])


def shift_histogram(shifts: pd.DataFrame, *, bands: int = 24) -> pd.DataFrame:
    """Histogram of ``shift``: left, right, count (divisions)."""
    counts, edges = np.histogram(shifts["shift"], bins=bands)
    return pd.DataFrame({"left": edges[:-1], "right": edges[1:], "count": counts})


def fill_summary(shifts: pd.DataFrame) -> pd.DataFrame:
    """The filling value's shift over many divisions. One row: all_rows, shift, low, high (the
    central 95 % of the divisions), largest (absolute), filled (test rows filled, mean), splits."""
    low, high = np.quantile(shifts["shift"], [0.025, 0.975])
    row = {
        "all_rows": shifts["all_rows"].iloc[0],
        "shift": shifts["shift"].mean(),
        "low": low,
        "high": high,
        "largest": shifts["shift"].abs().max(),
        "filled": shifts["filled"].mean(),
        "splits": len(shifts),
    }
    return pd.DataFrame([row])


def encoding_summary(repeats: pd.DataFrame) -> pd.DataFrame:
    """ROC AUC of an encoding of nothing: category, cells, fitted_on, value, low, high.

    value is the mean over the repeats, low and high its 95 % interval (1.96 standard errors).
    """
    rows = []
    for (category, cells), group in repeats.groupby(["category", "cells"], sort=False):
        for column, name in (("all_rows", "all rows"), ("train_only", "train only")):
            mean, error = group[column].mean(), group[column].sem()
            bounds = {"value": mean, "low": mean - 1.96 * error, "high": mean + 1.96 * error}
            rows.append({"category": category, "cells": cells, "fitted_on": name, **bounds})
    return pd.DataFrame(rows)


def encoding_of(collection: Collection, *, repeats: int, seed: int) -> pd.DataFrame:
    """``encoding_experiment`` on a collection: coarse and ever finer categories of the patient."""
    malignant = collection.table["label"].isin(["mel", "bcc", "akiec"]).to_numpy()
    categories = [["localization"], ["localization", "sex", "age"]]
    return tools.encoding_experiment(
        collection.table, malignant, categories, repeats=repeats, seed=seed
    )


def report(found: Search, *, least: int, unreadable: Sequence[str] = ()) -> pd.DataFrame:
    """The rules of this chapter applied one after the other, and what each dropped.

    Columns: rule, before, dropped, kept. Copies are dropped only where keypoints confirm them and
    the lesion ids differ; suspicious labels are not dropped.
    """
    confirmed = tools.across_groups(found.pairs)
    confirmed = confirmed[confirmed["matches"] >= least]
    rules = [
        tools.ids_rule("unreadable files", list(unreadable)),
        tools.copies_rule("byte-identical files", tools.exact_duplicates(found.collection)),
        tools.copies_rule("near duplicates, other lesion id", confirmed),
    ]
    return tools.clean(found.collection, rules).report


def merged(found: Search, *, least: int) -> pd.DataFrame:
    """Lesions before and after the lesion ids of confirmed pairs were merged, as a one-row table:
    lesions, lesions_merged, pairs, lesion_pairs (pairs of lesion ids)."""
    confirmed = tools.across_groups(found.pairs)
    confirmed = confirmed[confirmed["matches"] >= least]
    linked = {frozenset(p) for p in zip(confirmed["group"], confirmed["other_group"], strict=True)}
    together = tools.group_by_pairs(found.collection, confirmed)
    row = {
        "lesions": found.collection.table["group"].nunique(),
        "lesions_merged": together.table["group"].nunique(),
        "pairs": len(confirmed),
        "lesion_pairs": len(linked),
    }
    return pd.DataFrame([row])


def add_findings(chapter: "Chapter") -> None:
    """What the chapter says of row 0.1 and of the lessons M16 and M17, from its series."""
    _row_and_m16(chapter)
    _m17(chapter)


def _row_and_m16(chapter: "Chapter") -> None:
    marks = chapter.series("qc-summary").iloc[0]
    real = chapter.parameters["clinical"] == "fitzpatrick17k"
    measured = f"{marks['reviewed']:,.0f} of {marks['rows']:,.0f} rows carry a mark"
    measured += f"; {marks['wrong']:,.0f} of these are called wrongly labelled, {_percent(marks)}"
    chapter.finding(
        "M16",
        ("confirmed" if marks["reviewed"] < marks["rows"] / 2 else "not confirmed")
        if real
        else "cannot be compared",
        measured=measured,
        because="counted in the published table; were the other rows alike, "
        f"{marks['expected']:,.0f} ({marks['expected_low']:,.0f}–{marks['expected_high']:,.0f}) of "
        "them would be wrong too, and the filter cannot see them"
        if real
        else "the phantom is not the data of the report",
    )
    kept = load_reported().quantities().loc["R0.images-kept", "value"]
    chapter.finding(
        "0.1",
        "cannot be compared",
        measured=f"{marks['kept']:,.0f} of {marks['rows']:,.0f} rows are left without the marked "
        f"({marks['dropped']:,.0f}) and those without an address ({marks['no_url']:,.0f})",
        because=f"the report kept {kept:,.0f}: {marks['kept'] - kept:,.0f} more were lost to "
        "addresses that were dead then and cannot be asked again"
        if real
        else "the phantom is not the data of the report",
    )


def _m17(chapter: "Chapter") -> None:
    fill = chapter.series("fill-summary").iloc[0]
    leak = chapter.series("encoding").set_index(["category", "fitted_on"])
    finest = leak.index.get_level_values("category")[-1]
    claim = load_reported().quantities().loc["R4.mean-age"]
    real = chapter.parameters["collection"] == "ham10000" and not chapter.parameters["images"]
    digits = len(str(claim["stated"]).partition(".")[2])
    # series keep six significant digits; the report prints eight
    exact = chapter.record().metric(chapter.parameters["collection"], "all", "fill_all_rows")
    value = exact.value if exact is not None else fill["all_rows"]
    same = abs(value - claim["value"]) <= 0.5 * 10**-digits
    chapter.finding(
        "M17",
        ("confirmed" if same else "not confirmed") if real else "cannot be compared",
        measured=f"the filling value is {value:.{digits}f} years from all rows; from a training "
        f"part it differs by {fill['low']:.2f} to {fill['high']:.2f} years in 95 % of "
        f"{fill['splits']:.0f} divisions. A mean-target encoding of {finest} fitted on all rows "
        f"has an ROC AUC of {plain(leak.loc[(finest, 'all rows'), 'value'])} on labels drawn by "
        f"chance, fitted on train only {plain(leak.loc[(finest, 'train only'), 'value'])}",
        because="the report's value is the mean of all known ages, to its last digit; the same "
        "slip with a richer statistic is not harmless"
        if real
        else "the phantom is not the data of the report",
    )


_KINDS = ("copy", "same lesion", "unrelated")


def _percent(row: pd.Series) -> str:
    return f"{100 * row['value']:.1f} % ({100 * row['low']:.1f}–{100 * row['high']:.1f})"


def _grid(column: str) -> np.ndarray:
    if column == "cosine":
        return np.round(np.arange(0.30, 1.0, 0.02), 2)
    if column == "matches":
        return np.arange(5, 31)
    return np.arange(0, WITHIN + 1) if column == "distance" else np.arange(0, WITHIN // 2 + 1)


def _rate(name: str, successes: int, n: int) -> dict[str, float]:
    bounds = _bounds(successes, n)
    return {name: bounds["value"], f"{name}_low": bounds["low"], f"{name}_high": bounds["high"]}


def _bounds(successes: int, n: int) -> dict[str, float]:
    low, high = wilson(successes, n)
    return {"value": successes / n if n else np.nan, "low": low, "high": high}


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
