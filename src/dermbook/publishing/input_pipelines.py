"""The tables and findings of the chapter *Input pipelines*.

Each function returns a tidy table for ``Chapter.add_series``. The reports' numbers come from
``book/reported.yaml``; nothing is typed here.
"""

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from dermbook.data import (
    CachedImages,
    Collection,
    Split,
    load_collection,
    load_split,
    malignant_or_benign,
)
from dermbook.data.pipelines import PIPELINES, Job
from dermbook.data.statistics import drawn_again, moments_by_size
from dermbook.publishing.compare import plain
from dermbook.publishing.reported import load_reported

if TYPE_CHECKING:
    import keras

    from dermbook.publishing.chapter import Chapter

#: the ``backbone`` parameter that means the network trained in the chapter itself
OWN_NETWORK = "own"
#: what R3 took for training (row 3.1)
R3_SHARE = 0.8


def costs(race: pd.DataFrame) -> pd.DataFrame:
    """What each pipeline costs: a race's table under the names that a reader sees.

    Columns: pipeline, how, then seconds to prepare, to start and for ten epochs, and MB: memory at
    the start and at most, and on disk.
    """
    names = {
        "pipeline": "pipeline",
        "note": "how",
        "prepare_s": "prepare, s",
        "startup_s": "start, s",
        "ten_epochs_s": "ten epochs, s",
        "base_mb": "before, MB",
        "peak_mb": "at most, MB",
        "disk_mb": "disk, MB",
    }
    return race[list(names)].rename(columns=names)


def sameness(race: pd.DataFrame) -> pd.DataFrame:
    """How far each pipeline that ran gives the same: images, order, labels, pixels."""
    names = {
        "pipeline": "pipeline",
        "same_images": "every image once",
        "same_order": "in order",
        "label_order": "classes numbered",
        "labels_right": "labels right",
        "max_difference": "largest difference",
        "mean_difference": "mean difference",
    }
    return race.dropna(subset=["images"])[list(names)].rename(columns=names)


def label_codes(collection: Collection) -> pd.DataFrame:
    """The integer of each class in the collection's order and by folder name.

    Columns: class, images, code, by_folder, meant (the class whose images a model trained on the
    collection's codes would be credited with where folder codes are read).
    """
    folders = sorted(collection.classes)
    counts = collection.class_counts()
    return pd.DataFrame(
        {
            "class": collection.classes,
            "images": [int(counts[name]) for name in collection.classes],
            "code": range(len(folders)),
            "by_folder": [folders.index(name) for name in collection.classes],
            "meant": [collection.classes[folders.index(name)] for name in collection.classes],
        }
    )


def two_folders(collection: Collection, malignant: Sequence[str]) -> pd.DataFrame:
    """R1's two directories (row 1.1): class, images here, and as the report rounds them."""
    quantities = load_reported().quantities()
    counts = malignant_or_benign(collection, malignant).class_counts()
    return pd.DataFrame(
        {
            "folder": counts.index,
            "images": counts.to_numpy(),
            "reported": [quantities.at[f"R1.{name}", "value"] for name in counts.index],
        }
    )


