"""The phantom's evidence: three observers of rising strength must score in that order."""

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from dermbook.data.phantom import STRUCTURES, TRAITS, latents, oracle, phantom
from dermbook.data.phantom.evidence import CLASSES, draw_lesion

ROOT = Path(__file__).resolve().parents[2]


def load_script():
    path = ROOT / "benchmarks" / "phantom_difficulty.py"
    spec = importlib.util.spec_from_file_location("phantom_difficulty", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


script = load_script()


@pytest.fixture(scope="module")
def trial():
    """Train and test pictures of different lesions, at half the usual size for speed."""
    train = phantom(700, seed=11, height=72, width=96, balance="equal")
    test = phantom(350, seed=12, height=72, width=96, balance="equal")
    return script.pictures(train), train.codes(), script.pictures(test), test


def test_mean_colour_then_texture_then_oracle(trial):
    seen, codes, unseen, test = trial
    truth = test.codes()

    def score(features, strength):
        model = script.linear_model(strength).fit(features(seen), codes)
        return balanced_accuracy_score(truth, model.predict(features(unseen)))

    colour = score(script.mean_colours, 1.0)
    texture = score(script.texture_statistics, 0.05)
    ideal = balanced_accuracy_score(truth, oracle(latents(test)).argmax(1))
    # guessing scores 1/7 = 0.143; the gaps are several times their standard errors (about 0.025)
    assert 0.16 < colour < 0.40
    assert colour + 0.10 < texture < 0.70
    assert texture + 0.15 < ideal < 0.96


def test_oracle_is_bayes_rule_by_hand():
    row = dict.fromkeys(STRUCTURES, "none") | {
        name: means[0] for name, (means, _) in TRAITS.items()
    }
    row |= {"veil": "present", "network": "atypical"}
    expected = []
    for k in range(7):
        density = 1.0
        for name, levels in STRUCTURES.items():
            absent = 1 - sum(column[k] for column in levels.values())
            density *= absent if row[name] == "none" else levels[row[name]][k]
        for name, (means, deviations) in TRAITS.items():
            distance = (row[name] - means[k]) / deviations[k]
            density *= np.exp(-(distance**2) / 2) / (deviations[k] * np.sqrt(2 * np.pi))
        expected.append(density)
    prior = np.array([0.3, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1])
    posterior = oracle(pd.DataFrame([row]), prior)[0]
    assert posterior == pytest.approx(prior * expected / np.sum(prior * expected))
    assert posterior.argmax() == 0
    flat = oracle(pd.DataFrame([row]))[0]
    assert flat == pytest.approx(np.array(expected) / np.sum(expected))


def test_oracle_is_calibrated_and_better_than_any_half_of_the_evidence():
    rng = np.random.default_rng(0)
    lesions = [draw_lesion(rng, name) for name in CLASSES for _ in range(600)]
    table = pd.DataFrame([{**lesion.structures, **lesion.traits} for lesion in lesions])
    truth = np.repeat(np.arange(7), 600)
    posterior = oracle(table)
    right = posterior.argmax(1) == truth
    # a Bayes-optimal posterior means what it says
    assert posterior.max(1).mean() == pytest.approx(right.mean(), abs=0.015)
    assert 0.85 < right.mean() < 0.95
    blind = table.assign(**dict.fromkeys(STRUCTURES, "none"))
    assert (oracle(blind).argmax(1) == truth).mean() < right.mean() - 0.2


def test_every_column_of_the_evidence_is_a_distribution():
    for name, levels in STRUCTURES.items():
        total = np.sum(list(levels.values()), axis=0)
        assert total.shape == (7,), name
        assert (total < 1).all(), name
        assert (np.array(list(levels.values())) > 0).all(), name


def test_the_datasheets_table_is_the_measured_one():
    result = json.loads((ROOT / "book/appendix/phantom-difficulty.json").read_text("utf-8"))
    assert (ROOT / "book/appendix/phantom-difficulty.inc").read_text("utf-8") == script.table(
        result
    )
    scores = result["scores"]
    order = [scores[name] for name in ("mean_colour", "cnn", "oracle")]
    for weaker, stronger in itertools.pairwise(order):
        assert weaker["high"] < stronger["low"]  # intervals do not even touch
    assert result["version"] == script.VERSION


def test_interval_covers_a_known_accuracy():
    rng = np.random.default_rng(5)
    truth = np.tile(np.arange(7), 200)
    predicted = np.where(rng.random(1400) < 0.7, truth, (truth + 1) % 7)
    low, high = script.interval(truth, predicted, np.arange(1400))
    # binomial standard error of a mean over 1,400 independent images: 0.0122
    assert low < 0.7 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.0122, rel=0.15)


@pytest.mark.slow
def test_network_lies_between_mean_colour_and_oracle():
    result = script.measure(700, 350, epochs=8, size=(64, 80), balance="equal")
    scores = {name: score["balanced_accuracy"] for name, score in result["scores"].items()}
    assert scores["mean_colour"] + 0.08 < scores["cnn"] < scores["oracle"] - 0.10
