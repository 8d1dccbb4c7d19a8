"""Calibration before and after temperature scaling: what changes, and what must not."""

from collections.abc import Sequence

import pandas as pd

from dermbook.evaluation import Predictions, paired_bootstrap, reliability_bins
from dermbook.evaluation.temperature import at_temperature, fit_temperature
from dermbook.publishing.compare import plain

#: scores of calibration, and the accuracy, which no temperature changes
SCORES = ("ece", "brier", "log_loss", "accuracy")


def temperatures(
    validations: Sequence[Predictions], *, resamples: int = 200, seed: int = 0
) -> pd.DataFrame:
    """The temperature of each model, fitted on its validation part by log loss.

    Columns: model, classes, images (of the validation part), temperature, low, high (95 %, over
    resamples of lesions).
    """
    rows = []
    for each in validations:
        found = fit_temperature(each, resamples=resamples, seed=seed)
        rows.append((each.model, len(each.classes), len(each), *found))
    columns = ["model", "classes", "images", "temperature", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def temperature_effects(
    tests: Sequence[Predictions],
    temperatures: pd.DataFrame,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Calibration on the test part before and after, in the order of ``temperatures``.

    Columns: model, classes, metric (ece, brier, log_loss, accuracy), before, after, difference,
    low, high (95 %, lesions resampled, before and after together), changed (images whose most
    probable class changed).
    """
    frames = []
    for test, temperature in zip(tests, temperatures["temperature"], strict=True):
        scaled = at_temperature(test, float(temperature))
        changed = int((scaled.predicted_codes != test.predicted_codes).sum())
        frame = paired_bootstrap(test, scaled, SCORES, resamples=resamples, seed=seed)
        frame = frame.rename(columns={"first": "before", "second": "after"})
        frame = frame[["metric", "before", "after", "difference", "low", "high"]]
        frame.insert(0, "model", test.model)
        frame.insert(1, "classes", len(test.classes))
        frames.append(frame.assign(changed=changed))
    return pd.concat(frames, ignore_index=True)


def reliability_pair(test: Predictions, temperature: float) -> pd.DataFrame:
    """``reliability_bins`` as trained and at a temperature: the column ``when`` says which."""
    scaled = at_temperature(test, temperature)
    return pd.concat(
        [
            reliability_bins(each).assign(when=when)
            for each, when in (
                (test, "as trained"),
                (scaled, f"temperature {plain(temperature)}"),
            )
        ],
        ignore_index=True,
    )
