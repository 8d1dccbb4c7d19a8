"""What each diagnosis looks like: class-conditional probabilities of every visible attribute.

This table is the phantom's ground truth about disease. A lesion's attributes are drawn from it,
independently given the diagnosis, and the picture shows nothing else about the diagnosis; so
:func:`log_likelihood` with the class frequencies is the Bayes-optimal classifier, the *oracle*.

The attributes are those of pattern analysis in dermoscopy (Argenziano et al. 2003, consensus
net meeting; Kittler et al. 2016, standard terms). The probabilities are chosen for teaching: the
textbook's leading sign of a class is common in it, absent in a good part of its lesions, and
found in other classes too. They are not prevalences measured in patients.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

CLASSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")

# attribute -> level -> probability in CLASSES order; the rest of each column is the level "none"
STRUCTURES: dict[str, dict[str, tuple[float, ...]]] = {
    "network": {  # brown lines of a honeycomb; atypical: thick, broken, uneven
        "typical": (0.10, 0.58, 0.04, 0.05, 0.12, 0.50, 0.02),
        "atypical": (0.50, 0.08, 0.03, 0.04, 0.09, 0.05, 0.02),
    },
    "globules": {  # round brown clods; irregular: black dots and clods of many sizes
        "regular": (0.12, 0.36, 0.05, 0.04, 0.10, 0.07, 0.02),
        "irregular": (0.46, 0.08, 0.10, 0.06, 0.08, 0.04, 0.04),
    },
    "streaks": {"present": (0.38, 0.06, 0.03, 0.02, 0.03, 0.02, 0.02)},
    "veil": {"present": (0.48, 0.03, 0.10, 0.02, 0.08, 0.03, 0.08)},  # blue-white veil
    "regression": {"present": (0.30, 0.04, 0.07, 0.07, 0.09, 0.07, 0.02)},
    "cysts": {"present": (0.06, 0.07, 0.05, 0.04, 0.62, 0.05, 0.02)},  # milia-like
    "openings": {"present": (0.03, 0.04, 0.03, 0.05, 0.50, 0.03, 0.02)},  # comedo-like
    "vessels": {  # arborising: branching trees; dotted: fine red dots and coils
        "arborising": (0.05, 0.02, 0.66, 0.07, 0.04, 0.04, 0.06),
        "dotted": (0.09, 0.04, 0.06, 0.36, 0.05, 0.10, 0.04),
    },
    "nests": {"present": (0.07, 0.02, 0.50, 0.03, 0.04, 0.02, 0.04)},  # blue-grey ovoid nests
    "ulceration": {"present": (0.09, 0.02, 0.32, 0.16, 0.04, 0.03, 0.07)},
    "scale": {"present": (0.04, 0.02, 0.12, 0.60, 0.18, 0.08, 0.03)},
    "strawberry": {"present": (0.02, 0.02, 0.06, 0.52, 0.05, 0.04, 0.03)},  # red pseudonetwork
    "scar": {"present": (0.04, 0.02, 0.06, 0.04, 0.04, 0.72, 0.02)},  # central white patch
    "lacunae": {"present": (0.02, 0.02, 0.04, 0.02, 0.02, 0.02, 0.76)},
}

# trait -> (means in CLASSES order, standard deviations in CLASSES order); normal given the class
TRAITS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # natural logarithms of optical densities relative to skin, and of sizes in picture heights
    "log_melanin": (
        (-0.48, -0.85, -2.00, -2.30, -1.20, -1.70, -1.90),
        (0.42, 0.42, 0.50, 0.50, 0.42, 0.45, 0.60),
    ),
    "log_blood": (
        (-2.30, -2.20, -1.80, -1.30, -2.50, -1.90, -0.62),
        (0.42, 0.42, 0.40, 0.40, 0.42, 0.42, 0.45),
    ),
    "log_radius": (
        (-1.04, -1.25, -1.20, -0.96, -1.10, -1.16, -1.34),
        (0.28, 0.28, 0.28, 0.28, 0.28, 0.28, 0.28),
    ),
    "log_softness": (  # width of the border relative to the lesion's radius
        (-2.10, -1.85, -1.60, -1.35, -2.30, -1.35, -2.40),
        (0.50, 0.50, 0.45, 0.45, 0.55, 0.45, 0.50),
    ),
    # 0 none … 1 strong
    "asymmetry": ((0.58, 0.28, 0.42, 0.42, 0.38, 0.26, 0.32), (0.20,) * 7),
    "irregularity": ((0.58, 0.28, 0.44, 0.50, 0.42, 0.28, 0.32), (0.20,) * 7),
    "variegation": ((0.62, 0.32, 0.42, 0.38, 0.38, 0.30, 0.34), (0.20,) * 7),  # number of colours
}


@dataclass(frozen=True)
class Lesion:
    """One lesion's latent truth: its diagnosis, structures (level names) and traits (numbers)."""

    diagnosis: str
    structures: Mapping[str, str]
    traits: Mapping[str, float]

    def has(self, structure: str, level: str | None = None) -> bool:
        """Whether the structure is there (at this level, if one is named)."""
        found = self.structures[structure]
        return found != "none" if level is None else found == level

    def trait(self, name: str, low: float = -np.inf, high: float = np.inf) -> float:
        """A trait's value, limited to what can be drawn."""
        return float(min(max(self.traits[name], low), high))


def draw_lesion(rng: np.random.Generator, diagnosis: str) -> Lesion:
    """A lesion of one diagnosis with attributes from the tables above."""
    column = CLASSES.index(diagnosis)
    structures = {}
    for (name, levels), dice in zip(STRUCTURES.items(), rng.random(len(STRUCTURES)), strict=True):
        structures[name] = "none"
        for level, probabilities in levels.items():
            if dice < probabilities[column]:
                structures[name] = level
                break
            dice -= probabilities[column]
    traits = {
        name: means[column] + deviations[column] * value
        for (name, (means, deviations)), value in zip(
            TRAITS.items(), rng.standard_normal(len(TRAITS)).tolist(), strict=True
        )
    }
    return Lesion(diagnosis, structures, traits)


def log_likelihood(latents: pd.DataFrame) -> np.ndarray:
    """Log-probability (density) of each row's attributes under each class, float64 (n, 7).

    ``latents`` has one column a structure (level names, "none" where absent) and one a trait,
    as :func:`dermbook.data.phantom.latents` gives. Columns follow :data:`CLASSES`.
    """
    total = np.zeros((len(latents), len(CLASSES)))
    for name, levels in STRUCTURES.items():
        table = {level: np.array(row) for level, row in levels.items()}
        table["none"] = 1 - sum(table.values())
        total += np.log(np.stack([table[level] for level in latents[name]]))
    for name, (means, deviations) in TRAITS.items():
        scaled = (latents[name].to_numpy()[:, None] - np.array(means)) / np.array(deviations)
        total += -0.5 * scaled**2 - np.log(deviations)
    return total


def oracle(latents: pd.DataFrame, prior: np.ndarray | None = None) -> np.ndarray:
    """Posterior class probabilities from the true attributes, float64 (n, 7), rows sum to 1.

    ``prior`` holds the class frequencies in :data:`CLASSES` order; equal when not given, which
    maximises the expected balanced accuracy.
    """
    score = log_likelihood(latents)
    if prior is not None:
        score = score + np.log(np.asarray(prior, float))
    score = np.exp(score - score.max(axis=1, keepdims=True))
    return score / score.sum(axis=1, keepdims=True)
