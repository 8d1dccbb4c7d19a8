"""Figures of calibration, rare classes and paired tests, with the ugly tables that occur."""

import numpy as np
import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError
from dermbook.evaluation.coverage import coverage


def texts(figure) -> list[str]:
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    found += [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    for legend in figure.legends:
        found += [text.get_text() for text in legend.get_texts()]
    return found


@pytest.fixture
def bins():
    frame = pd.DataFrame(
        {
            "lower": [0.0, 0.5],
            "upper": [0.5, 1.0],
            "confidence": [np.nan, 0.9],
            "accuracy": [np.nan, 0.7],
            "count": [0, 10],
            "low": [np.nan, 0.4],
            "high": [np.nan, 0.9],
        }
    )
    return pd.concat([frame.assign(when="as trained"), frame.assign(when="temperature 2.000")])


def test_calibration_error_is_in_the_legend_and_empty_bins_are_left_out(bins):
    figure = plots.reliability_pair(bins, phantom=True)
    assert "as trained: calibration error .200" in texts(figure)
    assert any("phantom data" in text.get_text() for text in figure.texts)


def test_an_interval_that_is_not_there_is_called_none():
    frame = pd.DataFrame(
        {
            "model": ["R3", "ours"],
            "class": ["df", "df"],
            "right": [6, 0],
            "images": [11, 1],
            "method": ["Wilson", "bootstrap"],
            "value": [6 / 11, 0.0],
            "low": [0.28, None],
            "high": [0.787, None],
        }
    )
    found = texts(plots.rare_class_intervals(frame))
    assert "R3: 6 of 11 images of df" in found
    assert ".280–.787" in found
    assert "none" in found


def test_coverage_in_the_legend_is_the_mean():
    frame = coverage(11, [0.25, 0.5, 0.75])
    found = texts(plots.coverage_curves(frame))
    mean = 100 * frame.groupby("method")["coverage"].mean()["Wald"]
    assert f"Wald: {mean:.0f} % on average" in found
    assert "promised: 95 %" in found


def test_paired_tests_show_p_or_an_interval():
    frame = pd.DataFrame(
        {
            "pair": ["b minus a"] * 3,
            "score": ["accuracy", "accuracy", "roc_auc"],
            "test": ["McNemar, exact", "bootstrap of lesions", "DeLong"],
            "unit": ["image", "lesion", "image"],
            "images": [50, 50, 50],
            "difference": [-0.02, -0.02, 0.1],
            "low": [None, -0.09, 0.05],
            "high": [None, 0.04, 0.15],
            "p": [0.62, None, 0.00002],
        }
    )
    found = texts(plots.paired_tests(frame))
    assert "p = .620" in found
    assert "−.090 to .040" in found
    assert "p < .001" in found
    assert "b minus a\nROC AUC" in found
    assert "lesions taken as independent" in found


def test_the_interval_of_an_area_stands_below_it():
    frame = pd.DataFrame(
        {
            "class": ["malignant"] * 2,
            "false_positive_rate": [0.0, 1.0],
            "true_positive_rate": [0.0, 1.0],
            "area": [0.5] * 2,
        }
    )
    assert "malignant, AUC .500" in texts(plots.roc_curves(frame))
    with_interval = frame.assign(area_low=0.4, area_high=0.61)
    assert "malignant, AUC .500\n95 % interval .400–.610" in texts(plots.roc_curves(with_interval))


@pytest.mark.parametrize(
    "draw",
    [
        plots.reliability_pair,
        plots.rare_class_intervals,
        plots.coverage_curves,
        plots.paired_tests,
    ],
)
def test_a_table_without_its_columns_is_refused(draw):
    with pytest.raises(DataError, match="lacks"):
        draw(pd.DataFrame({"nothing": [1]}))
