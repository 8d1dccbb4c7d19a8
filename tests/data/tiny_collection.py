"""A collection of a few generated pictures held in memory, written against no file at all."""

import hashlib
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dermbook.data.collection import Collection


class TinySource:
    """Random 30 x 40 pictures by image id; can log each decoding and stall at one image."""

    def __init__(
        self,
        seed: int = 0,
        log: Path | None = None,
        stall_at: str = "",
        pause: float = 0.0,
        twins: dict | None = None,
        size: tuple[int, int] = (30, 40),
    ):
        self.seed, self.log, self.stall_at, self.pause = seed, log, stall_at, pause
        self.twins = twins or {}
        self.size = size

    def image(self, image_id: str) -> np.ndarray:
        if self.log is not None:
            with self.log.open("a") as stream:
                stream.write(image_id + "\n")
        time.sleep(600 if image_id == self.stall_at else self.pause)
        return self._picture(image_id)

    def mask(self, image_id: str) -> np.ndarray:
        return self._picture(image_id)[..., 0] >= 128

    def encoded(self, image_id: str) -> bytes:
        return cv2.imencode(".jpg", self._picture(image_id))[1].tobytes()

    def signature(self, image_id: str) -> str:
        return hashlib.sha256(self._picture(image_id).tobytes()).hexdigest()

    def _picture(self, image_id: str) -> np.ndarray:
        image_id = self.twins.get(image_id, image_id)
        digits = int.from_bytes(image_id.encode(), "big")
        rng = np.random.default_rng([self.seed, digits])
        return rng.integers(0, 256, (*self.size, 3), dtype=np.uint8)


class Maskless(TinySource):
    def mask(self, image_id: str) -> None:
        return None


def tiny(images: int = 20, *, source: TinySource | None = None, name: str = "tiny") -> Collection:
    """``images`` pictures, ids in no sorted order, two classes, two pictures a lesion."""
    ids = [f"T_{(373 * i) % 1000:04d}" for i in range(images)]
    table = pd.DataFrame(
        {
            "label": [("mel", "nv")[i // 2 % 2] for i in range(images)],
            "group": [f"L{i // 2}" for i in range(images)],
        },
        index=pd.Index(ids, name="image_id"),
    )
    return from_table(table, ("mel", "nv"), source=source, name=name)


def from_table(
    table: pd.DataFrame, classes: tuple[str, ...], *, source: TinySource | None = None, name="tiny"
) -> Collection:
    return Collection(name=name, table=table, classes=classes, source=source or TinySource())
