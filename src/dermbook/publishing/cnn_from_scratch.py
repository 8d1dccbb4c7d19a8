"""The tables and verdicts of the chapter *CNNs from scratch*."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from dermbook.data import Collection
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.paired import arm_differences
from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.no_gain import no_gain
from dermbook.publishing.record import EXACT
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    from dermbook.evaluation import Trial
    from dermbook.publishing.chapter import Chapter

#: R0's images (height, width) and classes, at which its network is counted
R0_SIZE, R0_CLASSES = (290, 192), 114
#: layers that hold pixels or scale them, which the report does not count
_UNCOUNTED = ("InputLayer", "Rescaling")
_METRICS = ("balanced_accuracy", "f1_macro", "f1_weighted", "accuracy")


def costs(trials: Sequence["Trial"], images: int) -> pd.DataFrame:
    """What each network takes: model, layers, parameters, epochs, best, seconds, and by image.

    images: of the training part. seconds are of all epochs, validation included; milliseconds are
    those of the fastest epoch, by training image.
    """
    rows = []
    for trial in trials:
        counted = [x for x in trial.model.layers if type(x).__name__ not in _UNCOUNTED]
        seconds = trial.history["seconds"]
        rows.append(
            {
                "model": trial.name,
                "layers": len(counted),
                "parameters": trial.parameters,
                "epochs": len(seconds),
                "best epoch": trial.fit.best_epoch,
                "seconds": float(seconds.sum()),
                "milliseconds an image": 1000 * float(seconds.min()) / images,
            }
        )
    return pd.DataFrame(rows)


def full_size(chapter: "Chapter") -> pd.DataFrame:
    """R0's network at R0's own size, layer by layer; its layers answer what the report counts.

    Columns: number (of the layer as the report counts them), layer, output (height × width ×
    channels, or units), parameters.
    """
    from dermbook.models import build

    model = build("r0-cnn", (*R0_SIZE, 3), R0_CLASSES)
    counted = [x for x in model.layers if type(x).__name__ not in _UNCOUNTED]
    exact = {"layers": len(counted), "parameters": model.count_params()}
    for metric, value in exact.items():
        row = {"metric": metric, "value": value, "interval": EXACT}
        chapter.add_metrics(pd.DataFrame([row]), model="r0-cnn-full-size", part="all")
    # the report counts its layers; its parameters follow from its code, it does not print them
    chapter.answer("R0.layers", model="r0-cnn-full-size", part="all", metric="layers")
    return pd.DataFrame(
        [
            {
                "number": number,
                "layer": _layer(each),
                "output": " × ".join(map(str, each.output.shape[1:])),
                "parameters": each.count_params(),
            }
            for number, each in enumerate(counted, start=1)
        ]
    )


def with_further_seeds(
    variants: "Mapping[str, tuple[Trial, Mapping[str, Any]]]",
    seeds: Sequence[int],
    *data: Any,
    **recipe: Any,
) -> "dict[str, list[Trial]]":
    """Each variant's first trial and one more for each seed, on the same split.

    variants: what it is → its first trial, and the options its network is built with. data, recipe:
    what ``classify`` takes beside. The further trainings are not predicted on the validation part.
    """
    from dermbook.evaluation import classify

    return {
        variant: [
            first,
            *(
                classify(
                    "r0-cnn", *data, name=f"{first.name}-seed{seed}", options=dict(options),
                    parts=("test",), **recipe | {"seed": seed},
                )
                for seed in seeds
            ),
        ]
        for variant, (first, options) in variants.items()
    }  # fmt: skip


def variant_effects(
    trials: "Mapping[str, Sequence[Trial]]", seeds: Sequence[int], *, seed: int = 0
) -> pd.DataFrame:
    """Each variant minus the network as it stands, on the same test images (row 0.10).

    trials: what it is → one trial a seed; the first is the network as it stands. Columns: learner,
    comparison, metric, first, second, value, low, high, seeds. Scores are those of all seeds'
    predictions taken together; the interval resamples lesions and, where there are several, seeds.
    """
    arms = {
        name: Arm(tuple(seeds), tuple(each.predictions["test"] for each in of))
        for name, of in trials.items()
    }
    base, *variants = arms
    pairs = {f"{variant} minus {base}": (base, variant) for variant in variants}
    found = arm_differences(arms, pairs, [(metric, "") for metric in _METRICS], seed=seed)
    found.insert(0, "learner", trials[base][0].name)
    return found.drop(columns="class")


def other_classes(collection: Collection) -> str:
    """Why R0's scores cannot stand beside ours."""
    return (
        f"R0 tells {R0_CLASSES} conditions of Fitzpatrick17k apart, from photographs of the "
        f"clinic; here there are {len(collection.classes)} classes of {collection.name}"
    )


