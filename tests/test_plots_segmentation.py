"""The figures of the segmentation chapter: what they draw and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.contour import ContourSet
from matplotlib.text import Text

from dermbook import plots
from dermbook.errors import DataError


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def test_curves_have_a_panel_a_network_and_mark_the_kept_epoch():
    frame = pd.DataFrame(
        {"model": ["a"] * 3 + ["b"] * 2, "epoch": [1, 2, 3, 1, 2], "dice": 0.5,
         "val_dice": [0.4, 0.7, 0.6, 0.5, 0.55], "best": [False, True, False, False, True]}
    )  # fmt: skip
    figure = plots.dice_curves(frame, phantom=True)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]
    kept = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in kept] == [([2], [0.7])]
    assert "phantom data" in texts(figure)
    with pytest.raises(DataError, match="lacks val_dice"):
        plots.dice_curves(frame.drop(columns="val_dice"))


def test_the_chosen_decision_is_marked():
    frame = pd.DataFrame(
        {"threshold": [0.3, 0.5, 0.3, 0.5], "cleaned": [False, False, True, True],
         "dice": [0.7, 0.8, 0.75, 0.85], "dice_pooled": [0.7, 0.8, 0.7, 0.8],
         "chosen": [False, False, False, True]}
    )  # fmt: skip
    lines = plots.decision_curves(frame).axes[0].lines
    assert [list(line.get_ydata()) for line in lines] == [
        [0.7, 0.8], [0.75, 0.85], [0.7, 0.8], [0.85],
    ]  # fmt: skip


def test_ways_of_averaging_stand_on_and_above_the_curve():
    frame = pd.DataFrame(
        {"way": ["all pixels pooled", "R3, as reported"], "dice": [0.8, 0.8581],
         "iou": [2 / 3, 0.7515], "gap": [0.0, 0.002]}
    )  # fmt: skip
    pictures = pd.DataFrame({"dice": [0.5, 1.0], "iou": [1 / 3, 1.0]})
    left, right = plots.dice_against_iou(frame, pictures=pictures).axes
    curve = left.lines[0]
    assert np.interp(0.8, curve.get_xdata(), curve.get_ydata()) == pytest.approx(2 / 3, abs=1e-4)
    assert list(left.lines[1].get_ydata()) == [1 / 3, 1.0]
    drawn = [line.get_ydata()[0] for line in right.lines if line.get_marker() in "o*"]
    assert drawn == [0.0, 2.0]
    alone = plots.dice_against_iou(frame)
    assert len(alone.axes[0].lines) == 3


def test_pictures_and_their_medians_by_size():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"share": rng.random(50), "dice": rng.random(50)})
    cloud, medians = plots.size_and_dice(frame).axes[0].lines
    assert len(cloud.get_xdata()) == 50
    assert len(medians.get_xdata()) == 10


def test_outlines_are_two_lines_that_differ_in_more_than_colour():
    picture = np.full((20, 30, 3), 150, np.uint8)
    mask = np.zeros((20, 30), bool)
    mask[5:15, 8:20] = True
    items = [("one", picture, mask, ~mask), ("nothing found", picture, mask, mask & False)]
    figure = plots.mask_outlines(items, columns=2)
    assert "phantom data" in texts(figure)
    kinds = (ContourSet, LineCollection, PathCollection)
    outlines = [axes.findobj(lambda each: isinstance(each, kinds)) for axes in figure.axes]
    assert [len(found) for found in outlines] == [2, 1]
    first, second = outlines[0]
    assert first.get_linestyle() != second.get_linestyle()
    assert tuple(first.get_edgecolor()[0][:3]) == (1.0, 1.0, 1.0)
    with pytest.raises(DataError, match="no picture"):
        plots.mask_outlines([])
