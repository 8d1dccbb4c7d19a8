"""The tables and findings of the chapter *Generation*: a generator for each split, and its judges.

Each function returns a tidy table for ``Chapter.add_series``; nothing is typed here that a run
could measure. Pictures are drawn of the phantom only.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbook.data import CachedImages, Collection, Split
from dermbook.errors import DataError
from dermbook.evaluation import generation as judge
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.generation.benefit import COMPARISONS
from dermbook.evaluation.generation.cases import MOST, Case, Eyes, flat, main_axes, of_class
from dermbook.evaluation.generation.similarity import HELD_OUT
from dermbook.evaluation.predictions import Predictions
from dermbook.publishing import display
from dermbook.publishing.effects import effect, with_interval

if TYPE_CHECKING:
    from dermbook.publishing.chapter import Chapter
    from dermbook.publishing.record import Verdict

#: the comparison that the finding rests on, and its score
MAIN, MAIN_METRIC = "generated − augmented", "f1"
_SPLITS = ("train", "validation", "test")


def class_sizes(target: str, collection: Collection, splits: Mapping[int, Split]) -> pd.DataFrame:
    """How little there is: split (seed), and images and lesions of the class in every part."""
    groups = collection.table["group"]
    rows = []
    for seed, split in splits.items():
        row: dict[str, int] = {"split": seed}
        for part in _SPLITS:
            ids = of_class(target, collection, split, part)
            row |= {f"{part} images": len(ids), f"{part} lesions": groups.loc[ids].nunique()}
        rows.append(row)
    return pd.DataFrame(rows)


def curves(cases: Sequence[Case]) -> pd.DataFrame:
    """The histories of all generators, one after the other."""
    return pd.concat([case.gan.history for case in cases], ignore_index=True)


def add_likeness(
    chapter: "Chapter", case: Case, seen: Eyes, collection: Collection, images: CachedImages,
    *, components: int, seed: int = 0,
) -> None:  # fmt: skip
    """Keep the distances to the nearest training image, in pixels and in features, of generated,
    held-out and copied images (``likeness``), their summary, and the variety of each set."""
    lesions = collection.table["group"]
    training = images.take(case.ids)
    own = [str(lesions[i]) for i in case.ids]
    unseen = [
        i
        for part in ("validation", "test")
        for i in of_class(case.target, collection, case.split, part)
    ]
    sets = {
        "generated": (case.generated[:MOST], [f"made {n}" for n in range(MOST)]),
        HELD_OUT: (images.take(unseen), [str(lesions[i]) for i in unseen]),
        "training, another lesion": (training, own),
        "augmented copies": (case.copies[:MOST], [str(lesions[i]) for i in case.origins[:MOST]]),
    }
    axes = main_axes(seen.vectors, case.split, components)
    spaces = {"pixels": flat, "features": lambda pictures: axes(seen.look(pictures))}
    frames, summaries = [], []
    for space, vectors_of in spaces.items():
        vectors = {
            name: (vectors_of(pictures), groups[: len(pictures)])
            for name, (pictures, groups) in sets.items()
        }
        found = judge.likeness(
            vectors, vectors_of(judge.with_flips(training)), own * 4,
            leave_out=["training, another lesion"],
        )  # fmt: skip
        frames.append(found.assign(space=space))
        summary = judge.likeness_summary(found, seed=seed)
        spread = [judge.variety(vectors[name][0]) for name in summary["set"]]
        summaries.append(summary.assign(space=space, variety=spread))
    chapter.add_series("likeness", pd.concat(frames, ignore_index=True))
    chapter.add_series("likeness-summary", pd.concat(summaries, ignore_index=True))


def frechet_distances(
    cases: Sequence[Case],
    seen: Eyes,
    collection: Collection,
    *,
    components: int,
    repeats: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Fréchet distances to half of the class's training images, all splits: set, images (on each
    side), median, low, high (95 % of splits and repeats)."""
    lesions = collection.table["group"].astype(str)
    frames = []
    for case in cases:
        axes = main_axes(seen.vectors, case.split, components)
        others = [i for i in case.split.parts["train"] if i not in set(case.ids)]
        sets = {
            "augmented copies": (axes(seen.look(case.copies)), lesions.loc[list(case.origins)]),
            "generated": (axes(seen.look(case.generated)), None),
            "other classes": (axes(seen.vectors.loc[others].to_numpy()), None),
            "untrained generator": (axes(seen.look(case.untrained)), None),
        }
        real = axes(seen.vectors.loc[list(case.ids)].to_numpy())
        frames.append(
            judge.frechet_table(
                real, lesions.loc[list(case.ids)], sets, repeats=repeats, seed=seed + case.seed
            )
        )
    groups = pd.concat(frames).groupby("set", sort=False)
    table = groups["distance"].quantile([0.5, 0.025, 0.975]).unstack()
    table.columns = ["median", "low", "high"]
    table.insert(0, "images", groups["images"].median().astype(int))
    return table.loc[list(groups.groups)].sort_values("median", kind="stable").reset_index()


