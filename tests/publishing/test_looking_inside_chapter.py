"""The tables, guards and findings of the chapter that looks inside, on a tiny untrained network."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dermbook.data import phantom
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.looking import area_shares, heat_shares
from dermbook.evaluation.looking.gradcam import heat_maps
from dermbook.models.transfer import build_transfer
from dermbook.publishing import looking_inside
from dermbook.publishing.looking_inside.findings import best
from dermbook.publishing.summaries.looking_inside import looking_inside as summary


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # the cache of a module's fixture must not lie in one test's folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERMBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def model():
    return build_transfer("tiny", (32, 48, 3), 7, seed=1)


@pytest.fixture(scope="module")
def of(folder, model, small_phantom, predictions):
    return looking_inside.subject(model, small_phantom, predictions)


@pytest.fixture(scope="module")
def looks(of):
    return looking_inside.look(of, grids=2, draws=2)


def real(collection):
    """The same pictures, as if they were photographs of patients."""
    return replace(collection, phantom=False)


def test_the_subject_is_the_test_part_at_the_network_s_size(of, predictions, small_phantom):
    assert list(of.ids) == list(predictions.ids)
    assert of.images.shape == (len(of.ids), 32, 48, 3)
    assert of.masks.shape == of.images.shape[:3]
    assert of.masks.dtype == bool
    truth = [small_phantom.classes[code] for code in of.truth]
    assert truth == list(predictions.table["truth"])
    mask = small_phantom.mask(of.ids[3])
    assert of.masks[3].mean() == pytest.approx(mask.mean(), abs=0.02)


def test_some_pictures_are_drawn_by_seed(model, small_phantom, predictions, of):
    some, same, other = (
        looking_inside.subject(model, small_phantom, predictions, judged=9, seed=seed)
        for seed in (1, 1, 2)
    )
    assert len(some.ids) == 9
    assert list(some.ids) == list(same.ids) != list(other.ids)
    assert set(some.ids) <= set(of.ids)
    rows = of.ids.get_indexer(some.ids)
    np.testing.assert_array_equal(some.images, of.images[rows])
    with pytest.raises(ParameterError, match="judged"):
        looking_inside.subject(model, small_phantom, predictions, judged=-1)


def test_predictions_of_another_collection_are_refused(model, small_phantom, predictions):
    other = small_phantom.where(ids=small_phantom.ids[:-1])
    with pytest.raises(DataError, match="another phantom than this"):
        looking_inside.subject(model, other, predictions)


def test_depths_are_told_for_a_trained_and_a_random_network(of):
    layers = looking_inside.layer_table(of)
    table = looking_inside.depth_table(of, layers, draws=2)
    assert len(table) == 2 * 2 * len(layers)
    active = table[table["measure"] == "active"]
    assert active["value"].between(0, 1).all()
    contrast = table[table["measure"] == "contrast"]
    assert contrast["value"].between(-1, 1).all()
    assert (contrast["low"] <= contrast["value"]).all()
    ours, theirs = (
        contrast[contrast["network"] == name]["value"].to_numpy()
        for name in (looking_inside.TRAINED, looking_inside.RANDOM)
    )
    assert np.abs(ours - theirs).max() > 1e-3


def test_even_heat_scores_the_area_and_the_mask_beats_it(looks):
    scores = looking_inside.pointing_scores(looks)
    inside = scores[scores["metric"] == "heat_inside"].set_index("model")["value"]
    area = area_shares(looks.subject.masks).mean()
    assert inside[looking_inside.EVEN] == pytest.approx(area)
    hits = scores[scores["metric"] == "pointing_hits"].set_index("model")["value"]
    assert hits[looking_inside.EVEN] == pytest.approx(area)
    coarse, fine = (inside[looking_inside.mask_name(grid)] for grid in looks.grids)
    # the finer the grid, the more the mask itself can show
    assert area < coarse < fine < 1
    assert looks.grids == ["2 × 3", "4 × 6"]
    assert inside.index[0] == "Grad-CAM, 2 × 3"


def test_gains_are_differences_on_pictures_where_both_have_heat(looks):
    values = {measure: frame.copy() for measure, frame in looks.values.items()}
    for frame in values.values():
        frame.iloc[:5, 1] = np.nan
        frame.iloc[7, 0] = np.nan
    gains = looking_inside.pointing_gains(replace(looks, values=values))
    assert len(gains) == sum(frame.shape[1] - 1 for frame in values.values())
    for row in gains.to_dict("records"):
        ours, theirs = row["comparison"].split(" − ")
        both = values[row["metric"]][[ours, theirs]].dropna()
        assert row["first"] == pytest.approx(both[theirs].mean())
        assert row["second"] == pytest.approx(both[ours].mean())
        assert row["value"] == pytest.approx((both[ours] - both[theirs]).mean())


def test_scores_of_several_draws_are_averaged(looks, of):
    name = looking_inside.method_name(looking_inside.RANDOM, looks.grids[0])
    found = [
        heat_shares(heat_maps(sight.signed, *of.size), of.masks)
        for sight in looks.sights[looking_inside.RANDOM, looks.grids[0]]
    ]
    assert len(found) == 2
    assert np.nanmax(np.abs(found[0] - found[1])) > 1e-3
    known = ~np.isnan(found).all(axis=0)
    expected = np.nanmean(np.array(found)[:, known], axis=0)
    np.testing.assert_allclose(looks.values["heat_inside"][name][known], expected)
    assert looks.values["heat_inside"][name][~known].isna().all()
    with pytest.raises(ParameterError, match="draws"):
        looking_inside.depth_table(of, looking_inside.layer_table(of), draws=0)


def test_groups_are_classes_and_answers(looks):
    table = looking_inside.group_table(looks).set_index("group")
    assert list(table.index[-2:]) == ["right", "wrong"]
    assert table.loc[["right", "wrong"], "n"].sum() == len(looks.subject.ids)
    assert table["n"][:-2].sum() == len(looks.subject.ids)
    nv = looks.subject.truth == looks.subject.collection.classes.index("nv")
    assert table.loc["nv", "value"] == pytest.approx(looks.heat[nv].mean())
    assert table.loc["nv", "area"] == pytest.approx(looks.subject.masks[nv].mean())


def test_right_and_wrong_are_compared_with_their_areas(looks):
    table = looking_inside.right_and_wrong(looks).set_index("comparison")
    right = looks.right
    heat, area = looks.heat.to_numpy(), area_shares(looks.subject.masks)
    for name, values in (
        ("heat inside the lesion", heat),
        ("area of the lesion", area),
        ("heat inside, less the area", heat - area),
    ):
        expected = np.nanmean(values[right]) - np.nanmean(values[~right])
        assert table.loc[name, "value"] == pytest.approx(expected)


def test_the_same_network_is_perfectly_correlated_with_itself(looks):
    sights = dict(looks.sights)
    for grid in looks.grids:
        sights[looking_inside.RANDOM, grid] = sights[looking_inside.TRAINED, grid]
    table = looking_inside.sanity_table(replace(looks, sights=sights)).set_index("model")["value"]
    ours = looking_inside.sanity_table(looks).set_index("model")["value"]
    for grid in looks.grids:
        assert table[f"{looking_inside.RANDOM}, {grid}"] == pytest.approx(1)
        assert ours[f"{looking_inside.RANDOM}, {grid}"] < 0.9
        assert f"{looking_inside.OTHER}, {grid}" in ours.index
    assert ours.between(-1, 1).all()


def test_the_surest_errors_come_first(looks):
    table = looking_inside.error_table(looks, rows=5)
    assert list(table["probability"]) == sorted(table["probability"], reverse=True)
    assert (table["truth"] != table["predicted"]).all()
    wrong = looks.sight.certainty[~looks.right]
    assert table["probability"].iloc[0] == pytest.approx(wrong.max())
    labels = looks.subject.collection.table["label"]
    assert list(table["truth"]) == [labels[each] for each in table["image_id"]]


def test_the_view_is_compared_with_the_saved_predictions(looks, predictions):
    row = looking_inside.view_table(looks, predictions).iloc[0]
    assert row["images"] == len(predictions)
    assert row["mirrored"] == pytest.approx(
        (predictions.predicted == predictions.table["truth"]).mean()
    )
    assert row["one_look"] == pytest.approx(looks.right.mean())


def test_pictures_are_made_of_phantoms_only(of, small_phantom):
    unseen = looking_inside.unseen_phantoms(24)
    items = looking_inside.heat_pictures(of, unseen, each=2)
    assert 1 <= len(items) <= 4
    kinds = [item[0].split(":")[0] for item in items]
    assert kinds == sorted(kinds, reverse=True)  # wrong ones first
    for _, picture, mask, heat in items:
        assert picture.shape == (96, 128, 3)
        assert mask.shape == heat.shape == (96, 128)
        assert 0 <= heat.min() <= heat.max() <= 1
    layers = looking_inside.layer_table(of)
    rows = looking_inside.activation_pictures(of, unseen, layers, pictures=2)
    assert [label for label, _ in rows] == ["mean", "strongest"] * 2
    assert all(len(images) == 1 + len(layers) for _, images in rows)
    # a collection of patients: neither heat nor maps
    patients = real(small_phantom)
    with pytest.raises(DataError, match="never shown"):
        looking_inside.heat_pictures(of, patients)
    with pytest.raises(DataError, match="never shown"):
        looking_inside.activation_pictures(of, patients, layers)


def test_pictures_of_other_classes_are_refused(of, small_phantom):
    two = phantom(21, height=48, width=64, seed=3).relabel(
        {name: "x" if name == "nv" else "y" for name in small_phantom.classes}, ["x", "y"]
    )
    with pytest.raises(DataError, match="other classes"):
        looking_inside.heat_pictures(of, two)


class Gathered:
    """As much of a Chapter as the findings need."""

    def __init__(self, series, phantom=False):
        self.kept, self.phantom, self.findings, self.metrics = series, phantom, {}, None

    def series(self, name):
        return self.kept[name]

    def finding(self, about, verdict, *, measured, because):
        self.findings[about] = (verdict, measured, because)

    def add_metrics(self, scores, *, model, part):
        self.metrics = (scores, model, part)


@pytest.fixture(scope="module")
def series(of, looks, predictions):
    layers = looking_inside.layer_table(of)
    return {
        "mistakes": looking_inside.mistakes(predictions),
        "depths": looking_inside.depth_table(of, layers, draws=1),
        "pointing": looking_inside.pointing_scores(looks),
        "right-wrong": looking_inside.right_and_wrong(looks),
        "sanity": looking_inside.sanity_table(looks),
    }


def test_no_row_can_be_confirmed_and_each_says_why(series):
    for phantoms in (False, True):
        chapter = Gathered(series, phantoms)
        looking_inside.add_findings(chapter)
        assert set(chapter.findings) == {"0.17", "1.15", "3.9"}
        for verdict, measured, because in chapter.findings.values():
            assert verdict == "cannot be compared"
            assert any(letter.isdigit() for letter in measured)
            assert ("phantom" in because) == phantoms
    assert "future work" in chapter.findings["0.17"][2]
    assert best(series["pointing"], "heat_inside") in chapter.findings["0.17"][1]


def test_the_network_s_scores_go_into_the_record(series):
    chapter = Gathered(series)
    looking_inside.add_scores(chapter, network="tiny-fine-tuned")
    scores, model, part = chapter.metrics
    assert (model, part) == ("tiny-fine-tuned", "test")
    assert list(scores["metric"]) == list(looking_inside.MEASURES)
    assert set(scores.columns) >= {"class", "value", "low", "high", "n", "interval"}


def test_the_summary_says_what_the_series_hold(series):
    record = SimpleNamespace(series_frame=lambda name: pd.DataFrame(series[name]))
    sentences = summary(record)
    assert len(sentences) == 6
    ours = series["pointing"].iloc[0]["value"]
    assert f"{ours:.3f}".lstrip("0") in sentences[1]
    last = series["sanity"].iloc[-1]
    assert f"{last['model']}: {last['value']:+.2f}" in sentences[3]
    nothing = series["mistakes"].assign(wrong=0)
    record = SimpleNamespace(series_frame=lambda n: nothing if n == "mistakes" else series[n])
    assert "No picture" in summary(record)[5]
