"""The phantom collection: synthetic dermoscopic images whose truth is known."""

from dermbook.data.phantom.collection import PhantomSource, latents, phantom
from dermbook.data.phantom.evidence import STRUCTURES, TRAITS, Lesion, oracle
from dermbook.data.phantom.publish import FAULTS, write_phantom
from dermbook.data.phantom.render import VERSION, Rendering, Shot

__all__ = [
    "FAULTS",
    "STRUCTURES",
    "TRAITS",
    "VERSION",
    "Lesion",
    "PhantomSource",
    "Rendering",
    "Shot",
    "latents",
    "oracle",
    "phantom",
    "write_phantom",
]
