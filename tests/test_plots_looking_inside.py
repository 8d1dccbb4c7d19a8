"""The figures of looking inside: what they draw and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.contour import ContourSet
from matplotlib.text import Text

from dermbook import plots
from dermbook.errors import DataError


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


@pytest.fixture
def depths():
    rows = [
        (network, depth, measure, value, value - 0.1, value + 0.1)
        for network, shift in (("trained", 0.0), ("all weights random", 0.2))
        for measure, start in (("active", 0.3), ("contrast", -0.4))
        for depth, value in ((1.0, start + shift), (0.25, start + shift + 0.05))
    ]
    return pd.DataFrame(rows, columns=["network", "depth", "measure", "value", "low", "high"])


def test_depths_are_lines_in_order_of_depth(depths):
    figure = plots.depth_activity(depths, phantom=True)
    active, contrast = figure.axes
    for axes, start in ((active, 0.3), (contrast, -0.4)):
        trained, random = axes.lines[:2]
        assert list(trained.get_xdata()) == [0.25, 1.0]
        np.testing.assert_allclose(trained.get_ydata(), [start + 0.05, start])
        np.testing.assert_allclose(random.get_ydata(), [start + 0.25, start + 0.2])
        assert trained.get_linestyle() != random.get_linestyle()
        assert trained.get_marker() != random.get_marker()
    # only contrast has a line where lesion and skin are alike
    assert (len(active.lines), len(contrast.lines)) == (2, 3)
    assert set(contrast.lines[2].get_ydata()) == {0}
    assert "phantom data" in texts(figure)
    one = plots.depth_activity(depths[depths["measure"] == "active"])
    assert len(one.axes) == 1


def test_depths_need_a_known_measure(depths):
    with pytest.raises(DataError, match="none of active, contrast"):
        plots.depth_activity(depths.assign(measure="width"))
    with pytest.raises(DataError, match="lacks depth"):
        plots.depth_activity(depths.drop(columns="depth"))


def test_groups_stand_beside_both_baselines():
    frame = pd.DataFrame(
        {"group": ["nv", "wrong"], "value": [0.8, 0.4], "low": [0.7, None], "high": [0.9, None],
         "n": [40, 1], "area": [0.3, 0.2], "center": [0.6, 0.5]}
    )  # fmt: skip
    figure = plots.heat_by_group(frame)
    axes = figure.axes[0]
    drawn = {
        line.get_marker(): line.get_xdata()[0] for line in axes.lines if line.get_ydata()[0] == 0
    }
    assert {marker: drawn[marker] for marker in "o|D"} == {"o": 0.8, "|": 0.3, "D": 0.6}
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["naevus (nv)", "wrong"]
    assert "n = 40" in texts(figure)


def test_maps_are_drawn_as_large_as_the_picture():
    picture = np.full((12, 16, 3), 120, np.uint8)
    coarse = np.array([[0.0, 1.0], [0.5, 0.25]])
    figure = plots.activation_grid([("mean", [picture, coarse])] * 2, heads=["picture", "relu_4"])
    assert len(figure.axes) == 4
    for axes in figure.axes:
        (image,) = axes.images
        assert tuple(image.get_extent()) == (0, 16, 12, 0)
    assert figure.axes[1].images[0].get_clim() == (0, 1)
    assert "phantom data" in texts(figure)
    assert "relu_4" in texts(figure)
    with pytest.raises(DataError, match="needs rows"):
        plots.activation_grid([], heads=["picture"])
    with pytest.raises(DataError, match="needs rows"):
        plots.activation_grid([("mean", [picture])], heads=["picture", "relu_4"])


def test_overlays_are_pairs_and_the_heat_hides_most_where_it_is_hottest():
    picture = np.full((12, 16, 3), 120, np.uint8)
    mask = np.zeros((12, 16), bool)
    mask[3:8, 4:9] = True
    heat = np.zeros((12, 16))
    heat[5, 6] = 1
    items = [("right: nv, 0.91", picture, mask, heat), ("wrong: mel as nv, 0.70", picture,
             mask & False, heat), ("third", picture, ~mask & True, heat)]  # fmt: skip
    figure = plots.heat_overlays(items)
    assert "phantom data" in texts(figure)
    assert "wrong: mel as nv" in texts(figure)
    # two lines of two pairs, the last pair empty
    assert [len(axes.images) for axes in figure.axes] == [1, 2, 1, 2, 1, 2, 0, 0]
    alpha = figure.axes[1].images[1].get_alpha()
    assert alpha[5, 6] == alpha.max() > alpha[0, 0] > 0
    outlines = [len(axes.findobj(ContourSet)) for axes in figure.axes[:4]]
    # a mask without a pixel has no outline
    assert outlines == [1, 1, 0, 0]
    with pytest.raises(DataError, match="no picture"):
        plots.heat_overlays([])
