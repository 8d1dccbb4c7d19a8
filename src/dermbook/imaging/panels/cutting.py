"""Cutting a picture into panels from side to side, again and again (recursive XY-cut).

Nagy and Seth (1984) cut pages of print so; here a rule says of each possible cut how likely it
separates two photographs.
"""

from collections.abc import Callable, Iterator

import numpy as np

from dermbook.imaging.panels.boxes import Box, as_boxes, at_full_size, whole_box, working_copy
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
    small, scale = working_copy(image)
    pixels = small.astype(np.float32)
    grey = pixels.mean(2)
    found = list(_panels(pixels, grey, trimmed(grey, _whole(grey)), rule, threshold, 0))
    found = [box for box in found if not is_paper(grey, box) and _large(box, grey.shape)]
    if not found:
        return whole_box(image)
    return at_full_size(as_boxes(found), scale, image)


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


def _panels(
    pixels: np.ndarray, grey: np.ndarray, box: Box, rule: Rule, threshold: float, depth: int
) -> Iterator[Box]:
    best = None
    if depth < DEEPEST:
        for axis, candidates in candidates_of(pixels, box):
            if len(candidates):
                ratings = rule(candidates)
                place = int(np.argmax(ratings))
                if ratings[place] >= threshold and (best is None or ratings[place] > best[0]):
                    cut = int(candidates.starts[place]), int(candidates.stops[place])
                    best = float(ratings[place]), axis, *cut
    if best is None:
        yield box
        return
    for side in sides(box, *best[1:]):
        yield from _panels(pixels, grey, trimmed(grey, side), rule, threshold, depth + 1)


def _whole(grey: np.ndarray) -> Box:
    return 0, 0, grey.shape[1], grey.shape[0]


def _large(box: Box, shape: tuple[int, int]) -> bool:
    return box[2] - box[0] >= SMALLEST * shape[1] and box[3] - box[1] >= SMALLEST * shape[0]
