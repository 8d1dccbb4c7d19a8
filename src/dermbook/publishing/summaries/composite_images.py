"""What the chapter on composite images found."""

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record


def composite_images(record: Record) -> list[str]:
    """The best detector, what it misses, what it splits wrongly, the leak, and the real scan."""
    scores = record.series_frame("scores").set_index(["detector", "metric"])
    f1 = scores.xs("f1_50", level="metric")["value"]
    best = f1.idxmax()
    kinds = record.series_frame("kinds")
    kinds = kinds[(kinds["detector"] == kinds["detector"].iloc[-1]) & (kinds["trait"] == "border")]
    hardest, easiest = (
        kinds.loc[kinds["recall_50"].idxmin()],
        kinds.loc[kinds["recall_50"].idxmax()],
    )
    alarms = record.series_frame("alarms")
    alarms = alarms[alarms["detector"] == alarms["detector"].iloc[-1]]
    worst = alarms.loc[alarms["share"].idxmax()]
    gain = record.series_frame("differences").set_index("detector")
    leak = record.series_frame("leak").set_index("division")
    stand_in = scores.loc[("regions", "recognised")]
    return [
        f"Phantom: best is `{best}` with an F1 of {_interval(scores.loc[(best, 'f1_50')])} at IoU "
        f"0.5; it recognises {_interval(scores.loc[(best, 'recognised')])} of the composites and "
        f"splits {_interval(scores.loc[(best, 'false_alarms')])} of the single pictures.",
        f"Phantom: fitting the rule adds {_signed(gain.loc['cuts'])} of F1 to the rule by hand.",
        f"Phantom: panels with border `{easiest['kind']}` are found best "
        f"({plain(easiest['recall_50'])}), with border `{hardest['kind']}` worst "
        f"({plain(hardest['recall_50'])}).",
        f"Phantom: of single pictures those with `{worst['distractor']}` are split most often, "
        f"{worst['split']:.0f} of {worst['pictures']:.0f}.",
        "Phantom: regions that stand out, with R0's rule, recognise "
        f"{_interval(stand_in)} of the composites: an object is not a panel.",
        f"Divided by lot, {leak.loc['by lot', 'share']:.0%} of the test panels have a panel of "
        "the same picture in train; divided by picture, "
        f"{leak.loc['by picture', 'share']:.0%}.",
        _scanned(record),
    ]


def _scanned(record: Record) -> str:
    scan = record.series_frame("scan")
    called, corrected = scan.iloc[0], scan.iloc[-1]
    counted = (
        f"the fitted cuts call {called['called']:,.0f} of {called['pictures']:,.0f} pictures "
        f"composites, {_interval(called, 'share')}"
    )
    if called["collection"].startswith("phantom"):
        truth = record.series_frame("counts")
        several = truth.loc[truth["truth"] > 1, "pictures"].sum() / truth["pictures"].sum()
        return (
            f"Phantom, in place of a real collection: {counted}; corrected by their error rates it "
            f"is {_interval(corrected, 'share')}, and in truth {plain(several)}."
        )
    return (
        f"In `{called['collection']}` {counted}. If the phantom's error rates held there, "
        f"{_interval(corrected, 'share')} would be; nobody has checked that they do."
    )


def _interval(row, value: str = "value") -> str:
    return f"{plain(row[value])} ({plain(row['low'])}–{plain(row['high'])})"


def _signed(row) -> str:
    return f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
