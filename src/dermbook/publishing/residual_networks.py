"""The tables and verdicts of the chapter *Residual networks*: our two networks beside R3's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.data import Collection
from dermbook.data.strategies import make_split
from dermbook.evaluation import Predictions, mcnemar, paired_bootstrap, wilson
from dermbook.publishing.compare import plain
from dermbook.publishing.record import EXACT
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter

#: our network → its row, R3's name for it, and the claim of its number of parameters
NETWORKS = {
    "resnet18": ("3.7", "ResNet18", "R3.resnet18-parameters"),
    "resnet50": ("3.8", "ResNet50", "R3.resnet50-parameters"),
}
#: R3's classes and the size of its images, at which it counts parameters
_CLASSES, _SIDE = 7, 224
_SCORES = ("precision", "recall", "f1")
_PAIRED = ("accuracy", "balanced_accuracy", "f1_macro", "precision_macro", "recall_macro")


def parameter_counts() -> pd.DataFrame:
    """Parameters of the full-size networks: network, reported, trainable, moving, keras_total.

    trainable is what PyTorch counts; moving are the statistics of the batch normalisations, which
    Keras's ``count_params`` adds to give keras_total.
    """
    from dermbook.models import build
    from dermbook.models.residual import trainable_count

    stated = load_reported().quantities()
    rows = []
    for network, (_, _, claim) in NETWORKS.items():
        model = build(network, (_SIDE, _SIDE, 3), _CLASSES)
        trainable, total = trainable_count(model), model.count_params()
        reported = int(stated.loc[claim, "value"])
        rows.append((network, reported, trainable, total - trainable, total))
    return pd.DataFrame(rows, columns=["network", "reported", "trainable", "moving", "keras_total"])


def answer_parameters(chapter: "Chapter", counts: pd.DataFrame) -> None:
    """Keep the counts of ``parameter_counts`` as exact numbers, and answer R3's with them."""
    for row in counts.to_dict("records"):
        exact = {"metric": "trainable_weights", "value": row["trainable"], "interval": EXACT}
        chapter.add_metrics(pd.DataFrame([exact]), model=row["network"], part="all")
        chapter.answer(
            NETWORKS[row["network"]][2], model=row["network"], part="all",
            metric="trainable_weights",
        )  # fmt: skip


def shared_lesions(collection: Collection, *, seed: int = 0) -> float:
    """Share of the test images whose lesion is in train, in a division by image like R3's (3.1)."""
    split = make_split("r3", collection, seed=seed)
    lesions = collection.table["group"]
    train = set(lesions.loc[list(split.parts["train"])])
    return float(lesions.loc[list(split.parts["test"])].isin(train).mean())


def why_not_comparable(collection: Collection, *, height: int, width: int, seed: int = 0) -> str:
    """Why R3's scores cannot stand beside ours: computed from the collection at hand."""
    return (
        "R3 divided images, not lesions (in a division like its own, "
        f"{shared_lesions(collection, seed=seed):.0%} of our test images have their lesion in "
        "train), and by inference prepared its test by class (M11); its images have "
        f"{_SIDE}×{_SIDE} pixels, ours {height}×{width}"
    )


def answer_claims(chapter: "Chapter", trials: Sequence["Trial"], reason: str) -> None:
    """Put our scores beside every figure that R3 gives of these networks; verdict by ``reason``.

    Training loss and accuracy are those of the kept epoch, as R3 prints them: means over the
    batches while the weights still change.
    """
    claims = load_reported().claims()
    for trial in trials:
        row = NETWORKS[trial.name][0]
        _add_training_scores(chapter, trial)
        for claim in claims[claims["row"] == row].to_dict("records"):
            metric = "log_loss" if claim["metric"] == "loss" else claim["metric"]
            if claim["metric"] == "loss" and claim["part"] == "train":
                metric = "loss"
            class_ = claim["class"] if isinstance(claim["class"], str) else ""
            if metric in ("correct", "total"):
                continue
            chapter.answer(
                claim["id"], model=trial.name, part=claim["part"], metric=metric, class_=class_,
                not_comparable=reason,
            )  # fmt: skip


