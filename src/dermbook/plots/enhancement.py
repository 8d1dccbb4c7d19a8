"""Figures of image filters: what equalisation does, hair removed, speed, effect on a classifier."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermbook.errors import DataError
from dermbook.plots.data import image_grid
from dermbook.plots.style import (
    BLUE,
    GREY,
    INK,
    MARKERS,
    MIN_FONT,
    ORANGE,
    QUIET,
    SERIES,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    metric_label,
    styled,
)

if TYPE_CHECKING:
    from dermbook.data import Collection

Draw = Callable[..., Figure]
_METHODS = ("untouched", "median", "dullrazor", "blackhat-inpaint")
_MEASURES = {
    "hair_error": "error on hair pixels, grey levels",
    "lesion_error": "error on the lesion’s other pixels, grey levels",
    "skin_error": "error on the skin’s other pixels, grey levels",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
}


def of_phantom(draw: Draw) -> Draw:
    """A figure of what only the phantom can measure: tagged whatever else the chapter used."""

    @wraps(draw)
    def drawing(*arguments, phantom: bool = True, **options) -> Figure:
        return draw(*arguments, phantom=True, **options)

    return drawing


def equalisation(collection: "Collection", image_id: str) -> Figure:
    """One phantom picture, plain, equalised, and by CLAHE of L; below each the values of L.

    DataError for a real collection: pictures of patients are never drawn.
    """
    _check_phantom(collection, "equalisation")
    return _equalisation(collection.image(image_id), phantom=True)


def filter_gallery(collection: "Collection", ids: Sequence[str], names: Sequence[str]) -> Figure:
    """Phantom pictures before and after filters: a column a picture and a row a filter.

    Of a single picture, the filters fill rows of four.
    DataError for a real collection.
    """
    from dermbook.imaging.filters import named

    _check_phantom(collection, "filter_gallery")
    pictures = [collection.image(image_id) for image_id in ids]
    images, titles = list(pictures), ["as it is"] * len(ids)
    for name in names:
        images += [named(name)(picture) for picture in pictures]
        titles += [name] * len(ids)
    return image_grid(images, titles, columns=len(ids) if len(ids) > 1 else 4, phantom=True)


def hair_gallery(collection: "Collection", ids: Sequence[str]) -> Figure:
    """Phantom pictures with hair, what two removers find and make of it, and the truth.

    One row a picture; DataError for a real collection.
    """
    from dermbook.imaging.hair import blackhat_inpaint, blackhat_mask, dullrazor, dullrazor_mask

    _check_phantom(collection, "hair_gallery")
    images, titles = [], []
    for image_id in ids:
        shot = collection.source.rendering(image_id)
        picture = shot.picture
        images += [picture, _drawn(dullrazor_mask(picture)), dullrazor(picture), shot.hair_free]
        images += [_drawn(shot.hair), _drawn(blackhat_mask(picture)), blackhat_inpaint(picture)]
        images += [_gap(picture)]
        titles += ["with hair", "DullRazor: found", "DullRazor: result", "never had hair"]
        titles += ["where hair is", "short: found", "short: result", ""]
    return image_grid(images, titles, columns=4, phantom=True)


@of_phantom
@styled
def removal_scores(frame: pd.DataFrame, *, measures: Sequence[str] = tuple(_MEASURES)) -> Figure:
    """Measures of hair removal, one block each, a row a method, with 95 % intervals.

    frame: method, measure, value, low, high.
    """
    frame = checked(
        frame, "removal_scores", text=["method", "measure"], numbers=["value", "low", "high"]
    )
    frame = frame[frame["measure"].isin(measures)]
    if frame.empty:
        raise DataError(f"removal_scores: the table has none of {', '.join(measures)}.")
    shown = [measure for measure in measures if (frame["measure"] == measure).any()]
    heights = [0.75 + 0.24 * (frame["measure"] == measure).sum() for measure in shown]
    figure, panels = canvas(sum(heights) + 0.3, len(shown), 1, squeeze=False, height_ratios=heights)
    for axes, measure in zip(panels[:, 0], shown, strict=True):
        rows = frame[frame["measure"] == measure]
        _dots(axes, rows["method"], rows, [_colour(name) for name in rows["method"]])
        axes.set_title(_MEASURES.get(measure, metric_label(measure)), fontweight="normal")
    return figure


@of_phantom
@styled
def method_groups(frame: pd.DataFrame, *, group: str, label: str) -> Figure:
    """A value of each method in each group, with 95 % intervals, a block a group.

    frame: the column ``group``, method, value, low, high; n is written beside the group if there.
    label: of the value's axis, with its unit.
    """
    frame = checked(
        frame, "method_groups", text=[group, "method"], numbers=["value", "low", "high"]
    )
    groups, methods = in_order(frame[group]), in_order(frame["method"])
    step = len(methods) + 0.8
    figure, axes = canvas(1.2 + 0.24 * step * len(groups))
    names = []
    for place, name in enumerate(groups):
        rows = frame[frame[group] == name]
        names.append(f"{name}, n = {rows['n'].iloc[0]:,.0f}" if "n" in rows else name)
        for row in rows.itertuples():
            position = methods.index(row.method)
            y = place * step + position
            colour, marker = _colour(row.method), MARKERS[position % len(MARKERS)]
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.4)
            axes.plot([row.value], [y], marker, color=colour, markersize=7)
    axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_yticks(np.arange(len(groups)) * step + (len(methods) - 1) / 2, names)
    axes.set_ylim(len(groups) * step - 0.6, -0.8)
    axes.set_xlabel(f"{label}, 95 % interval")
    grid(axes, "x")
    for position, method in enumerate(methods):
        axes.plot(
            [], [], MARKERS[position % len(MARKERS)], linestyle="-", linewidth=2.4,
            color=_colour(method), markersize=7, label=method,
        )  # fmt: skip
    legend_above(figure, columns=3)
    return figure


@of_phantom
@styled
def threshold_curves(frame: pd.DataFrame) -> Figure:
    """Error of both hair removers by threshold, where it was chosen (dashed) and where judged.

    frame: method, threshold, fitted, error (grey levels), best (the threshold that was chosen).
    """
    frame = checked(
        frame, "threshold_curves", text=["method"], numbers=["threshold", "fitted", "error"]
    )
    figure, axes = canvas(3.4)
    for method in in_order(frame["method"]):
        rows = frame[frame["method"] == method].sort_values("threshold")
        colour, marker = _colour(method), MARKERS[_METHODS.index(method) % len(MARKERS)]
        axes.plot(rows["threshold"], rows["fitted"], "--", color=colour, linewidth=1.6)
        axes.plot(rows["threshold"], rows["error"], marker=marker, color=colour, label=method)
        best = rows[rows["best"].astype(bool)]
        axes.plot(
            best["threshold"], best["error"], marker, markersize=14,
            markerfacecolor="none", markeredgecolor=INK,
        )  # fmt: skip
    axes.set_xlabel("threshold, grey levels")
    axes.set_ylabel("mean error, grey levels")
    axes.set_ylim(bottom=0)
    grid(axes)
    legend_above(figure)
    return figure


@styled
def filter_speed(frame: pd.DataFrame) -> Figure:
    """Time to read a picture with each filter, as a multiple of reading it without.

    frame: filter, images_per_second, ratio. The axis is logarithmic; images a second stand beside.
    """
    frame = checked(frame, "filter_speed", text=["filter"], numbers=["images_per_second", "ratio"])
    frame = frame[frame["filter"] != "plain"].sort_values("ratio", kind="stable")
    if frame.empty:
        raise DataError("filter_speed: the table has no filter.")
    figure, axes = canvas(1.0 + 0.3 * len(frame))
    axes.barh(range(len(frame)), frame["ratio"] - 1, left=1, color=BLUE, height=0.66)
    for y, row in enumerate(frame.itertuples()):
        axes.annotate(
            f"{row.images_per_second:,.0f} images/s", (1, y),
            xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=MIN_FONT,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}×")
    axes.set_yticks(range(len(frame)), frame["filter"])
    axes.invert_yaxis()
    axes.set_xlabel("time to decode, filter and resize, over that to decode and resize")
    grid(axes, "x")
    return figure


@styled
def filter_effects(frame: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """What each filter adds to a classifier's score: a row a filter, a block a learner.

    frame: learner, filter, metric, off, on, value, low, high (95 %), low_all, high_all (all
    together, thin), verdict. DataError when there is no row of ``metric``.
    """
    frame = checked(
        frame,
        "filter_effects",
        text=["learner", "filter", "metric", "verdict"],
        numbers=["off", "on", "value", "low", "high", "low_all", "high_all"],
    )
    frame = frame[frame["metric"] == metric]
    if frame.empty:
        raise DataError(f"filter_effects: the table has no row of {metric}.")
    learners = in_order(frame["learner"])
    figure, axes = canvas(1.1 + 0.3 * (len(frame) + 1.3 * len(learners)))
    y, ticks, labels = 0.0, [], []
    for learner in learners:
        rows = frame[frame["learner"] == learner]
        axes.annotate(
            f"{learner} (without a filter {rows['off'].iloc[0]:.3f})", (0, y),
            xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
            va="center", fontweight="bold", fontsize=11,
        )  # fmt: skip
        for row in rows.itertuples():
            y += 1
            colour, marker = _VERDICTS.get(row.verdict, (GREY, "o"))
            axes.plot([row.low_all, row.high_all], [y, y], color=colour, linewidth=1.2)
            axes.plot([row.low, row.high], [y, y], color=colour, linewidth=3.2)
            axes.plot([row.value], [y], marker, color=colour, markersize=7.5)
            axes.annotate(
                f"{row.value:+.3f}  {row.verdict}", (1, y), xycoords=("axes fraction", "data"),
                xytext=(6, 0), textcoords="offset points", va="center", fontsize=MIN_FONT,
            )  # fmt: skip
            ticks.append(y)
            labels.append(row.filter)
        y += 1.3
    axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.6, -0.7)
    axes.set_xlabel(f"{metric_label(metric)}: with filter − without")
    axes.margins(x=0.06)
    grid(axes, "x")
    return figure


_VERDICTS = {"gain": (BLUE, "^"), "harm": (VERMILLION, "v"), "no difference shown": (GREY, "o")}


@styled
def _equalisation(image: np.ndarray) -> Figure:
    import cv2

    from dermbook.imaging.contrast import clahe_lab, equalise

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = equalise(np.ascontiguousarray(lab[..., 0]))
    pictures = {
        "as it is": image,
        "equalised": cv2.cvtColor(lab, cv2.COLOR_LAB2RGB),
        "CLAHE, clip 3": clahe_lab(image),
    }
    figure, panels = canvas(3.9, 2, 3, height_ratios=(1.35, 1), sharey="row")
    for column, (title, picture) in enumerate(pictures.items()):
        top, bottom = panels[0, column], panels[1, column]
        top.imshow(picture)
        top.set_title(title, fontsize=MIN_FONT, fontweight="normal", loc="center")
        top.set_xticks([])
        top.set_yticks([])
        top.spines[:].set_visible(False)
        lightness = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 0].ravel()
        share = 100 * np.histogram(lightness, 32, (0, 256))[0] / lightness.size
        bottom.bar(np.arange(32) * 8 + 4, share, width=8, color=ORANGE)
        ranks = np.cumsum(np.bincount(lightness, minlength=256)) / lightness.size
        twin = bottom.twinx()
        twin.plot(ranks * 100, color=BLUE, linewidth=1.8)
        twin.set_ylim(0, 101)
        twin.tick_params(labelsize=MIN_FONT, labelcolor=BLUE, length=0)
        if column < 2:
            twin.set_yticklabels([])
        else:
            twin.set_ylabel("as dark or darker, %", color=BLUE, fontsize=MIN_FONT)
        bottom.set_xlim(0, 256)
        bottom.set_xticks([0, 128, 255])
        bottom.set_xlabel("lightness L")
    panels[1, 0].set_ylabel("pixels, %")
    return figure


def _dots(axes, names: Sequence[str], rows: pd.DataFrame, colours: Sequence[str]) -> None:
    for y, (row, colour) in enumerate(zip(rows.itertuples(), colours, strict=True)):
        axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.6)
        axes.plot([row.value], [y], MARKERS[y % len(MARKERS)], color=colour, markersize=7.5)
        axes.annotate(
            f"{row.value:.3g} ({row.low:.3g} to {row.high:.3g})", (1, y),
            xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=MIN_FONT,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), list(names))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    grid(axes, "x")


def _colour(method: str) -> str:
    if method == "untouched":
        return GREY
    position = _METHODS.index(method) - 1 if method in _METHODS else len(_METHODS)
    return SERIES[position % len(SERIES)]


def _drawn(mask: np.ndarray) -> np.ndarray:
    """A mask as a picture: hair black on a light ground."""
    return np.repeat(np.where(mask, 30, 235).astype(np.uint8)[..., None], 3, axis=2)


def _gap(picture: np.ndarray) -> np.ndarray:
    """A picture of the card's colour, to leave a place of a grid empty."""
    return np.broadcast_to(np.array([252, 252, 249], np.uint8), picture.shape)


def _check_phantom(collection: "Collection", figure: str) -> None:
    if not collection.phantom:
        raise DataError(
            f"{figure}: only phantom pictures are drawn, and {collection.name} is real."
        )
