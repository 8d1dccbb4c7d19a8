"""How panels are laid out on one picture: boxes, borders, captions. Pure geometry."""

from dataclasses import dataclass

import numpy as np

Generator = np.random.Generator
Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels; x1 and y1 are just outside

LAYOUTS = {  # by number of panels: name -> odds
    1: {"single": 1.0},
    2: {"row": 0.6, "column": 0.4},
    3: {"row": 0.4, "column": 0.15, "1+2": 0.45},
    4: {"grid": 0.65, "row": 0.15, "1+3": 0.20},
}
BORDERS = {"none": 0.30, "thin": 0.25, "white": 0.27, "black": 0.18}
CAPTIONS = {"none": 0.50, "letters": 0.30, "strip": 0.20}
SINGLE_BORDERS = {"none": 0.75, "thin": 0.05, "white": 0.12, "black": 0.08}
SINGLE_CAPTIONS = {"none": 0.65, "letters": 0.10, "strip": 0.25}
SMALLEST = 20  # pixels; a layout with a narrower panel gives way to a plainer one


@dataclass(frozen=True)
class Layout:
    """Where the panels of one picture lie.

    ``boxes`` are the panels, reading order; ``tone`` is the grey level of borders and strip;
    ``strip`` the caption strip, or None.
    """

    name: str
    boxes: tuple[Box, ...]
    border: str
    caption: str
    tone: int
    strip: Box | None


def draw_layout(rng: Generator, panels: int, height: int, width: int) -> Layout:
    """A layout of one to four panels on a picture of this size; equal or unequal panels."""
    name = _pick(rng, LAYOUTS[panels])
    border = _pick(rng, SINGLE_BORDERS if panels == 1 else BORDERS)
    caption = _pick(rng, SINGLE_CAPTIONS if panels == 1 else CAPTIONS)
    dice, jitter = rng.random(6), rng.normal(0, 1, 8)
    gap = {"none": 0, "thin": 1 + int(height >= 160)}.get(
        border, max(2, round((0.015 + 0.035 * dice[0]) * height))
    )
    margin = gap if panels == 1 or dice[1] < 0.4 else 0
    tone = {"white": 250, "black": 6}.get(border, 250 if dice[2] < 0.6 else 6)
    area = [margin, margin, width - margin, height - margin]
    strip = None
    if caption == "strip":
        band = max(7, round((0.08 + 0.05 * dice[3]) * height))
        if dice[4] < 0.75:
            strip = (0, height - band, width, height)
            area[3] = height - band
        else:
            strip = (0, 0, width, band)
            area[1] = band
    spread = 0.0 if dice[5] < 0.5 else 0.22  # every other picture has panels of equal size
    boxes = _split(name, tuple(area), gap, panels, spread * jitter)
    if min(min(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes) < SMALLEST:
        name = {1: "single", 2: "row", 3: "1+2", 4: "grid"}[panels]
        boxes = _split(name, tuple(area), gap, panels, 0.0 * jitter)
    return Layout(name, tuple(boxes), border, caption, tone, strip)


def _pick(rng: Generator, odds: dict[str, float]) -> str:
    return str(rng.choice(list(odds), p=list(odds.values())))


def _split(name: str, area: Box, gap: int, panels: int, jitter: np.ndarray) -> list[Box]:
    if name == "single":
        return [area]
    if name == "row":
        return _cut(area, gap, panels, jitter, "x")
    if name == "column":
        return _cut(area, gap, panels, jitter, "y")
    if name == "grid":
        rows = _cut(area, gap, 2, jitter, "y")
        return [box for row in rows for box in _cut(row, gap, 2, jitter[2:], "x")]
    # "1+2", "1+3": one large panel beside a column (or above a row) of small ones
    upright = area[3] - area[1] > area[2] - area[0] or jitter[6] > 0.8
    first, second = ("y", "x") if upright else ("x", "y")
    share = np.array([0.5, -0.5]) * (0.6 + 0.3 * np.tanh(jitter[7]))
    large, rest = _cut(area, gap, 2, share, first)
    return [large, *_cut(rest, gap, panels - 1, jitter, second)]


def _cut(area: Box, gap: int, parts: int, jitter: np.ndarray, axis: str) -> list[Box]:
    """Cut an area into parts along an axis, ``gap`` pixels apart, sizes by exp(jitter)."""
    x0, y0, x1, y1 = area
    start, stop = (x0, x1) if axis == "x" else (y0, y1)
    weights = np.exp(np.clip(jitter[:parts], -0.6, 0.6))
    edges = np.concatenate([[0], np.cumsum(weights) / weights.sum()])
    free = stop - start - gap * (parts - 1)
    marks = start + np.rint(free * edges).astype(int)
    boxes = []
    for k in range(parts):
        low, high = int(marks[k]) + gap * k, int(marks[k + 1]) + gap * k
        boxes.append((low, y0, high, y1) if axis == "x" else (x0, low, x1, high))
    return boxes
