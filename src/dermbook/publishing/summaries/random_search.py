"""What the chapter on random search found."""

from dermbook.publishing.compare import plain
from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.record import Record


def random_search(record: Record) -> list[str]:
    """How far the search came, how it flatters, what mattered, and whether it beat R1's winners."""
    course, outcomes = record.series_frame("course"), record.series_frame("outcomes")
    sentences = []
    for sampler, of in course.groupby("sampler", sort=False):
        ended = outcomes[outcomes["sampler"] == sampler].set_index("outcome")["draws"]
        untrained = {
            name: int(ended[name])
            for name in ("impossible", "repeated", "diverged", "failed")
            if name in ended
        }
        rest = ", ".join(f"{count} {name}" for name, count in untrained.items())
        last = of.dropna(subset=["best"]).iloc[-1]
        complete = int((of["outcome"] == "complete").sum())
        sentences.append(
            f"The {sampler} search trained {len(of)} networks and stopped {len(of) - complete} of "
            f"them early{f'; further draws: {rest}' if rest else ''}. Its best has a validation "
            f"ROC AUC of {plain(last['best'])}." + _half_way(of.dropna(subset=["expected"]))
        )
    sentences += [_flattery(record), _importance(record)]
    effects = record.series_frame("effects")
    for winner in ("r1-winner-1", "r1-winner-2"):
        row = effect(effects, f"r1-found against {winner}", "roc_auc")
        verdict = "better than" if row["low"] > 0 else "worse than" if row["high"] < 0 else None
        shown = f"is {verdict}" if verdict else "is not shown to differ from"
        sentences.append(
            f"Trained alike on all training images under {int(row['seeds'])} seeds, the network "
            f"found {shown} `{winner}`: ROC AUC {with_interval(row)}."
        )
    return sentences


def _half_way(expected) -> str:
    if len(expected) < 4:
        return ""
    half = expected.iloc[len(expected) // 2 - 1]
    whole = expected.iloc[-1]
    return (
        f" Half as many complete trainings would have given {plain(half['expected'])} on average, "
        f"all of them gave {plain(whole['expected'])}."
    )


def _flattery(record: Record) -> str:
    winner = record.series_frame("winner").set_index(["what", "part"])
    chosen = winner.loc[("noted by the search", "validation"), "value"]
    test = winner.loc[("trained once more", "test")]
    opening = (
        "The winner's score flatters it"
        if chosen > test["value"]
        else "This time the winner's score did not flatter it"
    )
    text = (
        f"{opening}: {plain(chosen)} where it was chosen, {plain(test['value'])} "
        f"({plain(test['low'])}–{plain(test['high'])}) on the test part"
    )
    frame = record.series_frame("flattery").dropna(subset=["flattery"])
    if frame.empty:
        return text + "."
    last = frame.iloc[-1]
    return text + (
        f". Resampling the validation part alone foretells a flattery of {last['flattery']:+.3f} "
        f"for the best of {int(last['models'])}."
    )


def _importance(record: Record) -> str:
    frame = record.series_frame("importances")
    shown = frame[frame["shown"].astype(bool)]
    trained, enough = int(frame["trainings"].iloc[0]), bool(frame["enough"].iloc[0])
    text = (
        "More than chance explains, " + ", ".join(name.replace("_", " ") for name in
        shown["parameter"]) + (" matters" if len(shown) == 1 else " matter")
        if len(shown)
        else "No parameter explains more of the scores than chance does"
    )  # fmt: skip
    caution = "" if enough else f"; {trained} trainings are too few to say which parameters matter"
    return f"{text}{caution}."
