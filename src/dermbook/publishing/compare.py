"""*Reported / published / this run*: a claim beside what was measured, and the verdict.

The verdict is a rule, the same for every claim:

- *cannot be compared* when the run used the phantom, when the chapter names a reason, or when
  nothing was measured;
- *confirmed* when the reported value lies inside the measured 95 % interval, or, for a count or
  another exact quantity, when it agrees to every digit the report prints;
- *not confirmed* otherwise.
"""

import re
from dataclasses import dataclass

import pandas as pd

from dermbook.errors import DataError, RecordError
from dermbook.publishing.record import (
    EXACT,
    Answer,
    Finding,
    Metric,
    Record,
    Verdict,
    published_record,
    run_record,
)
from dermbook.publishing.reported import load_reported

PHANTOM = "the phantom is not the data of the report"


def comparison(chapter: str, edition: str) -> pd.DataFrame:
    """The comparison of a chapter's published Record and of this checkout's run of ``edition``.

    Columns: claim, figure, reported, published, this run, verdict. Empty when the chapter answers
    no claim. RecordError when there is neither a published Record nor a run.
    """
    published, run = published_record(chapter), run_record(chapter, edition)
    if published is None and run is None:
        raise RecordError(
            f"{chapter}: no published Record and no run of the {edition} edition yet. "
            f"Run it: dermbook run {chapter} --edition {edition}"
        )
    return comparison_of(chapter, published=published, run=run)


def comparison_of(chapter: str, *, published: Record | None, run: Record | None) -> pd.DataFrame:
    """As ``comparison``, from Records at hand. The verdict is the published run's where there is
    one, else this run's."""
    rows = []
    for answer in _answers(published, run):
        claim = _claim(answer, chapter)
        judge = published if published and answer.claim in _claims_of(published) else run
        verdict, because = judge_claim(claim, answer, judge)
        rows.append(
            {
                "claim": answer.claim,
                "figure": claim.figure,
                "reported": claim.stated,
                "published": measured_text(_metric(answer, published)),
                "this run": measured_text(_metric(answer, run)),
                "verdict": f"{verdict}: {because}" if because else verdict,
            }
        )
    columns = ["claim", "figure", "reported", "published", "this run", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def findings_of(record: Record) -> list[Finding]:
    """One Finding a claim that the Record answers, with the computed verdict."""
    findings = []
    for answer in record.answers:
        verdict, because = judge_claim(_claim(answer, record.chapter), answer, record)
        measured = measured_text(_metric(answer, record))
        findings.append(
            Finding(about=answer.claim, verdict=verdict, measured=measured, because=because)
        )
    return findings


@dataclass(frozen=True)
class Claim:
    """One figure of a report: what it is of, as printed, and as a number (None if no number)."""

    figure: str
    stated: str
    value: float | None


def judge_claim(claim: Claim, answer: Answer, record: Record) -> tuple[Verdict, str]:
    """The verdict on one claim by one Record, and why (see the module's rule)."""
    metric = _metric(answer, record)
    if record.phantom:
        return "cannot be compared", PHANTOM
    if answer.not_comparable:
        return "cannot be compared", answer.not_comparable
    if metric is None or metric.value is None:
        return "cannot be compared", "it was not measured"
    if claim.value is None:
        return "cannot be compared", "the report gives no number"
    if metric.interval == EXACT:
        agree = abs(metric.value - claim.value) <= 0.5 * 10 ** -_decimals(claim.stated)
        return ("confirmed" if agree else "not confirmed"), f"counted {measured_text(metric)}"
    if metric.low is None or metric.high is None:
        return "cannot be compared", "no interval was measured for it"
    inside = metric.low <= claim.value <= metric.high
    return (
        "confirmed" if inside else "not confirmed",
        f"{plain(claim.value)} is {'inside' if inside else 'outside'} the measured interval",
    )


def measured_text(metric: Metric | None) -> str:
    """``.631 (.600–.662)``, ``.631`` without an interval, ``10,015`` for a count, else ``–``."""
    if metric is None or metric.value is None:
        return "–"
    if metric.interval == EXACT:
        return f"{metric.value:,.0f}" if metric.value == int(metric.value) else f"{metric.value:g}"
    if metric.low is None or metric.high is None:
        return plain(metric.value)
    return f"{plain(metric.value)} ({plain(metric.low)}–{plain(metric.high)})"


def plain(value: float | None) -> str:
    """Three decimals without the leading zero, as papers print proportions; ``–`` for none."""
    if value is None or pd.isna(value):
        return "–"
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def _claim(answer: Answer, chapter: str) -> Claim:
    reported = load_reported()
    quantities = reported.quantities()
    if answer.claim in quantities.index:
        row = quantities.loc[answer.claim]
        value = None if pd.isna(row["value"]) else float(row["value"])
        return Claim(f"{answer.claim.split('.')[0]} · {row['what']}", str(row["stated"]), value)
    try:
        row = reported.claim(answer.claim)
    except DataError:
        raise RecordError(
            f"{chapter} answers claim {answer.claim!r}, which book/reported.yaml does not have."
        ) from None
    class_ = "" if pd.isna(row["class"]) else row["class"]
    words = [row["model"], row["part"], row["metric"].replace("_", " "), class_]
    value = None if pd.isna(row["value"]) else float(row["value"])
    return Claim(f"{row['report']} · " + " · ".join(filter(None, words)), str(row["stated"]), value)


def _decimals(stated: str) -> int:
    """Digits after the decimal point in a number as printed."""
    digits = re.search(r"\.(\d+)", stated)
    return len(digits.group(1)) if digits else 0


def _metric(answer: Answer, record: Record | None) -> Metric | None:
    if record is None:
        return None
    return record.metric(answer.model, answer.part, answer.metric, answer.class_)


def _answers(*records: Record | None) -> list[Answer]:
    """Answers of all Records, one a claim, in the order of the first that has it."""
    found: dict[str, Answer] = {}
    for record in records:
        for answer in record.answers if record else []:
            found.setdefault(answer.claim, answer)
    return list(found.values())


def _claims_of(record: Record) -> set[str]:
    return {answer.claim for answer in record.answers}
