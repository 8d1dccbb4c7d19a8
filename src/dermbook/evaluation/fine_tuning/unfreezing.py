"""How much of a backbone should learn: rows 1.7, 1.11 and 4.11."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.errors import ParameterError
from dermbook.evaluation.fine_tuning.tuning import fine_tune
from dermbook.evaluation.metrics import score
from dermbook.evaluation.trial import Trial
from dermbook.models.transfer import backbone_of

_SCORES = ("balanced_accuracy", "accuracy", "roc_auc")


@dataclass(frozen=True)
class Depth:
    """How many of the last layers learn (None: all), and how their batch normalisation works."""

    name: str
    last: int | None
    batch_norm: str = "inference"

    @classmethod
    def named(cls, text: str) -> "Depth":
        """From ``0``, ``150``, ``all`` or those followed by ``, batch statistics``.

        ParameterError for anything else.
        """
        count, _, rest = text.partition(", ")
        if rest not in ("", "batch statistics") or not (count == "all" or count.isdigit()):
            raise ParameterError(
                f"depths: {text!r} is neither a number of layers nor all, perhaps followed by "
                "', batch statistics'."
            )
        last = None if count == "all" else int(count)
        suffix = "-batch-statistics" if rest else ""
        return cls(f"last-{count}{suffix}", last, "training" if rest else "inference")


def fewer_to_train(split: Split, images: int, *, seed: int = 0) -> Split:
    """The same split with at most so many training images, drawn; 0 leaves it as it is.

    Validation and test part stay whole, so scores can stand beside those of other models.
    """
    ids = split.parts["train"]
    if images < 0:
        raise ParameterError(f"images: must be 0 or more, not {images}.")
    if not images or images >= len(ids):
        return split
    chosen = np.random.default_rng(seed).permutation(len(ids))[:images]
    return replace(
        split,
        name=f"{split.name}, {images} to train",
        parts={**split.parts, "train": tuple(ids[k] for k in sorted(chosen))},
    )


def unfreezing(
    base: str,
    collection: Collection,
    split: Split,
    images: CachedImages,
    depths: Sequence[str],
    *,
    prefix: str = "ft",
    checkpoints: Path | None = None,
    seed: int = 0,
    **settings: Any,
) -> dict[str, Trial]:
    """One fine-tuning for each depth (``Depth.named``), everything else equal, by depth.

    settings: see ``FineTuning``. The model of depth ``all`` is called ``PREFIX-BASE-last-all``.
    """
    found = {}
    for text in depths:
        depth = Depth.named(text)
        found[text] = fine_tune(
            base,
            collection,
            split,
            images,
            name=f"{prefix}-{base}-{depth.name}",
            last=depth.last,
            batch_norm=depth.batch_norm,
            seed=seed,
            checkpoints=checkpoints,
            verbose="none",
            **settings,
        )
    return found


def unfreezing_table(trials: Mapping[str, Trial]) -> pd.DataFrame:
    """What learned and what came of it, a row a trial and score.

    Columns: model, depth, layers (of the backbone), trainable (weights that learn, head included),
    share (of all weights), seconds (an epoch, the fastest), metric, validation, value, low, high
    (test, with its interval).
    """
    rows = []
    for depth, trial in trials.items():
        weights = sum(int(np.prod(w.shape)) for w in trial.model.trainable_weights)
        about = {
            "model": trial.name,
            "depth": depth,
            "layers": len(backbone_of(trial.model).layers),
            "trainable": weights,
            "share": weights / trial.parameters,
            "seconds": float(trial.fit.history["seconds"].min()),
        }
        validation = _overall(trial, "validation", resamples=0)
        test = _overall(trial, "test")
        for metric in _SCORES:
            if metric in test.index:
                found = test.loc[metric, ["value", "low", "high"]].to_dict()
                rows.append(
                    {**about, "metric": metric, "validation": validation.loc[metric, "value"]}
                    | found
                )
    return pd.DataFrame(rows)


def _overall(trial: Trial, part: str, **options: Any) -> pd.DataFrame:
    scores = score(trial.predictions[part], **options)
    return scores[scores["class"] == ""].set_index("metric")
