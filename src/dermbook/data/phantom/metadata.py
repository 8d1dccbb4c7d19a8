"""Who the lesions belong to: class counts, photographs a lesion, age, sex, site and skin.

The tables follow the published composition of HAM10000 (Tschandl, Rosendahl & Kittler 2018):
class-conditional shares of its metadata columns, rounded to full percents.
"""

from dataclasses import dataclass

import numpy as np

from dermbook.data.phantom.evidence import CLASSES
from dermbook.errors import ParameterError

# images a class in HAM10000, in CLASSES order; 10,015 in all
HAM10000_COUNTS = (1113, 6705, 514, 327, 1099, 115, 142)
# share of lesions with 1, 2, 3 or 4 photographs, per class
PHOTOGRAPHS = {
    "mel": (0.38, 0.45, 0.16, 0.01),
    "nv": (0.82, 0.13, 0.05, 0.00),
    "bcc": (0.54, 0.36, 0.10, 0.00),
    "akiec": (0.66, 0.25, 0.08, 0.01),
    "bkl": (0.61, 0.30, 0.08, 0.01),
    "df": (0.53, 0.36, 0.11, 0.00),
    "vasc": (0.65, 0.26, 0.08, 0.01),
}
AGE = {  # mean and standard deviation, years; recorded in steps of five years
    "mel": (61, 15),
    "nv": (46, 15),
    "bcc": (67, 13),
    "akiec": (67, 11),
    "bkl": (64, 14),
    "df": (53, 13),
    "vasc": (51, 21),
}
SEX = {  # shares of female, male; the rest is unknown
    "mel": (0.38, 0.62),
    "nv": (0.48, 0.51),
    "bcc": (0.38, 0.62),
    "akiec": (0.32, 0.68),
    "bkl": (0.42, 0.57),
    "df": (0.45, 0.55),
    "vasc": (0.51, 0.49),
}
DX_TYPE = {  # how the diagnosis was confirmed
    "mel": {"histo": 1.0},
    "nv": {"follow_up": 0.55, "histo": 0.37, "consensus": 0.08},
    "bcc": {"histo": 1.0},
    "akiec": {"histo": 1.0},
    "bkl": {"histo": 0.70, "consensus": 0.24, "confocal": 0.06},
    "df": {"consensus": 0.52, "histo": 0.48},
    "vasc": {"consensus": 0.53, "histo": 0.47},
}
SITES = (
    "back", "lower extremity", "trunk", "upper extremity", "abdomen", "face", "chest", "foot",
    "neck", "scalp", "hand", "ear", "genital", "acral", "unknown",
)  # fmt: skip
LOCALIZATION = {  # percent of lesions, in SITES order
    "mel": (29, 17, 4, 19, 6, 9, 6, 3, 3, 1, 1, 1, 0, 0, 1),
    "nv": (21, 22, 18, 10, 13, 2, 3, 4, 1, 1, 1, 0, 1, 0, 3),
    "bcc": (36, 11, 2, 10, 4, 20, 9, 1, 3, 3, 0, 0, 0, 0, 1),
    "akiec": (9, 20, 1, 19, 1, 35, 4, 0, 3, 4, 4, 0, 0, 0, 0),
    "bkl": (18, 16, 7, 10, 4, 29, 6, 0, 3, 3, 1, 1, 0, 0, 2),
    "df": (2, 71, 0, 21, 3, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0),
    "vasc": (15, 19, 22, 8, 19, 5, 4, 0, 2, 1, 4, 0, 1, 0, 0),
}
FITZPATRICK = (0.12, 0.34, 0.30, 0.14, 0.06, 0.04)  # types I … VI, the same in every class
SUNNY_SITES = ("face", "ear", "scalp", "hand", "neck", "upper extremity")
HAIRLESS_SITES = ("acral", "hand", "ear", "foot")


