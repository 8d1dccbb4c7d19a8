"""One style for every figure of the book: an opaque, near-white card with large letters.

Pages are read on phones and in dark mode, by readers with any colour vision. So: letters of 10 pt
and more on a figure 7 inches wide, a background that stays light, the Okabe–Ito colours (Okabe and
Ito 2008), one colour a class through the whole book, and a difference in dash or marker wherever a
colour carries meaning.
"""

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermbook.errors import DataError

#: width of a figure in inches, and the smallest letter in points
WIDTH = 7.0
MIN_FONT = 10.0

CARD, INK, QUIET, GRID = "#fcfcf9", "#1f2328", "#5c6167", "#dcdcd6"
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, GREY, BLACK = "#56B4E9", "#CC79A7", "#7A7A7A", "#000000"
#: for things that are not classes: models, parts, scores
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY, BLACK)
#: for filled areas of categories, light enough to write on (Tol 2021, "light")
FILLS = ("#77AADD", "#EE8866", "#EEDD88", "#44BB99", "#FFAABB", "#99DDFF", "#BBCC33", "#AAAA00")
OTHER_FILL = "#D4D4D4"
#: parts of a split, and the curves of training and validation
PART_COLOURS = {"train": ORANGE, "validation": BLUE, "test": GREEN}
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "v", "P", "X", "D", "*")

CLASS_COLOURS = {
    "mel": VERMILLION,
    "nv": BLUE,
    "bcc": ORANGE,
    "akiec": PURPLE,
    "bkl": GREEN,
    "df": SKY,
    "vasc": GREY,
    "malignant": VERMILLION,
    "benign": BLUE,
    "macro": BLACK,
}
CLASS_NAMES = {
    "mel": "melanoma",
    "nv": "naevus",
    "bcc": "basal cell carcinoma",
    "akiec": "actinic keratosis",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "vasc": "vascular lesion",
}
METRIC_NAMES = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "f1_micro": "F1, micro",
    "f1_macro": "F1, macro",
    "f1_weighted": "F1, weighted",
    "f1_macro_batches": "F1, macro, mean of batches",
    "precision_macro": "precision, macro",
    "recall_macro": "recall, macro",
    "specificity_macro": "specificity, macro",
    "ece": "calibration error",
    "brier": "Brier score",
    "cohen_kappa": "Cohen’s κ",
    "mcc": "Matthews correlation",
}

STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so figures are alike everywhere
    "font.size": 11.0,
    "axes.labelsize": 11.0,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "figure.facecolor": CARD,
    "axes.facecolor": CARD,
    "savefig.facecolor": CARD,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    # letters as outlines: an SVG then looks alike on a machine without the font
    "svg.fonttype": "path",
    "svg.hashsalt": "dermbook",
}


@contextmanager
def use_style() -> Iterator[None]:
    """Matplotlib's settings as the book wants them, inside the block only."""
    with mpl.rc_context(STYLE):
        yield


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Run a drawing function in the book's style; ``phantom=True`` then tags the figure.

    The figure never meets pyplot, so a notebook shows it once, and none stays open.
    """

    @functools.wraps(draw)
    def drawing(*arguments, phantom: bool = False, **options) -> Figure:
        with use_style():
            figure = draw(*arguments, **options)
            if phantom:
                tag_phantom(figure)
            # one pass of the layout is an estimate; the file's own drawing then refines it
            figure.draw_without_rendering()
        return figure

    return drawing


def canvas(height: float = 4.0, rows: int = 1, columns: int = 1, **options) -> tuple:
    """(figure, axes) on the card: 7 inches wide, ``height`` inches high, nothing overlapping."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.09, h_pad=0.09)
    axes = figure.subplots(rows, columns, **options)
    for each in np.ravel(axes):
        # set here: ticks are made when drawn, when these settings are no longer in force
        each.tick_params(labelsize=STYLE["font.size"] - 0.5, colors=QUIET, labelcolor=INK, length=3)
    return figure, axes


def tag_phantom(figure: Figure) -> None:
    """Write *phantom data* in a strip of its own below the drawing."""
    height = 0.34
    figure.set_figheight(figure.get_figheight() + height)
    strip = height / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, strip, 1, 1 - strip))
    figure.text(
        0.99,
        strip * 0.42,
        "phantom data",
        ha="right",
        va="center",
        fontsize=MIN_FONT,
        color=VERMILLION,
        fontweight="bold",
        bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": VERMILLION},
    )


