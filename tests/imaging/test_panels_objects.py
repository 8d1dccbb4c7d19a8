"""Object detection as R0 tried it: decoding a network's output, and R0's rule on what it finds."""

import cv2
import numpy as np
import pytest
from tiny_onnx import yolo_like

from dermbook.errors import DataError, ParameterError
from dermbook.imaging import panels
from dermbook.imaging.panels.objects import letterboxed, suppressed


def test_r0s_rule_needs_two_objects():
    picture = np.zeros((50, 80, 3), np.uint8)
    one, two = np.array([[1, 1, 9, 9]]), np.array([[40, 5, 60, 20], [1, 1, 9, 9]])
    assert panels.cropped_objects(picture, np.empty((0, 4), int)).tolist() == [[0, 0, 80, 50]]
    assert panels.cropped_objects(picture, one).tolist() == [[0, 0, 80, 50]]
    assert panels.cropped_objects(picture, two).tolist() == [[1, 1, 9, 9], [40, 5, 60, 20]]


def blobs(softness):
    y, x = np.mgrid[0:100, 0:160]
    picture = np.full((100, 160), 200.0)
    picture[np.hypot(x - 40, y - 45) < 22] = 60
    picture[np.hypot(x - 115, y - 55) < 25] = 90
    if softness:
        picture = cv2.GaussianBlur(picture, (0, 0), softness)
    picture += np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.repeat(picture.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("softness", [0, 1, 8])
def test_what_stands_out_is_found_with_sharp_and_soft_edges(softness):
    found = panels.standing_out(blobs(softness), 0.05)
    assert len(found) == 2
    middles = (found[:, :2] + found[:, 2:]) / 2
    order = np.argsort(middles[:, 0])
    assert np.abs(middles[order] - [[40, 45], [115, 55]]).max() <= 4
    assert len(panels.standing_out(blobs(softness), 0.5)) == 1


# --- decoding ------------------------------------------------------------------------------------


def v5(rows):
    return np.array([rows], np.float32)


def test_decoding_both_layouts():
    # centre 100, 60; 40 wide, 20 high
    rows = [[100, 60, 40, 20, 0.8, 0.1, 0.9], [10, 10, 4, 4, 0.3, 0.5, 0.4]]
    boxes, scores, classes = panels.decode_yolo(v5(rows), layout="v5", least=0.25)
    assert boxes.tolist() == [[80, 50, 120, 70]]
    assert scores == pytest.approx([0.72])  # objectness times class
    assert classes.tolist() == [1]
    flat = np.array([[r[:4] + r[5:] for r in rows]], np.float32).transpose(0, 2, 1)
    boxes, scores, classes = panels.decode_yolo(flat, layout="v8", least=0.25)
    assert boxes.tolist() == [[80, 50, 120, 70], [8, 8, 12, 12]]
    assert scores == pytest.approx([0.9, 0.5])
    assert classes.tolist() == [1, 0]


def test_layout_is_told_by_the_longer_axis():
    rng = np.random.default_rng(0)
    many = rng.random((1, 300, 85))
    assert np.array_equal(panels.decode_yolo(many)[0], panels.decode_yolo(many, layout="v5")[0])
    wide = rng.random((1, 84, 300))
    assert np.array_equal(panels.decode_yolo(wide)[0], panels.decode_yolo(wide, layout="v8")[0])


def test_outputs_of_another_kind_are_refused():
    with pytest.raises(DataError, match="suppression"):
        panels.decode_yolo(np.zeros((300, 6)))
    with pytest.raises(DataError, match="no class"):
        panels.decode_yolo(np.zeros((1, 30, 5)))
    with pytest.raises(ParameterError, match="v9"):
        panels.decode_yolo(np.zeros((1, 30, 85)), layout="v9")


def test_suppression_keeps_the_stronger_of_a_class():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [50, 50, 60, 60]], float)
    scores, classes = np.array([0.6, 0.9, 0.7, 0.5]), np.array([0, 0, 1, 0])
    assert suppressed(boxes, scores, classes, 0.45).tolist() == [1, 2, 3]
    assert suppressed(boxes, scores, classes, 0.95).tolist() == [1, 2, 0, 3]


def test_letterbox_keeps_proportions():
    picture = np.full((50, 100, 3), 7, np.uint8)
    square, scale, corner = letterboxed(picture, 64)
    assert (scale, corner.tolist()) == (0.64, [0, 16])
    assert (square[16:48] == 7).all()
    assert (square[:16] == 114).all()
    assert (square[48:] == 114).all()


# --- a network in a file -------------------------------------------------------------------------

# on a letterbox of 64: a picture of 100 x 50 lies in rows 16 to 48, at .64 of its size
# each box ten times, as networks give it; suppression leaves one
ROWS = np.tile([[16, 32, 32, 32], [48, 32, 32, 32]], (10, 1))


def test_a_network_is_run_and_its_boxes_come_back_in_the_pictures_pixels(tmp_path):
    path = yolo_like(tmp_path / "yolo.onnx", ROWS, 64)
    red = np.zeros((50, 100, 3), np.uint8)
    red[..., 0] = 255
    detect = panels.object_detector(path, side=64, confidence=0.5)
    assert detect(red).tolist() == [[0, 0, 50, 50], [50, 0, 100, 50]]
    # its score is the mean red, in 0..1: half the letterbox at 255, half at 114
    score = (255 + 114) / 2 / 255
    assert len(panels.object_detector(path, side=64, confidence=score - 0.01)(red)) == 2
    above = panels.object_detector(path, side=64, confidence=score + 0.01)(red)
    assert above.tolist() == [[0, 0, 100, 50]]
    # blue pictures score by the third channel: channels are not swapped, nor summed
    assert len(panels.object_detector(path, side=64, confidence=0.5)(red[..., ::-1])) == 2
    dark = np.zeros((50, 100, 3), np.uint8)
    assert len(panels.object_detector(path, side=64, confidence=0.5)(dark)) == 1


def test_the_network_is_judged_like_the_others(tmp_path):
    path = yolo_like(tmp_path / "yolo.onnx", ROWS * 10, 640)
    detector = panels.panel_detector("network", network=path)
    light = np.full((50, 100, 3), 255, np.uint8)
    assert [len(boxes) for boxes in detector.at(light, [0.5, 0.9])] == [2, 1]


def test_files_that_are_no_network(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="DERMBOOK_WEIGHTS"):
        panels.object_detector(tmp_path / "yolo.onnx")
    (tmp_path / "yolo.onnx").write_bytes(b"not a network at all")
    with pytest.raises(DataError, match="cannot be read"):
        panels.object_detector(tmp_path / "yolo.onnx")
    monkeypatch.delenv("DERMBOOK_WEIGHTS", raising=False)
    assert panels.yolo_file() is None
    monkeypatch.setenv("DERMBOOK_WEIGHTS", str(tmp_path))
    assert panels.yolo_file() == (tmp_path / "yolo.onnx").resolve()
