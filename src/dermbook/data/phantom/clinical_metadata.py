"""Skin types, annotators, sites, reviewers and addresses of the clinical phantom's photographs.

Shares are those of Fitzpatrick17k's table (``fitzpatrick17k.csv``, 16,577 rows), as counted there.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dermbook.data.phantom.clinical_taxonomy import ALL_LABELS, PARTITIONS, Label

# rows with fitzpatrick_scale 1 … 6; the true skin types are drawn in these proportions
SCALE_ROWS = (2947, 4808, 3308, 2781, 1533, 635)
SCALE_MISSING = 565 / 16577
# the second annotator's scale (columns 1 … 6) where the first one's is 1 … 6 (rows)
CENTAUR_ROWS = (
    (2461, 291, 42, 9, 4, 1),
    (2400, 1559, 491, 67, 12, 4),
    (492, 880, 1288, 394, 43, 4),
    (97, 302, 949, 968, 327, 28),
    (18, 52, 122, 470, 667, 161),
    (18, 9, 9, 32, 209, 350),
)
CENTAUR_MISSING = 1073 / 16577
SCALE_RIGHT = 0.78  # the first annotator's share of right types; else one step off (our choice)

SITES = ("archive", "atlas")
# share of the smaller site, "atlas", by partition (real: atlasdermatologico.com.br)
ATLAS = dict(
    zip(
        PARTITIONS,
        (0.222, 0.365, 0.343, 0.147, 0.238, 0.146, 0.008, 0.456, 0.276),
        strict=True,
    )
)
ATLAS_SPREAD = 0.8  # labels' spread about their partition's logit (our choice)
# skin is darker on the smaller site, and differs a little by partition and label: log-odds a type
SITE_TILT = {"archive": -0.12, "atlas": 0.25}
PARTITION_TILT = dict(
    zip(PARTITIONS, (0.0, -0.12, 0.15, -0.10, 0.04, -0.14, -0.12, -0.05, 0.30), strict=True)
)
LABEL_TILT = 0.12

# reviewed rows by mark
QC_ROWS = {
    "1 Diagnostic": 348,
    "2 Characteristic": 32,
    "3 Wrongly labelled": 17,
    "4 Other": 10,
    "5 Potentially": 97,
}
QC_SHARE = sum(QC_ROWS.values()) / 16577
WRONG = "3 Wrongly labelled"
WRONG_SHARE = QC_ROWS[WRONG] / sum(QC_ROWS.values())
NULL_URL_SHARE = 41 / 16577
PHOTOGRAPHS = (0.88, 0.09, 0.03)  # share of lesions with 1, 2, 3 photographs (our choice)


@dataclass(frozen=True)
class Subject:
    """Whose lesion it is and who published it."""

    fitzpatrick_type: int
    site: str
    photographs: int


def draw_subject(rng: np.random.Generator, label: Label) -> Subject:
    """Site given the label, skin type given label and site, photographs given nothing."""
    leaning, tilt = _leanings()[label.number]
    share = ATLAS[label.nine]
    odds = share / (1 - share) * np.exp(ATLAS_SPREAD * leaning)
    site = SITES[int(rng.random() < odds / (1 + odds))]
    slope = SITE_TILT[site] + PARTITION_TILT[label.nine] + LABEL_TILT * tilt
    weights = np.array(SCALE_ROWS) * np.exp(slope * np.arange(6))
    skin = 1 + int(rng.choice(6, p=weights / weights.sum()))
    return Subject(skin, site, 1 + int(rng.choice(3, p=PHOTOGRAPHS)))


@lru_cache(maxsize=1)
def _leanings() -> np.ndarray:
    """Each label's own leaning towards a site and a skin type, (114, 2), zero on average."""
    values = np.random.default_rng(1718).standard_normal((len(ALL_LABELS), 2))
    return values - np.average(values, axis=0, weights=[label.images for label in ALL_LABELS])


def annotate(rng: np.random.Generator, fitzpatrick_type: int) -> tuple[float, float]:
    """What two annotators call a skin type: fitzpatrick_scale and fitzpatrick_centaur, NaN missing.

    The first is right or one step off. The second is drawn from the real table's row of that type,
    where it leans towards light skin.
    """
    blank, centaur_blank, right, side = rng.random(4)
    step = 0 if right < SCALE_RIGHT else 1 if side < 0.5 else -1
    scale = fitzpatrick_type + step
    if not 1 <= scale <= 6:
        scale = fitzpatrick_type - step
    row = np.array(CENTAUR_ROWS[fitzpatrick_type - 1], float)
    centaur = 1.0 + int(rng.choice(6, p=row / row.sum()))
    return (
        np.nan if blank < SCALE_MISSING else float(scale),
        np.nan if centaur_blank < CENTAUR_MISSING else centaur,
    )


def web_address(site: str, label: str, number: int) -> str:
    """Where a photograph pretends to come from; one site's addresses name the label, as in life."""
    if site == "atlas":
        return f"http://atlas.phantom.invalid/img?imageId={number}"
    word = label.replace(" ", "-")
    return f"https://archive.phantom.invalid/clinical-pic/{word[0]}/{word}/{word}-{number}.jpg"


def plain_address(url: str) -> str:
    """An address without punctuation and with ``.jpg``: the published column url_alphanum."""
    return re.sub("[^A-Za-z0-9]", "", url) + ".jpg"


def review(corrupted: np.ndarray, rng: np.random.Generator) -> list[str | None]:
    """Reviewers' marks: about 3 % of rows have one, in the real table's proportions.

    ``corrupted`` (bool, one a row) says which labels are wrong. A reviewed row is marked
    "3 Wrongly labelled" exactly if its label is; if any label is wrong, at least one such row is
    reviewed, and most wrong labels are not, as in life.
    """
    marks: list[str | None] = [None] * len(corrupted)
    wrong, right = np.flatnonzero(corrupted), np.flatnonzero(~corrupted)
    found = rng.permutation(wrong)[: max(round(QC_SHARE * len(wrong)), min(1, len(wrong)))]
    seen = rng.permutation(right)[: max(round(QC_SHARE * len(right)), 0)]
    for row in found.tolist():
        marks[row] = WRONG
    others = {mark: rows for mark, rows in QC_ROWS.items() if mark != WRONG}
    shares = np.cumsum(list(others.values())) / sum(others.values())
    for rank, row in enumerate(seen.tolist()):
        at = (rank + 0.5) / len(seen)
        marks[row] = list(others)[int(np.searchsorted(shares, at))]
    return marks
