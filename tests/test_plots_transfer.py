"""Figures of transfer learning and fine-tuning: what they draw, and what they refuse."""

import numpy as np
import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError


def notes(figure):
    return [text.get_text() for text in figure.texts]


def heads():
    return pd.DataFrame(
        {
            "model": ["tl-vgg16-r0", "tl-mobilenetv2-r0"], "validation": [0.6, 0.5],
            "test": [0.55, 0.52], "low": [0.5, 0.45], "high": [0.6, 0.58],
        }
    )  # fmt: skip


def test_the_head_that_validation_chose_stands_on_top_and_is_bold():
    axes = plots.head_ranking(heads(), phantom=True).axes[0]
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels] == ["vgg16-r0", "mobilenetv2-r0"]
    assert [label.get_fontweight() == "bold" for label in labels] == [True, False]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    diamonds = [line for line in axes.lines if line.get_marker() == "D"]
    assert [line.get_xdata()[0] for line in diamonds] == [0.6, 0.5]
    with pytest.raises(DataError, match="validation"):
        plots.head_ranking(heads().drop(columns="validation"))


def test_curves_of_heads_have_a_panel_a_backbone_and_dashes_for_weights():
    frame = pd.DataFrame(
        {
            "vectors": ["vgg16"] * 4 + ["mobilenetv2"] * 2 + ["resnet50"] * 2, "head": "r0",
            "weighting": ["none", "none", "balanced", "balanced"] + ["none"] * 4,
            "epoch": [1, 2] * 4, "val_accuracy": np.linspace(0.2, 0.9, 8),
            "best": [False, True] * 4,
        }
    )  # fmt: skip
    figure = plots.head_curves(frame)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["vgg16", "mobilenetv2", "resnet50"]
    curves = [line for line in shown[0].lines if len(line.get_xdata()) == 2]
    assert len({str(line.get_linestyle()) for line in curves}) == 2
    marks = [line for line in shown[0].lines if line.get_marker() == "D"]
    assert [line.get_xdata()[0] for line in marks] == [2, 2]


def test_the_cost_of_a_way_is_what_is_done_once_and_what_every_epoch_costs():
    frame = pd.DataFrame(
        {
            "way": ["again", "once"], "once": [0.0, 10.0], "epoch": [11.0, 0.5],
            "epochs": 16, "seconds": [176.0, 18.0],
        }
    )  # fmt: skip
    axes = plots.frozen_cost(frame).axes[0]
    again, once = axes.lines
    np.testing.assert_allclose(again.get_ydata(), 11.0 * np.arange(1, 17))
    np.testing.assert_allclose(once.get_ydata(), 10 + 0.5 * np.arange(1, 17))
    assert axes.get_yscale() == "log"


def test_seeds_span_from_the_worst_to_the_best():
    frame = pd.DataFrame(
        {"model": ["tl-a", "tl-b"], "seeds": [3, 1], "mean": [0.5, 0.4], "low": [0.4, 0.4],
         "high": [0.6, 0.4]}
    )  # fmt: skip
    axes = plots.seed_ranges(frame, phantom=True).axes[0]
    bars = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert bars == [(0.4, 0.6), (0.4, 0.4)]


def test_optimizers_show_a_reports_figure_only_where_there_is_one():
    frame = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam"] * 2, "part": ["train", "train", "test", "test"],
            "metric": "accuracy", "value": [0.6, 0.8, 0.5, 0.7], "low": [0.5, 0.7, 0.4, 0.6],
            "high": [0.7, 0.9, 0.6, 0.8], "reported": [0.55, np.nan, 0.58, np.nan],
        }
    )  # fmt: skip
    figure = plots.optimizer_scores(frame)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["training part", "test part"]
    for axes, reported in zip(figure.axes, (0.55, 0.58), strict=True):
        diamonds = [line for line in axes.lines if line.get_marker() == "D"]
        assert [line.get_xdata()[0] for line in diamonds] == [reported]


def test_a_gradient_that_is_no_longer_finite_ends_in_a_cross():
    frame = pd.DataFrame(
        {
            "arm": ["plain"] * 3 + ["clipped"] * 3, "step": [1, 2, 3] * 2,
            "norm": [1.0, 1e6, np.inf, 1.0, 1.0, 0.9], "loss": [2.0, 1e3, np.nan, 2.0, 1.5, 1.2],
        }
    )  # fmt: skip
    figure = plots.gradient_steps(frame, phantom=True)
    norms, losses = figure.axes[:2]
    for axes, value in ((norms, 1e6), (losses, 1e3)):
        crosses = [line for line in axes.lines if line.get_marker() == "X"]
        assert [tuple(line.get_xydata()[0]) for line in crosses] == [(2, value)]
        assert axes.get_yscale() == "log"
    assert "phantom data" in notes(figure)


def test_each_halving_of_a_rate_has_its_triangle():
    frame = pd.DataFrame(
        {
            "curve": "ours", "mode": ["auto"] * 3 + ["max"] * 3, "epoch": [1, 2, 3] * 2,
            "value": [0.5, 0.6, 0.7] * 2, "learning_rate": [1e-3, 5e-4, 2.5e-4] + [1e-3] * 3,
            "best": [1, 1, 1] * 2, "halved": [0, 1, 1, 0, 0, 0],
        }
    )  # fmt: skip
    figure = plots.plateau_rates(frame)
    triangles = [line for line in figure.axes[0].lines if line.get_marker() == "v"]
    assert [list(line.get_xdata()) for line in triangles] == [[2, 3], []]


def test_depths_say_how_many_weights_learn():
    frame = pd.DataFrame(
        {
            "model": ["frozen", "all"], "depth": ["0", "all"], "trainable": [8967, 2_354_631],
            "metric": "balanced_accuracy", "value": [0.4, 0.6], "low": [0.3, 0.5],
            "high": [0.5, 0.7], "validation": [0.45, 0.62],
        }
    )  # fmt: skip
    axes = plots.depth_scores(frame).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["frozen\n8,967 learn", "all\n2,354,631 learn"]
    bars = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert bars == [0.45, 0.62]
