"""The tables of the chapter on composite images, on small phantoms."""

import numpy as np
import pytest

from dermbook.data import load_collection
from dermbook.errors import DataError
from dermbook.evaluation.detection import judge_boxes
from dermbook.imaging.panels import split_composites
from dermbook.publishing import composite_images as tools


@pytest.fixture(scope="module")
def study():
    drawn = [load_collection("phantom-composites", images=n, seed=s) for n, s in ((48, 1), (24, 0))]
    return tools.study(*drawn)


@pytest.fixture(scope="module")
def scored(study):
    return tools.scores(study, resamples=60)


def test_every_detector_is_tuned_on_one_phantom_and_judged_once_on_the_other(study, scored):
    assert set(study.settings) == set(study.detectors) == set(study.found) == set(scored)
    assert not {*study.tuning.source._pictures} - {*study.tuning.ids}
    for name, found in study.found.items():
        assert set(found) == set(study.judging.ids)
        assert study.settings[name] in study.detectors[name].settings
        again = judge_boxes(tools.known_panels(study.judging), found)
        assert again.equals(study.judged[name])
        curve = study.curves[study.curves["detector"] == name]
        assert tuple(curve["setting"]) == study.detectors[name].settings
        best = curve.loc[curve["setting"] == study.settings[name], "exact"].item()
        assert best == curve["exact"].max()
    detect = study.detect("flood")
    first = study.judging.ids[0]
    assert np.array_equal(detect(study.judging.image(first)), study.found["flood"][first])


def test_a_collection_without_boxes_is_refused(small_phantom):
    with pytest.raises(DataError, match="phantom-composites"):
        tools.known_panels(small_phantom)


def test_tables_agree_with_each_other(study, scored):
    table = tools.score_table(study, scored)
    wide = tools.wide_scores(table).set_index("detector")
    assert list(wide.index) == list(study.detectors)
    assert wide.loc["whole", "recognised"] == 0
    assert wide.loc["halves", "false_alarms"] == 1
    assert wide.loc["fitted cuts", "f1_50"] > wide.loc["whole", "f1_50"]
    gains = tools.differences(study, resamples=60).set_index("detector")
    assert "fitted cuts" not in gains.index
    assert gains.loc["whole", "difference"] == pytest.approx(
        wide.loc["fitted cuts", "f1_50"] - wide.loc["whole", "f1_50"]
    )
    alarms = tools.alarm_table(study)
    fitted = alarms[alarms["detector"] == "fitted cuts"]
    single = int((study.judging.table["panels"] == 1).sum())
    assert fitted["pictures"].sum() == single
    assert fitted["split"].sum() / single == wide.loc["fitted cuts", "false_alarms"]
    kinds = tools.kind_table(study)
    sums = kinds.groupby(["detector", "trait"])["pictures"].sum()
    assert (sums == len(study.judging) - single).all()
    assert tools.panel_counts(study)["pictures"].sum() == len(study.judging)


def test_panels_divided_by_lot_leak_and_by_picture_do_not(study):
    panels = split_composites(study.judging, tools.known_panels(study.judging))
    leak = tools.leak_table(panels).set_index("division")
    assert leak.loc["by picture", "leaked"] == 0
    assert leak.loc["by lot", "share"] > 0.4


def test_the_scan_counts_and_corrects(study, scored):
    table = tools.scan_table(None, study, scored["fitted cuts"]).set_index("what")
    numbers = np.array([len(boxes) for boxes in study.found["fitted cuts"].values()])
    assert table.loc["composites", "called"] == (numbers > 1).sum()
    assert table.loc["3 panels", "called"] == (numbers == 3).sum()
    # on the very pictures that gave the error rates, the correction gives the true share back
    truth = (study.judging.table["panels"] > 1).mean()
    assert table.loc["if the phantom's rates held", "share"] == pytest.approx(truth)
    assert tools.real_collection("none") is None


def test_pictures_come_from_the_phantom_only(study):
    items = tools.pictured(study, tools.example_ids(study))
    assert 4 <= len(items) <= 8
    assert all(picture.shape == (96, 128, 3) for _, picture, _, _ in items)
    wrong = tools.wrong_ids(study, "halves", limit=6)
    assert len(wrong) == len(set(wrong)) == 6


def test_the_finding_never_claims_a_verdict(study, scored, tmp_path):
    found = tools.finding(scored, None)
    assert found["verdict"] == "cannot be compared"
    assert "ships none" in found["because"]
    assert found["measured"].startswith("phantom")
    network = tools.finding({**scored, "network": scored["regions"]}, tmp_path / "yolo3.onnx")
    assert "yolo3.onnx" in network["measured"]
    assert network["verdict"] == "cannot be compared"
