"""Early stopping replayed: what another patience would have made of a training that is over."""

from collections.abc import Mapping, Sequence

import pandas as pd

from dermbook.training.schedule import Best, EarlyStopping, Progress


def stopped_at(values: Sequence[float], patience: int) -> tuple[int, int]:
    """The epoch after which a rule would have stopped, and its best epoch until then, from 1.

    values: of a validation loss, one an epoch. Where the rule does not stop, the last epoch is the
    first of the two numbers. ParameterError for a patience below 1.
    """
    best = Best("min")
    rule = EarlyStopping("val_loss", patience=patience, mode="min")
    progress = Progress(best=best, stopping=rule, plateau=None)
    for epoch, value in enumerate(values, start=1):
        best.update(epoch, float(value))
        if progress.should_stop(epoch, {"val_loss": float(value)}):
            break
    return epoch, best.epoch or epoch


def patience_table(
    histories: Mapping[str, pd.DataFrame], patiences: Sequence[int] = (1, 2, 3, 5)
) -> pd.DataFrame:
    """Each training under each patience, as far as its own curve goes (row 0.8).

    Columns: model, patience, stopped (after which epoch), best_epoch, val_loss (of that epoch),
    epochs (of the whole curve), lowest (val_loss of the whole curve), lost: how much higher the
    first of the two losses is.
    """
    rows = []
    for model, history in histories.items():
        losses = [float(value) for value in history["val_loss"]]
        for patience in patiences:
            stopped, best = stopped_at(losses, patience)
            found, lowest = losses[best - 1], min(losses)
            rows.append((model, patience, stopped, best, found, len(losses), lowest))
    columns = ["model", "patience", "stopped", "best_epoch", "val_loss", "epochs", "lowest"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(lost=table["val_loss"] - table["lowest"])