def frechet_errors(
    case: Case, seen: Eyes, collection: Collection, *, components: int, repeats: int, seed: int = 0
) -> pd.DataFrame:
    """Fréchet distance of two draws of the commonest class, by size (``frechet_bias``)."""
    axes = main_axes(seen.vectors, case.split, components)
    common = str(collection.class_counts().idxmax())
    real = seen.vectors.loc[of_class(common, collection, case.split, "train")].to_numpy()
    sizes = [5 * 2**power for power in range(10)]
    return judge.frechet_bias(axes(real), sizes, repeats=repeats, seed=seed)


def compare(
    chapter: "Chapter", cases: Sequence[Case], seen: Eyes, collection: Collection, target: str
) -> dict[str, Arm]:
    """Every arm under every split; the first split's Predictions are kept, both parts."""
    by_seed = {case.seed: case for case in cases}
    extras = {
        case.seed: {"copies": seen.look(case.copies), "generated": seen.look(case.generated)}
        for case in cases
    }

    def learn(arm: str, seed: int) -> Predictions:
        first = seed == cases[0].seed
        parts = ("validation", "test") if first else ("test",)
        found = judge.predict_added(
            arm, seen.vectors, collection, by_seed[seed].split, target, parts=parts, **extras[seed]
        )
        for predictions in found.values() if first else ():
            chapter.add_predictions(predictions)
        return found["test"]

    return judge.compare_added(learn, [case.seed for case in cases])


def picture(
    chapter: "Chapter", case: Case, collection: Collection, images: CachedImages, count: int = 6
):
    """Generated images above the training images nearest to them, of the phantom; else a note."""
    if not collection.phantom:
        return display.note_block(
            "This run's images come from photographs of patients. Neither those nor what a "
            "generator made of them are drawn in this book."
        )
    from dermbook import plots

    training = judge.with_flips(images.take(case.ids))
    made = case.generated[:count]
    lesions = [str(collection.table["group"][i]) for i in case.ids] * 4
    found = judge.nearest(flat(made), flat(training), lesions)
    return chapter.picture(
        "samples",
        plots.image_grid(
            [*made, *training[found["row"].to_numpy()]],
            ["generated"] * len(made) + ["nearest"] * len(made),
            columns=len(made),
            phantom=True,
        ),
        collection=collection,
        caption="Above: generated images of the class, not chosen. Below each: the training image "
        "nearest to it in pixels, mirrored if that is nearer.",
        alt="Two rows of pictures: generated lesions, and real ones that are most like them.",
    )


def add_findings(chapter: "Chapter", target: str) -> None:
    """State what this run says of row 0.17, the part about generated images."""
    effects = chapter.series("effects")
    texts = [
        f"{name}: {with_interval(effect(effects, name, MAIN_METRIC, target))}"
        for name in COMPARISONS
        if name.startswith("generated −")
    ]
    copied_share = chapter.series("likeness-summary").set_index(["space", "set"])["nearer"]
    verdict, because = gain_verdict(
        effect(effects, MAIN, MAIN_METRIC, target), phantom=chapter.phantom
    )
    chapter.finding(
        "0.17",
        verdict,
        measured=f"F1 of {target} with generated images in training: {'; '.join(texts)}. Nearer to "
        "a training image than a held-out one is, in features: "
        f"{copied_share['features', 'generated']:.2f} of pairs",
        because=because,
    )


def gain_verdict(row: pd.Series, *, phantom: bool) -> "tuple[Verdict, str]":
    """Confirmed if generated images beat augmented copies of the same number, interval and all."""
    if phantom:
        return "cannot be compared", "the phantom is not the data of the report"
    idea = "R0 expects generated images to help, and gives no measurement; "
    if row["low"] > 0:
        return "confirmed", f"{idea}here they gain over as many augmented copies"
    if row["high"] < 0:
        return "not confirmed", f"{idea}here they lose against as many augmented copies"
    if not np.isfinite([row["low"], row["high"]]).all():
        raise DataError("gain_verdict: the interval of the difference is undefined.")
    return "cannot be compared", f"{idea}the interval against as many augmented copies holds zero"
