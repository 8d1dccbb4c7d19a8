"""One network, several views of each picture: an ensemble that needs no second training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dermbook.data import Collection, cached_images, load_collection
from dermbook.errors import ChapterError
from dermbook.evaluation.comparison import paired_bootstrap

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter

SOURCE = "fine-tuning"
#: how far apart probabilities may be that one network gives on two machines
_SAME = 1e-3


def collection_of(ran: Mapping[str, Any]) -> Collection:
    """The collection of a run of *Fine-tuning*, from that run's parameters."""
    sizes = {key: ran[key] for key in ("images", "height", "width", "seed")}
    return load_collection(ran["collection"], **sizes)


def views_table(
    chapter: "Chapter", name: str, metrics: Sequence[str], *, seed: int = 0
) -> pd.DataFrame:
    """Test scores of a network that fine-tuning kept, by the number of views averaged.

    Columns: views, metric, value, difference (from one view), low, high. One view and two are kept
    as Predictions, ``NAME-1-view`` and ``NAME-2-views``; all four are the network's own.

    Raises ChapterError where fine-tuning has not run here, or where the network that it kept is not
    the one whose Predictions there are.
    """
    from dermbook.evaluation.test_time import mirrored_predictions

    ran = chapter.needed_record(SOURCE).parameters
    known = chapter.needed_predictions(SOURCE, name, "test")
    model = chapter.needed_model(SOURCE, name)
    lesions = collection_of(ran)
    images = cached_images(lesions, height=ran["best_height"], width=ran["best_width"])
    found = mirrored_predictions(model, images, lesions, list(known.ids), name=name, part="test")
    most = max(found)
    same = found[most if ran["best_flips"] else 1].probabilities
    if np.abs(same - known.probabilities).max() > _SAME:
        raise ChapterError(
            f"{chapter.name}: the network {name!r} that {SOURCE} kept does not give the "
            f"Predictions that it left. Run it again: dermbook run {SOURCE} "
            f"--edition {chapter.edition}"
        )
    rows = []
    for number, predictions in found.items():
        if number != most:
            chapter.add_predictions(predictions)
        gains = paired_bootstrap(found[1], predictions, metrics, seed=seed)
        for row in gains.itertuples():
            rows.append((number, row.metric, row.second, row.difference, row.low, row.high))
    columns = ["views", "metric", "value", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
