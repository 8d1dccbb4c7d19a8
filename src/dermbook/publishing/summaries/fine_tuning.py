"""What the chapter on fine-tuning found."""

import pandas as pd

from dermbook.publishing.compare import measured_text
from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record


def fine_tuning(record: Record) -> list[str]:
    """Depths, optimizers, explosions, schedules, the last epoch, and the best network."""
    return [
        *_depths(record),
        *_optimizers(record),
        *_explosions(record),
        *_schedules(record),
        *_best(record),
    ]


def _depths(record: Record) -> list[str]:
    effects = record.series_frame("depth-effects")
    of = effects[effects["metric"] == "balanced_accuracy"]
    texts = [f"{row['comparison']}: {with_interval(row)}" for _, row in of.iterrows()]
    return [
        "Letting layers of the backbone learn changes balanced accuracy on the test part by "
        + "; ".join(texts)
        + " (layers that learn, against the first depth; a short training on few pictures).",
        *_gains(record),
    ]


def _gains(record: Record) -> list[str]:
    if "tuning-gains" not in record.series:  # a Record from before that comparison
        return []
    gains = record.series_frame("tuning-gains")
    of = gains[gains["metric"] == "balanced_accuracy"]
    texts = [f"{row['task']} {with_interval(row)}" for _, row in of.iterrows()]
    return [
        "The long training of the whole best network, against a head on its frozen backbone: "
        + "; ".join(texts)
        + "."
    ]


def _optimizers(record: Record) -> list[str]:
    scores = record.series_frame("optimizers")
    test = scores[(scores["part"] == "test") & (scores["metric"] == "accuracy")]
    order = test.sort_values("value", ascending=False)
    ranking = ", ".join(f"{row['optimizer']} {row['value']:.3f}" for _, row in order.iterrows())
    pairs = record.series_frame("optimizer-pairs")
    both = pairs[pairs["reported"].notna()]
    counts = both["agrees"].value_counts()
    return [
        f"Test accuracy by optimizer, each at Keras's own rate: {ranking}.",
        f"Of {len(both)} differences between optimizers that R1 reports, {counts.get('yes', 0)} "
        f"are found again, {counts.get('no', 0)} go the other way and {counts.get('open', 0)} are "
        "not told from none.",
    ]


def _explosions(record: Record) -> list[str]:
    arms = record.series_frame("explosions")
    exploded = arms.loc[arms["exploded"].astype(bool), "arm"].tolist()
    finite = arms.loc[~arms["exploded"].astype(bool), "arm"].tolist()
    return [
        f"The loss or its gradient stops being finite in: {', '.join(exploded) or 'no arm'}. "
        f"It stays finite in: {', '.join(finite) or 'no arm'}."
    ]


def _schedules(record: Record) -> list[str]:
    counts = record.series_frame("halvings")
    texts = [
        f"{row['curve']}, mode {row['mode']}: {row['halved']} ({row['wrong']} without a plateau)"
        for _, row in counts.iterrows()
    ]
    last = record.series_frame("best-last").set_index("metric").loc["balanced_accuracy"]
    return [
        "Halvings of the learning rate: " + "; ".join(texts) + ".",
        "Keeping the best epoch in place of the last changes balanced accuracy by "
        f"{with_interval(last)} over {int(last['seeds'])} seeds.",
    ]


def _best(record: Record) -> list[str]:
    scores = record.series_frame("best-scores")
    name = scores["model"].iloc[0]
    balanced = record.metric(name, "test", "balanced_accuracy")
    accuracy = record.metric(name, "test", "accuracy")
    curve = record.series_frame("best-curve")
    kept = curve.loc[curve["best"].astype(bool), "epoch"]
    kept_text = f"epoch {int(kept.iloc[0])} of {_count(curve)}" if len(kept) else "the last epoch"
    return [
        f"`{name}`, fine-tuned on seven classes with all that helped, has a balanced accuracy of "
        f"{measured_text(balanced)} and an accuracy of {measured_text(accuracy)} on the test part "
        f"({kept_text}, chosen on the validation part)."
    ]


def _count(curve: pd.DataFrame) -> int:
    return int(curve["epoch"].max())
