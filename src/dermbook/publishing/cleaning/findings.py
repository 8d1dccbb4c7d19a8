"""What the chapter says of row 0.1 and of the lessons M16 and M17, from its own series."""

from typing import TYPE_CHECKING

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

_NOT_THE_DATA = "the phantom is not the data of the report"


def add_findings(chapter: "Chapter") -> None:
    """What the chapter says of row 0.1 and of the lessons M16 and M17, from its series."""
    _row_and_m16(chapter)
    _m17(chapter)


def _row_and_m16(chapter: "Chapter") -> None:
    marks = chapter.series("qc-summary").iloc[0]
    real = chapter.parameters["clinical"] == "fitzpatrick17k"
    measured = f"{marks['reviewed']:,.0f} of {marks['rows']:,.0f} rows carry a mark"
    measured += f"; {marks['wrong']:,.0f} of these are called wrongly labelled, {_percent(marks)}"
    chapter.finding(
        "M16",
        ("confirmed" if marks["reviewed"] < marks["rows"] / 2 else "not confirmed")
        if real
        else "cannot be compared",
        measured=measured,
        because="counted in the published table; were the other rows like the reviewed ones, "
        f"{marks['expected']:,.0f} ({marks['expected_low']:,.0f}–{marks['expected_high']:,.0f}) of "
        "them would be wrong too, and the filter cannot see them"
        if real
        else _NOT_THE_DATA,
    )
    kept = load_reported().quantities().loc["R0.images-kept", "value"]
    chapter.finding(
        "0.1",
        "cannot be compared",
        measured=f"{marks['kept']:,.0f} of {marks['rows']:,.0f} rows are left without the marked "
        f"({marks['dropped']:,.0f}) and those without an address ({marks['no_url']:,.0f})",
        because=f"the report kept {kept:,.0f}: {marks['kept'] - kept:,.0f} more were lost to "
        "addresses that were dead then and cannot be asked again"
        if real
        else _NOT_THE_DATA,
    )


def _m17(chapter: "Chapter") -> None:
    fill = chapter.series("fill-summary").iloc[0]
    leak = chapter.series("encoding").set_index(["category", "fitted_on"])
    finest = leak.index.get_level_values("category")[-1]
    claim = load_reported().quantities().loc["R4.mean-age"]
    real = chapter.parameters["collection"] == "ham10000" and not chapter.parameters["images"]
    digits = len(str(claim["stated"]).partition(".")[2])
    # series keep six significant digits; the report prints eight
    exact = chapter.record().metric(chapter.parameters["collection"], "all", "fill_all_rows")
    value = exact.value if exact is not None else fill["all_rows"]
    same = abs(value - claim["value"]) <= 0.5 * 10**-digits
    chapter.finding(
        "M17",
        ("confirmed" if same else "not confirmed") if real else "cannot be compared",
        measured=f"the filling value is {value:.{digits}f} years from all rows; from a training "
        f"part it differs by {fill['low']:.2f} to {fill['high']:.2f} years in 95 % of "
        f"{fill['splits']:.0f} divisions. A mean-target encoding of {finest} fitted on all rows "
        f"has an ROC AUC of {plain(leak.loc[(finest, 'all rows'), 'value'])} on labels drawn by "
        f"chance, fitted on train only {plain(leak.loc[(finest, 'train only'), 'value'])}",
        because="the report's value is the mean of all known ages, to its last digit; the same "
        "slip with a richer statistic is not harmless"
        if real
        else _NOT_THE_DATA,
    )


def _percent(row: pd.Series) -> str:
    return f"{100 * row['value']:.1f} % ({100 * row['low']:.1f}–{100 * row['high']:.1f})"
