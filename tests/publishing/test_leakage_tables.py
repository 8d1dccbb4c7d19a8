"""The tables and findings of the chapter on splits and leakage."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dermbook.data import MALIGNANT, malignant_or_benign
from dermbook.data.strategies import split_table
from dermbook.errors import DataError, ParameterError
from dermbook.plots import effect_intervals, leak_bars
from dermbook.publishing import leakage
from dermbook.publishing.reported import load_reported


def effects(*rows: tuple) -> pd.DataFrame:
    """rows: learner, comparison, value; intervals of ±.05 around it."""
    frame = pd.DataFrame(rows, columns=["learner", "comparison", "value"])
    frame["metric"] = "balanced_accuracy"
    frame["first"], frame["second"] = 0.5, 0.5 + frame["value"]
    frame["low"], frame["high"] = frame["value"] - 0.05, frame["value"] + 0.05
    return frame


class FakeChapter:
    """Holds series and takes findings."""

    def __init__(self, series: dict[str, pd.DataFrame], *, phantom: bool) -> None:
        self._series, self.phantom = series, phantom
        self.findings: dict[str, SimpleNamespace] = {}

    def series(self, name: str) -> pd.DataFrame:
        return self._series[name]

    def finding(self, about, verdict, *, measured, because):
        self.findings[about] = SimpleNamespace(verdict=verdict, measured=measured, because=because)


def chapter(
    *, phantom: bool = False, copied: float = 0.2, equal: bool = True, images: int = 10_015
) -> FakeChapter:
    both = ("logistic", "nearest")
    series = {
        "count-comparison": pd.DataFrame(
            {
                "strategy": ["r3", "r4"],
                "equal": [equal, True],
                "reported": [10_015, 10_006],
                "ours": [images, images - 9],
            }
        ),
        "strategies": pd.DataFrame(
            {"strategy": ["r0"], "train": [7511], "validation": [1502], "test": [1002]}
        ),
        "chance": pd.DataFrame(
            {"strategy": ["r4"], "what": ["same_image"], "expected": [0.8], "value": [0.79]}
        ),
        "overlap-effects": effects(*((who, "test images in train, …", 0.3) for who in both)),
        "sibling-effects": effects(
            ("logistic", "siblings put in train", 0.1), ("logistic", "control: …", 0.0)
        ),
        "reported-effects": effects(("logistic", "divided by image, …", 0.02)),
        "copy-effects": effects(
            ("logistic", "copy, then split", copied),
            ("logistic", "split, then copy", 0.0),
            ("nearest", "copy, then split", 0.4),
        ),
        "copy-facts": pd.DataFrame(
            {"protocol": ["copy, then split"], "malignant": [0.271], "kin": [0.9]}
        ),
    }
    return FakeChapter(series, phantom=phantom)


def test_r1s_arithmetic_follows_from_its_figures():
    found = leakage.r1_arithmetic()["value"].tolist()
    assert found[0] == pytest.approx(1954 / 10015)
    assert found[1] == pytest.approx(272 / 1002)
    assert found[2:7] == [1050, 11065, 12576, 13578, 13578 - 10015]
    assert found[7] == pytest.approx(1 - 8061 / 13578)
    copied = found[2] + 1954
    assert copied / found[3] == pytest.approx(found[1], abs=5e-5)


def test_findings_on_real_data_follow_the_intervals():
    real = chapter(phantom=False)
    leakage.add_findings(real)
    verdicts = {about: found.verdict for about, found in real.findings.items()}
    assert verdicts == {
        "3.1": "confirmed",
        "4.3": "confirmed",
        "0.2": "cannot be compared",
        "M2": "confirmed",
        "M3": "confirmed",
        "M9": "confirmed",
    }
    assert "79.0% of test images in train, 80.0% expected" in real.findings["M2"].measured
    assert "+.300 (+.250 to +.350)" in real.findings["M2"].measured
    assert "nearest neighbour's +.400" in real.findings["M9"].measured


def test_an_interval_that_holds_zero_confirms_nothing_and_the_phantom_says_so():
    weak = chapter(phantom=True, copied=0.01, images=700)
    leakage.add_findings(weak)
    assert weak.findings["M9"].verdict == "not confirmed"
    assert "holds zero" in weak.findings["M9"].because
    assert weak.findings["M9"].because.startswith("on phantom data")
    assert weak.findings["3.1"].verdict == "cannot be compared"


def test_a_wrong_cell_is_not_confirmed():
    wrong = chapter(phantom=False, equal=False)
    leakage.add_findings(wrong)
    assert wrong.findings["3.1"].verdict == "not confirmed"
    assert wrong.findings["4.3"].verdict == "confirmed"


def test_a_part_of_the_collection_is_not_held_against_a_report():
    part = chapter(equal=False, images=600)
    leakage.add_findings(part)
    assert part.findings["3.1"].verdict == part.findings["4.3"].verdict == "cannot be compared"
    assert "600 images" in part.findings["3.1"].because


def test_claims_name_parts_that_there_are(small_phantom):
    splits = {"r4": leakage.make_split("r4", small_phantom)}
    sizes = leakage.part_sizes(splits)
    assert sizes["r4_test"] == len(splits["r4"].parts["test"])
    assert set(leakage.SIZE_CLAIMS) <= set(load_reported().quantities().index)
    wide = leakage.side_by_side(split_table(splits, small_phantom))
    assert wide["class"].tolist() == list(small_phantom.classes)
    assert wide.loc[wide["class"] == "nv", "r4"].iloc[0].count("/") == 2


def test_vectors_and_copies_belong_to_their_images(small_phantom):
    size = {"height": 24, "width": 32}
    vectors = leakage.image_vectors(small_phantom, "pixels", **size)
    assert tuple(vectors.index) == small_phantom.ids
    binary = malignant_or_benign(small_phantom)
    malignant = small_phantom.table["label"].isin(MALIGNANT)
    assert (binary.codes() == malignant.to_numpy()).all()
    copies = leakage.malignant_copies(binary, leakage.embedder("pixels", **size), **size)
    assert list(copies.index) == list(small_phantom.table.index[malignant])
    # a copy keeps its colours: its histogram is nearer its own image's than the average one's
    own = np.abs(copies.iloc[:, -24:] - vectors.loc[copies.index].iloc[:, -24:]).mean(axis=1)
    others = np.abs(copies.iloc[:, -24:] - vectors.iloc[:, -24:].mean()).mean(axis=1)
    assert (own < others).mean() > 0.9


def test_an_unknown_classifier_is_refused(small_phantom):
    vectors = leakage.image_vectors(small_phantom, "pixels", height=24, width=32)
    with pytest.raises(ParameterError, match="forest"):
        leakage.overlap_effects(vectors, small_phantom, seeds=[0], learner="forest")


def test_figures_draw_their_tables_and_refuse_others():
    frame = effects(("logistic", "one", 0.1), ("nearest", "one", -0.2))
    assert effect_intervals(frame, phantom=True).axes[0].get_ylabel() == ""
    with pytest.raises(DataError, match="no row of accuracy"):
        effect_intervals(frame, metric="accuracy")
    bars = pd.DataFrame({"strategy": ["a"] * 2, "kind": ["sibling", "clean"], "percent": [40, 60]})
    widths = [patch.get_width() for patch in leak_bars(bars).axes[0].patches]
    assert sorted(widths) == [40, 60]
    with pytest.raises(DataError, match="twin"):
        leak_bars(bars.replace("sibling", "twin"))
