"""How each publisher lays out its files: what they are called and what they hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from dermbook.data import fitzpatrick
from dermbook.data.registry import Source
from dermbook.data.tables import read_labels
from dermbook.data.verification import Problems


@dataclass(frozen=True)
class Layout:
    """Names (without ``.zip`` or ``.csv``) that a collection's files go by.

    images: alternatives, each the archives or folders that together hold all images; the first of
    which anything is there is taken. masks: archives of masks. labels: tables, best first;
    ``groupings`` names the lesions where the table does not. Without a table the collection is
    unlabelled, or an error if ``labels_needed``. read: turns such a table's bytes into rows.
    loose_names: a regular expression for the ids of images that lie about without an archive.
    partial: a reader has some of the images; rows without one are normal, the table alone is worth
    having, and the publisher's whole table is kept.
    """

    images: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    masks: tuple[str, ...] = ()
    groupings: str = ""
    labels_needed: bool = True
    read: Callable[[str, bytes, Problems], pd.DataFrame] = read_labels
    loose_names: str = ""
    partial: bool = False


LAYOUTS = {
    "ham10000": Layout(
        images=(
            ("HAM10000_images_part_1", "HAM10000_images_part_2"),
            ("ISIC2018_Task3_Training_Input",),
        ),
        labels=("HAM10000_metadata", "ISIC2018_Task3_Training_GroundTruth", "GroundTruth"),
        masks=("HAM10000_segmentations_lesion_tschandl",),
        groupings="ISIC2018_Task3_Training_LesionGroupings",
    ),
    "isic2018-test": Layout(
        images=(("ISIC2018_Task3_Test_Input",), ("ISIC2018_Task3_Test_Images",)),
        labels=("ISIC2018_Task3_Test_GroundTruth",),
        labels_needed=False,
    ),
    "fitzpatrick17k": Layout(
        # the second is what the table's authors call the photographs that they hand out
        images=(("fitzpatrick17k_images",), ("finalfitz17k",)),
        labels=("fitzpatrick17k",),
        read=fitzpatrick.parse_table,
        loose_names=fitzpatrick.IMAGE_NAMES,
        partial=True,
    ),
}


def where_to_get(about: Source, names: Sequence[str]) -> str:
    """A sentence: where files (named without ending) are to be had, and where to put them."""
    files = [
        known
        for name in names
        for known in about.files
        if known.name.rsplit(".", 1)[0].lower() == name.lower()
    ]
    if not files:
        return f"See {about.home}."
    got = " and ".join(f"{file.name} from {file.address or about.home}" for file in files)
    return f"Get {got} ({about.licence}) and put {'it' if len(files) == 1 else 'them'} there."


def names_of_others(name: str) -> frozenset[str]:
    """Archive names, in small letters, of all collections but one."""
    others = [layout for other, layout in LAYOUTS.items() if other != name]
    return frozenset(
        name.lower()
        for layout in others
        for part in (*layout.images, layout.masks)
        for name in part
    )
