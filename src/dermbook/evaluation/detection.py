"""How well boxes fit boxes: intersection over union, matching, precision, recall, and intervals.

A picture is the unit that is drawn again in the bootstrap: its boxes are found or missed together.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval, wilson

#: IoU from which a found box counts as the true one: the usual bar, and a strict one
BARS = (0.5, 0.75)
#: scores that ``detection_scores`` gives with a bootstrap over pictures
BOOTSTRAPPED = (
    *("precision_50", "recall_50", "f1_50"),
    *("precision_75", "recall_75", "f1_75"),
    "mean_iou",
)


def iou_matrix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with each other one, float64 (k, l), 0..1.

    first, second: (k, 4) and (l, 4) of x0, y0, x1, y1, upper bounds exclusive. DataError for
    another shape or a box without area.
    """
    first, second = _checked(first), _checked(second)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (high - low).clip(0).prod(axis=2)
    sizes = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return common / (sizes[0][:, None] + sizes[1][None, :] - common)


def match_boxes(
    truth: np.ndarray, found: np.ndarray, *, least: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of true and found boxes with an IoU of ``least`` or more, each box in one at most.

    As many pairs as possible, and of such choices the one whose IoUs sum highest (the assignment
    problem, Kuhn 1955). Returns positions in truth and in found, int64 (m,), and the IoUs (m,).
    """
    from scipy.optimize import linear_sum_assignment

    if not 0 < least <= 1:
        raise ParameterError(f"least: an IoU above 0 and up to 1, not {least}.")
    values = iou_matrix(truth, found)
    # one for being a pair at all, so that no sum of overlaps is worth losing a pair for
    gain = np.where(values >= least, values + min(values.shape, default=0) + 1, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    kept = gain[rows, columns] > 0
    rows, columns = rows[kept].astype(np.int64), columns[kept].astype(np.int64)
    return rows, columns, values[rows, columns]


def judge_boxes(truth: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row a picture: how many boxes there are, were found, and were right.

    truth, found: boxes (k, 4) by image id; ``found`` may hold further pictures. Index image_id;
    int64 ``truth``, ``found``, ``right_50``, ``right_75`` (pairs at either bar); float64
    ``iou_sum``, of the pairs at IoU 0.5. DataError for a picture that was not looked at.
    """
    rows = {}
    for image_id, boxes in truth.items():
        if image_id not in found:
            raise DataError(f"Image {image_id!r} was not given to the detector.")
        answers = found[image_id]
        loose, strict = (match_boxes(boxes, answers, least=bar)[2] for bar in BARS)
        rows[image_id] = (len(boxes), len(answers), len(loose), len(strict), float(loose.sum()))
    columns = ["truth", "found", "right_50", "right_75", "iou_sum"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("image_id")


def detection_scores(
    judged: pd.DataFrame, *, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Scores with intervals, in the columns of ``score``: metric, class, value, low, high, n,
    interval.

    judged: as ``judge_boxes`` gives it. Over all boxes: precision, recall and F1 at IoU 0.5 and
    0.75, and the mean IoU of the pairs (bootstrap over pictures). Over pictures (Wilson):
    ``exact``, pictures whose boxes are all right and no more; ``count_right``, composites with the
    right number of boxes; ``recognised``, composites that got more than one; ``false_alarms``,
    single pictures that got more than one. A score without any picture or box to count is NaN.
    """
    if not len(judged):
        raise DataError("detection_scores: no picture was judged.")
    values = _rates(_totals(judged, np.ones((1, len(judged)))))
    groups = np.arange(len(judged))
    draws: dict[str, list[np.ndarray]] = {name: [] for name in BOOTSTRAPPED}
    for weights in lesion_weights(groups, resamples, seed):
        for name, drawn in _rates(_totals(judged, weights)).items():
            draws[name].append(drawn)
    rows = []
    for name in BOOTSTRAPPED:
        low = high = np.nan
        if resamples:
            low, high, _ = percentile_interval(np.concatenate(draws[name]), level)
        how = f"bootstrap by picture, {resamples} resamples" if resamples else ""
        rows.append((name, "", float(values[name][0]), low, high, len(judged), how))
    for name, (right, count) in _counts(judged).items():
        low, high = wilson(right, count, level)
        rows.append((name, "", right / count if count else np.nan, low, high, count, "Wilson"))
    return pd.DataFrame(rows, columns=["metric", "class", "value", "low", "high", "n", "interval"])


def compare_detectors(
    first: pd.DataFrame,
    second: pd.DataFrame,
    *,
    metric: str = "f1_50",
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, float]:
    """The difference second - first of a bootstrapped score on the same pictures, with interval.

    Both are judged on the same resamples of pictures. Returns first, second, difference, low, high.
    DataError when the pictures differ, ParameterError for another metric.
    """
    if metric not in BOOTSTRAPPED:
        raise ParameterError(f"metric: {metric!r} is none of {', '.join(BOOTSTRAPPED)}.")
    if not first.index.equals(second.index):
        raise DataError("compare_detectors: the two were not judged on the same pictures.")
    once = np.ones((1, len(first)))
    ours, theirs = (float(_rates(_totals(j, once))[metric][0]) for j in (first, second))
    drawn = [
        np.subtract(*(_rates(_totals(judged, weights))[metric] for judged in (second, first)))
        for weights in lesion_weights(np.arange(len(first)), resamples, seed)
    ]
    low, high, _ = percentile_interval(np.concatenate(drawn), level)
    return {"first": ours, "second": theirs, "difference": theirs - ours, "low": low, "high": high}


def scores_by_kind(judged: pd.DataFrame, kinds: pd.Series) -> pd.DataFrame:
    """Recall and right counts for each kind of picture, in the kinds' order of frequency.

    kinds: by image id. Columns: kind, pictures, boxes, recall_50 and whole (pictures whose boxes
    are all found, and no others), each share with Wilson bounds (_low, _high); the bounds of
    recall take boxes as independent and are a little narrow.
    """
    kinds = kinds.reindex(judged.index)
    if kinds.isna().any():
        raise DataError(f"Image {kinds.index[kinds.isna()][0]!r} has no kind.")
    rows = []
    for kind in kinds.value_counts().index:
        part = judged[kinds == kind]
        exact = int(((part["right_50"] == part["truth"]) & (part["found"] == part["truth"])).sum())
        boxes = int(part["truth"].sum())
        row = {"kind": kind, "pictures": len(part), "boxes": boxes}
        row |= _share("recall_50", int(part["right_50"].sum()), boxes)
        rows.append(row | _share("whole", exact, len(part)))
    return pd.DataFrame(rows)


def corrected_share(called: float, sensitivity: float, false_alarms: float) -> float:
    """The share of composites behind a share of pictures called so (Rogan and Gladen 1978).

    Kept within 0..1; NaN where the detector is no better than chance (sensitivity ≤ false alarms).
    It holds only where both rates hold.
    """
    if sensitivity <= false_alarms:
        return float("nan")
    return float(np.clip((called - false_alarms) / (sensitivity - false_alarms), 0, 1))


def best_setting(curve: pd.DataFrame, *, metric: str = "exact") -> float:
    """The setting with the highest score, the middle one of equals.

    curve: columns ``setting`` and the metric, one row a setting.
    """
    best = curve.loc[curve[metric] == curve[metric].max(), "setting"].sort_values()
    return float(best.iloc[len(best) // 2])


def curve_of(settings: Sequence[float], judged: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One row a setting: setting, precision_50, recall_50, f1_50, f1_75, and the pictures' shares
    false_alarms, recognised, count_right, exact."""
    rows = []
    for setting, table in zip(settings, judged, strict=True):
        values = {
            k: float(v[0]) for k, v in _rates(_totals(table, np.ones((1, len(table))))).items()
        }
        shares = {k: r / n if n else np.nan for k, (r, n) in _counts(table).items()}
        row = {"setting": float(setting), **values, **shares}
        rows.append(row)
    columns = ["setting", "precision_50", "recall_50", "f1_50", "f1_75"]
    return pd.DataFrame(rows)[[*columns, "false_alarms", "recognised", "count_right", "exact"]]


def _checked(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise DataError(f"Boxes must be (k, 4): x0, y0, x1, y1; not {boxes.shape}.")
    if (boxes[:, 2:] <= boxes[:, :2]).any():
        raise DataError("A box has no area: x1 must lie beyond x0, and y1 beyond y0.")
    return boxes


def _totals(judged: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    return {name: weights @ judged[name].to_numpy(np.float64) for name in judged.columns}


def _rates(totals: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The bootstrapped scores of (r,) weighted totals."""
    values = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for bar in ("50", "75"):
            right = totals[f"right_{bar}"]
            values[f"precision_{bar}"] = right / totals["found"]
            values[f"recall_{bar}"] = right / totals["truth"]
            values[f"f1_{bar}"] = 2 * right / (totals["found"] + totals["truth"])
        values["mean_iou"] = totals["iou_sum"] / totals["right_50"]
    return values


def _counts(judged: pd.DataFrame) -> dict[str, tuple[int, int]]:
    several = judged["truth"] > 1
    split = judged["found"] > 1
    whole = (judged["right_50"] == judged["truth"]) & (judged["found"] == judged["truth"])
    return {
        "exact": (int(whole.sum()), len(judged)),
        "count_right": (
            int((judged["found"] == judged["truth"])[several].sum()),
            int(several.sum()),
        ),
        "recognised": (int(split[several].sum()), int(several.sum())),
        "false_alarms": (int(split[~several].sum()), int((~several).sum())),
    }


def _share(name: str, right: int, count: int) -> dict[str, float]:
    low, high = wilson(right, count)
    return {name: right / count if count else np.nan, f"{name}_low": low, f"{name}_high": high}
