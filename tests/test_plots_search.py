"""Figures of a search: what they draw, what they refuse."""

import numpy as np
import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError


def labels(figure):
    return [text.get_text() for text in figure.texts]


def course():
    return pd.DataFrame(
        {
            "sampler": ["random"] * 4 + ["tpe"] * 2,
            "training": [1, 2, 3, 4, 1, 2],
            "outcome": ["complete", "pruned", "complete", "complete", "pruned", "complete"],
            "value": [0.5, 0.4, 0.7, 0.6, 0.3, 0.8],
            "best": [0.5, 0.5, 0.7, 0.7, None, 0.8],
            "expected": [0.6, 0.66, 0.7, None, 0.8, None],
            "low": [0.5, 0.5, 0.7, None, 0.8, None],
            "high": [0.7, 0.7, 0.7, None, 0.8, None],
        }
    )


def test_the_course_has_a_panel_a_sampler_and_a_dot_a_training():
    figure = plots.search_course(course(), phantom=True)
    assert [a.get_title(loc="left") for a in figure.axes] == ["random search", "tpe search"]
    lines = figure.axes[0].lines
    expected, best, complete, pruned = lines
    np.testing.assert_array_equal(best.get_ydata(), [0.5, 0.5, 0.7, 0.7])
    assert best.get_drawstyle() == "steps-post"
    np.testing.assert_array_equal(complete.get_ydata(), [0.5, 0.7, 0.6])
    np.testing.assert_array_equal(pruned.get_ydata(), [0.4])
    assert np.isnan(expected.get_ydata()[-1])
    assert labels(figure).count("phantom data") == 1
    with pytest.raises(DataError, match="sampler"):
        plots.search_course(course().drop(columns="sampler"))


def test_curves_that_were_stopped_end_in_a_cross():
    frame = pd.DataFrame(
        {
            "draw": [0, 0, 3, 3, 5],
            "epoch": [1, 2, 1, 2, 1],
            "value": [0.4, 0.6, 0.3, 0.35, 0.2],
            "outcome": ["complete"] * 2 + ["pruned"] * 2 + ["pruned"],
        }
    )
    figure = plots.search_curves(frame)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [tuple(line.get_xydata()[0]) for line in crosses] == [(2.0, 0.35), (1.0, 0.2)]
    assert len(figure.axes[0].lines) == 5
    assert "phantom data" not in labels(figure)


def test_slices_keep_the_order_of_the_space_and_untrained_values():
    frame = pd.DataFrame(
        {
            "parameter": ["units"] * 4 + ["pooling"] * 3,
            "choice": ["32", "32", "64", "128", "max", "max", "average"],
            "value": [0.5, 0.7, 0.6, None, 0.5, 0.7, 0.6],
            "outcome": [
                "complete",
                "complete",
                "pruned",
                "never trained",
                *["complete"] * 2,
                "pruned",
            ],
        }
    )
    figure = plots.search_slices(frame)
    seen = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in seen] == ["units", "pooling"]
    assert [t.get_text() for t in seen[0].get_xticklabels()] == ["32", "64", "128"]
    medians = [line.get_ydata()[0] for line in seen[0].lines if len(line.get_xdata()) == 2
               and line.get_linestyle() == "-"]  # fmt: skip
    assert medians == [pytest.approx(0.6), pytest.approx(0.6)]


def test_importance_no_larger_than_chance_is_hollow():
    frame = pd.DataFrame(
        {"parameter": ["conv_count", "units"], "importance": [0.8, 0.2], "noise": [0.5, 0.4]}
    )
    axes = plots.search_importances(frame).axes[0]
    filled, hollow = (bar.get_facecolor() for bar in axes.patches)
    assert filled != hollow
    assert [bar.get_width() for bar in axes.patches] == [0.8, 0.2]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["conv count", "units"]


def test_flattery_draws_both_curves_or_says_why_not():
    frame = pd.DataFrame({"models": [1, 2], "chosen": [0.6, 0.7], "held_out": [0.6, 0.65]})
    upper, lower = plots.selection_flattery(frame).axes[0].lines
    np.testing.assert_array_equal(upper.get_ydata(), [0.6, 0.7])
    np.testing.assert_array_equal(lower.get_ydata(), [0.6, 0.65])
    with pytest.raises(DataError, match="no row has both"):
        plots.selection_flattery(frame.assign(chosen=np.nan))
