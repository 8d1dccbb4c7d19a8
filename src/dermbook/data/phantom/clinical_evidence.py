"""What each label of the clinical phantom looks like: probabilities of every visible attribute.

Two levels. A partition has a column of probabilities (:data:`STRUCTURES`) and of means and
standard deviations (:data:`TRAITS`). A label leans from its partition's column towards its own
favourite levels and shifts the means a little; so labels of one partition look alike, and labels of
different partitions less so. A lesion's attributes are drawn independently given its label, and the
picture shows nothing else about the label except through skin type and site (clinical_metadata).
So Bayes' rule on the true attributes, :func:`clinical_oracle`, bounds every observer of the lesion.

The attributes are dermatology's primary and secondary lesions (macule, papule, scale, crust …).
The probabilities are invented for teaching; they are no prevalences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from dermbook.data.phantom.clinical_taxonomy import ALL_LABELS, BY_NAME, PARTITIONS, Label

LEAN = 0.40  # how far a label leans towards its own favourite levels
SHIFT = 0.65  # standard deviation of a label's mean about its partition's, in the traits' own

# attribute -> level -> probability in PARTITIONS order; the rest of each column is DEFAULTS' level
STRUCTURES: dict[str, dict[str, tuple[float, ...]]] = {
    "form": {
        "papule": (0.22, 0.12, 0.25, 0.38, 0.18, 0.05, 0.30, 0.10, 0.12),
        "plaque": (0.34, 0.28, 0.32, 0.08, 0.50, 0.25, 0.08, 0.48, 0.12),
        "nodule": (0.03, 0.40, 0.05, 0.42, 0.10, 0.20, 0.06, 0.08, 0.62),
        "blister": (0.17, 0.03, 0.16, 0.04, 0.02, 0.02, 0.02, 0.02, 0.03),
        "ring": (0.10, 0.10, 0.06, 0.02, 0.03, 0.02, 0.02, 0.12, 0.02),
    },
    "arrangement": {
        "few": (0.12, 0.08, 0.10, 0.26, 0.26, 0.04, 0.20, 0.30, 0.24),
        "scattered": (0.38, 0.02, 0.34, 0.06, 0.16, 0.02, 0.08, 0.12, 0.08),
        "grouped": (0.14, 0.02, 0.14, 0.10, 0.04, 0.02, 0.02, 0.04, 0.18),
        "linear": (0.06, 0.01, 0.16, 0.02, 0.04, 0.01, 0.02, 0.02, 0.03),
        "confluent": (0.20, 0.05, 0.12, 0.03, 0.04, 0.03, 0.01, 0.34, 0.06),
    },
    "surface": {
        "scale": (0.36, 0.12, 0.34, 0.03, 0.14, 0.03, 0.02, 0.42, 0.03),
        "crust": (0.14, 0.26, 0.10, 0.03, 0.05, 0.07, 0.01, 0.05, 0.10),
        "warty": (0.03, 0.08, 0.24, 0.04, 0.56, 0.03, 0.08, 0.02, 0.02),
        "ulcer": (0.04, 0.30, 0.03, 0.03, 0.01, 0.10, 0.01, 0.06, 0.26),
        "shiny": (0.07, 0.14, 0.05, 0.40, 0.04, 0.04, 0.06, 0.05, 0.24),
    },
    "satellites": {"present": (0.14, 0.06, 0.08, 0.05, 0.06, 0.28, 0.03, 0.12, 0.36)},
    "vessels": {"present": (0.10, 0.50, 0.08, 0.12, 0.03, 0.05, 0.03, 0.08, 0.26)},
    "scratches": {"present": (0.24, 0.02, 0.08, 0.03, 0.04, 0.02, 0.02, 0.20, 0.02)},
    "halo": {"present": (0.42, 0.16, 0.10, 0.08, 0.05, 0.08, 0.04, 0.10, 0.16)},
}
DEFAULTS = {"form": "patch", "arrangement": "single", "surface": "smooth"}  # else "none"

# trait -> (means in PARTITIONS order, standard deviations); normal given the label
TRAITS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # logarithm of a single lesion's radius in picture heights
    "log_size": ((-1.75, -1.75, -1.75, -1.95, -1.85, -1.65, -2.15, -1.35, -1.70), (0.28,) * 9),
    # optical densities of pigment that the lesion adds to the skin
    "redness": (
        (0.56, 0.40, 0.32, 0.26, 0.16, 0.18, 0.10, 0.46, 0.50),
        (0.20, 0.19, 0.19, 0.18, 0.14, 0.15, 0.11, 0.17, 0.19),
    ),
    "pigment": (  # negative where the lesion is paler than the skin
        (0.08, 0.10, 0.20, 0.12, 0.46, 0.88, 0.70, 0.16, 0.18),
        (0.22, 0.21, 0.30, 0.26, 0.30, 0.38, 0.32, 0.20, 0.25),
    ),
    "violet": ((0.06, 0.06, 0.06, 0.14, 0.06, 0.24, 0.08, 0.11, 0.36), (0.13,) * 9),
    "keratin": ((0.11, 0.19, 0.26, 0.11, 0.23, 0.06, 0.06, 0.09, 0.07), (0.13,) * 9),
    # 0 none … 1 strong
    "irregularity": ((0.42, 0.50, 0.38, 0.24, 0.40, 0.70, 0.24, 0.54, 0.38), (0.20,) * 9),
    "variegation": ((0.32, 0.38, 0.32, 0.24, 0.34, 0.70, 0.30, 0.36, 0.36), (0.20,) * 9),
    # logarithm of the border's width relative to the lesion's radius
    "log_softness": ((-1.2, -1.8, -1.5, -2.2, -2.4, -2.2, -2.3, -1.1, -1.7), (0.40,) * 9),
}


@dataclass(frozen=True)
class Appearance:
    """A label's own distribution: probabilities of every level, means and deviations of traits."""

    levels: dict[str, dict[str, float]]
    means: dict[str, float]
    deviations: dict[str, float]


