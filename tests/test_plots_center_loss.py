"""The figures of the center-loss chapter: what they draw and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from dermbook import plots
from dermbook.errors import DataError


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def course(name, values):
    return pd.DataFrame(
        {"formulation": name, "step": range(len(values)), "cross_entropy": 0.5,
         "center_loss": values, "norm": 1.0}
    )  # fmt: skip


def test_a_loss_that_became_infinite_ends_in_a_cross_and_stays_on_the_paper():
    # a Record keeps None for what is not finite
    steps = pd.concat([course("bad", [1.0, 1e9, None]), course("good", [1.0, 0.5, 0.4, 0.3])])
    figure = plots.loss_parts(steps, phantom=True)
    assert "phantom data" in texts(figure)
    crosses = [line for line in figure.axes[1].lines if line.get_marker() == "X"]
    assert [list(line.get_xdata()) for line in crosses] == [[2]]
    assert all(np.isfinite(line.get_ydata()).all() for line in figure.axes[1].lines)
    only = plots.loss_parts(steps, formulations=["good"])
    assert [line.get_label() for line in only.axes[0].lines] == ["good"]
    with pytest.raises(DataError, match="lacks norm"):
        plots.loss_parts(steps.drop(columns="norm"))


def test_the_limit_stands_between_finite_and_infinite():
    frame = pd.DataFrame({"strength": [0.1, 1.0], "largest": [1.0, None], "limit": 0.3})
    axes = plots.strength_limit(frame).axes[0]
    finite, beyond, limit = axes.lines
    assert list(finite.get_xdata()) == [0.1]
    assert list(beyond.get_xdata()) == [1.0]
    assert set(limit.get_xdata()) == {0.3}


def test_the_sweep_draws_means_through_its_seeds():
    rows = [
        (task, strength, seed, 0.5 + 0.1 * seed, 0.6, 1.0)
        for task in ("binary", "seven") for strength in (0.0, 0.1) for seed in (0, 1)
    ]  # fmt: skip
    names = ["task", "strength", "seed", "balanced_accuracy", "roc_auc", "ratio"]
    figure = plots.strength_sweep(pd.DataFrame(rows, columns=names))
    means = [line for line in figure.axes[0].lines if line.get_label() in ("binary", "seven")]
    assert [list(line.get_ydata()) for line in means] == [[0.55, 0.55]] * 2
    assert [label.get_text() for label in figure.axes[2].get_xticklabels()] == ["0", "0.1"]


def test_points_have_a_panel_a_model_and_names_of_classes():
    points = pd.DataFrame(
        {"model": ["plain", "plain", "center"], "class": ["mel", "nv", "mel"],
         "x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 2.0]}
    )  # fmt: skip
    figure = plots.embedding_points(points)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["plain", "center"]
    assert "melanoma (mel)" in texts(figure)
    drawn = [len(line.get_xdata()) for line in figure.axes[1].lines]
    assert sum(drawn) == 1
