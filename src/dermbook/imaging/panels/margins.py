"""What lies around panels: plain borders, and strips with a caption."""

import numpy as np

from dermbook.imaging.panels.boxes import Box

#: grey levels from which a plain border counts as white, and to which as black
WHITE, BLACK = 236.0, 20.0
#: how far a pixel may lie from a border's tone; JPEG compression rings beside edges
SLACK = 18.0
#: shares of a border line, and of a caption line, that must have the tone
PLAIN, LINED = 0.97, 0.55
#: a caption is at most so much of a region, and no panel at least so little
CAPTION, SMALLEST = 0.25, 0.12


def trimmed(grey: np.ndarray, box: Box) -> Box:
    """A region without the plain white or black border and the captions around its content.

    grey: float (h, w), 0..255, of the whole picture. Sides are shortened while their outermost line
    is plain; then above and below, a band most of whose pixels have the tone of paper (white or
    black) and that ends where the tone does, at once, is a caption. The box comes back as it is if
    nothing would be left.
    """
    x0, y0, x1, y1 = _without_border(grey, box)
    for _ in range(2):  # a border may lie between caption and panel
        top, bottom = _caption_rows(grey[y0:y1, x0:x1])
        if not top and not bottom:
            break
        x0, y0, x1, y1 = _without_border(grey, (x0, y0 + top, x1, y1 - bottom))
    return (x0, y0, x1, y1) if x1 - x0 >= 2 and y1 - y0 >= 2 else box


def plain_lines(grey: np.ndarray, axis: int) -> np.ndarray:
    """Which columns (axis 0) or rows (axis 1) are plain white or black; bool."""
    white, black = tone_shares(grey, axis)
    return np.maximum(white, black) >= PLAIN


def tone_shares(grey: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of white and of black pixels along each column (axis 0) or row (axis 1)."""
    return (grey >= WHITE - SLACK / 2).mean(axis), (grey <= BLACK + SLACK / 2).mean(axis)


def is_paper(grey: np.ndarray, box: Box) -> bool:
    """Is a region plain paper, perhaps with letters, rather than a photograph?"""
    x0, y0, x1, y1 = box
    region = grey[y0:y1, x0:x1]
    tone = max((region >= WHITE - SLACK / 2).mean(), (region <= BLACK + SLACK / 2).mean())
    return bool(tone >= 0.9)


def _without_border(grey: np.ndarray, box: Box) -> Box:
    x0, y0, x1, y1 = box
    for _ in range(4):  # sides that were cut make others plain; more than twice is not seen
        before = x0, y0, x1, y1
        first, last = _content(plain_lines(grey[y0:y1, x0:x1], 0))
        x0, x1 = x0 + first, x0 + last
        first, last = _content(plain_lines(grey[y0:y1, x0:x1], 1))
        y0, y1 = y0 + first, y0 + last
        if before == (x0, y0, x1, y1):
            break
    return x0, y0, x1, y1


def _content(plain: np.ndarray) -> tuple[int, int]:
    """From the first line that is not plain up to after the last; two lines in the middle if all
    are plain."""
    inside = np.flatnonzero(~plain)
    if not len(inside):
        return len(plain) // 2 - 1, len(plain) // 2 + 1
    return int(inside[0]), int(inside[-1]) + 1


def _caption_rows(grey: np.ndarray) -> tuple[int, int]:
    """Rows of a caption at the top and at the bottom of a region, 0 where there is none."""
    white, black = tone_shares(grey, 1)
    return tuple(
        max(_band(shares[order]) for shares in (white, black))
        for order in (slice(None), slice(None, None, -1))
    )


def _band(shares: np.ndarray) -> int:
    """Length of the band at the start whose lines have the tone, if it ends abruptly."""
    outside = np.flatnonzero(shares < LINED)
    length = int(outside[0]) if len(outside) else len(shares)
    if length < 4 or length > CAPTION * len(shares):
        return 0
    after = shares[length + 1 : length + 4]
    # writing comes and goes; the edge of a photograph stays
    abrupt = len(after) and after.max() < 0.3 and shares[:length].max() >= PLAIN
    return length if abrupt else 0
