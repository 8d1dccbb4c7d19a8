"""The phantom collections: synthetic images whose truth is known.

Dermoscopic (:func:`phantom`) and clinical photographs (:func:`phantom_clinical`), and pictures
composed of several of these (:func:`phantom_composites`).
"""

from dermbook.data.phantom.clinical import (
    ClinicalPhantomSource,
    clinical_latents,
    phantom_clinical,
)
from dermbook.data.phantom.clinical_evidence import clinical_oracle
from dermbook.data.phantom.clinical_publish import write_phantom_clinical
from dermbook.data.phantom.clinical_render import (
    CLINICAL_VERSION,
    ClinicalRendering,
    ClinicalShot,
)
from dermbook.data.phantom.clinical_taxonomy import taxonomy
from dermbook.data.phantom.collection import PhantomSource, latents, phantom
from dermbook.data.phantom.composite_render import CompositeRendering, CompositeShot
from dermbook.data.phantom.composites import CompositePhantomSource, phantom_composites
from dermbook.data.phantom.evidence import STRUCTURES, TRAITS, Lesion, oracle
from dermbook.data.phantom.publish import FAULTS, write_phantom
from dermbook.data.phantom.render import VERSION, Rendering, Shot

__all__ = [
    "CLINICAL_VERSION",
    "FAULTS",
    "STRUCTURES",
    "TRAITS",
    "VERSION",
    "ClinicalPhantomSource",
    "ClinicalRendering",
    "ClinicalShot",
    "CompositePhantomSource",
    "CompositeRendering",
    "CompositeShot",
    "Lesion",
    "PhantomSource",
    "Rendering",
    "Shot",
    "clinical_latents",
    "clinical_oracle",
    "latents",
    "oracle",
    "phantom",
    "phantom_clinical",
    "phantom_composites",
    "taxonomy",
    "write_phantom",
    "write_phantom_clinical",
]
