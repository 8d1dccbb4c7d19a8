"""What the chapter on CNNs from scratch found."""

from dermbook.publishing.compare import measured_text, plain
from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.record import Record


def cnn_from_scratch(record: Record) -> list[str]:
    """The seven-class networks against guessing and each other; R0's variants; the binary gap."""
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
    sentences += _best(record, seven) + _variants(record)
    nothing = frame[
        (frame["part"] == "test")
        & (frame["metric"] == "f1")
        & (frame["class"] != "")
        & (frame["value"] == 0)
        & frame["model"].isin(seven)
    ]
    if len(nothing):
        several = nothing["model"].value_counts()
        sentences.append(
            "Classes with an F1 of zero: "
            + ", ".join(f"{count} of `{name}`" for name, count in several.items())
            + "."
        )
    binary = next((name for name, model in record.models.items() if len(model.classes) == 2), None)
    if binary and "train" in set(frame.loc[frame["model"] == binary, "part"]):
        sentences.append(_memory(record, binary))
    return sentences if len(test) else []


def _best(record: Record, names: list[str]) -> list[str]:
    """Which network is best on validation, and how its test interval lies to the others'."""
    if len(names) < 2:
        return []
    best = max(names, key=lambda name: record.metric(name, "validation", "balanced_accuracy").value)
    top = record.metric(best, "test", "balanced_accuracy")
    others = [name for name in names if name != best]
    apart = [
        name for name in others if record.metric(name, "test", "balanced_accuracy").high < top.low
    ]
    told = ", ".join(f"`{name}`" for name in apart) or "none of the others"
    return [
        f"The validation part chooses `{best}`. On the test part its interval lies wholly above "
        f"that of {told}."
    ]


def _variants(record: Record) -> list[str]:
    if "variants" not in record.series:
        return []
    effects = record.series_frame("variants")
    sentences = []
    for comparison in effects["comparison"].unique():
        row = effect(effects, comparison, "f1_macro")
        if row["low"] > 0:
            verdict = "it is better"
        elif row["high"] < 0:
            verdict = "it is worse"
        else:
            verdict = "no difference is shown"
        sentences.append(f"{comparison}: macro F1 {with_interval(row)}, so {verdict}.")
    return sentences


def _memory(record: Record, binary: str) -> str:
    train, held_out = (
        record.metric(binary, part, "balanced_accuracy") for part in ("train", "test")
    )
    gap = (
        f"the gap of {plain(train.value - held_out.value)} is memory"
        if train.low > held_out.high
        else "no gap beyond chance, for training stopped before the network memorised"
    )
    return (
        f"On malignant or benign, `{binary}` has a balanced accuracy of "
        f"{measured_text(train)} in training and {measured_text(held_out)} on the test part: "
        f"{gap}."
    )
