"""Heat by Grad-CAM against lesion masks, beside baselines and networks that know nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.evaluation import Predictions
from dermbook.evaluation.looking import (
    area_shares,
    center_heat,
    coarse_masks,
    heat_shares,
    lesion_differences,
    lesion_means,
    pointing_hits,
    rank_correlation,
)
from dermbook.publishing.looking_inside.subject import (
    HEAD,
    RANDOM,
    TRAINED,
    Subject,
    known_mean,
)

if TYPE_CHECKING:
    from dermbook.evaluation.looking.gradcam import Sight

#: heat that no network made
EVEN, CENTER = "everywhere alike", "middle of the picture"
OTHER = "another picture"
MEASURES = ("heat_inside", "pointing_hits")


@dataclass(frozen=True, eq=False)
class Looks:
    """Heat of the same pictures. sights: (network, grid as text) → a Sight a draw of weights (one
    for the trained network); the first grid is that of the last maps. values: measure → a column
    a method, by image id."""

    subject: Subject
    sights: "Mapping[tuple[str, str], Sequence[Sight]]"
    values: Mapping[str, pd.DataFrame]
    grids: Sequence[str]

    @property
    def sight(self) -> "Sight":
        """The trained network's, at its last maps."""
        return self.sights[TRAINED, self.grids[0]][0]

    @property
    def heat(self) -> pd.Series:
        """Share of the trained network's heat at its last maps that is inside, by id."""
        return self.values["heat_inside"][method_name(TRAINED, self.grids[0])]

    @property
    def right(self) -> np.ndarray:
        """bool (n,): the network, looking once, names the true class."""
        return self.sight.predicted == self.subject.truth


def look(
    of: Subject,
    *,
    grids: int = 2,
    draws: int = 3,
    spread: float = 0.25,
    tolerance: float = 0.0,
    seed: int = 0,
) -> Looks:
    """Grad-CAM for the class that the trained network finds most probable, and what to beat.

    grids: how many sizes of maps, the last ones first. draws: of random weights, whose scores are
    averaged; they explain the trained network's classes. spread: of the heat in the middle.
    tolerance: of the pointing game, in pixels.
    """
    from dermbook.evaluation.looking.gradcam import cut, cut_layers, grad_cam, heat_maps

    networks = {TRAINED: [of.model], HEAD: _drawn(of, draws, seed, head_only=True)}
    networks[RANDOM] = _drawn(of, draws, seed)
    sights, heats, names = {}, {}, []
    codes = None
    for layer in cut_layers(of.model, grids):
        for network, models in networks.items():
            for model in models:
                halves = cut(model, layer)
                sight = grad_cam(halves, of.images, codes)
                codes = sight.predicted if codes is None else codes
                sights.setdefault((network, grid_name(halves.grid)), []).append(sight)
        names.append(grid_name(halves.grid))
        heats[mask_name(names[-1])] = [coarse_masks(of.masks, halves.grid)]
    heats[CENTER] = [center_heat(len(of.ids), *of.size, spread=spread)]
    heats[EVEN] = [np.ones(of.masks.shape, "float32")]
    # large maps are made one after the other: all of them together would fill the memory
    several = {
        method_name(network, grid): (heat_maps(sight.signed, *of.size) for sight in found)
        for (network, grid), found in sights.items()
        if network != HEAD
    }
    return Looks(of, sights, _judged(of, {**several, **heats}, tolerance), names)


def _drawn(of: Subject, draws: int, seed: int, *, head_only: bool = False) -> list:
    from dermbook.evaluation.looking.gradcam import untrained

    return [untrained(of.model, seed=seed + at, head_only=head_only) for at in range(draws)]


def _judged(
    of: Subject, heats: Mapping[str, Iterable[np.ndarray]], tolerance: float
) -> dict[str, pd.DataFrame]:
    """Both scores of each picture, by method; of several draws the mean of those with heat."""
    tables = {measure: {} for measure in MEASURES}
    for method, several in heats.items():
        scores = [
            (heat_shares(heat, of.masks), pointing_hits(heat, of.masks, tolerance=tolerance))
            for heat in several
        ]
        for measure, found in zip(MEASURES, zip(*scores, strict=True), strict=True):
            tables[measure][method] = known_mean(found)
    return {measure: pd.DataFrame(found, index=of.ids) for measure, found in tables.items()}


def grid_name(grid: tuple[int, int]) -> str:
    """``3 × 4``"""
    return f"{grid[0]} × {grid[1]}"


def method_name(network: str, grid: str) -> str:
    """``Grad-CAM, 3 × 4`` or ``random weights, 3 × 4``"""
    return f"{'Grad-CAM' if network == TRAINED else 'random weights'}, {grid}"


def mask_name(grid: str) -> str:
    """``the mask itself, 3 × 4``"""
    return f"the mask itself, {grid}"


def view_table(of: Looks, predictions: Predictions) -> pd.DataFrame:
    """One row: images, lesions, accuracy of one look, accuracy of the mirrored looks of the chapter
    that trained the network, and how often both name the same class."""
    subset = predictions.subset(list(of.subject.ids))
    return pd.DataFrame(
        {
            "images": [len(subset)],
            "lesions": [of.subject.groups.nunique()],
            "one_look": [float(of.right.mean())],
            "mirrored": [float((subset.predicted_codes == subset.truth_codes).mean())],
            "same_class": [float((subset.predicted_codes == of.sight.predicted).mean())],
        }
    )


