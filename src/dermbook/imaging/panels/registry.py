"""The detectors by name, each with what it does, its one setting, and the settings to try."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook.errors import ParameterError
from dermbook.imaging.panels.boxes import Detect, halves, whole_box
from dermbook.imaging.panels.cutting import cut_at
from dermbook.imaging.panels.objects import object_detector, standing_out
from dermbook.imaging.panels.regions import blocks_at, flooded
from dermbook.imaging.panels.rules import FittedRule, agreeing_rows


@dataclass(frozen=True)
class PanelDetector:
    """One way to find panels.

    at: (picture uint8 (h, w, 3), settings) -> one int64 (k, 4) array of boxes a setting.
    setting: what the setting is, empty where there is none. settings: those to try, ascending.
    row: the report's row that it is about, or empty.
    """

    name: str
    description: str
    at: Callable[[np.ndarray, Sequence[float]], list[np.ndarray]]
    setting: str = ""
    settings: tuple[float, ...] = (0.0,)
    row: str = ""

    def detect(self, setting: float) -> Detect:
        """The detector at one setting: a function of a picture."""
        return lambda image: self.at(image, [setting])[0]


def panel_detectors(
    rule: FittedRule | None = None, network: Path | str | None = None
) -> dict[str, PanelDetector]:
    """All detectors by name; the fitted one and the network only when they are given.

    rule: as ``fit_rule`` gives it. network: a YOLO file, see ``object_detector``.
    """
    found = [
        PanelDetector("whole", "one box, the whole picture", _without_setting(whole_box)),
        PanelDetector("halves", "two boxes, the picture halved", _without_setting(halves)),
        PanelDetector(
            "regions",
            "R0's rule on regions that stand out (MSER, contours), for want of a network",
            _one_by_one(standing_out),
            "least share of the picture",
            (0.02, 0.05, 0.10, 0.15, 0.20, 0.30, 0.40),
            "R0 0.7",
        ),
        PanelDetector(
            "blocks",
            "blocks of like colour and texture, merged",
            blocks_at,
            "scale of merging",
            (50, 100, 200, 400, 800, 1600, 3200),
        ),
        PanelDetector(
            "flood",
            "white or black paper flooded from the edges",
            _one_by_one(flooded),
            "slack, grey levels",
            (10, 20, 30, 40, 50, 60, 80, 100),
        ),
        PanelDetector(
            "cuts",
            "cuts from side to side, rule by hand",
            lambda image, settings: cut_at(image, agreeing_rows, settings),
            "share of rows that jump",
            (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98),
        ),
    ]
    if rule is not None:
        found.append(
            PanelDetector(
                "fitted cuts",
                "cuts from side to side, rule fitted",
                lambda image, settings: cut_at(image, rule, settings),
                "probability of a cut",
                (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
            )
        )
    if network is not None:
        found.append(
            PanelDetector(
                "network",
                "R0's rule on objects of a YOLO network",
                _networks(network),
                "least score of an object",
                (0.05, 0.1, 0.25, 0.5),
                "R0 0.7",
            )
        )
    return {detector.name: detector for detector in found}


def panel_detector(name: str, **options) -> PanelDetector:
    """One detector by name; ParameterError for an unknown one. options: as ``panel_detectors``."""
    known = panel_detectors(**options)
    if name not in known:
        raise ParameterError(f"detector: {name!r} is unknown; known are {', '.join(known)}.")
    return known[name]


def detector_table(detectors: dict[str, PanelDetector]) -> pd.DataFrame:
    """What each detector does: detector, description, setting, row."""
    rows = [(d.name, d.description, d.setting, d.row) for d in detectors.values()]
    return pd.DataFrame(rows, columns=["detector", "description", "setting", "row"])


def _without_setting(detect: Detect) -> Callable:
    return lambda image, settings: [detect(image)] * len(settings)


def _one_by_one(detect: Callable[[np.ndarray, float], np.ndarray]) -> Callable:
    return lambda image, settings: [detect(image, setting) for setting in settings]


def _networks(path: Path | str) -> Callable:
    ready: dict[float, Detect] = {}

    def at(image: np.ndarray, settings: Sequence[float]) -> list[np.ndarray]:
        for setting in settings:
            if setting not in ready:
                ready[setting] = object_detector(path, confidence=setting)
        return [ready[setting](image) for setting in settings]

    return at