@dataclass(frozen=True)
class ClinicalLesion:
    """One lesion's latent truth: its label, structures (level names) and traits (numbers)."""

    label: Label
    structures: dict[str, str]
    traits: dict[str, float]

    def has(self, structure: str) -> bool:
        """Whether a structure of the kind that is there or not is there."""
        return self.structures[structure] == "present"

    def trait(self, name: str, low: float = -np.inf, high: float = np.inf) -> float:
        """A trait's value, limited to what can be drawn."""
        return float(min(max(self.traits[name], low), high))


@lru_cache(maxsize=len(ALL_LABELS))
def appearance(label: Label) -> Appearance:
    """What a label looks like: always the same, whatever the collection's seed."""
    rng = np.random.default_rng([1717, label.number])
    column = PARTITIONS.index(label.nine)
    levels = {}
    for name, table in STRUCTURES.items():
        shares = {level: row[column] for level, row in table.items()}
        shares[DEFAULTS.get(name, "none")] = 1 - sum(shares.values())
        favourite = str(rng.choice(list(shares), p=list(shares.values())))
        levels[name] = {
            level: (1 - LEAN) * share + LEAN * (level == favourite)
            for level, share in shares.items()
        }
    means, deviations = {}, {}
    for name, (centres, spreads) in TRAITS.items():
        means[name] = centres[column] + SHIFT * spreads[column] * float(rng.standard_normal())
        deviations[name] = spreads[column]
    return Appearance(levels, means, deviations)


def draw_clinical_lesion(rng: np.random.Generator, label: Label) -> ClinicalLesion:
    """A lesion of one label with attributes drawn from the label's appearance."""
    looks = appearance(label)
    structures = {}
    for (name, shares), dice in zip(
        looks.levels.items(), rng.random(len(looks.levels)).tolist(), strict=True
    ):
        edges = np.cumsum(list(shares.values()))
        structures[name] = list(shares)[min(int(np.searchsorted(edges, dice)), len(shares) - 1)]
    traits = {
        name: mean + looks.deviations[name] * value
        for (name, mean), value in zip(
            looks.means.items(), rng.standard_normal(len(looks.means)).tolist(), strict=True
        )
    }
    return ClinicalLesion(label, structures, traits)


def clinical_log_likelihood(latents: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Log-probability (density) of each row's attributes under each label, float64 (n, labels).

    ``latents`` has one column a structure and one a trait, as
    :func:`dermbook.data.phantom.clinical_latents` gives.
    """
    total = np.zeros((len(latents), len(labels)))
    for k, name in enumerate(labels):
        looks = appearance(BY_NAME[name])
        for structure, shares in looks.levels.items():
            total[:, k] += np.log(latents[structure].map(shares).to_numpy(float))
        for trait, mean in looks.means.items():
            scaled = (latents[trait].to_numpy(float) - mean) / looks.deviations[trait]
            total[:, k] += -0.5 * scaled**2 - np.log(looks.deviations[trait])
    return total


def clinical_oracle(
    latents: pd.DataFrame, labels: Sequence[str], prior: Sequence[float] | None = None
) -> np.ndarray:
    """Posterior probabilities of ``labels`` from the true attributes, float64 (n, labels).

    ``prior`` holds the labels' frequencies; equal when not given. Sum the columns of a partition
    for its probability; give a prior that is equal over partitions to maximise the expected
    balanced accuracy over these.
    """
    score = clinical_log_likelihood(latents, labels)
    if prior is not None:
        score = score + np.log(np.asarray(prior, float))
    score = np.exp(score - score.max(axis=1, keepdims=True))
    return score / score.sum(axis=1, keepdims=True)
