"""The figures of the chapter on ensembles: what they draw and what they refuse."""

import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError
from dermbook.plots.style import INK


def curve():
    rows = [
        (curve, part, members, 0.5 + 0.01 * members - (part == "test") * 0.1)
        for curve in ("greedy, chosen one by one", "mean of the best")
        for part in ("validation", "test")
        for members in (1, 2, 3)
    ]
    frame = pd.DataFrame(rows, columns=["curve", "part", "members", "value"])
    # validation is best after two in the first panel
    frame.loc[2, "value"] = 0.505
    return frame


def test_a_panel_a_curve_and_the_chosen_number_marked():
    figure = plots.member_curves(curve(), phantom=True)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "greedy, chosen one by one",
        "mean of the best",
    ]
    chosen = [
        line.get_xdata()[0]
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() == "D" and line.get_color() == INK
    ]
    assert chosen == [2, 3]
    assert "phantom data" in [text.get_text() for text in figure.texts]
    with pytest.raises(DataError, match="lacks members"):
        plots.member_curves(curve().drop(columns="members"))
    with pytest.raises(DataError, match="no rows"):
        plots.member_curves(curve().iloc[:0])


def test_optimism_has_a_line_a_way_and_ticks_at_the_counts():
    rows = [
        (way, models, 0.01 * position * models, 0.001)
        for position, way in enumerate(("mean of all", "best one", "greedy ensemble"))
        for models in (1, 2, 4, 11)
    ]
    frame = pd.DataFrame(rows, columns=["way", "models", "optimism", "error"])
    axes = plots.optimism_curves(frame).axes[0]
    named = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert named["best one"] == pytest.approx([0.01, 0.02, 0.04, 0.11])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2", "4", "11"]
    looks = {(line.get_color(), line.get_marker()) for line in axes.lines[:3]}
    assert len(looks) == 3
    # one candidate only: nothing to choose from, and still a figure
    assert plots.optimism_curves(frame[frame["models"] == 1]).axes[0].lines
    with pytest.raises(DataError, match="not a number"):
        plots.optimism_curves(frame.assign(error="much"))