def answer_claims(chapter: "Chapter", collection: Collection) -> None:
    """Put our r0-cnn beside what R0's table 3 says of its CNN; nothing there can be compared."""
    claims = load_reported().claims()
    ours = (claims["group"] == "R0.T3") & (claims["model"] == "CNN")
    for claim in claims[ours].to_dict("records"):
        metric = "log_loss" if claim["metric"] == "loss" else claim["metric"]
        chapter.answer(
            claim["id"], model="r0-cnn", part=claim["part"], metric=metric,
            not_comparable=other_classes(collection),
        )  # fmt: skip


def add_findings(chapter: "Chapter", effects: pd.DataFrame, collection: Collection) -> None:
    """Rows 0.9, 0.10 ("no better", by the margin that R0 itself passed over), and 0.17, AlexNet."""
    counts = [
        chapter.measured("r0-cnn-full-size", "all", each) for each in ("parameters", "layers")
    ]
    chapter.finding(
        "0.9",
        "cannot be compared",
        measured=f"{counts[0]} parameters in {counts[1]} layers at R0's size; as trained here, "
        f"macro F1 {chapter.measured('r0-cnn', 'test', 'f1_macro')}",
        because=other_classes(collection),
    )
    verdicts, parts = [], []
    for comparison in effects["comparison"].unique():
        row = effect(effects, comparison, "f1_macro")
        verdicts.append(no_gain(row["low"], row["high"]))
        parts.append(f"{comparison} {with_interval(row)}")
    # the variant that says most against "no better" decides
    order = ("not confirmed", "cannot be compared", "confirmed")
    verdict, because = min(verdicts, key=lambda each: order.index(each[0]))
    if not _has_learned(chapter.scores("test"), effects["learner"].iloc[0], collection):
        # three networks that always name the commonest class differ by nothing, and mean nothing
        verdict, because = "cannot be compared", "the network itself is not better than guessing"
    chapter.finding(
        "0.10", verdict, measured="macro F1: " + "; ".join(parts),
        because=f"{because} ({_seeds(effects)})",
    )  # fmt: skip
    _waiting_found(chapter)
    chapter.finding(
        "0.17",
        "cannot be compared",
        measured="AlexNet from random weights: balanced accuracy "
        + chapter.measured("alexnet", "test", "balanced_accuracy"),
        because="the report names it as a next step and did not train it",
    )


def _waiting_found(chapter: "Chapter") -> None:
    """Rows 0.8 (its patience) and 0.16 (figures, here the architecture and the curves)."""
    waited = chapter.series("patience")
    patience = int(load_reported().quantities().at["R0.patience", "value"])
    two = waited[waited["patience"] == patience]
    texts = [
        f"{row.model} after epoch {int(row.stopped)} of {int(row.epochs)}, validation loss "
        f"{row.lost:+.3f} above its lowest"
        for row in two.itertuples()
    ]
    chapter.finding(
        "0.8",
        "cannot be compared",
        measured=f"a patience of {patience} would have stopped {'; '.join(texts)}",
        because="R0 gives no curve to replay the rule on; these are trainings of ours",
    )
    curves = [chapter.series(name)["model"] for name in ("learning-curves", "learning-curves-deep")]
    layers = chapter.measured("r0-cnn-full-size", "all", "layers")
    chapter.finding(
        "0.16",
        "cannot be compared",
        measured=f"R0's network drawn up in {layers} layers; learning curves of "
        f"{pd.concat(curves).nunique()} networks",
        because="figures state no number; the data's own are in the chapters of Parts I and II",
    )


def _seeds(effects: pd.DataFrame) -> str:
    seeds = int(effects["seeds"].iloc[0])
    return "one seed, lesions resampled" if seeds == 1 else f"{seeds} seeds, resampled like lesions"


def _has_learned(scores: pd.DataFrame, model: str, collection: Collection) -> bool:
    """Whether the interval of a model's balanced accuracy lies above guessing."""
    row = scores[(scores["model"] == model) & (scores["metric"] == "balanced_accuracy")].iloc[0]
    return bool(row["low"] > 1 / len(collection.classes))


def _layer(layer) -> str:
    """A layer in a few words: its kind and what is set in it."""
    kind = type(layer).__name__
    if kind == "Conv2D":
        return f"Conv2D, {layer.filters} filters of {layer.kernel_size[0]}×{layer.kernel_size[1]}"
    if kind == "Dense":
        return f"Dense, {layer.units} units"
    if kind == "Dropout":
        return f"Dropout, {layer.rate:g}"
    return kind
