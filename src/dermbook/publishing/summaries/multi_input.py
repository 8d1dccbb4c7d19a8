"""What the chapter on images and metadata found."""

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record


def multi_input(record: Record) -> list[str]:
    """What metadata add to the image, what leaks, and which way of stacking collapses."""
    gains, stack = record.series_frame("gains"), record.series_frame("stack")
    sentences = [_gains(of) for _, of in gains.groupby("images", sort=False)]
    sentences += _alone(record.series_frame("scores"))
    sentences += _rule(record.series_frame("partitions"))
    sentences += [_stack(of) for _, of in stack.groupby("images", sort=False)]
    sentences += _folds(record.series_frame("seen"))
    sentences += _dropout(record.series_frame("overfitting"))
    return sentences


def _gains(of: pd.DataFrame) -> str:
    """Which inputs move micro F1 beyond doubt, on one collection."""
    of = of[(of["metric"] == "f1_micro") & of["comparison"].str.startswith("+")]
    shown = of[(of["low"] > 0) | (of["high"] < 0)]
    rest = of[~of.index.isin(shown.index)]["comparison"]
    texts = [f"{row['comparison']} {with_interval(row)}" for _, row in shown.iterrows()]
    sentence = f"{of['images'].iloc[0]}: beside the image, micro F1 is changed by "
    sentence += "; ".join(texts) or "none of the inputs"
    if len(rest):
        sentence += f". Not shown: {'; '.join(rest)}"
    return sentence + "."


def _alone(scores: pd.DataFrame) -> list[str]:
    """The best single source of metadata without any image, collection by collection."""
    alone = scores[(scores["metric"] == "f1_micro") & scores["arm"].str.endswith("alone")]
    sentences = []
    for images, of in alone.groupby("images", sort=False):
        whole = scores[(scores["metric"] == "f1_micro") & (scores["images"] == images)]
        image = float(whole.set_index("arm").at["image", "value"])
        best = of.loc[of["value"].idxmax()]
        sentences.append(
            f"{images}: without an image, {best['arm']} reaches a micro F1 of "
            f"{plain(best['value'])}; the image alone {plain(image)}."
        )
    return sentences


def _rule(table: pd.DataFrame) -> list[str]:
    sentences = []
    for rows, of in table.groupby("rows", sort=False):
        right = of.set_index("columns")["right"]
        skin, pair = (right[name] for name in ("fitzpatrick_scale", right.index[-1]))
        sentences.append(
            f"{rows}: always naming the most frequent label is right for {right['nothing']:.1%}, "
            f"the most frequent one of each skin type for {skin:.1%}, of each pair of coarser "
            f"labels for {pair:.1%}."
        )
    if not table["rows"].str.contains("published").any():
        sentences.append(
            "The published table of Fitzpatrick17k is not imported, so its rule was not counted."
        )
    return sentences


def _stack(of: pd.DataFrame) -> str:
    values = of[of["metric"] == "f1_micro"].set_index("arm")["value"]
    texts = ", ".join(f"{name} {plain(value)}" for name, value in values.items())
    return f"{of['images'].iloc[0]}, micro F1 of base models and stacks: {texts}."


def _folds(seen: pd.DataFrame) -> list[str]:
    found = seen[seen["model"] == "CNN alone"]
    return [
        f"{row['images']}: the CNN is right for {row['seen']:.1%} of the images that it was "
        f"trained on, for {row['unseen']:.1%} of them out of fold, and for {row['test']:.1%} of "
        "the test."
        for _, row in found.iterrows()
    ]


def _dropout(table: pd.DataFrame) -> list[str]:
    values = table.pivot(index="arm", columns="part", values="value")
    return [
        f"{arm}: weighted F1 {plain(row['train'])} on the training part, {plain(row['test'])} on "
        "the test."
        for arm, row in values.iterrows()
        if pd.notna(row.get("train")) and pd.notna(row.get("test"))
    ]
