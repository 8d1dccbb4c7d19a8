"""Figures of images with metadata: what they draw, and what they refuse."""

import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError


def scores():
    arms = ["image", "age alone", "image + age"]
    frame = pd.DataFrame({"images": "phantom", "arm": arms, "metric": "f1_micro"})
    more = pd.DataFrame({"images": "phantom-clinical", "arm": arms[:1], "metric": "f1_micro"})
    frame = pd.concat([frame, more], ignore_index=True)
    return frame.assign(value=[0.5, 0.2, 0.6, 0.3], low=0.1, high=0.7)


def test_scores_have_a_panel_a_collection_and_a_look_a_kind():
    figure = plots.input_scores(scores(), phantom=True)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["phantom", "phantom-clinical"]
    marks = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in marks] == [0.5, 0.2, 0.6]
    assert len({(line.get_color(), line.get_marker()) for line in marks}) == 3
    assert "phantom data" in [text.get_text() for text in figure.texts]
    with pytest.raises(DataError, match="no rows"):
        plots.input_scores(scores(), metric="f1_macro")
    with pytest.raises(DataError, match="images"):
        plots.input_scores(scores().drop(columns="images"))


def test_gains_that_are_not_shown_are_hollow():
    frame = scores().rename(columns={"arm": "comparison"}).iloc[:3]
    frame[["value", "low", "high"]] = [[0.1, 0.05, 0.2], [0.01, -0.1, 0.1], [-0.1, -0.2, -0.05]]
    axes = plots.input_gains(frame).axes[0]
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == "white" for line in marks] == [False, True, False]
    assert len({line.get_color() for line in marks}) == 3


def test_ways_stand_beside_the_share_of_the_largest_class():
    arms = ["CNN alone", "joined on image_id", "in-fold", "both out of step"]
    frame = pd.DataFrame({"arm": arms, "metric": "f1_micro", "value": [0.3, 0.5, 0.4, 0.1]})
    frame = frame.assign(low=0.05, high=0.6)
    axes = plots.stack_ways(frame.assign(largest=0.12), phantom=True).axes[0]
    assert not [x for x in plots.stack_ways(frame).axes[0].lines if x.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [0.12]
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert [line.get_color() == marks[2].get_color() for line in marks] == [
        False,
        False,
        True,
        True,
    ]
    assert axes.get_xlim()[0] == 0