def orders(
    model: "keras.Model",
    collection: Collection,
    split: Split,
    *,
    height: int,
    width: int,
    batch_size: int,
    seeds: Sequence[int],
    permutations: int = 1000,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``generator_orders`` on the test part, as class folders in a temporary place."""
    from dermbook.evaluation.mismatch import generator_orders

    ids = split.parts["test"]
    with tempfile.TemporaryDirectory(prefix="dermbook-orders-") as work:
        job = Job.of(collection, work, height=height, width=width, batch_size=batch_size, ids=ids)
        return generator_orders(model, collection, job, seeds=seeds, permutations=permutations)


def swap_table(
    collection: Collection,
    split: Split,
    pixels: CachedImages,
    model: "keras.Model",
    *,
    backbones: Sequence[str],
    scalings: Sequence[str],
    images: int,
    height: int,
    width: int,
    weights: str,
    epochs: int,
    seed: int,
) -> pd.DataFrame:
    """``swap_matrix`` on features of the chapter's own network and of published backbones.

    backbones: ``OWN_NETWORK`` for ``model`` on the pixels and split at hand; else keys of
    ``BACKBONES``, which see ``images`` images (whole lesions, split anew) of ``height`` x ``width``
    pixels with ``weights``. A first column, ``features``, names them.
    """
    from dermbook.evaluation.mismatch import backbone_features, network_features, swap_matrix

    tables = []
    for backbone in backbones:
        chosen, parts = collection, split
        if backbone == OWN_NETWORK:
            vectors = network_features(model, pixels, collection.ids, scalings)
        else:
            size: dict[str, Any] = {"height": height, "width": width}
            chosen = load_collection(collection.name, images=images, seed=seed, **size)
            parts = load_split(chosen, seed=seed)
            vectors = backbone_features(
                chosen, backbone, scalings, weights=weights, seed=seed, **size
            )
        codes = pd.Series(chosen.codes(), index=list(chosen.ids))
        table = swap_matrix(vectors, codes, parts, epochs=epochs, seed=seed)
        table.insert(0, "features", model.name if backbone == OWN_NETWORK else backbone)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def normalisation(
    collection: Collection,
    sides: Sequence[int],
    *,
    images: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Channel statistics at several sizes beside R3's (row 3.4), with what its draw could give.

    images: how many, drawn at random; 0 takes all, and only then does R3's range hold.

    Columns: side (pixels), quantity, channel, value, low, high (95 % of R3-like draws), images
    (of a draw), reported (R3's standard deviation stands beside both definitions), inside.
    """
    reported = load_reported().table("R3.normalisation")
    chosen = collection.table.sample(
        min(images or len(collection), len(collection)), random_state=seed
    )
    frames = []
    for side, moments in moments_by_size(collection, list(chosen.index), sides).items():
        table = drawn_again(
            moments, collection.table["label"], share=R3_SHARE, draws=draws, seed=seed
        )
        table.insert(0, "side", side)
        frames.append(table)
    table = pd.concat(frames, ignore_index=True)
    column = table["quantity"].map(lambda name: "mean" if name == "mean" else "standard deviation")
    pairs = zip(table["channel"], column, strict=True)
    table["reported"] = [float(reported.at[channel, name]) for channel, name in pairs]
    table["inside"] = table["reported"].between(table["low"], table["high"])
    return table


def add_findings(chapter: "Chapter") -> None:
    """State what the race, the shuffled generator, the swaps and the statistics show."""
    _columns(chapter)
    _two_folders(chapter)
    _normalisation(chapter)
    _torch(chapter)
    _shuffled(chapter)
    _swapped(chapter)


def _columns(chapter: "Chapter") -> None:
    """Row 0.6: a column in place of a directory reader, pickle in place of an own serializer."""
    race = chapter.series("race").set_index("pipeline")
    wanted = ["keras-generator", "text-column", "pickled-column", "memory-map"]
    if missing := [name for name in wanted if name not in race.index]:
        _not_run(chapter, "0.6", missing)
        return
    text, pickled = race.loc["text-column"], race.loc["pickled-column"]
    wrong = race.loc["keras-generator", "labels_right"]
    larger = text["disk_mb"] > pickled["disk_mb"]
    chapter.finding(
        "0.6",
        "confirmed" if larger and wrong < 1 and pickled["labels_right"] == 1 else "not confirmed",
        measured=f"text {text['disk_mb']:.1f} MB, pickle {pickled['disk_mb']:.1f} MB, memory map "
        f"{race.loc['memory-map', 'disk_mb']:.1f} MB; labels right {plain(wrong)} by folder, "
        f"{plain(pickled['labels_right'])} by column",
        because="a column keeps each label with its image, a folder's label follows the alphabet, "
        "and numbers as text take more room than the same numbers pickled",
    )


def _two_folders(chapter: "Chapter") -> None:
    """Row 1.1: R1's rounded counts."""
    folders = chapter.series("two-folders")
    same = (folders["images"].round(-3) == folders["reported"]).all()
    counts = ", ".join(f"{row.folder} {row.images:,}" for row in folders.itertuples())
    if chapter.phantom:
        verdict, because = "cannot be compared", "the phantom is not the data of the report"
    else:
        verdict = "confirmed" if same else "not confirmed"
        because = "rounded to thousands, the two folders hold " + (
            "what the report says" if same else "other numbers than the report says"
        )
    chapter.finding("1.1", verdict, measured=counts, because=because)


def _normalisation(chapter: "Chapter") -> None:
    """Row 3.4: which definition gives R3's figures, and how closely."""
    table = chapter.series("normalisation")
    table = table[table["side"] == table["side"].max()]
    off = (table["value"] - table["reported"]).abs().groupby(table["quantity"]).max()
    inside = table.groupby("quantity")["inside"].sum()
    nearer = "pooled_std" if off["pooled_std"] < off["image_std"] else "image_std"
    measured = (
        f"means inside the range of draws in {inside['mean']} of 3 channels; standard deviations "
        f"at most {off['pooled_std']:.4f} off pooled, {off['image_std']:.4f} off image by image"
    )
    if chapter.phantom:
        chapter.finding(
            "3.4",
            "cannot be compared",
            measured=measured,
            because="the phantom is not the data of the report",
        )
        return
    words = {"pooled_std": "all pixels pooled", "image_std": "image by image"}
    exact = inside["mean"] == 3 and inside[nearer] == 3
    chapter.finding(
        "3.4",
        "confirmed" if exact else "not confirmed",
        measured=measured,
        because=f"R3's standard deviations are those of {words[nearer]}; "
        f"{inside[nearer]} of 3 fall inside the range of draws"
        + ("" if exact else ", on images stored smaller and so smoother than R3's"),
    )


def _torch(chapter: "Chapter") -> None:
    """Row 3.6: a Dataset over a table, and a DataLoader."""
    race = chapter.series("race").set_index("pipeline")
    row = race.loc["torch-loader"] if "torch-loader" in race.index else None
    if row is None or pd.isna(row["images"]):
        _not_run(chapter, "3.6", ["torch-loader"])
        return
    right = bool(row["same_order"]) and row["labels_right"] == 1
    chapter.finding(
        "3.6",
        "confirmed" if right else "not confirmed",
        measured=f"{row['images_per_second_second']:,.0f} images/s, labels right "
        f"{plain(row['labels_right'])}",
        because="rows of a table come in the table's order with the table's labels"
        if right
        else "rows came in another order or with other labels than the table's",
    )


def _shuffled(chapter: "Chapter") -> None:
    """Lesson M1, with a real generator."""
    from dermbook.evaluation.mismatch import JOINED, KEPT, SHUFFLED

    runs = chapter.series("orders").set_index("way")
    kept, shuffled, joined = (runs.loc[[way]] for way in (KEPT, SHUFFLED, JOINED))
    works = (kept["p_value"] <= 0.05).all() and (joined["p_value"] <= 0.05).all()
    # what chance alone may do with so many seeds: half of them above, few of them significant
    chance = shuffled["kappa"].abs().mean() < kept["kappa"].mean() / 2
    steady = (shuffled["evaluated"] - kept["evaluated"].iloc[0]).abs().max() < 1e-6
    chapter.finding(
        "M1",
        "confirmed" if works and chance and steady else "not confirmed",
        measured=f"κ {kept['kappa'].iloc[0]:.3f} in order; shuffled {shuffled['kappa'].mean():.3f} "
        f"({shuffled['kappa'].min():.3f} to {shuffled['kappa'].max():.3f}, {len(shuffled)} seeds), "
        f"p ≤ .05 in {int((shuffled['p_value'] <= 0.05).sum())}; joined by id at least "
        f"{joined['kappa'].min():.3f}; evaluate() {plain(kept['evaluated'].iloc[0])} throughout",
        because="only the generator's shuffling differs, and it takes the matrix to chance while "
        "evaluate() stays right"
        if works and chance and steady
        else "shuffling did not take this model from better than chance to chance",
    )


def _swapped(chapter: "Chapter") -> None:
    """Lesson M4: can another scaling make R4's test loss, and the right one not?"""
    swap = chapter.series("swap")
    reported = load_reported()
    claims = reported.claims().set_index("id")
    test_loss = float(claims.at["R4.vgg16:vgg16:test-loss", "value"])
    validation_loss = reported.quantities().at["R4.vgg16-validation-loss", "value"]
    # R4's network where it was swapped, whatever another network shows
    subject = "vgg16" if "vgg16" in set(swap["features"]) else swap["features"].iloc[0]
    matched, worst = _extremes(swap[swap["features"] == subject])
    possible = matched.max() < test_loss <= worst["loss"]
    others = [_measured_swap(swap[swap["features"] == name], name)
              for name in dict.fromkeys(swap["features"]) if name != subject]  # fmt: skip
    chapter.finding(
        "M4",
        "confirmed" if possible else "not confirmed",
        measured="; ".join([_measured_swap(swap[swap["features"] == subject], subject), *others]),
        because=f"R4's test loss of {test_loss:.1f} beside a validation loss of "
        f"{validation_loss:.2f} lies "
        + ("within" if possible else "outside")
        + f" what a wrong scaling makes of {subject} here and a right one does not",
    )


def _extremes(swap: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Losses with one scaling for train and test, and the row of the worst other pair."""
    same = swap["train"] == swap["test"]
    swapped = swap[~same]
    return swap[same]["loss"], swapped.loc[swapped["loss"].idxmax()]


def _measured_swap(swap: pd.DataFrame, name: str) -> str:
    matched, worst = _extremes(swap)
    return (
        f"{name}: loss {matched.min():.2f} to {matched.max():.2f} where test images are scaled "
        f"like training images, else up to {worst['loss']:.1f} (trained {worst['train']}, tested "
        f"{worst['test']}: balanced accuracy {plain(worst['balanced_accuracy'])}, cosine "
        f"{worst['cosine']:.2f})"
    )


def _not_run(chapter: "Chapter", row: str, names: Sequence[str]) -> None:
    engines = sorted({PIPELINES[name].engine for name in names if name in PIPELINES})
    chapter.finding(
        row,
        "cannot be compared",
        measured=f"{', '.join(names)} not run",
        because=f"it needs {', '.join(engines)}, which is not installed or was not asked for",
    )
