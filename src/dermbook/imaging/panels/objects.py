"""Panels by object detection, as R0 tried (row 0.7): each object that is found becomes a picture.

The book ships no detector's weights. ``object_detector`` runs a YOLO network that the reader has
(an ONNX file); ``standing_out`` is what OpenCV finds without any network.
"""

from pathlib import Path

import cv2
import numpy as np

from dermbook.errors import DataError, ParameterError
from dermbook.imaging.panels.boxes import (
    Detect,
    areas,
    as_boxes,
    at_full_size,
    checked_picture,
    overlap_share,
    whole_box,
    working_copy,
)
from dermbook.paths import weights_dir

#: grey value around a letterboxed picture, as the published networks were trained
PADDING = 114
#: the share of the picture that a region may cover and still stand out
_MOST = 0.9


def cropped_objects(image: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """R0's rule: where two or more objects are found each is a picture, else the whole one is.

    objects: (k, 4) boxes in the picture. R0's Figure 11 shows both ways in which it fails: a panel
    without an object is lost, and two objects in one photograph cut it in two.
    """
    return as_boxes(objects) if len(objects) >= 2 else whole_box(image)


def standing_out(image: np.ndarray, least: float) -> np.ndarray:
    """R0's rule on whatever stands out from its surroundings, of whatever class.

    image: uint8 (h, w, 3) RGB. Proposed are maximally stable regions of the grey picture (MSER,
    Matas et al. 2002), which have soft edges in OpenCV, and what closed contours of sharp edges
    surround (Canny 1986); of at least the share ``least`` and at most 90 % of the picture. Of
    those that overlap, the largest stays. int64 (k, 4), at least one box.
    """
    small, scale = working_copy(checked_picture(image))
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < 8:
        return whole_box(image)  # MSER needs some room
    boxes = np.vstack([_stable(grey, least), _surrounded(grey)])
    sizes = areas(boxes)
    boxes = boxes[(sizes >= least * grey.size) & (sizes <= _MOST * grey.size)]
    boxes = boxes[np.argsort(-areas(boxes), kind="stable")]
    kept: list[int] = []
    for place in range(len(boxes)):
        if not kept or overlap_share(boxes[[place]], boxes[kept]).max() < 0.3:
            kept.append(place)
    objects = at_full_size(boxes[kept], scale, image) if kept else boxes
    return cropped_objects(image, objects)


def _stable(grey: np.ndarray, least: float) -> np.ndarray:
    finder = cv2.MSER_create(5, max(20, round(least * grey.size / 2)), round(_MOST * grey.size))
    return _corners(finder.detectRegions(grey)[1])


def _surrounded(grey: np.ndarray) -> np.ndarray:
    edges = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 1), 40, 120)
    edges = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    return _corners([cv2.boundingRect(contour) for contour in contours])


def _corners(found: object) -> np.ndarray:
    """Boxes of x, y, width, height as x0, y0, x1, y1."""
    boxes = np.array(found, dtype=np.int64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def yolo_file() -> Path | None:
    """The reader's own network, ``DERMBOOK_WEIGHTS/yolo*.onnx`` (the first by name), or None."""
    folder = weights_dir()
    found = sorted(folder.glob("yolo*.onnx")) if folder else []
    return found[0] if found else None


def object_detector(
    path: Path | str,
    *,
    side: int = 640,
    confidence: float = 0.25,
    overlap: float = 0.45,
    layout: str = "auto",
) -> Detect:
    """A detector from a YOLO network in an ONNX file, followed by R0's rule.

    The file must take one RGB picture (1, 3, side, side) in 0..1 and give what YOLOv5 to v11
    exports give (``decode_yolo``); YOLOv3 re-exported by those tools is of that kind. Darknet's own
    .cfg and .weights are no longer read by OpenCV 5. confidence: the least score of an object.
    overlap: IoU from which the weaker of two boxes of one class is dropped.

    DataError when there is no such file, or OpenCV cannot read it as a network.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"{path} is not there. Export a YOLO network to ONNX, put it into the folder that "
            "DERMBOOK_WEIGHTS names, as yolo….onnx."
        )
    try:
        network = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise DataError(f"{path} cannot be read as an ONNX network ({error.err}).") from None

    def detect(image: np.ndarray) -> np.ndarray:
        picture, scale, corner = letterboxed(checked_picture(image), side)
        blob = picture.astype(np.float32).transpose(2, 0, 1)[None] / 255
        network.setInput(np.ascontiguousarray(blob))
        boxes, scores, classes = decode_yolo(network.forward(), layout=layout, least=confidence)
        boxes = (boxes - np.tile(corner, 2)) / scale
        kept = suppressed(boxes, scores, classes, overlap)
        objects = at_full_size(boxes[kept], 1.0, image) if len(kept) else boxes[kept]
        return cropped_objects(image, objects)

    return detect


def letterboxed(image: np.ndarray, side: int) -> tuple[np.ndarray, float, np.ndarray]:
    """The picture scaled into a grey square: uint8 (side, side, 3), the scale, and its corner x, y.

    Proportions stay; the picture lies in the middle.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    corner = np.array([(side - size[0]) // 2, (side - size[1]) // 2])
    square = np.full((side, side, 3), PADDING, np.uint8)
    x, y = corner
    square[y : y + size[1], x : x + size[0]] = cv2.resize(image, size)
    return square, scale, corner


def decode_yolo(
    output: np.ndarray, *, layout: str = "auto", least: float = 0.25
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, scores and classes from a network's output, those with a score of ``least`` or more.

    output: "v5": (1, n, 5 + classes), each row centre x, y, width, height in pixels of the square,
    objectness, class scores; the score is objectness times the best class. "v8": (1, 4 + classes,
    n), no objectness. "auto" takes the longer axis for n (networks give thousands of boxes).
    Returns float64 (k, 4) x0, y0, x1, y1, float64 (k,), int64 (k,).

    ParameterError for another layout, DataError for an output of another shape.
    """
    if layout not in ("auto", "v5", "v8"):
        raise ParameterError(f"layout: {layout!r} is none of auto, v5, v8.")
    table = np.asarray(output, dtype=np.float64)
    if table.ndim != 3 or table.shape[0] != 1:
        raise DataError(
            f"The network gives {table.shape}, not the (1, n, 5 + classes) of YOLOv5 or the "
            "(1, 4 + classes, n) of YOLOv8. Export it without its own suppression of boxes."
        )
    table = table[0]
    if layout == "auto":
        layout = "v5" if table.shape[0] >= table.shape[1] else "v8"
    table = table if layout == "v5" else table.T
    first = 5 if layout == "v5" else 4
    if table.shape[1] <= first:
        raise DataError(f"The network gives {table.shape[1]} numbers a box, and no class scores.")
    classes = table[:, first:].argmax(1)
    scores = table[:, first:].max(1) * (table[:, 4] if layout == "v5" else 1)
    kept = scores >= least
    centre, half = table[kept, :2], table[kept, 2:4] / 2
    return np.hstack([centre - half, centre + half]), scores[kept], classes[kept]


def suppressed(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, overlap: float
) -> np.ndarray:
    """Positions of the boxes that stay when, of two of one class with an IoU above ``overlap``,
    the weaker goes; best first, int64."""
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        rivals = [other for other in kept if classes[other] == classes[place]]
        if not rivals or _iou(boxes[place], boxes[rivals]).max() <= overlap:
            kept.append(int(place))
    return np.array(kept, dtype=np.int64)


def _iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = (high - low).clip(0).prod(1)
    sizes = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return common / np.maximum(sizes - common, 1e-9)
