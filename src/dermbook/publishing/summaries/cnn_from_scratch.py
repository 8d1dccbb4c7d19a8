"""What the chapter on CNNs from scratch found."""

from dermbook.publishing.compare import measured_text, plain
from dermbook.publishing.record import Record


def cnn_from_scratch(record: Record) -> list[str]:
    """The two seven-class networks against each other and against guessing; the binary gap."""
    frame = record.metrics_frame()
    test = frame[(frame["part"] == "test") & (frame["class"] == "")]
    seven = [name for name, model in record.models.items() if len(model.classes) > 2]
    sentences = []
    for name in seven:
        scores = {
            metric: measured_text(record.metric(name, "test", metric))
            for metric in ("balanced_accuracy", "accuracy", "roc_auc")
        }
        sentences.append(
            f"`{name}` ({record.models[name].weights:,} weights) reaches a balanced accuracy of "
            f"{scores['balanced_accuracy']} where guessing gets "
            f"{plain(1 / len(record.models[name].classes))}; accuracy {scores['accuracy']}, "
            f"macro AUC {scores['roc_auc']}."
        )
    if len(seven) == 2:
        first, second = (record.metric(name, "test", "balanced_accuracy") for name in seven)
        apart = first.low > second.high or second.low > first.high
        sentences.append(
            "Their intervals do not overlap: the difference is real on this test part."
            if apart
            else "Their intervals overlap: on this test part alone neither is shown to be better."
        )
    nothing = test[(test["metric"] == "f1") & (test["value"] == 0)]
    if len(nothing):
        sentences.append(f"{len(nothing)} classes have an F1 of zero.")
    binary = next((name for name, model in record.models.items() if len(model.classes) == 2), None)
    if binary:
        train, held_out = (
            record.metric(binary, part, "balanced_accuracy") for part in ("train", "test")
        )
        gap = (
            f"the gap of {plain(train.value - held_out.value)} is memory"
            if train.low > held_out.high
            else "no gap beyond chance, for training stopped before the network memorised"
        )
        sentences.append(
            f"On malignant or benign, `{binary}` has a balanced accuracy of "
            f"{measured_text(train)} in training and {measured_text(held_out)} on the test part: "
            f"{gap}."
        )
    return sentences
