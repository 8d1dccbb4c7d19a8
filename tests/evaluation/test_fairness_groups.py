"""Scores by group and their gaps: scikit-learn, formulas, hand-made cases, and ugly ones."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.fairness import (
    METRICS,
    Outcomes,
    Rule,
    attribute_table,
    gap_by_chance,
    gap_table,
    group_scores,
)
from dermbook.evaluation.fairness.cells import Cells, measures, mix_of
from dermbook.evaluation.fairness.gaps import holm, permuted_groups
from dermbook.evaluation.fairness.groups import values_by_group

CLASSES = ("bad", "good", "worse")
LAX = Rule(lesions=1, classes=1, of_class=1, of_side=1)


def outcomes(n=240, *, seed=0, lesions=None, skill=0.7):
    rng = np.random.default_rng(seed)
    lesion = rng.integers(0, lesions, n) if lesions else np.arange(n)
    of_lesion = rng.choice(CLASSES, lesion.max() + 1, p=[0.3, 0.5, 0.2])
    table = pd.DataFrame(
        {
            "truth": of_lesion[lesion],
            "lesion": [f"L{number}" for number in lesion],
            "right": rng.random(n) < skill,
            "flagged": rng.random(n) < 0.5,
        },
        index=[f"I{row}" for row in range(n)],
    )
    return Outcomes(table, CLASSES, ("bad", "worse"))


def names(of, *, seed=1, share=(0.5, 0.3, 0.2), by_lesion=False):
    rng = np.random.default_rng(seed)
    index = of.table["lesion"] if by_lesion else of.table.index
    each = pd.Series(rng.choice(list("abc"), index.nunique(), p=share), index=pd.unique(index))
    return pd.Series(each.loc[list(index)].to_numpy(), index=of.table.index, name="who")


def test_attributes_come_from_the_tables_own_columns():
    table = pd.DataFrame(
        {
            "fitzpatrick_scale": pd.array([1, 4, None], dtype="Int64"),
            "sex": ["male", "unknown", None],
            "age": [29.0, 30.0, np.nan],
            "localization": ["ear", "unknown", "hand"],
            "dx_type": ["histo", "follow_up", "consensus"],
            "site": ["x", "y", "x"],
        },
        index=["1", "2", "3"],
    )
    found = attribute_table(table).astype(object).where(lambda frame: frame.notna(), None)
    assert list(found["skin type"]) == ["I", "IV", None]
    assert list(found["skin, in pairs"]) == ["I–II", "III–IV", None]
    assert list(found["sex"]) == ["male", None, None]
    assert list(found["age"]) == ["under 30", "30–44", None]
    assert list(found["body site"]) == ["head and neck", None, "arms and hands"]
    assert list(found["kind of diagnosis"]) == ["histology", "follow-up", "consensus"]
    with pytest.raises(DataError, match="7 is no skin type"):
        attribute_table(pd.DataFrame({"fitzpatrick_scale": [7, 1]}))
    with pytest.raises(DataError, match="'moon' is in no region"):
        attribute_table(pd.DataFrame({"localization": ["moon"]}))
    with pytest.raises(DataError, match="no column"):
        attribute_table(pd.DataFrame({"label": ["a"]}))


def test_every_place_of_ham10000_is_in_one_region(shared_data):
    table = pd.read_csv(shared_data / "HAM10000_metadata.csv")
    found = attribute_table(table)["body site"]
    assert found.isna().sum() == (table["localization"] == "unknown").sum()


def test_values_are_scikit_learns():
    of = outcomes()
    groups = names(of)
    cells = Cells.of(of, groups)
    shared, mix = np.ones(3, bool), mix_of(cells)
    values = values_by_group(cells, shared, mix)
    for name, table in of.table.groupby(groups):
        predicted = np.where(table["right"], table["truth"], "none of them")
        bad = table["truth"] != "good"
        assert values.at[name, "accuracy"] == pytest.approx(table["right"].mean())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a prediction that is no class
            expected = balanced_accuracy_score(table["truth"], predicted)
        assert values.at[name, "balanced_accuracy"] == pytest.approx(expected)
        assert values.at[name, "sensitivity"] == pytest.approx(recall_score(bad, table["flagged"]))
        expected = recall_score(~bad, ~table["flagged"])
        assert values.at[name, "specificity"] == pytest.approx(expected)
        recalls = table.groupby("truth")["right"].mean()
        weights = of.table["truth"].value_counts(normalize=True)
        expected = (recalls * weights).sum()
        assert values.at[name, "standardised_accuracy"] == pytest.approx(expected)
    # the counting that stands behind intervals says the same
    counted = measures(cells.counts(), cells.malignant, shared, mix)
    weighted = measures(
        cells.counts(np.full((1, len(cells.truth)), 3.0)), cells.malignant, shared, mix
    )
    for metric in METRICS:
        np.testing.assert_allclose(counted[metric][0], values[metric])
        np.testing.assert_allclose(weighted[metric][0], values[metric])


def test_a_difference_that_is_only_the_mix_vanishes_when_standardised():
    """Recall is .9 of good and .5 of bad in both groups; only their mix differs."""
    rows = []
    for group, good, bad in (("young", 200, 40), ("old", 40, 200)):
        for truth, count, recall in (("good", good, 0.9), ("bad", bad, 0.5)):
            rows += [(group, truth, row < recall * count) for row in range(count)]
    table = pd.DataFrame(rows, columns=["who", "truth", "right"])
    table = table.assign(lesion=table.index.astype(str), flagged=False)
    of = Outcomes(table, ("bad", "good"), ("bad",))
    gaps = gap_table(of, table[["who"]], resamples=50, permutations=200).set_index("metric")
    assert gaps.at["accuracy", "gap"] == pytest.approx((200 * 0.4 - 40 * 0.4) / 240)
    assert gaps.at["standardised_accuracy", "gap"] == pytest.approx(0, abs=1e-12)
    assert gaps.at["balanced_accuracy", "gap"] == pytest.approx(0, abs=1e-12)
    # permuting within classes keeps the mix, so the raw gap is no more than it gives
    assert gaps.at["accuracy", "chance"] == pytest.approx(gaps.at["accuracy", "gap"], abs=0.02)
    assert gaps.at["accuracy", "p_value"] > 0.2


def test_small_groups_are_shown_and_not_judged():
    of = outcomes()
    groups = names(of, share=(0.6, 0.35, 0.05))
    scores = group_scores(of, groups.to_frame(), resamples=60)
    small = scores[scores["group"] == "c"]
    assert set(scores["group"]) == {"a", "b", "c"}
    assert not small["judged"].any()
    assert set(small["why"]) == {"fewer than 30 lesions"}
    assert scores.loc[scores["group"] == "a", "judged"].all()
    gaps = gap_table(of, groups.to_frame(), resamples=60, permutations=20)
    assert set(gaps["groups"]) == {2}
    assert "c" not in set(gaps["worst"]) | set(gaps["best"])
    # nobody is malignant in b: everything but sensitivity can be judged
    only = Outcomes(
        of.table[(groups != "b") | (of.table["truth"] == "good")], CLASSES, of.malignant
    )
    scores = group_scores(only, groups.to_frame(), rule=Rule(classes=1), resamples=60)
    b = scores[scores["group"] == "b"].set_index("metric")
    assert b.at["sensitivity", "why"] == "fewer than 10 malignant lesions"
    assert np.isnan(b.at["sensitivity", "value"])
    assert b.at["specificity", "judged"]


def test_scores_of_too_few_shared_classes_have_no_value():
    table = pd.DataFrame({"truth": ["good"] * 80 + ["bad"] * 40 + ["worse"] * 40})
    table = table.assign(lesion=table.index.astype(str), right=True, flagged=True)
    who = pd.DataFrame({"who": ["a", "b"] * 40 + ["a"] * 40 + ["b"] * 40})
    scores = group_scores(Outcomes(table, CLASSES, ("bad", "worse")), who, resamples=40)
    none = scores[scores["metric"] == "balanced_accuracy"]
    assert none["value"].isna().all()
    assert set(none["why"]) == {"the groups share fewer than 2 classes"}
    perfect = scores[scores["metric"] == "accuracy"]
    assert (perfect["high"] == 1).all()
    assert perfect["interval"].str.startswith("Wilson").all()


def test_intervals_resample_lesions_not_images():
    """Five photographs a lesion, all alike, say as much as one: the interval must not shrink."""
    of = outcomes(150, skill=0.6)
    who = pd.DataFrame({"who": "all"}, index=of.table.index)
    copies = pd.concat([of.table.rename(index=lambda i, k=k: f"{i}-{k}") for k in range(5)])
    both = []
    for table in (of.table, copies):
        groups = pd.DataFrame({"who": "all"}, index=table.index)
        scores = group_scores(Outcomes(table, CLASSES, of.malignant), groups, resamples=400)
        row = scores.set_index("metric").loc["accuracy"]
        both.append(row["high"] - row["low"])
    assert both[1] == pytest.approx(both[0], rel=0.1)
    share = of.table["right"].mean()
    assert both[0] == pytest.approx(2 * 1.96 * math.sqrt(share * (1 - share) / 150), rel=0.15)
    assert len(who) == 150


def test_permutations_keep_lesions_whole_and_every_cells_size():
    of = outcomes(300, lesions=120)
    cells = Cells.of(of, names(of, by_lesion=True))
    moved = permuted_groups(cells, np.random.default_rng(0))
    table = pd.DataFrame({"lesion": cells.lesion, "before": cells.group, "now": moved})
    assert (table.groupby("lesion")["now"].nunique() == 1).all()
    assert (table["before"] != table["now"]).any()
    first = table.drop_duplicates("lesion").index
    counts = [pd.crosstab(g[first], cells.truth[first]).to_numpy() for g in (cells.group, moved)]
    np.testing.assert_array_equal(*counts)


def test_a_planted_gap_is_found_and_none_is_not():
    of = outcomes(900, skill=0.7)
    who = names(of).to_frame()
    none = gap_table(of, who, resamples=100, permutations=200).set_index("metric")
    assert none.at["accuracy", "p_value"] > 0.05
    assert 0 < none.at["accuracy", "chance"] < none.at["accuracy", "chance_high"]
    table = of.table.copy()
    table.loc[(who["who"] == "c") & (np.arange(900) % 2 == 0), "right"] = False
    worse = gap_table(Outcomes(table, CLASSES, of.malignant), who, resamples=100, permutations=200)
    row = worse.set_index("metric").loc["standardised_accuracy"]
    assert row["worst"] == "c"
    assert row["p_value"] == pytest.approx(1 / 201)
    assert row["low"] > 0.1


def test_the_gap_by_chance_is_that_of_the_normal_range():
    found = gap_by_chance(0.8, (2, 6), (50,), draws=20000).set_index("groups")
    deviation = math.sqrt(0.8 * 0.2 / 50)
    assert found.at[2, "gap"] == pytest.approx(2 / math.sqrt(math.pi) * deviation, rel=0.03)
    assert found.at[6, "gap"] == pytest.approx(2.534 * deviation, rel=0.03)  # Tippett's range
    assert gap_by_chance(1, (3,), (10,))["gap"].iloc[0] == 0
    with pytest.raises(ParameterError, match="share"):
        gap_by_chance(1.2)


def test_holm_steps_down():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1, 1])
    assert len(holm(np.array([]))) == 0


def test_what_cannot_be_grouped_says_so():
    of = outcomes(60)
    nobody = pd.DataFrame({"who": [None] * 60}, index=of.table.index)
    with pytest.raises(DataError, match="who: no image has a group"):
        group_scores(of, nobody)
    with pytest.raises(ParameterError, match="permutations"):
        gap_table(of, names(of).to_frame(), permutations=0)
    alone = pd.DataFrame({"who": "all"}, index=of.table.index)
    assert gap_table(of, alone, rule=LAX, resamples=20, permutations=5).empty
