"""The books of a training: history, best weights, counters, checkpoints, and the final result."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from dermbook.training.checkpointing import Checkpoint, copied
from dermbook.training.reporting import Verbose, epoch_line, number
from dermbook.training.schedule import Progress
from dermbook.training.seeds import seed_epoch

if TYPE_CHECKING:
    from dermbook.data.batches import Batches

# batches between two looks at the loss: looking waits for the device
BATCHES_BETWEEN_LOOKS = 20


@dataclass(frozen=True)
class FitResult:
    """What a training did.

    Attributes:
        history: one row an epoch; columns epoch (1-based), loss, the metrics, val_loss and val_…
            of the metrics (NaN without validation), learning_rate (the one used in that epoch),
            seconds (training and validation).
        best_epoch: 1-based; whose weights the model has now, if ``restore_best``. None if no
            epoch gave a usable value.
        monitor: the column that ``best_epoch`` is the best in.
        resumed_from: epochs that an earlier, killed call had done; 0 for a fresh start.
        stopped_early: early stopping ended it.
        diverged: the loss became infinite or NaN; training stopped there.
        seconds: wall-clock seconds of all epochs, those before a kill too.
    """

    history: pd.DataFrame
    best_epoch: int | None
    monitor: str
    resumed_from: int
    stopped_early: bool
    diverged: bool
    seconds: float

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return len(self.history)


class Bookkeeper(keras.callbacks.Callback):
    """The callback behind ``fit``: sets each epoch's order, judges it, saves it, reports it.

    ``monitor`` is the history column of the best epoch, ``metrics`` are names; ``signature`` goes
    into the checkpoint; the rest as in ``fit``.
    """

    def __init__(
        self,
        *,
        train: "Batches",
        epochs: int,
        metrics: Sequence[str],
        seed: int,
        progress: Progress,
        monitor: str,
        restore_best: bool,
        checkpoint: Path | None,
        signature: Mapping[str, str],
        on_epoch: Callable[[dict[str, float]], None] | None,
        verbose: Verbose,
    ) -> None:
        super().__init__()
        self.train, self.epochs, self.seed = train, epochs, seed
        self.progress, self.monitor = progress, monitor
        self.restore_best, self.checkpoint, self.signature = restore_best, checkpoint, signature
        self.on_epoch, self.verbose = on_epoch, verbose
        self.columns = ["loss", *metrics, "val_loss", *(f"val_{name}" for name in metrics)]
        self.rows: list[dict[str, float]] = []
        self.best_weights: list[np.ndarray] | None = None
        self.ended = ""
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        # what is drawn without a generator of the model's (PyTorch's dropout) must not depend on
        # the epochs before, which a resumed training has not run
        seed_epoch(self.seed, epoch)
        # Keras makes the epoch's iterator after this, so every batch of it is of this order
        self.train.start_epoch(epoch)
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if batch % BATCHES_BETWEEN_LOOKS == 0 and _diverged(logs):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        row = self._row(epoch + 1, logs or {})
        self.rows.append(row)
        if not math.isfinite(row["loss"]):
            self.ended = "diverged"
        else:
            self._judge(epoch + 1, row)
        if self.ended:
            self.model.stop_training = True
        if self.verbose == "line":
            print(epoch_line(row, self.epochs), flush=True)
        if self.checkpoint is not None:
            self._state().save(Path(self.checkpoint), self.signature)
        if self.on_epoch is not None:
            self.on_epoch(dict(row))

    def take_over(self, state: Checkpoint) -> None:
        """Go on from a checkpoint's books."""
        self.rows, self.best_weights, self.ended = state.rows, state.best_weights, state.ended
        self.progress.restore(state.progress)

    def finish(self, model: keras.Model, resumed_from: int) -> FitResult:
        """Restore the best weights, say how it ended, and give the result."""
        best_epoch = self._best_epoch()
        if self.restore_best and self.best_weights is not None:
            model.set_weights(self.best_weights)
        if self.verbose != "none":
            self._say_how_it_ended(best_epoch)
        history = pd.DataFrame(
            self.rows, columns=["epoch", *self.columns, "learning_rate", "seconds"]
        )
        return FitResult(
            history=history.astype({"epoch": int}),
            best_epoch=best_epoch,
            monitor=self.monitor,
            resumed_from=resumed_from,
            stopped_early=self.ended == "patience",
            diverged=self.ended == "diverged",
            seconds=float(history["seconds"].sum()),
        )

    def _row(self, epoch: int, logs: dict) -> dict[str, float]:
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {"epoch": epoch, **{c: float(logs.get(c, math.nan)) for c in self.columns}}
        return {**row, "learning_rate": rate, "seconds": time.perf_counter() - self._began}

    def _judge(self, epoch: int, row: dict[str, float]) -> None:
        best = self.progress.best
        if best is not None and best.update(epoch, row[self.monitor]) and self.restore_best:
            self.best_weights = copied(self.model.weights)
        rate = self.progress.next_learning_rate(epoch, row)
        if rate is not None:
            self.model.optimizer.learning_rate = rate
        if self.progress.should_stop(epoch, row):
            self.ended = "patience"

    def _state(self) -> Checkpoint:
        return Checkpoint.of(
            self.model,
            best_weights=self.best_weights,
            rows=self.rows,
            progress=self.progress.state(),
            ended=self.ended,
        )

    def _best_epoch(self) -> int | None:
        if self.progress.best is not None:
            return self.progress.best.epoch
        return None if self.ended == "diverged" else len(self.rows)

    def _say_how_it_ended(self, best_epoch: int | None) -> None:
        last = len(self.rows)
        if self.ended == "diverged":
            print(f"diverged in epoch {last}: the loss is {number(self.rows[-1]['loss'])}")
        elif self.ended == "patience":
            print(f"stopped after epoch {last}: {self.monitor} no longer improved")
        if self.restore_best and best_epoch is not None and best_epoch != last:
            value = number(self.rows[best_epoch - 1][self.monitor])
            print(f"weights of epoch {best_epoch} restored ({self.monitor} {value})")


def _diverged(logs: dict | None) -> bool:
    return not math.isfinite(float((logs or {}).get("loss", 0.0)))
