"""Maps and heat to be drawn: of phantoms only. Everything here refuses a real collection."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermbook.data import Collection, cached_images, phantom
from dermbook.errors import DataError
from dermbook.publishing.looking_inside.subject import Subject

#: (title, picture uint8, lesion mask bool, heat float32 0..1)
Overlay = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def unseen_phantoms(count: int = 60, *, seed: int = 0) -> Collection:
    """Phantom pictures of 96 × 128 pixels that no network was trained on."""
    return phantom(count, height=96, width=128, seed=seed + 1000)


def activation_pictures(
    of: Subject, unseen: Collection, layers: pd.DataFrame, *, pictures: int = 3
) -> list[tuple[str, list[np.ndarray]]]:
    """Rows for ``plots.activation_grid``: two rows a picture, of mean and strongest maps.

    Each row is (label, [picture or blank, a map a layer]). DataError for a real collection.
    """
    from dermbook.evaluation.looking.activations import activations, mean_and_strongest

    drawn = _phantoms(unseen, of.size)
    maps = activations(of.model, list(layers["layer"]), drawn.images[:pictures])
    both = {name: mean_and_strongest(found) for name, found in maps.items()}
    rows = []
    for at in range(min(pictures, len(drawn.ids))):
        for kind, label in enumerate(("mean", "strongest")):
            rows.append((label, [drawn.full[at], *(both[name][kind][at] for name in maps)]))
    return rows


def heat_pictures(
    of: Subject, unseen: Collection, *, grids: int = 2, each: int = 4
) -> list[Overlay]:
    """The surest wrong answers on phantoms, then the surest right ones, with their heat.

    grids: as for ``look``; the heat is that of the finest of these. each: of a kind, at most.
    Titles say truth, answer and probability. DataError for a real collection: it is never drawn.
    """
    from dermbook.evaluation.looking.gradcam import cut, cut_layers, grad_cam, heat_maps

    drawn = _phantoms(unseen, of.size)
    if unseen.classes != of.collection.classes:
        raise DataError(f"{unseen.name} has other classes than {of.collection.name}.")
    sight = grad_cam(cut(of.model, cut_layers(of.model, grids)[-1]), drawn.images)
    heat = heat_maps(sight.signed, *drawn.masks[0].shape)
    order = np.argsort(-sight.certainty, kind="stable")
    right = (sight.predicted == drawn.truth)[order]
    items = []
    for at in (*order[~right][:each], *order[right][:each]):
        true, found = unseen.classes[drawn.truth[at]], unseen.classes[sight.predicted[at]]
        said = f"right: {true}" if true == found else f"wrong: {true} as {found}"
        title = f"{said}, {sight.certainty[at]:.2f}"
        items.append((title, drawn.full[at], drawn.masks[at], heat[at]))
    return items


@dataclass(frozen=True, eq=False)
class _Phantoms:
    ids: list[str]
    full: list[np.ndarray]
    masks: list[np.ndarray]
    images: np.ndarray
    truth: np.ndarray


def _phantoms(unseen: Collection, size: tuple[int, int]) -> _Phantoms:
    """Pictures as they are, and at the network's size. Never of a real collection."""
    if not unseen.phantom:
        raise DataError(f"{unseen.name}: pictures of patients, and heat on them, are never shown.")
    ids = list(unseen.ids)
    images = cached_images(unseen, height=size[0], width=size[1]).take(ids)
    full, masks = [unseen.image(each) for each in ids], [unseen.mask(each) for each in ids]
    return _Phantoms(ids, full, masks, images, unseen.codes(ids))
