"""The numbers of the model card, from the Records of *fine-tuning* and *fairness and shift*."""

import pandas as pd

from dermbook.publishing.appendix.blocks import Records, count, facts, missing, table, whence
from dermbook.publishing.compare import measured_text
from dermbook.publishing.record import Record

#: the series of *fairness and shift* that the card quotes, and the columns it must have
GROUPS = "groups"
GROUP_COLUMNS = ("attribute", "group", "metric", "value", "low", "high", "n")
_OVERALL = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "F1, macro",
    "f1_weighted": "F1, weighted",
    "roc_auc": "ROC AUC, mean over classes",
    "brier": "Brier score",
    "log_loss": "log loss",
    "ece": "calibration error",
}
_BY_CLASS = ("recall", "precision", "f1", "roc_auc")
#: what a chapter's parameters are called on the card
_SETTINGS = {
    "best_backbone": "backbone, trained on ImageNet",
    "best_height": "height of its pictures, pixels",
    "best_width": "width of its pictures, pixels",
    "best_last": "layers that learn (-1: all)",
    "best_epochs": "epochs, at most",
    "best_minutes": "minutes of training, at most",
    "best_rate": "highest learning rate",
    "best_sampling": "sampling of classes",
    "best_augment": "augmentation",
    "best_smoothing": "label smoothing",
    "best_ema": "momentum of the running mean of weights",
    "best_flips": "predicts four mirrorings of each picture",
    "seed": "seed",
}


def model_card_facts(records: Records) -> dict[str, str]:
    """The four included files of the model card, by name.

    Without a published Record of *fine-tuning* on real images they say that there is no such model.
    """
    record = records.get("fine-tuning")
    model = None if record is None or record.phantom else published_model(record)
    if record is None or model is None:
        nothing = (
            ":::{warning}\n**No model has been published yet.** The chapter *fine-tuning* has no "
            "published run on real images, so this card describes what the model will be, and has "
            "no figures of it.\n:::\n"
        )
        texts = {
            "model-card-details.inc": nothing,
            "model-card-training.inc": missing("fine-tuning", "Its numbers"),
            "model-card-scores.inc": missing("fine-tuning", "Its scores"),
        }
    else:
        texts = {
            "model-card-details.inc": _details(record, model),
            "model-card-training.inc": _training(record),
            "model-card-scores.inc": _scores(record, model),
        }
    texts["model-card-groups.inc"] = _groups(records.get("fairness-and-shift"), model)
    return texts


def published_model(record: Record) -> str | None:
    """The name of the best network of *fine-tuning*: that of its series ``best-scores``."""
    if "best-scores" not in record.series:
        return None
    names = record.series_frame("best-scores")["model"].unique()
    return str(names[0]) if len(names) else None


def _details(record: Record, model: str) -> str:
    weights = record.models[model].weights if model in record.models else None
    seconds = record.timings.get(f"train {model}")
    curve = record.series_frame("best-curve") if "best-curve" in record.series else pd.DataFrame()
    rows = [("name", model), ("task", record.models[model].task)]
    rows += [
        (words, str(record.parameters[name]))
        for name, words in _SETTINGS.items()
        if name in record.parameters
    ]
    rows += [
        ("parameters of the network", count(weights)),
        ("epochs trained", count(len(curve))),
        ("epoch kept", count(curve.loc[curve["best"], "epoch"].max()) if len(curve) else "–"),
        ("minutes of training", "–" if seconds is None else f"{seconds / 60:.1f}"),
        (
            "trained on",
            f"{record.hardware.accelerator or record.hardware.processor}, "
            f"{record.hardware.cores} cores, {record.hardware.backend}",
        ),
        ("version of the code", record.code.version),
        ("date", f"{record.started:%-d %B %Y}"),
    ]
    return "\n".join(
        [
            table("model-card-details", facts(rows, ("what", "value")), "The model."),
            whence(record),
        ]
    )


def _training(record: Record) -> str:
    rows = []
    for data in record.data:
        if data.phantom or not data.parts:
            continue
        for part, images in data.parts.items():
            rows.append((data.collection, part, images, data.split or "–"))
    frame = pd.DataFrame(rows, columns=["collection", "part", "images", "split"])
    if frame.empty:
        return missing("fine-tuning", "The parts of the split")
    return table("model-card-parts", frame, "Images by part, and how the parts were made.")


def _scores(record: Record, model: str) -> str:
    rows = []
    for metric, words in _OVERALL.items():
        line = [words]
        for part in ("validation", "test"):
            line.append(measured_text(record.metric(model, part, metric)))
        rows.append(line)
    frame = pd.DataFrame(rows, columns=["score", "validation", "test"])
    parts = [
        table(
            "model-card-scores",
            frame,
            "Scores with 95 % intervals, by bootstrap over lesions. On the validation part the "
            "epoch was chosen, so its scores flatter.",
        )
    ]
    classes = record.models[model].classes if model in record.models else []
    lines = []
    for name in classes:
        support = record.metric(model, "test", "support", name)
        line = {"class": name, "images": None if support is None else support.value}
        for metric in _BY_CLASS:
            line[metric] = measured_text(record.metric(model, "test", metric, name))
        lines.append(line)
    if lines:
        parts.append(
            table(
                "model-card-classes",
                pd.DataFrame(lines),
                "Test scores of each class, with 95 % intervals.",
            )
        )
    return "\n".join([*parts, whence(record)])


def _groups(record: Record | None, model: str | None) -> str:
    if record is None or record.phantom:
        return missing("fairness-and-shift", "Scores by group")
    if GROUPS not in record.series:
        return (
            ":::{note}\nThe published run of *fairness and shift* keeps no table of scores by "
            "group.\n:::\n"
        )
    frame = record.series_frame(GROUPS)
    if "model" in frame.columns and model in set(frame["model"]):
        frame = frame[frame["model"] == model]
    shown = [name for name in ("model", *GROUP_COLUMNS) if name in frame.columns]
    return "\n".join(
        [
            table(
                "model-card-groups",
                frame[shown].rename(columns={"n": "images"}),
                "Test scores by group of patients, with 95 % intervals.",
            ),
            whence(record),
        ]
    )
