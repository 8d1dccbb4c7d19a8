"""What the chapter *Ensembles* says of rows 1.12 and 3.9 and of lesson M8, computed."""

from typing import TYPE_CHECKING

import pandas as pd

from dermbook.publishing.compare import PHANTOM
from dermbook.publishing.decisions import prevalence_differs
from dermbook.publishing.effects import with_interval
from dermbook.publishing.ensembles.candidates import Pool
from dermbook.publishing.ensembles.tables import FOUR_SINGLE, THREE_FOUR, WEIGHTED

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict


def add_findings(chapter: "Chapter", binary: Pool | None) -> None:
    """Rows 1.12 and 3.9 and lesson M8, from the series of this run.

    binary: the pool of R1's question, None where no two models answered it.
    """
    table = chapter.series("r1") if binary is not None and len(binary) >= 4 else None
    verdict, measured, because = r1_verdict(table, phantom=chapter.phantom)
    if binary is not None and table is not None and not chapter.phantom:
        because += f"; {prevalence_differs(binary.test[0])}"
    chapter.finding("1.12", verdict, measured=measured, because=because)
    verdict, measured, because = hybrid_verdict(chapter.series("hybrid"), phantom=chapter.phantom)
    chapter.finding("3.9", verdict, measured=measured, because=because)
    verdict, measured, because = optimism_verdict(chapter.series("optimism"))
    chapter.finding("M8", verdict, measured=measured, because=because)


def r1_verdict(table: pd.DataFrame | None, *, phantom: bool) -> "tuple[Verdict, str, str]":
    """Are R1's best three better than its best four, and the best four below the best single?

    table: of ``r1_table``; None where fewer than four models answer R1's question. Judged by R1's
    final rule with members and weights from validation: confirmed if both intervals say so.
    """
    if table is None:
        return "cannot be compared", "fewer than four models", "R1 combined four"
    rows = table[
        (table["chosen_on"] == "validation")
        & (table["metric"] == "accuracy")
        & (table["learner"] == WEIGHTED)
    ].set_index("comparison")
    three, four = rows.loc[THREE_FOUR], rows.loc[FOUR_SINGLE]
    measured = (
        f"accuracy, best three − best four: {with_interval(three)}; "
        f"best four − best single: {with_interval(four)}"
    )
    if phantom:
        return "cannot be compared", measured, PHANTOM
    said = {
        "three better than four": _shown(three, above=True),
        "four below the best single": _shown(four, above=False),
    }
    holds = [name for name, (is_so, _) in said.items() if is_so]
    because = "; ".join(f"{name}: {words}" for name, (_, words) in said.items())
    return ("confirmed" if len(holds) == len(said) else "not confirmed"), measured, because


def hybrid_verdict(table: pd.DataFrame, *, phantom: bool) -> "tuple[Verdict, str, str]":
    """Is a mixture by class better than both networks and than their plain mean?

    table: of ``hybrid_table``. The mixture judged is the first one, which follows the decision of
    the network for large classes. Confirmed if it is shown to beat all three in the first metric.
    """
    metric = table["metric"].iloc[0]
    rows = table[(table["metric"] == metric) & (table["learner"] == table["learner"].iloc[0])]
    name = metric.replace("_", " ")
    measured = f"{name}: " + "; ".join(
        f"{row['comparison']} {with_interval(row)}" for _, row in rows.iterrows()
    )
    if phantom:
        return "cannot be compared", measured, PHANTOM
    better = rows["low"] > 0
    because = (
        f"it is shown to beat {int(better.sum())} of {len(rows)}: each network and their plain mean"
    )
    return ("confirmed" if better.all() else "not confirmed"), measured, because


def optimism_verdict(table: pd.DataFrame) -> "tuple[Verdict, str, str]":
    """Does a part that chose an ensemble flatter it, and does what chooses nothing escape?

    table: of ``optimism``. Confirmed if the mean optimism of the greedy ensemble of all candidates
    is above that of the mean of all, which chooses nothing, by more than twice their errors.
    """
    last = table[table["models"] == table["models"].max()].set_index("way")
    greedy, control, single = (
        last.loc[name] for name in ("greedy ensemble", "mean of all", "best one")
    )
    gap = greedy["optimism"] - control["optimism"]
    margin = 2 * (greedy["error"] ** 2 + control["error"] ** 2) ** 0.5
    measured = (
        f"among {int(table['models'].max())} candidates the choosing part flatters the greedy "
        f"ensemble by {greedy['optimism']:+.3f} and the best single model by "
        f"{single['optimism']:+.3f}; the mean of all by {control['optimism']:+.3f}"
    )
    if gap > margin:
        return "confirmed", measured, "the same lesions chose and judged; those left out disagree"
    return "not confirmed", measured, "the difference is within its error over the resamples"


def _shown(row: pd.Series, *, above: bool) -> tuple[bool, str]:
    """Whether an interval lies on the side that is claimed, and what to say."""
    if row["low"] > 0:
        return above, "shown" if above else "the opposite is shown"
    if row["high"] < 0:
        return not above, "the opposite is shown" if above else "shown"
    return False, "not shown, the interval holds zero"