def pointing_scores(of: Looks, *, seed: int = 0) -> pd.DataFrame:
    """Means of all methods: model, metric, value, low, high, n."""
    frames = []
    for measure in MEASURES:
        means = lesion_means(of.values[measure], of.subject.groups, seed=seed)
        frames.append(means.rename(columns={"name": "model"}).assign(metric=measure))
    return pd.concat(frames, ignore_index=True)


def pointing_gains(of: Looks, *, seed: int = 0) -> pd.DataFrame:
    """Grad-CAM of the last maps minus every other method, on pictures where both have heat.

    Columns: metric, comparison, first, second (Grad-CAM), value, low, high.
    """
    ours = method_name(TRAINED, of.grids[0])
    frames = []
    for measure in MEASURES:
        values, columns, pairs = of.values[measure], {}, {}
        for name in [each for each in values.columns if each != ours]:
            both = values[[ours, name]].notna().all(axis=1)
            pairs[f"{ours} − {name}"] = (name, f"{ours} beside {name}")
            columns[name] = values[name].where(both)
            columns[f"{ours} beside {name}"] = values[ours].where(both)
        frame = lesion_differences(pd.DataFrame(columns), of.subject.groups, pairs, seed=seed)
        frame.insert(0, "metric", measure)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def group_table(of: Looks, *, seed: int = 0) -> pd.DataFrame:
    """Heat inside the lesion by true class, and of right and wrong answers.

    Columns: group, value, low, high, n, area (mean share that lesions cover), center (mean share of
    heat in the middle of the picture that is inside). Groups without a picture are left out.
    """
    labels = np.array(of.subject.collection.classes, object)[of.subject.truth]
    chosen = {name: labels == name for name in of.subject.collection.classes}
    chosen |= {"right": of.right, "wrong": ~of.right}
    heat, center = of.heat, of.values["heat_inside"][CENTER]
    area = area_shares(of.subject.masks)
    rows = []
    for name, here in chosen.items():
        if not here.any():
            continue
        values = pd.DataFrame({name: heat[here]})
        mean = lesion_means(values, of.subject.groups, seed=seed).iloc[0]
        rows.append(
            (name, mean["value"], mean["low"], mean["high"], int(mean["n"]),
             float(area[here].mean()), float(center[here].mean()))
        )  # fmt: skip
    columns = ["group", "value", "low", "high", "n", "area", "center"]
    return pd.DataFrame(rows, columns=columns)


def right_and_wrong(of: Looks, *, seed: int = 0) -> pd.DataFrame:
    """Right minus wrong answers: comparison, first (wrong), second (right), value, low, high.

    Of heat inside the lesion, of the lesion's area, and of the one less the other: lesions of
    another size hold another share of any heat. NaN where all answers are
    right, or all wrong.
    """
    heat = of.heat
    area = pd.Series(area_shares(of.subject.masks), index=of.subject.ids)
    measures = {
        "heat inside the lesion": heat,
        "area of the lesion": area,
        "heat inside, less the area": heat - area,
    }
    columns, pairs = {}, {}
    for name, values in measures.items():
        columns[f"{name}, right"] = values.where(of.right)
        columns[f"{name}, wrong"] = values.where(~of.right)
        pairs[name] = (f"{name}, wrong", f"{name}, right")
    return lesion_differences(pd.DataFrame(columns), of.subject.groups, pairs, seed=seed)


def sanity_table(of: Looks, *, seed: int = 0) -> pd.DataFrame:
    """Rank correlation of the trained network's maps with others of the same pictures and classes.

    Columns: model (what is compared with, and on which grid), metric, value, low, high, n. Maps are
    taken as they are, before what is below 0 is cut off (Adebayo et al. 2018 look at both).
    Of several draws of random weights, the mean. *another picture*: the trained network's own map
    of another picture.
    """
    columns = {}
    half = max(1, len(of.subject.ids) // 2)
    for grid in of.grids:
        ours = of.sights[TRAINED, grid][0].signed
        for name in (HEAD, RANDOM):
            drawn = [rank_correlation(ours, sight.signed) for sight in of.sights[name, grid]]
            columns[f"{name}, {grid}"] = known_mean(drawn)
        columns[f"{OTHER}, {grid}"] = rank_correlation(ours, np.roll(ours, half, axis=0))
    values = pd.DataFrame(columns, index=of.subject.ids)
    means = lesion_means(values, of.subject.groups, seed=seed)
    return means.rename(columns={"name": "model"}).assign(metric="rank_correlation")


def error_table(of: Looks, *, rows: int = 12) -> pd.DataFrame:
    """The surest errors by id: image_id, truth, predicted, probability, heat_inside, area."""
    classes = np.array(of.subject.collection.classes, object)
    frame = pd.DataFrame(
        {
            "image_id": of.subject.ids,
            "truth": classes[of.subject.truth],
            "predicted": classes[of.sight.predicted],
            "probability": of.sight.certainty,
            "heat_inside": of.heat.to_numpy(),
            "area": area_shares(of.subject.masks),
        }
    )
    wrong = frame[~of.right].sort_values("probability", ascending=False, kind="stable")
    return wrong.head(rows).reset_index(drop=True)
