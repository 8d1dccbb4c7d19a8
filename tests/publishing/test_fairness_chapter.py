"""The chapter's own pieces: which data may be grouped, tables, the finding, the sentences."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from records import make_record

from dermbook.data.phantom import phantom_clinical
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation import Predictions
from dermbook.evaluation.fairness import Rule
from dermbook.publishing import fairness_and_shift as tables
from dermbook.publishing.record import series_columns
from dermbook.publishing.summaries import fairness_and_shift

MALIGNANT = ["mel", "bcc", "akiec"]


@pytest.fixture(scope="module")
def data(small_phantom):
    rng = np.random.default_rng(0)
    codes = small_phantom.codes()
    values = np.eye(7)[codes] + rng.normal(0, 0.7, (len(codes), 7))
    vectors = pd.DataFrame(values, index=small_phantom.ids)
    return tables.judged(small_phantom, vectors, MALIGNANT, folds=3, components=7, model="head")


def predictions(collection, part, ids):
    rng = np.random.default_rng(1)
    values = rng.dirichlet(np.ones(7), len(ids)) + np.eye(7)[collection.codes(ids)] / 2
    values /= values.sum(axis=1, keepdims=True)
    return Predictions.from_probabilities(ids, values, collection, model="net", part=part)


def test_malignant_labels_are_those_of_the_three_part_label(small_phantom):
    clinical = phantom_clinical(80, height=32, width=48, seed=0)
    found = tables.malignant_labels(clinical)
    expected = clinical.table[clinical.table["three_partition_label"] == "malignant"]["label"]
    assert set(found) == set(expected)
    assert found
    with pytest.raises(DataError, match="three_partition_label"):
        tables.malignant_labels(small_phantom)


def test_a_network_is_judged_only_on_the_collection_that_the_chapter_loads(data, small_phantom):
    ids = list(small_phantom.ids)
    of_part = {"validation": ids[:100], "test": ids[100:]}
    parts = [predictions(small_phantom, *part) for part in of_part.items()]
    outcomes = tables.tested(data, *parts, sensitivity=0.8)
    assert list(outcomes.table.index) == ids[100:]
    # the threshold reaches the sensitivity on validation: of its malignant images 8 of 10 or more
    validation = parts[0].table
    bad = validation["truth"].isin(MALIGNANT)
    scores = validation[MALIGNANT].sum(axis=1)
    flagged = parts[1].table[MALIGNANT].sum(axis=1)
    threshold = flagged[outcomes.table["flagged"]].min()
    assert (scores[bad] >= threshold).mean() >= 0.75
    other = predictions(small_phantom.where(ids=ids[:150]), "test", ids[100:150])
    with pytest.raises(DataError, match="other images of phantom"):
        tables.tested(data, parts[0], other, sensitivity=0.8)


def test_composition_counts_the_table(data, small_phantom):
    found = tables.composition(data, rule=Rule(lesions=50)).set_index(["attribute", "group"])
    table = small_phantom.table
    women = table[table["sex"] == "female"]
    row = found.loc[("sex", "female")]
    assert row["photographs"] == len(women)
    assert row["lesions"] == women["group"].nunique()
    assert row["malignant"] == pytest.approx(women["label"].isin(MALIGNANT).mean())
    assert row["large enough"] == (women["group"].nunique() >= 50)
    for _, of in found.groupby("attribute"):
        assert of["share"].sum() == pytest.approx(1)


def test_the_tables_of_the_card_and_of_the_chapter_have_their_columns(data):
    from dermbook.publishing.appendix.model_card import GROUP_COLUMNS

    uses = {"head": (data, data.outcomes(0.8))}
    rule = Rule(lesions=10, of_side=3)
    groups = tables.groups_of(uses, rule=rule, resamples=20)
    assert {"images", "model", *GROUP_COLUMNS} <= set(groups.columns)
    gaps = tables.gaps_of(uses, rule=rule, resamples=20, permutations=10)
    assert set(gaps["model"]) == {"head"}
    chance = tables.chance_gaps(gaps, draws=50)
    assert chance["share"].between(0, 1).all()
    scores, costs = tables.shift_tables(
        {"x": (data, "sex")}, seeds=[0], at_least=2, components=7, resamples=20
    )
    assert set(scores["source"]) == {"female", "male"}
    wide = scores[scores["metric"] == "accuracy"]
    wide = wide.pivot(index="source", columns="arm", values="value")
    cost = costs[(costs["metric"] == "accuracy") & costs["comparison"].str.startswith("other")]
    expected = (wide["other sources"] - wide["its own source"]).loc[cost["source"]]
    np.testing.assert_allclose(cost["value"], expected)
    with pytest.raises(ParameterError, match="has no 'camera'"):
        tables.source_of(data, "camera")


def frames(low=0.6):
    source = {"images": ["atlas"] * 2, "attribute": "web site"}
    return {
        "from-source": pd.DataFrame(source).assign(
            metric=["accuracy", "balanced_accuracy"], chance=0.1, value=0.2, low=0.15, high=0.25,
            cramers_v=0.5, shuffled=0.1,
        ),
        "recognition": pd.DataFrame(source).assign(
            within=["all classes", "acne"], n=100, sources=2, chance=0.5, value=0.7, low=[0.4, low],
            high=0.8,
        ),
        "gaps": pd.DataFrame(
            {
                "images": "atlas", "model": "head", "attribute": ["skin", "skin"],
                "metric": ["accuracy", "standardised_accuracy"], "worst": "V", "gap": [0.2, 0.05],
                "chance": 0.1, "p_holm": [0.01, 0.9],
            }
        ),
        "groups": pd.DataFrame(
            {
                "model": "head", "group": ["I", "VI"], "metric": "sensitivity",
                "judged": [True, False], "why": ["", "fewer than 30 lesions"],
            }
        ),
        "shift-costs": pd.DataFrame(
            {
                "images": ["atlas"], "attribute": "web site", "source": "a",
                "comparison": "other sources instead of its own source",
                "metric": "balanced_accuracy", "value": -0.1, "low": -0.2, "high": -0.05,
            }
        ),
        "remedies": pd.DataFrame(
            {
                "images": ["atlas"], "attribute": "skin", "remedy": "a threshold a group",
                "metric": "sensitivity", "change": -0.1, "low": -0.2, "high": -0.05,
                "overall_change": 0.01, "overall_low": -0.01, "overall_high": 0.02,
            }
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("low", "phantom", "verdict"),
    [
        (0.6, False, "confirmed"),
        (0.45, False, "not confirmed"),
        (0.6, True, "cannot be compared"),
    ],
)
def test_m16_is_judged_within_single_classes(low, phantom, verdict):
    found = {}
    chapter = SimpleNamespace(
        series=frames(low).__getitem__,
        phantom=phantom,
        finding=lambda about, verdict, **words: found.update(about=about, verdict=verdict, **words),
    )
    tables.add_findings(chapter, "atlas")
    assert (found["about"], found["verdict"]) == ("M16", verdict)
    assert "within acne .700" in found["measured"]
    assert "all classes" not in found["measured"]


def test_sentences_hold_what_was_measured():
    series = {name: series_columns(frame, name) for name, frame in frames().items()}
    text = "\n".join(fairness_and_shift(make_record(series=series)))
    for part in (
        "of 2 gaps", "accuracy by skin (.200, chance .100; worst: V)", "VI (fewer than 30 lesions)",
        "is .200 as it stands and .050", "a -.100 (-.200 to -.050)", "chance .500) within acne",
        "20.0% of images (the largest class: 10.0%)", "sensitivity of all by +.010",
    ):  # fmt: skip
        assert part in text
