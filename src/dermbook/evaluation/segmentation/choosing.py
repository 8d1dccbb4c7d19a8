"""From a map of numbers to a mask: a threshold, and what is left after cleaning, both chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from dermbook.errors import DataError
from dermbook.evaluation.segmentation.overlap import dice, pixel_counts

#: probabilities tried as thresholds on the validation part
THRESHOLDS = tuple(round(0.1 + 0.05 * step, 2) for step in range(17))


@dataclass(frozen=True)
class Decision:
    """How a map becomes a mask. cleaned: keep the largest patch, its holes filled."""

    threshold: float = 0.5
    cleaned: bool = False

    def masks(self, maps: np.ndarray) -> np.ndarray:
        """bool (n, height, width) of float maps of that shape: lesion at or above the threshold."""
        found = maps >= self.threshold
        return np.stack([largest_patch(mask) for mask in found]) if self.cleaned else found


def largest_patch(mask: np.ndarray) -> np.ndarray:
    """The patch with most pixels (neighbours are eight), its holes filled: bool (height, width).

    The photographs show one lesion each. An empty mask stays empty.
    """
    count, patches, about, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return np.zeros_like(mask)
    largest = patches == 1 + int(np.argmax(about[1:, cv2.CC_STAT_AREA]))
    # what cannot be reached from outside the picture, by neighbours of four, is a hole
    rest = np.pad(~largest, 1, constant_values=True).astype(np.uint8)
    _, regions = cv2.connectedComponents(rest, connectivity=4)
    return (regions != regions[0, 0])[1:-1, 1:-1]


def decision_table(
    maps: np.ndarray,
    truth: np.ndarray,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    cleaned: Sequence[bool] = (False, True),
) -> pd.DataFrame:
    """Scores of every decision: threshold, cleaned, dice (mean over pictures), dice_pooled.

    maps: float (n, height, width); truth: bool of that shape. For the validation part.
    """
    if maps.shape != truth.shape:
        raise DataError(f"maps of {maps.shape} do not fit masks of {truth.shape}.")
    rows = []
    for clean in cleaned:
        for threshold in thresholds:
            counts = pixel_counts(truth, Decision(threshold, clean).masks(maps))
            pooled = float(dice(*counts.sum(axis=0)))
            rows.append((float(threshold), bool(clean), dice(*counts.T).mean(), pooled))
    return pd.DataFrame(rows, columns=["threshold", "cleaned", "dice", "dice_pooled"])


def best_decision(table: pd.DataFrame) -> Decision:
    """The decision with the highest mean Dice; of equals the plain one, then the middle one."""
    best = table[table["dice"] == table["dice"].max()]
    best = best[best["cleaned"] == best["cleaned"].min()].sort_values("threshold")
    row = best.iloc[len(best) // 2]
    return Decision(float(row["threshold"]), bool(row["cleaned"]))
