"""Judging filters: similarity by formula, the phantom's accounts, paired effects, speed."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data import phantom
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import Predictions, enhancement
from dermbook.evaluation.enhancement import psnr, ssim, verdict
from dermbook.evaluation.enhancement.hair import Method, band_of


@pytest.fixture(scope="module")
def hairy():
    return phantom(120, height=96, width=128, seed=7)


@pytest.fixture(scope="module")
def judged(hairy):
    methods = {
        **enhancement.METHODS,
        "blackened": Method(np.zeros_like, lambda picture: np.ones(picture.shape[:2], bool)),
    }
    return enhancement.judge_removal(hairy, enhancement.pick_by_hair(hairy, 4), methods)


def test_psnr_is_ten_log_of_peak_over_error():
    black = np.zeros((20, 20, 3), np.uint8)
    assert psnr(black, black + 255) == pytest.approx(0)
    assert psnr(black, black + 1) == pytest.approx(20 * np.log10(255))
    assert psnr(black, black) == float("inf")


def test_ssim_of_even_pictures_is_the_luminance_term():
    first, second = np.full((16, 20), 100, np.uint8), np.full((16, 20), 140, np.uint8)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 140 + c1) / (100**2 + 140**2 + c1)
    assert ssim(first, second) == pytest.approx(expected, abs=1e-9)
    assert ssim(first, first) == pytest.approx(1)


def test_ssim_agrees_with_the_formula_written_out_window_by_window():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (14, 17), dtype=np.uint8)
    y = np.clip(x.astype(int) + rng.integers(-60, 60, x.shape), 0, 255).astype(np.uint8)
    place = np.arange(-5, 6)
    line = np.exp(-(place**2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for i in range(14 - 10):
        for j in range(17 - 10):
            a, b = (each[i : i + 11, j : j + 11].astype(float) for each in (x, y))
            ma, mb = (weights * a).sum(), (weights * b).sum()
            va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
            cov = (weights * (a - ma) * (b - mb)).sum()
            values.append(
                (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
            )
    assert ssim(x, y) == pytest.approx(np.mean(values), abs=1e-9)
    assert ssim(x, 255 - x) < 0


def test_similarity_refuses_what_cannot_be_compared():
    small = np.zeros((5, 5), np.uint8)
    with pytest.raises(ParameterError, match="11"):
        ssim(small, small)
    for function in (psnr, ssim):
        with pytest.raises(ParameterError, match="one shape"):
            function(small, small[:4])
        with pytest.raises(ParameterError, match="uint8"):
            function(small.astype(float), small.astype(float))


def test_bands_cover_all_amounts_of_hair():
    assert [band_of(h) for h in (0, 0.1, 0.25, 0.26, 0.5, 0.9, 1)] == [
        "none", "little", "little", "some", "some", "much", "much",
    ]  # fmt: skip


def test_untouched_pictures_err_on_hair_only_and_black_ones_everywhere(hairy, judged):
    untouched = judged[judged["method"] == "untouched"]
    assert (untouched[["skin_error", "lesion_error", "clean_lesion_error"]] == 0).all(axis=None)
    assert (untouched["hair_error"].dropna() > 0).all()
    assert untouched["recall"].isna().all()
    black = judged[judged["method"] == "blackened"].set_index("image_id")
    for image_id in black.index[:3]:
        shot = hairy.source.rendering(image_id)
        skin = ~shot.hair & ~shot.mask
        assert black.at[image_id, "skin_error"] == pytest.approx(shot.hair_free[skin].mean())
        if shot.hair.any():
            assert black.at[image_id, "recall"] == 1
            assert black.at[image_id, "precision"] == pytest.approx(shot.hair.mean())
            assert black.at[image_id, "iou"] == pytest.approx(shot.hair.mean())


def test_scores_are_means_with_intervals_and_paired_differences(judged):
    table = enhancement.removal_scores(judged, resamples=200).set_index(["method", "measure"])
    for method in ("dullrazor", "untouched", "blackened"):
        values = judged.loc[judged["method"] == method, "hair_error"].dropna()
        row = table.loc[(method, "hair_error")]
        assert row["value"] == pytest.approx(values.mean())
        assert row["n"] == len(values)
        assert row["low"] <= row["value"] <= row["high"]
    base = table.loc[("untouched", "hair_error"), "value"]
    removed = table.loc[("dullrazor", "hair_error")]
    assert removed["difference"] == pytest.approx(removed["value"] - base)
    assert removed["difference_high"] < 0  # it helps on hair
    assert table.loc[("blackened", "psnr"), "difference_high"] < 0
    assert ("median", "recall") not in table.index


def test_gains_are_told_apart_by_hair_and_harm_by_structure(hairy, judged):
    bands = enhancement.removal_by_hair(judged, resamples=100)
    assert set(bands["band"]) == {"little", "some", "much"}
    gain = bands.set_index(["band", "method"])["value"]
    assert gain["much", "dullrazor"] > 0 > gain["much", "blackened"]
    ids = enhancement.pick_by_structure(hairy, 3)
    lines = enhancement.judge_removal(hairy, ids)
    harm = enhancement.harm_by_structure(lines, resamples=100)
    assert set(harm["structure"]) == {"streaks", "network", "neither"}
    assert "untouched" not in set(harm["method"])
    assert (harm["n"] == 3).all()
    assert hairy.table.loc[ids, "group"].is_unique


def test_only_a_phantom_can_be_judged(hairy):
    held = enhancement.held_in_memory(hairy)  # pictures only: its truth is not asked for
    with pytest.raises(DataError, match="without hair"):
        enhancement.judge_removal(held, hairy.ids[:1])


def test_a_threshold_is_chosen_on_one_phantom_and_judged_on_the_other(hairy):
    other = phantom(120, height=96, width=128, seed=8)
    table = enhancement.threshold_study(hairy, other, [10, 40, 255], each=2)
    assert len(table) == 6
    assert table["best"].sum() == 2
    for _, rows in table.groupby("method"):
        assert rows.loc[rows["best"], "fitted"].item() == rows["fitted"].min()
        never = rows[rows["threshold"] == 255].iloc[0]
        shots = [other.source.rendering(i) for i in enhancement.pick_by_hair(other, 2)]
        left = np.mean(
            [np.abs(s.picture.astype(int) - s.hair_free).mean(axis=2).mean() for s in shots]
        )
        assert never["error"] == pytest.approx(left)
        assert never["recall"] == 0


def test_a_held_collection_is_the_same_and_draws_each_picture_once(hairy, monkeypatch):
    held = enhancement.held_in_memory(hairy)
    assert held.fingerprint == hairy.fingerprint
    assert held.phantom
    first = held.image(hairy.ids[0])
    assert np.array_equal(first, hairy.image(hairy.ids[0]))
    assert held.image(hairy.ids[0]) is first
    assert not first.flags.writeable
    assert np.array_equal(held.mask(hairy.ids[0]), hairy.mask(hairy.ids[0]))


def _oracle(collection, splits, quality):
    """A learner whose probability for the truth depends on the filter only."""

    def learn(name, seed):
        ids = splits[seed].parts["test"]
        truth = np.eye(len(collection.classes))[collection.codes(ids)]
        noise = np.random.default_rng(seed).random(truth.shape)
        right = np.random.default_rng(seed).random(len(ids)) < quality[name]
        scores = np.where(right[:, None], truth + 1e-6, noise)
        return Predictions.from_probabilities(
            ids, scores / scores.sum(axis=1, keepdims=True), collection, model=name, part="test"
        )

    return learn


def test_effects_find_a_planted_gain_and_a_planted_harm_and_nothing_where_nothing_is():
    lesions = phantom(350, height=32, width=32, seed=0, balance="equal")
    splits = enhancement.seed_splits(lesions, range(5))
    quality = {"off": 0.5, "median": 0.9, "crop": 0.1, "denoise": 0.5}
    learn = _oracle(lesions, splits, quality)
    names = ["median", "crop", "denoise"]
    table, arms = enhancement.filter_effects(learn, names, range(5), resamples=300)
    found = table[table["metric"] == "balanced_accuracy"].set_index("filter")
    assert found["verdict"].to_dict() == {
        "median": "gain", "crop": "harm", "denoise": "no difference shown",
    }  # fmt: skip
    assert found.loc["denoise", "value"] == 0
    assert (found["low_all"] <= found["low"]).all()
    assert (found["high_all"] >= found["high"]).all()
    assert found["value"].equals(found["on"] - found["off"])
    assert len(arms) == 4
    assert (found["seeds"] == 5).all()


def test_the_verdict_is_that_of_the_interval():
    assert [verdict(*pair) for pair in ((0.01, 0.1), (-0.1, -0.01), (-0.1, 0.1), (0, 1))] == [
        "gain", "harm", "no difference shown", "no difference shown",
    ]  # fmt: skip


def test_effects_refuse_nothing_to_do_and_unknown_filters():
    for names, seeds in (([], [0]), (["median"], []), (["unheard-of"], [0])):
        with pytest.raises(ParameterError):
            enhancement.filter_effects(lambda name, seed: None, names, seeds)


def test_a_head_learns_from_texture_and_repeats_itself():
    lesions = enhancement.lesions_to_filter("phantom", images=140, height=48, width=64)
    assert lesions.class_counts().nunique() == 1
    splits = enhancement.seed_splits(lesions, range(2))
    assert splits[0].parts != splits[1].parts
    runs = [
        enhancement.head_effects(lesions, splits, ["median"], height=48, width=64, resamples=50)
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(runs[0][0], runs[1][0])
    table, plain = runs[0]
    assert (table["learner"] == "texture+logistic").all()
    assert (table["off"] > 1 / 7).all()
    assert plain.model == "texture+logistic+off"
    assert plain.ids == splits[0].parts["test"]


def test_a_network_is_trained_with_and_without(monkeypatch):
    lesions = enhancement.lesions_to_filter("phantom", images=70, height=48, width=64)
    splits = enhancement.seed_splits(lesions, [3])
    table, plain = enhancement.cnn_effects(
        lesions, splits, ["clahe-rgb-2"], height=12, width=16, architecture="one-conv", epochs=1,
        options={"filters": 4, "dense": 8}, resamples=20,
    )  # fmt: skip
    assert set(table["metric"]) == {"balanced_accuracy", "f1_macro"}
    assert len(table) == 2
    assert plain.model == "one-conv+off"
    assert plain.ids == splits[3].parts["test"]


def test_speed_is_measured_against_plain_reading(hairy):
    table = enhancement.throughput(hairy, ["median", "denoise"], images=4, repeats=1)
    table = table.set_index("filter")
    assert table.loc["plain", "ratio"] == 1
    assert table.loc["denoise", "ratio"] > table.loc["median", "ratio"] >= 1
    with pytest.raises(ParameterError):
        enhancement.throughput(hairy, images=0)
