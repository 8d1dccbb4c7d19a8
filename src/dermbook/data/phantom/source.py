"""What all phantoms share: a source that renders on demand, and checks of their parameters."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from dermbook.data.phantom.artefacts import decompress
from dermbook.errors import DataError, ParameterError


class RenderedSource:
    """Renders pictures on demand; nothing is kept, and any thread may ask.

    A kind of phantom says what it is called in errors (``title``), what its recipes begin with
    (``recipe``: name and version), and how a shot becomes a rendering (``render``), which has
    ``encoded`` (JPEG bytes) and ``mask``.
    """

    title: ClassVar[str]
    recipe: ClassVar[str]
    render: ClassVar[Callable[[Any], Any]]

    def __init__(self, shots: Mapping[str, Any]):
        self._shots = shots

    def shot(self, image_id: str) -> Any:
        """Everything the picture's content depends on."""
        try:
            return self._shots[image_id]
        except KeyError:
            raise DataError(f"{self.title} no image {image_id!r}.") from None

    def rendering(self, image_id: str) -> Any:
        """The picture with all its stages, before JPEG compression too."""
        return type(self).render(self.shot(image_id))

    def encoded(self, image_id: str) -> bytes:
        """The picture's JPEG bytes."""
        return self.rendering(image_id).encoded

    def image(self, image_id: str) -> np.ndarray:
        """The picture as a reader of the JPEG file sees it, uint8 (height, width, 3) RGB."""
        return decompress(self.encoded(image_id))

    def mask(self, image_id: str) -> np.ndarray:
        """Where lesions are in view and cover at least half of a pixel, bool (height, width)."""
        return self.rendering(image_id).mask

    def signature(self, image_id: str) -> str:
        """Equal for byte-identical pictures: a hash of all that determines the file's bytes."""
        return hashlib.sha256(f"{self.recipe} {self.shot(image_id)!r}".encode()).hexdigest()


def check_whole(numbers: Mapping[str, tuple[Any, int, int]]) -> None:
    """ParameterError for the first (value, least, most) that is no whole number in its range."""
    for name, (value, low, high) in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ParameterError(f"{name}={value!r} must be a whole number.")
        if not low <= value <= high:
            raise ParameterError(f"{name}={value} must lie between {low} and {high}.")


def check_shares(shares: Mapping[str, Any], *, ends: bool = True) -> None:
    """ParameterError for the first that is no number from 0 to 1, both included if ``ends``."""
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float | np.number):
            raise ParameterError(f"{name}={share!r} must be a number.")
        if not (0 <= share <= 1 if ends else 0 < share < 1):
            raise ParameterError(f"{name}={share} must lie between 0 and 1.")
