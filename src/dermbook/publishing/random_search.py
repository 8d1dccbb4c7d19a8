"""The tables and findings of the chapter *Random search*; ``evaluation.searching`` trains."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.evaluation import score
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.leakage.effects import arm_table, effect_table
from dermbook.evaluation.searching import (
    FOUND,
    GRID,
    WITHIN,
    Bench,
    Found,
    best_found,
    grid,
    run_search,
    thinned,
    train_finalists,
    train_seven,
)
from dermbook.evaluation.selection import flattery
from dermbook.models.searched import WINNERS
from dermbook.publishing.compare import plain
from dermbook.publishing.effects import effect, with_interval
from dermbook.training.search import (
    Space,
    forget,
    importances,
    outcome_counts,
    search_course,
    space_size,
)

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter

__all__ = [
    "FOUND",
    "GRID",
    "WITHIN",
    "Bench",
    "Found",
    "add_findings",
    "best_found",
    "clear",
    "courses",
    "curves",
    "draws",
    "final_tables",
    "flattery_table",
    "grid",
    "grid_table",
    "importance_table",
    "outcomes",
    "run_search",
    "slices",
    "thinned",
    "train_finalists",
    "train_seven",
    "winner_again",
]

METRICS = ("roc_auc", "balanced_accuracy", "accuracy")


# ---- tables ---------------------------------------------------------------------------------


def grid_table(space: Space = GRID) -> pd.DataFrame:
    """What is varied: parameter, values, and those of R1's winners."""
    rows = [
        {
            "parameter": name,
            "values": ", ".join(map(str, values)),
            **{winner: str(of.get(name, "not said")) for winner, of in WINNERS.items()},
        }
        for name, values in space.items()
    ]
    return pd.DataFrame(rows)


def courses(searches: Mapping[str, Found]) -> pd.DataFrame:
    """``search_course`` of each search, with a first column ``sampler``."""
    return _stacked({name: search_course(found.table) for name, found in searches.items()})


def curves(searches: Mapping[str, Found]) -> pd.DataFrame:
    """``search_curves`` of each search, with a first column ``sampler``."""
    return _stacked({name: found.curves for name, found in searches.items()})


def outcomes(searches: Mapping[str, Found]) -> pd.DataFrame:
    """``outcome_counts`` of each search, with a first column ``sampler``."""
    return _stacked({name: outcome_counts(found.table) for name, found in searches.items()})


def draws(searches: Mapping[str, Found]) -> pd.DataFrame:
    """Every draw of every search, best first: the tables of ``search`` without the keys."""
    found = _stacked({name: found.table.drop(columns="key") for name, found in searches.items()})
    return found.sort_values("value", ascending=False, kind="stable", ignore_index=True)


def slices(found: Found) -> pd.DataFrame:
    """Scores by parameter and its value: parameter, choice, value, outcome; in the space's order.

    A choice that was never trained has one row without a value.
    """
    scored = found.table[found.table["value"].notna()]
    rows = []
    for name, choices in found.plan.space.items():
        for choice in choices:
            of = scored[scored[name] == choice]
            rows += [(name, str(choice), row.value, row.outcome) for row in of.itertuples()]
            rows += [] if len(of) else [(name, str(choice), np.nan, "never trained")]
    return pd.DataFrame(rows, columns=["parameter", "choice", "value", "outcome"])


def importance_table(found: Found) -> pd.DataFrame:
    """``importances`` of a search; where there are none, a row a parameter without numbers."""
    frame = importances(found.table, found.plan.space, seed=found.plan.seed)
    if len(frame):
        return frame
    trained = int(found.table["value"].notna().sum())
    return pd.DataFrame(
        [(name, 0.0, 1.0, False, trained, False) for name in found.plan.space],
        columns=frame.columns,
    )


