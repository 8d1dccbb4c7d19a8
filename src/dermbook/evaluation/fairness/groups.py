"""Scores of each group of patients, raw and for one mix of classes, with intervals over lesions.

A group that shows harder diseases scores lower with the same model. Two numbers take the mix of
classes out: balanced accuracy over the classes that all groups share, and accuracy *standardised*
to the mix of all groups together (direct standardisation, as epidemiologists compare death rates
of populations of different age; Keiding and Clayton 2014).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.evaluation.fairness.cells import METRICS, Cells, Outcomes, Rule, measures, mix_of
from dermbook.evaluation.metrics import FEW
from dermbook.evaluation.uncertainty import lesion_weights, percentile_interval, wilson

_PROPORTIONS = ("accuracy", "sensitivity", "specificity")
COLUMNS = [
    *("attribute", "group", "metric", "value", "low", "high", "n", "lesions", "classes"),
    *("judged", "why", "interval"),
]


def group_scores(
    outcomes: Outcomes,
    attributes: pd.DataFrame,
    *,
    rule: Rule | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Every metric of every group of every attribute, in the columns ``COLUMNS``.

    attributes: as ``attribute_table`` gives them; images without a group are left out of that
    attribute. Values are those of Fairlearn's ``MetricFrame``; low and high are 95 % of resamples
    of lesions, or Wilson's interval of a proportion with fewer than 5 successes or failures. n:
    images that the metric counts; lesions, classes: of the group. judged: False where the group is
    too small by the rule, and why.
    """
    rule = rule or Rule()
    rows = []
    for attribute in attributes.columns:
        cells = Cells.of(outcomes, attributes[attribute])
        rows += _attribute_rows(attribute, cells, rule, resamples, seed)
    return pd.DataFrame(rows, columns=COLUMNS)


def values_by_group(cells: Cells, shared: np.ndarray, mix: np.ndarray) -> pd.DataFrame:
    """``METRICS`` of each group by Fairlearn's MetricFrame: one row a group.

    A score for one mix of classes is an accuracy in which an image weighs its class's share of the
    mix divided by the group's images of that class.
    """
    from fairlearn.metrics import MetricFrame

    images = cells.counts()[0][0]
    with np.errstate(divide="ignore"):
        each = np.where(images > 0, 1 / images, 0)[cells.group, cells.truth]
    bad = cells.malignant[cells.truth]
    weights = {
        "accuracy": np.ones(len(bad)),
        "standardised_accuracy": each * (shared * mix)[cells.truth],
        "balanced_accuracy": each * shared[cells.truth],
        "sensitivity": bad.astype(float),
        "specificity": (~bad).astype(float),
    }
    right = {"sensitivity": cells.flagged, "specificity": ~cells.flagged}
    frames = [
        MetricFrame(
            metrics={metric: _weighted_mean},
            y_true=np.ones(len(bad)),
            y_pred=right.get(metric, cells.right).astype(float),
            sensitive_features=np.array(cells.names, dtype=object)[cells.group],
            sample_params={metric: {"sample_weight": of}},
        ).by_group
        for metric, of in weights.items()
    ]
    return pd.concat(frames, axis=1).astype(float).loc[list(cells.names)]


def _weighted_mean(_: np.ndarray, right: np.ndarray, sample_weight: np.ndarray) -> float:
    total = float(np.sum(sample_weight))
    return float(np.sum(np.asarray(right) * sample_weight) / total) if total else np.nan


def resampled(
    cells: Cells, shared: np.ndarray, mix: np.ndarray, *, resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """``measures`` of resamples of lesions: float64 (resamples, groups) a metric."""
    chunks = [
        measures(cells.counts(weights), cells.malignant, shared, mix)
        for weights in lesion_weights(cells.lesion, resamples, seed)
    ]
    if not chunks:
        raise ParameterError("resamples: give at least one.")
    return {metric: np.concatenate([chunk[metric] for chunk in chunks]) for metric in METRICS}


def _attribute_rows(
    attribute: str, cells: Cells, rule: Rule, resamples: int, seed: int
) -> Iterable[tuple]:
    reasons, shared = cells.judged(rule)
    mix, lesions = mix_of(cells), cells.lesions()
    images = cells.counts()[0][0]
    values = values_by_group(cells, shared, mix)
    draws = resampled(cells, shared, mix, resamples=resamples, seed=seed)
    side = {"sensitivity": cells.malignant, "specificity": ~cells.malignant}
    side |= dict.fromkeys(("standardised_accuracy", "balanced_accuracy"), shared)
    everything = np.ones(len(cells.classes), bool)
    for position, name in enumerate(cells.names):
        for metric in METRICS:
            counted = side.get(metric, everything)
            value = float(values.at[name, metric])
            low, high, _ = percentile_interval(draws[metric][:, position], 0.95)
            text = f"bootstrap of lesions, {resamples} resamples"
            support = int(lesions[position, counted].sum())
            few = support and min(value, 1 - value) * support < FEW
            if metric in _PROPORTIONS and few:
                low, high = wilson(value * support, support)
                text = f"Wilson, {support} lesions"
            if counted is shared and shared.sum() < rule.classes:
                # of too few classes it would be another score than its name says
                value, low, high, text = np.nan, np.nan, np.nan, ""
            why = reasons[metric][position]
            yield (
                attribute, name, metric, value, low, high, int(images[position, counted].sum()),
                int(lesions[position].sum()), int((lesions[position] > 0).sum()), not why, why,
                text,
            )  # fmt: skip
