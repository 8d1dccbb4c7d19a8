"""Figures of composite pictures: what they draw, what they refuse."""

import numpy as np
import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError

BOXES = np.array([[0, 0, 20, 30], [22, 0, 40, 30]])


def item(title="2 · border white"):
    return title, np.full((30, 40, 3), 120, np.uint8), BOXES, BOXES[:1]


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_boxes_are_drawn_where_they_are():
    figure = plots.panel_boxes([item(), item("single")], phantom=True)
    first = figure.axes[0]
    drawn = {(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in first.patches}
    assert drawn == {(-0.5, -0.5, 20, 30), (21.5, -0.5, 18, 30)}
    assert first.get_title(loc="left") == "2 · border white"
    assert texts(figure).count("phantom data") == 1
    only_found = plots.panel_boxes([item()], true=False, phantom=True)
    assert {p.get_width() for p in only_found.axes[0].patches} == {20}


def test_real_pictures_are_never_drawn():
    with pytest.raises(DataError, match="real ones never"):
        plots.panel_boxes([item()])
    with pytest.raises(DataError, match="no pictures"):
        plots.panel_boxes([], phantom=True)


def scores():
    rows = [(d, m, v, v - 0.1, v + 0.05) for d, v in (("whole", 0.4), ("cuts", 0.9))
            for m in ("f1_50", "exact", "count_right", "false_alarms")]  # fmt: skip
    return pd.DataFrame(rows, columns=["detector", "metric", "value", "low", "high"])


def test_detectors_stand_in_order_with_their_values():
    figure = plots.detector_scores(scores())
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["whole", "cuts"]
    assert [t.get_text() for t in figure.axes[1].texts] == [".400", ".900"]
    assert texts(figure).count("phantom data") == 1
    with pytest.raises(DataError, match="low"):
        plots.detector_scores(scores().drop(columns="low"))


def test_curves_leave_out_what_has_no_setting():
    frame = pd.DataFrame({
        "detector": ["whole", "cuts", "cuts", "flood", "flood"], "setting": [0, 0.6, 0.5, 10, 20],
        "precision_50": 0.8, "recall_50": [0.3, 0.8, 0.9, 0.6, 0.7], "false_alarms": 0.1,
        "chosen": [0, 0.6, 0.6, 20, 20],
    })  # fmt: skip
    figure = plots.setting_curves(frame)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["cuts", "flood"]
    recall = figure.axes[0].lines[1]
    assert recall.get_xdata().tolist() == [0.5, 0.6]
    assert recall.get_ydata().tolist() == [0.9, 0.8]
    with pytest.raises(DataError, match="more than one"):
        plots.setting_curves(frame[:1])


def test_kinds_by_trait():
    frame = pd.DataFrame({
        "detector": ["cuts", "cuts", "fitted"], "trait": "border", "kind": ["none", "thin", "none"],
        "boxes": [70, 80, 70], "recall_50": [0.2, 1.0, 0.6], "recall_50_low": [0.1, 0.95, 0.5],
        "recall_50_high": [0.35, 1.0, 0.7],
    })  # fmt: skip
    axes = plots.kind_recalls(frame).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["none", "thin"]
    assert [t.get_text() for t in axes.texts] == ["border", "n = 70", "n = 80"]
