"""What the chapter on fairness and shift found."""

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record

#: groups that one sentence names
_NAMED = 8


def fairness_and_shift(record: Record) -> list[str]:
    """Gaps beyond chance, what the mix of classes makes of them, other sources, and remedies."""
    gaps, groups = record.series_frame("gaps"), record.series_frame("groups")
    sentences = [_gaps(model, of) for model, of in gaps.groupby("model", sort=False)]
    sentences += _small(groups)
    sentences += _mix(gaps)
    sentences += _shift(record.series_frame("shift-costs"))
    sentences += _recognised(record.series_frame("recognition"))
    sentences += _from_source(record.series_frame("from-source"))
    sentences += _remedies(record.series_frame("remedies"))
    return sentences


def _gaps(model: str, of: pd.DataFrame) -> str:
    shown = of[of["p_holm"] < 0.05]
    texts = [
        f"{row.metric.replace('_', ' ')} by {row.attribute} ({plain(row.gap)}, chance "
        f"{plain(row.chance)}; worst: {row.worst})"
        for row in shown.itertuples()
    ]
    text = "; ".join(texts) or "none"
    return f"`{model}`: of {len(of)} gaps, beyond chance by Holm's p below .05: {text}."


def _small(groups: pd.DataFrame) -> list[str]:
    one = groups[groups["metric"] == "sensitivity"]
    sentences = []
    for model, of in one.groupby("model", sort=False):
        small = of[~of["judged"].astype(bool)]
        if small.empty:
            continue
        text = f"{len(small)} of {len(of)} groups are too small to be judged by sensitivity"
        if len(small) <= _NAMED:
            text += ": " + "; ".join(f"{row.group} ({row.why})" for row in small.itertuples())
        sentences.append(f"`{model}`: {text}.")
    return sentences


def _mix(gaps: pd.DataFrame) -> list[str]:
    """Where the raw and the standardised gap in accuracy differ most."""
    table = gaps.pivot_table(index=["model", "attribute"], columns="metric", values="gap")
    if not {"accuracy", "standardised_accuracy"} <= set(table.columns):
        return []
    change = (table["standardised_accuracy"] - table["accuracy"]).dropna()
    if change.empty:
        return []
    model, attribute = change.abs().idxmax()
    row = table.loc[(model, attribute)]
    return [
        f"The mix of classes matters most by {attribute} (`{model}`): the gap in accuracy is "
        f"{plain(row['accuracy'])} as it stands and {plain(row['standardised_accuracy'])} when "
        "every group is given the same mix."
    ]


def _shift(costs: pd.DataFrame) -> list[str]:
    of = costs[costs["metric"] == "balanced_accuracy"]
    sentences = []
    for images, rows in of.groupby("images", sort=False):
        other = rows[rows["comparison"].str.startswith("other")]
        texts = [f"{row['source']} {with_interval(row)}" for _, row in other.iterrows()]
        sentences.append(
            f"{images}: trained on the others instead of the same {other['attribute'].iloc[0]}, "
            f"with equal numbers of each class, balanced accuracy changes by {'; '.join(texts)}."
        )
    return sentences


def _recognised(table: pd.DataFrame) -> list[str]:
    return [
        f"{images}: a linear head on frozen vectors names the {of['attribute'].iloc[0]} with a "
        "balanced accuracy of "
        + "; ".join(
            f"{plain(row.value)} (chance {plain(row.chance)}) within {row.within}"
            for row in of.itertuples()
        )
        + "."
        for images, of in table.groupby("images", sort=False)
    ]


def _from_source(table: pd.DataFrame) -> list[str]:
    sentences = []
    for images, of in table.groupby("images", sort=False):
        rows = of.set_index("metric")
        hit, even = rows.loc["accuracy"], rows.loc["balanced_accuracy"]
        sentences.append(
            f"{images}: knowing the {hit['attribute']} only, without a picture, names the label "
            f"for {hit['value']:.1%} of images (the largest class: {hit['chance']:.1%}), with a "
            f"balanced accuracy of {plain(even['value'])} (chance {plain(even['chance'])})."
        )
    return sentences


def _remedies(table: pd.DataFrame) -> list[str]:
    sentences = []
    for (images, remedy), of in table.groupby(["images", "remedy"], sort=False):
        rows = of.set_index("metric")
        texts = []
        for metric in ("sensitivity", "specificity"):
            if metric not in rows.index:
                continue
            row = rows.loc[metric]
            overall = pd.Series(
                {key: row[f"overall_{key}"] for key in ("low", "high")}
                | {"value": row["overall_change"]}
            )
            gap = pd.Series({"value": row["change"], "low": row["low"], "high": row["high"]})
            texts.append(
                f"the gap in {metric} by {with_interval(gap)}, {metric} of all by "
                f"{with_interval(overall)}"
            )
        if texts:
            attribute = of["attribute"].iloc[0]
            sentences.append(f"{images}, {remedy} ({attribute}) changes {'; '.join(texts)}.")
    return sentences
