"""The chapter's own tables, the rules of its findings, and its figures."""

import numpy as np
import pandas as pd
import pytest

from dermbook import plots
from dermbook.errors import DataError
from dermbook.publishing import input_pipelines


class Findings:
    """Stands in for a chapter: holds series, notes findings."""

    phantom = False

    def __init__(self, **series):
        self._series = series
        self.found = {}

    def series(self, name):
        return self._series[name]

    def finding(self, about, verdict, *, measured, because):
        self.found[about] = (verdict, measured, because)


def test_label_codes_say_what_a_folders_number_means(small_phantom):
    table = input_pipelines.label_codes(small_phantom).set_index("class")
    assert table.loc["mel", "code"] == 0
    assert table.loc["mel", "by_folder"] == 4  # akiec bcc bkl df mel nv vasc
    assert table.loc["mel", "meant"] == small_phantom.classes[4]
    assert table["images"].sum() == len(small_phantom)


def test_two_folders_hold_every_image_once(small_phantom):
    table = input_pipelines.two_folders(small_phantom, ["mel", "bcc"]).set_index("folder")
    labels = small_phantom.table["label"]
    assert table.loc["malignant", "images"] == labels.isin(["mel", "bcc"]).sum()
    assert table["images"].sum() == len(small_phantom)
    assert table["reported"].to_dict() == {"benign": 8000, "malignant": 2000}


def test_r1s_counts_are_confirmed_when_they_round_to_the_reports():
    folders = {"folder": ["benign", "malignant"], "reported": [8000, 2000]}
    for counts, verdict in (([8061, 1954], "confirmed"), ([7300, 2715], "not confirmed")):
        chapter = Findings(**{"two-folders": pd.DataFrame({**folders, "images": counts})})
        input_pipelines._two_folders(chapter)
        assert chapter.found["1.1"][0] == verdict
    chapter.phantom = True
    input_pipelines._two_folders(chapter)
    assert chapter.found["1.1"][0] == "cannot be compared"


def test_normalisation_stands_beside_the_report(small_phantom):
    table = input_pipelines.normalisation(small_phantom, [8, 16], images=40, draws=20)
    assert len(table) == 2 * 3 * 3
    red = table[table["channel"] == "red"].groupby("quantity")["reported"].first()
    assert red.to_dict() == {
        "mean": 0.76272242,
        "pooled_std": 0.14188903,
        "image_std": 0.14188903,
    }
    assert (table["low"] <= table["value"]).all()
    assert (table["inside"] == table["reported"].between(table["low"], table["high"])).all()


def normalisation_at(pooled, image):
    rows = [("mean", 0.5, True), ("pooled_std", pooled, pooled == 0.2), ("image_std", image, False)]
    return pd.DataFrame(
        [
            (224, quantity, channel, value, 0.5 if quantity == "mean" else 0.2, inside)
            for quantity, value, inside in rows
            for channel in ("red", "green", "blue")
        ],
        columns=["side", "quantity", "channel", "value", "reported", "inside"],
    )


@pytest.mark.parametrize(
    ("pooled", "verdict", "words"),
    [(0.2, "confirmed", "pooled"), (0.19, "not confirmed", "pooled")],
)
def test_the_nearer_definition_is_named(pooled, verdict, words):
    chapter = Findings(normalisation=normalisation_at(pooled, 0.1))
    input_pipelines._normalisation(chapter)
    assert chapter.found["3.4"][0] == verdict
    assert words in chapter.found["3.4"][2]


def orders(shuffled):
    rows = [("order kept", 0.8, 0.001), ("shuffled, joined on image_id", 0.8, 0.001)]
    rows += [("shuffled", kappa, 0.5) for kappa in shuffled]
    table = pd.DataFrame(rows, columns=["way", "kappa", "p_value"])
    return table.assign(evaluated=0.9)


@pytest.mark.parametrize(
    ("shuffled", "verdict"), [([-0.1, 0.0, 0.1], "confirmed"), ([0.7, 0.8], "not confirmed")]
)
def test_m1_is_confirmed_only_if_shuffling_takes_kappa_to_chance(shuffled, verdict):
    chapter = Findings(orders=orders(shuffled))
    input_pipelines._shuffled(chapter)
    assert chapter.found["M1"][0] == verdict


def swaps(worst):
    pairs = [("unit", "unit", 1.2), ("unit", "caffe", worst), ("caffe", "unit", 2.0)]
    pairs += [("caffe", "caffe", 1.4)]
    table = pd.DataFrame(pairs, columns=["train", "test", "loss"])
    return table.assign(features="small", balanced_accuracy=0.5, cosine=0.4)


@pytest.mark.parametrize(("worst", "verdict"), [(300.0, "confirmed"), (3.0, "not confirmed")])
def test_m4_is_confirmed_only_if_a_swap_can_make_r4s_loss(worst, verdict):
    chapter = Findings(swap=swaps(worst))
    input_pipelines._swapped(chapter)
    assert chapter.found["M4"][0] == verdict
    assert "156.6" in chapter.found["M4"][2]


def test_what_was_not_run_is_not_judged():
    chapter = Findings(race=pd.DataFrame({"pipeline": ["torch-loader"], "images": [np.nan]}))
    input_pipelines._torch(chapter)
    assert chapter.found["3.6"][0] == "cannot be compared"
    assert "torch" in chapter.found["3.6"][2]
    input_pipelines._columns(chapter)
    assert chapter.found["0.6"][0] == "cannot be compared"


def race_table():
    speeds = {
        f"{epoch}_{end}": [value, np.nan]
        for epoch in ("first", "second")
        for end, value in (("low", 90.0), ("high", 120.0))
    }
    return pd.DataFrame(
        {
            "pipeline": ["memory-map", "torch-loader"],
            "images_per_second_first": [100.0, None],
            "images_per_second_second": [110.0, None],
            **speeds,
        }
    )


def written(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_race_is_drawn_without_what_did_not_run():
    figure = plots.pipeline_speed(race_table())
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["memory-map"]
    assert figure.axes[0].get_xscale() == "log"


def test_kappa_dots_are_hollow_where_chance_may_explain_them():
    figure = plots.kappa_by_way(orders([0.1, -0.1]))
    dots = {
        collection.get_offsets()[0][1].round(): collection
        for collection in figure.axes[0].collections
    }
    assert len(dots[2.0].get_offsets()) == 2
    assert not np.array_equal(dots[0.0].get_facecolor(), dots[2.0].get_facecolor())


def test_a_pair_of_matrices_shows_per_cent_of_rows():
    frame = pd.DataFrame(
        [
            (way, t, p, n)
            for way in ("order kept", "shuffled")
            for t, p, n in [("a", "a", 3), ("a", "b", 1), ("b", "a", 0), ("b", "b", 0)]
        ],
        columns=["way", "truth", "predicted", "count"],
    )
    assert written(plots.confusion_pair(frame)) == ["75", "25", "0", "0"] * 2


def test_swap_and_statistics_figures_hold_every_number():
    figure = plots.swap_heatmap(swaps(300.0), phantom=True)
    assert {"300", "1.2", ".50"} <= set(written(figure))
    statistics = normalisation_at(0.2, 0.1)
    statistics = statistics.assign(low=statistics["value"], high=statistics["value"])
    figure = plots.statistics_by_side(statistics)
    assert len(figure.axes) == 3
    assert [len(axes.lines) for axes in figure.axes] == [6, 6, 6]  # a curve and R3's line each
    with pytest.raises(DataError, match="train"):
        plots.swap_heatmap(pd.DataFrame({"loss": [1.0]}))
