"""Hair removal judged against the truth: the phantom's same photograph without hair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from dermbook.data import Collection, latents
from dermbook.data.phantom import PhantomSource
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.enhancement.similarity import psnr, ssim
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval
from dermbook.imaging.hair import blackhat_inpaint, blackhat_mask, dullrazor, dullrazor_mask
from dermbook.imaging.smoothing import median_blur

Picture = Callable[[np.ndarray], np.ndarray]
#: bands of the amount of hair (``table.hair``): name, above, up to
BANDS = (("little", 0.0, 0.25), ("some", 0.25, 0.5), ("much", 0.5, 1.0))
#: dark thin structures that may be taken for hair, as ``harm_by_structure`` groups lesions
STRUCTURES = ("streaks", "network", "neither")
#: measures of ``judge_removal``, and whether more is better
MEASURES = {
    "psnr": True,
    "ssim": True,
    "hair_error": False,
    "skin_error": False,
    "lesion_error": False,
    "recall": True,
    "precision": True,
    "iou": True,
}


@dataclass(frozen=True)
class Method:
    """A way to remove hair: its picture, and its mask if it makes one."""

    remove: Picture
    find: Picture | None = None


METHODS: dict[str, Method] = {
    "untouched": Method(np.copy),
    "median": Method(median_blur),
    "dullrazor": Method(dullrazor, dullrazor_mask),
    "blackhat-inpaint": Method(blackhat_inpaint, blackhat_mask),
}


def pick_by_hair(collection: Collection, each: int) -> list[str]:
    """Up to ``each`` image ids of every band of hair, in the table's order, one a lesion."""
    if each < 1:
        raise ParameterError(f"each: must be 1 or more, not {each}.")
    table = collection.table.drop_duplicates("group")
    return [
        image_id
        for _, above, to in BANDS
        for image_id in table.index[(table["hair"] > above) & (table["hair"] <= to)][:each]
    ]


def pick_by_structure(collection: Collection, each: int) -> list[str]:
    """Up to ``each`` ids of lesions with streaks, with a network only, with neither; one a lesion.

    In the table's order, whatever their hair.
    """
    if each < 1:
        raise ParameterError(f"each: must be 1 or more, not {each}.")
    kinds = _structure(latents(collection).loc[~collection.table["group"].duplicated()])
    return [name for kind in STRUCTURES for name in kinds.index[kinds == kind][:each]]


def judge_removal(
    collection: Collection, ids: Sequence[str], methods: Mapping[str, Method] = METHODS
) -> pd.DataFrame:
    """What each method makes of each photograph, beside the same one that never had hair.

    Both are compared before JPEG compression, so they differ in hair pixels only. One row an image
    and method: image_id, group, hair, band, network, streaks (levels), method, and:

    - psnr (dB) and ssim of the whole, and hair_error, the mean absolute difference in grey levels
      on hair pixels; NaN where no hair is in view, so that nothing could be gained;
    - skin_error and lesion_error: that on all other pixels, outside and inside the lesion, which
      were right and can only be spoilt;
    - recall, precision and iou of the mask, NaN without mask or hair;
    - clean_lesion_error: what the method does inside the lesion of the photograph *without* hair,
      where any change is harm.

    DataError for a collection that is real.
    """
    if not isinstance(collection.source, PhantomSource):
        raise DataError(f"{collection.name}: only the phantom knows its pictures without hair.")
    table = collection.table.loc[list(ids)]
    truth = latents(collection.where(ids=list(ids)))
    rows = []
    for image_id in ids:
        shot = collection.source.rendering(image_id)
        about = {
            "image_id": image_id,
            "group": table.at[image_id, "group"],
            "hair": float(table.at[image_id, "hair"]),
            "band": band_of(float(table.at[image_id, "hair"])),
            "network": truth.at[image_id, "network"],
            "streaks": truth.at[image_id, "streaks"],
        }
        for name, method in methods.items():
            rows.append({**about, "method": name, **_judged(shot, method)})
    return pd.DataFrame(rows)


def band_of(hair: float) -> str:
    """The band that an amount of hair, 0..1, falls into; "none" for 0."""
    return next((name for name, above, to in BANDS if above < hair <= to), "none")


