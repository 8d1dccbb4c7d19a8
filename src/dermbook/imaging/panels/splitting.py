"""Composites as collections of their panels: each panel a row, with where it came from."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dermbook.data import Collection, ImageSource
from dermbook.errors import DataError
from dermbook.files import replacing, write_text
from dermbook.imaging.panels.boxes import Detect

#: JPEG quality of a panel that is cut out of a picture, for export
QUALITY = 95
#: columns that say where a panel came from
PROVENANCE = ("parent", "panel", "panels_found", "x0", "y0", "x1", "y1")


def find_panels(collection: Collection, detect: Detect) -> dict[str, np.ndarray]:
    """The panels of every picture by image id, int64 (k, 4); DataError where there is none."""
    found = {}
    for image_id in collection.ids:
        found[image_id] = _checked(detect(collection.image(image_id)), image_id)
    return found


def split_composites(
    collection: Collection, detect: Detect | Mapping[str, np.ndarray]
) -> Collection:
    """A collection of the panels; no pixel is copied, panels are cut out when they are asked for.

    detect: a detector, or the boxes it found by image id (``find_panels``). Picture ``ID`` becomes
    the rows ``ID-1``, ``ID-2`` … in reading order, a picture of one panel ``ID-1``. A row keeps its
    parent's label, group (so no split can part them) and other columns, and gains ``parent``,
    ``panel`` (from 1), ``panels_found`` and the box ``x0 y0 x1 y1`` in the parent's pixels.

    The source's ``image`` and ``mask`` are cut from the parent's. ``encoded`` is the parent's own
    file where the panel is the whole picture, else a JPEG of quality 95 made from it; so a file
    that is written and read again differs a little from ``image``.

    DataError for a collection that was split before, and for boxes that are not in the picture.
    """
    table = collection.table
    if taken := [column for column in PROVENANCE if column in table.columns]:
        raise DataError(f"{collection.name}: column {taken[0]!r} is there already; split it once.")
    found = find_panels(collection, detect) if callable(detect) else detect
    if missing := [image_id for image_id in collection.ids if image_id not in found]:
        raise DataError(f"{collection.name}: no boxes for image {missing[0]!r}.")
    places = []
    for image_id in collection.ids:
        boxes = _checked(found[image_id], image_id)
        for number, box in enumerate(boxes.tolist(), start=1):
            places.append((f"{image_id}-{number}", image_id, number, len(boxes), *box))
    columns = ["image_id", *PROVENANCE]
    origin = pd.DataFrame(places, columns=columns).set_index("image_id")
    rows = table.loc[origin["parent"]].set_index(origin.index)
    source = PanelSource(collection.source, origin)
    return replace(
        collection, name=f"{collection.name}-panels", table=rows.join(origin), source=source
    )


def write_panels(panels: Collection, folder: Path | str) -> Path:
    """Write the panels as ``folder/images/ID.jpg`` and, last, their table as ``panels.csv``.

    May be run again after a kill: files of the right bytes stay. Phantom only: DataError for a
    real collection, whose pictures the book does not write out, and for one that is not split.
    """
    if not panels.phantom:
        raise DataError(
            f"{panels.name}: pictures of patients are not written out; use the collection that "
            "split_composites gives as it is."
        )
    if "parent" not in panels.table.columns:
        raise DataError(f"{panels.name} has no panels; give what split_composites returns.")
    folder = Path(folder)
    for image_id in panels.ids:
        path, content = folder / "images" / f"{image_id}.jpg", panels.source.encoded(image_id)
        if not (path.is_file() and path.read_bytes() == content):
            with replacing(path) as temporary:
                temporary.write_bytes(content)
    write_text(folder / "panels.csv", panels.table.to_csv())
    return folder


class PanelSource:
    """Cuts panels out of another source's pictures. See ``ImageSource``.

    origin: indexed by panel id, with ``PROVENANCE``'s columns.
    """

    def __init__(self, source: ImageSource, origin: pd.DataFrame) -> None:
        self._source = source
        self._places = {
            name: (row.parent, (int(row.x0), int(row.y0), int(row.x1), int(row.y1)))
            for name, row in zip(origin.index, origin.itertuples(), strict=True)
        }

    def image(self, image_id: str) -> np.ndarray:
        """uint8 (y1 - y0, x1 - x0, 3), the parent's pixels in the box."""
        parent, box = self._place(image_id)
        return np.ascontiguousarray(_cut(self._source.image(parent), box, image_id))

    def mask(self, image_id: str) -> np.ndarray | None:
        """bool (y1 - y0, x1 - x0), the parent's mask in the box, None if it has none."""
        parent, box = self._place(image_id)
        mask = self._source.mask(parent)
        return None if mask is None else np.ascontiguousarray(_cut(mask, box, image_id))

    def encoded(self, image_id: str) -> bytes:
        """JPEG bytes of the panel; the parent's own file where the panel is all of it."""
        parent, box = self._place(image_id)
        picture = self._source.image(parent)
        if box == (0, 0, picture.shape[1], picture.shape[0]):
            return self._source.encoded(parent)
        panel = cv2.cvtColor(_cut(picture, box, image_id), cv2.COLOR_RGB2BGR)
        return cv2.imencode(".jpg", panel, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()

    def signature(self, image_id: str) -> str:
        """A hash of the parent's signature and the box; says nothing about what else is equal."""
        parent, box = self._place(image_id)
        recipe = f"panel 1 {QUALITY} {self._source.signature(parent)} {box}"
        return hashlib.sha256(recipe.encode()).hexdigest()

    def _place(self, image_id: str) -> tuple[str, tuple[int, int, int, int]]:
        try:
            return self._places[image_id]
        except KeyError:
            raise DataError(f"There is no panel {image_id!r}.") from None


def _cut(pixels: np.ndarray, box: tuple[int, int, int, int], image_id: str) -> np.ndarray:
    x0, y0, x1, y1 = box
    if x1 > pixels.shape[1] or y1 > pixels.shape[0]:
        raise DataError(
            f"Panel {image_id}: its box {box} is not inside a picture of "
            f"{pixels.shape[1]} x {pixels.shape[0]} pixels."
        )
    return pixels[y0:y1, x0:x1]


def _checked(boxes: np.ndarray, image_id: str) -> np.ndarray:
    boxes = np.asarray(boxes)
    fits = boxes.ndim == 2 and boxes.shape[1] == 4 and len(boxes) > 0
    if not fits or not np.issubdtype(boxes.dtype, np.integer):
        raise DataError(
            f"Image {image_id!r}: panels must be whole numbers (k, 4), k at least 1; they are "
            f"{boxes.dtype} {boxes.shape}."
        )
    if (boxes[:, :2] < 0).any() or (boxes[:, 2:] <= boxes[:, :2]).any():
        raise DataError(f"Image {image_id!r}: a box is empty or outside the picture.")
    return boxes