def beside_r3(predictions: Sequence[Predictions], scores: pd.DataFrame) -> pd.DataFrame:
    """Precision, recall and F1 of each class: R3's two networks and ours.

    scores: tidy rows by class of the test part (``Chapter.scores("test", overall=False)``). Columns
    model, class, images, metric, value, low, high. R3's intervals are Wilson's, for recall, where
    it prints how many images are right; it gives none for the rest.
    """
    reported = load_reported()
    known = {
        each.model: f"{each.model}, ours (phantom)" if each.phantom else f"{each.model}, ours"
        for each in predictions
    }
    rows = []
    for network, (_, title, _) in NETWORKS.items():
        if network not in known:
            continue
        for name, line in reported.table(f"R3.{network}").iterrows():
            correct, total = int(line["correct"]), int(line["total"])
            for metric in _SCORES:
                low, high = wilson(correct, total) if metric == "recall" else (None, None)
                rows.append((f"R3 {title}", name, total, metric, line[metric], low, high))
    support = scores[scores["metric"] == "support"].set_index(["model", "class"])["value"]
    ours = scores[scores["metric"].isin(_SCORES) & scores["model"].isin(known)]
    for row in ours.to_dict("records"):
        images = int(support[row["model"], row["class"]])
        numbers = (row["metric"], row["value"], row["low"], row["high"])
        rows.append((known[row["model"]], row["class"], images, *numbers))
    return pd.DataFrame(
        rows, columns=["model", "class", "images", "metric", "value", "low", "high"]
    ).astype({"value": float, "low": float, "high": float})


def class_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of ``beside_r3`` as one row a class and model, the scores as text."""
    lines: dict[tuple[str, str], dict[str, object]] = {}
    for row in frame.to_dict("records"):
        key = row["class"], row["model"]
        line = lines.setdefault(key, dict(zip(("class", "model"), key, strict=True)))
        line["images"] = int(row["images"])
        interval = f" ({plain(row['low'])}–{plain(row['high'])})"
        line[row["metric"]] = plain(row["value"]) + interval * (not pd.isna(row["low"]))
    ordered = [lines[key] for key in sorted(lines, key=lambda key: key[0])]
    return pd.DataFrame(ordered, columns=["class", "model", "images", *_SCORES])


def recalls(frame: pd.DataFrame) -> pd.DataFrame:
    """The recalls of ``beside_r3`` as ``plots.recall_intervals`` wants them."""
    chosen = frame[frame["metric"] == "recall"].rename(columns={"images": "n"})
    return chosen[["model", "class", "value", "low", "high", "n"]].reset_index(drop=True)


def paired(first: Predictions, second: Predictions, *, seed: int = 0) -> pd.DataFrame:
    """Second minus first network on the same images, with McNemar's counts in every row.

    Columns: learner, comparison, metric, first, second, value, low, high, only_first, only_second,
    p_value (of McNemar's exact test).
    """
    test = mcnemar(first, second)
    frame = paired_bootstrap(first, second, _PAIRED, seed=seed).rename(
        columns={"difference": "value"}
    )
    frame = frame[["metric", "first", "second", "value", "low", "high"]]
    frame.insert(0, "learner", "residual networks")
    frame.insert(1, "comparison", f"{second.model} minus {first.model}")
    return frame.assign(
        only_first=test.only_first, only_second=test.only_second, p_value=test.p_value
    )


def gradient_summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Gradient of the first convolution by network and arm: network, arm, layers, first, last.

    first, last: medians over seeds of the relative gradient of the first and the last convolution;
    ratio: first ÷ last.
    """
    rows = []
    for (network, arm), part in frame.groupby(["network", "arm"], sort=False):
        layers = int(part["layers"].iloc[0])
        middle = part.groupby("depth")["gradient"].median()
        first, last = float(middle.loc[1]), float(middle.loc[layers])
        rows.append((network, arm, layers, first, last, first / last))
    return pd.DataFrame(rows, columns=["network", "arm", "layers", "first", "last", "ratio"])


def add_findings(chapter: "Chapter", trials: Sequence["Trial"], reason: str) -> None:
    """Rows 3.7 and 3.8: what we measured, and why R3's figures cannot be compared with it."""
    for trial in trials:
        scores = [
            f"{label} {chapter.measured(trial.name, 'test', metric)}"
            for label, metric in (
                ("accuracy", "accuracy"),
                ("balanced accuracy", "balanced_accuracy"),
                ("macro F1", "f1_macro"),
            )
        ]
        chapter.finding(
            NETWORKS[trial.name][0], "cannot be compared", measured=", ".join(scores),
            because=reason,
        )  # fmt: skip


def _add_training_scores(chapter: "Chapter", trial: "Trial") -> None:
    history, best = trial.history, trial.fit.best_epoch
    if best is None:
        return
    row = history[history["epoch"] == best].iloc[0]
    frame = pd.DataFrame(
        [
            {"metric": metric, "value": float(row[metric]), "interval": ""}
            for metric in ("loss", "accuracy")
        ]
    )
    chapter.add_metrics(frame, model=trial.name, part="train")
