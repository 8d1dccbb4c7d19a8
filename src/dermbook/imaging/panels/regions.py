"""Panels by segmentation: what the paper around them leaves, or blocks of like colour."""

from collections.abc import Sequence

import cv2
import numpy as np

from dermbook.imaging.panels.boxes import (
    Box,
    areas,
    as_boxes,
    at_full_size,
    checked_picture,
    overlap_share,
    whole_box,
    working_copy,
)
from dermbook.imaging.panels.margins import SMALLEST

#: blocks along the longer side into which a picture is cut for ``merged_blocks``
BLOCKS = 32
#: the least share of its bounding box that a region must fill, and of another it may cover
FILLED, COVERED = 0.5, 0.5


def flooded(image: np.ndarray, slack: float) -> np.ndarray:
    """The islands that stay dry when white or black paper is flooded from the picture's edges.

    image: uint8 (h, w, 3) RGB. slack: grey levels by which paper may differ from pure white or
    black in every channel. Flooding runs through neighbouring paper pixels, so a thin border is
    enough, and a white patch inside a photograph is not reached. int64 (k, 4), at least one box;
    the whole picture where no island is large enough.
    """
    small, scale = working_copy(checked_picture(image))
    height, width = small.shape[:2]
    light, dark = (small >= 255 - slack).all(2), (small <= slack).all(2)
    dry = np.ones((height, width), np.uint8)
    for paper in (light, dark):
        _, patches = cv2.connectedComponents(paper.astype(np.uint8), connectivity=4)
        edge = np.r_[patches[0], patches[-1], patches[:, 0], patches[:, -1]]
        dry[np.isin(patches, np.unique(edge[edge > 0]))] = 0
    _, _, stats, _ = cv2.connectedComponentsWithStats(dry, connectivity=4)
    return _panels(image, small, scale, _islands(stats, (height, width)))


def merged_blocks(image: np.ndarray, scale: float) -> np.ndarray:
    """Rectangles of like colour and texture: neighbouring blocks are merged while they differ less
    than their own regions do (Felzenszwalb and Huttenlocher 2004, on blocks instead of pixels).

    image: uint8 (h, w, 3) RGB. scale: how much a small region may differ from its neighbour and be
    merged all the same, in units of CIELAB: larger, fewer regions. int64 (k, 4), at least one box;
    the whole picture where no region is large and square enough.
    """
    return blocks_at(image, [scale])[0]


def blocks_at(image: np.ndarray, scales: Sequence[float]) -> list[np.ndarray]:
    """``merged_blocks`` at several scales, one array each."""
    small, reduced = working_copy(checked_picture(image))
    values, edges, side = _block_graph(small)
    answers = []
    for scale in scales:
        boxes = _rectangles(_merge(values, edges, scale))
        boxes = [tuple(round(edge * side) for edge in box) for box in boxes]
        large = [box for box in boxes if _large(box, small.shape[:2])]
        answers.append(_panels(image, small, reduced, large))
    return answers


def _rectangles(labels: np.ndarray) -> list[Box]:
    """Bounding boxes of the regions that fill enough of them, in blocks."""
    boxes = []
    for label in np.flatnonzero(np.bincount(labels.ravel()) >= 4):
        rows, columns = np.nonzero(labels == label)
        x0, y0, x1, y1 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        if len(rows) >= FILLED * (x1 - x0) * (y1 - y0):
            boxes.append((int(x0), int(y0), int(x1), int(y1)))
    return boxes


def _islands(stats: np.ndarray, shape: tuple[int, int]) -> list[Box]:
    boxes = []
    for x, y, w, h, area in stats[1:].tolist():
        box = (x, y, x + w, y + h)
        if area >= FILLED * w * h and _large(box, shape):
            boxes.append(box)
    return boxes


def _large(box: Box, shape: tuple[int, int]) -> bool:
    return box[2] - box[0] >= SMALLEST * shape[1] and box[3] - box[1] >= SMALLEST * shape[0]


def _panels(image: np.ndarray, small: np.ndarray, scale: float, boxes: Sequence[Box]) -> np.ndarray:
    """Boxes that lie in no larger one, in pixels of the picture; the whole picture if none."""
    if not boxes:
        return whole_box(image)
    found = as_boxes(boxes)
    found[:, 2] = found[:, 2].clip(max=small.shape[1])
    found[:, 3] = found[:, 3].clip(max=small.shape[0])
    found = found[np.argsort(-areas(found), kind="stable")]
    covered = np.triu(overlap_share(found, found).T, 1)  # [i, j]: share of j that larger i covers
    return at_full_size(as_boxes(found[covered.max(0) < COVERED]), scale, image)


def _block_graph(small: np.ndarray) -> tuple[np.ndarray, list[tuple[float, int, int]], float]:
    """Colour and texture of each block, float (rows, columns, 4); edges by weight; block side."""
    side = max(small.shape[:2]) / BLOCKS
    rows, columns = (max(2, round(length / side)) for length in small.shape[:2])
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    mean = cv2.resize(lab, (columns, rows), interpolation=cv2.INTER_AREA)
    square = cv2.resize(lab[..., 0] ** 2, (columns, rows), interpolation=cv2.INTER_AREA)
    texture = np.sqrt(np.maximum(square - mean[..., 0] ** 2, 0))
    values = np.dstack([mean, texture])
    number = np.arange(rows * columns).reshape(rows, columns)
    edges = []
    for shift, axis in ((1, 0), (1, 1)):
        apart = np.linalg.norm(np.diff(values, axis=axis), axis=2).ravel()
        first = number[:-shift].ravel() if axis == 0 else number[:, :-shift].ravel()
        second = number[shift:].ravel() if axis == 0 else number[:, shift:].ravel()
        edges += list(zip(apart.tolist(), first.tolist(), second.tolist(), strict=True))
    return values, sorted(edges), side


def _merge(values: np.ndarray, edges: list[tuple[float, int, int]], scale: float) -> np.ndarray:
    """Region number of each block, int (rows, columns)."""
    count = values.shape[0] * values.shape[1]
    parent, size, inner = list(range(count)), [1] * count, [0.0] * count

    def root(block: int) -> int:
        while parent[block] != block:
            parent[block] = parent[parent[block]]
            block = parent[block]
        return block

    for weight, first, second in edges:
        a, b = root(first), root(second)
        if a != b and weight <= min(inner[a] + scale / size[a], inner[b] + scale / size[b]):
            parent[b] = a
            size[a] += size[b]
            inner[a] = weight
    return np.array([root(block) for block in range(count)]).reshape(values.shape[:2])
