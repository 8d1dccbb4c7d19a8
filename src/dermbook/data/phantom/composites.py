"""Composite pictures: one to four panels of phantom photographs, whose boxes are known."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.phantom.composite_render import (
    COMPOSITE_VERSION,
    CompositeRendering,
    CompositeShot,
)
from dermbook.data.phantom.source import RenderedSource, check_shares, check_whole
from dermbook.errors import ParameterError

LICENCE = "CC-BY-4.0 (synthetic)"
CITATION = "The phantom composites of Dermbook (synthetic pictures of several panels)"
_ORDER = 250


def phantom_composites(
    images: int = 400,
    *,
    height: int = 96,
    width: int = 128,
    seed: int = 0,
    panels: Sequence[int] = (1, 2, 3, 4),
    single: float = 0.5,
) -> Collection:
    """A collection of pictures of one to four panels, with the panels' true boxes (R0 row 0.7).

    Parameters
    ----------
    images : number of pictures, at least three for each number of panels.
    height, width : size of every picture in pixels, 64..1024.
    seed : 0..2**32-1; another seed gives other pictures.
    panels : which numbers of panels occur, some of 1, 2, 3, 4.
    single : share of pictures of one panel, the negatives; the others share the rest equally.
        Without 1 in ``panels`` it means nothing, and where ``panels`` is (1,) it is 1.

    Returns
    -------
    A Collection named "phantom-composites". ``label`` is the number of panels as text; columns
    ``panels`` (int), ``layout`` ("single", "row", "column", "grid", "1+2", "1+3"), ``border``
    ("none", "thin", "white", "black"), ``caption`` ("none", "letters", "strip"), ``content``
    ("clinical", "dermoscopic", "both") and ``distractor`` ("none", or what strong edge a single
    picture shows: "ruler", "drape", "fold", "scope"). ``source.boxes(image_id)`` gives the panels.
    Every picture is a group of its own. Its content depends only on the seed, its number of panels,
    its number among those, and the size.

    Raises ParameterError naming the parameter that is out of range.
    """
    kinds = _check(images, height, width, seed, panels, single)
    shares = np.array([single if k == 1 else 1.0 - single * (1 in kinds) for k in kinds])
    several = sum(k > 1 for k in kinds)
    shares = np.array([s if k == 1 else s / several for s, k in zip(shares, kinds, strict=True)])
    counts = _counts(images, shares / shares.sum())
    shots = [
        CompositeShot(seed, kind, number, height, width)
        for kind, count in zip(kinds, counts, strict=True)
        for number in range(count)
    ]
    order = np.random.default_rng([seed, _ORDER]).permutation(len(shots))
    shots = [shots[k] for k in order]
    rows = []
    for shot in shots:
        rendering = CompositeRendering(shot)
        rows.append(
            {
                "label": str(shot.panels),
                "panels": shot.panels,
                "layout": rendering.layout.name,
                "border": rendering.layout.border,
                "caption": rendering.layout.caption,
                "content": rendering.content,
                "distractor": rendering.distractor,
            }
        )
    index = [f"PXI_{number:07d}" for number in range(len(shots))]
    table = pd.DataFrame(rows, index=index)
    table.insert(1, "group", [f"PXL_{number:07d}" for number in range(len(shots))])
    return Collection(
        name="phantom-composites",
        table=table,
        classes=tuple(str(kind) for kind in kinds),
        source=CompositePhantomSource(dict(zip(index, shots, strict=True))),
        phantom=True,
        licence=LICENCE,
        citation=CITATION,
    )


class CompositePhantomSource(RenderedSource):
    """Renders composites on demand, and knows their panels."""

    title = "The phantom composites have"
    recipe = f"phantom-composites {COMPOSITE_VERSION}"
    render = CompositeRendering

    def boxes(self, image_id: str) -> np.ndarray:
        """The panels in reading order, int64 (panels, 4): x0, y0, x1, y1 in pixels.

        Upper bounds are exclusive: panel k is ``image[y0:y1, x0:x1]``. Borders and caption strips
        belong to no panel.
        """
        return np.array(self.shot(image_id).layout.boxes, np.int64)


def _check(
    images: int, height: int, width: int, seed: int, panels: Sequence[int], single: float
) -> tuple[int, ...]:
    """The numbers of panels in ascending order; ParameterError names what is out of range."""
    try:
        kinds = tuple(sorted(set(panels)))
    except TypeError:
        kinds = ()
    if not kinds or not set(kinds) <= {1, 2, 3, 4}:
        raise ParameterError(f"panels={panels!r} must be some of 1, 2, 3 and 4.")
    whole = {"images": (images, 3 * len(kinds), 1_000_000), "height": (height, 64, 1024)}
    whole |= {"width": (width, 64, 1024), "seed": (seed, 0, 2**32 - 1)}
    check_whole(whole)
    check_shares({"single": single}, ends=False)
    return kinds


def _counts(images: int, shares: np.ndarray) -> list[int]:
    """Pictures a number of panels; the sum is ``images``, each at least three."""
    ideal = images * shares
    counts = np.maximum(np.floor(ideal), 3).astype(int)
    while counts.sum() < images:
        counts[np.argmax(ideal - counts)] += 1
    while counts.sum() > images:
        counts[np.argmax(counts)] -= 1
    return counts.tolist()
