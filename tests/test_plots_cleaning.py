"""The figures of the data-cleaning chapter: what they draw and what they refuse."""

import pandas as pd
import pytest
from matplotlib.text import Text

from dermbook import plots
from dermbook.errors import DataError


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def curves(methods=("hash", "cosine", "keypoints")):
    rows = [
        {
            "method": method, "threshold": step, "chosen": 2,
            **{f"{rate}{end}": value for rate in ("precision", "recall")
               for end, value in (("", 0.5), ("_low", 0.4), ("_high", 0.6))},
        }
        for method in methods for step in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_what_only_a_phantom_knows_always_says_phantom():
    order = pd.DataFrame({"order": ["model"] * 2, "reviewed": [0, 1], "found": [0, 1]})
    assert "phantom data" in texts(plots.copy_thresholds(curves()))
    assert "phantom data" in texts(plots.review_order(order))


def test_thresholds_have_a_panel_a_method_and_mark_the_chosen_one():
    figure = plots.copy_thresholds(curves())
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["", "", ""]  # titles stand on the left
    assert [axes.get_title(loc="left") for axes in shown] == ["hash", "cosine", "keypoints"]
    marked = [line for line in shown[0].lines if line.get_label() == "chosen"]
    assert list(marked[0].get_xdata()) == [2, 2]
    without = plots.copy_thresholds(curves().drop(columns="chosen"))
    assert len(without.axes[0].lines) == 2


def test_matches_beyond_the_last_place_are_added_up():
    frame = pd.DataFrame({"matches": [5, 70, 80], "lesion": "same", "count": [9, 2, 3]})
    figure = plots.match_counts(frame, least=10, longest=60)
    heights = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in figure.axes[0].patches}  # fmt: skip  # noqa: E501
    assert heights == {5: 9, 60: 5}
    assert "confirmed from 10" in texts(figure)
    assert "same: 14 pairs" in texts(figure)


def test_flagged_shares_name_classes_and_counts():
    frame = pd.DataFrame({
        "by": ["class", "diagnosis by"], "category": ["mel", "histo"], "images": [12, 1500],
        "value": [0.2, 0.3], "low": [0.1, 0.2], "high": [0.3, 0.4],
    })  # fmt: skip
    text = texts(plots.flagged_shares(frame, phantom=True))
    assert "melanoma (mel), n = 12" in text
    assert "histo, n = 1,500" in text
    assert "phantom data" in text


def test_encodings_and_shifts():
    frame = pd.DataFrame({
        "category": ["site"] * 2, "cells": [15] * 2, "fitted_on": ["all rows", "train only"],
        "value": [0.8, 0.5], "low": [0.79, 0.49], "high": [0.81, 0.51],
    })  # fmt: skip
    text = texts(plots.encoding_scores(frame))
    assert "site\n15 values" in text
    assert ".800" in text
    shifts = pd.DataFrame({"left": [-1, 0], "right": [0, 1], "count": [3, 4]})
    bars = plots.filling_shifts(shifts).axes[0].patches
    assert [bar.get_height() for bar in bars] == [3, 4]


@pytest.mark.parametrize(
    "draw",
    [plots.copy_thresholds, plots.match_counts, plots.review_order, plots.flagged_shares,
     plots.encoding_scores, plots.filling_shifts],
)  # fmt: skip
def test_a_table_of_another_kind_is_refused(draw):
    with pytest.raises(DataError, match="the table lacks"):
        draw(pd.DataFrame({"x": [1]}))
