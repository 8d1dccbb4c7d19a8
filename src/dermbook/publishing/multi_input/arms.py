"""Which inputs are compared, and the tables of their scores.

Each function returns a tidy table for ``Chapter.add_series``, or keeps what was measured.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from dermbook.data import (
    Collection,
    Split,
    audit,
    load_collection,
    present_classes,
    published_table,
)
from dermbook.data.encoding import NUMBERS, MetadataEncoder
from dermbook.data.fitzpatrick import NAME
from dermbook.data.staging import PUBLISHED
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.multi_input.arms import KEYS, Inputs, as_arms
from dermbook.evaluation.multi_input.majority import label_entropy, majority_rule, majority_table
from dermbook.evaluation.paired import arm_differences, arm_scores
from dermbook.paths import data_dir
from dermbook.publishing.effects import joined

if TYPE_CHECKING:
    from dermbook.evaluation.trial import Trial
    from dermbook.publishing.chapter import Chapter

    #: arm → seed → Trial
    Trials = Mapping[str, Mapping[int, Trial]]

SKIN, NINE, THREE = "fitzpatrick_scale", "nine_partition_label", "three_partition_label"
PATIENT = ("age", "sex", "localization")
#: the columns that R0 gave its networks (row 0.12)
R0_COLUMNS = (SKIN, NINE, THREE)
IMAGE, SKIN_ARM = "image", "image + skin type"
R0_ARM, FIRST_R0 = "image + R0’s columns", "image + R0’s columns, no dropout"

#: HAM10000: what is known of the patient, one at a time, and how the diagnosis was made
DERMOSCOPIC: Mapping[str, Inputs] = {
    IMAGE: Inputs(),
    "age alone": Inputs(False, ("age",)),
    "sex alone": Inputs(False, ("sex",)),
    "site alone": Inputs(False, ("localization",)),
    "age, sex, site alone": Inputs(False, PATIENT),
    "kind of diagnosis alone": Inputs(False, ("dx_type",)),
    "image + age": Inputs(True, ("age",)),
    "image + sex": Inputs(True, ("sex",)),
    "image + site": Inputs(True, ("localization",)),
    "image + age, sex, site": Inputs(True, PATIENT),
    "image + kind of diagnosis": Inputs(True, ("dx_type",)),
}
#: Fitzpatrick17k: skin type, and the coarser labels
CLINICAL: Mapping[str, Inputs] = {
    IMAGE: Inputs(),
    "skin type alone": Inputs(False, (SKIN,)),
    "three partitions alone": Inputs(False, (THREE,)),
    "nine partitions alone": Inputs(False, (NINE,)),
    SKIN_ARM: Inputs(True, (SKIN,)),
    "image + three partitions": Inputs(True, (THREE,)),
    "image + nine partitions": Inputs(True, (NINE,)),
    R0_ARM: Inputs(True, R0_COLUMNS),
    FIRST_R0: Inputs(True, R0_COLUMNS, dropout=0.0),
}
#: sets of columns whose majority rule is counted
_SETS = ((), (SKIN,), (THREE,), (NINE,), (NINE, THREE))


def clinical_collection(
    name: str, *, images: int, height: int, width: int, seed: int = 0
) -> Collection:
    """A collection with coarser labels, without classes that are too small to be divided.

    DataError for one without skin type or partitions.
    """
    found = load_collection(name, images=images, height=height, width=width, seed=seed)
    if lacking := [column for column in R0_COLUMNS if column not in found.table.columns]:
        raise DataError(f"clinical: {name} has no column {lacking[0]!r}, which is what is tested.")
    return present_classes(found, at_least=3)


def chosen_arms(
    arms: Mapping[str, Inputs], names: Sequence[str], *, needed: Sequence[str] = (IMAGE,)
) -> dict[str, Inputs]:
    """The arms of a parameter: those named, or every one for ``all``.

    needed: what a finding rests on. ParameterError for an unknown name, or one that is missing.
    """
    chosen = list(arms) if list(names) == ["all"] else list(names)
    if unknown := [name for name in chosen if name not in arms]:
        raise ParameterError(f"arms: {unknown[0]!r} is unknown; known are {'; '.join(arms)}.")
    if missing := [name for name in needed if name not in chosen]:
        raise ParameterError(f"arms: name {missing[0]!r}, too: a finding rests on it.")
    return {name: arms[name] for name in chosen}


def model_names(arms: Sequence[str], *, prefix: str = "mi") -> dict[str, str]:
    """A model's name for each arm, fit for files: ``mi-image+age``."""
    found = {}
    for arm in arms:
        text = arm.lower().replace("’", "").replace(" + ", "+")
        found[arm] = f"{prefix}-" + re.sub(r"[^a-z0-9+]+", "-", text)
    return found


