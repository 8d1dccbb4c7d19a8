"""Methods judged: the tables behind the chapter's figures, and outlines on phantoms."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import Collection, cached_images, phantom
from dermbook.errors import DataError
from dermbook.evaluation.segmentation import METRICS, compare_masks, judge_masks, mask_scores
from dermbook.publishing.segmentation.methods import (
    BASELINES,
    FINAL,
    Material,
    Method,
    best,
    networks,
)

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter


def validation_table(methods: Sequence[Method], of: Material, *, seed: int = 0) -> pd.DataFrame:
    """Validation scores: method, threshold, cleaned, dice, low, high, difference, d_low, d_high.

    The last three: from the first method, on the same lesions.
    """
    rows = []
    for method in methods:
        scores = mask_scores(method.validation, of.collection, by_class=False, seed=seed)
        mean = scores.set_index("metric").loc["dice"]
        change = compare_masks(methods[0].validation, method.validation, of.collection, seed=seed)
        decision = method.decision
        rows.append(
            (method.title, decision.threshold, decision.cleaned, mean["value"], mean["low"],
             mean["high"], change["value"], change["low"], change["high"])
        )  # fmt: skip
    columns = ["method", "threshold", "cleaned", "dice", "low", "high", "difference"]
    return pd.DataFrame(rows, columns=[*columns, "d_low", "d_high"])


def judge_all(
    chapter: "Chapter", methods: Sequence[Method], of: Material, *, seed: int = 0
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Test every method, once, at its decision; keep the scores of both parts in the Record.

    Returns the tables of ``judge_masks`` by method, and all test scores: metric, class, value,
    low, high, n, model (its title, as figures name it), method (its name in the Record).
    """
    ids = of.split.parts["test"]
    truth = of.truth.take(ids)
    judged, frames = {}, []
    for method in methods:
        found = method.decision.masks(method.maps(ids))
        judged[method.name] = judge_masks(pd.Index(ids), truth, found)
        scores = mask_scores(judged[method.name], of.collection, seed=seed)
        chapter.add_metrics(scores, model=method.name, part="test")
        before = mask_scores(method.validation, of.collection, by_class=False, seed=seed)
        chapter.add_metrics(before, model=method.name, part="validation")
        frames.append(scores.assign(model=method.title, method=method.name))
    for network in networks(methods):
        chapter.add_trial(network)
    scores = pd.concat(frames, ignore_index=True).drop(columns="interval")
    return judged, scores


def gain_table(
    methods: Sequence[Method], judged: Mapping[str, pd.DataFrame], of: Material, *, seed: int = 0
) -> pd.DataFrame:
    """What the U-Net adds to the baseline that was best on the validation part, on the test part.

    Columns: baseline, metric, first, second, value, low, high.
    """
    simple = best([method for method in methods if method.name in BASELINES])
    rows = []
    for metric in ("dice", "iou", "threshold_jaccard", "surface_distance"):
        change = compare_masks(
            judged[simple.name], judged[FINAL], of.collection, metric=metric, seed=seed
        )
        rows.append({"baseline": simple.title, "metric": metric, **change})
    return pd.DataFrame(rows)


def picture_table(judged: Mapping[str, pd.DataFrame], of: Material) -> pd.DataFrame:
    """One row a test picture: image_id, class, share (of lesion pixels), dice, iou, surface of the
    U-Net, and dice_otsu; the worst first."""
    table = judged[FINAL]
    pixels = int(np.prod(of.size))
    frame = pd.DataFrame(
        {
            "image_id": table.index,
            "class": of.collection.table["label"].reindex(table.index).to_numpy(),
            "share": (table["truth"] / pixels).to_numpy(),
            "dice": table["dice"].to_numpy(),
            "iou": table["iou"].to_numpy(),
            "surface": table["surface"].to_numpy(),
            "dice_otsu": judged["seg-otsu"]["dice"].to_numpy(),
        }
    )
    return frame.sort_values("dice", kind="stable").reset_index(drop=True)


def class_quantiles(pictures: pd.DataFrame) -> pd.DataFrame:
    """Dice by class for ``plots.quantile_ranges``: class, n, q05, q25, median, q75, q95."""
    rows = []
    for name, of in pictures.groupby("class", sort=True):
        values = np.quantile(of["dice"], [0.05, 0.25, 0.5, 0.75, 0.95])
        rows.append((name, len(of), *values))
    columns = ["class", "n", "q05", "q25", "median", "q75", "q95"]
    return pd.DataFrame(rows, columns=columns)


def wide_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Overall test scores as a table: a row a method, a column a metric."""
    overall = scores[scores["class"].fillna("") == ""]
    wide = overall.pivot(index="model", columns="metric", values="value")
    wide = wide.loc[list(dict.fromkeys(overall["model"])), [m for m in METRICS if m in wide]]
    return wide.reset_index().rename_axis(columns=None)


def unseen_phantoms(of: Material, *, seed: int = 0) -> Collection:
    """Forty phantom pictures that no network was trained on, at the size that is judged at."""
    height, width = of.size
    return phantom(40, height=height, width=width, seed=seed + 1000)


def overlays(
    method: Method, of: Material, unseen: Collection, *, pictures: int = 8, seed: int = 0
) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Pictures of ``unseen``: (title, picture, true mask, found mask).

    Half of them drawn at random, the rest those with the lowest Dice. The network is the one that
    was trained on the chapter's collection. DataError for a real collection: it is never drawn.
    """
    if not unseen.phantom:
        raise DataError(f"{unseen.name}: pictures of patients are never shown.")
    from dermbook.evaluation.segmentation.networks import predict_maps

    small = dict(zip(("height", "width"), of.images.images.shape[1:3], strict=True))
    images, ids = cached_images(unseen, **small), list(unseen.ids)
    maps = predict_maps(method.network.model, images, ids, size=of.size)
    truth = np.stack([unseen.mask(image_id) for image_id in ids])
    found = method.decision.masks(maps)
    scores = judge_masks(pd.Index(ids), truth, found, distances=False)["dice"].to_numpy()
    order = np.argsort(scores, kind="stable")
    worst = [int(each) for each in order[: pictures // 2]]
    others = [int(each) for each in order[pictures // 2 :]]
    drawn = np.random.default_rng(seed).choice(others, pictures - len(worst), replace=False)
    return [
        (f"{kind}: Dice {scores[at]:.2f}", unseen.image(ids[at]), truth[at], found[at])
        for kind, rows in (("random", drawn), ("worst", worst))
        for at in rows
    ]
