"""What the chapter on decisions and thresholds found."""

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record


def decisions(record: Record) -> list[str]:
    """Chance, averages, rare classes and the price of a threshold."""
    chance = record.series_frame("chance").set_index("matrix")
    published, ours = chance.iloc[1], chance.iloc[2]
    thresholds = record.series_frame("thresholds")
    half, cheap = thresholds.iloc[0], thresholds.iloc[1]
    averages = record.series_frame("averages").set_index("metric")["value"]
    recalls = record.series_frame("recalls")
    widest = recalls.loc[(recalls["high"] - recalls["low"]).idxmax()]
    return [
        f"R4's published matrix is {plain(published['accuracy'])} accurate, and two unrelated "
        f"columns with its totals would be {plain(published['by_chance'])}: κ "
        f"{published['kappa']:.3f}. Our model has κ {ours['kappa']:.3f}.",
        f"One set of predictions, three F1 scores: micro {plain(averages['f1_micro'])} (which is "
        f"the accuracy), weighted {plain(averages['f1_weighted'])}, macro "
        f"{plain(averages['f1_macro'])}.",
        f"The widest interval belongs to `{widest['class']}` ({widest['model']}, {widest['n']} "
        f"images): {plain(widest['low'])} to {plain(widest['high'])}.",
        f"At a threshold of one half {half['missed']} malignant images of the test part are missed "
        f"and {half['false_alarms']} benign ones sent; at the cheapest threshold "
        f"({plain(cheap['threshold'])}) {cheap['missed']} and {cheap['false_alarms']}.",
    ]
