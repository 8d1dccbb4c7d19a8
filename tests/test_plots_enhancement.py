"""The figures and sentences of the chapter on enhancement."""

import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError
from dermbook.publishing.summaries import effect_rows, filter_finding, removal_rows


def effects(**verdicts):
    rows = []
    for name, verdict in verdicts.items():
        value = {"gain": 0.1, "harm": -0.1}.get(verdict, 0.01)
        for metric in ("balanced_accuracy", "f1_macro"):
            rows.append(
                {
                    "learner": "head", "filter": name.replace("_", "-"), "metric": metric,
                    "off": 0.5, "on": 0.5 + value, "value": value, "low": value - 0.04,
                    "high": value + 0.04, "low_all": value - 0.06, "high_all": value + 0.06,
                    "verdict": verdict, "seeds": 5, "n": 100,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


NOTHING = "no difference shown"


def texts(figure):
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return found + [text.get_text() for text in figure.texts]


def test_effects_show_each_filter_with_its_verdict():
    figure = plots.filter_effects(effects(median="gain", crop="harm", dullrazor=NOTHING))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["median", "crop", "dullrazor"]
    assert any("+0.100  gain" in text for text in texts(figure))
    assert any("-0.100  harm" in text for text in texts(figure))
    with pytest.raises(DataError, match="roc_auc"):
        plots.filter_effects(effects(median="gain"), metric="roc_auc")


def test_what_only_the_phantom_can_measure_always_says_so():
    frame = pd.DataFrame(
        {
            "method": ["untouched", "dullrazor"], "measure": "hair_error", "band": "much",
            "value": [30.0, 5.0], "low": [25.0, 4.0], "high": [35.0, 6.0], "n": 9,
        }
    )  # fmt: skip
    study = pd.DataFrame(
        {
            "method": "dullrazor", "threshold": [5, 10], "fitted": [1.0, 0.8],
            "error": [0.9, 0.7], "best": [False, True],
        }
    )  # fmt: skip
    for figure in (
        plots.removal_scores(frame, phantom=False),
        plots.method_groups(frame, group="band", label="dB", phantom=False),
        plots.threshold_curves(study, phantom=False),
    ):
        assert "phantom data" in texts(figure)
    with pytest.raises(DataError):
        plots.removal_scores(frame, measures=["psnr"])


def test_speed_shows_every_filter_but_plain_reading():
    frame = pd.DataFrame(
        {"filter": ["plain", "median"], "images_per_second": [None, 900.0], "ratio": [1.0, 1.1]}
    )
    figure = plots.filter_speed(frame)
    assert [each.get_text() for each in figure.axes[0].get_yticklabels()] == ["median"]
    assert "900 images/s" in texts(figure)
    with pytest.raises(DataError):
        plots.filter_speed(frame[:1])


def test_pictures_are_drawn_of_the_phantom_only(small_phantom):
    from dataclasses import replace

    ids = small_phantom.ids[:2]
    for figure in (
        plots.equalisation(small_phantom, ids[0]),
        plots.filter_gallery(small_phantom, ids, ["median"]),
        plots.hair_gallery(small_phantom, ids),
    ):
        assert "phantom data" in texts(figure)
    real = replace(small_phantom, phantom=False)
    for draw in (
        lambda: plots.equalisation(real, ids[0]),
        lambda: plots.filter_gallery(real, ids, ["median"]),
        lambda: plots.hair_gallery(real, ids),
    ):
        with pytest.raises(DataError, match="phantom"):
            draw()


@pytest.mark.parametrize(
    ("verdict", "phantom", "expected"),
    [
        ("harm", False, "confirmed"),
        (NOTHING, False, "cannot be compared"),  # .01 ± .06 leaves room for a gain
        ("gain", False, "not confirmed"),
        ("gain", True, "cannot be compared"),
    ],
)
def test_no_gain_is_confirmed_only_by_narrow_intervals(verdict, phantom, expected):
    finding = filter_finding(effects(median=verdict, dullrazor=verdict), "0.5", phantom=phantom)
    assert finding["verdict"] == expected
    assert finding["measured"].startswith("2 comparisons")


def test_rows_that_claim_nothing_or_were_not_tried_are_not_judged():
    for row, measured in (("0.17", "1 comparison "), ("0.4", "not tried")):
        finding = filter_finding(effects(crop="gain"), row, phantom=False)
        assert finding["verdict"] == "cannot be compared"
        assert measured in finding["measured"]


def test_tables_have_one_row_a_filter_and_one_a_method():
    table = effect_rows(effects(median="gain", crop=NOTHING))
    assert table["verdict"].tolist() == ["gain", NOTHING]
    assert table["row"].tolist() == ["0.5", "0.17"]
    assert table["balanced accuracy"][0] == "+0.100 (+0.060 to +0.140)"
    removal = pd.DataFrame(
        {
            "method": ["untouched", "median", "median"], "measure": ["psnr", "psnr", "ssim"],
            "value": [1.0, 2.0, 0.9], "low": [0.5, 1.5, 0.8], "high": [1.5, 2.5, 1.0],
        }
    )  # fmt: skip
    wide = removal_rows(removal)
    assert wide["method"].tolist() == ["untouched", "median"]
    assert wide["ssim"][0] == "–"
