import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError
from dermbook.plots import svg

OUTCOMES = pd.DataFrame(
    {
        "expected": ["kept (jpeg)", "kept (jpeg)", "http-404", "converted (png)"],
        "n": [60, 20, 7, 5],
        "right": [60, 20, 6, 5],
    }
)
KILLS = pd.DataFrame(
    {"run": [1, 2, 3], "ended": ["killed", "killed", "finished"], "settled": [30, 30, 100]}
)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_outcomes_take_kinds_of_one_reason_together():
    figure = plots.harvest_outcomes(OUTCOMES)
    assert texts(figure) == [
        "80 (2 kinds): all right",
        "7 (1 kind): 1 wrong",
        "5 (1 kind): all right",
    ]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["kept", "http-404", "converted"]
    wrong = figure.axes[0].containers[1]
    assert [bar.get_width() for bar in wrong] == [0, 1, 0]


def test_kills_begin_where_the_last_run_ended():
    figure = plots.harvest_kills(KILLS)
    bars = {round(bar.get_y() + bar.get_height() / 2): bar for bar in figure.axes[0].patches}
    assert [bars[k].get_x() for k in range(3)] == [0, 30, 30]
    assert [bars[k].get_width() for k in range(3)] == [30, 0, 70]
    assert texts(figure) == ["30", "30", "100"]


@pytest.mark.parametrize("draw", [plots.harvest_outcomes, plots.harvest_kills])
def test_phantom_is_said_and_missing_columns_are_named(draw):
    frame = OUTCOMES if draw is plots.harvest_outcomes else KILLS
    assert any("phantom data" in text.get_text() for text in draw(frame, phantom=True).texts)
    assert svg(draw(frame)) == svg(draw(frame))
    with pytest.raises(DataError, match="lacks"):
        draw(frame.iloc[:, :1])
