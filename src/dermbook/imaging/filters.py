"""The filters by name: R0's recipes and ours, composed, and ready for the image cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.imaging.contrast import clahe_lab, clahe_rgb
from dermbook.imaging.cropping import crop_to_lesion
from dermbook.imaging.hair import blackhat_inpaint, dullrazor
from dermbook.imaging.smoothing import denoise, median_blur

if TYPE_CHECKING:
    from dermbook.data import Transform

Function = Callable[[np.ndarray], np.ndarray]
#: part of the names of caches: raise it when a filter below gives other pixels
VERSION = 1


@dataclass(frozen=True)
class Filter:
    """A recipe: its name, its function (uint8 in, uint8 out, same shape), and whose row it is."""

    name: str
    function: Function
    description: str
    row: str

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The filtered pictures: uint8 (h, w, 3) or (n, h, w, 3), as they came."""
        return self.function(images)


def compose(*filters: Function) -> Function:
    """One filter after the other, the first one first. ParameterError if there is none."""
    if not filters:
        raise ParameterError("compose: give at least one filter.")
    return lambda images: reduce(lambda so_far, step: step(so_far), filters, images)


def named(name: str) -> Filter:
    """A filter of ``FILTERS``; ParameterError with the names there are."""
    if name not in FILTERS:
        raise ParameterError(f"There is no filter {name!r}; there are: {', '.join(FILTERS)}.")
    return FILTERS[name]


def chosen(names: Sequence[str]) -> list[str]:
    """The names as they are, each checked; all there are for ``["all"]``."""
    return list(FILTERS) if list(names) == ["all"] else [named(name).name for name in names]


def filter_table() -> pd.DataFrame:
    """All filters: filter, what it does, row."""
    rows = [(each.name, each.description, each.row) for each in FILTERS.values()]
    return pd.DataFrame(rows, columns=["filter", "what it does", "row"])


def as_transform(name: str) -> "Transform":
    """A filter for ``cached_images(…, transform=…)``: applied at the stored size, then resized."""
    from dermbook.data.cache import Transform

    return Transform(named(name).name, VERSION, named(name).function)


_r0_first = partial(clahe_rgb, clip=2.0, tiles=(7, 7))
_RECIPES: Sequence[tuple[str, Function, str, str]] = (
    ("clahe-rgb-2", _r0_first, "CLAHE of R, G and B, clip 2, 7×7 tiles", "0.4"),
    ("clahe-lab-3", partial(clahe_lab, clip=3.0), "CLAHE of L, clip 3, 8×8 tiles", "0.4"),
    # "enhanced" (R0, figure 5) is taken to name the outcome, not a further step
    ("clahe-lab-5", partial(clahe_lab, clip=5.0), "CLAHE of L, clip 5, 8×8 tiles", "0.4"),
    (
        "clahe-lab-2-global",
        partial(clahe_lab, clip=2.0, tiles=(1, 1)),
        "CLAHE of L, clip 2, one tile",
        "0.4",
    ),
    ("median", median_blur, "median of a window of 5 pixels at 290", "0.5"),
    ("dullrazor", dullrazor, "DullRazor as published", "0.5"),
    ("blackhat-inpaint", blackhat_inpaint, "black-hat, threshold, inpainting", "0.5"),
    ("clahe-median", compose(_r0_first, median_blur), "CLAHE of R, G, B, then median", "0.5"),
    (
        "clahe-dullrazor",
        compose(_r0_first, dullrazor),
        "CLAHE of R, G, B, then DullRazor",
        "0.5",
    ),
    ("denoise", denoise, "non-local means, strength 3", "1.17"),
    ("crop", crop_to_lesion, "the lesion by Otsu's threshold, with a margin", "0.17"),
)
FILTERS: dict[str, Filter] = {recipe[0]: Filter(*recipe) for recipe in _RECIPES}
