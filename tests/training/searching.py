"""A search in a process of its own: ``searching.py FOLDER TRIALS [kill STEP TRAINING]``.

The objective is arithmetic. It writes a line for every training that it begins, so that a test can
count them over all processes, and may kill its own process.
"""

import os
import signal
import sys
import time
import types
from pathlib import Path

SPACE = {"a": [1, 2, 3, 4], "b": ["x", "y", "z"], "c": [0.1, 0.5], "d": [True, False]}


def value_of(setting):
    return setting["a"] / 10 + {"x": 0.0, "y": 0.3, "z": 0.1}[setting["b"]] - setting["c"] / 7


def too_big(setting):
    return "nothing is left" if setting["a"] == 4 and setting["d"] else ""


def plan(**options):
    from dermbook.training.search import Plan

    return Plan(SPACE, **{"seed": 4, "pruned_after": 0, **options})


def objective(folder, *, pause=0.0, kill=None):
    def train(training):
        with (Path(folder) / "began.txt").open("a+", encoding="utf-8") as stream:
            stream.write(f"{training.key}\n")
            stream.seek(0)
            number = len(stream.readlines())
        for step in (1, 2, 3):
            training.report(step, value_of(training.setting) * step / 3)
            if kill == (step, number):
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(pause)
        return value_of(training.setting)

    return train


def without_keras():
    """Leave out the room's ``__init__``: it imports Keras, which no search needs."""
    import dermbook

    room = types.ModuleType("dermbook.training")
    room.__path__ = [str(Path(dermbook.__file__).parent / "training")]
    sys.modules["dermbook.training"] = room


def main(folder, trials, *rest):
    without_keras()
    from dermbook.training.search import search

    kill = (int(rest[1]), int(rest[2])) if rest else None
    search(
        objective(folder, pause=0.02, kill=kill),
        plan(),
        folder,
        trials=int(trials),
        impossible=too_big,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
