"""The figures of the generation chapter: what they draw and what they refuse."""

import pandas as pd
import pytest
from matplotlib.text import Text

from dermbook import plots
from dermbook.errors import DataError
from dermbook.plots.style import GREEN, QUIET, VERMILLION


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def history(model, shift=0.0):
    return pd.DataFrame(
        {
            "model": model, "step": [10, 20], "discriminator_loss": [2.0, 1.0 + shift],
            "generator_loss": [0.0, 0.5], "score_training": [0.1, 0.9],
            "score_held_out": [0.1, 0.3], "score_generated": [0.0, -0.5],
        }
    )  # fmt: skip


def test_the_thick_curve_is_the_mean_of_the_trainings():
    figure = plots.adversarial_curves(
        pd.concat([history("one"), history("two", shift=1.0)]), phantom=True
    )
    assert "phantom data" in texts(figure)
    assert "held-out images" in texts(figure)
    losses, scores = figure.axes
    named = {line.get_label(): list(line.get_ydata()) for line in losses.lines}
    assert named["discriminator"] == [2.0, 1.5]
    assert len(losses.lines) == 2 * 3
    assert len(scores.lines) == 3 * 3
    alone = plots.adversarial_curves(history("one"))
    assert len(alone.axes[0].lines) == 2
    with pytest.raises(DataError, match="lacks score_held_out"):
        plots.adversarial_curves(history("one").drop(columns="score_held_out"))


def test_the_share_of_images_rises_to_one():
    frame = pd.DataFrame(
        {
            "space": ["pixels"] * 4 + ["features"] * 2,
            "set": ["generated", "generated", "held out", "held out", "generated", "held out"],
            "distance": [3.0, 1.0, 2.0, 4.0, 1.0, 2.0],
        }
    )
    figure = plots.likeness_curves(frame)
    assert len(figure.axes) == 2
    first = figure.axes[0].lines[0]
    assert list(first.get_xdata()) == [1.0, 3.0]
    assert list(first.get_ydata()) == [0.5, 1.0]
    assert "gray levels" in texts(figure)


def test_sets_stand_beside_the_floor():
    frame = pd.DataFrame(
        {
            "set": ["real images", "generated"], "images": [20, 20], "median": [1.0, 3.0],
            "low": [0.8, 2.0], "high": [1.5, 5.0],
        }
    )  # fmt: skip
    figure = plots.set_distances(frame)
    assert "20 on each side" in texts(figure)
    assert "real, other half" in texts(figure)
    floor = figure.axes[0].lines[-1]
    assert set(floor.get_xdata()) == {1.0}
    with pytest.raises(DataError, match="no rows"):
        plots.set_distances(frame.head(0))


def test_the_floor_is_drawn_by_size():
    frame = pd.DataFrame({"images": [10, 100], "median": [5, 0.5], "low": [4, 0.4], "high": [7, 1]})
    figure = plots.frechet_floor(frame)
    assert list(figure.axes[0].lines[0].get_ydata()) == [5, 0.5]
    assert "truth: 0" in texts(figure)


def test_gains_losses_and_what_is_not_shown_look_different():
    rows = [
        ("generated − nothing", "recall", "df", 0.2, 0.1, 0.3),
        ("generated − augmented", "recall", "df", -0.2, -0.3, -0.1),
        ("generated − nothing", "f1_macro", None, 0.0, -0.1, 0.1),
        # undefined, as a Record keeps it
        ("generated − augmented", "f1_macro", None, 0.1, None, None),
    ]
    columns = ["comparison", "metric", "class", "value", "low", "high"]
    figure = plots.added_effects(pd.DataFrame(rows, columns=columns))
    recall, macro = figure.axes
    assert [line.get_color() for line in recall.lines[:4:2]] == [GREEN, VERMILLION]
    assert {line.get_color() for line in macro.lines[:4]} == {QUIET}
    assert "recall\ndf" in texts(figure)
    only = plots.added_effects(pd.DataFrame(rows, columns=columns), scores=["f1_macro"])
    assert len(only.axes) == 1
