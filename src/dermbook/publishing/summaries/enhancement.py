"""What the chapter on enhancement found."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dermbook.imaging.filters import FILTERS
from dermbook.publishing.compare import plain
from dermbook.publishing.no_gain import no_gain
from dermbook.publishing.record import Record

#: the score that verdicts rest on: it does not change with the share of a class
MAIN = "balanced_accuracy"
#: the score that R0's rows are judged by
JUDGED = "f1_macro"
_SHORT = "blackhat-inpaint"


def enhancement(record: Record) -> list[str]:
    """Hair removed and lesion spoilt on the phantom, the price, and what filters do to scores."""
    removal = record.series_frame("removal").set_index(["method", "measure"])
    harm = record.series_frame("harm").set_index(["structure", "method"])
    study = record.series_frame("thresholds")
    speed = record.series_frame("speed").set_index("filter")
    effects = main_effects(record.series_frame("effects"))
    sentences = [
        "Phantom: the error on hair pixels is "
        f"{_levels(removal, 'untouched', 'hair_error')} grey levels untouched, "
        f"{_levels(removal, 'dullrazor', 'hair_error')} after DullRazor as published and "
        f"{_levels(removal, _SHORT, 'hair_error')} after the short version.",
        "Phantom: the price is paid inside the lesion, where pixels without hair change by "
        f"{_levels(removal, 'dullrazor', 'lesion_error')} grey levels under DullRazor and by "
        f"{_levels(removal, _SHORT, 'lesion_error')} under the short version.",
        "Phantom: in lesions without hair and with a pigment network, the short version changes "
        f"{_ratio(harm, 'network')} times as much as in lesions without dark thin structures.",
        "Phantom: of the thresholds tried, " + " and ".join(_chosen(study)) + ".",
        f"On phantom pictures of 150×200, the dearest filter, {speed['ratio'].idxmax()}, makes "
        f"reading a picture {speed['ratio'].max():.0f} times as slow; DullRazor as published "
        f"{speed.loc['dullrazor', 'ratio']:.0f} times, at "
        f"{speed.loc['dullrazor', 'images_per_second']:.0f} images a second.",
    ]
    for learner, rows in effects.groupby("learner", sort=False):
        kinds = [
            f"{kind} for {', '.join(chosen['filter'])}"
            for kind, chosen in rows.groupby("verdict", sort=False)
        ]
        sentences.append(
            f"{learner}: balanced accuracy {rows['off'].iloc[0]:.3f} without a filter; over "
            f"{rows['seeds'].iloc[0]} seeds, {'; '.join(kinds)}."
        )
    return sentences


def main_effects(effects: pd.DataFrame) -> pd.DataFrame:
    """The rows of the main score."""
    return effects[effects["metric"] == MAIN]


def filter_finding(effects: pd.DataFrame, row: str, *, phantom: bool) -> dict[str, Any]:
    """Verdict, measured and because of an inventory row of filters, for ``Chapter.finding``.

    R0 says *no gain* (0.4, 0.5). Macro F1 decides, R0's own score: see ``publishing.no_gain``, with
    the wide intervals that hold for all filters together. The phantom is no patients, so there
    nothing can be compared; a row that claims nothing (0.17, 1.17) cannot be compared either.
    """
    rows = effects[effects["metric"] == JUDGED]
    rows = rows[[FILTERS[name].row == row for name in rows["filter"]]]
    if rows.empty:
        return {
            "verdict": "cannot be compared",
            "measured": "not tried in this run",
            "because": "the parameters name none of the row's filters",
        }
    best = rows.loc[rows["value"].idxmax()]
    measured = (
        f"{len(rows)} comparison{'s' * (len(rows) > 1)} of macro F1 with and without: "
        f"{(rows['verdict'] == 'gain').sum()} gain, {(rows['verdict'] == 'harm').sum()} harm; "
        f"largest difference {best['value']:+.3f} ({best['low']:+.3f} to {best['high']:+.3f}), "
        f"{best['filter']} under {best['learner']}"
    )
    if row not in ("0.4", "0.5"):
        because = "the report names it as future work and claims nothing"
        return {"verdict": "cannot be compared", "measured": measured, "because": because}
    if phantom:
        because = "the report used photographs of patients; this run used the phantom"
        return {"verdict": "cannot be compared", "measured": measured, "because": because}
    verdict, because = no_gain(rows["low_all"].max(), rows["high_all"].max())
    because = f"all filters' intervals taken together, {because}"
    return {"verdict": verdict, "measured": measured, "because": because}


def effect_rows(effects: pd.DataFrame) -> pd.DataFrame:
    """The table that answers R0 filter by filter: row, learner, both scores, verdict."""
    rows = []
    for (learner, name), group in effects.groupby(["learner", "filter"], sort=False):
        by_metric = group.set_index("metric")
        line = {"row": FILTERS[name].row, "filter": name, "learner": learner}
        for metric, title in ((MAIN, "balanced accuracy"), ("f1_macro", "macro F1")):
            one = by_metric.loc[metric]
            line[title] = f"{one['value']:+.3f} ({one['low']:+.3f} to {one['high']:+.3f})"
        rows.append({**line, "verdict": by_metric.loc[MAIN, "verdict"]})
    return pd.DataFrame(rows)


def removal_rows(removal: pd.DataFrame) -> pd.DataFrame:
    """One row a method, one column a measure, each as ``value (low to high)``."""
    text = [f"{row.value:.3g} ({row.low:.3g} to {row.high:.3g})" for row in removal.itertuples()]
    wide = removal.assign(text=text).pivot(index="method", columns="measure", values="text")
    order: Sequence[str] = list(dict.fromkeys(removal["measure"]))
    methods = list(dict.fromkeys(removal["method"]))
    return wide.reindex(index=methods, columns=order).fillna("–").reset_index()


def _levels(removal: pd.DataFrame, method: str, measure: str) -> str:
    return plain(removal.loc[(method, measure), "value"])


def _ratio(harm: pd.DataFrame, structure: str) -> str:
    if (structure, _SHORT) not in harm.index or ("neither", _SHORT) not in harm.index:
        return "an unknown number of"
    value = harm.loc[(structure, _SHORT), "value"] / harm.loc[("neither", _SHORT), "value"]
    return f"{value:.1f}"


def _chosen(study: pd.DataFrame) -> list[str]:
    return [
        f"{row.threshold:g} is best for {row.method} (error {row.error:.2f} grey levels on "
        "pictures it was not chosen on)"
        for row in study[study["best"].astype(bool)].itertuples()
    ]
