"""Composite pictures: finding their panels, and making each panel a row (R0 row 0.7).

A detector takes a picture, uint8 (h, w, 3) RGB, and gives its panels as int64 (k, 4) boxes x0, y0,
x1, y1 in reading order (upper bounds exclusive), at least one.
"""

from dermbook.imaging.panels.boxes import Box, Detect, as_boxes, halves, whole_box
from dermbook.imaging.panels.cutting import Rule, cut_at, cut_panels
from dermbook.imaging.panels.objects import (
    cropped_objects,
    decode_yolo,
    object_detector,
    standing_out,
    yolo_file,
)
from dermbook.imaging.panels.regions import flooded, merged_blocks
from dermbook.imaging.panels.registry import (
    PanelDetector,
    detector_table,
    panel_detector,
    panel_detectors,
)
from dermbook.imaging.panels.rules import FittedRule, agreeing_rows, fit_rule
from dermbook.imaging.panels.splitting import find_panels, split_composites, write_panels

__all__ = [
    "Box",
    "Detect",
    "FittedRule",
    "PanelDetector",
    "Rule",
    "agreeing_rows",
    "as_boxes",
    "cropped_objects",
    "cut_at",
    "cut_panels",
    "decode_yolo",
    "detector_table",
    "find_panels",
    "fit_rule",
    "flooded",
    "halves",
    "merged_blocks",
    "object_detector",
    "panel_detector",
    "panel_detectors",
    "split_composites",
    "standing_out",
    "whole_box",
    "write_panels",
    "yolo_file",
]
