"""The clinical phantom's labels: up to 114 synthetic ones, in nine partitions, in three.

Names of the partitions, how many labels each has and how many images each label has are those of
Fitzpatrick17k (Groh et al. 2021, ``fitzpatrick17k.csv``: 16,577 rows). The labels themselves are
numbers: "inflammatory 07" is no disease, it is the seventh most frequent label of its partition.
"""

from dataclasses import dataclass

import numpy as np

from dermbook.errors import ParameterError

# images of each label in fitzpatrick17k.csv, by nine_partition_label, most frequent label first
LABEL_IMAGES: dict[str, tuple[int, ...]] = {
    "inflammatory": (
        653, 491, 430, 410, 361, 349, 348, 342, 339, 335, 309, 278, 260, 236, 211, 204, 200, 193,
        183, 166, 156, 152, 151, 151, 151, 150, 149, 129, 127, 126, 125, 123, 113, 112, 111, 108,
        106, 102, 97, 92, 92, 91, 90, 88, 83, 81, 80, 78, 77, 73, 73, 73, 72, 71, 69, 69, 67, 67,
        67, 66, 66, 63, 61, 60, 60, 59, 55, 53, 53,
    ),
    "malignant epidermal": (581, 468, 175, 66, 62),
    "genodermatoses": (189, 174, 153, 141, 127, 102, 92, 81, 70, 65),
    "benign dermal": (127, 126, 113, 100, 100, 93, 79, 79, 75, 63, 59, 53),
    "benign epidermal": (183, 170, 112, 95, 91, 78, 73, 69, 60),
    "malignant melanoma": (261, 118, 111, 83),
    "benign melanocyte": (86, 82, 68),
    "malignant cutaneous lymphoma": (182,),
    "malignant dermal": (156,),
}  # fmt: skip
PARTITIONS = tuple(LABEL_IMAGES)
THREE_PARTITIONS = ("non-neoplastic", "malignant", "benign")
_ALL_LABELS = sum(map(len, LABEL_IMAGES.values()))


@dataclass(frozen=True)
class Label:
    """One label: its name, its partitions of nine and three, its images in the real table.

    ``number`` counts through all 114 labels and never changes, however many of them are in use.
    """

    name: str
    number: int
    nine: str
    three: str
    images: int


def _everything() -> tuple[Label, ...]:
    labels: list[Label] = []
    for nine, counts in LABEL_IMAGES.items():
        word = nine.split()[0]
        three = word if word in THREE_PARTITIONS else "non-neoplastic"
        labels += [
            Label(f"{nine} {rank:02d}", len(labels) + rank - 1, nine, three, images)
            for rank, images in enumerate(counts, 1)
        ]
    return tuple(labels)


def taxonomy(classes: int = _ALL_LABELS) -> tuple[Label, ...]:
    """``classes`` of the 114 labels, 9..114: each partition in proportion, at least one of each.

    Of each partition frequent and rare labels are taken alike, so that the long tail stays.
    ParameterError outside that range.
    """
    if isinstance(classes, bool) or not isinstance(classes, int | np.integer):
        raise ParameterError(f"classes={classes!r} must be a whole number.")
    if not len(PARTITIONS) <= classes <= _ALL_LABELS:
        raise ParameterError(
            f"classes={classes} must lie between {len(PARTITIONS)} (one a partition) "
            f"and {_ALL_LABELS}."
        )
    available = np.array([len(counts) for counts in LABEL_IMAGES.values()])
    ideal = classes * available / available.sum()
    taken = np.maximum(np.floor(ideal), 1).astype(int)
    while taken.sum() < classes:
        taken[np.argmax(np.where(taken < available, ideal - taken, -np.inf))] += 1
    while taken.sum() > classes:
        taken[np.argmax(taken)] -= 1
    chosen: list[Label] = []
    for nine, count in zip(PARTITIONS, taken.tolist(), strict=True):
        members = [label for label in ALL_LABELS if label.nine == nine]
        ranks = np.rint(np.linspace(0, len(members) - 1, count)).astype(int)
        chosen += [members[rank] for rank in ranks.tolist()]
    return tuple(chosen)


def label_sizes(images: int, labels: tuple[Label, ...]) -> dict[str, int]:
    """Images a label in the real table's proportions; the sum is ``images``.

    Every label gets at least three images, and up to twelve where the collection is large enough,
    so that a lesion-grouped split can give each of three parts a lesion. ParameterError when
    there are too few images for that.
    """
    if images < 3 * len(labels):
        raise ParameterError(
            f"images={images} is too few: three lesions of each of {len(labels)} classes need at "
            f"least {3 * len(labels)} images."
        )
    weights = np.array([label.images for label in labels], float)
    ideal = images * weights / weights.sum()
    floor = np.clip(images // (5 * len(labels)), 3, 12)
    sizes = np.maximum(np.floor(ideal), floor).astype(int)
    while sizes.sum() < images:  # what rounding left over goes where most is missing
        sizes[np.argmax(ideal - sizes)] += 1
    while sizes.sum() > images:  # what the floors took comes from the largest label
        sizes[np.argmax(sizes)] -= 1
    return {label.name: size for label, size in zip(labels, sizes.tolist(), strict=True)}


ALL_LABELS = _everything()
BY_NAME = {label.name: label for label in ALL_LABELS}
