"""Where a backbone's weights come from: a local folder, Keras's download, or a random draw.

The local folder is ``DERMBOOK_WEIGHTS``; its files are named ``NAME_notop.weights.h5``, as
``keras.applications.NAME(weights=PATH, include_top=False)`` loads them.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dermbook.errors import DataError, ParameterError
from dermbook.files import sha256
from dermbook.paths import weights_dir

#: what the parameter ``weights`` may say
CHOICES = ("imagenet", "imagenet-or-random", "random")

# Files that are ImageNet weights of the named architecture without being Keras's own training. A
# score must not be credited to other weights than it was made with.
_KNOWN = {
    "MobileNetV2": "Keras's own",
    "ResNet50": "Keras's own",
    "VGG16": "torchvision's, input scaling folded into the first layer",
    "VGG19": "the activation-normalised VGG19 of neural style transfer",
    "InceptionV3": "the 2015 Inception graph used for the Fréchet inception distance",
}


@dataclass(frozen=True)
class Weights:
    """Weights that were found. ``path``: a local file, or None.

    ``argument`` is what a ``keras.applications`` function takes: a path, "imagenet" or None.
    ``key`` tells them apart in names of files; ``origin`` says in words what they are.
    """

    argument: str | None
    key: str
    origin: str


def find_weights(architecture: str, weights: str, *, seed: int = 0) -> Weights:
    """The weights of an architecture, such as "MobileNetV2".

    weights: "imagenet" takes ``DERMBOOK_WEIGHTS/ARCHITECTURE_notop.weights.h5`` if it is there,
    else lets Keras download its own; "random" draws them from ``seed``; "imagenet-or-random" draws
    them when the others cannot be had, and says so in ``origin``.

    Raises ParameterError for another word; DataError, with the remedy, when ``DERMBOOK_WEIGHTS``
    is no folder, or when nothing can be loaded and a random draw was not allowed.
    """
    if weights not in CHOICES:
        raise ParameterError(f"weights: must be one of {', '.join(CHOICES)}, not {weights!r}.")
    drawn = Weights(None, f"random{seed}", f"random initial weights, seed {seed}")
    if weights == "random":
        return drawn
    folder = weights_dir()
    if folder is not None and not folder.is_dir():
        raise DataError(
            f"DERMBOOK_WEIGHTS is {folder}, which is no folder. Set it to the folder that holds "
            f"{architecture}_notop.weights.h5, or unset it to let Keras download the weights."
        )
    path = folder / f"{architecture}_notop.weights.h5" if folder else None
    if path is not None and path.is_file():
        digest = _digest(path, path.stat().st_mtime_ns)
        known = _local_origin(architecture, path)
        return Weights(str(path), f"file{digest[:8]}", f"ImageNet, {known}, SHA-256 {digest[:12]}")
    reason = _cannot_download(architecture)
    if not reason:
        return Weights("imagenet", "keras", "ImageNet, Keras's own download")
    if weights == "imagenet-or-random":
        return Weights(None, drawn.key, f"{drawn.origin}: no ImageNet weights could be had")
    raise DataError(
        f"The ImageNet weights of {architecture} could not be had: {reason} Put "
        f"{architecture}_notop.weights.h5 into a folder and set DERMBOOK_WEIGHTS to it, or allow "
        "the parameter weights=imagenet-or-random."
    )


def _local_origin(architecture: str, path: Path) -> str:
    """What the folder's own README says the file is, as far as we know it."""
    readme = path.parent / "README.md"
    listed = readme.is_file() and f"{architecture}_notop" in readme.read_text(encoding="utf-8")
    return _KNOWN.get(architecture, "local file") if listed else "local file"


@lru_cache(maxsize=16)
def _digest(path: Path, modified: int) -> str:
    return sha256(path)


@lru_cache(maxsize=16)
def _cannot_download(architecture: str) -> str:
    """Why Keras's own weights cannot be had, or nothing. Downloads them if they are not there."""
    import keras

    try:
        # Keras keeps what it downloaded below ~/.keras, so this fetches once
        getattr(keras.applications, architecture)(weights="imagenet", include_top=False)
    except Exception as error:  # Keras raises a bare Exception for a failed download
        return f"{' '.join(str(error).split())[:200]}."
    return ""