def svg(figure: Figure) -> str:
    """The figure as SVG text, the same for the same drawing (no date, no random names)."""
    with use_style():
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def png(figure: Figure, *, dpi: int = 150) -> bytes:
    """The figure as PNG bytes, the same for the same drawing."""
    with use_style():
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return stream.getvalue()


def checked(
    frame: pd.DataFrame, figure: str, *, text: Iterable[str] = (), numbers: Iterable[str] = ()
) -> pd.DataFrame:
    """A copy with these columns as text and as float64; optional others stay as they are.

    A series read back from a Record holds None for a missing number: that becomes NaN.
    DataError names the columns that are missing or not numbers, and says when there is no row.
    """
    text, numbers = list(text), list(numbers)
    missing = [column for column in [*text, *numbers] if column not in frame.columns]
    if missing:
        raise DataError(
            f"{figure}: the table lacks {', '.join(missing)}; it has "
            f"{', '.join(map(str, frame.columns)) or 'no columns'}."
        )
    if frame.empty:
        raise DataError(f"{figure}: the table has no rows, so there is nothing to draw.")
    frame = frame.reset_index(drop=True).copy()
    for column in numbers:
        try:
            frame[column] = pd.to_numeric(frame[column]).astype("float64")
        except (TypeError, ValueError):
            raise DataError(
                f"{figure}: column {column} holds something that is not a number."
            ) from None
    for column in text:
        frame[column] = frame[column].astype("object").map(str)
    return frame


def optional_numbers(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The frame with these columns as float64, NaN throughout where there is no such column."""
    frame = frame.copy()
    for column in columns:
        values = frame[column] if column in frame.columns else np.nan
        frame[column] = pd.to_numeric(pd.Series(values, index=frame.index)).astype("float64")
    return frame


def class_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour a class: the book's own for its classes, else the palette in order."""
    free = [colour for colour in SERIES if colour != BLACK]
    unknown = [name for name in names if name not in CLASS_COLOURS]
    extra = {name: free[position % len(free)] for position, name in enumerate(unknown)}
    return {name: CLASS_COLOURS.get(name) or extra[name] for name in names}


def class_label(name: str) -> str:
    """``naevus (nv)`` for the codes of HAM10000, any other name as it is."""
    return f"{CLASS_NAMES[name]} ({name})" if name in CLASS_NAMES else name


def metric_label(name: str) -> str:
    """``balanced accuracy`` for ``balanced_accuracy``."""
    return METRIC_NAMES.get(name, name.replace("_", " "))


def short(value: float, digits: int = 3) -> str:
    """``.631`` for 0.6312, ``1.000``, ``–`` for NaN: as papers print proportions."""
    if pd.isna(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and not text.startswith("1") else text


def in_order(values: Iterable[str]) -> list[str]:
    """Different values in the order in which they first appear."""
    return list(dict.fromkeys(values))


def grid(axes: Axes, axis: str = "y") -> None:
    """Light lines to read values from, along one axis or both."""
    axes.grid(axis=axis)
    if axis in ("x", "y"):
        axes.tick_params(axis="x" if axis == "y" else "y", length=0)


def labelled_rows(axes: Axes, labels: Sequence[str]) -> None:
    """One label a row, the first on top, with light lines to read values from."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    grid(axes, "x")


def beside_row(axes: Axes, y: float, text: str) -> None:
    """A few words on the right of a row."""
    axes.annotate(
        text, (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
        textcoords="offset points", va="center", fontsize=MIN_FONT,
    )  # fmt: skip


def count_axis(axes: Axes, axis: str, label: str) -> None:
    """A light-lined axis of counts, thousands apart."""
    scale = axes.xaxis if axis == "x" else axes.yaxis
    scale.set_major_formatter("{x:,.0f}")
    scale.set_label_text(label)
    grid(axes, axis)


def ink_on(colour: tuple[float, float, float]) -> str:
    """White or ink, whichever stands out more on a colour (RGB, 0 to 1; WCAG 2 contrast)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return INK if luminance > 0.21 else "white"


def legend_above(figure: Figure, handles=None, columns: int = 4) -> None:
    """One legend above everything, never over the data."""
    handles = handles or figure.axes[0].get_legend_handles_labels()[0]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(columns, len(handles)),
        columnspacing=1.4,
    )
