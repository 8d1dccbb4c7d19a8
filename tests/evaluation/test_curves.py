import numpy as np
import pytest
import sklearn.metrics as sk

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import pr_points, roc_points, score
from dermbook.evaluation.curves import area_under, thinned

AXES = {
    roc_points: ("false_positive_rate", "true_positive_rate", "roc_auc"),
    pr_points: ("recall", "precision", "average_precision"),
}


@pytest.mark.parametrize("draw", [roc_points, pr_points])
@pytest.mark.parametrize(("n", "skill"), [(150, 0.5), (2000, 0.15), (2000, 0.0)])
def test_at_most_a_hundred_points_and_the_area_of_the_score(draw, n, skill, make_random, value_of):
    predictions = make_random(n, skill=skill, seed=n)
    scores = score(predictions, resamples=0)
    x, y, metric = AXES[draw]
    for name, curve in draw(predictions).groupby("class"):
        expected = value_of(scores, metric, "" if name == "macro" else name)
        assert len(curve) <= 100
        assert curve["area"].nunique() == 1
        assert curve["area"].iloc[0] == pytest.approx(expected, abs=1e-9), name
        assert area_under(curve[x], curve[y]) == pytest.approx(expected, abs=1e-3), name
        assert (np.diff(curve[x]) >= 0).all()
        assert curve[[x, y]].stack().between(0, 1).all()


def test_roc_starts_and_ends_in_the_corners(make_random):
    for _, curve in roc_points(make_random(200)).groupby("class"):
        points = curve[["false_positive_rate", "true_positive_rate"]].to_numpy()
        assert points[0].tolist() == [0, 0]
        assert points[-1].tolist() == [1, 1]


def test_roc_points_lie_on_scikit_learns_curve(make_random):
    predictions = make_random(300, ("benign", "malignant"), skill=0.2)
    fpr, tpr, _ = sk.roc_curve(
        predictions.truth_codes, predictions.probabilities[:, 1], drop_intermediate=False
    )
    corners = set(zip(fpr.round(12), tpr.round(12), strict=True))
    found = roc_points(predictions)
    assert list(found["class"].unique()) == ["malignant"]
    for row in found.itertuples():
        assert (round(row.false_positive_rate, 12), round(row.true_positive_rate, 12)) in corners


def test_ties_make_a_sloped_step(make):
    predictions = make(["n", "p", "n", "p"], [[0.5, 0.5]] * 4, ("n", "p"))
    found = roc_points(predictions)
    assert found["false_positive_rate"].tolist() == [0, 1]
    assert found["area"].iloc[0] == 0.5


def test_precision_recall_follows_the_steps_of_average_precision(make):
    # by falling score: p n p → precision 1 up to recall ½, then 2/3
    predictions = make(["p", "n", "p"], [[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]], ("n", "p"))
    found = pr_points(predictions)
    assert found["recall"].tolist() == [0, 0.5, 0.5, 1]
    assert found["precision"].tolist() == pytest.approx([1, 1, 2 / 3, 2 / 3])
    assert found["area"].iloc[0] == pytest.approx(5 / 6)
    assert found["prevalence"].iloc[0] == pytest.approx(2 / 3)


def test_an_absent_class_has_no_curve(make):
    values = [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]]
    predictions = make(["a", "b", "a"], values, ("a", "b", "c"))
    for draw in (roc_points, pr_points):
        assert set(draw(predictions)["class"]) == {"a", "b", "macro"}
    alone = make(["a", "a"], values[:2], ("a", "b", "c"))
    assert len(roc_points(alone)) == 0
    assert list(pr_points(alone)["class"].unique()) == ["a"]


def test_macro_is_the_mean_at_each_rate(make_random):
    predictions = make_random(120, ("a", "b", "c"))
    found = roc_points(predictions, points=10_000)
    curves = dict(list(found.groupby("class")))
    at = np.linspace(0.0137, 0.97, 23)  # between the corners
    each = [
        np.interp(at, curves[n]["false_positive_rate"], curves[n]["true_positive_rate"])
        for n in "abc"
    ]
    macro = np.interp(
        at, curves["macro"]["false_positive_rate"], curves["macro"]["true_positive_rate"]
    )
    np.testing.assert_allclose(macro, np.mean(each, axis=0), atol=1e-9)


def test_thinning_keeps_the_ends_and_drops_straight_corners():
    x, y = thinned(np.array([0, 0.5, 1.0, 1.0]), np.array([0, 0.5, 1.0, 1.0]), 100)
    assert x.tolist() == [0, 1]
    line = np.linspace(0, 1, 5000)
    x, y = thinned(line, np.sqrt(line), 30)
    assert len(x) == 30
    assert area_under(x, y) == pytest.approx(2 / 3, abs=2e-3)
    with pytest.raises(ParameterError):
        thinned(line, line, 1)


def test_band_holds_the_curve(make_random):
    predictions = make_random(250, ("benign", "malignant"), skill=0.3)
    found = roc_points(predictions, resamples=200)
    middle = found[found["false_positive_rate"].between(0.05, 0.9)]
    assert (middle["low"] <= middle["true_positive_rate"] + 1e-9).all()
    assert (middle["true_positive_rate"] <= middle["high"] + 1e-9).all()
    assert (middle["high"] - middle["low"]).mean() > 0.02
    with pytest.raises(ParameterError, match="two classes only"):
        roc_points(make_random(50), resamples=10)


def test_unknown_truth_is_refused(make):
    with pytest.raises(DataError, match="unknown"):
        roc_points(make([None], [[0.5, 0.5]], ("a", "b")))
