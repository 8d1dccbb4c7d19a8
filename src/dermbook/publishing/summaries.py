"""What each chapter found, in sentences computed from a Record.

One function a chapter: it takes a Record and returns sentences. The page prints them for the
published run and for this run, so no figure in a conclusion is typed by hand.
"""

import pandas as pd

from dermbook.publishing.compare import measured_text, plain
from dermbook.publishing.record import Record

CLASS_SCORES = ("precision", "recall", "specificity", "f1")


def exploration(record: Record) -> list[str]:
    """Imbalance, repeated lesions, missing values of the collection."""
    classes = record.series_frame("classes")
    largest, smallest = classes.iloc[0], classes.iloc[-1]
    photographs = record.series_frame("photographs")
    repeated = photographs[photographs["photographs"] > 1]
    images, lesions = photographs["images"].sum(), photographs["lesions"].sum()
    missing = record.series_frame("missing").sort_values("missing").iloc[-1]
    ages = record.series_frame("age-summary").set_index("class")["median"].drop("all").dropna()
    return [
        f"`{largest['class']}` has {largest['percent']:.1f} % of the {images:,} images, "
        f"{largest['count'] / smallest['count']:.0f} times as many as `{smallest['class']}`: "
        f"always answering `{largest['class']}` is {largest['percent']:.1f} % accurate and has a "
        f"balanced accuracy of {plain(1 / len(classes))}.",
        f"The images show {lesions:,} lesions. {repeated['images'].sum() / images:.0%} of the "
        f"images have at least one sibling of the same lesion, so splitting by image leaks.",
        f"Median age runs from {ages.min():.0f} (`{ages.idxmin()}`) to {ages.max():.0f} years "
        f"(`{ages.idxmax()}`): age alone carries part of the label.",
        f"The column with most missing values is `{missing['column']}`: "
        f"{missing['missing']:,} rows ({missing['percent']:.1f} %).",
    ]


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


def class_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores by class as one row a model and class: images, and each score with its interval.

    scores: tidy rows of model, metric, class, value, low, high, as ``Chapter.scores`` gives them.
    """
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in scores.to_dict("records"):
        line = rows.setdefault(
            (row["model"], row["class"]), {"model": row["model"], "class": row["class"]}
        )
        if row["metric"] == "support":
            line["images"] = int(row["value"])
        elif row["metric"] in CLASS_SCORES:
            interval = f" ({plain(row['low'])}–{plain(row['high'])})"
            known = not pd.isna(row["low"])
            line[row["metric"]] = plain(row["value"]) + interval * known
    return pd.DataFrame(list(rows.values()), columns=["model", "class", "images", *CLASS_SCORES])


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


def leaderboard(record: Record) -> list[str]:
    """The best of the book and of the reports on the seven-class test, and how they compare."""
    board = record.series_frame("board")
    sentences = []
    for source, whose in (("published", "of the book, published"), ("this run", "of this run")):
        rows = board[
            (board["source"] == source)
            & (board["metric"] == "balanced_accuracy")
            & (board["task"] == "7 classes")
        ]
        if len(rows):
            top = rows.loc[rows["value"].idxmax()]
            sentences.append(
                f"Best {whose}, in seven classes ({top['data']}): `{top['model']}` with a balanced "
                f"accuracy of {plain(top['value'])} ({plain(top['low'])}–{plain(top['high'])}) on "
                f"{top['n']:,.0f} images."
            )
    claims = board[(board["source"] == "reported")]
    sentences.append(
        f"The reports state {len(claims)} overall test scores for "
        f"{claims['model'].nunique()} models, none with an interval and none on a lesion-grouped "
        "split."
    )
    return sentences
