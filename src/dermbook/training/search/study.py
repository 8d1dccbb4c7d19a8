"""A search for the best setting, as an Optuna study on disk (Akiba et al. 2019).

What is drawn depends on the seed and on how many were drawn before, never on the process: a search
that was killed, or that several processes share, draws the same combinations. One that leaves
nothing to train, or was drawn before, costs no training, and is kept and counted.
"""

import math
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.training.search.locking import held, is_alive, worker
from dermbook.training.search.space import Setting, Space, check_space, digest, setting_key

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("random", "tpe")
#: of a training that dies or fails; then its setting is given up
ATTEMPTS = 3
#: draws in a row that bring nothing new before the space counts as exhausted
FRUITLESS = 100
#: of these, after so many TPE has settled, and one at random is drawn instead
SETTLED = 5
#: outcomes of a draw that cost no training
_UNTRAINED = ("impossible", "repeated")
_WAIT = 0.2  # seconds between two looks at what other processes still train


class PrunedError(Exception):
    """The training is not worth going on with; raised by ``Training.report``."""


class DivergedError(Exception):
    """To be raised by an objective whose loss has become infinite or NaN."""


@dataclass(frozen=True)
class Training:
    """One training of the search, as the objective sees it.

    ``setting`` is the combination, ``key`` a name for it that is fit for a file and the same in
    every attempt, so that a checkpoint under that name is found again.
    """

    setting: Setting
    key: str
    _trial: "optuna.Trial" = field(repr=False)

    def report(self, step: int, value: float) -> None:
        """Tell the score after a step (an epoch, from 1); PrunedError if it is not promising.

        A step that an attempt before a kill has reported stays as it was.
        """
        if str(step) in self._trial.user_attrs.get("before", {}):
            return
        self._trial.report(float(value), int(step))
        if self._trial.should_prune():
            raise PrunedError


#: trains one setting and gives its validation score; higher is better
Objective = Callable[[Training], float]


