"""Cutting a picture into panels from side to side, again and again (recursive XY-cut).

Nagy and Seth (1984) cut pages of print so; here a rule says of each possible cut how likely it
separates two photographs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dermbook.imaging.panels.boxes import (
    Box,
    as_boxes,
    at_full_size,
    checked_picture,
    whole_box,
    working_copy,
)
from dermbook.imaging.panels.candidates import Candidates, find_candidates
from dermbook.imaging.panels.margins import SMALLEST, is_paper, trimmed

#: says of each candidate how likely it is a cut, float64 (c,), 0..1
Rule = Callable[[Candidates], np.ndarray]

#: cuts in a row, one inside the other
DEEPEST = 4


def cut_panels(image: np.ndarray, rule: Rule, threshold: float) -> np.ndarray:
    """The panels of a picture, int64 (k, 4) in reading order, at least one.

    image: uint8 (h, w, 3) RGB. In every region the candidate that ``rule`` rates highest is cut, if
    that reaches ``threshold``, and the two sides are looked at again. Borders and captions around a
    region fall away; a region that is nothing else is no panel.
    """
    return cut_at(image, rule, [threshold])[0]


def cut_at(image: np.ndarray, rule: Rule, thresholds: Sequence[float]) -> list[np.ndarray]:
    """``cut_panels`` at several thresholds, for the work of the lowest: one array a threshold.

    The best cut of a region does not depend on the threshold, so the cuts of a higher one are the
    tree of a lower one, pruned.
    """
    small, scale = working_copy(checked_picture(image))
    pixels = small.astype(np.float32)
    grey = pixels.mean(2)
    tree = _grow(pixels, grey, trimmed(grey, _whole(grey)), rule, min(thresholds), 0)
    answers = []
    for threshold in thresholds:
        found = [box for box in _leaves(tree, threshold) if _is_panel(grey, box)]
        boxes = as_boxes(found)
        answers.append(at_full_size(boxes, scale, image) if found else whole_box(image))
    return answers


def candidates_of(pixels: np.ndarray, box: Box) -> list[tuple[str, Candidates]]:
    """Upright ("x") and level ("y") candidates of a region, positions counted from its corner."""
    x0, y0, x1, y1 = box
    region = pixels[y0:y1, x0:x1]
    return [("x", find_candidates(region)), ("y", find_candidates(region.transpose(1, 0, 2)))]


def sides(box: Box, axis: str, start: int, stop: int) -> tuple[Box, Box]:
    """The two boxes that a cut leaves of a box; start and stop counted from its corner."""
    x0, y0, x1, y1 = box
    if axis == "x":
        return (x0, y0, x0 + start, y1), (x0 + stop, y0, x1, y1)
    return (x0, y0, x1, y0 + start), (x0, y0 + stop, x1, y1)


@dataclass(frozen=True)
class _Region:
    """A region, and the rating of its best cut with the two sides that it leaves, if any."""

    box: Box
    rating: float = -1.0
    parts: tuple["_Region", ...] = ()


def _grow(
    pixels: np.ndarray, grey: np.ndarray, box: Box, rule: Rule, lowest: float, depth: int
) -> _Region:
    best = None
    for axis, candidates in candidates_of(pixels, box) if depth < DEEPEST else ():
        if len(candidates):
            ratings = rule(candidates)
            place = int(np.argmax(ratings))
            if ratings[place] >= lowest and (best is None or ratings[place] > best[0]):
                cut = int(candidates.starts[place]), int(candidates.stops[place])
                best = float(ratings[place]), axis, *cut
    if best is None:
        return _Region(box)
    parts = (
        _grow(pixels, grey, trimmed(grey, side), rule, lowest, depth + 1)
        for side in sides(box, *best[1:])
    )
    return _Region(box, best[0], tuple(parts))


def _leaves(region: _Region, threshold: float) -> Iterator[Box]:
    if not region.parts or region.rating < threshold:
        yield region.box
        return
    for part in region.parts:
        yield from _leaves(part, threshold)


def _whole(grey: np.ndarray) -> Box:
    return 0, 0, grey.shape[1], grey.shape[0]


def _is_panel(grey: np.ndarray, box: Box) -> bool:
    """Large enough for a photograph, and not just paper?"""
    wide, high = box[2] - box[0], box[3] - box[1]
    large = wide >= SMALLEST * grey.shape[1] and high >= SMALLEST * grey.shape[0]
    return large and not is_paper(grey, box)
