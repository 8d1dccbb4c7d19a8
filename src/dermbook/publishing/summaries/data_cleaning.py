"""What the chapter on data cleaning found."""

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record


def data_cleaning(record: Record) -> list[str]:
    """Quality marks, copies, labels and fillings."""
    marks = record.series_frame("qc-summary").iloc[0]
    chosen = record.series_frame("chosen").set_index("method")
    best = chosen["f1"].astype(float).idxmax()
    searches = record.series_frame("searches").set_index("search")
    together = searches.loc["all together"]
    lesions = record.series_frame("merged").iloc[0]
    review = record.series_frame("review-scores").iloc[0]
    chance = record.series_frame("review-scores").iloc[-1]
    fill = record.series_frame("fill-summary").iloc[0]
    leak = record.series_frame("encoding").set_index(["category", "fitted_on"])["value"]
    finest = leak.index.get_level_values("category")[-1]
    copies = record.series_frame("copy-kinds")
    split = record.series_frame("split")
    moved = copies[copies["kind"].isin(["turned", "mirrored", "zoomed"])]["pairs"].sum()
    return [
        f"Of {marks['rows']:,.0f} rows {marks['reviewed']:,.0f} carry a quality mark. "
        f"{marks['wrong']:,.0f} of these are called wrongly labelled: {100 * marks['value']:.1f} % "
        f"({100 * marks['low']:.1f}–{100 * marks['high']:.1f}). A filter on the mark leaves the "
        f"other {marks['rows'] - marks['reviewed']:,.0f} rows as they are. " + _likeness(record),
        f"The best search for planted copies (phantom; {best.partition(',')[0]}) finds "
        f"{chosen.loc[best, 'found']} of {chosen.loc[best, 'planted']}, with "
        f"{chosen.loc[best, 'false_alarms']} false alarms, at a threshold chosen on another "
        "phantom.",
        f"In the collection {together['across']:,} pairs of images under different lesion ids "
        f"share so much fine structure that they show the same lesion: {lesions['lesion_pairs']:,} "
        f"pairs of ids. {together['conflicting']:,} of the image pairs disagree about the label.",
        f"That is a lower bound: by the same rule {together['same_lesion']:,} of the "
        f"{together['known']:,} pairs that are known to be of one lesion are recognised.",
        f"The parts of a split by lesion id share {split['shared_lesions'].sum():,} lesions by the "
        f"ids, and {split['shared_merged'].sum():,} once these pairs are known.",
        f"Among the clinical photographs {moved:,} pairs are turned, mirrored or zoomed versions "
        "of one picture.",
        f"{review['right']} of the {review['n']} most suspicious labels of the phantom are planted "
        f"errors ({plain(review['value'])}; by chance it would be {plain(chance['value'])}).",
        f"Filling with a mean of all rows moves it by at most {fill['largest']:.2f} years. "
        f"Encoding {finest} by a mean of all rows makes an ROC AUC of "
        f"{plain(leak[(finest, 'all rows')])} out of nothing.",
    ]


def _likeness(record: Record) -> str:
    """Whether the reviewed rows look like a random sample of all rows."""
    shares = record.series_frame("qc-alike")
    outside = shares[(shares["others"] < shares["low"]) | (shares["others"] > shares["high"])]
    if outside.empty:
        return "In partition, site and skin type the reviewed rows look like the others."
    worst = outside.loc[(outside["value"] - outside["others"]).abs().idxmax()]
    return (
        f"The reviewed rows are not like the others: {100 * worst['value']:.1f} % of them have "
        f"{worst['by']} {worst['category']}, of the others {100 * worst['others']:.1f} %."
    )
