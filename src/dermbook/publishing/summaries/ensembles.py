"""What the chapter on ensembles found."""

from collections.abc import Mapping

import pandas as pd

from dermbook.publishing.compare import measured_text, plain
from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record


def ensembles(record: Record) -> list[str]:
    """The chosen rule against the best single model, R1's and R3's proposals, and who chose."""
    sentences = [*_seeds(record), *_chosen(record), _curve(record)]
    if "r1-shown" in record.series:
        sentences.append(_r1(record.series_frame("r1-shown")))
    sentences += [_hybrid(record.series_frame("hybrid")), _optimism(record), _selection(record)]
    if "official" in record.series:
        sentences.append(_official(record))
    return sentences


def _seeds(record: Record) -> list[str]:
    """What other seeds of one recipe bring; nothing where none was trained."""
    if "seeds" not in record.series:
        return []
    frame = record.series_frame("seeds")
    single, means = frame[frame["networks"] == 1], frame[frame["networks"] > 1]
    if means.empty:
        return []
    last = means.iloc[-1]
    gain = {key: last[f"gain_{key}"] for key in ("low", "high")} | {"value": last["gain"]}
    scores = ", ".join(plain(value) for value in single["test"])
    metric = record.series_frame("chosen").iloc[0]["metric"].replace("_", " ")
    return [
        f"{len(single)} networks of one recipe that differ in nothing but the seed have a {metric} "
        f"of {scores} on the test part; their mean has {plain(last['test'])}, "
        f"{with_interval(pd.Series(gain))} against the first; {_words(gain)}."
    ]


def _chosen(record: Record) -> list[str]:
    chosen = record.series_frame("chosen").iloc[0]
    metric, rule = chosen["metric"], chosen["rule"]
    name = metric.replace("_", " ")
    gain = record.series_frame("gain")
    row = gain[gain["metric"] == metric].iloc[0]
    used = record.series_frame("candidates")
    seven = used[(used["used"] == "yes") & (used["task"] != "malignant or benign")]
    rules = record.series_frame("rules")
    best = rules.loc[rules["test"].idxmax()]
    found = f"Of {len(rules)} rules on {len(seven)} candidates, validation chose *{rule}*: {name} "
    found += f"{measured_text(record.metric('ensemble', 'test', metric))} on the test part, "
    found += f"accuracy {measured_text(record.metric('ensemble', 'test', 'accuracy'))}."
    if rule == "best single model":
        return [found + " So no ensemble was better than one model there."]
    against = (
        f"Against the best single model, chosen on validation as well ({plain(row['first'])}), "
        f"that is {with_interval(row)}; {_words(row)}."
    )
    if best["model"] != rule:
        against += f" The test part would have preferred *{best['model']}* ({plain(best['test'])})."
    return [found, against]


def _curve(record: Record) -> str:
    frame = record.series_frame("curve")
    greedy = frame[frame["curve"].str.startswith("greedy")]
    by_part = {part: rows.set_index("members")["value"] for part, rows in greedy.groupby("part")}
    validation, test = by_part["validation"], by_part["test"]
    steps = int(validation.idxmax())
    return (
        f"The greedy selection is best on validation after {_count(steps, 'step')}: "
        f"{plain(validation[steps])} there, {plain(test[steps])} on the test part. Its first step, "
        f"the best single model, has {plain(validation[1])} and {plain(test[1])}."
    )


def _r1(frame: pd.DataFrame) -> str:
    rows = frame[frame["learner"] == "accuracy-weighted mean"]
    said = "; ".join(
        f"{row['comparison']} {with_interval(row)}, {_words(row)}" for _, row in rows.iterrows()
    )
    return f"R1’s question, accuracy-weighted mean, chosen on validation, accuracy: {said}."


def _hybrid(frame: pd.DataFrame) -> str:
    metric = frame["metric"].iloc[0]
    rows = frame[(frame["metric"] == metric) & (frame["learner"] == "hybrid-by-decision")]
    said = "; ".join(
        f"{row['comparison']} {with_interval(row)}, {_words(row)}" for _, row in rows.iterrows()
    )
    return f"R3’s mixture by decision, {metric.replace('_', ' ')}: {said}."


def _optimism(record: Record) -> str:
    frame = record.series_frame("optimism")
    last = frame[frame["models"] == frame["models"].max()]
    said = ", ".join(
        f"{row['way']} {_signed(row['optimism'])} ({_signed(row['low'])} to {_signed(row['high'])})"
        for _, row in last.iterrows()
    )
    return (
        f"Chosen among {int(last['models'].iloc[0])} candidates, a score is higher on the lesions "
        f"that chose than on those left out by, on average of {int(last['resamples'].iloc[0])} "
        f"resamples (95 % of them in brackets): {said}. The mean of all chooses nothing and is the "
        "control."
    )


def _selection(record: Record) -> str:
    frame = record.series_frame("selection")
    said = ", ".join(
        f"{row['learner']} {_signed(row['value'])} ({plain(row['first'])} → {plain(row['second'])})"
        for _, row in frame.iterrows()
    )
    return (
        f"Had the test part chosen, as R1 let it, the reported test scores would change by: {said}."
    )


def _official(record: Record) -> str:
    weights = record.series_frame("official")
    metric = record.series_frame("chosen").iloc[0]["metric"]
    value = measured_text(record.metric("ensemble-official", "test", metric))
    return (
        f"{_count(len(weights), 'member')} predicted the official test images; their ensemble has "
        f"a {metric.replace('_', ' ')} of {value} on our own test part."
    )


def _words(row: Mapping[str, float]) -> str:
    """What an interval shows of a difference."""
    if row["low"] > 0:
        return "shown to be better"
    return "shown to be worse" if row["high"] < 0 else "not shown to differ"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
