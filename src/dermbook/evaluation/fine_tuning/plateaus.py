"""A schedule that reads improvement as a plateau, seen on a curve (lesson M5)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pandas as pd

from dermbook.training import Plateau
from dermbook.training.schedule import Best, Progress

MODES = ("auto", "max")


def r4_plateau(mode: str, *, patience: int = 5, monitor: str = "val_f1") -> Plateau:
    """R4's rule (row 4.8): halve after 5 epochs without a better value, down to 1e-5."""
    return Plateau(monitor, factor=0.5, patience=patience, min_learning_rate=1e-5, mode=mode)  # type: ignore[arg-type]


def replayed(
    values: Sequence[float], plateau: Plateau, *, learning_rate: float = 1e-3
) -> pd.DataFrame:
    """What a rule does to a curve: mode, epoch, value, learning_rate, best, halved.

    values: of the monitor, one an epoch. learning_rate: the one used in that epoch, the first one
    given. best: whether the value is the highest so far. halved: whether the rate falls after it.
    """
    progress = Progress(best=None, stopping=None, plateau=plateau)
    highest, rate, rows = Best("max"), learning_rate, []
    for epoch, value in enumerate(values, start=1):
        new = progress.next_learning_rate(
            epoch, {plateau.monitor: float(value), "learning_rate": rate}
        )
        best = highest.update(epoch, float(value))
        rows.append((plateau.mode, epoch, float(value), rate, best, new is not None))
        rate = rate if new is None else new
    columns = ["mode", "epoch", "value", "learning_rate", "best", "halved"]
    return pd.DataFrame(rows, columns=columns)


def curves_with_halvings(histories: Mapping[str, pd.DataFrame], *, monitor: str) -> pd.DataFrame:
    """The same table from trainings that ran under each mode, by mode."""
    frames = []
    for mode, history in histories.items():
        rates = history["learning_rate"].to_numpy()
        value = history[monitor].reset_index(drop=True)
        frames.append(
            pd.DataFrame(
                {
                    "mode": mode,
                    "epoch": history["epoch"].to_numpy(),
                    "value": value,
                    "learning_rate": rates,
                    "best": value > value.cummax().shift(fill_value=-1.0),
                    # the last epoch's own effect on the rate is never seen
                    "halved": [*(bool(b < 0.999 * a) for a, b in pairwise(rates)), False],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def halvings(frame: pd.DataFrame, *, patience: int) -> pd.DataFrame:
    """Each mode's halvings: mode, halved, wrong, epochs (as text, from 1).

    wrong: at how many of them the highest value so far was not older than ``patience`` epochs, so
    that there was no plateau.
    """
    rows = []
    for mode, of in frame.groupby("mode", sort=False):
        epochs = of.loc[of["halved"], "epoch"].tolist()
        bests = of.loc[of["best"], "epoch"].to_numpy()
        wrong = sum(bool((epoch - bests[bests <= epoch].max()) < patience) for epoch in epochs)
        rows.append((mode, len(epochs), wrong, ", ".join(map(str, epochs))))
    return pd.DataFrame(rows, columns=["mode", "halved", "wrong", "epochs"])
