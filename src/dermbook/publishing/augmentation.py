"""The tables and findings of the chapter *Augmentation*.

Each function returns a tidy table for ``Chapter.add_series``. What the reports say comes from
``book/reported.yaml``; nothing is typed here.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split, cached_images
from dermbook.data.strategies import make_split
from dermbook.errors import ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.augmentation import (
    BY_CLASS,
    NONE,
    NetworkLab,
    VectorLab,
    arms,
    slug,
)
from dermbook.evaluation.leakage.audit import kinship
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.imaging.augmentation import (
    as_transform,
    augmented,
    copy_of,
    disk_bytes,
    read_augmented,
    recipe,
    write_augmented,
)
from dermbook.imaging.pixels import pixel_vectors
from dermbook.publishing.compare import plain
from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.effects import joined as joined

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict

#: vectors without a network
PIXELS = "pixels"
#: R3's recipe, and the class that it leaves alone
R3, EXEMPT = "r3", "nv"
SCORES = (("balanced_accuracy", ""), ("accuracy", ""), ("f1_macro", ""))
CLASS_SCORES = (("precision", EXEMPT), ("recall", EXEMPT))
Pairs = Mapping[tuple[str, str], Arm]


def vector_lab(
    collection: Collection,
    recipes: Sequence[str],
    *,
    backbone: str = PIXELS,
    height: int,
    width: int,
    copies: int = 1,
    seed: int = 0,
    weights: str = "imagenet",
    originals: bool = False,
) -> VectorLab:
    """Vectors of the pictures and of ``copies`` copies of each by every recipe.

    backbone: ``pixels``, where copies are made at the size given; or a frozen network, where they
    are made of the stored picture and then resized, and the vectors are kept for the next time.
    """
    size = {"height": height, "width": width}
    if backbone == PIXELS:
        images = cached_images(collection, **size, progress=False)
        plain_vectors = _pixels(images)
        made = {
            name: [_pixels(images, name, seed, k) for k in range(1, copies + 1)] for name in recipes
        }
        return VectorLab(collection, plain_vectors, made, originals=originals)
    from dermbook.models.features import frozen_features

    def features(**options) -> pd.DataFrame:
        found = frozen_features(
            collection, backbone, **size, weights=weights, progress=False, **options
        )
        return found.frame()

    made = {
        name: [
            features(transform=as_transform(name, seed=seed, copy=k)) for k in range(1, copies + 1)
        ]
        for name in recipes
    }
    return VectorLab(collection, features(), made, originals=originals)


def with_originals(lab: VectorLab) -> VectorLab:
    """The same vectors, but training keeps the pictures beside their copies: an augmented set."""
    return VectorLab(lab.collection, lab.plain, lab.copies, originals=True)


def shared_lesions(collection: Collection, name: str, *, seed: int = 0) -> pd.DataFrame:
    """An augmented set divided by image and by lesion: strategy, images, test, in_train (share of
    the test's pictures whose lesion is in train), parent_in_train (… whose very parent is)."""
    whole = augmented(collection, name, seed=seed)
    rows = []
    for strategy in ("r3", "lesion-grouped"):
        split = make_split(strategy, whole, seed=seed)
        kin = kinship(split, whole, contents=False)
        parents = whole.table["parent"]
        known = set(parents.loc[list(split.parts["train"])])
        tested = parents.loc[list(split.parts["test"])]
        shares = float(kin["sibling"].mean()), float(tested.isin(known).mean())
        rows.append((strategy, len(whole), len(tested), *shares))
    columns = ["strategy", "images", "test", "in_train", "parent_in_train"]
    return pd.DataFrame(rows, columns=columns)


def set_on_disk(phantom: Collection, name: str, *, copies: int, seed: int = 0) -> pd.DataFrame:
    """What an augmented set costs, written to a folder and read back: quantity, value.

    Phantom pictures only; the folder is temporary.
    """
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_augmented(phantom, folder, name, copies=copies, seed=seed)
        seconds = time.perf_counter() - start
        made = augmented(phantom, name, copies=copies, seed=seed)
        read = read_augmented(folder)
        same = sum(np.array_equal(read.image(i), made.image(i)) for i in made.ids)
        size = disk_bytes(Path(folder))
    originals = sum(len(phantom.source.encoded(i)) for i in phantom.ids)
    values = {
        "phantom pictures": len(phantom),
        "pictures with their copies": len(made),
        "read back without a changed pixel": same,
        "MB of the originals (JPEG)": originals / 1e6,
        "MB of the set (PNG)": size / 1e6,
        "pictures written a second": len(made) / seconds,
    }
    return pd.DataFrame({"quantity": list(values), "value": list(values.values())})


def network_arms(
    lab: NetworkLab,
    conditions: Sequence[str],
    tests: Sequence[str],
    splits: Mapping[int, Split],
    seeds: Sequence[int],
) -> Pairs:
    """The network trained plainly and under each condition; nothing without conditions or seeds.

    ParameterError for a seed that has no split.
    """
    unknown = [seed for seed in seeds if seed not in splits]
    if unknown:
        raise ParameterError(
            f"network_seeds: {unknown[0]} is none of the {len(splits)} splits' seeds; raise "
            "repeats, or take another seed."
        )
    if not conditions or not seeds:
        return {}
    chosen = {seed: splits[seed] for seed in seeds}
    return arms(lab, [NONE, *conditions], tests, chosen)


def recipe_effects(
    found: Pairs, *, learner: str, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Each training condition against none, on plain test pictures (``plots.effect_intervals``).

    Empty for no arms.
    """
    plain_tests = {train: arm for (train, test), arm in found.items() if test == NONE}
    pairs = {name: (NONE, name) for name in plain_tests if name != NONE}
    if not pairs:
        return pd.DataFrame()
    table = arm_differences(plain_tests, pairs, SCORES, resamples=resamples, seed=seed)
    table.insert(0, "learner", learner)
    return table


def treatment_scores(found: Pairs, *, resamples: int = 500, seed: int = 0) -> pd.DataFrame:
    """Scores of each pair of training and test condition: train, test, metric, class, value …"""
    names = {f"{train} / {test}": (train, test) for train, test in found}
    table = arm_scores(
        {name: found[pair] for name, pair in names.items()},
        (*SCORES, *CLASS_SCORES),
        resamples=resamples,
        seed=seed,
    )
    table.insert(0, "train", [names[name][0] for name in table["arm"]])
    table.insert(1, "test", [names[name][1] for name in table["arm"]])
    return table.drop(columns="arm")


def treatment_effects(
    found: Pairs, *, learner: str, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """What lesson M11 is about, as differences with intervals (``plots.effect_intervals``).

    The test by class against the plain test, for a model trained by class and for one trained on
    plain pictures; and training on all classes against training by class, each on its own test and
    both on the plain test (row 3.5).
    """
    classed = f"{R3}{BY_CLASS}"
    named = {f"{train} / {test}": arm for (train, test), arm in found.items()}
    wanted = {
        "trained by class: test by class": (f"{classed} / {NONE}", f"{classed} / {classed}"),
        "trained plain: test by class": (f"{NONE} / {NONE}", f"{NONE} / {classed}"),
        f"{EXEMPT} augmented, too: own tests": (f"{classed} / {classed}", f"{R3} / {R3}"),
        f"{EXEMPT} augmented, too: plain test": (f"{classed} / {NONE}", f"{R3} / {NONE}"),
    }
    pairs = {name: pair for name, pair in wanted.items() if {*pair} <= set(named)}
    if not pairs:
        return pd.DataFrame()
    table = arm_differences(named, pairs, (*SCORES, *CLASS_SCORES), resamples=resamples, seed=seed)
    table.insert(0, "learner", learner)
    return table


def add_scores(chapter: "Chapter", found: Pairs, learner: str) -> None:
    """Keep every training condition's scores on plain test pictures, as models of the Record."""
    plain_tests = {train: arm for (train, test), arm in found.items() if test == NONE}
    if not plain_tests:
        return
    table = arm_scores(plain_tests, SCORES)
    for name, of in table.groupby("arm", sort=False):
        chapter.add_metrics(of, model=f"{slug(learner)}-{slug(name)}", part="test")


def answer_claims(chapter: "Chapter", conditions: Sequence[str], learner: str) -> None:
    """Put R2's and R4's accuracies beside ours; none of them can be judged, and why."""
    answers = {
        "R2.augmented:cnn-with-augmentation:unknown-accuracy": (
            "r2",
            "the report names neither the part nor the generator's settings, and divided images "
            "after resampling them",
        ),
        "R4.augmentation.summary:resnet50v2-augmented:unknown-accuracy": ("r4", _R4),
        "R4.augmentation.summary:resnet50v2-not-augmented:unknown-accuracy": (NONE, _R4),
    }
    for claim, (condition, reason) in answers.items():
        if condition in conditions:
            model = f"{slug(learner)}-{slug(condition)}"
            chapter.answer(
                claim, model=model, part="test", metric="accuracy", not_comparable=reason
            )


_R4 = "the report's figures are training accuracies where they can be checked; another network"


def add_findings(chapter: "Chapter") -> None:
    """State what this run says of rows 1.2, 2.3, 3.5, 4.4, 4.9, 4.11 and lesson M11."""
    effects = chapter.series("treatment-effects")
    told = chapter.series("telltale").set_index("recipe")
    leak = effect(effects, "trained by class", "precision", EXEMPT)
    balanced = effect(effects, "trained by class")
    control = effect(effects, "trained plain", "precision", EXEMPT)
    chapter.finding(
        "M11",
        "confirmed" if leak["low"] > 0 else "not confirmed",
        measured=f"precision of {EXEMPT} {plain(leak['first'])} on plain test pictures, "
        f"{plain(leak['second'])} on a test treated by class: {with_interval(leak)}; balanced "
        f"accuracy {with_interval(balanced)}; of a model trained on plain pictures "
        f"{with_interval(control)}",
        because=_origin(chapter)
        + f"a copy is told from a picture with ROC AUC {_auc(told, R3)}"
        + (
            f", with mirrored borders {_auc(told, 'r3-mirror')}"
            if "r3-mirror" in told.index
            else ""
        ),
    )
    own = effect(effects, f"{EXEMPT} augmented, too: own")
    fair = effect(effects, f"{EXEMPT} augmented, too: plain")
    _row(
        chapter,
        "3.5",
        "confirmed" if own["high"] < 0 else "not confirmed",
        f"{EXEMPT} augmented, too: balanced accuracy {with_interval(own)} when each model meets a "
        f"test treated like its training, {with_interval(fair)} on plain test pictures",
        "what looks worse is the loss of a clue that plain pictures do not have"
        if own["high"] < 0 <= fair["high"]
        else "own tests and the plain test say the same",
    )
    gains = chapter.series("recipe-effects")
    _effect_row(chapter, gains, "1.2", "r1 by class", None)
    _effect_row(chapter, gains, "2.3", "r2", "above")
    moves = chapter.series("corner-moves")
    shear = moves[(moves["recipe"] == "r4") & (moves["operation"] == "shear")]["pixels"].iloc[0]
    chapter.finding(
        "4.4",
        "cannot be compared",
        measured=f"a shear of .2 moves the corner of a 224-pixel picture by {shear:.2f} pixels",
        because="Keras reads shear in degrees, and in the code that is shown it is commented out",
    )
    _effect_row(chapter, gains, "4.9", "r4", "below", metric="accuracy")
    shared = chapter.series("shared-lesions").set_index("strategy")
    chapter.finding(
        "4.11",
        "cannot be compared",
        measured=f"divided by image, {shared.loc['r3', 'parent_in_train']:.0%} of an augmented "
        "set's test pictures have themselves or another copy of their picture in train; divided "
        f"by lesion {shared.loc['lesion-grouped', 'parent_in_train']:.0%}",
        because="the report proposes a set made in advance and made none",
    )


def _effect_row(
    chapter: "Chapter",
    effects: pd.DataFrame,
    row: str,
    condition: str,
    side: str | None,
    *,
    metric: str = "balanced_accuracy",
) -> None:
    chosen = effects[(effects["comparison"] == condition) & (effects["metric"] == metric)]
    if chosen.empty:
        return
    found = chosen.iloc[0]
    told = {"above": found["low"] > 0, "below": found["high"] < 0}
    verdict: Verdict = "cannot be compared"
    if side:
        verdict = "confirmed" if told[side] else "not confirmed"
    because = {
        "above": "the report says that augmentation made its network better",
        "below": "the report says that augmentation lowered the accuracy",
        None: "the report names no model without augmentation",
    }[side]
    text = f"{metric.replace('_', ' ')} {with_interval(found)} against no augmentation"
    _row(chapter, row, verdict, f"{found['learner']}: {text}", because)


def _row(chapter: "Chapter", about: str, verdict: "Verdict", measured: str, because: str) -> None:
    """A finding on a row, which the phantom cannot judge."""
    if chapter.phantom:
        verdict, because = "cannot be compared", "the phantom is not the data of the report"
    chapter.finding(about, verdict, measured=measured, because=because)


def _auc(told: pd.DataFrame, name: str) -> str:
    row = told.loc[name]
    return f"{plain(row['value'])} ({plain(row['low'])}–{plain(row['high'])})"


def _origin(chapter: "Chapter") -> str:
    return "on phantom data: " if chapter.phantom else ""


def _pixels(images: CachedImages, name: str = "", seed: int = 0, copy: int = 1) -> pd.DataFrame:
    """Pixel vectors of the pictures, or of one copy of each."""
    if not name:
        return pd.DataFrame(pixel_vectors(np.asarray(images.images)), index=images.ids)
    how, rows = recipe(name), []
    for start in range(0, len(images), 256):
        pictures = np.asarray(images.images[start : start + 256])
        made = np.stack([copy_of(picture, how, seed=seed, copy=copy) for picture in pictures])
        rows.append(pixel_vectors(made))
    return pd.DataFrame(np.concatenate(rows), index=images.ids)