def removal_scores(judged: pd.DataFrame, *, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """The mean of each measure for each method, with a 95 % interval over lesions.

    Columns method, measure, value, low, high, n (images), and the paired difference from the
    untouched photograph where there is one: difference, difference_low, difference_high.
    """
    rows = []
    for measure in MEASURES:
        wide = _wide(judged, measure)
        for method in wide:
            value = _mean(wide[method], judged, resamples, seed)
            base = wide.get("untouched")
            change = (np.nan,) * 3
            if base is not None and method != "untouched" and base.notna().any():
                change = _mean(wide[method] - base, judged, resamples, seed)[:3]
            rows.append((method, measure, *value, *change))
    columns = ["method", "measure", "value", "low", "high", "n"]
    columns += ["difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns).dropna(subset="value").reset_index(drop=True)


def removal_by_hair(
    judged: pd.DataFrame, measure: str = "psnr", *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """What a method adds to a measure in each band of hair: band, method, value, low, high, n.

    value is the mean difference from the untouched photograph, the interval is over lesions.
    """
    rows = []
    for band, *_ in BANDS:
        chosen = judged[judged["band"] == band]
        if chosen.empty:
            continue
        wide = _wide(chosen, measure)
        for method in wide.columns.drop("untouched"):
            change = wide[method] - wide["untouched"]
            rows.append((band, method, *_mean(change, chosen, resamples, seed)))
    return pd.DataFrame(rows, columns=["band", "method", "value", "low", "high", "n"])


def harm_by_structure(
    judged: pd.DataFrame, *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """What methods do inside lesions that have no hair over them, by their dark thin structures.

    Columns structure ("streaks", "network" without streaks, "neither"), method, value (mean
    absolute change of the lesion's pixels in grey levels), low, high, n (images).
    """
    kinds = _structure(judged)
    rows = []
    for structure in STRUCTURES:
        chosen = kinds == structure
        if not chosen.any():
            continue
        wide = _wide(judged[chosen], "clean_lesion_error")
        for method in wide.columns.drop("untouched", errors="ignore"):
            mean = _mean(wide[method], judged[chosen], resamples, seed)
            rows.append((structure, method, *mean))
    return pd.DataFrame(rows, columns=["structure", "method", "value", "low", "high", "n"])


def threshold_study(
    fitting: Collection,
    judging: Collection,
    thresholds: Sequence[float],
    *,
    each: int = 10,
) -> pd.DataFrame:
    """Each threshold of both hair removers on one phantom; the best one judged on another.

    Best is the least mean absolute error, over all pixels, against the photograph without hair.
    Columns method, threshold, fitted (error on the first), error (on the second), recall,
    precision, iou (of all pixels of the second together), best. ``each``: see ``pick_by_hair``.
    """
    if not len(thresholds):
        raise ParameterError("thresholds: give at least one.")
    rows = []
    sets = [_pictures(collection, each) for collection in (fitting, judging)]
    for name in ("dullrazor", "blackhat-inpaint"):
        for threshold in thresholds:
            method = Method(
                partial(METHODS[name].remove, threshold=threshold),
                partial(METHODS[name].find, threshold=threshold),
            )
            fitted, error = (_error(pictures, method) for pictures in sets)
            rows.append((name, float(threshold), fitted, error, *_pooled(sets[1], method)))
    columns = ["method", "threshold", "fitted", "error", "recall", "precision", "iou"]
    table = pd.DataFrame(rows, columns=columns)
    best = table.groupby("method")["fitted"].idxmin()
    return table.assign(best=table.index.isin(best))


def _structure(table: pd.DataFrame) -> pd.Series:
    """The group of STRUCTURES of each row; streaks come before a network."""
    kinds = pd.Series("neither", index=table.index)
    kinds[table["network"] != "none"] = "network"
    kinds[table["streaks"] != "none"] = "streaks"
    return kinds


def _judged(shot, method: Method) -> dict[str, float]:
    picture, truth, hair, lesion = shot.picture, shot.hair_free, shot.hair, shot.mask
    result = method.remove(picture)
    off = absolute_error(result, truth)
    clean = absolute_error(method.remove(truth), truth)
    scores = {
        "psnr": psnr(result, truth) if hair.any() else np.nan,
        "ssim": ssim(result, truth) if hair.any() else np.nan,
        "hair_error": _mean_of(off[hair]),
        "skin_error": _mean_of(off[~hair & ~lesion]),
        "lesion_error": _mean_of(off[~hair & lesion]),
        "clean_lesion_error": _mean_of(clean[lesion]),
    }
    found = method.find(picture) if method.find else None
    names = ("recall", "precision", "iou")
    if found is None or not hair.any():
        return scores | dict.fromkeys(names, np.nan)
    return scores | dict(zip(names, _detection(*_counts(found, hair)), strict=True))


def absolute_error(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean over channels of the absolute difference, float64 (h, w)."""
    return np.abs(first.astype(np.int16) - second).mean(axis=2)


def _counts(found: np.ndarray, hair: np.ndarray) -> tuple[int, int, int]:
    """Pixels found and hair, found only, hair only."""
    both = int((found & hair).sum())
    return both, int(found.sum()) - both, int(hair.sum()) - both


def _detection(both: int, only_found: int, only_hair: int) -> tuple[float, float, float]:
    recall = both / (both + only_hair) if both + only_hair else np.nan
    precision = both / (both + only_found) if both + only_found else np.nan
    together = both + only_found + only_hair
    return recall, precision, both / together if together else np.nan


def _pictures(collection: Collection, each: int) -> list[tuple[np.ndarray, ...]]:
    shots = [collection.source.rendering(image_id) for image_id in pick_by_hair(collection, each)]
    if not shots:
        raise DataError(f"{collection.name}: none of its pictures has hair; take more of them.")
    return [(shot.picture, shot.hair_free, shot.hair) for shot in shots]


def _error(pictures: Sequence[tuple[np.ndarray, ...]], method: Method) -> float:
    return float(
        np.mean([absolute_error(method.remove(one), truth).mean() for one, truth, _ in pictures])
    )


def _pooled(pictures, method: Method) -> tuple[float, float, float]:
    counts = np.sum([_counts(method.find(one), hair) for one, _, hair in pictures], axis=0)
    return _detection(*map(int, counts))


def _mean_of(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


def _wide(judged: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Images × methods, methods in their order."""
    order = list(dict.fromkeys(judged["method"]))
    return judged.pivot(index="image_id", columns="method", values=measure)[order]


def _mean(
    values: pd.Series, judged: pd.DataFrame, resamples: int, seed: int
) -> tuple[float, float, float, int]:
    """(mean, low, high, images) of what is known, resampling lesions."""
    known = values.dropna()
    if known.empty:
        return np.nan, np.nan, np.nan, 0
    groups = judged.drop_duplicates("image_id").set_index("image_id")["group"]
    codes = pd.factorize(groups.reindex(known.index))[0]
    numbers = known.to_numpy()
    draws = [
        weights @ numbers / weights.sum(axis=1)
        for weights in lesion_weights(codes, resamples, seed)
    ]
    low, high, _ = percentile_interval(np.concatenate(draws), 0.95)
    return float(numbers.mean()), low, high, len(numbers)