def flattery_table(found: Found, *, resamples: int = 200, seed: int = 0) -> pd.DataFrame:
    """``flattery`` of the search's complete trainings, on their validation part."""
    frame = flattery(found.candidates(), resamples=resamples, seed=seed)
    if len(frame):
        return frame
    blank = dict.fromkeys(frame.columns, np.nan)
    return pd.DataFrame([blank | {"models": 1, "resamples": 0}])


def winner_again(found: Found, trial: "Trial") -> pd.DataFrame:
    """The search's best network on validation, as the search saw it and again, and on the test.

    trial: that setting trained once more on the same bench. Columns: what, part, value, low, high
    (ROC AUC, 95 % bootstrap by lesion; none for what the search noted).
    """
    rows = [("noted by the search", "validation", float(found.best["value"]), np.nan, np.nan)]
    for part in ("validation", "test"):
        scores = score(trial.predictions[part]).set_index(["metric", "class"])
        row = scores.loc[("roc_auc", "")]
        rows.append(("trained once more", part, row["value"], row["low"], row["high"]))
    return pd.DataFrame(rows, columns=["what", "part", "value", "low", "high"])


def final_tables(
    finalists: Mapping[str, Sequence["Trial"]],
    seeds: Sequence[int],
    *,
    resamples: int = 500,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The finalists' test scores over seeds, and the differences of the one found to R1's winners.

    Scores: model, metric, value, low, high, n, lesions, seeds. Differences: learner (how many
    seeds), comparison, metric, first, second, value, low, high, seeds. Intervals resample lesions
    and seeds, the same for all.
    """
    arms = {
        name: Arm(tuple(seeds), tuple(trial.predictions["test"] for trial in trials))
        for name, trials in finalists.items()
    }
    settings = {"metrics": METRICS, "resamples": resamples, "seed": seed}
    scores = arm_table(arms, **settings).rename(columns={"arm": "model"})
    pairs = {f"{FOUND} against {name}": (name, FOUND) for name in finalists if name != FOUND}
    table = effect_table(arms, pairs, **settings)
    table.insert(0, "learner", f"{len(seeds)} seeds")
    return scores, table


# ---- findings -------------------------------------------------------------------------------


def add_findings(chapter: "Chapter", searches: Mapping[str, Found]) -> None:
    """State what this run says of rows 1.4, 1.5 and 1.6. R1 gives no score for any of them."""
    found = best_found(searches)
    table, effects = found.table, chapter.series("effects")
    again = chapter.series("winner").set_index(["what", "part"])["value"]
    trained = int(table["value"].notna().sum())
    phantom = "; this run used the phantom" if chapter.phantom else ""
    silent = f"the report gives no score of a searched network, nor the values it tried{phantom}"
    chapter.finding(
        "1.4",
        "cannot be compared",
        measured=f"{trained} of {space_size(found.plan.space):,} combinations trained; the best "
        f"has a ROC AUC of {plain(float(found.best['value']))} where it was chosen and "
        f"{plain(again['trained once more', 'test'])} on the test part",
        because=silent,
    )
    scores = chapter.series("final").set_index(["model", "metric"])
    for row, name in (("1.5", "r1-winner-1"), ("1.6", "r1-winner-2")):
        of = scores.loc[(name, "roc_auc")]
        rise = effect(effects, f"{FOUND} against {name}", "roc_auc")
        chapter.finding(
            row,
            "cannot be compared",
            measured=f"ROC AUC {plain(of['value'])} ({plain(of['low'])}–{plain(of['high'])}); "
            f"ours of {trained} differs by {with_interval(rise)}",
            because=f"the report gives no score for it{phantom}",
        )


def clear(searches: Mapping[str, Found]) -> None:
    """Delete what the searches kept to go on after a kill, when the chapter is done with it."""
    for found in searches.values():
        forget(found.folder)


def _stacked(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    stacked = pd.concat(frames, names=["sampler"]).reset_index("sampler")
    return stacked.reset_index(drop=True)
