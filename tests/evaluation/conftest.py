"""Small made-up Predictions, and the reports' own tables, for the tests of the scores."""

import numpy as np
import pandas as pd
import pytest

from dermbook.evaluation import Predictions

SEVEN = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")


def make_predictions(
    truth, probabilities, classes=SEVEN, groups=None, *, model="m", part="test"
) -> Predictions:
    """Predictions from true class names and an (n, k) array; every image its own lesion."""
    probabilities = np.asarray(probabilities, dtype="float64")
    ids = pd.Index([f"I{row}" for row in range(len(probabilities))], name="image_id")
    table = pd.DataFrame(probabilities, index=ids, columns=list(classes))
    table.insert(0, "truth", list(truth))
    table.insert(1, "group", list(ids) if groups is None else [str(group) for group in groups])
    return Predictions(table, classes, model, part, "made-up", "f" * 64, True)


def random_predictions(n=300, classes=SEVEN, *, skill=0.6, lesions=None, seed=0, decimals=None):
    """Imbalanced, clustered and better than chance; with ``decimals``, full of ties."""
    generator = np.random.default_rng(seed)
    k = len(classes)
    group = generator.integers(0, lesions or max(1, int(n / 1.4)), n)
    share = np.array([0.11, 0.67, 0.05, 0.03, 0.11, 0.012, 0.018])[:k]
    label_of_group = generator.choice(k, group.max() + 1, p=share / share.sum())
    codes = label_of_group[group]
    values = generator.dirichlet(np.ones(k), n)
    values[np.arange(n), codes] += skill * generator.random(n)
    values /= values.sum(axis=1, keepdims=True)
    if decimals is not None:
        values = np.round(values, decimals)
        values[:, 0] += 1 - values.sum(axis=1)
        values = np.clip(values, 0, 1)
        values /= values.sum(axis=1, keepdims=True)
    return make_predictions(np.array(classes)[codes], values, classes, group)


def certain(truth, predicted, classes, groups=None) -> Predictions:
    """Predictions that put .9 on ``predicted`` and spread the rest evenly."""
    k = len(classes)
    codes = [classes.index(name) for name in predicted]
    values = np.full((len(codes), k), 0.1 / (k - 1))
    values[np.arange(len(codes)), codes] = 0.9
    return make_predictions(truth, values, classes, groups)


@pytest.fixture
def value_of():
    """Look up one value of a table of scores."""

    def look(frame: pd.DataFrame, metric: str, name: str = "", column: str = "value"):
        rows = frame[(frame["metric"] == metric) & (frame["class"] == name)]
        assert len(rows) == 1, f"{metric} {name}: {len(rows)} rows"
        return rows.iloc[0][column]

    return look


@pytest.fixture
def make():
    return make_predictions


@pytest.fixture
def make_random():
    return random_predictions


@pytest.fixture
def make_certain():
    return certain
