"""The tables and findings of the chapter *Transfer learning*.

Each function returns a tidy table for ``Chapter.add_series``, or keeps what was measured. The
reports' numbers come from ``book/reported.yaml``; nothing is typed here.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.data import Collection
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.recipes import RECIPES, recipe
from dermbook.evaluation.transfer import HeadTrial, best_head, head_name
from dermbook.models import BACKBONES, Features, bilinear_features, find_weights, frozen_features
from dermbook.models.backbones import backbone
from dermbook.paths import weights_dir
from dermbook.publishing.compare import PHANTOM
from dermbook.publishing.reported import load_reported
from dermbook.training.vectors import Vectors, concatenated

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

#: what is taken in a backbone's place where its own weights cannot be had, named as what it is
STAND_INS = {"resnet50v2": "resnet50"}
#: row of the inventory → (backbone, recipe): what each report put on which network
PAIRS: tuple[tuple[str, str, str], ...] = (
    ("0.11", "vgg19", "r0"),
    ("0.11", "resnet50v2", "r0"),
    ("0.11", "mobilenetv2", "r0"),
    ("0.11", "efficientnetb2", "r0"),
    ("0.11", "efficientnetb3", "r0"),
    ("1.7", "vgg16", "r1-vgg"),
    ("1.7", "vgg19", "r1-vgg"),
    ("1.8", "inceptionv3", "r1-inception"),
    ("2.4", "mobilenetv2", "r2-mobilenetv2"),
    ("4.7", "vgg16", "r4-vgg16"),
    ("4.8", "resnet50v2", "r4-resnet50v2"),
)
#: the recipe that bilinear vectors get: a softmax, as R4 put on VGG16 (row 4.11)
BILINEAR_RECIPE = "r4-vgg16"


@dataclass(frozen=True)
class Shelf:
    """The vectors that a run has. ``vectors``: by name. ``about``: a row a backbone asked for, see
    ``open_shelf``. ``pairs``: the name of the bilinear vectors, empty if there are none.
    ``order``: the names of single backbones."""

    vectors: Mapping[str, Features | Vectors]
    about: pd.DataFrame
    pairs: str = ""
    order: tuple[str, ...] = ()

    def weights_of(self, name: str, asked: str) -> str:
        """The parameter ``weights`` with which a backbone can be built again in this run.

        ``random`` where it is not on the shelf, for then its weights may not be at hand.
        """
        return asked if name in self.order else "random"


def sizes_of(backbones: Sequence[str]) -> dict[str, tuple[int, int]]:
    """``["vgg16@112x150"]`` as name → (height, width) in pixels.

    ParameterError for another form, an unknown backbone, or one named twice.
    """
    sizes = {}
    for text in backbones:
        found = re.fullmatch(r"([a-z0-9]+)@(\d+)x(\d+)", text)
        if not found or found[1] in sizes:
            raise ParameterError(
                f"backbones: write each once, as NAME@HEIGHTxWIDTH, like vgg16@112x150, "
                f"not {text!r}."
            )
        backbone(found[1])
        sizes[found[1]] = int(found[2]), int(found[3])
    return sizes


def open_shelf(
    collection: Collection,
    backbones: Sequence[str],
    *,
    pair: Sequence[str] = (),
    channels: int = 64,
    together: Sequence[str] = (),
    weights: str = "imagenet",
    download: bool = False,
    seed: int = 0,
) -> Shelf:
    """Frozen features of every backbone whose weights are at hand, pairs, and several side by side.

    backbones: see ``sizes_of``. pair: two of them for bilinear vectors, of one size, which are
    computed in the same pass; none without both. together: names, joined by +, whose vectors are
    put side by side. download: whether weights that the folder ``DERMBOOK_WEIGHTS`` lacks may be
    fetched; where no such folder is named, they are.

    ``about``: backbone, image size, features, used (whether), weights (what they are, or why there
    are none).
    """
    sizes = sizes_of(backbones)
    problems = {name: _problem(name, weights, download, seed) for name in sizes}
    usable = [name for name in sizes if not problems[name]]
    if not usable:
        raise DataError("No weights of any backbone are at hand. " + next(iter(problems.values())))
    vectors: dict[str, Features | Vectors] = {}
    paired = ""
    if pair and set(pair) <= set(usable):
        first, second = _checked_pair(pair, sizes)
        height, width = sizes[first]
        found = bilinear_features(
            collection, first, second, height=height, width=width, channels=channels,
            weights=weights, seed=seed, progress=False,
        )  # fmt: skip
        vectors |= {first: found.first, second: found.second}
        paired = found.pairs.backbone
    for name in usable:
        if name not in vectors:
            height, width = sizes[name]
            vectors[name] = frozen_features(
                collection, name, height=height, width=width, weights=weights, seed=seed,
                progress=False,
            )  # fmt: skip
    about = _about(sizes, problems, vectors)
    vectors = {name: vectors[name] for name in usable}
    for names in together:
        if set(names.split("+")) <= set(vectors):
            vectors[names] = concatenated([vectors[name] for name in names.split("+")])
    if paired:
        vectors[paired] = found.pairs
    return Shelf(vectors, about, paired, tuple(usable))


def jobs(shelf: Shelf, recipes: Sequence[str] = (), *, common: str = "") -> list[tuple[str, str]]:
    """(vectors, recipe) of every report's own pair that the shelf allows, and of bilinear vectors.

    A backbone that is not on the shelf gives way to its stand-in, if that is. recipes: only these,
    all if none is named. common: a recipe that every backbone gets besides, none if empty.
    ParameterError for an unknown recipe, or where nothing is left to train.
    """
    for name in (*recipes, *([common] if common else [])):
        recipe(name)
    jobs = [(_stand_in(name, shelf), head) for _, name, head in PAIRS]
    jobs += [(name, common) for name in shelf.order if common]
    jobs += [(shelf.pairs, BILINEAR_RECIPE)] if shelf.pairs else []
    chosen = [
        (name, head)
        for name, head in dict.fromkeys(jobs)
        if name in shelf.vectors and (not recipes or head in recipes)
    ]
    if not chosen:
        raise ParameterError(
            f"recipes: none of {', '.join(recipes) or 'all'} goes with {', '.join(shelf.order)}."
        )
    return chosen


def pair_table(shelf: Shelf) -> pd.DataFrame:
    """What each report did and what we do: row, backbone, recipe, ours (a stand-in is named)."""
    rows = []
    for row, name, head in PAIRS:
        ours = _stand_in(name, shelf)
        if ours not in shelf.vectors:
            ours = "no weights at hand" if name in set(shelf.about["backbone"]) else "not asked for"
        rows.append([row, name, head, ours, RECIPES[head].chosen or "–"])
    return pd.DataFrame(rows, columns=["row", "backbone", "head", "ours", "our choice"])


def last_layers(names: Sequence[str], layers: int = 2) -> pd.DataFrame:
    """What R0 unfroze: the last layers of each backbone, and how many weights they hold.

    Columns: backbone, layers (their kinds), weights (of those layers), learning (of them, with
    batch statistics as they came), share (learning of all the backbone's weights).
    """
    import keras

    from dermbook.models import unfreeze
    from dermbook.models.transfer import BACKBONE_LAYER

    rows = []
    for name in names:
        make = getattr(keras.applications, backbone(name).architecture)
        # what a layer is does not depend on its weights
        network = make(weights=None, include_top=False, input_shape=(96, 96, 3))
        network.name = BACKBONE_LAYER
        image = keras.Input((96, 96, 3))
        model = keras.Model(image, network(image))
        last = network.layers[-layers:]
        rows.append(
            {
                "backbone": name,
                "last two layers": " and ".join(type(layer).__name__ for layer in last),
                "weights": sum(layer.count_params() for layer in last),
                "with batch statistics": unfreeze(model, layers, batch_norm="training"),
                "learning": unfreeze(model, layers, batch_norm="inference"),
                "of": network.count_params(),
            }
        )
    return pd.DataFrame(rows)


@lru_cache
def r4_counts(classes: int = 7) -> Mapping[str, float]:
    """Parameters of R4's VGG16 with its head (row 4.7): all of them, frozen, and trainable."""
    import keras

    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    network.trainable = False
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    model = keras.Model(network.input, keras.layers.Dense(classes, "softmax")(pooled))
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    every = model.count_params()
    return {
        "vgg16_parameters": every,
        "vgg16_frozen": every - trainable,
        "vgg16_trainable": trainable,
    }


def add_r4_counts(chapter: "Chapter", collection: Collection) -> None:
    """Keep the counts of ``r4_counts`` and put them beside R4's."""
    claims = {f"R4.vgg16-{what}": f"vgg16_{what}" for what in ("parameters", "frozen", "trainable")}
    chapter.add_counts(r4_counts(), of=collection, claims=claims)


def count_table() -> pd.DataFrame:
    """R4's parameter counts as printed, counted by us, and whether they agree."""
    quantities, ours = load_reported().quantities(), r4_counts()
    rows = []
    for what in ("parameters", "frozen", "trainable"):
        printed = int(quantities.at[f"R4.vgg16-{what}", "value"])
        counted = ours[f"vgg16_{what}"]
        rows.append([what, printed, counted, printed == counted])
    return pd.DataFrame(rows, columns=["which", "reported", "counted", "equal"])


def pair_name(shelf: Shelf) -> pd.DataFrame:
    """The name of the bilinear vectors, one row; empty text where there are none."""
    return pd.DataFrame({"vectors": [shelf.pairs]})


def binary_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of R1's heads: model, epochs, metric, value, low, high; a row that says so if none."""
    columns = ["model", "epochs", "metric", "value", "low", "high"]
    metrics = ("accuracy", "balanced_accuracy", "roc_auc")
    chosen = scores[(scores["task"] != "seven") & scores["metric"].isin(metrics)]
    if chosen.empty:
        return pd.DataFrame([["no head of R1 was trained", *[None] * 5]], columns=columns)
    return chosen[columns].reset_index(drop=True)


def add_heads(chapter: "Chapter", trials: Sequence[HeadTrial]) -> None:
    """Keep each head's Predictions, scores and, where it has one, learning curve."""
    for each in trials:
        if each.trial is not None:
            chapter.add_trial(each.trial)
        else:
            for predictions in each.predictions.values():
                chapter.add_predictions(predictions, weights=each.parameters)


def curves(trials: Sequence[HeadTrial]) -> pd.DataFrame:
    """Learning curves of seed 0: vectors, head, weighting, epoch, losses, scores, and best."""
    frames = []
    for each in trials:
        if each.trial is None or each.seed:
            continue
        history = each.trial.history.drop(columns="seconds")
        history["best"] = history["epoch"] == each.trial.fit.best_epoch
        history.insert(1, "vectors", each.vectors)
        history.insert(2, "head", each.recipe)
        history.insert(3, "weighting", each.weighting)
        frames.append(history)
    return pd.concat(frames, ignore_index=True)


def head_scores(chapter: "Chapter", trials: Sequence[HeadTrial], part: str) -> pd.DataFrame:
    """Overall scores of the heads on a part, with what each is: vectors, head, weighting, task."""
    about = pd.DataFrame(
        {
            "model": [each.name for each in trials],
            "vectors": [each.vectors for each in trials],
            "head": [each.recipe for each in trials],
            "weighting": [each.weighting for each in trials],
            "seed": [each.seed for each in trials],
            "task": ["malignant or benign" if each.binary else "seven" for each in trials],
            "epochs": [each.trial.fit.epochs if each.trial else None for each in trials],
        }
    )
    scores = chapter.scores(part, overall=True)
    return about.merge(scores, on="model", validate="one_to_many")


def ranking(scores: pd.DataFrame, validation: pd.DataFrame) -> pd.DataFrame:
    """The seven-class heads by balanced accuracy on validation: with it, and the test's.

    Columns: model, vectors, head, weighting, validation, test, low, high, accuracy (test).
    """
    chosen = validation[
        (validation["metric"] == "balanced_accuracy") & (validation["task"] == "seven")
    ]
    table = chosen[["model", "vectors", "head", "weighting", "value"]]
    table = table.rename(columns={"value": "validation"})
    test = scores[scores["metric"] == "balanced_accuracy"].set_index("model")
    table["test"], table["low"], table["high"] = (
        table["model"].map(test[column]) for column in ("value", "low", "high")
    )
    accuracy = scores[scores["metric"] == "accuracy"].set_index("model")["value"]
    table["accuracy"] = table["model"].map(accuracy)
    return table.sort_values("validation", ascending=False, kind="stable", ignore_index=True)


def answer_claims(chapter: "Chapter", trials: Sequence[HeadTrial], shelf: Shelf) -> None:
    """Put the reports' scores beside ours; none can be judged, and why."""
    present = {each.name for each in trials}
    for claim, vectors, head, weighting, part, metric in _claims():
        ours = _stand_in(vectors, shelf)
        name = head_name(ours, head, weighting)
        if name not in present:
            continue
        reason = _reason(claim.split(".")[0])
        if ours != vectors:
            reason += f"; {ours} stands in for {vectors}"
        chapter.answer(claim, model=name, part=part, metric=metric, not_comparable=reason)


def add_findings(chapter: "Chapter", trials: Sequence[HeadTrial], shelf: Shelf) -> None:
    """State what this run says of rows 0.11, 1.7, 1.8, 2.4, 4.7, 4.8 and 4.11."""
    because = {
        "0.11": "R0 scored 114 classes of other images; its two unfrozen layers are tabled above",
        "1.7": "R1 retrained the whole network; here its backbone is frozen",
        "1.8": "R1 gives no score of this network by itself; here its backbone is frozen",
        "2.4": "R2's test shares lesions with its training part",
        "4.7": "four of five of R4's test images are expected in its training part (M2)",
        "4.8": "four of five of R4's test images are expected in its training part (M2)",
    }
    rows: dict[str, list[str]] = {}
    for row, name, head in PAIRS:
        ours = _stand_in(name, shelf)
        for each in trials:
            if (each.vectors, each.recipe, each.seed) == (ours, head, 0):
                rows.setdefault(row, []).append(each.name)
    for row, names in rows.items():
        texts = [
            f"{name} balanced accuracy {chapter.measured(name, 'test', 'balanced_accuracy')}"
            for name in dict.fromkeys(names)
        ]
        reason = PHANTOM if chapter.phantom else because[row]
        chapter.finding(row, "cannot be compared", measured="; ".join(texts), because=reason)
    if shelf.pairs:
        _bilinear_found(chapter, trials, shelf)


def validation_choice(trials: Sequence[HeadTrial]) -> pd.DataFrame:
    """The model that the validation part chooses, one row: model, vectors, head, weighting."""
    best = best_head(trials)
    row = [best.name, best.vectors, best.recipe, best.weighting, best.parameters]
    return pd.DataFrame([row], columns=["model", "vectors", "head", "weighting", "parameters"])


def _bilinear_found(chapter: "Chapter", trials: Sequence[HeadTrial], shelf: Shelf) -> None:
    heads = [each for each in trials if each.vectors == shelf.pairs]
    singles = [each for each in trials if each.vectors in shelf.pairs.split("x")]
    best, other = best_head(heads), best_head(singles)
    texts = [
        f"{each.name} {chapter.measured(each.name, 'test', 'balanced_accuracy')}"
        for each in (best, other)
    ]
    chapter.finding(
        "4.11",
        "cannot be compared",
        measured=f"balanced accuracy: bilinear {texts[0]}, the better of its two networks alone "
        f"{texts[1]} (heads chosen on validation)",
        because="the report names it as future work and gives no number",
    )


def _claims() -> list[tuple[str, str, str, str, str, str]]:
    """(claim, vectors, head, weighting, part, metric) of every score a report gives of a row."""
    found = []
    for network in ("vgg19", "resnet50v2", "mobilenetv2", "efficientnetb2", "efficientnetb3"):
        for metric in ("f1_micro", "f1_macro", "f1_weighted"):
            claim = f"R0.T1:{network}:test-{metric}"
            found.append((claim, network, "r0", "none", "test", metric))
        claim = f"R0.T1:{network}:validation-loss"
        found.append((claim, network, "r0", "none", "validation", "log_loss"))
    for part in ("train", "validation", "test"):
        claim = f"R2.mobilenet:mobilenetv2:{part}-accuracy"
        found.append((claim, "mobilenetv2", "r2-mobilenetv2", "none", part, "accuracy"))
    vgg = ("vgg16", "r4-vgg16")
    found += [
        ("R1.vgg16:vgg16:test-accuracy", "vgg16", "r1-vgg", "balanced", "test", "accuracy"),
        ("R4.vgg16:vgg16:test-loss", *vgg, "balanced", "test", "log_loss"),
        ("R4.vgg16:vgg16:test-accuracy", *vgg, "balanced", "test", "accuracy"),
        ("R4.vgg16:vgg16:validation-accuracy", *vgg, "balanced", "validation", "accuracy"),
        ("R4.vgg16:vgg16-without-class-weights:test-accuracy", *vgg, "none", "test", "accuracy"),
    ]
    resnet = ("resnet50v2", "r4-resnet50v2", "balanced", "test")
    for part_metric, metric in (("loss", "log_loss"), ("accuracy", "accuracy")):
        found.append((f"R4.resnet50v2:resnet50v2:test-{part_metric}", *resnet, metric))
    return found


def _reason(report: str) -> str:
    """Why a report's scores and ours cannot stand beside each other, from what it worked on."""
    reported = load_reported()
    if report == "R0":
        return f"R0's task is {reported.reports['R0'].task}, another one on other images"
    if report == "R1":
        return "R1's backbone learned and its test has another share of malignant images"
    if report == "R2":
        return "R2's test images share lesions with its training images, and it resampled classes"
    return "R4's three parts were drawn from one pool, so most test images were trained on"


def _problem(name: str, weights: str, download: bool, seed: int) -> str:
    """Why a backbone's weights cannot be had, or nothing."""
    architecture, folder = backbone(name).architecture, weights_dir()
    closed = weights == "imagenet" and folder is not None and not download
    if closed and not (folder / f"{architecture}_notop.weights.h5").is_file():
        return "no ImageNet weights at hand: the folder of weights has no such file"
    try:
        find_weights(architecture, weights, seed=seed)
    except DataError as error:
        return f"no ImageNet weights at hand: {str(error).split('. ')[0]}"
    return ""


def _checked_pair(pair: Sequence[str], sizes: Mapping[str, tuple[int, int]]) -> tuple[str, str]:
    if len(pair) != 2 or sizes[pair[0]] != sizes[pair[1]]:
        raise ParameterError(
            f"pair: name two backbones of one image size, not {', '.join(pair)}: one pass over the "
            "images makes both."
        )
    return pair[0], pair[1]


def _about(sizes, problems, vectors) -> pd.DataFrame:
    rows = [
        {
            "backbone": name,
            "image size": f"{height}×{width}",
            "features": BACKBONES[name].width,
            "used": not problems[name],
            "weights": problems[name] or vectors[name].origin,
        }
        for name, (height, width) in sizes.items()
    ]
    return pd.DataFrame(rows)


def _stand_in(name: str, shelf: Shelf) -> str:
    """The name itself if its vectors are there, else that of its stand-in, if it has one."""
    return name if name in shelf.vectors else STAND_INS.get(name, name)
