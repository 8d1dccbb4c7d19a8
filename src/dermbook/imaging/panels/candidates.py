"""Where a picture might be cut from side to side, and what speaks for and against each place.

Everything here looks for upright cuts; for level ones the picture is turned on its side.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dermbook.imaging.panels.margins import SMALLEST, tone_shares

#: grey levels that a step must exceed beyond what its surroundings show
STEP = 5.0
#: rows that move together in a photograph, so that of L rows only L / TIED count as evidence
TIED = 4.0
#: columns on either side of a step that it is compared with
NEAR = 6
#: the same in four groups, by their distance from the step
_AROUND = ((-6, -5, -4), (-3, -2), (2, 3), (4, 5, 6))
#: candidates kept of each kind
MOST = 6

#: what is known of a candidate; the columns of ``Candidates.features``
FEATURES = (
    "step",  # share of rows with a jump where the cut is (at the weaker side of a border)
    "stronger",  # the same at the stronger side
    "surprise",  # how unlikely so many jumps in one column are, by the other columns (log)
    "alone",  # jumps here against jumps in the columns around: low for a slanting edge
    "change",  # log of the colour change across against that within the sides
    "crossing",  # share of rows that change more across the cut than on either side
    "unlike",  # 1 - correlation of the two sides' rows: does the picture go on?
    "tone",  # how plain white or black the border is, 0 without one
    "width",  # log of the border's width, 0 without one
    "contrast",  # difference of the sides' mean colours, in grey levels, log
    "roughness",  # how textured the region is, log
    "balance",  # the smaller side's share of the region's width
    "length",  # log of the cut's length in pixels
)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Possible cuts of a region, in columns: what lies from ``start`` up to ``stop`` falls away.

    starts, stops: int64 (c,), equal where there is no border between the panels. features:
    float64 (c, 13), see ``FEATURES``.
    """

    starts: np.ndarray
    stops: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def column(self, name: str) -> np.ndarray:
        """One feature by name, float64 (c,)."""
        return self.features[:, FEATURES.index(name)]


def find_candidates(region: np.ndarray) -> Candidates:
    """The places where a region may be cut into left and right, at most ``3 * MOST``.

    region: float32 (h, w, 3), RGB, 0..255. Three kinds are proposed: runs of plain columns, single
    lines, and steps. Nothing is proposed that would leave a side narrower than 12 %.
    """
    height, width = region.shape[:2]
    least = max(6, round(SMALLEST * width))
    if width < 2 * least + 1 or height < 12:
        return Candidates(np.empty(0, int), np.empty(0, int), np.empty((0, len(FEATURES))))
    grey = region.mean(2)
    jumps = _jumps(region)
    share = jumps.mean(0)  # share[x]: rows with a jump between columns x - 1 and x
    plain = np.maximum(*tone_shares(grey, 0))
    cuts = _runs(plain, least) | _lines(grey, least) | _steps(share, least)
    cuts = sorted(cut for cut in cuts if least <= cut[0] and cut[1] <= width - least)
    measured = [_measure(region, grey, jumps, share, plain, *cut) for cut in cuts]
    starts, stops = np.array(cuts, dtype=np.int64).reshape(-1, 2).T
    return Candidates(starts, stops, np.array(measured).reshape(-1, len(FEATURES)))


def _jumps(region: np.ndarray) -> np.ndarray:
    """Is there a jump just left of each column? bool (h, w); the first column has none.

    A jump is a difference of neighbours that stands out among those around it in its own row: more
    than twice the median of four groups of them, and ``STEP`` on top.
    """
    change = np.abs(np.diff(region, axis=1)).max(2)
    padded = cv2.copyMakeBorder(change, 0, 0, NEAR, NEAR, cv2.BORDER_REFLECT_101)
    groups = [_mean_of(padded, shifts, change.shape[1]) for shifts in _AROUND]
    low, high = np.minimum(groups[0], groups[1]), np.maximum(groups[0], groups[1])
    lower, upper = np.minimum(groups[2], groups[3]), np.maximum(groups[2], groups[3])
    # the median of the four: another edge close by lies in one of them and is left out
    usual = (np.maximum(low, lower) + np.minimum(high, upper)) / 2
    return np.pad(change > 2 * usual + STEP, ((0, 0), (1, 0)))


def _mean_of(padded: np.ndarray, shifts: tuple[int, ...], count: int) -> np.ndarray:
    total = padded[:, NEAR + shifts[0] : NEAR + shifts[0] + count].copy()
    for shift in shifts[1:]:
        total += padded[:, NEAR + shift : NEAR + shift + count]
    return total / len(shifts)


