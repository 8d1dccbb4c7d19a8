"""The trainings of a search over R1's networks: one bench, many settings, then the finalists.

The search and the finalists answer R1's question, malignant or benign; the validation ROC AUC
chooses. The test part is predicted by the finalists only, and by the winner of the search once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.errors import ParameterError
from dermbook.evaluation.predictions import Predictions
from dermbook.models.searched import WINNERS, network_options
from dermbook.training.search import (
    DivergedError,
    Plan,
    PrunedError,
    Setting,
    Space,
    Training,
    best_row,
    search,
    search_curves,
    setting_of,
)

if TYPE_CHECKING:
    from dermbook.evaluation.trial import Trial

#: what is varied is R1's (row 1.4); the values are ours, around those of its two winners
GRID: Space = MappingProxyType(
    {
        "conv_count": (1, 2, 3, 4),
        "filters": (8, 16, 32),
        "kernel": (3, 5),
        "padding": ("valid", "same"),
        "pooling": ("max", "average"),
        "pool": (2, 3),
        "dense_count": (1, 2),
        "units": (32, 64, 128),
        "dropout": (0.2, 0.3, 0.4, 0.5),
        "initialisation": ("glorot_uniform", "he_uniform", "random_uniform"),
        "optimizer": ("adam", "rmsprop", "sgd"),
    }
)
#: the rates that Keras gives its optimizers: R1 names no other
RATES = MappingProxyType({"adam": 0.001, "rmsprop": 0.001, "sgd": 0.01})
#: the name of the best setting's network in the Record, and of its training within the search
FOUND, WITHIN = "r1-found", "r1-found-in-search"


@dataclass(frozen=True)
class Bench:
    """What all trainings share: images, two classes, epochs and seed.

    collection: of the classes benign and malignant. folder: of the search and its checkpoints.
    """

    collection: Collection
    split: Split
    images: CachedImages
    folder: Path
    epochs: int
    patience: int
    batch_size: int
    seed: int

    def train(self, name: str, setting: Mapping[str, Any], **options: Any) -> "Trial":
        """Train one setting; the epoch with the best validation ROC AUC is kept.

        options: of ``classify``. The classes are weighted so that both count alike.
        """
        import keras

        from dermbook.evaluation import classify
        from dermbook.training import EarlyStopping, balanced_class_weights

        codes = self.collection.codes(self.split.parts["train"])
        settings = {
            "epochs": self.epochs,
            "early_stopping": EarlyStopping("val_auc", patience=self.patience, mode="max"),
            "seed": self.seed,
            "batch_size": self.batch_size,
            "class_weight": balanced_class_weights(codes, self.collection.classes),
            "checkpoints": self.folder,
            "verbose": "none",
        }
        return classify(
            "r1-searched",
            self.collection,
            self.split,
            self.images,
            name=name,
            options=network_options(setting),
            optimizer=str(setting["optimizer"]),
            learning_rate=RATES[str(setting["optimizer"])],
            metrics=["accuracy", keras.metrics.AUC(name="auc")],
            **{**settings, **options},
        )

    def impossible(self, setting: Setting) -> str:
        """Why this setting has no network at this size of images, or ""."""
        from dermbook.models import spec

        about = spec("r1-searched")
        least = about.smallest_input(**{**about.options, **network_options(setting)})
        size = self.images.images.shape[1:3]
        if size[0] >= least[0] and size[1] >= least[1]:
            return ""
        return f"nothing left after its poolings: needs {least[0]}×{least[1]} pixels"


@dataclass(frozen=True)
class Found:
    """A search at its end. ``table`` is that of ``search``, ``best`` its best complete row."""

    plan: Plan
    table: pd.DataFrame
    curves: pd.DataFrame
    folder: Path

    @property
    def best(self) -> pd.Series:
        return best_row(self.table)

    @property
    def setting(self) -> Setting:
        return setting_of(self.best, self.plan.space)

    def candidates(self) -> list[Predictions]:
        """Validation Predictions of every complete training, in the order of drawing."""
        complete = self.table[self.table["outcome"] == "complete"]
        return [Predictions.load(_kept(self.folder, key)) for key in complete["key"]]


def thinned(split: Split, collection: Collection, images: int, *, seed: int = 0) -> Split:
    """The same split with whole lesions of train and validation, about ``images`` of them in all.

    0, or more than there are, keeps everything. The test part stays as it is, and no image changes
    its part, so what is chosen on this split has not seen the test part of the other.
    """
    if images < 0:
        raise ParameterError(f"search_images: must be 0 (all) or positive, not {images}.")
    sizes = {part: len(split.parts[part]) for part in ("train", "validation")}
    share = images / sum(sizes.values())
    if not images or share >= 1:
        return split
    rng = np.random.default_rng(seed)
    parts = dict(split.parts)
    for part, size in sizes.items():
        lesion = collection.table.loc[list(split.parts[part]), "group"]
        order = pd.Series(rng.permutation(lesion.nunique()), index=sorted(lesion.unique()))
        ordered = lesion.map(order).sort_values(kind="stable")
        wanted = max(1, round(size * share))
        last = ordered.iloc[wanted - 1]
        chosen = set(ordered.index[ordered <= last])
        parts[part] = tuple(i for i in split.parts[part] if i in chosen)
    return Split(f"{split.name}-{images}", split.strategy, split.seed, parts, split.collection)


def run_search(
    bench: Bench,
    space: Space = GRID,
    *,
    sampler: str = "random",
    trials: int,
    minutes: float = math.inf,
    pruned_after: int = 2,
    unpruned: int = 5,
) -> Found:
    """Search a space such as R1's on the bench; ``search`` says how it goes on after a kill."""
    plan = Plan(
        space,
        seed=bench.seed,
        sampler=sampler,
        pruned_after=pruned_after,
        unpruned=unpruned,
        about={
            "data": bench.collection.fingerprint,
            "split": bench.split.fingerprint,
            "size": list(bench.images.images.shape[1:3]),
            "epochs": bench.epochs,
            "patience": bench.patience,
            "batch size": bench.batch_size,
        },
    )
    # what is kept is named by its setting, so each plan needs a folder of its own
    bench = replace(bench, folder=bench.folder / f"{sampler}-{plan.digest}")
    table = search(
        lambda training: _validation_score(bench, training),
        plan,
        bench.folder,
        trials=trials,
        minutes=minutes,
        impossible=bench.impossible,
        on_end=lambda row: print(_line(row), flush=True),
    )
    return Found(plan, table, search_curves(plan, bench.folder), bench.folder)