@dataclass(frozen=True)
class Plan:
    """What is searched, and how; two searches with equal plans are the same search.

    Args:
        space: the values of each parameter.
        seed: decides what is drawn.
        sampler: "random" as in R1, or "tpe", the tree-structured Parzen estimator (Bergstra et
            al. 2011), which prefers what resembles the good ones so far.
        pruned_after: epochs before a training may be stopped because its best score so far is
            below the median of the others at that epoch; 0 never stops one.
        unpruned: how many trainings come to their end before any is stopped; TPE draws as many at
            random before it begins to prefer.
        about: whatever else decides the scores: data fingerprint, epochs, batch size, …

    Raises:
        ParameterError: a value out of range.
    """

    space: Space
    seed: int = 0
    sampler: str = "random"
    pruned_after: int = 2
    unpruned: int = 5
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_space(self.space)
        if self.sampler not in SAMPLERS:
            raise ParameterError(
                f"sampler must be one of {', '.join(SAMPLERS)}, not {self.sampler!r}."
            )
        for name in ("seed", "pruned_after", "unpruned"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise ParameterError(f"{name} must be a whole number of at least 0, not {value!r}.")

    @property
    def digest(self) -> str:
        """A name for the plan, of 12 hexadecimal digits."""
        space = {name: list(values) for name, values in self.space.items()}
        return digest([space, self.seed, self.sampler, self.pruned_after, self.unpruned,
                       dict(self.about)])  # fmt: skip


def search(
    objective: Objective,
    plan: Plan,
    folder: Path | str,
    *,
    trials: int,
    minutes: float = math.inf,
    impossible: Callable[[Setting], str] = lambda setting: "",
    on_end: Callable[[dict[str, Any]], None] = lambda row: None,
) -> pd.DataFrame:
    """Train drawn settings until ``trials`` of them were trained or ``minutes`` are used up.

    Call it again, with the same plan and folder, after a kill: what was trained stays, what died is
    trained again (from its checkpoint, if the objective keeps one under ``key``). Call it in
    several processes at once: they share the work, no setting is trained twice, and each call
    returns when all is done.

    Args:
        objective: trains one setting, reports each epoch, gives the score (higher is better).
        folder: of the study; holds one file a plan.
        trials: most settings to train, stopped and diverged ones included, impossible and repeated
            ones not.
        minutes: of training, summed over all trainings and processes of the study, earlier calls
            included; the training that oversteps it is finished.
        impossible: why a setting cannot be trained, or "".
        on_end: called with the row of each training that this process ends.

    Returns:
        One row a draw, in the order of drawing: ``draw`` (from 0), ``outcome`` ("complete",
        "pruned", "diverged", "failed", "impossible", "repeated"), ``value`` (the score; of pruned
        ones the best so far, else NaN), ``steps`` (epochs reported), ``seconds``, ``attempts``,
        ``key``, ``reason``, and a column a parameter.

    Raises:
        ParameterError: a budget out of range. Whatever the objective raises (but PrunedError and
        DivergedError) ends the search; the next call tries that setting again, three times at most.
    """
    if not isinstance(trials, int) or trials < 1 or not minutes > 0:
        raise ParameterError(
            f"trials must be at least 1 and minutes more than 0, not {trials!r} and {minutes!r}."
        )
    folder = Path(folder)
    with worker(folder / "workers") as me:
        study = _Study(plan, folder, me, impossible)
        while True:
            claimed = study.claim(trials, minutes * 60)
            if claimed is not None:
                on_end(study.train(objective, claimed))
            elif not study.others_at_work():
                return study.table()
            else:
                time.sleep(_WAIT)


def search_curves(plan: Plan, folder: Path | str) -> pd.DataFrame:
    """The score of each training by epoch: draw, epoch, value, outcome. No rows without a study."""
    return _Study(plan, Path(folder), "", lambda setting: "").curves()


def forget(folder: Path | str) -> None:
    """Delete the studies in a folder, and whatever else is in it."""
    shutil.rmtree(folder, ignore_errors=True)


class _Study:
    """An Optuna study in a journal file, and one worker on it."""

    def __init__(
        self, plan: Plan, folder: Path, me: str, impossible: Callable[[Setting], str]
    ) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, self.folder, self.me, self.impossible = plan, folder, me, impossible
        self.states = optuna.trial.TrialState
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{plan.sampler}-{plan.digest}.journal"
        self.claims = JournalFileOpenLock(str(folder / f"{path.name}.claims"))
        writing = JournalFileOpenLock(str(path))
        with held(writing):
            _drop_half_line(path)
        with held(self.claims):
            backend = JournalFileBackend(str(path), lock_obj=writing)
            pruner = (
                optuna.pruners.MedianPruner(plan.unpruned, plan.pruned_after)
                if plan.pruned_after
                else optuna.pruners.NopPruner()
            )
            self.storage = optuna.storages.JournalStorage(backend)
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=plan.digest,
                direction="maximize",
                load_if_exists=True,
                pruner=pruner,
            )
        self.space = {
            name: optuna.distributions.CategoricalDistribution(list(values))
            for name, values in plan.space.items()
        }

    # ---- taking work --------------------------------------------------------------------------

    def claim(self, trials: int, seconds: float) -> "optuna.Trial | None":
        """The next setting to train, or None when the budget is used up."""
        with held(self.claims):
            self._requeue_the_dead()
            known = self.study.get_trials(deepcopy=False)
            if any(trial.state == self.states.WAITING for trial in known):
                return self._started(self.study.ask(self.space))
            used = sum(trial.user_attrs.get("seconds", 0.0) for trial in known)
            if sum(map(self._counts, known)) >= trials or used >= seconds:
                return None
            return self._drawn(known)

    def others_at_work(self) -> bool:
        """Whether another process still trains, or left something to train again."""
        return any(
            trial.state in (self.states.RUNNING, self.states.WAITING)
            for trial in self.study.get_trials(deepcopy=False)
        )

    def _drawn(self, known: list) -> "optuna.Trial | None":
        drawn = [trial for trial in known if "draw" in trial.user_attrs]
        seen: dict[str, int] = {}
        for trial in sorted(drawn, key=lambda trial: trial.user_attrs["draw"]):
            seen.setdefault(setting_key(trial.params), trial.user_attrs["draw"])
        draw = 1 + max((trial.user_attrs["draw"] for trial in drawn), default=-1)
        for number in range(draw, draw + FRUITLESS):
            self.study.sampler = self._sampler(number, settled=number - draw >= SETTLED)
            trial = self.study.ask(self.space)
            first = seen.setdefault(setting_key(trial.params), number)
            reason = self.impossible(dict(trial.params))
            if first == number and not reason:
                trial.set_user_attr("draw", number)
                return self._started(trial)
            outcome = "repeated" if first != number else "impossible"
            text = f"as draw {first}" if first != number else reason
            trial.set_user_attr("outcome", outcome)
            trial.set_user_attr("reason", text)
            trial.set_user_attr("draw", number)
            self.study.tell(trial, state=self.states.FAIL)
        return None

    def _sampler(self, draw: int, *, settled: bool) -> "optuna.samplers.BaseSampler":
        import optuna

        # a sampler of its own for each draw: it then depends on no process's past
        seed = int(np.random.SeedSequence(self.plan.seed, spawn_key=(draw,)).generate_state(1)[0])
        if self.plan.sampler == "random" or settled:
            return optuna.samplers.RandomSampler(seed)
        return optuna.samplers.TPESampler(n_startup_trials=max(1, self.plan.unpruned), seed=seed)

    def _started(self, trial: "optuna.Trial") -> "optuna.Trial":
        trial.set_user_attr("worker", self.me)
        return trial

    def _requeue_the_dead(self) -> None:
        known = self.study.get_trials(deepcopy=False)
        for trial in known:
            name = trial.user_attrs.get("worker", "")
            if trial.state != self.states.RUNNING:
                continue
            # whoever holds the claims and has no name yet has died: we hold them
            if name and name != self.me and is_alive(self.folder / "workers", name):
                continue
            self._bury(trial, known)

    def _bury(self, trial: "optuna.trial.FrozenTrial", known: list) -> None:
        """Mark a trial whose process died as failed, and have it trained again if it may be."""
        draw, outcome = (trial.user_attrs.get(key) for key in ("draw", "outcome"))
        attempt = trial.user_attrs.get("attempt", 1)
        again = draw is not None and outcome not in _UNTRAINED and attempt < ATTEMPTS
        # it may have died in this very place, after the first of the two steps
        there = any(t.user_attrs.get("draw") == draw and t.number > trial.number for t in known)
        if again and not there:
            before = {str(step): value for step, value in trial.intermediate_values.items()}
            attributes = {"draw": draw, "attempt": attempt + 1, "before": before}
            self.study.enqueue_trial(trial.params, user_attrs=attributes)
        if outcome not in _UNTRAINED:
            after = "again" if again else "failed" if draw is not None else "undrawn"
            self.storage.set_trial_user_attr(trial._trial_id, "outcome", after)
            self.storage.set_trial_user_attr(trial._trial_id, "reason", f"died {attempt} times")
        self.study.tell(trial.number, state=self.states.FAIL)

    def _counts(self, trial: "optuna.trial.FrozenTrial") -> bool:
        if trial.state == self.states.FAIL:
            return trial.user_attrs.get("outcome") in ("diverged", "failed")
        return True

    # ---- doing it -----------------------------------------------------------------------------

    def train(self, objective: Objective, trial: "optuna.Trial") -> dict[str, Any]:
        """Train what was claimed, and its row of the table."""
        for step, value in trial.user_attrs.get("before", {}).items():
            trial.report(value, int(step))
        setting = {name: trial.params[name] for name in self.plan.space}
        start = time.perf_counter()
        value, state, outcome = None, self.states.COMPLETE, "complete"
        try:
            value = float(objective(Training(setting, setting_key(setting), trial)))
            if not math.isfinite(value):
                raise DivergedError
        except PrunedError:
            state, outcome = self.states.PRUNED, "pruned"
        except DivergedError:
            value, state, outcome = None, self.states.FAIL, "diverged"
        trial.set_user_attr("seconds", round(time.perf_counter() - start, 3))
        trial.set_user_attr("outcome", outcome)
        self.study.tell(trial, value, state=state)
        return self._row(self.study.trials[trial.number])

    # ---- telling ------------------------------------------------------------------------------

    def table(self) -> pd.DataFrame:
        """One row a draw; see ``search``."""
        rows = [self._row(trial) for trial in self._final()]
        columns = ["draw", "outcome", "value", "steps", "seconds", "attempts", "key", "reason"]
        return pd.DataFrame(rows, columns=[*columns, *self.plan.space])

    def curves(self) -> pd.DataFrame:
        """One row an epoch of a training: draw, epoch, value, outcome."""
        rows = [
            (trial.user_attrs["draw"], step, value, trial.user_attrs.get("outcome", "running"))
            for trial in self._final()
            for step, value in sorted(trial.intermediate_values.items())
        ]
        return pd.DataFrame(rows, columns=["draw", "epoch", "value", "outcome"])

    def _final(self) -> list:
        """The last attempt of every draw, in order."""
        attempts: dict[int, Any] = {}
        for trial in self.study.get_trials(deepcopy=False):
            if "draw" in trial.user_attrs:
                attempts[trial.user_attrs["draw"]] = trial
        return [attempts[draw] for draw in sorted(attempts)]

    def _row(self, trial: "optuna.trial.FrozenTrial") -> dict[str, Any]:
        attributes, outcome = trial.user_attrs, trial.user_attrs.get("outcome", "running")
        value = trial.value if outcome == "complete" else None
        if outcome == "pruned":
            value = max(trial.intermediate_values.values(), default=None)
        return {
            "draw": attributes["draw"],
            "outcome": outcome,
            "value": np.nan if value is None else value,
            "steps": len(trial.intermediate_values),
            "seconds": attributes.get("seconds", 0.0),
            "attempts": attributes.get("attempt", 1),
            "key": setting_key(trial.params),
            "reason": attributes.get("reason", ""),
            **{name: trial.params.get(name) for name in self.plan.space},
        }


def _drop_half_line(path: Path) -> None:
    """Cut off what a process killed while writing left behind: a line without an end."""
    with suppress(FileNotFoundError), path.open("r+b") as stream:
        content = stream.read()
        if not content.endswith(b"\n"):
            stream.truncate(content.rfind(b"\n") + 1)
