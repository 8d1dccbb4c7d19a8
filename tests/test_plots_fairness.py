"""Figures of fairness and shift: what they draw, and what they refuse."""

import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError


def marks(axes):
    return [line for line in axes.lines if len(line.get_xdata()) == 1]


def groups():
    frame = pd.DataFrame({"images": "phantom", "attribute": ["sex", "sex", "age", "age"]})
    frame = frame.assign(group=["male", "female", "under 30", "75 and over"], metric="accuracy")
    frame = frame.assign(value=[0.5, 0.6, 0.7, None], low=0.4, high=0.8, lesions=[50, 60, 40, 3])
    frame = frame.assign(judged=[True, True, False, False])
    return pd.concat([frame, frame.assign(metric="standardised_accuracy")], ignore_index=True)


def test_groups_too_small_are_hollow_and_unknown_values_left_out():
    figure = plots.group_scores(groups(), phantom=True)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["sex, phantom", "age, phantom"]
    sex, age = (marks(axes) for axes in figure.axes)
    assert sorted(mark.get_xdata()[0] for mark in sex) == [0.5, 0.5, 0.6, 0.6]
    assert [mark.get_markerfacecolor() for mark in age] == ["white", "white"]
    assert "phantom data" in [text.get_text() for text in figure.texts]
    with pytest.raises(DataError, match="no rows"):
        plots.group_scores(groups(), metrics=["sensitivity"])
    with pytest.raises(DataError, match="lesions"):
        plots.group_scores(groups().drop(columns="lesions"))


def test_gaps_are_filled_where_they_are_beyond_chance():
    frame = pd.DataFrame({"model": "net", "attribute": ["sex", "age"]})
    frame = frame.assign(metric="sensitivity", gap=[0.1, 0.5], low=0.05, high=0.6, chance=0.08)
    frame = frame.assign(chance_high=[0.2, 0.25], p_holm=[0.4, 0.01])
    axes = plots.gaps_and_chance(frame).axes[0]
    assert [mark.get_markerfacecolor() == "white" for mark in marks(axes)] == [True, False]
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.25]


def test_gaps_by_chance_have_a_line_a_size():
    frame = pd.DataFrame({"size": [30, 30, 100, 100], "groups": [2, 3, 2, 3]})
    axes = plots.gap_by_chance(frame.assign(gap=[0.1, 0.2, 0.05, 0.1], high=0.3)).axes[0]
    assert [list(line.get_ydata()) for line in axes.lines[::2]] == [[0.1, 0.2], [0.05, 0.1]]


def test_each_way_of_training_has_a_look_and_each_collection_a_panel():
    frame = pd.DataFrame({"images": ["a"] * 4 + ["b"] * 2, "attribute": "site"})
    frame = frame.assign(source=["x", "x", "y", "y", "z", "z"], arm=["own", "other"] * 3)
    frame = frame.assign(metric="balanced_accuracy", value=0.5, low=0.4, high=0.6)
    figure = plots.shift_scores(frame)
    assert len(figure.axes) == 2
    assert len({(m.get_color(), m.get_marker()) for m in marks(figure.axes[0])}) == 2
    with pytest.raises(DataError, match="no rows"):
        plots.shift_scores(frame, metric="accuracy")


def test_recognition_shows_chance_beside_the_score():
    frame = pd.DataFrame({"images": "a", "attribute": "site", "within": ["all classes", "nv"]})
    axes = plots.source_recognition(
        frame.assign(chance=[0.5, 0.25], value=0.8, low=0.7, high=0.9)
    ).axes[0]
    ticks = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_ydata())) == 2]
    assert ticks == [0.5, 0.25]


def test_remedies_are_better_worse_or_unclear():
    frame = pd.DataFrame({"images": "a", "attribute": "age", "remedy": ["r", "r", "r"]})
    frame = frame.assign(metric=["sensitivity", "specificity", "accuracy"])
    frame[["change", "low", "high"]] = [[-0.1, -0.2, -0.05], [0.1, 0.05, 0.2], [0, -0.1, 0.1]]
    frame[["overall_change", "overall_low", "overall_high"]] = [[0.1, 0.05, 0.2]] * 3
    left, right = plots.remedy_changes(frame).axes
    better, worse, unclear = marks(left)
    assert unclear.get_markerfacecolor() == "white"
    assert better.get_color() != worse.get_color()
    # a higher score of all is better, a larger gap is worse
    assert {mark.get_color() for mark in marks(right)} == {better.get_color()}
