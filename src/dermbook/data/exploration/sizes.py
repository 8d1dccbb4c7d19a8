"""Image sizes, and which one size to bring them all to.

R0 chose 290×192 pixels, "found by searching the images for the size of the smallest 5 %" (row
0.14). A size has two sides, so that sentence can be read in several ways; here are three, each
with what it would cost: how many images would have to be enlarged.
"""

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.errors import DataError, ParameterError


def stored_sizes(collection: Collection) -> pd.DataFrame:
    """Width and height of every image in pixels, int64, index image_id.

    Uses the collection's ``width`` and ``height`` columns where the importer kept them, else
    decodes every image.
    """
    table = collection.table
    if {"width", "height"} <= set(table.columns):
        return table[["width", "height"]].astype("int64")
    shapes = [collection.image(image_id).shape for image_id in collection.ids]
    return pd.DataFrame(
        {"width": [shape[1] for shape in shapes], "height": [shape[0] for shape in shapes]},
        index=table.index,
    )


def size_table(collection: Collection) -> pd.DataFrame:
    """Image sizes as stored. Columns: width, height (pixels), count, percent; commonest first."""
    sizes = stored_sizes(collection)
    counts = sizes.value_counts().rename("count").reset_index()
    counts["percent"] = 100 * counts["count"] / len(sizes)
    return counts


def size_rules(sizes: pd.DataFrame, *, share: float = 0.05) -> pd.DataFrame:
    """ "The size of the smallest 5 %", read in three ways.

    sizes: width and height in pixels, one row an image. share: 0..1, exclusive. One row a reading:
    *each side* takes the quantile of the widths and that of the heights; *area* the image at that
    rank by area; *shorter side* the quantile of the shorter sides, with the commonest orientation
    and the median proportions. Columns: reading, width, height (pixels, rounded down), and the
    shares (0..1) of images that would be ``enlarged`` on at least one side, and on ``both``.

    Raises ParameterError for a share outside 0..1, DataError for no images.
    """
    if not 0 < share < 1:
        raise ParameterError(f"share: must lie between 0 and 1, not {share}.")
    if sizes.empty:
        raise DataError("size_rules: there are no images to measure.")
    width, height = sizes["width"].to_numpy(), sizes["height"].to_numpy()
    rank = int(np.floor(share * (len(sizes) - 1)))
    by_area = np.argsort(width * height, kind="stable")[rank]
    shorter = np.quantile(np.minimum(width, height), share)
    proportion = np.median(np.maximum(width, height) / np.minimum(width, height))
    sides = (proportion * shorter, shorter)
    readings = {
        "each side": (np.quantile(width, share), np.quantile(height, share)),
        "area": (width[by_area], height[by_area]),
        "shorter side": sides if (width >= height).mean() >= 0.5 else sides[::-1],
    }
    rows = [{"reading": name, **_cost(sizes, *size)} for name, size in readings.items()]
    return pd.DataFrame(rows)


def size_figure_table(sizes: pd.DataFrame, *, share: float = 0.05, step: int = 8) -> pd.DataFrame:
    """The sizes of all images in steps of ``step`` pixels, and those of ``size_rules``.

    Columns: reading (empty for images), width, height (pixels), count (1 for a rule). Small
    enough for a Record however many sizes there are.
    """
    binned = (sizes // step * step).value_counts().rename("count").reset_index()
    rules = size_rules(sizes, share=share)[["reading", "width", "height"]]
    frames = [binned.assign(reading=""), rules.assign(count=1)]
    return pd.concat(frames, ignore_index=True)[["reading", "width", "height", "count"]]


def size_cost(sizes: pd.DataFrame, width: int, height: int) -> dict[str, float]:
    """What bringing all images to one size means.

    width, height: the size, in pixels; ``enlarged`` and ``both``: shares of images with at least
    one side smaller than that, and both.
    """
    if min(width, height) < 1:
        raise ParameterError(f"size: must be at least 1×1 pixel, not {width}×{height}.")
    return _cost(sizes, width, height)


def shape_table(sizes: pd.DataFrame) -> pd.DataFrame:
    """Images by orientation. Columns: orientation, count, percent, ratio (median width/height)."""
    ratio = sizes["width"] / sizes["height"]
    orientation = np.select([ratio > 1, ratio < 1], ["landscape", "portrait"], "square")
    rows = []
    for name in ("landscape", "portrait", "square"):
        of_kind = ratio[orientation == name]
        rows.append(
            {
                "orientation": name,
                "count": len(of_kind),
                "percent": 100 * len(of_kind) / max(len(ratio), 1),
                "ratio": of_kind.median(),
            }
        )
    return pd.DataFrame(rows)


def _cost(sizes: pd.DataFrame, width: float, height: float) -> dict[str, float]:
    width, height = int(width), int(height)
    narrow, low = sizes["width"] < width, sizes["height"] < height
    return {
        "width": width,
        "height": height,
        "enlarged": float((narrow | low).mean()),
        "both": float((narrow & low).mean()),
    }
