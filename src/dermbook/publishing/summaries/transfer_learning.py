"""What the chapter on transfer learning found."""

import pandas as pd

from dermbook.publishing.compare import measured_text, plain
from dermbook.publishing.record import Record


def transfer_learning(record: Record) -> list[str]:
    """The model that validation chose, what weights and bilinear pooling did, and the cost."""
    ranking = record.series_frame("ranking")
    about = record.series_frame("backbones")
    classes = max(len(model.classes) for model in record.models.values())
    chosen = ranking.iloc[0]
    test = {
        metric: measured_text(record.metric(chosen["model"], "test", metric))
        for metric in ("balanced_accuracy", "accuracy", "f1_macro", "roc_auc")
    }
    sentences = [
        f"The validation part chooses `{chosen['model']}` (balanced accuracy there "
        f"{plain(chosen['validation'])}). On the test part it has a balanced accuracy of "
        f"{test['balanced_accuracy']}, where guessing gets {plain(1 / classes)}; accuracy "
        f"{test['accuracy']}, macro F1 {test['f1_macro']}, macro AUC {test['roc_auc']}."
    ]
    sentences += _weights(ranking)
    sentences += _pairs(record, ranking)
    sentences.append(_cost(record))
    layers = record.series_frame("last-layers")
    idle = layers[layers["learning"] == 0]
    if len(idle):
        sentences.append(
            f"Of {len(layers)} backbones, the last two layers of {len(idle)} "
            f"({', '.join(idle['backbone'])}) hold nothing that learns once batch statistics stay "
            "as they came."
        )
    skipped = about[~about["used"].astype(bool)]["backbone"]
    if len(skipped):
        sentences.append(f"Without ImageNet weights at hand, left out: {', '.join(skipped)}.")
    random = about[about["weights"].str.startswith("random")]["backbone"]
    if len(random):
        sentences.append(
            f"The weights of {', '.join(random)} are random: these numbers show that the walk "
            "works, and nothing about transfer."
        )
    return sentences


def _weights(ranking: pd.DataFrame) -> list[str]:
    """How class weights move the two accuracies, over heads trained both ways."""
    both = ranking.pivot_table(
        index=["vectors", "head"], columns="weighting", values=["test", "accuracy"], sort=False
    )
    if not {("test", "none"), ("test", "balanced")} <= set(both.columns):
        return []
    pairs = both.dropna()
    rises = (pairs["test"]["balanced"] > pairs["test"]["none"]).sum()
    falls = (pairs["accuracy"]["balanced"] < pairs["accuracy"]["none"]).sum()
    return [
        f"Class weights raise the balanced accuracy of {rises} of {len(pairs)} heads on the test "
        f"part and lower the accuracy of {falls}."
    ]


def _pairs(record: Record, ranking: pd.DataFrame) -> list[str]:
    """The best bilinear head against the best head of its two networks."""
    paired = record.series_frame("pair").iloc[0]["vectors"]
    heads = ranking[ranking["vectors"] == paired]
    single = ranking[ranking["vectors"].isin(str(paired).split("x"))]
    if heads.empty or single.empty:
        return []
    texts = [
        f"`{frame.iloc[0]['model']}` "
        + measured_text(record.metric(frame.iloc[0]["model"], "test", "balanced_accuracy"))
        for frame in (heads, single)
    ]
    return [
        f"Bilinear pooling ({paired}): {texts[0]}; the better of the two networks alone: "
        f"{texts[1]}."
    ]


def _cost(record: Record) -> str:
    cost = record.series_frame("cost").set_index("way")
    same = record.series_frame("cost-same").iloc[0]
    again, once = (cost.loc[way] for way in ("backbone in every epoch", "features once"))
    alike = "equal probabilities"
    if same["difference"] > 0:
        alike = f"probabilities that differ by at most {same['difference']:.1g}"
    return (
        f"{again['epochs']:.0f} epochs take {again['seconds']:.1f} s with the backbone in each "
        f"(from {again['measured']:.0f} measured ones) and {once['seconds']:.1f} s with features "
        f"made once: {again['seconds'] / once['seconds']:.0f} times less. After equal epochs both "
        f"heads give {alike}, and {same['agreement']:.1%} of the answers are the same."
    )
