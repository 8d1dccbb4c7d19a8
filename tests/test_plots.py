"""Every figure: what it draws, what it refuses, and that a phone can show it."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text

from dermbook import plots
from dermbook.errors import DataError
from dermbook.plots import style

SEVEN = ["mel", "nv", "bcc", "akiec", "bkl", "df", "vasc"]


def frame(**columns):
    return pd.DataFrame(columns)


def curve(model, epochs=6):
    epoch = np.arange(1, epochs + 1)
    return frame(
        model=[model] * epochs,
        epoch=epoch,
        loss=1 / epoch,
        accuracy=1 - 0.5 / epoch,
        val_loss=(epoch - 4.0) ** 2 + 1,
        val_accuracy=0.8 - 0.1 / epoch,
    )


def roc(classes):
    parts = [
        frame(**{
            "class": [name] * 3,
            "false_positive_rate": [0, 0.2, 1],
            "true_positive_rate": [0, 0.7, 1],
            "area": [0.75] * 3,
        })
        for name in classes
    ]  # fmt: skip
    return pd.concat(parts)


def pr(classes):
    names = {"false_positive_rate": "recall", "true_positive_rate": "precision"}
    return roc(classes).rename(columns=names).assign(prevalence=0.3)


def scores(models=("a", "b"), metrics=("accuracy", "roc_auc")):
    rows = [(model, metric, 0.6, 0.5, 0.7) for model in models for metric in metrics]
    return pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high"])


LEADERBOARD = pd.DataFrame(
    [
        ("published", "r2-cnn", "ham10000", 0.71, 0.69, 0.73),
        ("this run", "r2-cnn", "ham10000", 0.70, 0.68, 0.72),
        ("reported", "R3 ResNet18", "R3", 0.88, None, None),
        ("this run", "r2-cnn", "phantom", 0.6, 0.5, 0.7),
    ],
    columns=["source", "model", "data", "value", "low", "high"],
)
BINS = frame(
    lower=[0, 0.5], upper=[0.5, 1], confidence=[None, 0.8], accuracy=[None, 0.7],
    count=[0, 10], low=[None, 0.4], high=[None, 0.9],
)  # fmt: skip
MATRIX = frame(truth=["a", "a", "b", "b"], predicted=["a", "b", "a", "b"], count=[8, 2, 0, 0])
THRESHOLDS = frame(
    threshold=[0, 0.4, 1], sensitivity=[1, 0.8, 0], specificity=[0, 0.7, 1],
    precision=[0.3, 0.6, None], f1=[0.4, 0.7, 0], cost=[0.7, 0.2, 0.3],
)  # fmt: skip

#: every function that draws a table, with a table, and the columns it needs
DRAWINGS = {
    "age_histogram": frame(**{
        "class": ["a", "b"], "left": [0, 0], "right": [5, 5], "count": [3, 0],
    }),
    "category_bars": frame(**{"class": ["a", "b"], "category": ["x", "y"], "count": [1, 2]}),
    "class_bars": frame(**{"class": SEVEN, "count": range(1, 8)}),
    "confusion_heatmap": MATRIX,
    "image_sizes": frame(width=[600, 64], height=[450, 64], count=[10, 1]),
    "kappa_histogram": frame(left=[-0.1, 0], right=[0, 0.1], count=[4, 5], observed=[0.3, 0.3]),
    "learning_curves": pd.concat([curve("a"), curve("b")]),
    "learning_curve_spread": pd.concat([curve("a").assign(seed=seed) for seed in (0, 1)]),
    "leaderboard_dots": LEADERBOARD,
    "metric_intervals": scores(),
    "age_boxes": frame(**{
        "class": ["mel", "all"], "n": [5, 9], "low": [20, 5], "q1": [40, 30], "median": [50, 45],
        "q3": [70, 60], "high": [85, 85], "outliers": [1, 0],
    }),
    "age_density": frame(**{
        "class": ["mel", "mel", "nv", "nv"], "age": [0, 80, 0, 80],
        "density": [0.0, 0.02, 0.01, 0.01],
    }),
    "associations": frame(
        column=["age", "sex"], cramers_v=[0.4, 0.1], balanced_accuracy=[0.3, 0.2], chance=[0.14] * 2
    ),
    "class_tail": frame(**{
        "rank": [1, 2, 3], "class": ["psoriasis", "lichen", "xanthomas"], "count": [60, 30, 10],
        "cumulative": [60.0, 90.0, 100.0],
    }),
    "scale_matrix": frame(
        first=["1", "1", "2", "2"], second=["1", "2", "1", "2"], count=[9, 1, 2, 0]
    ),
    "size_scatter": frame(
        reading=["", "", "area"], width=[640, 200, 210], height=[480, 300, 190], count=[7, 2, 1]
    ),
    "skin_types": frame(
        scale=["one", "one", "other", "other"], type=["1", "2", "1", "2"], count=[3, 1, 2, 2],
        percent=[75.0, 25.0, 50.0, 50.0],
    ),
    "missing_bars": frame(column=["age", "sex"], missing=[57, 0], percent=[0.57, 0]),
    "photographs_per_lesion": frame(photographs=[1, 2], lesions=[50, 9]),
    "pr_curves": pr(["nv", "mel"]),
    "quantile_ranges": frame(**{
        "class": ["mel", "nv"], "q05": [0.1, 0.1], "q25": [0.2, 0.2], "median": [0.3, 0.4],
        "q75": [0.5, 0.5], "q95": [0.8, 0.9], "n": [5, 6],
    }),
    "recall_intervals": frame(**{
        "model": ["R3", "ours"], "class": ["df", "df"], "value": [0.5, 0.6], "low": [0.3, 0.4],
        "high": [0.7, 0.8], "n": [11, 11],
    }),
    "reliability_diagram": BINS,
    "roc_curves": roc(["malignant"]).assign(low=0.1, high=0.9),
    "threshold_tradeoff": THRESHOLDS,
}  # fmt: skip
#: columns that a function can do without
OPTIONAL = {
    "learning_curves": {"val_loss", "val_accuracy"},
    "learning_curve_spread": {"loss", "accuracy", "val_loss"},
    "leaderboard_dots": {"low", "high"},
    "metric_intervals": {"low", "high"},
    "pr_curves": {"prevalence"},
    "quantile_ranges": {"n"},
    "roc_curves": {"low", "high"},
    "threshold_tradeoff": {"cost"},
}


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_every_figure_is_tried():
    """Here, or by the tests of the chapter that it was made for."""
    here = {*DRAWINGS, "class_grid", "image_grid", "png", "svg", "use_style"}
    others = [
        path for path in Path(__file__).parent.rglob("test_*.py") if path.name != "test_plots.py"
    ]
    elsewhere = "\n".join(path.read_text(encoding="utf-8") for path in others)
    named = {name for name in plots.__all__ if re.search(rf"\b{name}\b", elsewhere)}
    assert here <= set(plots.__all__)
    assert set(plots.__all__) <= here | named


@pytest.fixture(scope="module", params=sorted(DRAWINGS))
def drawn(request):
    return request.param, getattr(plots, request.param)(DRAWINGS[request.param], phantom=True)


def test_each_is_a_readable_card(drawn):
    name, figure = drawn
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() == style.WIDTH
    figure.draw_without_rendering()
    assert min(np.array(to_rgb(figure.get_facecolor()))) > 0.95
    assert figure.get_facecolor()[3] == 1
    for text in figure.findobj(Text):
        if text.get_text():
            assert text.get_fontsize() >= style.MIN_FONT, text
    labelled = [axes for axes in figure.axes if axes.get_xlabel()]
    assert labelled, f"{name} has no labelled axis"


def test_each_says_phantom_when_it_is(drawn):
    name, figure = drawn
    if name == "leaderboard_dots":  # shows both kinds of data, each in its panel
        assert "phantom: generated images" in words(figure)
        assert "phantom data" not in words(figure)
    else:
        assert "phantom data" in words(figure)


def test_nothing_leaves_the_card(drawn):
    _, figure = drawn
    figure.draw_without_rendering()
    everything = figure.get_tightbbox()  # inches
    assert everything.x0 >= 0
    assert everything.y0 >= 0
    assert everything.x1 <= figure.get_figwidth()
    assert everything.y1 <= figure.get_figheight()


def test_pyplot_holds_no_figure(drawn):
    import matplotlib.pyplot as plt

    assert drawn
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_missing_columns_are_named(name):
    for column in set(DRAWINGS[name].columns) - OPTIONAL.get(name, set()):
        with pytest.raises(DataError, match=rf"{name}: .*lacks .*{column}"):
            getattr(plots, name)(DRAWINGS[name].drop(columns=column))


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_no_rows_are_refused(name):
    with pytest.raises(DataError, match="no rows"):
        getattr(plots, name)(DRAWINGS[name].iloc[:0])


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_a_real_table_from_a_record_is_drawn_untagged_and_left_alone(name):
    # a Record's series holds None where a number is missing, in columns of type object
    given = DRAWINGS[name].astype(object)
    given = given.where(given.notna(), None)
    if name == "leaderboard_dots":
        given = given[given["data"] != "phantom"]
    before = given.copy()
    figure = getattr(plots, name)(given)
    assert not any("phantom" in text for text in words(figure))
    pd.testing.assert_frame_equal(given, before)


def test_text_in_a_number_column_is_refused():
    bad = frame(**{"class": ["a"], "count": ["many"]})
    with pytest.raises(DataError, match="count holds something that is not a number"):
        plots.class_bars(bad)


def test_every_drawing_is_documented():
    for name in DRAWINGS:
        assert "frame: " in inspect.getdoc(getattr(plots, name)), name


# ---- what is drawn -----------------------------------------------------------------------------


def bars(axes):
    return [patch for held in axes.containers if isinstance(held, BarContainer) for patch in held]


def test_class_bars():
    figure = plots.class_bars(DRAWINGS["class_bars"])
    (axes,) = figure.axes
    assert [bar.get_width() for bar in bars(axes)] == list(range(1, 8))
    assert "7 · 25.0 %" in words(figure)
    assert axes.get_yticklabels()[0].get_text() == "melanoma (mel)"
    assert axes.get_xlabel() == "images"
    assert to_rgb(bars(axes)[0].get_facecolor()) == to_rgb(style.CLASS_COLOURS["mel"])


def test_class_bars_by_part():
    table = frame(**{"class": ["a", "b"] * 2, "part": ["train"] * 2 + ["test"] * 2,
                     "count": [6, 2, 3, 1]})  # fmt: skip
    figure = plots.class_bars(table)
    assert [bar.get_width() for bar in bars(figure.axes[0])] == [6, 2, 3, 1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "test"]
    assert "3 · 75.0 %" in words(figure)


def test_category_bars_gather_the_rare_ones():
    counts = [100, 50, 40, 30, 20, 10, 5, 4, 3, 2]
    table = frame(**{"class": ["a"] * 10, "category": list("abcdefghij"), "count": counts})
    figure = plots.category_bars(table, label="site")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["a", "b", "c", "d", "e", "f", "g", "3 others"]
    assert sum(bar.get_width() for bar in bars(figure.axes[0])) == pytest.approx(100)
    assert bars(figure.axes[0])[-1].get_width() == pytest.approx(100 * 9 / 264)
    assert figure.axes[0].get_xlabel() == "share of the class’s images by site, %"


def test_category_of_an_empty_class_has_no_bar():
    table = frame(**{"class": ["a", "b"], "category": ["x", "x"], "count": [3, 0]})
    assert [bar.get_width() for bar in bars(plots.category_bars(table).axes[0])] == [100, 0]


def test_learning_curves_mark_the_best_epoch():
    figure = plots.learning_curves(DRAWINGS["learning_curves"])
    assert len(figure.axes) == 4
    loss = figure.axes[0]
    assert [line.get_label() for line in loss.lines[:2]] == ["training", "validation"]
    marked = [line for line in loss.lines if line.get_label() == "best epoch"]
    assert marked[0].get_xydata().tolist() == [[4, 1]]
    assert "epoch 4: loss 1.000, accuracy .775" in words(figure)
    assert [axes.get_ylabel() for axes in figure.axes[:2]] == ["loss", "accuracy"]
    assert len(figure.legends[0].get_texts()) == 3


def test_learning_curves_by_score_take_the_highest():
    figure = plots.learning_curves(curve("a"), best="val_accuracy")
    assert any(text.startswith("epoch 6:") for text in words(figure))


@pytest.mark.parametrize("drop", [True, False])
def test_learning_curves_without_validation(drop):
    table = curve("a")
    table[["val_loss", "val_accuracy"]] = None
    if drop:
        table = table.drop(columns=["val_loss", "val_accuracy"])
    figure = plots.learning_curves(table)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training"]


def test_spread_spans_the_seeds():
    table = pd.concat([curve("a").assign(seed=s, val_accuracy=0.5 + s / 10) for s in range(3)])
    figure = plots.learning_curve_spread(table)
    (axes,) = figure.axes
    assert axes.lines[0].get_ydata() == pytest.approx([0.6] * 6)
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.5, 0.7))
    assert "a: mean and range of 3 seeds" in words(figure)


def test_confusion_counts_and_row_percentages():
    figure = plots.confusion_heatmap(MATRIX)
    assert {"8\n80 %", "2\n20 %", "0"} <= set(words(figure))
    assert "b  (n = 0)" in words(figure)
    shades = figure.axes[0].images[0].get_array()
    assert shades.tolist() == [[0.8, 0.2], [0, 0]]


def test_confusion_of_many_classes_is_not_written_in():
    names = [f"c{code}" for code in range(20)]
    table = pd.DataFrame([(a, b, 1) for a in names for b in names],
                         columns=["truth", "predicted", "count"])  # fmt: skip
    assert not any(text.startswith("1\n") for text in words(plots.confusion_heatmap(table)))


def test_roc_names_each_area_and_keeps_the_colours():
    figure = plots.roc_curves(roc(["nv", "mel", "macro"]))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["nv, AUC .750", "mel, AUC .750", "macro, AUC .750"]
    colours = [line.get_color() for line in figure.axes[0].lines[1:]]
    assert colours == [style.BLUE, style.VERMILLION, style.BLACK]


def test_roc_band_is_drawn():
    assert len(plots.roc_curves(DRAWINGS["roc_curves"]).axes[0].collections) == 1
    assert len(plots.roc_curves(roc(["malignant"])).axes[0].collections) == 0


def test_pr_shows_chance_of_one_curve():
    assert "chance: prevalence .300" in words(plots.pr_curves(pr(["malignant"])))
    assert not any("chance" in text for text in words(plots.pr_curves(pr(["mel", "nv"]))))


def test_reliability_computes_its_error_and_skips_empty_bins():
    figure = plots.reliability_diagram(BINS)
    assert "expected calibration error .100" in words(figure)
    points = next(line for line in figure.axes[0].lines if line.get_marker() == "o")
    assert points.get_xydata().tolist() == [[0.8, 0.7]]
    assert [bar.get_height() for bar in bars(figure.axes[1])] == [0, 10]


def test_threshold_of_least_cost_is_marked():
    assert "least cost: .40" in words(plots.threshold_tradeoff(THRESHOLDS))
    plain = plots.threshold_tradeoff(THRESHOLDS, mark_cheapest=False)
    assert not any("least cost" in text for text in words(plain))
    without = plots.threshold_tradeoff(THRESHOLDS.drop(columns="cost"))
    assert len(without.axes[0].lines) == 4


def test_metric_intervals_write_their_numbers():
    figure = plots.metric_intervals(scores(), metrics=["roc_auc"])
    assert words(figure).count(".600 (.500–.700)") == 2
    assert "ROC AUC" in words(figure)
    assert "accuracy" not in words(figure)
    one = plots.metric_intervals(scores(models=["a"]))
    assert [t.get_text() for t in one.axes[0].get_yticklabels()] == ["accuracy", "ROC AUC"]
    with pytest.raises(DataError, match="none of nonsense"):
        plots.metric_intervals(scores(), metrics=["nonsense"])


def test_reported_values_are_hollow_diamonds():
    figure = plots.metric_intervals(scores().assign(reported=[0.65, None, None, None]))
    diamonds = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert [(line.get_xdata()[0], line.get_markerfacecolor()) for line in diamonds] == [
        (0.65, "none")
    ]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["measured", "reported"]


def test_a_score_without_interval_is_a_dot():
    figure = plots.metric_intervals(scores(models=["a"]).assign(low=None, high=None))
    assert ".600" in words(figure)


def test_leaderboard_keeps_the_phantom_apart_and_claims_hollow():
    figure = plots.leaderboard_dots(LEADERBOARD)
    real, phantom = figure.axes
    assert real.get_title(loc="left") == "real images"
    assert "phantom" in phantom.get_title(loc="left")
    assert [t.get_text() for t in real.get_yticklabels()] == ["R3 ResNet18", "r2-cnn"]
    claim = next(line for line in real.lines if line.get_marker() == "D")
    assert claim.get_markerfacecolor() == style.CARD
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "published run",
        "this run",
        "reported, no interval given",
    ]


def test_leaderboard_says_what_leaks_and_where_guessing_gets():
    rows = LEADERBOARD.assign(
        protocol=["clean: so", "leaky: so", "leaky: transforms tell the class (M11)", "clean: so"],
        metric="accuracy",
    )
    figure = plots.leaderboard_dots(rows, baseline=0.67)
    assert {".880 leaky, M11", ".710 (.690–.730)"} <= set(words(figure))
    assert "always the largest class" in words(figure)
    real, phantom = figure.axes
    dashed = [line for line in real.lines if set(line.get_xdata()) == {0.67}]
    assert len(dashed) == 1
    assert not any(set(line.get_xdata()) == {0.67} for line in phantom.lines)
    leaky = next(line for line in real.lines if line.get_marker() == "s")
    assert leaky.get_markerfacecolor() == style.CARD


def test_leaderboard_tells_editions_apart():
    twice = pd.concat([LEADERBOARD.iloc[[0]].assign(edition=name) for name in ("laptop", "gpu")])
    (axes,) = plots.leaderboard_dots(twice).axes
    assert {t.get_text() for t in axes.get_yticklabels()} == {"r2-cnn (laptop)", "r2-cnn (gpu)"}


def test_leaderboard_of_the_phantom_alone_is_tagged():
    alone = LEADERBOARD[LEADERBOARD["data"] == "phantom"]
    assert "phantom data" in words(plots.leaderboard_dots(alone, phantom=True))


def test_leaderboard_without_values_is_refused():
    with pytest.raises(DataError, match="no row has a value"):
        plots.leaderboard_dots(LEADERBOARD.assign(value=None))


# ---- pictures ----------------------------------------------------------------------------------


def picture(value=120):
    return np.full((12, 16, 3), value, dtype=np.uint8)


def test_image_grid_is_for_the_phantom_only():
    figure = plots.image_grid([picture()] * 3, ["a", "b", "c"], columns=2, phantom=True)
    assert sum(bool(axes.images) for axes in figure.axes) == 3
    assert {"a", "b", "c", "phantom data"} <= set(words(figure))
    with pytest.raises(DataError, match="only phantom"):
        plots.image_grid([picture()])
    with pytest.raises(DataError, match="2 titles were given for 1"):
        plots.image_grid([picture()], ["a", "b"], phantom=True)
    with pytest.raises(DataError, match="no images"):
        plots.image_grid([], phantom=True)


def test_class_grid_has_a_row_a_class():
    table = pd.DataFrame({"label": ["nv", "mel", "nv"]}, index=["i0", "i1", "i2"])
    collection = SimpleNamespace(
        name="phantom", phantom=True, classes=("mel", "nv"), table=table, image=lambda _: picture()
    )
    figure = plots.class_grid(collection, ["i0", "i1", "i2"])
    assert [bool(axes.images) for axes in figure.axes] == [True, False, True, True]
    assert [axes.get_ylabel() for axes in figure.axes] == ["mel", "", "nv", ""]
    collection.phantom = False
    with pytest.raises(DataError, match="is real"):
        plots.class_grid(collection, ["i0"])


# ---- style -------------------------------------------------------------------------------------


def test_files_are_the_same_every_time_and_need_no_font():
    first, second = (plots.class_bars(DRAWINGS["class_bars"]) for _ in range(2))
    assert plots.svg(first) == plots.svg(second)
    assert "<text" not in plots.svg(first)
    assert plots.png(first)[:4] == b"\x89PNG"


def test_the_style_stays_inside():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.class_bars(DRAWINGS["class_bars"])
    assert dict(mpl.rcParams) == before


def test_drawing_never_imports_pyplot():
    code = (
        "import sys; from dermbook import plots; import pandas as pd;"
        "plots.class_bars(pd.DataFrame({'class': ['a'], 'count': [1]}));"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_classes_keep_their_colours():
    assert style.class_colours(["df", "mel"])["mel"] == style.class_colours(["mel"])["mel"]
    assert len(set(style.class_colours(SEVEN).values())) == 7
    assert len(set(style.class_colours(["x", "y", "z"]).values())) == 3


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.6312, ".631"), (1.0, "1.000"), (0.9999, "1.000"), (0.0, ".000"), (-0.0081, "-.008"),
     (1.436, "1.436"), (np.nan, "–")],
)  # fmt: skip
def test_short(value, text):
    assert style.short(value) == text


def test_letters_stand_out_on_every_shade():
    from dermbook.plots.scores import _SHADES

    def luminance(colour):
        c = np.array(to_rgb(colour))
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for share in np.linspace(0, 1, 21):
        shade = _SHADES(share)[:3]
        light, dark = sorted([luminance(shade), luminance(style.ink_on(shade))], reverse=True)
        # 4.5 : 1 is what WCAG 2 asks of small letters; 4 is the most a middle shade can give
        assert (light + 0.05) / (dark + 0.05) > 4