@dataclass(frozen=True)
class Patient:
    """What is known of the person and the site; ``sun`` and ``hair`` run from 0 to 1."""

    age: float
    sex: str
    localization: str
    dx_type: str
    fitzpatrick_type: int
    sun: float
    hair: float


def draw_patient(rng: np.random.Generator, diagnosis: str) -> Patient:
    """A patient with the class-conditional distributions above.

    Given age, site and sex, sun damage and hair do not depend on the diagnosis.
    """
    mean, deviation = AGE[diagnosis]
    age = float(np.clip(5 * round(rng.normal(mean, deviation) / 5), 0, 85))
    female, male = SEX[diagnosis]
    dice = rng.random()
    sex = "female" if dice < female else "male" if dice < female + male else "unknown"
    shares = np.array(LOCALIZATION[diagnosis], float)
    site = SITES[int(rng.choice(len(SITES), p=shares / shares.sum()))]
    kinds = DX_TYPE[diagnosis]
    dx_type = str(rng.choice(list(kinds), p=list(kinds.values())))
    skin = 1 + int(rng.choice(6, p=FITZPATRICK))
    exposure = 0.45 * (site in SUNNY_SITES) + 0.55 * age / 85
    sun = float(np.clip(exposure * (1.15 - 0.15 * skin) * rng.beta(3, 2), 0, 1))
    odds = 0.05 if site in HAIRLESS_SITES else 0.48 if sex == "male" else 0.22
    hair = float(rng.beta(1.4, 2.4)) if rng.random() < odds else 0.0
    return Patient(age, sex, site, dx_type, skin, sun, hair)


def photographs_a_lesion(rng: np.random.Generator, diagnosis: str) -> int:
    """How many photographs a lesion has, 1..4."""
    return 1 + int(rng.choice(4, p=PHOTOGRAPHS[diagnosis]))


def class_sizes(images: int, balance: str) -> dict[str, int]:
    """Images a class: as in HAM10000, or equally many; the sum is ``images``.

    Rare classes get at least enough for three lesions, and for eight where the collection is
    large enough, so that a lesion-grouped split can give each of three parts one.
    """
    if images < 3 * len(CLASSES):
        raise ParameterError(
            f"images={images} is too few: three lesions of each of {len(CLASSES)} classes need "
            f"at least {3 * len(CLASSES)} images."
        )
    if balance not in ("ham10000", "equal"):
        raise ParameterError(f'balance={balance!r} is unknown; give "ham10000" or "equal".')
    weights = np.array(HAM10000_COUNTS if balance == "ham10000" else (1,) * 7, float)
    floor = np.clip(images // 35, 3, 12)
    sizes = np.maximum(np.floor(images * weights / weights.sum()), floor).astype(int)
    ideal = images * weights / weights.sum()
    while sizes.sum() < images:  # what rounding left over goes where most is missing
        sizes[np.argmax(ideal - sizes)] += 1
    while sizes.sum() > images:  # what the floors took comes from the largest class
        sizes[np.argmax(sizes)] -= 1
    return dict(zip(CLASSES, sizes.tolist(), strict=True))


def minimum_lesions(class_size: int) -> int:
    """Fewest lesions a class of this many images must have."""
    return min(class_size, max(3, min(8, (2 * class_size) // 3)))


# what a mislabelled lesion is taken for: rows true class, columns CLASSES; experts' usual mix-ups
CONFUSED_WITH = {
    "mel": {"nv": 0.6, "bkl": 0.3, "bcc": 0.1},
    "nv": {"mel": 0.6, "bkl": 0.3, "df": 0.1},
    "bcc": {"akiec": 0.4, "bkl": 0.3, "nv": 0.2, "mel": 0.1},
    "akiec": {"bkl": 0.5, "bcc": 0.5},
    "bkl": {"mel": 0.4, "nv": 0.3, "akiec": 0.3},
    "df": {"nv": 0.6, "bcc": 0.2, "mel": 0.2},
    "vasc": {"nv": 0.4, "mel": 0.3, "bcc": 0.3},
}