def _runs(plain: np.ndarray, least: int) -> set[tuple[int, int]]:
    """Runs of plain columns, widest first."""
    inside = np.concatenate([[False], plain >= 0.9, [False]]).astype(np.int8)
    starts, stops = np.flatnonzero(np.diff(inside) == 1), np.flatnonzero(np.diff(inside) == -1)
    runs = [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
    runs = [(a, b) for a, b in runs if a >= least and b <= len(plain) - least]
    return set(sorted(runs, key=lambda run: run[0] - run[1])[:MOST])


def _lines(grey: np.ndarray, least: int) -> set[tuple[int, int]]:
    """Lines of one to three columns that are lighter (or darker) than both their sides."""
    found: list[tuple[float, int, int]] = []
    width = grey.shape[1]
    for thickness in (1, 2, 3):
        count = width - thickness - 3  # the line begins at column 2 at the earliest
        core = sum(grey[:, 2 + k : 2 + k + count] for k in range(thickness)) / thickness
        left, right = grey[:, :count], grey[:, thickness + 3 : thickness + 3 + count]
        lighter = np.count_nonzero((core > left + STEP) & (core > right + STEP), axis=0)
        darker = np.count_nonzero((core < left - STEP) & (core < right - STEP), axis=0)
        score = np.maximum(lighter, darker) / len(grey)
        found += [(float(score[p]), int(p) + 2, int(p) + 2 + thickness) for p in _peaks(score, 0.6)]
    inside = [
        (a, b) for _, a, b in sorted(found, reverse=True) if least <= a and b <= width - least
    ]
    return set(inside[:MOST])


def _steps(share: np.ndarray, least: int) -> set[tuple[int, int]]:
    inner = share.copy()
    inner[:least] = inner[len(share) - least + 1 :] = 0
    places = _peaks(inner, 0.25)
    best = places[np.argsort(-inner[places], kind="stable")][:MOST]
    return {(int(x), int(x)) for x in best}


def _peaks(values: np.ndarray, least: float) -> np.ndarray:
    """Positions that are no less than their neighbours and at least so high."""
    beside = np.concatenate([[-1.0], values, [-1.0]])
    return np.flatnonzero((values >= beside[:-2]) & (values > beside[2:]) & (values >= least))


def _measure(
    region: np.ndarray,
    grey: np.ndarray,
    jumps: np.ndarray,
    share: np.ndarray,
    plain: np.ndarray,
    start: int,
    stop: int,
) -> tuple[float, ...]:
    height, width = grey.shape
    first, second = _at(jumps, start), _at(jumps, stop)
    sides = sorted((first.mean(), second.mean()))
    near = np.r_[share[max(0, start - 5) : max(0, start - 1)], share[stop + 2 : stop + 6]]
    left, right = max(0, start - 2), min(width - 1, stop + 1)
    lag = max(2, min(right - left, left, width - 1 - right))
    across = np.abs(region[:, right] - region[:, left]).mean(1)
    before = np.abs(region[:, left] - region[:, max(0, left - lag)]).mean(1)
    after = np.abs(region[:, min(width - 1, right + lag)] - region[:, right]).mean(1)
    means = [region[:, max(0, start - 11) : left + 1], region[:, right : right + 10]]
    apart = np.abs(np.subtract(*(side.mean((0, 1)) for side in means))).max()
    return (
        sides[0],
        sides[1],
        _surprise(sides[0], float(np.median(share)), height, width),
        np.log((sides[1] + 0.02) / (near.max(initial=0.0) + 0.02)),
        np.log((across.mean() + 1) / ((before.mean() + after.mean()) / 2 + 1)),
        (across > np.maximum(before, after) + STEP).mean(),
        1 - _correlation(grey[:, left], grey[:, right]),
        float(plain[start:stop].mean()) if stop > start else 0.0,
        np.log1p(stop - start),
        np.log1p(apart),
        np.log1p(np.abs(np.diff(grey, axis=1)).mean()),
        min(start, width - stop) / width,
        np.log(height),
    )


def _at(jumps: np.ndarray, column: int) -> np.ndarray:
    """Jumps at a column or, blurred by compression, right beside it; bool (h,)."""
    return jumps[:, max(0, column - 1) : column + 2].any(1)


def _surprise(share: float, usual: float, rows: int, columns: int) -> float:
    """Minus the log of a bound on how probable this share is by chance in any of the columns.

    Chernoff's bound for a binomial of rows / TIED independent rows, times the number of columns.
    """
    usual = min(max(usual, 0.02), 0.5)
    share = min(share, 1 - 1e-9)
    if share <= usual:
        return 0.0
    bits = share * np.log(share / usual) + (1 - share) * np.log((1 - share) / (1 - usual))
    return max(0.0, rows / TIED * float(bits) - np.log(columns))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first - first.mean(), second - second.mean()
    norm = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / norm) if norm > 1e-6 else 0.0