def best_found(searches: Mapping[str, Found]) -> Found:
    """The search whose best training has the highest validation score (the first, if equal)."""
    return max(searches.values(), key=lambda found: found.best["value"])


def train_finalists(
    bench: Bench, setting: Mapping[str, Any], seeds: Sequence[int]
) -> dict[str, list["Trial"]]:
    """The setting found and R1's two winners, trained alike under every seed; tested, each once.

    By name of the network: a Trial a seed. The first seed's bears the network's name, the others
    add the seed. Winners are trained with their own optimizer. ParameterError without a seed.
    """
    if not seeds:
        raise ParameterError("final_seeds: give at least one.")
    finalists = {FOUND: setting, **WINNERS}
    return {
        name: [
            bench.train(name if seed == seeds[0] else f"{name}-seed{seed}", what, seed=seed)
            for seed in seeds
        ]
        for name, what in finalists.items()
    }


def train_seven(bench: Bench, lesions: Collection, setting: Mapping[str, Any]) -> list["Trial"]:
    """The setting found, trained for all classes of a collection: a list of one Trial."""
    from dermbook.evaluation import classify
    from dermbook.training import EarlyStopping

    trial = classify(
        "r1-searched",
        lesions,
        bench.split,
        bench.images,
        name=f"{FOUND}-classes",
        options=network_options(setting),
        optimizer=str(setting["optimizer"]),
        learning_rate=RATES[str(setting["optimizer"])],
        epochs=bench.epochs,
        early_stopping=EarlyStopping("val_loss", patience=bench.patience, mode="min"),
        batch_size=bench.batch_size,
        seed=bench.seed,
        checkpoints=bench.folder,
        verbose="none",
    )
    return [trial]


def grid(filters: Sequence[int]) -> Space:
    """``GRID`` with these numbers of filters.

    They decide most of what a training costs. ParameterError unless those of R1's winners are
    among them.
    """
    missing = {of["filters"] for of in WINNERS.values()} - set(filters)
    if missing:
        raise ParameterError(
            f"filters: {min(missing)} is missing; R1's winners have it, so the search must be able "
            "to find them."
        )
    return {**GRID, "filters": tuple(filters)}


def _validation_score(bench: Bench, training: Training) -> float:
    """Train one setting of the search: its exact validation ROC AUC."""
    import keras

    def report(row: dict[str, float]) -> None:
        if not math.isfinite(row["loss"]):
            raise DivergedError
        training.report(int(row["epoch"]), row["val_auc"])

    name = f"search-{training.key}"
    keras.utils.clear_session()  # the networks before this one, which nobody needs any more
    try:
        trial = bench.train(name, training.setting, parts=("validation",), on_epoch=report)
    except (PrunedError, DivergedError):
        (bench.folder / f"{name}.npz").unlink(missing_ok=True)
        raise
    predictions = trial.predictions["validation"]
    predictions.save(_kept(bench.folder, training.key))
    return _roc_auc(predictions)


def _roc_auc(predictions: Predictions) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(predictions.truth_codes, predictions.probabilities[:, 1]))


def _kept(folder: Path, key: str) -> Path:
    return folder / "validation" / f"{key}.parquet"


def _line(row: Mapping[str, Any]) -> str:
    return (
        f"draw {row['draw']}: {row['outcome']} after {row['steps']} epochs, "
        f"{row['seconds']:.0f} s, validation ROC AUC {row['value']:.3f}"
    )