def columns_of(arms: Mapping[str, Inputs]) -> pd.DataFrame:
    """What each arm is given: arm, image (yes or no), columns."""
    rows = [
        (name, "yes" if inputs.image else "no", ", ".join(inputs.columns) or "none")
        for name, inputs in arms.items()
    ]
    return pd.DataFrame(rows, columns=["arm", "image", "columns"])


def encoding_table(
    uses: Mapping[str, tuple[Collection, Split, Sequence[str]]],
) -> pd.DataFrame:
    """What the encoder makes of each column: images, column, kind, gaps (training images without a
    value), encoded (columns that it becomes), unseen (other images whose value no training image
    has).

    uses: by name a collection, its split and the columns.
    """
    rows = []
    for name, (collection, split, columns) in uses.items():
        table = collection.table
        train = table.loc[list(split.parts["train"])]
        others = table[~table.index.isin(train.index)]
        for column in columns:
            numbers = column in NUMBERS
            encoded = MetadataEncoder([column]).fit(train).names
            values = others[column].dropna()
            unseen = 0 if numbers else int((~values.isin(train[column].dropna())).sum())
            kind = "number" if numbers else "categories"
            rows.append((name, column, kind, int(train[column].isna().sum()), len(encoded), unseen))
    return pd.DataFrame(rows, columns=["images", "column", "kind", "gaps", "encoded", "unseen"])


def check_table(splits: Mapping[str, tuple[Collection, Split]]) -> pd.DataFrame:
    """What the parts share, collection by collection: ``data.audit`` with a column images."""
    frames = []
    for name, (collection, split) in splits.items():
        found = audit(split, collection)
        found.insert(0, "images", name)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)


def partitions_table(clinical: Collection) -> pd.DataFrame:
    """The majority rule of skin type and the coarser labels (lesson M14), and labels' entropy.

    First of the whole published table of Fitzpatrick17k, which needs no photograph, if it is
    imported; then of the collection at hand. Columns rows, columns, categories, images, right,
    entropy (nats).
    """
    tables = {}
    if (data_dir() / NAME / PUBLISHED).is_file():
        tables[f"{NAME}, published table"] = published_table()
    tables[f"{clinical.name}, images at hand"] = clinical.table
    frames = []
    for rows, table in tables.items():
        found = majority_table(table, _SETS, rows=rows)
        frames.append(found.assign(entropy=label_entropy(table["label"])))
    return pd.concat(frames, ignore_index=True)


def largest_class(collection: Collection) -> float:
    """The share of images that have the most frequent label."""
    return majority_rule(collection.table, ())


def add_arms(chapter: "Chapter", *several: "Trials") -> None:
    """Keep the Predictions and scores of each arm's trial under the first seed."""
    for trials in several:
        for of in trials.values():
            chapter.add_trial(next(iter(of.values())))


def score_table(trials: "Trials", *, images: str, seed: int = 0) -> pd.DataFrame:
    """Test scores of the arms over seeds and lesions (``paired.arm_scores``), and whose images."""
    scores = arm_scores(as_arms(trials), KEYS, seed=seed).drop(columns=["class", "interval"])
    scores.insert(0, "images", images)
    return scores


def gain_table(trials: "Trials", *, images: str, seed: int = 0) -> pd.DataFrame:
    """Every arm with an image minus the image alone, paired (``paired.arm_differences``).

    Where R0's arm and the one with skin type are there, also the first minus the second.
    """
    with_image = [name for name in trials if name.startswith("image +")]
    pairs = {name.removeprefix("image "): (IMAGE, name) for name in with_image}
    if R0_ARM in trials and SKIN_ARM in trials:
        pairs[PARTITIONS] = (SKIN_ARM, R0_ARM)
    gains = arm_differences(as_arms(trials), pairs, KEYS, seed=seed).drop(columns=["class"])
    gains.insert(0, "images", images)
    return gains


#: the comparison that lesson M14 rests on
PARTITIONS = "partitions beside skin type"


def curves(*several: "Trials", arms: Sequence[str]) -> "list[Trial]":
    """The first seed's trials of some arms, for ``Chapter.add_learning_curves``."""
    return [
        next(iter(of.values())) for trials in several for name, of in trials.items() if name in arms
    ]


def overfitting(chapter: "Chapter", *, metric: str = "f1_weighted") -> pd.DataFrame:
    """Score of R0's arm with and without dropout on the three parts, first seed: arm, part, value,
    low, high. An arm that was not trained has no row."""
    names = model_names([FIRST_R0, R0_ARM], prefix="mi-clinical")
    frames = []
    for arm, name in names.items():
        for part in ("train", "validation", "test"):
            scores = chapter.scores(part)
            found = scores[(scores["model"] == name) & (scores["metric"] == metric)]
            frames.append(found[["value", "low", "high"]].assign(arm=arm, part=part))
    return joined(*frames)[["arm", "part", "value", "low", "high"]]
