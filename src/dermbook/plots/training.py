"""Figures of training: learning curves of one run, and their spread over seeds."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dermbook.plots.style import (
    DASHES,
    MIN_FONT,
    PART_COLOURS,
    SERIES,
    VERMILLION,
    canvas,
    checked,
    grid,
    in_order,
    legend_above,
    metric_label,
    optional_numbers,
    short,
    styled,
)


@styled
def learning_curves(frame: pd.DataFrame, *, best: str = "val_loss") -> Figure:
    """Loss and accuracy by epoch, a row a model, with the best epoch marked.

    frame: model, epoch, loss, accuracy; val_loss and val_accuracy when there was validation.
    best: the column whose optimum marks the epoch, the lowest of a loss, the highest of a score.
    """
    frame = checked(frame, "learning_curves", text=["model"], numbers=["epoch", "loss", "accuracy"])
    frame = optional_numbers(frame, ["val_loss", "val_accuracy", best])
    models = in_order(frame["model"])
    figure, panels = canvas(0.75 + 2.35 * len(models), len(models), 2, squeeze=False, sharex="row")
    for row, model in enumerate(models):
        curve = frame[frame["model"] == model].sort_values("epoch")
        chosen = _best_epoch(curve, best)
        for axes, name in zip(panels[row], ("loss", "accuracy"), strict=True):
            _train_and_validation(axes, curve, name, chosen)
        panels[row, 0].set_title(model)
        if chosen is not None:
            at_best = curve[curve["epoch"] == chosen].iloc[0]
            panels[row, 1].set_title(
                f"epoch {chosen:.0f}: loss {short(at_best['val_loss'])}, "
                f"accuracy {short(at_best['val_accuracy'])}",
                fontsize=MIN_FONT,
                fontweight="normal",
            )
        panels[row, 1].set_ylim(_accuracy_floor(curve), 1.01)
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    legend_above(figure)
    return figure


@styled
def learning_curve_spread(frame: pd.DataFrame, *, metric: str = "val_accuracy") -> Figure:
    """One score by epoch over several seeds: the mean, and the range from worst to best seed.

    frame: model, seed, epoch and the column ``metric``.
    """
    frame = checked(
        frame, "learning_curve_spread", text=["model", "seed"], numbers=["epoch", metric]
    )
    figure, axes = canvas(4.0)
    for position, model in enumerate(in_order(frame["model"])):
        by_epoch = frame[frame["model"] == model].groupby("epoch")[metric]
        colour = SERIES[position % len(SERIES)]
        seeds = frame.loc[frame["model"] == model, "seed"].nunique()
        axes.fill_between(
            by_epoch.min().index, by_epoch.min(), by_epoch.max(), color=colour, alpha=0.2,
            linewidth=0,
        )  # fmt: skip
        mean = by_epoch.mean()
        axes.plot(
            mean.index, mean, color=colour, linestyle=DASHES[position % len(DASHES)],
            label=f"{model}: mean and range of {seeds} seeds",
        )  # fmt: skip
    _whole_epochs(axes, frame["epoch"])
    axes.set_xlabel("epoch")
    axes.set_ylabel(_curve_label(metric))
    grid(axes, "both")
    legend_above(figure, columns=2)
    return figure


def _train_and_validation(axes, curve: pd.DataFrame, name: str, chosen: float | None) -> None:
    dot = "o" if len(curve) == 1 else None
    axes.plot(
        curve["epoch"],
        curve[name],
        color=PART_COLOURS["train"],
        linestyle=DASHES[1],
        marker=dot,
        label="training",
    )
    validation = curve[f"val_{name}"]
    if validation.notna().any():
        axes.plot(
            curve["epoch"],
            validation,
            color=PART_COLOURS["validation"],
            marker=dot,
            label="validation",
        )
    if chosen is not None:
        value = curve.loc[curve["epoch"] == chosen, f"val_{name}"].iloc[0]
        axes.axvline(chosen, color=VERMILLION, linewidth=1, linestyle=DASHES[2])
        axes.plot(
            [chosen], [value], "D", color=VERMILLION, markersize=7, linestyle="none",
            label="best epoch",
        )  # fmt: skip
    _whole_epochs(axes, curve["epoch"])
    axes.set_ylabel(name)
    grid(axes, "both")


def _best_epoch(curve: pd.DataFrame, best: str) -> float | None:
    values = curve[best]
    if values.isna().all():
        return None
    position = values.idxmin() if best.endswith("loss") else values.idxmax()
    return float(curve.loc[position, "epoch"])


def _accuracy_floor(curve: pd.DataFrame) -> float:
    """Zero, unless every accuracy is well above: then just below the lowest."""
    lowest = np.nanmin(curve[["accuracy", "val_accuracy"]].to_numpy())
    return 0.0 if lowest < 0.4 else np.floor(lowest * 10 - 0.5) / 10


def _whole_epochs(axes, epochs: pd.Series) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if epochs.nunique() == 1:
        axes.set_xlim(epochs.iloc[0] - 1, epochs.iloc[0] + 1)


def _curve_label(metric: str) -> str:
    if metric.startswith("val_"):
        return f"validation {metric_label(metric[4:])}"
    return metric_label(metric)
